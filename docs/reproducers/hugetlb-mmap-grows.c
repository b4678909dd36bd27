/*
 * A memfd of huge pages that is sealed with F_SEAL_GROW, and with F_SEAL_WRITE, grows
 * all the same: mmap with PROT_WRITE extends it to the end of the mapping, also a
 * private one.  fcntl(2), F_SEAL_GROW: "the size of the file in question cannot be
 * increased".
 *
 *   gcc -Wall -Wextra -o hugetlb-mmap-grows hugetlb-mmap-grows.c && ./hugetlb-mmap-grows
 *
 * MAP_NORESERVE: no huge page has to be free.  Prints KTAP; exits with 0 if the file
 * grows, with 1 if it does not, with 4 where there are no memfds of huge pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

static long size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -1 : (long)st.st_size;
}

static int maps(int fd, long length, int type)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, type | MAP_NORESERVE, fd, 0) !=
	       MAP_FAILED;
}

int main(void)
{
	const unsigned flags = MFD_HUGETLB | MFD_ALLOW_SEALING;
	int fd = memfd_create("region", flags);

	struct stat st;
	long page;

	printf("KTAP version 1\n");
	if (fd < 0) {
		printf("1..0 # SKIP memfd_create with MFD_HUGETLB: %s\n", strerror(errno));
		return 4;
	}
	fstat(fd, &st);
	page = st.st_blksize;
	printf("1..9\n");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0, "fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) = 0");
	check(ftruncate(fd, page), -1, "ftruncate(fd, one page) = -1 EPERM");
	check(maps(fd, page, MAP_SHARED), 1, "mmap(one page, PROT_WRITE, MAP_SHARED) succeeds");
	check(size_of(fd), page, "the size is one page");

	fd = memfd_create("region", flags);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0,
	      "fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE) = 0");
	check(maps(fd, page, MAP_SHARED), 0, "mmap(one page, PROT_WRITE, MAP_SHARED) = -1 EPERM");
	check(size_of(fd), 0, "the size is 0");
	check(maps(fd, page, MAP_PRIVATE), 1, "mmap(one page, PROT_WRITE, MAP_PRIVATE) succeeds");
	check(size_of(fd), page, "the size is one page");
	return failed;
}
