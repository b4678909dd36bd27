/*
 * UFFDIO_COPY of huge pages says EEXIST, "there is a page already", where there is none and no huge page is free.
 *
 *   gcc -Wall -Wextra -static -o uffd-full-is-there uffd-full-is-there.c && ./uffd-full-is-there
 *
 * Any user, where at least one huge page of 2 MiB is free: all of them are taken. Prints KTAP; exits with 0 if it is so, with 1 if not,
 * with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HUGE (2L << 20)
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static int failed, uffd;
static char *map;
static volatile int loaded = -1;

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

static long meminfo(const char *key)
{
	char line[256];
	long value = -1;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = atol(line + strlen(key));
	if (file)
		fclose(file);
	return value;
}

static void *load(void *unused)
{
	loaded = *(volatile char *)map;
	return unused;
}

/* Whether a missing page is reported, within a second. */
static int reported(void)
{
	struct pollfd entry = {.fd = uffd, .events = POLLIN};
	struct uffd_msg message;

	return poll(&entry, 1, 1000) == 1 && read(uffd, &message, sizeof(message)) == sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT;
}

static int copy(char *source)
{
	struct uffdio_copy copy = {.dst = (uintptr_t)map, .src = (uintptr_t)source, .len = HUGE};

	errno = 0;
	return ioctl(uffd, UFFDIO_COPY, &copy) ? errno : 0;
}

int main(void)
{
	struct utsname name;
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_MISSING_HUGETLBFS};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffdio_range wake;
	char *source = malloc(HUGE);
	int memfd = memfd_create("region", MFD_HUGETLB), all = memfd_create("all", MFD_HUGETLB), error, again = 0;
	pthread_t thread;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	if (memfd < 0 || all < 0 || ftruncate(memfd, HUGE) || meminfo("HugePages_Free:") < 1 || !source)
		give_up("huge pages");
	memset(source, 'x', HUGE);
	map = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memfd, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd < 0 && errno == EINVAL) /* before 5.11 */
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	range.range.start = (uintptr_t)map;
	range.range.len = HUGE;
	wake = range.range;
	if (map == MAP_FAILED || uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range))
		give_up("userfaultfd");
	if (fallocate(all, 0, 0, meminfo("HugePages_Free:") * HUGE) || meminfo("HugePages_Free:"))
		give_up("all huge pages");

	error = copy(source);
	printf("# UFFDIO_COPY, no huge page is free: %s\n", strerror(error));
	check(error == EEXIST, "UFFDIO_COPY to a hole, where no huge page is free: EEXIST");
	if (error != EEXIST)
		return 1;
	pthread_create(&thread, NULL, load, NULL);
	for (int i = 0; i < 20; i++)
		again += reported() && copy(source) == EEXIST && !ioctl(uffd, UFFDIO_WAKE, &wake);
	check(again == 20 && loaded < 0, "a load there is reported, UFFDIO_COPY is EEXIST, UFFDIO_WAKE; reported again, 20 times: the load does not end");
	close(all);
	error = reported() ? copy(source) : -1;
	check(error == 0, "once a huge page is free: UFFDIO_COPY is 0");
	pthread_join(thread, NULL);
	check(loaded == 'x', "and the load gives what was copied");
	return failed;
}
