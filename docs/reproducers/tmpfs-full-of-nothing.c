/*
 * Pages that a load has made of holes, and that the kernel has taken back, still count: the tmpfs is full until somebody calls stat.
 *
 *   gcc -Wall -Wextra -o tmpfs-full-of-nothing tmpfs-full-of-nothing.c && sudo ./tmpfs-full-of-nothing
 *
 * As root, who mounts a tmpfs of 1 MiB on /tmp/full-of-nothing in a mount namespace of the program's own; all else is done by users 1000 and
 * 1001.  MADV_PAGEOUT stands for the lack of memory, which does the same where there is swap; so does vm.drop_caches.  Prints KTAP;
 * exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE "/tmp/full-of-nothing"
#define SIZE (1L << 20)

static int failed, in_memory;
static long loaded, committed[4];
static unsigned char pages[SIZE / 4096];

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long free_pages(void)
{
	struct statfs fs;

	return statfs(PLACE, &fs) ? -1 : (long)fs.f_bfree;
}

/* kB of the kernel's memory that /proc/meminfo has under this name. */
static long meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[200], key[100];
	long value, found = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%99[^:]: %ld", key, &value) == 2 && !strcmp(key, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

/* Loads from each page of a hole, and gives the pages back, without swap, too, since they are zeroes that nobody has stored. */
static void load_all(int fd)
{
	volatile char *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	long i;

	if ((void *)map == MAP_FAILED)
		exit(2);
	for (i = 0; i < SIZE; i += 4096)
		(void)map[i];
	loaded = free_pages();
	committed[1] = meminfo("Committed_AS");
	for (i = 0; i < 10; i++)
		madvise((void *)map, SIZE, MADV_PAGEOUT);
	mincore((void *)map, SIZE, pages);
	munmap((void *)map, SIZE);
	for (i = in_memory = 0; i < SIZE / 4096; i++)
		in_memory += pages[i] & 1;
}

/* User 1001 writes one byte to a file of his: 0 or what went wrong. */
static int write_a_byte(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		int fd;

		if (seteuid(0) || setuid(1001))
			_exit(255);
		fd = open(PLACE "/his", O_RDWR | O_CREAT, 0600);
		_exit(fd >= 0 && pwrite(fd, "x", 1, 0) == 1 ? 0 : errno);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

int main(void)
{
	long all, dropped, again;
	struct stat status;
	int fd, error;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	mkdir(PLACE, 0755);
	if (geteuid() || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", PLACE, "tmpfs", 0, "size=1M,mode=1777") || seteuid(1000)) {
		printf("1..0 # SKIP not root\n");
		return 2;
	}
	printf("1..6\n");

	fd = open(PLACE "/hole", O_RDWR | O_CREAT, 0644);
	if (fd < 0 || ftruncate(fd, SIZE))
		return 2;
	all = free_pages();
	load_all(fd);
	dropped = free_pages();
	printf("# f_bfree: %ld, after the loads %ld, with %d pages left in memory %ld\n", all, loaded, in_memory, dropped);
	check(loaded == 0 && in_memory < 16, "what was loaded from holes is not in memory any more");
	check(dropped == 0, "statfs says that nothing of the tmpfs is free");
	error = write_a_byte();
	printf("# a write of one byte: %s\n", error ? strerror(error) : "done");
	check(error == ENOSPC, "another user cannot write: ENOSPC");
	if (fstat(fd, &status))
		return 2;
	again = free_pages();
	error = write_a_byte();
	printf("# stat: st_blocks is %ld; f_bfree: %ld; a write of one byte: %s\n", (long)status.st_blocks, again,
	       error ? strerror(error) : "done");
	check(again > all - 16 && !error, "once somebody has called stat of the file, all is free, and the write is done");

	/* A memfd: it is the commit charge that stays. */
	fd = memfd_create("hole", 0);
	if (fd < 0 || ftruncate(fd, SIZE))
		return 2;
	committed[0] = meminfo("Committed_AS");
	load_all(fd);
	committed[2] = meminfo("Committed_AS");
	fstat(fd, &status);
	committed[3] = meminfo("Committed_AS");
	printf("# Committed_AS of a memfd: +%ld kB after the loads, +%ld kB without its pages, +%ld kB after fstat\n",
	       committed[1] - committed[0], committed[2] - committed[0], committed[3] - committed[0]);
	check(committed[2] - committed[3] > 900, "Committed_AS has 1 MiB of the memfd until fstat");
	check(status.st_blocks < 128 && in_memory < 16, "which has no pages");
	return failed;
}
