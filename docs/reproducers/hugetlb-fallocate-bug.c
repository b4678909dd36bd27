/*
 * THIS CRASHES THE KERNEL.  A user without any privilege makes a memfd of huge pages and
 * asks fallocate for one byte near the largest offset: the end of the range wraps around
 * when it is rounded up to huge pages (fs/hugetlbfs/inode.c hugetlbfs_fallocate), so that
 * pages are put into the file at indices beyond the largest, until none is free (ENOSPC).
 * close(2) does not find them again: kernel BUG at fs/inode.c, clear_inode.
 *
 *   gcc -Wall -Wextra -static -o init hugetlb-fallocate-bug.c
 *
 * Meant as the only program of a virtual machine (its /init, with "hugepages=8 panic=-1" on
 * the command line); as another process it does nothing without the argument "crash".
 * Prints KTAP; a kernel that is right says "not ok" in line 2, and exits with 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

static void crash(void)
{
	const long last = 0x7ffffffffffffff0;
	int fd;

	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		_exit(4);
	fd = memfd_create("x", MFD_HUGETLB);
	if (fd < 0) {
		printf("1..0 # SKIP memfd_create with MFD_HUGETLB: %s\n", strerror(errno));
		_exit(4);
	}
	printf("1..2\n");
	if (fallocate(fd, 0, last, 1) == 0 || errno != ENOSPC) {
		printf("not ok 1 fallocate(fd, 0, 0x7ffffffffffffff0, 1) = -1 ENOSPC\n");
		_exit(1);
	}
	printf("ok 1 fallocate(fd, 0, 0x7ffffffffffffff0, 1) = -1 ENOSPC\n");
	printf("# close(fd)\n");
	close(fd);
	printf("not ok 2 close(fd): kernel BUG at fs/inode.c, clear_inode\n");
	_exit(1);
}

int main(int argc, char **argv)
{
	const int is_init = getpid() == 1;
	int status = 4 << 8;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (!is_init && (argc < 2 || strcmp(argv[1], "crash") != 0)) {
		printf("1..0 # SKIP it crashes the kernel: give the argument \"crash\"\n");
		return 4;
	}
	if (fork() == 0)
		crash();
	wait(&status);
	if (is_init)
		reboot(RB_POWER_OFF);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}
