/*
 * Since 7.2 a read-only descriptor becomes a writable one without /proc:
 * openat(fd, "", O_RDWR | O_EMPTYPATH) opens the inode anew.  A design that closes
 * /proc/PID/fd to such upgrades does not close this.
 *
 *   gcc -Wall -Wextra -o emptypath-reopens emptypath-reopens.c && ./emptypath-reopens
 *
 * Makes the read-only descriptor through /proc, then uses it no more.  Prints KTAP;
 * exits with 0 if the descriptor is upgraded, with 1 if not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef O_EMPTYPATH
#define O_EMPTYPATH 0x4000000
#endif

/* linux/openat2.h */
#define NO_XDEV 1
#define NO_MAGICLINKS 2
#define NO_SYMLINKS 4

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

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING);
	char path[64];
	struct { uint64_t flags, mode, resolve; } how = { O_RDWR, 0, NO_XDEV | NO_MAGICLINKS | NO_SYMLINKS };
	int ro, rw;

	printf("KTAP version 1\n1..7\n");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY);
	check(ro, fd + 1, "ro = open(\"/proc/self/fd/{fd}\", O_RDONLY)");
	close(fd);
	check(write(ro, "x", 1), -1, "write(ro, \"x\", 1) = -1 EBADF");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ro);
	check(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)), -1, "openat2 of its link, RESOLVE_NO_MAGICLINKS and others, = -1");
	how.flags |= O_EMPTYPATH;
	rw = (int)syscall(SYS_openat2, ro, "", &how, sizeof(how));
	check(write(rw, "x", 1), 1, "openat2(ro, \"\", O_RDWR|O_EMPTYPATH, the same) can be written");
	close(rw);
	rw = openat(ro, "", O_RDWR | O_EMPTYPATH);
	check(rw, fd, "rw = openat(ro, \"\", O_RDWR|O_EMPTYPATH)");
	check(write(rw, "x", 1), 1, "write(rw, \"x\", 1) = 1");
	fcntl(rw, F_ADD_SEALS, F_SEAL_WRITE);
	check(write(rw, "x", 1), -1, "write(rw, \"x\", 1) = -1 EPERM, with F_SEAL_WRITE");
	return failed;
}
