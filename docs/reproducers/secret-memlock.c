/*
 * memfd_secret and RLIMIT_MEMLOCK: mmap asks the limit and what is unmapped does not count, so that a user locks any amount of
 * memory; or, in kernels that count pages, a store is SIGBUS, for root, too, and as soon as another process of the user has
 * taken the limit.
 *
 *   gcc -Wall -Wextra -static -o secret-memlock secret-memlock.c && ./secret-memlock
 *
 * Run as root, who becomes user 1000. Prints KTAP, of what the kernel has of the two; exits with 0 if all is so, with 1 if
 * not, with 4 without memfd_secret (before 5.14, and by default before 6.5).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#define PAGE 4096L
#define LIMIT (64L << 10)
#define MANY (64L << 20)

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

/* The number in kB that a line of /proc has. */
static long line_of(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	long number = -1;
	char line[256];

	if (!file)
		give_up(path);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			number = atol(line + strlen(key));
	fclose(file);
	return number;
}

static void become_user(void)
{
	if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("user 1000");
}

static int secret(long bytes)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);

	if (fd < 0 || ftruncate(fd, bytes))
		give_up("memfd_secret");
	return fd;
}

static char *map_of(int fd, long bytes, long at)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
}

static char *anonymous(long bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void store_to(char *map, long bytes)
{
	for (long at = 0; at < bytes; at += PAGE)
		map[at] = 's';
}

/* The signal that a process gets for storing to all of a mapping; 0 if none. */
static int signal_of_stores(char *map, long bytes)
{
	pid_t child = fork();
	int status;

	if (!child) {
		store_to(map, bytes);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		give_up("fork");
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* User 1000, where mmap asks the limit */
static void by_mappings(void)
{
	const long before = line_of("/proc/meminfo", "Unevictable:");
	int fd = secret(MANY);
	long at, more;
	char *map;

	check(map_of(fd, 2 * LIMIT, 0) == MAP_FAILED && errno == EAGAIN, "RLIMIT_MEMLOCK is 64 kB: mmap of 128 kB is EAGAIN");
	for (at = 0; at < MANY; at += LIMIT) {
		map = map_of(fd, LIMIT, at);
		if (map == MAP_FAILED)
			break;
		store_to(map, LIMIT);
		munmap(map, LIMIT);
	}
	check(at == MANY, "mmap of 64 kB, stores, and munmap, 1024 times");
	check(line_of("/proc/self/status", "VmLck:") == 0, "VmLck is 0");
	more = line_of("/proc/meminfo", "Unevictable:") - before;
	printf("# memory that cannot be reclaimed: %ld kB more\n", more);
	check(more > MANY / 1024 - 1024, "but 64 MB are locked");
	map = map_of(fd, PAGE, MANY - PAGE);
	check(map != MAP_FAILED && *map == 's', "they have what was stored");
}

/* Root, where a store asks the limit */
static void by_pages_of_root(void)
{
	char *plain = anonymous(16 * LIMIT), *map = map_of(secret(2 * LIMIT), 2 * LIMIT, 0);

	check(mlock(plain, 16 * LIMIT) == 0, "root, CAP_IPC_LOCK, RLIMIT_MEMLOCK is 64 kB: mlock of 1 MB");
	check(map != MAP_FAILED && signal_of_stores(map, 2 * LIMIT) == SIGBUS, "mmap of 128 kB of memfd_secret, and a store is SIGBUS");
	munmap(plain, 16 * LIMIT);
}

/* Two processes of user 1000 */
static void by_pages_of_two(void)
{
	char *plain = anonymous(LIMIT), *map = map_of(secret(LIMIT), LIMIT, 0), byte = 0;
	int ready[2], status;
	pid_t other;

	check(map != MAP_FAILED, "user 1000 maps 64 kB of memfd_secret");
	if (pipe(ready))
		give_up("pipe");
	other = fork();
	if (!other) {
		char *own = map_of(secret(LIMIT), LIMIT, 0);

		if (own == MAP_FAILED || mlock(anonymous(LIMIT), LIMIT))
			_exit(1);
		store_to(own, LIMIT);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	check(read(ready[0], &byte, 1) == 1, "another process of his stores to 64 kB of its own, and has 64 kB by mlock");
	check(mlock(plain, LIMIT) == 0, "the first one: mlock of 64 kB");
	check(signal_of_stores(map, PAGE) == SIGBUS, "but its first store to what it has mapped is SIGBUS");
	kill(other, SIGKILL);
	waitpid(other, &status, 0);
	check(signal_of_stores(map, PAGE) == 0, "and works when the other has ended");
}

int main(void)
{
	struct rlimit limit = { LIMIT, LIMIT };
	struct utsname name;
	char *map;
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who is asked for CAP_IPC_LOCK\n");
		return 4;
	}
	fd = secret(2 * LIMIT);
	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		give_up("RLIMIT_MEMLOCK");
	/* A store counts if a process without CAP_IPC_LOCK may map more than the limit. */
	if (seteuid(1000))
		give_up("user 1000");
	map = map_of(fd, 2 * LIMIT, 0);
	if (seteuid(0))
		give_up("root");
	close(fd);
	if (map == MAP_FAILED) {
		printf("# RLIMIT_MEMLOCK counts mappings\n");
		become_user();
		by_mappings();
		printf("1..5\n");
	} else {
		printf("# RLIMIT_MEMLOCK counts pages\n");
		by_pages_of_root();
		become_user();
		by_pages_of_two();
		printf("1..7\n");
	}
	return failed;
}
