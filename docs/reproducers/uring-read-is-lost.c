/*
 * What io_uring reads into a registered buffer is lost, if the buffer is a shared mapping of a memfd
 * and nobody but io_uring has written to it: the page stays clean, and reclaim drops it.
 *
 *   gcc -Wall -Wextra -o uring-read-is-lost uring-read-is-lost.c && ./uring-read-is-lost
 *
 * As any user.  MADV_PAGEOUT stands for what the kernel does when memory is short.  Prints KTAP; exits
 * with 0 if the data are lost, with 1 if not, with 4 without io_uring.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static int failed;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

static int byte_of(int fd)
{
	unsigned char byte = 0xff;

	return pread(fd, &byte, 1, 0) == 1 ? byte : -1;
}

int main(void)
{
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 1, &params), ends[2];
	int fd = memfd_create("region", 0);
	struct io_uring_sqe *entry;
	struct io_uring_cqe *event;
	volatile char *map;
	struct iovec buffer;
	char *queue;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (ring < 0) {
		printf("1..0 # SKIP io_uring: %s\n", strerror(errno));
		return 4;
	}
	printf("1..6\n");
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entry = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || entry == MAP_FAILED || ftruncate(fd, 4096) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		return 1;
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map[0], 0, "a load brings the page in, clean");
	buffer = (struct iovec){ (void *)map, 4096 };
	check(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1), 0,
	      "the mapping is a registered buffer");
	if (send(ends[1], "x", 1, 0) != 1)
		return 1;
	*entry = (struct io_uring_sqe){ .opcode = IORING_OP_READ_FIXED, .fd = ends[0],
					.addr = (unsigned long)map, .len = 1 };
	*(unsigned int *)(queue + params.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	event = (struct io_uring_cqe *)(queue + params.cq_off.cqes);
	check(event->res, 1, "IORING_OP_READ_FIXED reads a byte into it");
	check(byte_of(fd), 'x', "which is in the file");
	syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
	check(madvise((void *)map, 4096, MADV_PAGEOUT), 0, "the buffer is unregistered, and the page reclaimed");
	check(byte_of(fd), 0, "the byte is lost");
	return failed;
}
