/*
 * Each tmpfs that a user mounts in a user namespace of his own is memory of the kernel, most of which nothing counts: in a cgroup of
 * 32 MB he takes more than twice as much by nothing but mounts.
 *
 *   gcc -Wall -Wextra -static -o tmpfs-mounts-uncounted tmpfs-mounts-uncounted.c && ./tmpfs-mounts-uncounted
 *
 * Run as root, who makes a cgroup of 32 MB, and becomes user 1000 in it. Prints KTAP; exits with 0 if the memory is taken and not
 * counted, with 1 if not, with 4 without cgroups or user namespaces. Right after a program that has freed much, less seems to be taken
 * (6.17.13 and 6.19.14: 1), probably since MemAvailable is without what lies free in the lists of a processor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOUNTS 20000
#define MOUNT "/tmp/mounts-tmpfs"
#define CGROUPS "/tmp/mounts-cgroups"
#define CGROUP CGROUPS "/mounts-uncounted"

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

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		give_up(path);
	close(fd);
}

/* The number behind `name` in a file, in its own unit. */
static long number_in(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	long value = -1;
	char line[128];

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

/* User 1000, in a cgroup that may have 32 MB. */
static void take(void)
{
	int mounts = 0;

	put(CGROUP "/cgroup.procs", "0");
	if (setgroups(0, NULL) || setgid(1000) || setuid(1000) || unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("user namespace");
	while (mounts < MOUNTS && !mount("none", MOUNT, "tmpfs", 0, "size=4k,nr_inodes=2"))
		mounts++;
	printf("# %d mounts%s%s\n", mounts, mounts < MOUNTS ? ", then " : "", mounts < MOUNTS ? strerror(errno) : "");
	raise(SIGSTOP);
	exit(0);
}

int main(void)
{
	long before, taken, counted;
	struct utsname name;
	pid_t child;
	int status;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	mkdir(CGROUPS, 0755);
	mkdir(MOUNT, 0777);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", CGROUPS, "cgroup2", 0, NULL))
		give_up("cgroup2");
	put(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	put(CGROUP "/memory.max", "33554432");
	before = number_in("/proc/meminfo", "MemAvailable:");
	child = fork();
	if (!child)
		take();
	waitpid(child, &status, WUNTRACED);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	sleep(1);
	taken = before - number_in("/proc/meminfo", "MemAvailable:");
	counted = number_in(CGROUP "/memory.current", "") / 1024;
	printf("# MemAvailable is %ld kB less; memory.current %ld kB\n", taken, counted);
	check(WIFSTOPPED(status), "user 1000, in a cgroup of 32 MB and a user namespace, mounts tmpfs after tmpfs");
	check(taken > 64 << 10, "more than 64 MB of memory are taken");
	check(counted >= 0 && counted <= 32 << 10, "memory.current is not more than 32 MB");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	sleep(2);
	printf("# it has ended: MemAvailable is %ld kB less\n", before - number_in("/proc/meminfo", "MemAvailable:"));
	rmdir(CGROUP);
	printf("1..3\n");
	return failed;
}
