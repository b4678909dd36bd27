/*
 * MADV_COLLAPSE maps pages that UFFDIO_REGISTER_MODE_MINOR was to report: a load that was an event is none afterwards, though
 * nobody has called UFFDIO_CONTINUE for it.
 *
 *   gcc -Wall -Wextra -static -o uffd-minor-skipped uffd-minor-skipped.c && ./uffd-minor-skipped
 *
 * Any user. Prints KTAP; exits with 0 if the load is not reported, with 1 if it is, with 4 without minor faults of shmem (5.14) or
 * MADV_COLLAPSE (6.1).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define COLLAPSE 25 /* MADV_COLLAPSE */

static int failed;
static sigjmp_buf reported;

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

/* The first 2 MiB of the file, at a multiple of 2 MiB. */
static char *map_file(int fd)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	map = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	if (room == MAP_FAILED || mmap(map, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		give_up("mmap of the memfd");
	return map;
}

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(reported, 1);
}

/* With UFFD_FEATURE_SIGBUS a fault that would be reported is SIGBUS. */
static int is_reported(volatile char *at)
{
	if (sigsetjmp(reported, 1))
		return 1;
	(void)*at;
	return 0;
}

int main(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS | (1 << 10)}; /* UFFD_FEATURE_MINOR_SHMEM */
	int fd = memfd_create("region", 0), uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	struct uffdio_register range = {.mode = 4}; /* UFFDIO_REGISTER_MODE_MINOR */
	static char text[HUGE];
	char *map, *other;
	struct utsname name;
	struct uffdio_continue {
		struct uffdio_range range;
		uint64_t mode;
		int64_t mapped;
	} one = {.range.len = PAGE};

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	memset(text, 'x', sizeof(text));
	if (fd < 0 || write(fd, text, HUGE) != (ssize_t)HUGE || uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		give_up("userfaultfd");
	signal(SIGBUS, on_sigbus);
	map = map_file(fd);
	other = map_file(fd);
	range.range.start = one.range.start = (uintptr_t)map;
	range.range.len = HUGE;
	if (ioctl(uffd, UFFDIO_REGISTER, &range))
		give_up("UFFDIO_REGISTER_MODE_MINOR");
	check(is_reported(map) && is_reported(map + 2 * PAGE), "registered for minor faults: loads of pages 0 and 2 are reported");
	check(ioctl(uffd, _IOWR(UFFDIO, 7, struct uffdio_continue), &one) == 0 && !is_reported(map),
	      "UFFDIO_CONTINUE of page 0: it can be loaded");
	if (madvise(other, HUGE, COLLAPSE))
		printf("# MADV_COLLAPSE of another mapping: %s\n", strerror(errno));
	check(is_reported(map + 2 * PAGE), "MADV_COLLAPSE of another mapping of the file: page 2 is reported as before");
	if (madvise(map, HUGE, COLLAPSE))
		give_up("MADV_COLLAPSE");
	check(!is_reported(map + 2 * PAGE), "MADV_COLLAPSE of this mapping: the load of page 2 is not reported");
	printf("1..4\n");
	return failed;
}
