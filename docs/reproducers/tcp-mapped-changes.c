/*
 * What TCP_ZEROCOPY_RECEIVE has given to a receiver changes afterwards: the sender still stores to the page.
 *
 *   gcc -Wall -Wextra -o tcp-mapped-changes tcp-mapped-changes.c && ./tcp-mapped-changes
 *
 * As any user; a TCP connection over the loopback, io_uring for a buffer that is registered.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int make_ring(struct io_uring_params *params)
{
	memset(params, 0, sizeof(*params));
	return (int)syscall(SYS_io_uring_setup, 4, params);
}

/* Reads one page of a file to the registered buffer 0: the first and only request of the ring. */
static int read_fixed(int ring, const struct io_uring_params *params, int file, void *at)
{
	char *sq = mmap(NULL, params->sq_off.array + params->sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	struct io_uring_sqe *request = mmap(NULL, params->sq_entries * sizeof(*request), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);

	if (sq == MAP_FAILED || cq == MAP_FAILED || request == MAP_FAILED)
		return -1;
	request->opcode = IORING_OP_READ_FIXED;
	request->fd = file;
	request->addr = (unsigned long)at;
	request->len = 4096;
	*(unsigned int *)(sq + params->sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(sq + params->sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	return ((struct io_uring_cqe *)(cq + params->cq_off.cqes))->res;
}

/* Sends a page of a memfd, punches it out, if that is asked, and stores to it by the buffer that was registered, when told to. */
static int sender(int connection, int told, int hole)
{
	struct io_uring_params params;
	int ring = make_ring(&params), memfd = memfd_create("sent", 0), other = memfd_create("other", 0);
	char *at, text[4096];
	struct iovec buffer;

	if (ring < 0 || memfd < 0 || other < 0 || ftruncate(memfd, 4096))
		return 2;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (at == MAP_FAILED)
		return 2;
	memset(at, 'A', 4096);
	memset(text, 'B', 4096);
	buffer.iov_base = at;
	buffer.iov_len = 4096;
	if (pwrite(other, text, 4096, 0) != 4096 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1))
		return 2;
	if (sendfile(connection, memfd, &(off_t){ 0 }, 4096) != 4096 || (hole && fallocate(memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)))
		return 2;
	if (write(connection, "x", 1) != 1) /* the page is sent and punched out */
		return 2;
	if (read(told, text, 1) != 1)
		return 2;
	return read_fixed(ring, &params, other, at) == 4096 ? 0 : 2;
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct tcp_zerocopy_receive receive;
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client, server, tell[2], status, hole, i;
	char *map, copy, text[4097];
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) || getsockname(listener, (struct sockaddr *)&address, &size) ||
	    connect(client, (struct sockaddr *)&address, size) || (server = accept(listener, NULL, NULL)) < 0 || pipe(tell))
		return 2;
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, server, 0);
	if (map == MAP_FAILED)
		return 2;
	printf("KTAP version 1\n1..4\n");
	for (hole = 0; hole < 2; hole++) {
		child = fork();
		if (!child)
			_exit(sender(client, tell[0], hole));
		for (i = 0; i < 500 && recv(server, text, sizeof(text), MSG_PEEK | MSG_DONTWAIT) != 4097; i++)
			usleep(10000);
		memset(&receive, 0, sizeof(receive));
		receive.address = (unsigned long)map;
		receive.length = 4096;
		size = sizeof(receive);
		if (getsockopt(server, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &receive, &size))
			return 2;
		if (hole)
			break;
		check(receive.length == 0, "a page of a memfd that was sent by sendfile is not mapped by TCP_ZEROCOPY_RECEIVE");
		if (recv(server, text, sizeof(text), MSG_WAITALL) != (ssize_t)(sizeof(text) - receive.length) || write(tell[1], "x", 1) != 1 || waitpid(child, &status, 0) != child || status)
			return 2;
	}
	check(receive.length == 4096, "one that has been punched out since is mapped");
	if (receive.length != 4096) {
		kill(child, 9);
		return 1;
	}
	copy = *(volatile char *)map;
	check(copy == 'A' && read(server, text, sizeof(text)) == 1, "it is what was sent, and received");
	if (write(tell[1], "x", 1) != 1 || waitpid(child, &status, 0) != child || status)
		return 2;
	copy = *(volatile char *)map;
	check(copy == 'B', "the sender reads a file into its registered buffer: what was received has changed");
	return failed;
}
