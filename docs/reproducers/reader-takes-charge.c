/*
 * Who may read a memfd takes it into his own cgroup: MADV_COLLAPSE of its pages. They are charged to the reader's cgroup
 * afterwards, and no more to that of who wrote them.
 *
 *   gcc -Wall -Wextra -static -o reader-takes-charge reader-takes-charge.c && ./reader-takes-charge
 *
 * Run as root, who makes two cgroups, and becomes user 1001 for the reader; with swap, to see memory.max of the reader's cgroup
 * throw the pages out. Prints KTAP; exits with 0 if the charge has moved, with 1 if not, with 4 without MADV_COLLAPSE (6.1) or cgroups.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define SIZE (8UL << 20)
#define HUGE (2UL << 20)
#define COLLAPSE 25 /* MADV_COLLAPSE */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)
#define CGROUPS "/tmp/charge-cgroups"
#define OWNER CGROUPS "/charge-owner"
#define READER CGROUPS "/charge-reader"

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

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		give_up(path);
	close(fd);
}

/* What is charged to a cgroup, in kB. */
static long charged(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		give_up(path);
	close(fd);
	return atol(text) / 1024;
}

/* 8 MiB of the file, at a multiple of 2 MiB. */
static char *map_file(int fd, int protection)
{
	char *room = mmap(NULL, SIZE + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	map = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	if (room == MAP_FAILED || mmap(map, SIZE, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		give_up("mmap of the memfd");
	return map;
}

/* User 1001, with a mapping that reads. */
static void collapse(int reader)
{
	char *map = map_file(reader, PROT_READ);
	unsigned long at;

	put(READER "/cgroup.procs", "0");
	if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
		give_up("user 1001");
	for (at = 0; at < SIZE; at += HUGE)
		if (madvise(map + at, HUGE, COLLAPSE))
			printf("# MADV_COLLAPSE: %s\n", strerror(errno)); /* 6.1 says EINVAL and does it */
	exit(0);
}

/* How many pages of the file are in memory. */
static int resident(char *map)
{
	static unsigned char pages[SIZE / PAGE];
	unsigned int i, count = 0;

	if (mincore(map, SIZE, pages))
		give_up("mincore");
	for (i = 0; i < SIZE / PAGE; i++)
		count += pages[i] & 1;
	return (int)count;
}

static void see_them_thrown_out(char *map)
{
	struct sysinfo info;

	if (sysinfo(&info) || !info.freeswap) {
		printf("# no swap\n");
		return;
	}
	put(READER "/memory.max", "1048576");
	printf("# the reader's cgroup gets memory.max 1 MiB: %d pages of 2048 are in memory\n", resident(map));
	check(resident(map) < 1024, "and his memory.max throws them out, in spite of the owner's memory.min");
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	char path[64], *map, *text = malloc(SIZE);
	long owners, readers;
	struct utsname name;
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	memset(text, 'x', SIZE);
	mkdir(CGROUPS, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", CGROUPS, "cgroup2", 0, NULL))
		give_up("cgroup2");
	put(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(OWNER, 0755);
	mkdir(READER, 0755);
	put(OWNER "/memory.min", "33554432");
	put(OWNER "/cgroup.procs", "0");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, text, SIZE) != (ssize_t)SIZE || fchmod(fd, 0444) || (reader = open(path, O_RDONLY)) < 0)
		give_up("memfd");
	map = map_file(fd, PROT_READ | PROT_WRITE);
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "root's memfd, 8 MiB, mode 0444, in a cgroup with memory.min 32 MiB");
	owners = charged(OWNER "/memory.current");
	readers = charged(READER "/memory.current");
	child = fork();
	if (!child)
		collapse(reader);
	waitpid(child, NULL, 0);
	owners -= charged(OWNER "/memory.current");
	readers = charged(READER "/memory.current") - readers;
	if (owners < 6 << 10 && readers < 6 << 10) {
		errno = EINVAL;
		give_up("MADV_COLLAPSE");
	}
	printf("# the owner's cgroup has %ld kB less, the reader's %ld kB more\n", owners, readers);
	check(owners > 6 << 10 && readers > 6 << 10, "user 1001, O_RDONLY, has collapsed the pages: they are charged to his cgroup");
	see_them_thrown_out(map);
	put(CGROUPS "/cgroup.procs", "0");
	rmdir(OWNER);
	rmdir(READER);
	printf("1..%d\n", number);
	return failed;
}
