/*
 * mincore says of huge pages that are in memory that they are not, as long as the caller has not touched them.
 *
 *   gcc -Wall -Wextra -static -o mincore-huge mincore-huge.c && ./mincore-huge
 *
 * Runs as any user (as root it becomes user 1000). Four huge pages have to be free (vm.nr_hugepages). Prints KTAP; exits with 0 if it is
 * so, with 1 if not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
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

static char *map_it(int fd, unsigned long page)
{
	char *map = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		give_up("mmap");
	return map;
}

/* A memfd of four pages. Another process has stored to the second and to the fourth, and has ended. */
static int stored_by_another(unsigned int flags, unsigned long page)
{
	int fd = memfd_create("region", flags), status;
	pid_t child;
	char *map;

	if (fd < 0 || ftruncate(fd, 4 * page))
		give_up("memfd_create");
	child = fork();
	if (!child) {
		map = map_it(fd, page);
		map[page] = map[3 * page] = 'x';
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status)
		give_up("store");
	return fd;
}

static long blocks(int fd)
{
	struct stat stat;

	fstat(fd, &stat);
	return stat.st_blocks;
}

/* How many of the 4096 bytes' pages of the page at the index mincore says are in memory. */
static int resident(char *map, unsigned long page, int index)
{
	static unsigned char in_core[4 * 512];
	int number = 0;

	if (mincore(map, 4 * page, in_core))
		give_up("mincore");
	for (unsigned long i = 0; i < page / 4096; i++)
		number += in_core[index * (page / 4096) + i] & 1;
	return number;
}

int main(void)
{
	struct utsname name;
	int small, huge;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	small = stored_by_another(0, 4096);
	map = map_it(small, 4096);
	check(!resident(map, 4096, 0) && resident(map, 4096, 1) && !resident(map, 4096, 2) && resident(map, 4096, 3),
	      "a memfd, pages 1 and 3 of four stored to by another process: mincore says 0 1 0 1");
	huge = stored_by_another(MFD_HUGETLB, HUGE);
	map = map_it(huge, HUGE);
	check(*(volatile char *)(map + 3 * HUGE) == 'x' && resident(map, HUGE, 3) == 512, "of huge pages, page 3 loaded: it is in memory");
	check(blocks(huge) == 2 * (long)HUGE / 512, "st_blocks counts two");
	check(resident(map, HUGE, 1) == 0, "page 1, not loaded: mincore says that it is not in memory");
	check(*(volatile char *)(map + HUGE) == 'x' && resident(map, HUGE, 1) == 512 && blocks(huge) == 2 * (long)HUGE / 512,
	      "loaded, it has what was stored, and mincore says that it is; st_blocks as before");
	return failed;
}
