/*
 * What a thread sets for itself, the rights of protection keys and the memory policy, io_uring's worker has from when it was made.
 *
 *   gcc -Wall -Wextra -o uring-stale-rights uring-stale-rights.c && ./uring-stale-rights
 *
 * As any user, on a processor with protection keys; two NUMA nodes for the last check.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed, ring, file, key;
static struct io_uring_params params;
static struct io_uring_sqe *entries;
static char *queue, *page;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int new_ring(void)
{
	memset(&params, 0, sizeof(params));
	ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	return ring >= 0 && queue != MAP_FAILED && entries != MAP_FAILED;
}

static int submitted(struct io_uring_sqe entry)
{
	unsigned int *tail = (unsigned int *)(queue + params.sq_off.tail), at = *tail % params.sq_entries;
	unsigned int *head = (unsigned int *)(queue + params.cq_off.head);
	volatile unsigned int *done = (unsigned int *)(queue + params.cq_off.tail);
	struct io_uring_cqe *events = (struct io_uring_cqe *)(queue + params.cq_off.cqes);

	entries[at] = entry;
	((unsigned int *)(queue + params.sq_off.array))[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	while (*done == *head)
		syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	at = (*head)++ % params.cq_entries;
	return events[at].res;
}

/* IORING_OP_READ of four bytes of the memfd; flags: IOSQE_ASYNC, or 0, which is a worker's, too, from some version on. */
static int read_by_ring(unsigned char flags)
{
	return submitted((struct io_uring_sqe){ .opcode = IORING_OP_READ, .flags = flags, .fd = file, .addr = (unsigned long)page, .len = 4 });
}

static void rights(int closed)
{
	unsigned int value = closed ? 3U << (2 * key) : 0;

	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(value), "c"(0), "d"(0) : "memory"); /* wrpkru */
}

static int node_of(int fd)
{
	char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	int node = -1;

	(void)*(volatile char *)at;
	syscall(SYS_get_mempolicy, &node, NULL, 0, at, 3 /* MPOL_F_NODE | MPOL_F_ADDR */);
	munmap(at, 4096);
	return node;
}

int main(void)
{
	unsigned long second = 2;
	int opened, result, one, two;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n1..4\n");
	file = memfd_create("file", 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	key = (int)syscall(SYS_pkey_alloc, 0, 0);
	if (key < 0 || write(file, "data", 4) != 4 || !new_ring())
		return 2;
	memset(page, 0, 4096);
	if (syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_WRITE, key))
		return 2;
	opened = read_by_ring(IOSQE_ASYNC);
	memset(page, 0, 4096);
	rights(1);
	check(pread(file, page, 4, 0) == -1 && errno == EFAULT, "the key is closed: pread is EFAULT");
	one = read_by_ring(0);
	rights(0);
	memset(page, 0, 4096);
	rights(1);
	result = read_by_ring(IOSQE_ASYNC);
	rights(0);
	printf("# IORING_OP_READ: %d, with IOSQE_ASYNC %d, before %d; the memory: \"%.4s\"\n", one, result, opened, page);
	check(result == 4 && !memcmp(page, "data", 4), "a worker of before: IORING_OP_READ is 4, and what was closed is stored to");

	/* Another process has a worker of its own, which is made while the key is closed. */
	if (!fork()) {
		rights(1);
		if (!new_ring())
			_exit(1);
		opened = read_by_ring(IOSQE_ASYNC);
		rights(0);
		result = read_by_ring(IOSQE_ASYNC);
		printf("# IORING_OP_READ: %d, and with the key open: %d\n", opened, result);
		_exit(!(opened == -EFAULT && result == -EFAULT && pread(file, page, 4, 0) == 4));
	}
	check(wait(&result) > 0 && !result, "a worker that was made with the key closed: EFAULT, and so when it is open and pread is 4");

	one = memfd_create("one", 0);
	two = memfd_create("two", 0);
	if (syscall(SYS_set_mempolicy, 2 /* MPOL_BIND */, &second, 8)) {
		check(1, "# SKIP there is one NUMA node");
		return failed;
	}
	result = ftruncate(one, 4096) + (int)syscall(SYS_fallocate, one, 0, 0L, 4096L);
	opened = submitted((struct io_uring_sqe){ .opcode = IORING_OP_FALLOCATE, .fd = two, .addr = 4096 });
	printf("# fallocate %d, IORING_OP_FALLOCATE %d; nodes %d and %d\n", result, opened, node_of(one), node_of(two));
	check(!result && !opened && node_of(one) == 1 && node_of(two) == 0, "MPOL_BIND to node 1: fallocate takes node 1, IORING_OP_FALLOCATE takes node 0");
	return failed;
}
