/*
 * mremap of a part of a private mapping of huge pages loses a reservation for good: the
 * page that stays (or moves) is reserved, and nobody gives that back when the mappings
 * and the file are gone.  A user without any privilege takes all free huge pages away
 * from everybody, a page a call, until the next boot.
 *
 *   gcc -Wall -Wextra -o hugetlb-mremap-leaks hugetlb-mremap-leaks.c && ./hugetlb-mremap-leaks
 *
 * ONE HUGE PAGE STAYS RESERVED.  Two have to be free (vm.nr_hugepages).  Prints KTAP; exits
 * with 0 if the reservation is lost, with 1 if it is not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE (2L * 1024 * 1024)

static long reserved(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[200];
	long pages = -1;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "HugePages_Rsvd: %ld", &pages);
	if (file)
		fclose(file);
	return pages;
}

/* Maps two pages, moves one of them, and ends. */
static int move_one(void)
{
	int fd = memfd_create("x", MFD_HUGETLB);
	char *map, *to;

	if (fd < 0)
		return 4;
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return 4;
	to = map + 64 * PAGE;
	if (mremap(map, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		return 5; /* 5.10: EINVAL */
	return 0;
}

int main(void)
{
	const long before = reserved();
	int status = 0, code;

	printf("KTAP version 1\n");
	fflush(stdout);
	if (fork() == 0)
		_exit(move_one());
	wait(&status);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 4;
	if (code == 4) {
		printf("1..0 # SKIP two huge pages are needed: vm.nr_hugepages\n");
		return 4;
	}
	printf("1..2\n%sok 1 mremap of the first of two pages, MAP_PRIVATE\n", code ? "not " : "");
	code |= reserved() != before + 1;
	printf("%sok 2 a page stays reserved after exit: HugePages_Rsvd %ld, before %ld\n",
	       code ? "not " : "", reserved(), before);
	return code != 0;
}
