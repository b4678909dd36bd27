/*
 * mremap with MREMAP_DONTUNMAP of one page of locked memory unlocks all of it, and VmLck goes on counting what nobody has
 * locked, until nothing uses up RLIMIT_MEMLOCK.
 *
 *   gcc -Wall -Wextra -static -o dontunmap-unlocks dontunmap-unlocks.c && ./dontunmap-unlocks
 *
 * Runs as any user (as root it becomes user 1000). Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 if mlock or
 * MREMAP_DONTUNMAP cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 8UL
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int kilobytes_locked(void)
{
	char line[128];
	int kilobytes = -1;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %d", &kilobytes);
	if (file)
		fclose(file);
	return kilobytes;
}

/* Eight pages that are locked, of which the first `pages` are moved; where they were, or NULL. */
static char *move(unsigned long pages, char **moved)
{
	char *map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mlock(map, PAGES * PAGE))
		return NULL;
	*moved = mremap(map, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	return *moved == MAP_FAILED ? NULL : map;
}

static void unmap(char *map, unsigned long pages, char *moved)
{
	munmap(map, PAGES * PAGE);
	munmap(moved, pages * PAGE);
}

int main(void)
{
	struct rlimit limit = { 1 << 17, 1 << 17 };
	char *map, *moved;
	int times;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || (geteuid() == 0 && (setgid(1000) || setuid(1000))) || !(map = move(1, &moved))) {
		printf("# mlock or mremap: %s\n", strerror(errno));
		return 4;
	}
	printf("KTAP version 1\n1..4\n");
	printf("# eight pages are locked, one is moved: VmLck is %d kB\n", kilobytes_locked());
	check(madvise(map + PAGE, (PAGES - 1) * PAGE, MADV_DONTNEED) == 0, "the other seven are not locked: MADV_DONTNEED is 0");
	unmap(map, 1, moved);
	check(kilobytes_locked() > 0, "all is unmapped, and VmLck is not 0");
	for (times = 0; times < 100 && (map = move(1, &moved)); times++)
		unmap(map, 1, moved);
	check(times < 100, "after a few times more mlock fails: RLIMIT_MEMLOCK is used up");
	munlockall();
	check(kilobytes_locked() > 0, "munlockall does not give it back");
	printf("# VmLck is %d kB\n", kilobytes_locked());
	return failed;
}
