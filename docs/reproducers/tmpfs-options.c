/*
 * tmpfs takes a size that does not fit into 64 bits for no limit at all, and says nothing of casefold in /proc/mounts.
 *
 *   gcc -Wall -Wextra -o tmpfs-options tmpfs-options.c && sudo ./tmpfs-options
 *
 * As root, who mounts in a mount namespace of the program's own.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it
 * cannot tell.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define PLACE "/tmp/tmpfs-options"

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* f_blocks of a tmpfs with this option, which stays mounted: 0 is "no limit". -1 if it is refused. */
static long blocks(const char *option)
{
	struct statfs fs;

	umount(PLACE);
	if (mount("none", PLACE, "tmpfs", 0, option) || statfs(PLACE, &fs))
		return -1;
	printf("# %s: f_blocks %ld\n", option, (long)fs.f_blocks);
	return (long)fs.f_blocks;
}

static const char *options(void)
{
	static char line[500];
	FILE *file = fopen("/proc/mounts", "r");
	int found = 0;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " " PLACE " ") != NULL;
	if (file)
		fclose(file);
	return found ? line : "";
}

int main(void)
{
	long large;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	mkdir(PLACE, 0755);
	if (geteuid() || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		printf("1..0 # SKIP not root\n");
		return 2;
	}
	printf("1..5\n");
	check(blocks("size=8E") == 1L << 51, "size=8E: so many blocks");
	check(blocks("size=16E") == 0, "size=16E: no limit");
	check(blocks("size=18446744073709551615") == 0, "the largest number of bytes there is: no limit");
	/* 7.2 makes what does not fit the largest number of bytes there is; before, the upper bits were lost. */
	large = blocks("size=4503599627370497M");
	check(large == 256 || large == 0, "2^52 + 1 MiB: 1 MiB, or no limit");
	if (blocks("casefold") == -1)
		check(1, "# SKIP no casefold");
	else
		check(*options() && !strstr(options(), "casefold"), "casefold: /proc/mounts does not have it");
	umount(PLACE);
	return failed;
}
