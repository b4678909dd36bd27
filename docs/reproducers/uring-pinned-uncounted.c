/*
 * Memory that is pinned as a ring of buffers of io_uring (IORING_REGISTER_PBUF_RING) and then unmapped counts for nothing: neither for
 * RLIMIT_MEMLOCK nor in VmPin, VmLck or VmRSS.
 *
 *   gcc -Wall -Wextra -o uring-pinned-uncounted uring-pinned-uncounted.c && sudo ./uring-pinned-uncounted
 *
 * As root, who becomes user 1000; takes 200 MB until it ends.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it
 * cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define KIB 1024L
#define MANY 400
#define SIZE (512 * KIB) /* 32768 entries, the most that there can be */
#define REGISTER_PBUF_RING 22 /* IORING_REGISTER_PBUF_RING, 5.19 */

struct buffer_ring {
	unsigned long address;
	unsigned int entries;
	unsigned short group, flags;
	unsigned long reserved[3];
};

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long kb(const char *name, const char *key)
{
	FILE *file = fopen(name, "r");
	char line[200];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = atol(line + strlen(key));
	if (file)
		fclose(file);
	return value;
}

static int make_ring(void)
{
	struct io_uring_params params;

	memset(&params, 0, sizeof(params));
	return (int)syscall(SYS_io_uring_setup, 4, &params);
}

static char *memory(long size)
{
	char *map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		exit(2);
	madvise(map, (size_t)size, MADV_NOHUGEPAGE);
	memset(map, 0, (size_t)size);
	return map;
}

int main(void)
{
	struct rlimit limit = { 64 * KIB, 64 * KIB };
	int ring, n, error = 0;
	long available, pinned, locked, resident;
	struct iovec buffer;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgid(1000) || setuid(1000) || (ring = make_ring()) < 0) {
		printf("1..0 # SKIP not root, or no io_uring\n");
		return 2;
	}
	printf("1..5\n");
	buffer.iov_base = memory(128 * KIB);
	buffer.iov_len = 128 * KIB;
	check(mlock(buffer.iov_base, buffer.iov_len) == -1 && errno == ENOMEM, "RLIMIT_MEMLOCK 64 kB: mlock of 128 kB is ENOMEM");
	check(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1) == -1 && errno == ENOMEM,
	      "IORING_REGISTER_BUFFERS of 128 kB is ENOMEM");
	available = kb("/proc/meminfo", "MemAvailable:");
	pinned = kb("/proc/self/status", "VmPin:");
	locked = kb("/proc/self/status", "VmLck:");
	resident = kb("/proc/self/status", "VmRSS:");
	for (n = 0; n < MANY; n++) {
		struct buffer_ring group = { .address = (unsigned long)memory(SIZE), .entries = 32768, .group = (unsigned short)n };

		if (syscall(SYS_io_uring_register, ring, REGISTER_PBUF_RING, &group, 1)) {
			error = errno;
			break;
		}
		munmap((void *)group.address, SIZE);
	}
	available -= kb("/proc/meminfo", "MemAvailable:");
	pinned = kb("/proc/self/status", "VmPin:") - pinned;
	locked = kb("/proc/self/status", "VmLck:") - locked;
	resident = kb("/proc/self/status", "VmRSS:") - resident;
	printf("# IORING_REGISTER_PBUF_RING of 512 kB: %d times 0%s%s; each is unmapped\n", n, error ? ", then " : "",
	       error ? strerror(error) : "");
	printf("# VmPin %+ld kB, VmLck %+ld kB, VmRSS %+ld kB, MemAvailable %+ld kB\n", pinned, locked, resident, -available);
	check(n == MANY, "IORING_REGISTER_PBUF_RING of 400 times 512 kB is 0");
	check(available > 150000, "MemAvailable is some 200 MB less");
	check(n && pinned + locked == 0 && resident < 4096, "the process has nothing more in VmPin, VmLck and VmRSS");
	return failed;
}
