/*
 * mincore says to who may only read a file that each of its pages is in memory, of holes too.
 *
 *   gcc -Wall -Wextra -static -o mincore-lies mincore-lies.c && ./mincore-lies
 *
 * Run as root, who makes a memfd with mode 0444; user 1000 reads. Prints KTAP; exits with 0 if it says so, with 1 if not, with 4
 * if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGES 256
#define SIZE (PAGES * 4096L)

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

/* How many pages of the file are in memory, by mincore. */
static int resident(int fd)
{
	char *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	unsigned char bits[PAGES];
	int count = 0;

	if (map == MAP_FAILED || mincore(map, SIZE, bits))
		give_up("mincore");
	for (int i = 0; i < PAGES; i++)
		count += bits[i] & 1;
	return count;
}

int main(void)
{
	int fd = memfd_create("region", 0), reader;
	struct utsname name;
	struct stat stat;
	char path[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..3\n", name.release);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ftruncate(fd, SIZE) || fchmod(fd, 0444))
		give_up("memfd");
	reader = open(path, O_RDONLY);
	check(resident(reader) == 0, "root's memfd of 256 pages of holes, mode 0444; mincore says to root that none is in memory");
	if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("user 1000");
	check(resident(reader) == PAGES, "it says to user 1000 that all are");
	check(fstat(reader, &stat) == 0 && stat.st_blocks == 0, "st_blocks is 0");
	return failed;
}
