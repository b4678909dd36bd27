/*
 * fallocate of a memfd of huge pages that fails has made it longer (EINTR), or keeps the pages that it had got (ENOSPC).
 *
 *   gcc -Wall -Wextra -static -o hugetlb-fallocate-half hugetlb-fallocate-half.c && ./hugetlb-fallocate-half
 *
 * Needs 64 free huge pages and no more than 256 (/proc/sys/vm/nr_hugepages). Prints KTAP; exits with 0 if both are so, with 1
 * if not, with 4 if there are no such pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define HUGE 2097152L

static int failed;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

static void ignored(int number)
{
	(void)number;
}

static long free_pages(void)
{
	char line[128];
	long pages = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "HugePages_Free: %ld", &pages) == 1)
			break;
	if (file)
		fclose(file);
	return pages;
}

static long pages_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size / HUGE;
}

/* A signal in the middle, which takes some tries to hit: 1 if fallocate was interrupted. */
static int interrupted(int fd, long pages)
{
	for (int after = 500; after < 200000; after += 500) {
		struct itimerval soon = { { 0, 0 }, { 0, after } }, never = { { 0, 0 }, { 0, 0 } };
		int hit;

		ftruncate(fd, 0);
		setitimer(ITIMER_REAL, &soon, NULL);
		hit = fallocate(fd, 0, 0, pages * HUGE) < 0 && errno == EINTR;
		setitimer(ITIMER_REAL, &never, NULL);
		if (hit)
			return 1;
	}
	return 0;
}

int main(void)
{
	struct sigaction action = { .sa_handler = ignored };
	int fd = memfd_create("region", MFD_HUGETLB);
	long pages = free_pages();

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (fd < 0 || pages < 64 || pages > 256) {
		printf("# needs 64 to 256 free huge pages, not %ld\n", pages);
		return 4;
	}
	printf("KTAP version 1\n1..5\n");
	sigaction(SIGALRM, &action, NULL);
	check(interrupted(fd, pages), 1, "fallocate of all free pages is interrupted: EINTR");
	printf("# %ld of them were allocated\n", pages - free_pages());
	check(pages_of(fd), pages, "the file is as long as was asked for");
	check(ftruncate(fd, 0), 0, "ftruncate");
	check(fallocate(fd, 0, 0, (pages + 1) * HUGE) < 0 ? errno : 0, ENOSPC, "fallocate of one page more: ENOSPC");
	check(pages_of(fd) == 0 && free_pages() == 0, 1, "the file is empty, and all pages are gone");
	return failed;
}
