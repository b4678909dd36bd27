/*
 * HugetlbPages of /proc/PID/status, where two processes share the page tables of 1 GiB: it counts nothing, then what is not
 * mapped any more, and then it is a number below zero.
 *
 *   gcc -Wall -Wextra -o huge-usage-negative huge-usage-negative.c && ./huge-usage-negative
 *
 * Needs 8 free huge pages of 2 MiB: as root it makes them.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIB (1UL << 30)
#define AT ((char *)(700 * GIB))

static int failed, fd, number;

static void check(int holds, const char *text)
{
	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* As text, since it is no number that a process can have. */
static const char *usage(const char *who)
{
	static char text[100];
	FILE *file = fopen("/proc/self/status", "r");
	char line[200];

	text[0] = 0;
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "HugetlbPages: %99[^\n]", text);
	if (file)
		fclose(file);
	printf("# %s: HugetlbPages %s\n", who, text);
	return text;
}

static char *mapped(void)
{
	char *at = mmap(AT, GIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0);

	if (at == MAP_FAILED)
		exit(2);
	return at;
}

int main(void)
{
	int to[2], from[2], make = open("/proc/sys/vm/nr_hugepages", O_WRONLY), i, sum = 0, status;
	char byte, *at;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (make >= 0 && write(make, "8", 1) != 1)
		return 2;
	fd = memfd_create("huge", MFD_HUGETLB);
	if (fd < 0 || ftruncate(fd, GIB) || pipe(to) || pipe(from))
		return 2;
	printf("KTAP version 1\n1..5\n");
	at = mapped();
	for (i = 0; i < 8; i++)
		at[(long)i << 21] = 1;
	check(!strcmp(usage("first"), "16384 kB"), "who stores to 8 pages has 16384 kB");
	if (!fork()) {
		munmap(at, GIB);
		at = mapped();
		for (i = 0; i < 8; i++)
			sum += at[(long)i << 21];
		check(sum == 8 && !strcmp(usage("second"), "0 kB"), "another process, which has loaded from all of them, has 0 kB");
		if (write(to[1], "x", 1) != 1 || read(from[0], &byte, 1) != 1)
			_exit(2);
		munmap(at, GIB);
		number = 3;
		check(strlen(usage("second")) > 15, "the other, after its munmap, has nearly 2^64");
		_exit(failed);
	}
	if (read(to[0], &byte, 1) != 1)
		return 2;
	munmap(at, GIB);
	number = 2;
	check(!strcmp(usage("first"), "16384 kB"), "the first, after its munmap, has 16384 kB");
	if (write(from[1], "x", 1) != 1 || wait(&status) < 0)
		return 2;
	close(fd);
	number = 4;
	check(!strcmp(usage("first"), "16384 kB"), "and still, when there is no huge page in use");
	return failed | WEXITSTATUS(status);
}
