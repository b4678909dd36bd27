/*
 * mlockall(MCL_FUTURE) does not lock the pages that mremap(2), or a growing stack, adds to what was mapped before.
 *
 *   gcc -Wall -Wextra -static -o mcl-future-skips mcl-future-skips.c && ./mcl-future-skips
 *
 * Run as root, or with an RLIMIT_MEMLOCK of some MiB. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE 4096L
#define MORE (64 * PAGE)

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

static long locked(void) /* in kB */
{
	char line[256];
	long value = -1;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "VmLck:", 6))
			value = atol(line + 6);
	if (file)
		fclose(file);
	return value;
}

/* How many pages there are in the page table. */
static int present(char *at, long bytes)
{
	int count = 0, fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	for (long i = 0; i < bytes; i += PAGE)
		count += pread(fd, &entry, 8, (uintptr_t)(at + i) / PAGE * 8) == 8 && entry >> 63;
	close(fd);
	return count;
}

__attribute__((noinline)) static void deep(void)
{
	volatile char area[MORE];

	for (long i = 0; i < MORE; i += PAGE)
		area[i] = 'x';
	(void)area[0];
}

static void show_stack(void)
{
	char line[512], *stack = NULL;
	FILE *file = fopen("/proc/self/smaps", "r");
	int here = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, "[stack]"))
			here = 1;
		if (here && !strncmp(line, "VmFlags:", 8)) {
			stack = strdup(line);
			break;
		}
	}
	if (file)
		fclose(file);
	printf("# stack: %s", stack ? stack : "?\n");
}

int main(void)
{
	struct utsname name;
	int memfd = memfd_create("region", 0);
	char *before, *after, *grown;
	long at_first, now;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	if (memfd < 0 || ftruncate(memfd, MORE))
		give_up("memfd");
	before = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (before == MAP_FAILED || locked())
		give_up("mmap");
	if (mlockall(MCL_FUTURE))
		give_up("mlockall");

	at_first = locked();
	after = mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	now = locked();
	check(after != MAP_FAILED && now == at_first + MORE / 1024 && present(after, MORE) == MORE / PAGE,
	      "mmap of 64 pages after mlockall(MCL_FUTURE): they are locked, and there");

	at_first = locked();
	sbrk(MORE);
	check(locked() >= at_first + MORE / 1024, "so is what sbrk adds to the heap");

	at_first = locked();
	grown = mremap(before, PAGE, MORE, MREMAP_MAYMOVE);
	check(grown != MAP_FAILED && locked() == at_first, "63 pages that mremap adds to a mapping from before: VmLck is as it was");
	check(grown != MAP_FAILED && present(grown, MORE) <= 1, "nor are they there");

	at_first = locked();
	deep();
	show_stack();
	check(locked() == at_first, "64 pages that the stack grows by: VmLck is as it was");
	return failed;
}
