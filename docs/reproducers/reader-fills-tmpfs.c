/*
 * Who may only read a tmpfs fills it: loads from the holes of a file that he has mapped PROT_READ take blocks of size=, and keep
 * them when he has ended. Those who may write have ENOSPC then.
 *
 *   gcc -Wall -Wextra -static -o reader-fills-tmpfs reader-fills-tmpfs.c && ./reader-fills-tmpfs
 *
 * Run as root, who mounts a tmpfs of 4 MiB, and becomes user 1001 for the reader. Prints KTAP; exits with 0 if the tmpfs is full
 * afterwards, with 1 if not, with 4 if it cannot mount.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define SIZE (64UL << 20)
#define TMPFS "/tmp/reader-fills"
#define SPARSE TMPFS "/sparse"

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

/* User 1001, until there is no page any more: SIGBUS. */
static void load_all(void)
{
	volatile char *map;
	unsigned long at;
	int fd;

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
		give_up("user 1001");
	if (open(SPARSE, O_RDWR) >= 0 || open(TMPFS "/new", O_CREAT | O_WRONLY, 0600) >= 0)
		exit(1);
	fd = open(SPARSE, O_RDONLY);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	for (at = 0; at < SIZE; at += PAGE)
		(void)map[at];
	exit(0);
}

static long free_blocks(void)
{
	struct statfs whole;

	return statfs(TMPFS, &whole) ? -1 : (long)whole.f_bfree;
}

static long blocks_of(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) ? -1 : (long)stat.st_blocks;
}

int main(void)
{
	struct utsname name;
	int fd, other, status;
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	mkdir(TMPFS, 0755);
	if (geteuid() != 0 || mount("none", TMPFS, "tmpfs", 0, "size=4m,mode=755"))
		give_up("mount, as root");
	fd = open(SPARSE, O_CREAT | O_RDWR, 0444);
	other = open(TMPFS "/other", O_CREAT | O_RDWR, 0600);
	if (fd < 0 || other < 0 || ftruncate(fd, SIZE))
		give_up(TMPFS);
	check(free_blocks() == 1024 && blocks_of(fd) == 0,
	      "root's tmpfs, mode 0755, size=4m: all is free; a file of 64 MiB, mode 0444, has no block");
	child = fork();
	if (!child)
		load_all();
	waitpid(child, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS,
	      "user 1001, who can write nothing there, loads from all of it, until SIGBUS");
	check(free_blocks() == 0 && blocks_of(fd) == 8192, "he has ended: nothing is free, the file has 4 MiB");
	check(pwrite(other, "x", 1, 0) == -1 && errno == ENOSPC, "root: pwrite of one byte to another file is ENOSPC");
	close(fd);
	close(other);
	umount(TMPFS);
	rmdir(TMPFS);
	printf("1..4\n");
	return failed;
}
