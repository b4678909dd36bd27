/*
 * A store to a huge page of tmpfs is lost: munmap forgets the dirty bit of a page table's huge entry (zap_huge_pmd). The page
 * stays clean, and reclaim drops it.
 *
 *   gcc -Wall -Wextra -static -o huge-store-is-lost huge-store-is-lost.c && ./huge-store-is-lost
 *
 * As any user, on a tmpfs (huge=always) of his own in a user namespace; root becomes user 1000. If root runs it, it tries a
 * memfd, too, with shmem_enabled set to "advise" meanwhile. MADV_PAGEOUT stands for what the kernel does when memory is short.
 * Prints KTAP; exits with 0 if the store is lost, with 1 if not, with 4 without huge pages or user namespaces.
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
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define PAGE 4096L
#define HUGE (2L << 20)
#define AT (2 * PAGE)
#define SETTING "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

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

/* The word in brackets. */
static void get_setting(char word[16])
{
	char text[128] = "", *start, *end;
	int fd = open(SETTING, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		give_up(SETTING);
	close(fd);
	start = strchr(text, '[');
	end = start ? strchr(start, ']') : NULL;
	if (!end)
		give_up(SETTING);
	snprintf(word, 16, "%.*s", (int)(end - start - 1), start + 1);
}

static int byte_of(int fd)
{
	unsigned char byte = 0xff;

	return pread(fd, &byte, 1, AT) == 1 ? byte : -1;
}

static long blocks_of(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) ? -1 : (long)stat.st_blocks;
}

/* A shared mapping of `fd` at a multiple of 2 MiB. */
static volatile char *map_all(int fd, int protection)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *map;

	if (room == MAP_FAILED)
		give_up("mmap");
	room += -(uintptr_t)room & (HUGE - 1);
	map = mmap(room, HUGE, protection, MAP_SHARED | MAP_FIXED, fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	madvise(map, HUGE, MADV_HUGEPAGE);
	return map;
}

static void lose(int fd)
{
	volatile char *map;

	if (ftruncate(fd, HUGE))
		give_up("ftruncate");
	map = map_all(fd, PROT_READ | PROT_WRITE);
	check(map[AT] == 0 && blocks_of(fd) == HUGE / 512, "a load brings a huge page in, clean");
	map[AT] = 'x';
	check(munmap((void *)map, HUGE) == 0, "a store, and munmap");
	map = map_all(fd, PROT_READ);
	check(map[AT] == 'x' && byte_of(fd) == 'x', "mapped again: a load and pread give what was stored");
	check(madvise((void *)map, HUGE, MADV_PAGEOUT) == 0, "MADV_PAGEOUT");
	check(blocks_of(fd) == 0, "st_blocks is 0");
	check(map[AT] == 0 && byte_of(fd) == 0, "the store is lost, for a load and for pread");
	munmap((void *)map, HUGE);
}

/* Root's part, where memfds have huge pages. */
static void with_a_memfd(void)
{
	char before[16];
	int fd = memfd_create("region", 0);

	get_setting(before);
	put(SETTING, "advise");
	printf("# a memfd, shmem_enabled is advise\n");
	lose(fd);
	put(SETTING, before);
	close(fd);
}

static void with_a_tmpfs(void)
{
	char uid_map[32], gid_map[32];
	int fd;

	if (geteuid() == 0 && (setgroups(0, NULL) || setgid(1000) || setuid(1000) || prctl(PR_SET_DUMPABLE, 1)))
		give_up("user 1000");
	snprintf(uid_map, sizeof(uid_map), "0 %d 1", getuid());
	snprintf(gid_map, sizeof(gid_map), "0 %d 1", getgid());
	printf("# user %d: a file of a tmpfs of his own, huge=always\n", getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("user namespace");
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", uid_map);
	put("/proc/self/gid_map", gid_map);
	if (mount("none", "/tmp", "tmpfs", 0, "huge=always"))
		give_up("mount");
	fd = open("/tmp/file", O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		give_up("/tmp/file");
	lose(fd);
}

int main(void)
{
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() == 0)
		with_a_memfd();
	with_a_tmpfs();
	printf("1..%d\n", number);
	return failed;
}
