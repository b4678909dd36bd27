/*
 * RLIMIT_MEMLOCK does not hold for buffers registered with io_uring, of which two lie in one huge page; from 7.2 on what was locked
 * is given back twice, and no process of the user can register anything any more.
 *
 *   gcc -Wall -Wextra -o uring-memlock-twice uring-memlock-twice.c && sudo ./uring-memlock-twice
 *
 * As root, who becomes user 1000; with transparent huge pages (madvise).  Prints KTAP; exits with 0 if the limit does not hold, with 1 if
 * it does, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1UL << 20)
#define MANY 32
#define CLONE_BUFFERS 30 /* IORING_REGISTER_CLONE_BUFFERS, 6.12 */

struct clone_buffers {
	unsigned int source, flags, source_offset, offset, nr, pad[3];
};

struct update {
	unsigned int offset, reserved;
	unsigned long data, tags;
	unsigned int nr, reserved2;
};

static int failed, number, held[MANY];

static void check(int holds, const char *text)
{
	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int make_ring(void)
{
	struct io_uring_params params;

	memset(&params, 0, sizeof(params));
	return (int)syscall(SYS_io_uring_setup, 4, &params);
}

static int registered(int ring, unsigned int code, void *what, unsigned int nr)
{
	return (int)syscall(SYS_io_uring_register, ring, code, what, nr);
}

static long pinned(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long kb = 0;
	char line[200];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmPin: %lu", &kb);
	if (file)
		fclose(file);
	return (long)kb; /* kB below zero are shown as a large number */
}

/* 2 MiB, which are one page. */
static char *huge(void)
{
	char *map = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		exit(2);
	map = (char *)(((unsigned long)map + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(map, 2 * MIB, MADV_HUGEPAGE);
	memset(map, 1, 2 * MIB);
	return map;
}

/* Whether another process of the user, with nothing registered, can register one page: 0 or why not. */
static int one_page(void)
{
	int status;

	if (!fork()) {
		struct iovec page = { mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096 };

		_exit(registered(make_ring(), IORING_REGISTER_BUFFERS, &page, 1) ? errno : 0);
	}
	wait(&status);
	return WEXITSTATUS(status);
}

static void give_back(long before)
{
	for (int i = 0; i < MANY; i++) {
		close(held[i]);
		held[i] = -1;
	}
	for (int i = 0; i < 200 && pinned() != before; i++)
		usleep(20000);
}

/* How many huge pages can be registered and stay so: each as one buffer (0); as two, the first of which is taken back (1); as two, the
 * second of which another ring has, too, by a clone, while the ring itself gives both back (2). -1 if there are no clones. */
static int fit(int how)
{
	int n;

	for (n = 0; n < MANY; n++) {
		char *page = huge();
		struct iovec whole = { page, 2 * MIB }, halves[2] = { { page, MIB }, { page + MIB, MIB } }, none = { 0 };
		struct update update = { .data = (unsigned long)&none, .nr = 1 };
		int first = make_ring();

		held[n] = first;
		if (first < 0)
			exit(2);
		/* Older kernels take their time to give back what was taken back. */
		for (int tries = 0; registered(first, IORING_REGISTER_BUFFERS, how ? halves : &whole, how ? 2 : 1); tries++) {
			if (how != 1 || errno != ENOMEM || tries == 20)
				return n;
			usleep(200000);
		}
		if (how == 1 && registered(first, IORING_REGISTER_BUFFERS_UPDATE, &update, sizeof(update)) != 1)
			break;
		if (how == 2) {
			struct clone_buffers clone = { .source = (unsigned int)first, .source_offset = 1, .nr = 1 };

			held[n] = make_ring();
			if (registered(held[n], CLONE_BUFFERS, &clone, 1)) {
				close(first);
				return n ? n : -1;
			}
			registered(first, IORING_UNREGISTER_BUFFERS, NULL, 0);
			close(first);
		}
	}
	return n;
}

int main(void)
{
	struct rlimit limit = { 8 * MIB, 8 * MIB };
	int whole, updated, cloned, error, refused, more;
	long before, left;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgid(1000) || setuid(1000) || make_ring() < 0) {
		printf("1..0 # SKIP not root, or no io_uring\n");
		return 2;
	}
	printf("1..5\n");
	memset(held, -1, sizeof(held));
	before = pinned();
	whole = fit(0);
	printf("# RLIMIT_MEMLOCK 8192 kB, huge pages of 2048 kB. Each is a buffer: %d of %d, VmPin %ld kB\n", whole, MANY, pinned());
	check(whole == 3 || whole == 4, "with one buffer in each huge page the limit holds");
	give_back(before);

	updated = fit(1);
	printf("# two buffers in each, the first is taken back: %d of %d, VmPin %ld kB\n", updated, MANY, pinned());
	give_back(before);
	cloned = fit(2);
	printf("# two buffers in each, the second cloned, and all of the first ring given back: %d of %d, VmPin %ld kB\n", cloned, MANY,
	       pinned());
	check(updated == MANY || cloned == MANY, "with two buffers in each it does not: all of them stay registered");

	/* Where they are given back twice: the counter is below zero. */
	error = one_page();
	for (int i = 0; i < MANY && cloned == MANY; i++)
		registered(held[i], IORING_UNREGISTER_BUFFERS, NULL, 0);
	left = pinned() - before;
	refused = one_page();
	more = one_page();
	printf("# before they are given back another process of the user registers a page: %s\n", error ? strerror(error) : "0");
	printf("# all are given back: VmPin %+ld kB; another process of the user registers a page: %s\n", left, refused ? strerror(refused) : "0");
	if (left < 0) {
		check(left == -2048L * MANY, "when they are given back VmPin is below zero by all of them");
		check(error == 0 && refused == ENOMEM, "no process of the user can register a page any more: ENOMEM");
		check(more == ENOMEM, "and so it stays");
	} else {
		for (int i = 0; i < 3; i++)
			check(1, "# SKIP nothing is given back twice");
	}
	return failed;
}
