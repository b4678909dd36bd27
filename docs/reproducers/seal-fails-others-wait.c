/*
 * F_ADD_SEALS of F_SEAL_WRITE that fails with EBUSY: while it waits for who has a page, others' mmap is EPERM, though the file
 * has no seal and gets none, and their write waits, too. It is a reader's splice to a pipe that makes it fail.
 *
 *   gcc -Wall -Wextra -static -o seal-fails-others-wait seal-fails-others-wait.c && ./seal-fails-others-wait
 *
 * As any user. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 if no page can be held.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

/* What the other process, which goes on calling until it is told to stop, has seen */
struct seen {
	volatile int stop, calls;
	int refused, seals;
	double longest, from, until; /* a call; EPERM */
};

static struct seen *seen;

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

/* Milliseconds */
static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static int map_writable(int fd)
{
	void *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? -1 : munmap(map, PAGE);
}

static int map_read_only(int fd)
{
	void *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? -1 : munmap(map, PAGE);
}

static int write_one(int fd)
{
	return pwrite(fd, "x", 1, 0) == 1 ? 0 : -1;
}

static void go_on_calling(int (*call)(int), int fd)
{
	while (!seen->stop) {
		const double start = now();
		const int refused = call(fd) != 0 && errno == EPERM;
		const double end = now();

		if (end - start > seen->longest)
			seen->longest = end - start;
		if (refused) {
			seen->from = seen->refused ? seen->from : start;
			seen->until = end;
			seen->refused++;
			seen->seals |= fcntl(fd, F_GET_SEALS);
		}
		seen->calls++;
		usleep(1000);
	}
}

/* Another process calls all the time, and this one wants to seal. What F_ADD_SEALS gave: 0, or errno. */
static int seal_beside(int (*call)(int), int fd)
{
	pid_t other;
	int error;

	memset(seen, 0, sizeof(*seen));
	other = fork();
	if (!other) {
		go_on_calling(call, fd);
		_exit(0);
	}
	while (seen->calls < 10)
		usleep(1000);
	error = fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) ? errno : 0;
	usleep(50000);
	seen->stop = 1;
	waitpid(other, NULL, 0);
	return error;
}

/* It may take more than one try to fall in with it: a mapping or a write of the other makes F_ADD_SEALS fail at once. */
static int refused_beside(int (*call)(int), int fd)
{
	for (int tries = 0; tries < 20; tries++) {
		const int error = seal_beside(call, fd);

		if (error != EBUSY)
			return 0;
		if (seen->refused > 10) {
			printf("# EPERM, %d times in %.0f ms\n", seen->refused, seen->until - seen->from);
			return 1;
		}
	}
	return 0;
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), ends[2], reader;
	struct utsname name;
	char path[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (seen == MAP_FAILED || fd < 0 || ftruncate(fd, PAGE) || write_one(fd) || pipe(ends))
		give_up("memfd_create");
	reader = open(path, O_RDONLY);
	if (reader < 0 || splice(reader, NULL, ends[1], NULL, PAGE, 0) != PAGE)
		give_up("splice");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY,
	      "a reader has the page in a pipe: F_ADD_SEALS(F_SEAL_WRITE) is EBUSY");
	check(refused_beside(map_writable, fd), "meanwhile mmap(PROT_READ|PROT_WRITE, MAP_SHARED) is EPERM");
	check(seen->seals == 0, "F_GET_SEALS was 0 each time");
	check(refused_beside(map_read_only, fd), "and so is mmap(PROT_READ, MAP_SHARED)");
	check(seen->seals == 0, "F_GET_SEALS was 0 each time");
	check(seal_beside(write_one, fd) == EBUSY && seen->longest > 50, "a write of one byte waits for it");
	printf("# %.0f ms\n", seen->longest);
	check(fcntl(fd, F_GET_SEALS) == 0 && map_writable(fd) == 0, "in the end there is no seal, and mmap is 0");
	printf("1..7\n");
	return failed;
}
