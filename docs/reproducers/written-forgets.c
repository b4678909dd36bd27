/*
 * PAGE_IS_WRITTEN forgets what was stored to a memfd of huge pages.
 *
 *   gcc -Wall -Wextra -static -o written-forgets written-forgets.c && ./written-forgets
 *
 * Runs as any user (as root it becomes user 1000). Two huge pages have to be free (vm.nr_hugepages). Prints KTAP; exits with 0 if it
 * is so, with 1 if not, with 4 where it cannot be tried (no huge pages, no PAGEMAP_SCAN).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HUGE (2UL << 20)
#define WP_ASYNC (1 << 15)
#define PAGE_IS_WRITTEN 2

struct region { uint64_t start, end, categories; };
struct scan { uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned; };
#define PAGEMAP_SCAN _IOWR('f', 16, struct scan)

static int failed, pagemap;

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

/* Two pages of a memfd, both loaded from, write-protected by a userfaultfd that lets stores through and remembers them. */
static char *protected(unsigned int flags, unsigned long page, int *fd)
{
	struct uffdio_api api = { .api = UFFD_API, .features = WP_ASYNC };
	struct uffdio_writeprotect protect = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	struct uffdio_register all = { .mode = UFFDIO_REGISTER_MODE_WP };
	int faults = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	char *map;

	*fd = memfd_create("region", flags);
	if (*fd < 0 || ftruncate(*fd, 2 * page))
		give_up("memfd_create");
	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	*(volatile char *)map;
	*(volatile char *)(map + page);
	all.range.start = protect.range.start = (uintptr_t)map;
	all.range.len = protect.range.len = 2 * page;
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &all) ||
	    ioctl(faults, UFFDIO_WRITEPROTECT, &protect))
		give_up("userfaultfd");
	return map;
}

/* Which of the two pages are PAGE_IS_WRITTEN: bits 0 and 1. */
static int written(char *map, unsigned long page)
{
	struct region found[2] = { 0 };
	struct scan scan = { .size = sizeof(scan), .start = (uintptr_t)map, .end = (uintptr_t)map + 2 * page, .vec = (uintptr_t)found,
			     .vec_len = 2, .mask = PAGE_IS_WRITTEN, .returned = PAGE_IS_WRITTEN };
	int number = ioctl(pagemap, PAGEMAP_SCAN, &scan), bits = 0;

	if (number < 0)
		give_up("PAGEMAP_SCAN");
	for (int i = 0; i < number; i++)
		for (int j = 0; j < 2; j++)
			if (found[i].start <= (uintptr_t)map + j * page && (uintptr_t)map + j * page < found[i].end)
				bits |= 1 << j;
	return bits;
}

/* Nothing, after the store, after MADV_DONTNEED: three digits. */
static const char *track(char *map, unsigned long page)
{
	static char text[4];

	text[0] = '0' + written(map, page);
	map[0] = 'x';
	text[1] = '0' + written(map, page);
	if (madvise(map, 2 * page, MADV_DONTNEED))
		give_up("MADV_DONTNEED");
	text[2] = '0' + written(map, page);
	return text;
}

int main(void)
{
	struct utsname name;
	char *map, byte = 0;
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	prctl(PR_SET_DUMPABLE, 1);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	map = protected(0, 4096, &fd);
	check(!strcmp(track(map, 4096), "011"), "a memfd, protected, a store to the first page, MADV_DONTNEED: that page is PAGE_IS_WRITTEN");
	map = protected(MFD_HUGETLB, HUGE, &fd);
	check(!strcmp(track(map, HUGE), "010"), "of huge pages: it is after the store, and is not after MADV_DONTNEED");
	check(pread(fd, &byte, 1, 0) == 1 && byte == 'x', "though the file has what was stored");
	map = protected(MFD_HUGETLB, HUGE, &fd);
	map[0] = 'x';
	check(written(map, HUGE) == 1 && !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGE) && !written(map, HUGE),
	      "a store, and a hole: no page is, though it was 'x' and is zeroes now");
	map = protected(0, 4096, &fd);
	map[0] = 'x';
	check(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) && written(map, 4096) == 1, "of small pages: the first is");
	return failed;
}
