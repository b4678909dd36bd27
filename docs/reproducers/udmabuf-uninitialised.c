/*
 * A dmabuf of a memfd that was filled by fallocate shows memory of the kernel that nobody has cleared,
 * and what is stored there is lost.
 *
 *   gcc -Wall -Wextra -o udmabuf-uninitialised udmabuf-uninitialised.c && ./udmabuf-uninitialised
 *
 * As root, or who may open /dev/udmabuf.  Prints KTAP; exits with 0 if stores are lost, with 1 if not.
 * Bytes of others are seen only where pages are not cleared when they are allocated (init_on_alloc=0).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (16L << 20)

static int failed;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

/* A process that ends leaves its memory to the next who wants some. */
static void leave_a_secret(void)
{
	if (fork() == 0) {
		const size_t size = 128UL << 20;

		memset(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 0xa5,
		       size);
		_exit(0);
	}
	wait(NULL);
}

int main(void)
{
	int device = open("/dev/udmabuf", O_RDWR), fd = memfd_create("region", MFD_ALLOW_SEALING);
	struct udmabuf_create request = { .memfd = (unsigned int)fd, .size = SIZE };
	long i, seen = 0, secret = 0;
	unsigned char *map, byte = 0xff;
	int dmabuf;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (device < 0) {
		printf("1..0 # SKIP /dev/udmabuf: %s\n", strerror(errno));
		return 4;
	}
	printf("1..5\n");
	leave_a_secret();
	check(fallocate(fd, 0, 0, SIZE), 0, "fallocate(fd, 0, 0, 16 MiB) = 0");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0, "fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) = 0");
	dmabuf = ioctl(device, UDMABUF_CREATE, &request);
	check(dmabuf >= 0, 1, "UDMABUF_CREATE gives a descriptor");
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	if (map == MAP_FAILED)
		return 1;
	for (i = 0; i < SIZE; i++) {
		seen += map[i] != 0;
		secret += map[i] == 0xa5;
	}
	printf("# %ld of %ld bytes are not 0, %ld are of the process that ended\n", seen, SIZE, secret);
	map[0] = 'x';
	check(pread(fd, &byte, 1, 0), 1, "a byte is stored through the dmabuf, and read by pread(fd)");
	check(byte, 0, "which gives 0: the store is lost");
	return failed;
}
