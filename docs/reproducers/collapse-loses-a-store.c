/*
 * A store to a huge page of tmpfs is lost, though the program never unmaps it: MADV_COLLAPSE, or khugepaged by itself, makes
 * one huge entry of the page table's small ones, and forgets that one of them was dirty. The page stays clean, and reclaim
 * drops it.
 *
 *   gcc -Wall -Wextra -static -o collapse-loses-a-store collapse-loses-a-store.c && ./collapse-loses-a-store
 *
 * As any user, on a tmpfs (huge=always) of his own in a user namespace; root becomes user 1000. If root runs it, it tries a
 * memfd, too, with shmem_enabled set to "advise" meanwhile. MADV_PAGEOUT stands for what the kernel does when memory is short.
 * Prints KTAP; exits with 0 if the store is lost, with 1 if not, with 4 without MADV_COLLAPSE (before 6.1), huge pages or user
 * namespaces.
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
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
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
static volatile char *map_all(int fd)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *map;

	if (room == MAP_FAILED || ftruncate(fd, HUGE))
		give_up("mmap");
	room += -(uintptr_t)room & (HUGE - 1);
	map = mmap(room, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	madvise(map, HUGE, MADV_HUGEPAGE);
	return map;
}

/* Whether the page table has the page at AT */
static int is_present(volatile char *map)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (uintptr_t)(map + AT) / PAGE * sizeof(entry)) != sizeof(entry))
		give_up("/proc/self/pagemap");
	close(fd);
	return entry >> 63;
}

/* The mapping is two for a while, so that the page table has small entries. */
static void store_by_a_small_entry(volatile char *map, int fd)
{
	char *last = (char *)map + HUGE - PAGE;

	check(map[AT] == 0 && blocks_of(fd) == HUGE / 512, "a load brings a huge page in, clean");
	check(mprotect(last, PAGE, PROT_READ) == 0, "mprotect(PROT_READ) of the last 4096 bytes");
	(void)map[AT];
	map[AT] = 'x';
	check(mprotect(last, PAGE, PROT_READ | PROT_WRITE) == 0, "a store elsewhere, and mprotect(PROT_READ|PROT_WRITE) of the last");
}

static void page_out(volatile char *map, int fd)
{
	check(map[AT] == 'x' && byte_of(fd) == 'x', "a load and pread give what was stored");
	check(madvise((void *)map, HUGE, MADV_PAGEOUT) == 0, "MADV_PAGEOUT");
	check(blocks_of(fd) == 0, "st_blocks is 0");
	check(map[AT] == 0 && byte_of(fd) == 0, "the store is lost, for a load and for pread");
}

static void lose_by_madvise(int fd)
{
	volatile char *map = map_all(fd);

	store_by_a_small_entry(map, fd);
	check(madvise((void *)map, HUGE, MADV_COLLAPSE) == 0, "MADV_COLLAPSE");
	page_out(map, fd);
	munmap((void *)map, HUGE);
}

/* It comes every ten seconds, if nobody has set scan_sleep_millisecs. */
static void lose_by_khugepaged(int fd)
{
	volatile char *map = map_all(fd);

	store_by_a_small_entry(map, fd);
	for (int seconds = 0; is_present(map) && seconds < 40; seconds++)
		sleep(1);
	if (is_present(map)) {
		printf("# khugepaged has not come in 40 seconds\n");
		return;
	}
	check(1, "khugepaged has taken the small entries away");
	page_out(map, fd);
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
	lose_by_madvise(fd);
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
	fd = open("/tmp/first", O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		give_up("/tmp/first");
	lose_by_madvise(fd);
	printf("# a file of it, without MADV_COLLAPSE\n");
	fd = open("/tmp/second", O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		give_up("/tmp/second");
	lose_by_khugepaged(fd);
}

int main(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (madvise(page, 0, MADV_COLLAPSE))
		give_up("MADV_COLLAPSE");
	if (geteuid() == 0)
		with_a_memfd();
	with_a_tmpfs();
	printf("1..%d\n", number);
	return failed;
}
