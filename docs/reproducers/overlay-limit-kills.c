/*
 * On an overlayfs chmod, link, rename and an open that writes nothing end with SIGXFSZ, if the file lies in the lower layer and is
 * longer than RLIMIT_FSIZE.
 *
 *   gcc -Wall -Wextra -o overlay-limit-kills overlay-limit-kills.c && ./overlay-limit-kills
 *
 * As root, who mounts an overlay of two tmpfs (module overlay); user 1000 owns the file.  Prints KTAP; exits with 0 if it is so,
 * with 1 if not, with 2 if there is no overlayfs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int do_chmod(const char *name)
{
	return chmod(name, 0640);
}

static int do_link(const char *name)
{
	char other[100];

	snprintf(other, sizeof(other), "%s-link", name);
	return link(name, other);
}

static int do_rename(const char *name)
{
	char other[100];

	snprintf(other, sizeof(other), "%s-moved", name);
	return rename(name, other);
}

static int do_open(const char *name)
{
	return open(name, O_RDWR) < 0 ? -1 : 0;
}

/* The signal that has ended a child of user 1000 with RLIMIT_FSIZE 4096, or -errno (with SIGXFSZ ignored), or 0. */
static int tried(int (*call)(const char *), const char *name, int ignore)
{
	int status;

	if (!fork()) {
		struct rlimit limit = { 4096, 4096 };

		if (setgid(1000) || setuid(1000) || setrlimit(RLIMIT_FSIZE, &limit))
			_exit(100);
		if (ignore)
			signal(SIGXFSZ, SIG_IGN);
		_exit(call(name) ? errno : 0);
	}
	wait(&status);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void make(const char *name)
{
	static char text[65536];
	int fd = open(name, O_CREAT | O_RDWR, 0644);

	memset(text, 'x', sizeof(text));
	if (write(fd, text, sizeof(text)) != sizeof(text) || fchown(fd, 1000, 1000))
		exit(2);
	close(fd);
}

int main(void)
{
	char top[] = "/tmp/overlay-XXXXXX";
	struct stat status;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (!mkdtemp(top) || chmod(top, 0755) || chdir(top) || mkdir("lower", 0777) || mkdir("rest", 0777) || mkdir("all", 0777) ||
	    mount("none", "lower", "tmpfs", 0, "mode=777") || mount("none", "rest", "tmpfs", 0, "mode=777") ||
	    mkdir("rest/upper", 0777) || mkdir("rest/work", 0777) || chmod("rest/upper", 0777))
		return 2;
	make("lower/a");
	make("lower/b");
	make("lower/c");
	make("lower/d");
	make("lower/e");
	if (mount("none", "all", "overlay", 0, "lowerdir=lower,upperdir=rest/upper,workdir=rest/work")) {
		printf("1..0 # SKIP overlay: %s\n", strerror(errno));
		return 2;
	}
	make("all/upper");
	printf("1..7\n");
	check(tried(do_chmod, "all/upper", 0) == 0, "chmod of a file in the upper layer: 0");
	check(tried(do_chmod, "all/a", 0) == SIGXFSZ, "chmod of one in the lower layer: SIGXFSZ");
	check(tried(do_link, "all/b", 0) == SIGXFSZ, "link: SIGXFSZ");
	check(tried(do_rename, "all/c", 0) == SIGXFSZ, "rename: SIGXFSZ");
	check(tried(do_open, "all/d", 0) == SIGXFSZ, "open O_RDWR, which writes nothing: SIGXFSZ");
	check(tried(do_chmod, "all/e", 1) == -EFBIG, "with SIGXFSZ ignored chmod is EFBIG");
	check(!stat("all/a", &status) && (status.st_mode & 0777) == 0644, "the mode is as it was");
	return failed;
}
