/*
 * Where a tmpfs has no room, an extended attribute cannot be replaced by a shorter one: ENOSPC.
 *
 *   gcc -Wall -Wextra -o tmpfs-xattr-replace tmpfs-xattr-replace.c && sudo ./tmpfs-xattr-replace
 *
 * As root, who mounts in a mount namespace of the program's own.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it
 * cannot tell: before 6.6 attributes took no room.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PLACE "/tmp/tmpfs-xattr-replace"

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

int main(void)
{
	static char value[8000];
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	mkdir(PLACE, 0755);
	if (geteuid() || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", PLACE, "tmpfs", 0, "nr_inodes=6") || (fd = open(PLACE "/file", O_CREAT | O_RDWR, 0600)) < 0) {
		printf("1..0 # SKIP not root\n");
		return 2;
	}
	if (!fsetxattr(fd, "trusted.a", value, sizeof(value), 0)) {
		printf("1..0 # SKIP attributes take no room\n");
		return 2;
	}
	/* Six inodes are 6 KiB; the directory and the file have one each. */
	printf("1..4\n");
	check(!fsetxattr(fd, "trusted.a", value, 3000, 0), "an attribute of 3000 bytes fits");
	check(fsetxattr(fd, "trusted.a", value, 2000, XATTR_REPLACE) == -1 && errno == ENOSPC, "replaced by 2000 bytes: ENOSPC");
	check(fgetxattr(fd, "trusted.a", value, sizeof(value)) == 3000, "the old one is there");
	check(!fremovexattr(fd, "trusted.a") && !fsetxattr(fd, "trusted.a", value, 2000, 0), "removed before: the 2000 bytes fit");
	return failed;
}
