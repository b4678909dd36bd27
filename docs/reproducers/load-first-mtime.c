/*
 * A store to a shared mapping of a memfd does not change st_mtime, if a page near it was loaded from before; nor does msync.
 *
 *   gcc -Wall -Wextra -o load-first-mtime load-first-mtime.c && ./load-first-mtime
 *
 * As any user.  Prints KTAP; exits with 0 if it is so, with 1 if not.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 65536

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* Whether a store to the page, and msync, move st_mtime. */
static int moves(int fd, char *map, int page)
{
	struct stat before, after;

	usleep(50000);
	fstat(fd, &before);
	usleep(50000);
	((volatile char *)map)[page * 4096] = 'y';
	msync(map, SIZE, MS_SYNC);
	fstat(fd, &after);
	return before.st_mtim.tv_sec != after.st_mtim.tv_sec || before.st_mtim.tv_nsec != after.st_mtim.tv_nsec;
}

int main(void)
{
	static char text[SIZE];
	int fd = memfd_create("region", 0), page, moved = 0;
	volatile char *load;
	char *map, byte;

	setvbuf(stdout, NULL, _IONBF, 0);
	memset(text, 'x', SIZE);
	if (write(fd, text, SIZE) != SIZE)
		return 1;
	printf("KTAP version 1\n1..4\n");
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(moves(fd, map, 3), "a store to a page that was not loaded from, and msync(MS_SYNC): st_mtime moves");
	munmap(map, SIZE);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	load = map;
	(void)load[0];
	check(!moves(fd, map, 0), "a load, then a store to the same page, and msync(MS_SYNC): it does not");
	for (page = 1; page < 16; page++)
		moved += moves(fd, map, page);
	printf("# moved by stores to %d of 15 pages\n", moved);
	check(moved < 15, "nor does a store to a page beside it, from which nobody has loaded");
	check(pread(fd, &byte, 1, 0) == 1 && byte == 'y', "the file has what was stored");
	return failed;
}
