/*
 * A hole of one byte in the first page of a memfd takes all of its pages out of the page tables of all who map it: what they have
 * locked is not locked any more, and what they have just stored is not soft-dirty.
 *
 *   gcc -Wall -Wextra -static -o hole-unmaps-all hole-unmaps-all.c && ./hole-unmaps-all
 *
 * Run as root, for RLIMIT_MEMLOCK; user 1000 makes the hole, user 1001 maps the memfd. Prints KTAP; exits with 0 if all pages go,
 * with 1 if not, with 4 if it cannot be tried.
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L
#define PAGES 512
#define SIZE (PAGES * PAGE)

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

static void become(int user)
{
	if (setgroups(0, NULL) || setgid(user) || setuid(user) || prctl(PR_SET_DUMPABLE, 1))
		give_up("user");
}

static uint64_t entry_of(const char *at)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)at / PAGE * sizeof(entry)) != sizeof(entry))
		give_up("/proc/self/pagemap");
	close(fd);
	return entry;
}

static int is_soft_dirty(const char *at)
{
	return entry_of(at) >> 55 & 1;
}

/* How many pages of the mapping the page table has. */
static int present(const char *map)
{
	int count = 0;

	for (int i = 0; i < PAGES; i++)
		count += entry_of(map + i * PAGE) >> 63;
	return count;
}

static long kilobytes(const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	long value = -1;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, format, &value);
	if (file)
		fclose(file);
	return value;
}

/* Somebody else, who has it locked, and says how many pages he has when he is asked. */
static void other_user(int fd, int in, int out)
{
	char *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	int count;
	char byte;

	become(1001);
	if (map == MAP_FAILED || mlock(map, SIZE))
		give_up("mlock");
	do {
		count = present(map);
		if (write(out, &count, sizeof(count)) < 0)
			break;
	} while (read(in, &byte, 1) == 1);
	_exit(0);
}

static int ask(int in, int out)
{
	int count = -1;

	if (in >= 0 && write(in, "", 1) != 1)
		give_up("pipe");
	return read(out, &count, sizeof(count)) == sizeof(count) ? count : -1;
}

static int hole(int fd, off_t at, off_t size)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, size);
}

int main(void)
{
	int fd = memfd_create("region", 0), in[2], out[2], clear, soft;
	struct rlimit limit = { 64 << 20, 64 << 20 };
	struct utsname name;
	long locked, then;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..6\n", name.release);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || ftruncate(fd, SIZE) || pipe(in) || pipe(out) || map == MAP_FAILED)
		give_up("memfd");
	memset(map, 'x', SIZE);
	if (!fork()) {
		close(in[1]);
		other_user(fd, in[0], out[1]);
	}
	become(1000);
	if (mlock(map, SIZE) || ask(-1, out[0]) != PAGES)
		give_up("mlock");
	clear = open("/proc/self/clear_refs", O_WRONLY);
	soft = write(clear, "4", 1) == 1 && !is_soft_dirty(map + 100 * PAGE);
	map[100 * PAGE] = 'y';
	check(hole(fd, 2 * PAGE, 100) == 0 && present(map) == PAGES && ask(in[1], out[0]) == PAGES,
	      "two users have all 512 pages of a memfd locked; after a hole of 100 bytes in page 2 their page tables have 512");
	soft = soft && is_soft_dirty(map + 100 * PAGE);
	locked = kilobytes("/proc/meminfo", "Mlocked: %ld");
	check(hole(fd, 0, 1) == 0 && present(map) == 0, "user 1000 makes a hole of 1 byte in page 0: his page table has none");
	check(ask(in[1], out[0]) == 0, "nor has that of user 1001");
	then = kilobytes("/proc/meminfo", "Mlocked: %ld");
	printf("# Mlocked of /proc/meminfo was %ld kB, is %ld kB\n", locked, then);
	check(kilobytes("/proc/self/status", "VmLck: %ld") == SIZE / 1024 && locked - then > SIZE / 2048,
	      "VmLck is 2048 kB; Mlocked of /proc/meminfo is that much less, or nearly");
	if (soft)
		check(!is_soft_dirty(map + 100 * PAGE), "page 100, which was stored to, was soft-dirty, and is not");
	else
		printf("ok %d # SKIP no soft-dirty\n", ++number);
	check(map[0] == 0 && map[1] == 'x' && map[100 * PAGE] == 'y', "a load gives what was stored, and 0 for the byte of the hole");
	return failed;
}
