/*
 * MADV_DONTNEED of a part of a huge page is 0, and does nothing: the length is rounded down, not up.
 *
 *   gcc -Wall -Wextra -static -o dontneed-huge-nothing dontneed-huge-nothing.c && ./dontneed-huge-nothing
 *
 * Runs as any user (as root it becomes user 1000). One huge page has to be free (vm.nr_hugepages). Prints KTAP; exits with 0 if it
 * does nothing, with 1 if not, with 4 without huge pages, or where MADV_DONTNEED of them is EINVAL (before 5.18).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HUGE (2UL << 20)

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

int main(void)
{
	struct utsname name;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..3\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	map = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (map == MAP_FAILED)
		give_up("MAP_HUGETLB");
	map[0] = 'x';
	if (madvise(map, HUGE, MADV_DONTNEED))
		give_up("MADV_DONTNEED");
	check(map[0] == 0, "a huge page, and a store; MADV_DONTNEED of 2 MiB is 0, and a load gives 0");
	map[0] = 'x';
	check(madvise(map, 4096, MADV_DONTNEED) == 0 && map[0] == 'x',
	      "a store; MADV_DONTNEED of 4096 bytes is 0, and a load gives what was stored");
	check(madvise(map, HUGE - 4096, MADV_DONTNEED) == 0 && map[0] == 'x',
	      "MADV_DONTNEED of 2 MiB less 4096 bytes is 0, and a load gives what was stored");
	return failed;
}
