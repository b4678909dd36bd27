/*
 * MADV_COLLAPSE maps huge pages that fallocate made and nobody has cleared yet. A load gives what was there before: memory of
 * a process that has ended. A store is not in the file, and is lost when the file uses the page.
 *
 *   gcc -Wall -Wextra -static -o collapse-shows-memory collapse-shows-memory.c && ./collapse-shows-memory
 *
 * Run as root, who becomes user 1000, on a tmpfs (huge=always) of his own in a user namespace. The memory that shows is of user
 * 1001, a child that the program has started before; nothing else is looked for. It shows with init_on_alloc=0 on the command
 * line of the kernel; with init_on_alloc=1, Debian's default, it is zeroes, and only the stores are lost. Takes 500 MB.
 * Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 without MADV_COLLAPSE (6.1), huge pages or user namespaces.
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
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define PAGE 4096L
#define HUGE (2L << 20)
#define COUNT 16 /* huge pages */
#define FILL (400L << 20)
#define MARK "user 1001 was here"

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

static int become(int user)
{
	return setgroups(0, NULL) || setgid(user) || setuid(user);
}

/* User 1001: a mark in each page of FILL bytes, and the end. */
static void fill_memory(void)
{
	pid_t child = fork();
	char *map;

	if (!child) {
		map = mmap(NULL, FILL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (become(1001) || map == MAP_FAILED)
			_exit(1);
		for (long at = 0; at < FILL; at += PAGE)
			strcpy(map + at, MARK);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void mount_tmpfs(void)
{
	if (become(1000) || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("user namespace");
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", "0 1000 1");
	put("/proc/self/gid_map", "0 1000 1");
	if (mount("none", "/tmp", "tmpfs", 0, "huge=always"))
		give_up("mount");
}

/* A file of `count` huge pages that fallocate has made, mapped at a multiple of 2 MiB, with a page in use below it. */
static char *map_file(const char *name, int count, int *fd)
{
	char *room = mmap(NULL, (count + 2) * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	*fd = open(name, O_CREAT | O_RDWR, 0600);
	if (room == MAP_FAILED || fallocate(*fd, 0, 0, count * HUGE))
		give_up("fallocate");
	map = (char *)(((uintptr_t)room + HUGE) & -HUGE);
	map[-1] = map[count * HUGE] = 1; /* 6.1 and 6.12.43 want the upper levels of the page table to be there */
	map = mmap(map, count * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, *fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	return map;
}

static int byte_of(int fd, long at)
{
	char byte = -1;

	return pread(fd, &byte, 1, at) == 1 ? byte : -1;
}

static int has_init_on_alloc_0(void)
{
	char line[4096] = "";
	int fd = open("/proc/cmdline", O_RDONLY);

	return read(fd, line, sizeof(line) - 1) > 0 && strstr(line, "init_on_alloc=0");
}

int main(void)
{
	int fd, other, collapsed = 0, shown = 0, unseen = 0;
	struct utsname name;
	char *map, *first;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	fill_memory();
	mount_tmpfs();
	first = map_file("/tmp/first", 1, &other);
	check(first[0] == 0 && (first[0] = 'x') && byte_of(other, 0) == 'x',
	      "a huge page that fallocate made, without MADV_COLLAPSE: a load gives 0, and a store is in the file");
	map = map_file("/tmp/second", COUNT, &fd);
	for (long at = 0; at < COUNT * HUGE; at += HUGE)
		collapsed += madvise(map + at, HUGE, MADV_COLLAPSE) == 0;
	if (!collapsed)
		give_up("MADV_COLLAPSE");
	for (long at = 0; at < COUNT * HUGE; at += PAGE)
		shown += !strcmp(map + at, MARK);
	printf("# MADV_COLLAPSE of %d of 16 huge pages; %d of 8192 pages have what user 1001 has stored\n", collapsed, shown);
	if (shown || has_init_on_alloc_0())
		check(shown, "others that fallocate made, after MADV_COLLAPSE: loads give what a process of user 1001 had stored");
	else
		printf("ok %d # SKIP loads give 0 (init_on_alloc)\n", ++number);
	for (long at = 0; at < COUNT * HUGE; at += HUGE) {
		map[at] = 'x';
		unseen += byte_of(fd, at) == 0;
	}
	check(unseen == collapsed, "a store to each of them is not in the file: pread gives 0");
	check(map[0] == 'x' && pwrite(fd, "y", 1, HUGE - 1) == 1, "a load gives what was stored; a byte is written at the other end");
	check(map[0] == 0, "a load of what was stored gives 0");
	return failed;
}
