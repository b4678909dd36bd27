/*
 * fsetxattr and fgetxattr take AT_FDCWD, which is no descriptor, for the working directory.
 *
 *   gcc -Wall -Wextra -static -o xattr-of-cwd xattr-of-cwd.c && ./xattr-of-cwd
 *
 * Runs as root, who mounts a tmpfs and sets trusted.* attributes. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 where it
 * cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WHERE "/tmp/xattr-of-cwd"

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static int is_bad(int result)
{
	return result == -1 && errno == EBADF;
}

int main(void)
{
	struct utsname name;
	char byte;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	mkdir("/tmp", 01777);
	mkdir(WHERE, 0700);
	if (mount("none", WHERE, "tmpfs", 0, "size=64k") || chdir(WHERE) || setxattr(".", "trusted.here", "x", 1, 0))
		give_up("tmpfs");
	check(is_bad(fsetxattr(-1, "trusted.a", "y", 1, 0)) && is_bad(fchmod(AT_FDCWD, 0755)), "fsetxattr(-1), fchmod(AT_FDCWD): EBADF");
	check(fgetxattr(AT_FDCWD, "trusted.here", &byte, 1) == 1 && byte == 'x', "fgetxattr(AT_FDCWD) gives that of the working directory");
	check(!fsetxattr(AT_FDCWD, "trusted.a", "y", 1, 0), "fsetxattr(AT_FDCWD) is 0");
	check(getxattr(WHERE, "trusted.a", &byte, 1) == 1 && byte == 'y', "the working directory has the attribute");
	if (!chdir("/"))
		umount(WHERE);
	return failed;
}
