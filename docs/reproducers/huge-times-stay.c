/*
 * Nothing that changes the contents of a memfd of huge pages changes its st_mtime: no store, no msync, no hole; and
 * fallocate leaves the set-user-id bit.
 *
 *   gcc -Wall -Wextra -o huge-times-stay huge-times-stay.c && ./huge-times-stay
 *
 * As any user (root becomes user 1000), with three free huge pages of 2 MiB.  Prints KTAP; exits with 0 if it is so, with 1 if
 * not, with 2 without huge pages.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4U
#endif
#define HUGE (2L << 20)
#define HOLE (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static int failed;
static struct stat before, after;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* More than a tick of the clock. */
static void begin(int fd)
{
	usleep(20000);
	fstat(fd, &before);
	usleep(20000);
}

static int mtime_moved(int fd)
{
	fstat(fd, &after);
	return before.st_mtim.tv_sec != after.st_mtim.tv_sec || before.st_mtim.tv_nsec != after.st_mtim.tv_nsec;
}

static int ctime_moved(int fd)
{
	fstat(fd, &after);
	return before.st_ctim.tv_sec != after.st_ctim.tv_sec || before.st_ctim.tv_nsec != after.st_ctim.tv_nsec;
}

static int atime_moved(int fd)
{
	fstat(fd, &after);
	return before.st_atim.tv_sec != after.st_atim.tv_sec || before.st_atim.tv_nsec != after.st_atim.tv_nsec;
}

int main(void)
{
	int small, huge;
	char *map, *huge_map, byte;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (!getuid() && setuid(1000))
		return 2;
	small = memfd_create("small", 0);
	huge = memfd_create("huge", MFD_HUGETLB);
	if (small < 0 || ftruncate(small, HUGE))
		return 2;
	if (huge < 0 || ftruncate(huge, 3 * HUGE)) {
		printf("1..0 # SKIP no huge pages\n");
		return 2;
	}
	map = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, small, 0);
	huge_map = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, huge, 0);
	if (map == MAP_FAILED || huge_map == MAP_FAILED) {
		printf("1..0 # SKIP no free huge pages\n");
		return 2;
	}
	printf("1..8\n");

	begin(small);
	*(volatile char *)map = 'x';
	msync(map, 4096, MS_SYNC);
	check(mtime_moved(small) && ctime_moved(small), "memfd of small pages: the first store and msync(MS_SYNC) move st_mtime and st_ctime");
	begin(small);
	check(!fallocate(small, HOLE, 0, 4096) && mtime_moved(small) && ctime_moved(small), "and so does a hole");

	begin(huge);
	*(volatile char *)huge_map = 'x';
	msync(huge_map, HUGE, MS_SYNC);
	check(!mtime_moved(huge) && !ctime_moved(huge), "memfd of huge pages: the first store and msync(MS_SYNC) do not");
	begin(huge);
	check(!fallocate(huge, HOLE, 0, HUGE) && pread(huge, &byte, 1, 0) == 1 && !byte && !mtime_moved(huge) && !ctime_moved(huge),
	      "nor does a hole, and what was stored is 0 now");
	begin(huge);
	check(!fallocate(huge, 0, 0, HUGE) && !mtime_moved(huge) && ctime_moved(huge), "fallocate moves st_ctime alone");
	begin(huge);
	check(!ftruncate(huge, 2 * HUGE) && mtime_moved(huge), "ftruncate moves st_mtime");
	begin(huge);
	check(pread(huge, &byte, 1, 0) == 1 && !atime_moved(huge), "read does not move st_atime");

	fchmod(small, 04777);
	printf("# fallocate of small pages by a user takes the set-user-id bit away: %s\n",
	       !fallocate(small, 0, 0, 4096) && !fstat(small, &after) && !(after.st_mode & S_ISUID) ? "yes" : "no");
	fchmod(huge, 04777);
	check(!fallocate(huge, HOLE, 0, HUGE) && !fallocate(huge, 0, 0, HUGE) && !fstat(huge, &after) && (after.st_mode & S_ISUID),
	      "of huge pages neither a hole nor fallocate does");
	return failed;
}
