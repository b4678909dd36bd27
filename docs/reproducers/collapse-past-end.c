/*
 * Who has a memfd read-only makes memory past its end, whatever the seals are: madvise(MADV_COLLAPSE), Linux 6.1.  A file
 * of one byte takes 2 MiB, mappings of it do not get SIGBUS, what one stores there the others load, and after
 * F_SEAL_WRITE it is still there, where read(2) does not see it.
 *
 *   gcc -Wall -Wextra -o collapse-past-end collapse-past-end.c && ./collapse-past-end
 *
 * As any user; root becomes 1000.  No setting is needed (shmem_enabled is "never" here).  Prints KTAP; exits with 0 if
 * there is memory past the end, with 1 if not, with 4 if MADV_COLLAPSE makes no page: it is unknown, or no 2 MiB are free.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define SETTING "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define HUGE (2L << 20)

static sigjmp_buf on_fault;
static int failed;

static void fault(int signal)
{
	siglongjmp(on_fault, signal);
}

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

/* The byte at `at`, or minus the signal. */
static int load(volatile char *at)
{
	int signal = sigsetjmp(on_fault, 1);

	return signal ? -signal : *at;
}

static int store(volatile char *at, char byte)
{
	int signal = sigsetjmp(on_fault, 1);

	if (!signal)
		*at = byte;
	return -signal;
}

/* A shared mapping of 2 MiB at a multiple of 2 MiB. */
static char *map_all(int fd, int protection)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	room += -(uintptr_t)room & (HUGE - 1);
	return mmap(room, HUGE, protection, MAP_SHARED | MAP_FIXED, fd, 0);
}

static long kilobytes(int fd)
{
	struct stat status;

	fstat(fd, &status);
	return status.st_blocks / 2;
}

int main(void)
{
	struct sigaction action = { .sa_handler = fault, .sa_flags = SA_NODEFER };
	char name[64], text[128] = "", byte = 0, *writer, *reader;
	const long past = HUGE - 4096;
	int fd, reader_fd;

	if (geteuid() == 0 && setresuid(1000, 1000, 1000))
		return 4;
	sigaction(SIGBUS, &action, NULL);
	reader_fd = open(SETTING, O_RDONLY);
	if (read(reader_fd, text, sizeof(text) - 1) > 0)
		printf("# " SETTING ": %s", text);
	close(reader_fd);

	printf("KTAP version 1\n1..13\n");
	fd = memfd_create("region", MFD_ALLOW_SEALING);
	check(write(fd, "x", 1), 1, "write(fd, \"x\", 1): the file has one byte");
	writer = map_all(fd, PROT_READ | PROT_WRITE);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0, "F_SEAL_GROW, F_SEAL_SHRINK");
	check(kilobytes(fd), 4, "it takes 4 kB");
	check(store(writer + past, 'z'), -SIGBUS, "a store past the end is SIGBUS");

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	reader_fd = open(name, O_RDONLY);
	reader = map_all(reader_fd, PROT_READ);
	/* 6.1 says EINVAL, as it does not map what it has made. */
	printf("# madvise(reader, 2 MiB, MADV_COLLAPSE), PROT_READ of an O_RDONLY descriptor: %s\n",
	       madvise(reader, HUGE, MADV_COLLAPSE) ? strerror(errno) : "0");
	if (kilobytes(fd) == 4)
		return 4;
	check(kilobytes(fd), 2048, "it takes 2 MiB");
	check(load(reader), 'x', "the reader's mapping loads the first byte");
	check(load(reader + past), 0, "a load past the end is no SIGBUS");
	check(load(writer), 'x', "the writer's mapping loads the first byte");
	check(store(writer + past, 'z'), 0, "and stores past the end");
	munmap(writer, HUGE);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0, "F_SEAL_WRITE");
	check(load(reader + past), 'z', "the reader has what was stored past the end");
	check(pread(fd, &byte, 1, past), 0, "pread has not");
	check(load(map_all(reader_fd, PROT_READ)), 'x', "a new mapping loads the first byte");
	return failed;
}
