/*
 * Who may read a memfd of huge pages reserves every free huge page of the machine for it, whatever its size and its seals are, and
 * they stay reserved when he has gone.
 *
 *   gcc -Wall -Wextra -static -o reader-reserves-huge-pages reader-reserves-huge-pages.c && ./reader-reserves-huge-pages
 *
 * Run as root, who becomes user 1001 for the reader, with some huge pages free. Prints KTAP; exits with 0 if all is so, with 1 if
 * not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE 2097152L

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
	fflush(stdout);
}

static long count(const char *name)
{
	char text[4096] = "", *at;
	int fd = open("/proc/meminfo", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0)
		return -1;
	close(fd);
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

static int reader_of(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY);
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING | MFD_HUGETLB), reader, other, status = -1;
	long pages = count("HugePages_Free:") - count("HugePages_Rsvd:");
	struct stat stat;

	if (fd < 0 || pages < 2 || geteuid() != 0) {
		printf("# needs root and at least two free huge pages\n");
		return 4;
	}
	printf("KTAP version 1\n1..6\n");
	fchmod(fd, 0444);
	ftruncate(fd, HUGE);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) == 0,
	      "root's memfd of one huge page, mode 0444, has every seal");
	reader = reader_of(fd);
	if (fork() == 0) {
		close(fd);
		if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
			_exit(2);
		_exit(mmap(NULL, pages * HUGE, PROT_READ, MAP_SHARED, reader, 0) == MAP_FAILED);
	}
	wait(&status);
	close(reader);
	check(status == 0, "user 1001 maps as many as are free, O_RDONLY, PROT_READ, MAP_SHARED, and ends");
	fstat(fd, &stat);
	check(stat.st_size == HUGE && stat.st_blocks == 0, "the file has the size it had, and no blocks");
	check(count("HugePages_Rsvd:") == pages, "all of them are reserved");
	other = memfd_create("other", MFD_HUGETLB);
	check(fallocate(other, 0, 0, HUGE) == -1 && errno == ENOSPC, "root's fallocate of one huge page: ENOSPC");
	ftruncate(fd, HUGE);
	check(fallocate(other, 0, 0, HUGE) == 0, "after ftruncate of the memfd to the size that it has: 0");
	return failed;
}
