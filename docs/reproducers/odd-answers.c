/*
 * PR_SET_MM_MAP and whiteouts ask for no capability; FIONREAD of a long memfd is what is left of it after 2^32, or negative; MAP_SHARED_VALIDATE is not MAP_SHARED for
 * anonymous memory; FUTEX_WAKE makes a private copy of a page.
 *
 *   gcc -Wall -Wextra -o odd-answers odd-answers.c && ./odd-answers
 *
 * As any user (root becomes user 1000).  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* All of what the kernel has of this process, from /proc/self/stat, with another end of the command line. */
static int set_map(int *told)
{
	struct prctl_mm_map map;
	unsigned long value[53];
	char text[2000] = "", *at;
	int fd = open("/proc/self/stat", O_RDONLY), i;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 1)
		return -1;
	close(fd);
	at = strtok(strrchr(text, ')') + 2, " ");
	for (i = 3; at && i < 53; i++, at = strtok(NULL, " "))
		value[i] = strtoul(at, NULL, 10);
	memset(&map, 0, sizeof(map));
	map.start_code = value[26];
	map.end_code = value[27];
	map.start_stack = value[28];
	map.start_data = value[45];
	map.end_data = value[46];
	map.start_brk = value[47];
	map.brk = (unsigned long)sbrk(0);
	map.arg_start = value[48];
	map.arg_end = value[48] + 3;
	map.env_start = value[50];
	map.env_end = value[51];
	map.exe_fd = (unsigned int)-1;
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0))
		return -1;
	fd = open("/proc/self/cmdline", O_RDONLY);
	*told = (int)read(fd, text, sizeof(text));
	close(fd);
	return 0;
}

int main(void)
{
	int memfd = memfd_create("memfd", 0), left = 0, told = 0;
	char directory[] = "/tmp/odd-answers-XXXXXX", *map;
	struct stat status;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!getuid() && (setgid(1000) || setuid(1000)))
		return 2;
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (memfd < 0 || !mkdtemp(directory) || chdir(directory) || close(open("file", O_CREAT | O_RDWR, 0600)))
		return 2;
	printf("KTAP version 1\n1..8\n");
	check(prctl(PR_SET_MM, PR_SET_MM_BRK, sbrk(0), 0, 0) == -1 && errno == EPERM, "PR_SET_MM_BRK of a user is EPERM");
	check(set_map(&told) == 0 && told == 3, "PR_SET_MM_MAP is 0, and done");

	check(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "other", RENAME_WHITEOUT) == 0 && lstat("file", &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == 0,
	      "renameat2 with RENAME_WHITEOUT leaves a device 0:0");
	check(mknod("null", S_IFCHR | 0666, makedev(0, 0)) == 0 && mknod("one", S_IFCHR | 0666, makedev(0, 1)) == -1 && errno == EPERM, "mknod of a device 0:0 is 0, of 0:1 EPERM");
	unlink("file");
	unlink("other");
	unlink("null");
	if (chdir("/") || rmdir(directory))
		return 2;

	check(!ftruncate(memfd, 5L << 30) && !ioctl(memfd, FIONREAD, &left) && left == 1 << 30, "FIONREAD of a memfd of 5 GiB is 1 GiB");
	check(lseek(memfd, 6L << 30, SEEK_SET) == 6L << 30 && !ioctl(memfd, FIONREAD, &left) && left == -(1 << 30), "1 GiB beyond the end it is -1 GiB");

	check(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL && mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED,
	      "mmap with MAP_SHARED_VALIDATE|MAP_ANONYMOUS is EINVAL");

	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, memfd, 0);
	told = map != MAP_FAILED && pwrite(memfd, "A", 1, 0) == 1 && *(volatile char *)map == 'A' && pwrite(memfd, "B", 1, 0) == 1 && *(volatile char *)map == 'B';
	syscall(SYS_futex, map, FUTEX_WAKE, 1, NULL, NULL, 0);
	check(told && pwrite(memfd, "C", 1, 0) == 1 && *(volatile char *)map == 'B', "after FUTEX_WAKE a private mapping no longer shows what is written to the memfd");
	return failed;
}
