/*
 * Who may read a memfd moves it to another NUMA node, whatever its maker has asked by mbind: MADV_COLLAPSE takes 2 MiB of one node
 * for all of the pages, and asks no policy.
 *
 *   gcc -Wall -Wextra -static -o reader-moves-nodes reader-moves-nodes.c && ./reader-moves-nodes
 *
 * Run as root, who becomes user 1001 for the reader, on two nodes. Prints KTAP; exits with 0 if pages are on a node that they are
 * not bound to, with 1 if not, with 4 without two nodes or MADV_COLLAPSE (6.1).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mempolicy.h>
#include <stdint.h>
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
#define HUGE (2UL << 20)
#define PAGES (HUGE / PAGE)
#define FEW 200 /* are bound to node 1, the others to node 0 */
#define COLLAPSE 25 /* MADV_COLLAPSE */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

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

/* The first 2 MiB of the file, at a multiple of 2 MiB. */
static char *map_file(int fd, int protection)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	map = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	if (room == MAP_FAILED || mmap(map, HUGE, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		give_up("mmap of the memfd");
	return map;
}

static void bind_to(char *from, unsigned long length, unsigned long node)
{
	unsigned long nodes = 1UL << node;

	if (syscall(SYS_mbind, from, length, MPOL_BIND, &nodes, 8 * sizeof(nodes), 0))
		give_up("mbind");
}

/* How many pages from `first` up to `last` are on a node. */
static int on_node(char *map, unsigned int first, unsigned int last, int node)
{
	static void *pages[PAGES];
	static int status[PAGES];
	unsigned int i, count = 0;

	for (i = first; i < last; i++) {
		(void)*(volatile char *)(map + i * PAGE);
		pages[i] = map + i * PAGE;
	}
	if (syscall(SYS_move_pages, 0, (long)(last - first), pages + first, NULL, status + first, 0))
		give_up("move_pages");
	for (i = first; i < last; i++)
		count += status[i] == node;
	return (int)count;
}

/* User 1001, with a mapping that reads. */
static void collapse(int reader)
{
	char *map = map_file(reader, PROT_READ);

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
		give_up("user 1001");
	exit(madvise(map, HUGE, COLLAPSE) != 0);
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	struct utsname name;
	char path[64], *map;
	pid_t child;
	int status;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || ftruncate(fd, HUGE) || fchmod(fd, 0444) || (reader = open(path, O_RDONLY)) < 0)
		give_up("memfd");
	map = map_file(fd, PROT_READ | PROT_WRITE);
	bind_to(map, FEW * PAGE, 1);
	bind_to(map + FEW * PAGE, HUGE - FEW * PAGE, 0);
	memset(map, 'x', HUGE);
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "root's memfd, 2 MiB, mode 0444; MPOL_BIND: 200 pages to node 1, 312 to node 0");
	check(on_node(map, 0, FEW, 1) == FEW && on_node(map, FEW, PAGES, 0) == PAGES - FEW, "they are where they are bound to");
	child = fork();
	if (!child)
		collapse(reader);
	waitpid(child, &status, 0);
	if (status && on_node(map, 0, FEW, 1) == FEW) { /* 6.1 says EINVAL and does it */
		printf("# no MADV_COLLAPSE\n");
		return 4;
	}
	printf("# of the 200, %d are on node 1, %d on node 0\n", on_node(map, 0, FEW, 1), on_node(map, 0, FEW, 0));
	check(on_node(map, 0, FEW, 0) == FEW, "user 1001, O_RDONLY, has collapsed them: the 200 that are bound to node 1 are on node 0");
	printf("1..3\n");
	return failed;
}
