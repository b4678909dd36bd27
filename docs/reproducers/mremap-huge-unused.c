/*
 * mremap of huge pages looks at new_address without MREMAP_FIXED, and takes 4096 bytes for 2 MiB: what of one's own lies
 * behind the 4096 is unmapped.
 *
 *   gcc -Wall -Wextra -static -o mremap-huge-unused mremap-huge-unused.c && ./mremap-huge-unused
 *
 * Needs two free huge pages. Prints KTAP; exits with 0 if both are so, with 1 if not, with 4 without huge pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HUGE 2097152UL

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long remap(void *old, unsigned long old_size, unsigned long new_size, unsigned long flags, unsigned long address)
{
	return syscall(SYS_mremap, old, old_size, new_size, flags, address);
}

int main(void)
{
	int fd = memfd_create("region", MFD_HUGETLB);
	char *map, *place = (char *)0x700000000000UL;

	ftruncate(fd, 2 * HUGE);
	map = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || map == MAP_FAILED) {
		printf("# no huge pages: %s\n", strerror(errno));
		return 4;
	}
	printf("KTAP version 1\n1..4\n");
	check(remap(map, 2 * HUGE, HUGE, 0, 4096) == -1 && errno == EINVAL, "mremap that shrinks, flags 0, new_address 4096: EINVAL");
	check(remap(map, 2 * HUGE, HUGE, 0, 0) == (long)map, "the same with new_address 0: it shrinks");
	place = mmap(place, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	place[4096] = 'x';
	check(remap(map, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (unsigned long)place) == (long)place,
	      "mremap of 4096 bytes, MREMAP_FIXED");
	check(place[4096] != 'x', "the page behind them is another");
	return failed;
}
