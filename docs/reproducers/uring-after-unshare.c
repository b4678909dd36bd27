/*
 * After unshare(CLONE_FILES), close_range(CLOSE_RANGE_UNSHARE), unshare(CLONE_FS), chroot or unshare(CLONE_NEWNS) what a worker or the
 * polling thread of io_uring does goes on with the descriptors, the root, the working directory, the umask and the mounts of before.
 *
 *   gcc -Wall -Wextra -o uring-after-unshare uring-after-unshare.c && sudo ./uring-after-unshare
 *
 * As root, who becomes user 1000 for all but chroot and mount; in a directory of its own on /tmp. 30 seconds.  Prints KTAP; exits with 0
 * if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static int failed, number, ring, pipe_ends[2];
static struct io_uring_params params;
static struct io_uring_sqe *entries;
static char *queue;

static void check(int holds, const char *text)
{
	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void make_ring(unsigned int flags)
{
	params.flags = flags;
	params.sq_thread_idle = 1000;
	ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0) {
		printf("# io_uring_setup: %s\n", strerror(errno));
		exit(2);
	}
	ring = fcntl(ring, F_DUPFD_CLOEXEC, 100); /* out of the way of close_range */
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || entries == MAP_FAILED || pipe2(pipe_ends, O_NONBLOCK))
		exit(2);
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
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0);
	while (*done == *head)
		syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	result = events[*head % params.cq_entries].res;
	++*head;
	return result;
}

/* O_CREAT: io_uring has it done by a worker. */
static int made(const char *name)
{
	return submitted((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (unsigned long)name, .len = 0666,
						.open_flags = O_CREAT | O_RDWR });
}


static void file(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		exit(2);
	close(fd);
}

/* What IORING_OP_SPLICE, by a worker, finds in the file that is open as `fd`. */
static const char *spliced(int fd)
{
	static char text[4];

	memset(text, 0, sizeof(text));
	submitted((struct io_uring_sqe){ .opcode = IORING_OP_SPLICE, .fd = pipe_ends[1], .splice_fd_in = fd, .off = -1UL, .len = 3 });
	if (read(pipe_ends[0], text, 3) < 0)
		return "";
	return text;
}

/* From now on there are workers that have nothing to do: one for what may take long (a pipe), and one for the rest. */
static void make_workers(void)
{
	int fd = made("warm");

	spliced(fd);
	close(fd);
	usleep(300000);
}

/* The descriptor that was "one" is "two"; it is the process's own, and nobody else's. */
static int other_file(int by_range)
{
	int fd = open("one", O_RDWR);

	if (by_range ? syscall(SYS_close_range, fd, 50, 2 /* CLOSE_RANGE_UNSHARE */) : unshare(CLONE_FILES) || close(fd))
		exit(2);
	return open("two", O_RDWR);
}

static void without_worker(void)
{
	make_ring(0);
	check(!strcmp(spliced(other_file(0)), "two"), "unshare(CLONE_FILES), and a ring without a worker: the splice reads the right file");
}

static void descriptors(void)
{
	int fd, opened, result;

	make_ring(0);
	make_workers();
	fd = other_file(0);
	check(!strcmp(spliced(fd), "one"), "with a worker: it reads the file that the descriptor was before");
	opened = made("new");
	check(opened >= 0 && fcntl(opened, F_GETFD) == -1, "the descriptor that IORING_OP_OPENAT returns does not exist");
	result = submitted((struct io_uring_sqe){ .opcode = IORING_OP_CLOSE, .fd = fd, .flags = IOSQE_ASYNC });
	check(result == 0 && fcntl(fd, F_GETFD) >= 0, "IORING_OP_CLOSE, IOSQE_ASYNC, is 0, and the descriptor is open");
}

static void range(void)
{
	make_ring(0);
	make_workers();
	check(!strcmp(spliced(other_file(1)), "one"), "so after close_range(CLOSE_RANGE_UNSHARE)");
}

static void polled(void)
{
	char text[8] = "";
	int fd, result;

	make_ring(IORING_SETUP_SQPOLL);
	fd = other_file(0);
	result = submitted((struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd, .addr = (unsigned long)"WRITTEN", .len = 7 });
	if (pread(fd, text, 3, 0) < 0)
		exit(2);
	fd = open("one", O_RDONLY);
	check(result == 7 && !strcmp(text, "two") && read(fd, text, 7) == 7 && !memcmp(text, "WRITTEN", 7),
	      "IORING_SETUP_SQPOLL: IORING_OP_WRITE is 7, and has written the file that the descriptor was before");
}

static void pipe_stays(void)
{
	struct pollfd poll_fd = { .events = POLLIN };

	make_ring(0);
	make_workers();
	poll_fd.fd = pipe_ends[0];
	if (unshare(CLONE_FILES) || close(pipe_ends[1]))
		exit(2);
	check(poll(&poll_fd, 1, 12000) == 0, "the only write end of a pipe is closed: there is no end of file for 12 s");
	/* exec ends the workers, and so does the end of the process. */
}

static void lock_stays(void)
{
	struct flock lock = { .l_type = F_WRLCK }, asked = lock;
	int fd, status;

	make_ring(0);
	make_workers();
	fd = open("locked", O_CREAT | O_RDWR, 0644);
	if (fcntl(fd, F_SETLK, &lock) || unshare(CLONE_FILES))
		exit(2);
	check(fcntl(fd, F_SETLK, &lock) == -1 && errno == EAGAIN, "F_SETLK of what the process itself has locked: EAGAIN");
	fcntl(fd, F_GETLK, &asked);
	check(asked.l_type == F_WRLCK && asked.l_pid == getpid(), "F_GETLK says who has it: the process itself");
	close(fd);
	if (!fork())
		_exit(fcntl(open("locked", O_RDWR), F_SETLK, &lock) ? errno : 0);
	wait(&status);
	check(WEXITSTATUS(status) == EAGAIN, "after close nobody else gets it, either");
}

static void directory(void)
{
	struct stat st = { 0 };
	int fd;

	umask(0);
	mkdir("a", 0777);
	mkdir("b", 0777);
	make_ring(0);
	make_workers();
	if (chdir("a") || unshare(CLONE_FS) || chdir("../b"))
		exit(2);
	umask(077);
	fd = made("f");
	fstat(fd, &st);
	check(fd >= 0 && access("f", F_OK) && !access("../a/f", F_OK), "unshare(CLONE_FS) and chdir: the file is in the old directory");
	check((st.st_mode & 0777) == 0666, "and its mode goes by the old umask");
}

static void root(void)
{
	mkdir("jail", 0755);
	mkdir("jail/in", 0755);
	mkdir("in", 0755);
	make_ring(0);
	make_workers();
	if (unshare(CLONE_FS) || chroot("jail") || chdir("/"))
		exit(2);
	check(made("/tmp/uring-after-unshare/in/f") >= 0 && access("/tmp", F_OK),
	      "unshare(CLONE_FS) and chroot: a file is made where there is no such path");
}

static void mounts(void)
{
	mkdir("mount", 0755);
	make_ring(0);
	make_workers();
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "mount", "tmpfs", 0, NULL))
		exit(2);
	check(made("/tmp/uring-after-unshare/mount/f") >= 0 && access("/tmp/uring-after-unshare/mount/f", F_OK),
	      "unshare(CLONE_NEWNS) and a tmpfs: the file that is made is not there");
}

/* A process for each. `checks` is how many there are in it. */
static void child(void (*part)(void), int user, int checks)
{
	int status;

	file("one", "one");
	file("two", "two");
	if (!geteuid() && (chown("one", 1000, 1000) || chown("two", 1000, 1000)))
		exit(2);
	fflush(stdout);
	if (!fork()) {
		if (user && !geteuid() && (setgid(1000) || setuid(1000)))
			exit(2);
		part();
		exit(failed);
	}
	wait(&status);
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 2)
		exit(2);
	failed |= status != 0;
	number += checks;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	umask(0);
	if (mkdir("/tmp/uring-after-unshare", 0777) || chdir("/tmp/uring-after-unshare") || geteuid()) {
		printf("1..0 # SKIP not root, or /tmp/uring-after-unshare is there\n");
		return 2;
	}
	printf("1..16\n");
	child(without_worker, 1, 1);
	child(descriptors, 1, 3);
	child(range, 1, 1);
	child(polled, 1, 1);
	child(pipe_stays, 1, 1);
	child(lock_stays, 1, 3);
	child(directory, 1, 2);
	child(root, 0, 1);
	check(!access("in/f", F_OK), "it is outside of the new root");
	child(mounts, 0, 1);
	check(!access("mount/f", F_OK), "it is in the old mount namespace");
	return failed;
}
