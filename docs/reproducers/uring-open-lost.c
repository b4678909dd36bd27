/*
 * io_uring asks whether there is a slot for a direct descriptor when all else is done: an open that fails has emptied or made the file,
 * an accept that fails has taken the client and closes it, an update that fails has closed what was there.
 *
 *   gcc -Wall -Wextra -o uring-open-lost uring-open-lost.c && ./uring-open-lost
 *
 * As any user.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without io_uring.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define ANY (~0U) /* IORING_FILE_INDEX_ALLOC, 5.19 */
#define OP_PIPE 62 /* IORING_OP_PIPE, 6.16 */

static int failed, ring, listener;
static struct io_uring_params params;
static struct io_uring_sqe *entries;
static char *queue;
static struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0uring-open-lost" };

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int submitted(struct io_uring_sqe entry)
{
	unsigned int *tail = (unsigned int *)(queue + params.sq_off.tail), at = *tail % params.sq_entries;
	unsigned int *head = (unsigned int *)(queue + params.cq_off.head);
	volatile unsigned int *done = (unsigned int *)(queue + params.cq_off.tail);
	struct io_uring_cqe *events = (struct io_uring_cqe *)(queue + params.cq_off.cqes);
	int result;

	entries[at] = entry;
	((unsigned int *)(queue + params.sq_off.array))[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	while (*done == *head)
		syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	result = events[*head % params.cq_entries].res;
	++*head;
	return result;
}

/* slot: 0 for an ordinary descriptor, or the number of the slot and 1. (file_index is splice_fd_in in older headers.) */
static int opened(const char *name, int flags, unsigned int slot)
{
	return submitted((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (unsigned long)name, .len = 0600,
						.open_flags = (unsigned int)flags, .splice_fd_in = (int)slot });
}

static int accepted(unsigned int slot)
{
	return submitted((struct io_uring_sqe){ .opcode = IORING_OP_ACCEPT, .fd = listener, .splice_fd_in = (int)slot });
}

static int read_slot(int slot)
{
	char text[4];

	return submitted((struct io_uring_sqe){ .opcode = IORING_OP_READ, .flags = IOSQE_FIXED_FILE, .fd = slot,
						.addr = (unsigned long)text, .len = sizeof(text) });
}

static void fill(const char *name)
{
	int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);

	if (fd < 0 || write(fd, "what was there", 14) != 14)
		exit(2);
	close(fd);
}

static long size(const char *name)
{
	struct stat status;

	return stat(name, &status) ? -errno : (long)status.st_size;
}

static int client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		exit(2);
	return fd;
}

int main(void)
{
	char top[] = "/tmp/uring-open-lost-XXXXXX", byte;
	int none[2] = { -1, -1 }, ends[2], fd, result, bad = 1000;
	struct {
		unsigned int offset, reserved;
		unsigned long fds;
	} update = { .fds = (unsigned long)&bad };
	struct rlimit limit, no_more;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0) {
		printf("1..0 # SKIP io_uring: %s\n", strerror(errno));
		return 2;
	}
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (queue == MAP_FAILED || entries == MAP_FAILED || !mkdtemp(top) || chdir(top) ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 8))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	printf("1..13\n");

	/* For comparison: there is no ordinary descriptor, and nothing has been done. */
	fill("a");
	fd = client();
	getrlimit(RLIMIT_NOFILE, &limit);
	no_more = limit;
	no_more.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &no_more);
	check(opened("a", O_RDWR | O_TRUNC, 0) == -EMFILE && size("a") == 14, "ordinary descriptor: O_TRUNC is EMFILE, the file is as it was");
	check(opened("b", O_RDWR | O_CREAT | O_EXCL, 0) == -EMFILE && size("b") == -ENOENT, "O_CREAT|O_EXCL is EMFILE, there is no file");
	result = accepted(0);
	setrlimit(RLIMIT_NOFILE, &limit);
	check(result == -EMFILE && (result = accept(listener, NULL, NULL)) >= 0, "IORING_OP_ACCEPT is EMFILE, accept(2) gets the client");
	close(result);
	close(fd);

	check(opened("a", O_RDWR | O_TRUNC, 1) == -ENXIO && size("a") == 0, "direct, no table: O_TRUNC is ENXIO, and the file is empty");
	fill("a");
	syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, none, 2);
	check(opened("a", O_RDWR | O_TRUNC, 8) == -EINVAL && size("a") == 0, "slot 7 of 2: O_TRUNC is EINVAL, and the file is empty");
	fill("a");
	if (opened("a", O_RDWR, 1) || opened("a", O_RDWR, 2))
		return 2;
	/* Kernels without IORING_FILE_INDEX_ALLOC take it for a slot that is not there. */
	result = opened("a", O_RDWR | O_TRUNC, ANY);
	check((result == -ENFILE || result == -EINVAL) && size("a") == 0, "any slot, all in use: O_TRUNC is ENFILE, and the file is empty");
	fill("a");
	result = opened("b", O_RDWR | O_CREAT | O_EXCL, ANY);
	check((result == -ENFILE || result == -EINVAL) && size("b") == 0, "O_CREAT|O_EXCL is ENFILE, and the file is there");
	result = opened("b", O_RDWR | O_CREAT | O_EXCL, 2);
	check(result == -EEXIST, "the same with a slot: EEXIST");
	fd = client();
	result = accepted(ANY);
	check((result == -ENFILE || result == -EINVAL) && accept(listener, NULL, NULL) == -1 && errno == EAGAIN,
	      "IORING_OP_ACCEPT is ENFILE, and the client does not wait any more");
	check(recv(fd, &byte, 1, MSG_DONTWAIT) == 0, "the client is told that the connection has ended");

	/* What was there before. */
	check(read_slot(0) == 4 && read_slot(1) == 4, "slots 0 and 1 can be read from");
	result = (int)syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES_UPDATE, &update, 1);
	check(result == -1 && errno == EBADF && read_slot(0) == -EBADF, "IORING_REGISTER_FILES_UPDATE of slot 0 is EBADF, and it is empty");
	result = submitted((struct io_uring_sqe){ .opcode = OP_PIPE, .addr = (unsigned long)ends, .splice_fd_in = 2 });
	bad = read_slot(1);
	printf("# IORING_OP_PIPE: %d, read of slot 1: %d\n", result, bad);
	if (result == -EINVAL && bad == 4)
		check(1, "# SKIP no IORING_OP_PIPE");
	else /* It is empty, or has the end of a pipe that nobody writes to. */
		check(result == -EINVAL && (bad == -EBADF || bad == 0),
		      "IORING_OP_PIPE to slots 1 and 2, where there is no 2, is EINVAL, and what was in 1 is gone");
	return failed;
}
