/*
 * mremap with MREMAP_FIXED of a range with a gap between its mappings leaves, where the gap comes to be, what was mapped there: it
 * can be loaded from and stored to.
 *
 *   gcc -Wall -Wextra -static -o mremap-gap-stays mremap-gap-stays.c && ./mremap-gap-stays
 *
 * Runs as any user. Prints KTAP; exits with 0 if it stays, with 1 if not, with 4 where mremap takes no more than one mapping
 * (before 6.17).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 3

static int failed, old;
static sigjmp_buf jump;

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

static void on_signal(int number)
{
	siglongjmp(jump, number);
}

/* What a load gives, or -1 for a signal. */
static int load(volatile char *at)
{
	return sigsetjmp(jump, 1) ? -1 : *at;
}

/* A mapping of three pages of a memfd that is full of `text`. */
static char *map_memfd(char text, int *fd)
{
	char *map;

	*fd = memfd_create("region", 0);
	map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (map == MAP_FAILED || ftruncate(*fd, PAGES * PAGE))
		give_up("memfd");
	memset(map, text, PAGES * PAGE);
	return map;
}

/* Moves three pages of "new", one of which is changed before, over three of "old". */
static char *move(int (*change)(char *page), int at)
{
	char *to = map_memfd('o', &old);
	int fd;
	char *from = map_memfd('n', &fd);

	if (change(from + at * PAGE))
		give_up("munmap and mprotect");
	if (mremap(from, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		give_up("mremap of several mappings");
	return to;
}

static int unmap(char *page)
{
	return munmap(page, PAGE);
}

static int protect(char *page)
{
	return mprotect(page, PAGE, PROT_READ);
}

static int is(char *map, int first, int second, int third)
{
	return load(map) == first && load(map + PAGE) == second && load(map + 2 * PAGE) == third;
}

int main(void)
{
	struct utsname name;
	char byte = 0, *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	signal(SIGSEGV, on_signal);
	check(is(move(protect, 1), 'n', 'n', 'n'),
	      "mremap of three pages, three mappings, to where others are: all three are the new ones");
	map = move(unmap, 1);
	check(is(map, 'n', 'o', 'n'), "the same, where the second is not mapped: the second is the old one");
	map[PAGE] = 'x';
	check(pread(old, &byte, 1, PAGE) == 1 && byte == 'x', "a store to it is in the old file");
	check(is(move(unmap, 2), 'n', 'n', 'o'), "the same, where the third is not mapped: the third is the old one");
	return failed;
}
