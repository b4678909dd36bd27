/*
 * One process of a user with RLIMIT_NOFILE 1000 and RLIMIT_NPROC 10 has all the files that the machine allows (fs.file-max), as direct
 * descriptors of io_uring, and no other user can open any.
 *
 *   gcc -Wall -Wextra -o uring-files-uncounted uring-files-uncounted.c && sudo ./uring-files-uncounted
 *
 * As root, who becomes users 1000 and 1001; for a virtual machine of 1 or 2 GB in which nothing has raised fs.file-max, as systemd does.
 * Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TABLE 1000
#define AT_ONCE 50

static int failed, ring, go[2], counters;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long first_number(int fd)
{
	char text[64] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atol(text) : -1;
}

/* One ring more, with a table of 1000 that it fills: how many files; `error` is why there are not more. */
static int fill_ring(int *error)
{
	static int none[TABLE];
	struct io_uring_params params;
	struct io_uring_sqe *entries;
	char *queue;
	unsigned int *tail, *head, *end;
	int files = 0;

	memset(&params, 0, sizeof(params));
	memset(none, -1, sizeof(none));
	ring = (int)syscall(SYS_io_uring_setup, 64, &params);
	if (ring < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, none, TABLE)) {
		*error = errno;
		return 0;
	}
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || entries == MAP_FAILED) {
		*error = errno;
		return 0;
	}
	tail = (unsigned int *)(queue + params.sq_off.tail);
	head = (unsigned int *)(queue + params.cq_off.head);
	end = (unsigned int *)(queue + params.cq_off.tail);
	for (int slot = 0; slot < TABLE && !*error;) {
		for (int i = 0; i < AT_ONCE; i++) {
			unsigned int at = (*tail + (unsigned int)i) % params.sq_entries;

			entries[at] = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (unsigned long)"/dev/null",
							     .splice_fd_in = ++slot };
			((unsigned int *)(queue + params.sq_off.array))[at] = at;
		}
		__atomic_store_n(tail, *tail + AT_ONCE, __ATOMIC_RELEASE);
		syscall(SYS_io_uring_enter, ring, AT_ONCE, AT_ONCE, IORING_ENTER_GETEVENTS, NULL, 0);
		for (; *head != *(volatile unsigned int *)end; ++*head) {
			int result = ((struct io_uring_cqe *)(queue + params.cq_off.cqes))[*head % params.cq_entries].res;

			if (result)
				*error = -result;
			else
				files++;
		}
	}
	munmap(queue, 4096);
	munmap(entries, 4096);
	return files;
}

/* User 1001 opens /dev/null, once somebody says go: 0 or why not. */
static pid_t other_user(void)
{
	pid_t child = fork();
	char byte;

	if (!child) {
		if (setgid(1001) || setuid(1001) || read(go[0], &byte, 1) != 1)
			_exit(255);
		_exit(open("/dev/null", O_RDONLY) < 0 ? errno : 0);
	}
	return child;
}

int main(void)
{
	struct rlimit files = { TABLE, TABLE }, processes = { 10, 10 };
	int most = open("/proc/sys/fs/file-max", O_RDONLY), rings = 0, error = 0, status;
	long count = 0;
	pid_t other;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	counters = open("/proc/sys/fs/file-nr", O_RDONLY);
	if (geteuid() || pipe(go) || first_number(most) > 400000) {
		printf("1..0 # SKIP not root, or fs.file-max is beyond 400000\n");
		return 2;
	}
	printf("1..3\n");
	setrlimit(RLIMIT_NOFILE, &files);
	other = other_user();
	if (other < 0 || setgid(1000) || setuid(1000) || setrlimit(RLIMIT_NPROC, &processes))
		return 2;
	printf("# fs.file-max %ld, fs.file-nr %ld\n", first_number(most), first_number(counters));
	while (!error && rings < TABLE - 10) {
		count += fill_ring(&error);
		rings++;
	}
	printf("# %d rings, %ld direct descriptors, then: %s; fs.file-nr %ld\n", rings, count, strerror(error), first_number(counters));
	check(count > 20 * TABLE, "RLIMIT_NOFILE is 1000, and the process has more than 20000 files");
	check(error == ENFILE, "what ends it is fs.file-max: ENFILE");
	if (write(go[1], "x", 1) != 1 || waitpid(other, &status, 0) < 0)
		return 2;
	check(WIFEXITED(status) && WEXITSTATUS(status) == ENFILE, "another user cannot open a file: ENFILE");
	return failed;
}
