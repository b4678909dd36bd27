/*
 * /dev/udmabuf makes a dma-buf of the pages of a memfd, also of a read-only descriptor
 * of it.  The dma-buf can be mapped for writing: also after F_SEAL_FUTURE_WRITE, if it
 * was made before.
 *
 *   gcc -Wall -Wextra -o udmabuf-writes udmabuf-writes.c && ./udmabuf-writes
 *
 * Prints KTAP; exits with 0 if the stores reach the file, with 1 if not, with 4 where
 * there is no /dev/udmabuf.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

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

static int byte_of(int fd)
{
	char byte = 0;

	return pread(fd, &byte, 1, 0) == 1 ? byte : -1;
}

int main(void)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = PAGE };
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd = memfd_create("region", MFD_ALLOW_SEALING);
	char path[64];
	char *map;
	int buffer;

	printf("KTAP version 1\n");
	if (device < 0) {
		printf("1..0 # SKIP /dev/udmabuf: %s\n", strerror(errno));
		return 4;
	}
	printf("1..8\n");
	ftruncate(fd, PAGE);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0, "fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) = 0");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	create.memfd = open(path, O_RDONLY);
	buffer = ioctl(device, UDMABUF_CREATE, &create);
	check(buffer >= 0, 1, "a dma-buf of a read-only descriptor");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	check(map != MAP_FAILED, 1, "mmap(dma-buf, PROT_WRITE, MAP_SHARED) succeeds");
	if (map == MAP_FAILED)
		return 1;
	map[0] = 'x';
	check(byte_of(fd), 'x', "the store is in the file");
	munmap(map, PAGE);

	check(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1, "fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) = -1 EBUSY");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0,
	      "fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) = 0");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	check(map != MAP_FAILED, 1, "mmap(dma-buf, PROT_WRITE, MAP_SHARED) succeeds after the seal");
	if (map == MAP_FAILED)
		return 1;
	map[0] = 'y';
	check(byte_of(fd), 'y', "the store is in the file");
	return failed;
}
