/*
 * Who may only read a file keeps root from remounting a tmpfs read-only: a file that is deleted and that somebody has open, for reading.
 *
 *   gcc -Wall -Wextra -static -o reader-stops-remount reader-stops-remount.c && ./reader-stops-remount
 *
 * Run as root, who mounts a tmpfs; user 1000 reads. Prints KTAP; exits with 0 if he does, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed, number;

static void check(int holds, const char *text)
{
	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static int read_only(void)
{
	if (mount(NULL, "/tmp/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL))
		return errno;
	return mount(NULL, "/tmp/mnt", NULL, MS_REMOUNT, NULL) ? errno : 0;
}

int main(void)
{
	struct utsname name;
	int in[2], out[2], fd, reader;
	char byte;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	mkdir("/tmp/mnt", 0755);
	if (mount("none", "/tmp/mnt", "tmpfs", 0, "mode=0755") || pipe(in) || pipe(out))
		give_up("mount");
	fd = open("/tmp/mnt/file", O_RDWR | O_CREAT, 0644);
	close(fd);
	reader = fork();
	if (!reader) {
		if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
			give_up("user 1000");
		fd = open("/tmp/mnt/file", O_RDONLY);
		if (fd < 0 || write(out[1], "", 1) != 1)
			give_up("open");
		close(in[1]);
		_exit(read(in[0], &byte, 1) != 0);
	}
	if (read(out[0], &byte, 1) != 1)
		give_up("reader");
	check(read_only() == 0, "user 1000 has root's file open O_RDONLY: remount read-only is 0");
	unlink("/tmp/mnt/file");
	check(read_only() == EBUSY, "root has deleted it: EBUSY, though nobody has anything open for writing");
	close(in[1]);
	waitpid(reader, NULL, 0);
	check(read_only() == 0, "user 1000 has closed it: 0");
	printf("1..%d\n", number);
	return failed;
}
