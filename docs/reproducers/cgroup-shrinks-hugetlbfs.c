/*
 * A process that reaches the limit of its hugetlb cgroup makes a hugetlbfs smaller for everybody, though huge pages are free, and
 * takes the minimum of the mount away.
 *
 *   gcc -Wall -Wextra -o cgroup-shrinks-hugetlbfs cgroup-shrinks-hugetlbfs.c && ./cgroup-shrinks-hugetlbfs
 *
 * As root, who mounts and makes a cgroup (v2, in /sys/fs/cgroup); user 1000 fails.  Twelve free huge pages of 2 MiB.  Prints KTAP; exits
 * with 0 if it is so, with 1 if not, with 2 if it cannot be run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE (2L << 20)
#define GROUP "/sys/fs/cgroup/shrinks"

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY), result = fd < 0 || write(fd, text, strlen(text)) < 0;

	close(fd);
	return result;
}

static long reserved(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[200];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "HugePages_Rsvd: %ld", &value);
	if (file)
		fclose(file);
	return value;
}

static long free_blocks(const char *name)
{
	struct statfs status;

	return statfs(name, &status) ? -1 : (long)status.f_bfree;
}

/* User 1000 in the cgroup, which may have one huge page less: fallocate, four times. Nothing is left of it. */
static int fail(const char *top, int pages)
{
	int status;

	if (!fork()) {
		int i, fd, enospc = 0;

		if (put(GROUP "/cgroup.procs", "0") || setgid(1000) || setuid(1000) || chdir(top))
			_exit(100);
		for (i = 0; i < 4; i++) {
			fd = open("file", O_CREAT | O_RDWR, 0600);
			enospc += fallocate(fd, 0, 0, pages * HUGE) && errno == ENOSPC;
			unlink("file");
			close(fd);
		}
		_exit(enospc);
	}
	wait(&status);
	return WEXITSTATUS(status);
}

int main(void)
{
	char top[] = "/tmp/shrinks-XXXXXX";
	long before;
	int fd, enospc;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	mkdir(GROUP, 0755);
	if (put("/sys/fs/cgroup/cgroup.subtree_control", "+hugetlb") || put(GROUP "/hugetlb.2MB.max", "2M") || !mkdtemp(top) ||
	    mount("none", top, "hugetlbfs", 0, "size=8M,mode=777")) {
		printf("1..0 # SKIP hugetlb cgroup: %s\n", strerror(errno));
		return 2;
	}
	printf("1..6\n");
	check(free_blocks(top) == 4, "hugetlbfs of size=8M: 4 blocks are free");
	check(fail(top, 2) == 4, "user 1000, hugetlb.2MB.max 2M: fallocate of two huge pages is ENOSPC, four times");
	printf("# f_bfree %ld\n", free_blocks(top));
	check(free_blocks(top) == 1, "one block is free, and no file is there");
	chdir(top);
	fd = open("root", O_CREAT | O_RDWR, 0600);
	check(fallocate(fd, 0, 0, 2 * HUGE) && errno == ENOSPC, "root, in no such cgroup, with 12 huge pages free: fallocate of two is ENOSPC");
	chdir("/");
	close(fd);
	umount2(top, MNT_DETACH);
	before = reserved();
	if (mount("none", top, "hugetlbfs", 0, "size=12M,min_size=4M,mode=777"))
		return 2;
	check(reserved() == before + 2, "hugetlbfs of size=12M,min_size=4M: two huge pages are reserved");
	put(GROUP "/hugetlb.2MB.max", "4M");
	enospc = fail(top, 3);
	printf("# HugePages_Rsvd %ld, before the mount %ld, f_bfree %ld of 6\n", reserved(), before, free_blocks(top));
	check(enospc == 4 && reserved() == before, "hugetlb.2MB.max 4M, fallocate of three by user 1000, ENOSPC four times: none is reserved");
	umount2(top, MNT_DETACH);
	return failed;
}
