/*
 * mlock of MAP_DROPPABLE memory says 0 and locks nothing; with mlockall(MCL_FUTURE) it is as the kernel has it.
 *
 *   gcc -Wall -Wextra -o droppable-mlock droppable-mlock.c && ./droppable-mlock
 *
 * As any user; no swap is needed.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without MAP_DROPPABLE (6.11).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DROPPABLE (0x08 | MAP_ANONYMOUS)

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long locked(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[200];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "VmLck:", 6))
			value = atol(line + 6);
	if (file)
		fclose(file);
	return value;
}

int main(void)
{
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, DROPPABLE, -1, 0), *other;
	int result;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (at == MAP_FAILED) {
		printf("1..0 # SKIP MAP_DROPPABLE: %s\n", strerror(errno));
		return 2;
	}
	printf("1..3\n");
	other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(mlock(other, 4096) == 0 && locked() == 4 && madvise(other, 4096, MADV_PAGEOUT) == -1 && errno == EINVAL, "ordinary memory: mlock is 0, VmLck 4 kB, MADV_PAGEOUT is EINVAL");
	munlock(other, 4096);
	check(mlock(at, 4096) == 0 && locked() == 0, "MAP_DROPPABLE: mlock is 0, VmLck 0 kB");
	*(volatile char *)at = 1;
	result = madvise(at, 4096, MADV_PAGEOUT);
	printf("# MADV_PAGEOUT: %d, the byte: %d\n", result, *(volatile char *)at);
	check(result == 0 && *(volatile char *)at == 0, "MADV_PAGEOUT is 0, and what was stored to it is gone");
	if (mlockall(MCL_FUTURE) == 0) {
		at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, DROPPABLE, -1, 0);
		if (at != MAP_FAILED) {
			*(volatile char *)at = 1;
			printf("# mlockall(MCL_FUTURE) before mmap: VmLck %ld kB\n", locked());
		}
	}
	return failed;
}
