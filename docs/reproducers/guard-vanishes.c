/*
 * A guard region (MADV_GUARD_INSTALL) of a mapping of a memfd vanishes by what others do: one makes holes in the file,
 * another loads from the page beside. A load from the guard region, or a store, is no SIGSEGV afterwards.
 *
 *   gcc -Wall -Wextra -static -o guard-vanishes guard-vanishes.c && ./guard-vanishes
 *
 * Any user. It is a race, so it takes two processors or some patience: up to a minute. Prints KTAP; exits with 0 if the
 * guard region is gone, with 1 if not, with 4 where a file has no guard regions (before 6.15).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define GUARD 8 /* the first page of the guard region, */
#define GUARDS 4 /* and how many there are */
#define PAGES 16
#define INSTALL 102 /* MADV_GUARD_INSTALL */

static int failed;
static sigjmp_buf back;

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

static void on_fault(int number)
{
	siglongjmp(back, number);
}

/* The signal that a store of what is there to this address makes, or 0. */
static int signal_of_store(volatile char *address, char value)
{
	int number;

	signal(SIGSEGV, on_fault);
	number = sigsetjmp(back, 1);
	if (!number)
		*address = value;
	return number;
}

/* Fills what lies under the guard region, and makes a hole of it again. */
static void make_holes(int fd)
{
	static char page[GUARDS * PAGE];

	for (;;) {
		if (pwrite(fd, page, sizeof(page), GUARD * PAGE) != sizeof(page) ||
		    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, GUARD * PAGE, sizeof(page)))
			_exit(1);
	}
}

/* Loads from the first page, by a mapping of its own that reads. */
static void load(int reader)
{
	volatile char *map = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, reader, 0);

	for (; map != MAP_FAILED;) {
		(void)map[0];
		madvise((void *)map, PAGES * PAGE, MADV_DONTNEED);
	}
	_exit(1);
}

static pid_t start(void (*run)(int), int fd)
{
	pid_t child = fork();

	if (!child)
		run(fd);
	return child;
}

/* A page of the guard region where a store is no SIGSEGV, or -1. */
static int unguarded(char *map)
{
	int page;

	for (page = GUARD; page < GUARD + GUARDS; page++)
		if (signal_of_store(map + page * PAGE, 'x') == 0)
			return page;
	return -1;
}

int main(void)
{
	static char text[PAGES * PAGE];
	int fd = memfd_create("region", 0), reader, page = -1, tenths;
	struct utsname name;
	pid_t children[2];
	char path[64], *map, byte = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY);
	if (fd < 0 || reader < 0 || pwrite(fd, text, sizeof(text), 0) != sizeof(text))
		give_up("memfd");
	map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	if (madvise(map + GUARD * PAGE, GUARDS * PAGE, INSTALL))
		give_up("MADV_GUARD_INSTALL");
	check(unguarded(map) < 0, "a store to the guard region is SIGSEGV");
	children[0] = start(make_holes, fd);
	children[1] = start(load, reader);
	for (tenths = 0; tenths < 600 && page < 0; tenths++) {
		usleep(100000);
		page = unguarded(map);
	}
	kill(children[0], SIGKILL);
	kill(children[1], SIGKILL);
	while (wait(NULL) > 0)
		;
	printf("# after %d.%d s\n", tenths / 10, tenths % 10);
	check(page >= 0, "others have made holes and loaded: a store to a page of it is none");
	check(page >= 0 && signal_of_store(map + page * PAGE, 'z') == 0 && pread(fd, &byte, 1, page * PAGE) == 1 && byte == 'z',
	      "and is in the file");
	printf("1..3\n");
	return failed;
}
