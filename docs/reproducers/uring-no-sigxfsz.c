/*
 * io_uring goes beyond no RLIMIT_FSIZE, but the process gets no SIGXFSZ: the signal stays with the thread of the kernel's.
 *
 *   gcc -Wall -Wextra -o uring-no-sigxfsz uring-no-sigxfsz.c && ./uring-no-sigxfsz
 *
 * As any user.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without io_uring.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failed, ring, signals;
static struct io_uring_params params;
static struct io_uring_sqe *entries;
static char *queue;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void count(int signal)
{
	(void)signal;
	signals++;
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

/* How many threads of this process have SIGXFSZ pending. */
static int pending(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	int found = 0;

	while (tasks && (task = readdir(tasks))) {
		char name[300], line[200];
		unsigned long bits = 0;
		FILE *file;

		snprintf(name, sizeof(name), "/proc/self/task/%s/status", task->d_name);
		file = fopen(name, "r");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "SigPnd: %lx", &bits) == 1)
				found += bits >> (SIGXFSZ - 1) & 1;
		if (file)
			fclose(file);
	}
	return found;
}

int main(void)
{
	int fd = memfd_create("region", 0);
	struct rlimit limit = { 4096, 4096 };

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (fd < 0 || ring < 0) {
		printf("1..0 # SKIP io_uring: %s\n", strerror(errno));
		return 2;
	}
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || entries == MAP_FAILED || setrlimit(RLIMIT_FSIZE, &limit))
		return 2;
	signal(SIGXFSZ, count);
	printf("1..5\n");
	check(pwrite(fd, "x", 1, 8192) == -1 && errno == EFBIG && signals == 1, "pwrite beyond RLIMIT_FSIZE: EFBIG and SIGXFSZ");
	check(fallocate(fd, 0, 0, 8192) == -1 && errno == EFBIG && signals == 2, "fallocate: EFBIG and SIGXFSZ");
	check(submitted((struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd, .off = 8192, .addr = (unsigned long)"x",
					       .len = 1 }) == -EFBIG && signals == 2, "IORING_OP_WRITE: EFBIG, no signal");
	check(submitted((struct io_uring_sqe){ .opcode = IORING_OP_FALLOCATE, .fd = fd, .addr = 8192 }) == -EFBIG && signals == 2,
	      "IORING_OP_FALLOCATE: EFBIG, no signal");
	check(pending() == 1, "a thread of the process has SIGXFSZ pending");
	return failed;
}
