/*
 * The flags of a file in a case-insensitive directory of a tmpfs cannot be changed (ENOTDIR), and noatime, which it has
 * inherited, is shown and not obeyed.  And the top of the mount becomes case-insensitive, which tmpfs.rst says it cannot.
 *
 *   gcc -Wall -Wextra -o casefold-no-chattr casefold-no-chattr.c && ./casefold-no-chattr
 *
 * As root, who mounts (or in a user namespace), Linux 6.13 or later with CONFIG_UNICODE.  Prints KTAP; exits with 0 if it is
 * so, with 1 if not, with 2 if there is no casefold here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef FS_CASEFOLD_FL
#define FS_CASEFOLD_FL 0x40000000
#endif

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int flags_of(const char *name)
{
	int fd = open(name, O_RDONLY), flags = -1;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		flags = -1;
	close(fd);
	return flags;
}

/* 0, or errno. */
static int set_flags(const char *name, int flags)
{
	int fd = open(name, O_RDONLY), error = ioctl(fd, FS_IOC_SETFLAGS, &flags) ? errno : 0;

	close(fd);
	return error;
}

/* Whether a read moves st_atime. */
static int atime_moves(const char *name)
{
	struct stat before, after;
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	char byte;

	if (write(fd, "x", 1) != 1)
		return -1;
	fstat(fd, &before);
	usleep(50000);
	if (pread(fd, &byte, 1, 0) != 1)
		return -1;
	fstat(fd, &after);
	close(fd);
	return before.st_atim.tv_nsec != after.st_atim.tv_nsec || before.st_atim.tv_sec != after.st_atim.tv_sec;
}

int main(void)
{
	char top[] = "/tmp/casefold-XXXXXX";
	int flags;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (!mkdtemp(top) || mount("none", top, "tmpfs", 0, "size=1m,casefold") || chdir(top)) {
		printf("1..0 # SKIP casefold: %s\n", strerror(errno));
		return 2;
	}
	printf("1..9\n");
	mkdir("plain", 0755);
	mkdir("folded", 0755);
	check(!set_flags("plain", FS_NOATIME_FL) && !set_flags("folded", FS_NOATIME_FL | FS_CASEFOLD_FL),
	      "two directories: plain +A, folded +A +F");
	check(atime_moves("plain/File") == 0, "a file in plain has inherited +A: a read does not move st_atime");
	check(atime_moves("folded/File") == 1 && flags_of("folded/File") & FS_NOATIME_FL,
	      "in folded it is shown as well, and a read moves st_atime");
	flags = flags_of("folded/File");
	check(flags & FS_CASEFOLD_FL, "the file has +F, which is for directories");
	check(!set_flags("plain/File", flags_of("plain/File") | FS_IMMUTABLE_FL), "chattr +i of the file in plain");
	check(set_flags("folded/File", flags | FS_IMMUTABLE_FL) == ENOTDIR, "chattr +i of the file in folded: ENOTDIR");
	check(set_flags("folded/File", flags) == ENOTDIR, "to set the flags that it has: ENOTDIR");
	check(!rename("folded/File", "moved") && set_flags("moved", flags) == ENOTDIR, "after it was moved elsewhere, too");
	unlink("moved");
	set_flags("plain/File", 0);
	unlink("plain/File");
	rmdir("plain");
	rmdir("folded");
	check(!set_flags(".", FS_CASEFOLD_FL) && open("Top", O_CREAT | O_RDWR, 0600) >= 0 && !access("tOP", F_OK),
	      "the top of the mount, empty: chattr +F is 0, and names there are case-insensitive");
	return failed;
}
