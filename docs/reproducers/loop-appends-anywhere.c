/*
 * A loop device reads a descriptor that can only write, and writes, and punches holes, in the middle of what can only be appended to.
 *
 *   gcc -Wall -Wextra -o loop-appends-anywhere loop-appends-anywhere.c && sudo ./loop-appends-anywhere
 *
 * As root, with the module loop and a free loop device; who may write /dev/loopN (group disk) needs nothing else for the first half.
 * The file with FS_APPEND_FL is in /dev/shm, a tmpfs.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 65536

static int failed;
static char text[SIZE];

static void check(int holds, const char *what)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, what);
}

/* A free loop device over this descriptor, or -1. */
static int loop_over(int fd)
{
	struct loop_config config;
	int control = open("/dev/loop-control", O_RDWR), number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE), loop;
	char path[40];

	close(control);
	if (number < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	loop = open(path, O_RDWR);
	memset(&config, 0, sizeof(config));
	config.fd = fd;
	if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config)) {
		close(loop);
		loop = -1;
	}
	return loop;
}

/* Through the device: B to the third page, a hole in place of the fifth one. */
static int change(int loop)
{
	unsigned long long range[2] = { 4 * 4096, 4096 };

	memset(text, 'B', 4096);
	return pwrite(loop, text, 4096, 2 * 4096) != 4096 || fsync(loop) || ioctl(loop, BLKDISCARD, range);
}

static char byte_at(int fd, off_t offset)
{
	char byte = '?';

	return pread(fd, &byte, 1, offset) == 1 ? byte : '?';
}

int main(void)
{
	int memfd = memfd_create("region", 0), fd, loop, flags, reader;
	char path[40], byte;
	struct stat status;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	memset(text, 'A', SIZE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	if (memfd < 0 || write(memfd, text, SIZE) != SIZE)
		return 2;
	fd = open(path, O_WRONLY | O_APPEND);
	loop = loop_over(fd);
	if (loop < 0) {
		printf("1..0 # SKIP no loop device\n");
		return 2;
	}
	printf("1..7\n");
	check(read(fd, &byte, 1) < 0 && errno == EBADF, "a memfd by a descriptor with O_WRONLY and O_APPEND: read is EBADF");
	check(byte_at(loop, 0) == 'A', "the loop device over it is read");
	check(!change(loop), "the loop device writes, and discards");
	fstat(memfd, &status);
	printf("# the memfd: %lld bytes, at 8192 %c, at 16384 %d\n", (long long)status.st_size, byte_at(memfd, 8192), byte_at(memfd, 16384));
	check(status.st_size == SIZE && byte_at(memfd, 8192) == 'B' && byte_at(memfd, 16384) == 0,
	      "what was there is written over, and a hole is in it; nothing was appended");
	ioctl(loop, LOOP_CLR_FD);
	close(loop);

	memset(text, 'A', SIZE);
	fd = open("/dev/shm/append-only", O_RDWR | O_CREAT | O_APPEND, 0600);
	reader = open("/dev/shm/append-only", O_RDONLY);
	flags = FS_APPEND_FL;
	if (fd < 0 || write(fd, text, SIZE) != SIZE || ioctl(fd, FS_IOC_SETFLAGS, &flags) || (loop = loop_over(fd)) < 0) {
		for (flags = 0; flags < 3; flags++)
			check(1, "# SKIP no FS_APPEND_FL on tmpfs");
		unlink("/dev/shm/append-only");
		return failed;
	}
	check(open("/dev/shm/append-only", O_RDWR) < 0 && errno == EPERM && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) &&
	      errno == EPERM, "a file with FS_APPEND_FL: open without O_APPEND and a hole are EPERM, for root too");
	check(!change(loop), "the loop device over it writes, and discards");
	printf("# the file: at 8192 %c, at 16384 %d\n", byte_at(reader, 8192), byte_at(reader, 16384));
	check(byte_at(reader, 8192) == 'B' && byte_at(reader, 16384) == 0, "what was there is written over, and a hole is in it");
	ioctl(loop, LOOP_CLR_FD);
	close(loop);
	flags = 0;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
	unlink("/dev/shm/append-only");
	return failed;
}
