/*
 * Soft-dirty says of huge pages that nothing was stored to them, once it has been cleared; PAGEMAP_SCAN says that all of them were.
 *
 *   gcc -Wall -Wextra -static -o softdirty-huge softdirty-huge.c && ./softdirty-huge
 *
 * Runs as any user (as root it becomes user 1000). Four huge pages have to be free (vm.nr_hugepages). Prints KTAP; exits with 0 if it
 * is so, with 1 if not, with 4 where it cannot be tried (no huge pages, no CONFIG_MEM_SOFT_DIRTY). The last line needs PAGEMAP_SCAN.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HUGE (2UL << 20)
#define PAGE_IS_PRESENT (1 << 3)
#define PAGE_IS_SOFT_DIRTY (1 << 7)

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

static int soft_dirty(char *at)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, sizeof(entry), (uintptr_t)at / 4096 * 8) != sizeof(entry))
		give_up("pagemap");
	return entry >> 55 & 1;
}

static void clear(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (write(fd, "4", 1) != 1)
		give_up("clear_refs");
	close(fd);
}

/* Two pages: both are stored to, soft-dirty is cleared, and the second is stored to once more. What the two are then, before and after. */
static const char *track(char *map, unsigned long page)
{
	static char text[5];

	if (map == MAP_FAILED)
		give_up("mmap");
	map[0] = map[page] = 'x';
	clear();
	text[0] = '0' + soft_dirty(map);
	text[1] = '0' + soft_dirty(map + page);
	map[page] = 'y';
	text[2] = '0' + soft_dirty(map);
	text[3] = '0' + soft_dirty(map + page);
	return text;
}

static char *map_memfd(unsigned int flags, unsigned long page)
{
	int fd = memfd_create("region", flags);
	char *map;

	if (fd < 0 || ftruncate(fd, 2 * page))
		give_up("memfd_create");
	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map;
}

int main(void)
{
	struct region region = { 0 };
	struct scan scan = { .size = sizeof(scan), .vec = (uintptr_t)&region, .vec_len = 1, .mask = PAGE_IS_PRESENT,
			     .returned = PAGE_IS_SOFT_DIRTY };
	struct utsname name;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	prctl(PR_SET_DUMPABLE, 1);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (strcmp(track(map_memfd(0, 4096), 4096), "0001"))
		give_up("soft-dirty of small pages");
	check(1, "a memfd: after clear_refs none of two pages is soft-dirty, after a store to the second that one is");
	map = map_memfd(MFD_HUGETLB, HUGE);
	check(!strcmp(track(map, HUGE), "0000") && map[HUGE] == 'y', "a memfd of huge pages: none is, before the store and after it");
	scan.start = (uintptr_t)map;
	scan.end = scan.start + 2 * HUGE;
	clear();
	if (ioctl(pagemap, PAGEMAP_SCAN, &scan) < 0)
		printf("ok 3 # SKIP no PAGEMAP_SCAN\n");
	else
		check(region.categories == PAGE_IS_SOFT_DIRTY && region.start == scan.start && region.end == scan.end,
		      "PAGEMAP_SCAN, after clear_refs: both are");
	map = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	check(!strcmp(track(map, HUGE), "0000") && map[HUGE] == 'y', "MAP_ANONYMOUS|MAP_PRIVATE|MAP_HUGETLB: pagemap says that none is");
	return failed;
}
