/*
 * A chain of io_uring (IOSQE_IO_LINK) goes on behind an IORING_OP_FALLOCATE that F_SEAL_GROW refused, though "The chain will be
 * broken" (io_uring_enter(2)); behind an IORING_OP_WRITE that it refused it does not.
 *
 *   gcc -Wall -Wextra -static -o uring-chain-goes-on uring-chain-goes-on.c && ./uring-chain-goes-on
 *
 * Prints KTAP; exits with 0 if it goes on, with 1 if not, with 4 without io_uring.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failed, ring;
static struct io_uring_params params;
static struct io_uring_sqe *entries;
static char *queue;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld\n", got);
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

/* `first`, linked to a write of "y" to `other`; their results. */
static void chain(struct io_uring_sqe first, int other, int results[2])
{
	unsigned int *tail = (unsigned int *)(queue + params.sq_off.tail);
	unsigned int *done = (unsigned int *)(queue + params.cq_off.tail);
	struct io_uring_cqe *completions = (struct io_uring_cqe *)(queue + params.cq_off.cqes);
	unsigned int begin = *(volatile unsigned int *)done;

	first.flags = IOSQE_IO_LINK;
	entries[0] = first;
	entries[1] = (struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = other, .addr = (uintptr_t)"y", .len = 1,
					    .user_data = 1 };
	for (unsigned int i = 0; i < 2; i++)
		((unsigned int *)(queue + params.sq_off.array))[(*tail + i) % params.sq_entries] = i;
	*(volatile unsigned int *)tail += 2;
	syscall(SYS_io_uring_enter, ring, 2, 2, IORING_ENTER_GETEVENTS, NULL, 0);
	for (unsigned int i = begin; i != *(volatile unsigned int *)done; i++)
		results[completions[i % params.cq_entries].user_data] = completions[i % params.cq_entries].res;
	*(volatile unsigned int *)(queue + params.cq_off.head) = *done;
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), other = memfd_create("other", 0), results[2] = { 0, 0 };

	ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0) {
		printf("# io_uring_setup: %s\n", strerror(errno));
		return 4;
	}
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	printf("KTAP version 1\n1..5\n");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0, "F_SEAL_GROW");
	chain((struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd, .addr = (uintptr_t)"x", .len = 1 }, other, results);
	check(results[0], -EPERM, "IORING_OP_WRITE: EPERM");
	check(results[1], -ECANCELED, "and the write behind it is cancelled");
	chain((struct io_uring_sqe){ .opcode = IORING_OP_FALLOCATE, .fd = fd, .addr = 8192 }, other, results);
	check(results[0], -EPERM, "IORING_OP_FALLOCATE: EPERM");
	check(results[1], 1, "and the write behind it is done");
	return failed;
}
