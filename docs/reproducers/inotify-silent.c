/*
 * inotify says nothing of what is done by the descriptor that memfd_create gave. What is done by another one, which was opened of
 * the same memfd, is reported.
 *
 *   gcc -Wall -Wextra -static -o inotify-silent inotify-silent.c && ./inotify-silent
 *
 * Runs as any user (as root it becomes user 1000). Prints KTAP; exits with 0 if inotify is silent, with 1 if not (6.12), with 4
 * if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

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

/* What inotify reports of a write and a read, as one mask. */
static unsigned int events_of(int fd, int watch)
{
	char buffer[4096] __attribute__((aligned(8))), byte;
	const struct inotify_event *event;
	unsigned int mask = 0;
	ssize_t size, at;

	if (pwrite(fd, "x", 1, 0) != 1 || pread(fd, &byte, 1, 0) != 1)
		give_up("pwrite and pread");
	size = read(watch, buffer, sizeof(buffer)); /* EAGAIN if there is none */
	for (at = 0; at < size; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const struct inotify_event *)(buffer + at);
		mask |= event->mask;
	}
	printf("# IN_MODIFY %s, IN_ACCESS %s\n", mask & IN_MODIFY ? "yes" : "no", mask & IN_ACCESS ? "yes" : "no");
	return mask;
}

int main(void)
{
	int fd = memfd_create("region", 0), watch = inotify_init1(IN_NONBLOCK), other;
	struct utsname name;
	char path[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..2\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR);
	if (other < 0 || inotify_add_watch(watch, path, IN_MODIFY | IN_ACCESS) < 0)
		give_up("inotify_add_watch of a memfd");
	check(events_of(other, watch) == (IN_MODIFY | IN_ACCESS), "a descriptor opened of the memfd writes and reads: both are reported");
	check(events_of(fd, watch) == 0, "memfd_create's own descriptor writes and reads: nothing is reported");
	return failed;
}
