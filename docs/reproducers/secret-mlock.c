/*
 * mlock of memory of memfd_secret is ENOMEM, and of a range that it is a part of, too: what comes behind it counts as locked, and is not
 * in memory.
 *
 *   gcc -Wall -Wextra -static -o secret-mlock secret-mlock.c && ./secret-mlock
 *
 * Any user (as root it becomes user 1000). Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 without memfd_secret.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE 4096L
#define PART (4 * PAGE)
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static int failed, number;

static void check(int holds, const char *text)
{
	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static long locked(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %ld", &value);
	if (file)
		fclose(file);
	return value;
}

static int resident(char *at)
{
	unsigned char vec[4] = { 0 };

	mincore(at, PART, vec);
	return (vec[0] & 1) + (vec[1] & 1) + (vec[2] & 1) + (vec[3] & 1);
}

int main(void)
{
	struct utsname name;
	char *map;
	long before;
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	fd = syscall(SYS_memfd_secret, 0);
	if (fd < 0 || ftruncate(fd, PART))
		give_up("memfd_secret");
	map = mmap(NULL, 3 * PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mmap(map + PART, PART, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		give_up("mmap");
	memset(map + PART, 's', PART);
	before = locked();
	check(mlock(map + PART, PART) == -1 && errno == ENOMEM, "mlock of memory of memfd_secret that has been stored to is ENOMEM");
	check(mlock(map, 3 * PART) == -1 && errno == ENOMEM, "of anonymous memory, this and anonymous memory: ENOMEM");
	printf("# VmLck was %ld kB, is %ld kB; in memory are %d pages before it and %d behind it\n", before, locked(), resident(map), resident(map + 2 * PART));
	check(locked() - before == 2 * PART / 1024 && resident(map) == 4 && resident(map + 2 * PART) == 0,
	      "VmLck has what is before and what is behind it; what is behind it is not in memory");
	check(mlockall(MCL_CURRENT) == 0, "mlockall is 0");
	printf("1..%d\n", number);
	return failed;
}
