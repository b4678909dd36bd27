/*
 * Who may read a memfd moves its pages to the NUMA node that he likes, whatever its maker has asked by mbind, and whatever its
 * seals are: move_pages of a mapping that reads, while nobody else maps them.
 *
 *   gcc -Wall -Wextra -static -o reader-move-pages reader-move-pages.c && ./reader-move-pages
 *
 * Run as root, who becomes user 1001 for the reader, on two nodes. Prints KTAP; exits with 0 if the pages are on a node that they
 * are not bound to, with 1 if not, with 4 without two nodes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 64UL
#define SIZE (PAGES * PAGE)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

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

/* Maps and loads all pages, and moves them (`to` is a node) or not (-1); how many are on node 1 afterwards. */
static int on_node_1(int fd, int to)
{
	volatile char *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	int target[PAGES], status[PAGES], count = 0;
	void *pages[PAGES];
	unsigned int i;

	if (map == MAP_FAILED)
		give_up("mmap");
	for (i = 0; i < PAGES; i++) {
		(void)map[i * PAGE];
		pages[i] = (void *)(map + i * PAGE);
		target[i] = to;
	}
	if ((to >= 0 && syscall(SYS_move_pages, 0, PAGES, pages, target, status, MPOL_MF_MOVE)) ||
	    syscall(SYS_move_pages, 0, PAGES, pages, NULL, status, 0))
		give_up("move_pages");
	for (i = 0; i < PAGES; i++)
		count += status[i] == 1;
	munmap((void *)map, SIZE);
	return count;
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader, status, left;
	unsigned long node_1 = 1UL << 1;
	static char text[SIZE];
	struct utsname name;
	char path[64], *map;
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || ftruncate(fd, SIZE) || fchmod(fd, 0444) || (reader = open(path, O_RDONLY)) < 0)
		give_up("memfd");
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || syscall(SYS_mbind, map, SIZE, MPOL_BIND, &node_1, 8 * sizeof(node_1), 0))
		give_up("mbind to node 1");
	munmap(map, SIZE);
	memset(text, 'x', SIZE);
	if (pwrite(fd, text, SIZE, 0) != (ssize_t)SIZE)
		give_up("pwrite");
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "root's memfd, mode 0444, every seal; MPOL_BIND: 64 pages to node 1");
	check(on_node_1(reader, -1) == (int)PAGES, "they are there, and nobody maps them");
	child = fork();
	if (!child) {
		if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
			give_up("user 1001");
		on_node_1(reader, 0);
		exit(0);
	}
	waitpid(child, &status, 0);
	if (status)
		return 4;
	left = on_node_1(reader, -1);
	printf("# %d are on node 1\n", left);
	check(left == 0, "user 1001, O_RDONLY and PROT_READ, has moved them to node 0");
	printf("1..3\n");
	return failed;
}
