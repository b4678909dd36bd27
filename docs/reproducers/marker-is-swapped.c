/*
 * pagemap says "swapped" of a hole of a memfd that is write-protected by a userfaultfd, marked by UFFDIO_POISON, or a guard region.
 *
 *   gcc -Wall -Wextra -static -o marker-is-swapped marker-is-swapped.c && ./marker-is-swapped
 *
 * Runs as any user (as root it becomes user 1000). Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 where it cannot be tried.
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define GUARD_INSTALL 102	/* MADV_GUARD_INSTALL */

struct poison { uint64_t start, length, mode, updated; };
#define POISON _IOWR(UFFDIO, 8, struct poison)	/* UFFDIO_POISON */

static int failed;

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

/* Bits 63 and 62 of the page's entry: 2 is present, 1 is swapped. */
static int state(char *at)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)at / 4096 * 8) != sizeof(entry))
		give_up("pagemap");
	close(fd);
	return entry >> 62;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 1 << 12 };	/* UFFD_FEATURE_WP_HUGETLBFS_SHMEM */
	struct uffdio_register all = { .mode = UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_writeprotect protect = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	struct poison poison = { .length = 4096 };
	struct utsname name;
	struct stat stat;
	int fd, faults;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	prctl(PR_SET_DUMPABLE, 1);
	fd = memfd_create("region", 0);
	faults = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (fd < 0 || ftruncate(fd, 16384) || faults < 0 || ioctl(faults, UFFDIO_API, &api))
		give_up("userfaultfd");
	map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	all.range.start = protect.range.start = (uintptr_t)map;
	all.range.len = 16384;
	protect.range.len = 4096;
	poison.start = (uintptr_t)map + 4096;
	if (map == MAP_FAILED || ioctl(faults, UFFDIO_REGISTER, &all))
		give_up("UFFDIO_REGISTER");
	check(!state(map) && !state(map + 4096) && !state(map + 8192), "holes of a memfd: neither present nor swapped");
	check(!ioctl(faults, UFFDIO_WRITEPROTECT, &protect) && state(map) == 1, "UFFDIO_WRITEPROTECT of one: swapped");
	if (ioctl(faults, POISON, &poison))
		printf("ok 3 # SKIP no UFFDIO_POISON\n");
	else
		check(state(map + 4096) == 1, "UFFDIO_POISON of one: swapped");
	if (madvise(map + 8192, 4096, GUARD_INSTALL))
		printf("ok 4 # SKIP no guard regions of files\n");
	else
		check(state(map + 8192) == 1, "MADV_GUARD_INSTALL of one: swapped");
	fstat(fd, &stat);
	check(stat.st_blocks == 0 && state(map + 12288) == 0, "the file has no page, in memory or in swap");
	return failed;
}
