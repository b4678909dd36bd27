/*
 * Process accounting to a file on a tmpfs without a limit (size=0) writes nothing in every other half minute.
 *
 *   gcc -Wall -Wextra -o acct-every-other acct-every-other.c && sudo ./acct-every-other
 *
 * As root, with no accounting on, in the initial PID namespace; mounts on /tmp/acct-every-other, in a mount namespace of the program's
 * own.  100 seconds.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PLACE "/tmp/acct-every-other"
#define SECONDS 96

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long size(const char *name)
{
	struct stat status;

	return stat(name, &status) ? -1 : (long)status.st_size;
}

/* A tmpfs with this size, and in the PID namespace of who calls accounting to a file in it. */
static int accounted(const char *place, const char *option, const char *name)
{
	int fd;

	mkdir(place, 0755);
	if (mount("none", place, "tmpfs", 0, option))
		return -1;
	fd = open(name, O_CREAT | O_WRONLY, 0600);
	if (fd < 0)
		return -1;
	close(fd);
	return (int)syscall(SYS_acct, name);
}

/* How many of the processes from the second `from` on, to the second `to`, are in a file: + or - for each. */
static int count(const char *seen, int from, int to)
{
	int found = 0;

	while (from < to)
		found += seen[from++] == '+';
	return found;
}

/* In a PID namespace below, whose processes are accounted for in both files: one of them ends each second. */
static int watch(void)
{
	static char without[SECONDS + 1], with[SECONDS + 1];
	struct statfs fs;
	time_t start;

	if (accounted(PLACE "/with", "size=1m", PLACE "/with/file"))
		return 2;
	start = time(NULL);
	for (int i = 0; i < SECONDS; i++) {
		long before = size(PLACE "/without/file"), inside = size(PLACE "/with/file");

		if (!fork())
			_exit(0);
		wait(NULL);
		without[i] = size(PLACE "/without/file") > before ? '+' : '-';
		with[i] = size(PLACE "/with/file") > inside ? '+' : '-';
		while (time(NULL) <= start + i)
			usleep(20000);
	}
	statfs(PLACE "/without", &fs);
	printf("# size=1m: %s\n# size=0:  %s f_blocks %ld, f_bavail %ld\n", with, without, (long)fs.f_blocks, (long)fs.f_bavail);
	check(count(with, 0, SECONDS) == SECONDS, "to a tmpfs with size=1m: each process is in the file");
	check(count(without, 0, 27) == 27, "to one with size=0: each process of the first half minute");
	check(count(without, 33, 57) == 0, "none of the second");
	check(count(without, 64, 86) == 22, "each of the third");
	return failed;
}

int main(void)
{
	int status;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	mkdir(PLACE, 0755);
	if (geteuid() || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", PLACE, "tmpfs", 0, NULL) || accounted(PLACE "/without", "size=0", PLACE "/without/file") || unshare(CLONE_NEWPID)) {
		printf("1..0 # SKIP not root, or no accounting: %s\n", strerror(errno));
		return 2;
	}
	printf("1..4\n");
	if (!fork())
		_exit(watch());
	wait(&status);
	syscall(SYS_acct, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
