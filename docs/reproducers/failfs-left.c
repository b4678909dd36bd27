/*
 * A process whose root is failfs, which "fails every absolute path lookup", opens /etc/passwd: by ".." from any directory it has open, and by an io_uring that it had before.
 *
 *   gcc -Wall -Wextra -o failfs-left failfs-left.c && ./failfs-left
 *
 * As any user (root becomes user 1000), not in a chroot.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without failfs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_FCHROOT 472
#define NR_OPENAT2 437
#define FAILFS_ROOT -10004
#define BENEATH 0x08

static int failed;
static struct io_uring_params params;
static char *sq, *cq;
static struct io_uring_sqe *requests;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int beneath(int directory, const char *path)
{
	struct { unsigned long long flags, mode, resolve; } how = { O_RDONLY, 0, BENEATH };

	return (int)syscall(NR_OPENAT2, directory, path, &how, sizeof(how));
}

static int make_ring(void)
{
	int ring = (int)syscall(SYS_io_uring_setup, 4, &params);

	sq = mmap(NULL, params.sq_off.array + params.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	requests = mmap(NULL, params.sq_entries * sizeof(*requests), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	return sq == MAP_FAILED || cq == MAP_FAILED || requests == MAP_FAILED ? -1 : ring;
}

/* openat by a worker of the ring. */
static int ring_open(int ring, const char *path)
{
	unsigned int *tail = (unsigned int *)(sq + params.sq_off.tail), *head = (unsigned int *)(cq + params.cq_off.head);
	unsigned int slot = *tail % params.sq_entries;
	struct io_uring_cqe *answers = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	int result;

	memset(&requests[slot], 0, sizeof(*requests));
	requests[slot].opcode = IORING_OP_OPENAT;
	requests[slot].flags = IOSQE_ASYNC;
	requests[slot].fd = AT_FDCWD;
	requests[slot].addr = (unsigned long)path;
	requests[slot].open_flags = O_RDONLY;
	((unsigned int *)(sq + params.sq_off.array))[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1000;
	result = answers[*head % params.cq_entries].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

int main(void)
{
	int directory, ring;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (!getuid() && (setgid(1000) || setuid(1000)))
		return 2;
	directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	ring = make_ring();
	if (directory < 0 || ring < 0 || ring_open(ring, "/etc/passwd") < 0)
		return 2;
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(NR_FCHROOT, FAILFS_ROOT, 0) == -1 && errno == EINVAL,
	      "fchroot(FD_FAILFS_ROOT) is EINVAL while a worker of an io_uring shares the root");
	if (unshare(CLONE_FS) || syscall(NR_FCHROOT, FAILFS_ROOT, 0) || fchdir(FAILFS_ROOT)) {
		printf("# fchroot: %s\n", strerror(errno));
		return 2;
	}
	check(open("/etc/passwd", O_RDONLY) == -1 && errno == EOPNOTSUPP && open(".", O_PATH) == -1 && errno == EOPNOTSUPP, "after unshare(CLONE_FS) it is 0: absolute paths and the working directory are EOPNOTSUPP");
	check(openat(directory, "../etc/passwd", O_RDONLY) >= 0, "openat(directory, \"../etc/passwd\") opens it");
	check(beneath(directory, "../etc/passwd") == -1 && errno == EXDEV, "by openat2 with RESOLVE_BENEATH that is EXDEV");
	check(ring_open(ring, "/etc/passwd") >= 0, "IORING_OP_OPENAT of \"/etc/passwd\" by the worker opens it");
	printf("1..5\n");
	return failed;
}
