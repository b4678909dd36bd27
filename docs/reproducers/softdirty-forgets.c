/*
 * What was stored to a memfd is not soft-dirty any more once its page was reclaimed, or once somebody who may only read the memfd has
 * collapsed it (MADV_COLLAPSE): who copies what is soft-dirty (an incremental checkpoint) copies the old contents.
 *
 *   gcc -Wall -Wextra -static -o softdirty-forgets softdirty-forgets.c && ./softdirty-forgets
 *
 * Run as root, who becomes user 1001 for the reader. Prints KTAP; exits with 0 if the stores are forgotten, with 1 if not, with 4
 * without soft-dirty bits (CONFIG_MEM_SOFT_DIRTY). Without MADV_COLLAPSE (6.1) it tries the reclaim only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define COLLAPSE 25 /* MADV_COLLAPSE */
#define PAGEOUT 21 /* MADV_PAGEOUT */
#define SOFT_DIRTY (1ULL << 55)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

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

/* The first 2 MiB of the file, at a multiple of 2 MiB. */
static volatile char *map_file(int fd, int protection)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	if (room == MAP_FAILED)
		give_up("mmap");
	map = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	if (mmap(map, HUGE, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		give_up("mmap of the memfd");
	return map;
}

static void clear_soft_dirty(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (fd < 0 || write(fd, "4", 1) != 1)
		give_up("/proc/self/clear_refs");
	close(fd);
}

static int is_soft_dirty(volatile char *at)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (uintptr_t)at / PAGE * 8) != sizeof(entry))
		give_up("/proc/self/pagemap");
	close(fd);
	return (entry & SOFT_DIRTY) != 0;
}

/* User 1001, with a mapping that reads. */
static void collapse(int reader)
{
	volatile char *map = map_file(reader, PROT_READ);
	int result;

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
		give_up("user 1001");
	result = madvise((void *)map, HUGE, COLLAPSE);
	printf("# user 1001: madvise(2 MiB, PROT_READ, O_RDONLY, MADV_COLLAPSE) = %s\n", result ? strerror(errno) : "0");
	exit(result != 0);
}

/* Memory becomes short: here, for this page. */
static int reclaim(volatile char *page)
{
	return madvise((void *)page, PAGE, PAGEOUT);
}

/* Stores to a page, after all soft-dirty bits have been cleared. */
static void store(volatile char *page, char value)
{
	clear_soft_dirty();
	check(!is_soft_dirty(page), "cleared");
	*page = value;
	check(*page == value && is_soft_dirty(page), "stored to: the page is soft-dirty");
}

static void look(volatile char *page, char value, const char *text)
{
	int dirty = is_soft_dirty(page), same = *page == value;

	check(same && !dirty && !is_soft_dirty(page), text);
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	static char text[HUGE];
	struct utsname name;
	volatile char *map;
	char path[64];
	pid_t child;
	int status;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	memset(text, 'x', sizeof(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, text, sizeof(text)) != sizeof(text) || fchmod(fd, 0444) ||
	    (reader = open(path, O_RDONLY)) < 0)
		give_up("memfd");
	map = map_file(fd, PROT_READ | PROT_WRITE);
	if (fcntl(fd, F_ADD_SEALS, SEALS))
		give_up("F_ADD_SEALS");
	map[0] = 'x';
	if (!is_soft_dirty(map)) {
		printf("# no soft-dirty bits\n");
		return 4;
	}

	store(map + 3 * PAGE, 'y');
	child = fork();
	if (!child)
		collapse(reader);
	waitpid(child, &status, 0);
	if (status && is_soft_dirty(map + 3 * PAGE)) /* 6.1 says EINVAL and does it */
		printf("ok %d # SKIP MADV_COLLAPSE\n", ++number);
	else
		look(map + 3 * PAGE, 'y', "a reader has collapsed the memfd: the page has what was stored, and is not soft-dirty");

	store(map + 5 * PAGE, 'z');
	if (reclaim(map + 5 * PAGE))
		give_up("MADV_PAGEOUT");
	look(map + 5 * PAGE, 'z', "reclaimed: the page has what was stored, and is not soft-dirty");
	printf("1..%d\n", number);
	return failed;
}
