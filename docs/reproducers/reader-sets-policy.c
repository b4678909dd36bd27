/*
 * Who may read a memfd sets its NUMA policy, whatever its seals, and each call keeps kernel memory that is charged to nobody, until
 * the file is gone.
 *
 *   gcc -Wall -Wextra -static -o reader-sets-policy reader-sets-policy.c && ./reader-sets-policy
 *
 * Run as root, who becomes user 1001 for the reader. The last two lines take a machine of two nodes. Prints KTAP; exits with 0 if
 * all is so, with 1 if not, with 4 if it cannot be tried.
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L
#define BIND 2 /* MPOL_BIND */
#define CALLS 100000L

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
	fflush(stdout);
}

/* kB that the kernel holds and can give back to nobody */
static long unreclaimable(void)
{
	char text[4096] = "", *at;
	int fd = open("/proc/meminfo", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0)
		return -1;
	close(fd);
	at = strstr(text, "SUnreclaim:");
	return at ? atol(at + 11) : -1;
}

static long bind_to(void *at, unsigned long node)
{
	unsigned long mask = 1UL << node;

	return syscall(SYS_mbind, at, PAGE, BIND, &mask, 64UL, 0);
}

static int node_of(void *at)
{
	int node = -1;

	syscall(SYS_move_pages, 0, 1UL, &at, NULL, &node, 0);
	return node;
}

static int reader_of(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY);
}

/* By user 1001, PROT_READ and MAP_PRIVATE: every second page of the file and far beyond, to `node`; how many calls gave 0. */
static long read_only_binds(int fd, long calls, unsigned long node)
{
	int end[2], reader = reader_of(fd);
	long done = -1;

	if (reader < 0 || pipe(end))
		return -1;
	if (fork() == 0) {
		close(fd);
		if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
			_exit(1);
		for (done = 0; done < calls; done++) {
			char *map = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, reader, 2 * done * PAGE);

			if (map == MAP_FAILED || bind_to(map, node))
				break;
			munmap(map, PAGE);
		}
		_exit(write(end[1], &done, sizeof(done)) != sizeof(done));
	}
	close(end[1]);
	if (read(end[0], &done, sizeof(done)) != sizeof(done))
		done = -1;
	close(end[0]);
	close(reader);
	wait(NULL);
	return done;
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), two = access("/sys/devices/system/node/node1", F_OK) == 0;
	long before = unreclaimable(), calls, kept;
	struct stat stat;
	char *map;

	if (fd < 0 || before < 0 || geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	printf("KTAP version 1\n1..%d\n", two ? 6 : 4);
	fchmod(fd, 0444);
	ftruncate(fd, PAGE);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) == 0,
	      "root's memfd of 4096 bytes, mode 0444, has every seal");
	calls = read_only_binds(fd, CALLS, 0);
	check(calls == CALLS, "mbind is 0 for user 1001, O_RDONLY, PROT_READ, MAP_PRIVATE, 100,000 times");
	kept = unreclaimable() - before;
	fstat(fd, &stat);
	printf("# it has ended; the file has %ld blocks; kernel memory that nobody can reclaim: %ld kB more\n", (long)stat.st_blocks, kept);
	check(kept > 10000, "more than 10 MB of the kernel's memory stay");
	close(fd);
	sleep(1);
	check(unreclaimable() - before < kept / 2, "until the last descriptor is closed");
	if (!two)
		return failed;
	fd = memfd_create("region", MFD_ALLOW_SEALING);
	fchmod(fd, 0444);
	ftruncate(fd, 4 * PAGE);
	map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE);
	map[PAGE] = 1;
	check(node_of(map + PAGE) == 0, "a page that root stores to comes from node 0");
	read_only_binds(fd, 2, 1);
	map[2 * PAGE] = 1;
	check(node_of(map + 2 * PAGE) == 1, "one that the reader had bound to node 1 comes from there");
	return failed;
}
