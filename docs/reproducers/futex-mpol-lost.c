/*
 * futex_wake with FUTEX2_MPOL finds nobody who waits on the same word of a memfd in another process, if the two have said mbind of different nodes; nor in the same process, if mbind came between.
 *
 *   gcc -Wall -Wextra -pthread -o futex-mpol-lost futex-mpol-lost.c && ./futex-mpol-lost
 *
 * As any user; two NUMA nodes.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR_WAKE 454
#define NR_WAIT 455
#define U32 0x02
#define MPOL 0x08
#define PRIVATE 0x80
#define PREFERRED 1

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int *map_of(int fd, int node)
{
	int *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unsigned long nodes = 1UL << (node < 0 ? 0 : node);

	return map == MAP_FAILED || (node >= 0 && syscall(SYS_mbind, map, 4096L, PREFERRED, &nodes, 8L, 0)) ? NULL : map;
}

/* What futex_wake says to one who waits for three seconds in another process: 1 if it is found. Each has mbind of its own, -1 for none. */
static long woken(int waits_on, int wakes_on, unsigned int flags, int *slept)
{
	int fd = memfd_create("word", 0), status;
	int *mine;
	long result;
	pid_t child;

	if (fd < 0 || ftruncate(fd, 4096))
		return -2;
	child = fork();
	if (!child) {
		int *map = map_of(fd, waits_on);
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += 3;
		if (!map)
			_exit(2);
		result = syscall(NR_WAIT, map, 0UL, ~0UL >> 32, flags, &until, CLOCK_MONOTONIC);
		_exit(result == 0 ? 0 : errno == ETIMEDOUT ? 1 : 2);
	}
	mine = map_of(fd, wakes_on);
	sleep(1);
	result = mine ? syscall(NR_WAKE, mine, ~0UL >> 32, 1, flags) : -2;
	waitpid(child, &status, 0);
	*slept = WEXITSTATUS(status);
	close(fd);
	return result;
}

static int *word;
static int thread_slept;

/* Waits for three seconds, for this process alone. */
static void *wait_private(void *unused)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 3;
	thread_slept = syscall(NR_WAIT, word, 0UL, ~0UL >> 32, U32 | MPOL | PRIVATE, &until, CLOCK_MONOTONIC) != 0;
	return unused;
}

int main(void)
{
	unsigned long nodes;
	pthread_t thread;
	int slept = 9;
	long result;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (woken(-1, -1, U32 | MPOL, &slept) != 1 || !map_of(memfd_create("nodes", 0), 1)) {
		printf("# no FUTEX2_MPOL, or no second node\n");
		return 2;
	}
	printf("KTAP version 1\n1..5\n");
	check(slept == 0, "neither has a policy: futex_wake is 1");
	check(woken(1, 1, U32 | MPOL, &slept) == 1 && slept == 0, "both have mbind, node 1: 1");
	check(woken(0, 1, U32, &slept) == 1 && slept == 0, "mbind of one is node 0, of the other node 1, without FUTEX2_MPOL: 1");
	check(woken(0, 1, U32 | MPOL, &slept) == 0 && slept == 1, "the same with FUTEX2_MPOL: futex_wake is 0, the other sleeps on");

	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	nodes = 1UL << 0;
	if (word == MAP_FAILED || syscall(SYS_mbind, word, 4096L, PREFERRED, &nodes, 8L, 0) || pthread_create(&thread, NULL, wait_private, NULL))
		return 2;
	sleep(1);
	nodes = 1UL << 1;
	if (syscall(SYS_mbind, word, 4096L, PREFERRED, &nodes, 8L, 0))
		return 2;
	result = syscall(NR_WAKE, word, ~0UL >> 32, 1, U32 | MPOL | PRIVATE);
	pthread_join(thread, NULL);
	check(result == 0 && thread_slept, "mbind to node 0, a thread waits, mbind to node 1: futex_wake of another thread is 0, the first sleeps on");
	return failed;
}
