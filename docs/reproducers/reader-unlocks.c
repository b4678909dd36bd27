/*
 * Who may read a memfd undoes the mlock of who made it: MADV_COLLAPSE of the same pages. They are in the locker's page table
 * no more, and are reclaimed and swapped as others are, until the locker touches them.
 *
 *   gcc -Wall -Wextra -static -o reader-unlocks reader-unlocks.c && ./reader-unlocks
 *
 * Run as root, who becomes user 1001 for the reader; and with swap, to see the pages go there. Prints KTAP; exits with 0 if the
 * lock is gone, with 1 if not, with 4 without MADV_COLLAPSE (6.1).
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
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define COLLAPSE 25 /* MADV_COLLAPSE */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

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

/* The first 2 MiB of the file, at a multiple of 2 MiB. */
static char *map_file(int fd, int protection)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	if (room == MAP_FAILED)
		give_up("mmap");
	map = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	if (mmap(map, HUGE, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		give_up("mmap of the memfd");
	return map;
}

/* How many pages of 2 MiB are in the page table. */
static int present(char *map)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY), count = 0;
	static uint64_t entries[HUGE / PAGE];
	unsigned int i;

	if (pagemap < 0 || pread(pagemap, entries, sizeof(entries), (uintptr_t)map / PAGE * 8) != sizeof(entries))
		give_up("/proc/self/pagemap");
	close(pagemap);
	for (i = 0; i < HUGE / PAGE; i++)
		count += entries[i] >> 63;
	return count;
}

/* A number of /proc/meminfo or /proc/self/status, in kB. */
static long kilobytes(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	long value = -1;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

/* How many pages of the file are in memory. */
static int resident(char *map)
{
	static unsigned char pages[HUGE / PAGE];
	unsigned int i, count = 0;

	if (mincore(map, HUGE, pages))
		give_up("mincore");
	for (i = 0; i < HUGE / PAGE; i++)
		count += pages[i] & 1;
	return (int)count;
}

/* User 1001, with a mapping that reads. */
static int collapse(int reader)
{
	char *map = map_file(reader, PROT_READ);
	int result;

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
		give_up("user 1001");
	result = madvise(map, HUGE, COLLAPSE);
	printf("# user 1001: madvise(2 MiB, PROT_READ, O_RDONLY, MADV_COLLAPSE) = %d\n", result);
	return !result ? 0 : errno == EINVAL ? 2 : 4; /* 6.1 says EINVAL and does it */
}

/* Memory becomes short: here, for these pages. */
static int reclaim(int fd)
{
	volatile char *map = map_file(fd, PROT_READ);
	unsigned long at;

	for (at = 0; at < HUGE; at += PAGE)
		(void)map[at];
	return madvise((void *)map, HUGE, MADV_PAGEOUT) != 0;
}

static int status_of(int (*run)(int), int fd)
{
	pid_t child = fork();
	int status;

	if (!child)
		exit(run(fd));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static void see_them_swapped(int fd, char *map)
{
	struct sysinfo info;

	if (sysinfo(&info) || !info.freeswap) {
		printf("# no swap\n");
		return;
	}
	status_of(reclaim, fd);
	usleep(500000);
	printf("# mincore: %d pages are in memory, of 512 that are locked\n", resident(map));
	check(resident(map) < 512, "they are in the swap");
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader, result;
	long locked = kilobytes("/proc/meminfo", "Mlocked:");
	static char text[HUGE];
	struct utsname name;
	char path[64], *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	memset(text, 'x', sizeof(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, text, sizeof(text)) != sizeof(text) || fchmod(fd, 0444) || (reader = open(path, O_RDONLY)) < 0)
		give_up("memfd");
	map = map_file(fd, PROT_READ | PROT_WRITE);
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "root's memfd, 2 MiB, mode 0444, with F_SEAL_FUTURE_WRITE");
	check(mlock(map, HUGE) == 0 && present(map) == 512, "mlock is 0, and 512 pages are in the page table");
	printf("# Mlocked: %ld kB more than before\n", kilobytes("/proc/meminfo", "Mlocked:") - locked);
	result = status_of(collapse, reader);
	if (result == 4 || (result == 2 && present(map) == 512)) {
		errno = EINVAL;
		give_up("MADV_COLLAPSE");
	}
	printf("# Mlocked: %ld kB more than before\n", kilobytes("/proc/meminfo", "Mlocked:") - locked);
	check(kilobytes("/proc/self/status", "VmLck:") == 2048, "user 1001, O_RDONLY, has collapsed the pages; VmLck is 2048 kB");
	check(present(map) == 0, "and none of them is in the page table");
	see_them_swapped(fd, map);
	printf("1..%d\n", 4 + (kilobytes("/proc/meminfo", "SwapTotal:") > 0));
	return failed;
}
