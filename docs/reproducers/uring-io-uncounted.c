/*
 * /proc/PID/io counts neither what io_uring, AIO and splice read and write, and cachestat says of pages of a memfd that were written that none is dirty.
 *
 *   gcc -Wall -Wextra -o uring-io-uncounted uring-io-uncounted.c && ./uring-io-uncounted
 *
 * As any user.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MUCH (1 << 20)

static int failed;
static char buffer[MUCH];

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long counted(const char *name)
{
	FILE *file = fopen("/proc/self/io", "r");
	char line[100];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

int main(void)
{
	struct io_uring_params params = { 0 };
	int fd = memfd_create("file", 0), ring = (int)syscall(SYS_io_uring_setup, 4, &params), pipes[2];
	struct iocb block = { .aio_fildes = (unsigned int)fd, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (unsigned long)buffer, .aio_nbytes = MUCH }, *blocks = &block;
	struct { unsigned long offset, length; } range = { 0, MUCH };
	struct { unsigned long cached, dirty, rest[3]; } stat = { 0 };
	struct io_uring_cqe *event;
	struct io_uring_sqe *entry;
	struct io_event done;
	aio_context_t context = 0;
	long before, after;
	char *queue;
	loff_t at = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (fd < 0 || counted("wchar:") < 0)
		return 2;
	printf("KTAP version 1\n1..5\n");
	before = counted("wchar:");
	check(pwrite(fd, buffer, MUCH, 0) == MUCH && counted("wchar:") - before >= MUCH, "pwrite of 1 MiB is in wchar");

	queue = ring < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entry = ring < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || entry == MAP_FAILED)
		return 2;
	before = counted("wchar:");
	*entry = (struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd, .addr = (unsigned long)buffer, .len = MUCH };
	++*(unsigned int *)(queue + params.sq_off.tail);
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	event = (struct io_uring_cqe *)(queue + params.cq_off.cqes);
	after = counted("wchar:");
	printf("# IORING_OP_WRITE %d, wchar +%ld\n", event->res, after - before);
	check(event->res == MUCH && after - before < 10000, "IORING_OP_WRITE of 1 MiB is not");

	before = counted("wchar:");
	if (syscall(SYS_io_setup, 1, &context) || syscall(SYS_io_submit, context, 1, &blocks) != 1 || syscall(SYS_io_getevents, context, 1, 1, &done, NULL) != 1)
		return 2;
	after = counted("wchar:");
	check(done.res == MUCH && after - before < 10000, "io_submit of IOCB_CMD_PWRITE of 1 MiB is not");

	before = counted("rchar:");
	if (pipe(pipes))
		return 2;
	check(splice(fd, &at, pipes[1], NULL, 65536, 0) == 65536 && counted("rchar:") - before < 10000, "splice of 64 KiB is not in rchar");

	if (syscall(451 /* cachestat, 6.5 */, fd, &range, &stat, 0)) {
		check(1, "# SKIP no cachestat");
		return failed;
	}
	printf("# cachestat: %lu pages, %lu dirty\n", stat.cached, stat.dirty);
	check(stat.cached == 256 && stat.dirty == 0, "cachestat: 256 pages, none dirty");
	return failed;
}
