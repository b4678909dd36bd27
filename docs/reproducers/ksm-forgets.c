/*
 * KSM forgets what UFFDIO_WRITEPROTECT has protected, and that a page is soft-dirty: a page that it merges can be stored to with no
 * event, and what was stored since clear_refs is not told.
 *
 *   gcc -Wall -Wextra -static -pthread -o ksm-forgets ksm-forgets.c && ./ksm-forgets
 *
 * Run as root, who switches KSM on (/sys/kernel/mm/ksm/run); user 1000 does the rest, and needs vm.unprivileged_userfaultfd or
 * UFFD_USER_MODE_ONLY. Prints KTAP; exits with 0 if it forgets, with 1 if not, with 4 if it cannot be tried.
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
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#define FEATURE_RWP (1 << 17)    /* UFFD_FEATURE_RWP */
#define REGISTER_RWP (1ULL << 3) /* UFFDIO_REGISTER_MODE_RWP */
#define RWPROTECT _IOWR(UFFDIO, 9, struct uffdio_writeprotect)
#define PAGE 4096L
#define PAGES 16
#define SIZE (PAGES * PAGE)

static int failed, number;

static void check(int holds, const char *text)
{
	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		give_up(path);
	close(fd);
}

static uint64_t entry_of(const char *at)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)at / PAGE * sizeof(entry)) != sizeof(entry))
		give_up("/proc/self/pagemap");
	close(fd);
	return entry;
}

static int with_bit(const char *map, int bit)
{
	int count = 0;

	for (int i = 0; i < PAGES; i++)
		count += entry_of(map + i * PAGE) >> bit & 1;
	return count;
}

/* Two mappings of the same pages' contents, which differ from page to page. */
static char *region(int fd, char seed)
{
	char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (map == MAP_FAILED)
		give_up("mmap");
	for (int i = 0; i < PAGES; i++)
		memset(map + i * PAGE, seed + i, PAGE);
	return map;
}

static long sharing(void)
{
	FILE *file = fopen("/sys/kernel/mm/ksm/pages_sharing", "r");
	long value = -1;

	if (file && fscanf(file, "%ld", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

static void wait_for_ksm(long until)
{
	for (int i = 0; i < 300 && sharing() < until; i++)
		usleep(100000);
	printf("# pages_sharing %ld\n", sharing());
}

static char *at;

static void *store(void *done)
{
	*(volatile char *)at = 'z';
	*(volatile int *)done = 1;
	return NULL;
}

static void *load(void *done)
{
	(void)*(volatile char *)at;
	*(volatile int *)done = 1;
	return NULL;
}

int main(void)
{
	int fd = memfd_create("region", 0), uffd, protect_first, soft, soft_then;
	static volatile int done;
	struct uffdio_register reg = { 0 };
	struct uffdio_writeprotect wp = { 0 };
	struct uffdio_api api = { .api = UFFD_API };
	struct pollfd poll_it;
	struct uffd_msg msg;
	struct utsname name;
	pthread_t thread;
	char *one, *two, *three, *four;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	set("/sys/kernel/mm/ksm/sleep_millisecs", "10");
	set("/sys/kernel/mm/ksm/pages_to_scan", "1000");
	set("/sys/kernel/mm/ksm/run", "1");
	if (ftruncate(fd, SIZE) || setgid(1000) || setuid(1000) || prctl(PR_SET_DUMPABLE, 1))
		give_up("user");
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd < 0) /* before 5.11 */
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		give_up("userfaultfd");

	/* userfaultfd; what is mapped first has the higher address, is scanned last, and becomes the page that both have */
	two = region(fd, 'a');
	one = region(fd, 'a');
	reg.range.start = (uintptr_t)one;
	reg.range.len = SIZE;
	reg.mode = UFFDIO_REGISTER_MODE_WP;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		printf("# no UFFDIO_REGISTER_MODE_WP of a private mapping of a memfd: anonymous memory\n");
		two = region(fd = -1, 'a');
		one = region(fd, 'a');
		reg.range.start = (uintptr_t)one;
		if (ioctl(uffd, UFFDIO_REGISTER, &reg))
			give_up("UFFDIO_REGISTER");
	}
	wp.range = reg.range;
	wp.mode = UFFDIO_WRITEPROTECT_MODE_WP;
	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		give_up("UFFDIO_WRITEPROTECT");
	poll_it = (struct pollfd){ .fd = uffd, .events = POLLIN };
	at = one;
	pthread_create(&thread, NULL, store, (void *)&done);
	check(poll(&poll_it, 1, 20000) == 1 && read(uffd, &msg, sizeof(msg)) == sizeof(msg) && msg.event == UFFD_EVENT_PAGEFAULT &&
	      msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP && !done, "a page that is protected is stored to: userfaultfd has an event, and the store waits");
	wp.range.len = PAGE;
	wp.mode = 0;
	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		give_up("UFFDIO_WRITEPROTECT");
	pthread_join(thread, NULL);
	*one = 'a';
	wp.mode = UFFDIO_WRITEPROTECT_MODE_WP;
	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		give_up("UFFDIO_WRITEPROTECT");
	protect_first = with_bit(one, 57);
	if (madvise(one, SIZE, MADV_MERGEABLE) || madvise(two, SIZE, MADV_MERGEABLE))
		give_up("MADV_MERGEABLE");
	wait_for_ksm(PAGES);
	printf("# of %d pages pagemap said of %d that they are protected (bit 57), and says of %d\n", PAGES, protect_first, with_bit(one, 57));
	done = 0;
	pthread_create(&thread, NULL, store, (void *)&done);
	for (int i = 0; i < 100 && !done; i++)
		usleep(20000);
	check(done && poll(&poll_it, 1, 0) == 0, "after KSM has merged it: it is stored to, and there is no event");

	/* soft-dirty */
	soft_then = -1;
	four = region(-1, '0');
	mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	three = region(-1, 'A');
	set("/proc/self/clear_refs", "4");
	soft = with_bit(three, 55);
	for (int i = 0; i < PAGES; i++)
		memset(three + i * PAGE, '0' + i, PAGE);
	if (!soft)
		soft_then = with_bit(three, 55);
	if (madvise(three, SIZE, MADV_MERGEABLE) || madvise(four, SIZE, MADV_MERGEABLE))
		give_up("MADV_MERGEABLE");
	wait_for_ksm(PAGES * 2 - 1);
	printf("# soft-dirty after clear_refs: %d; after a store to each: %d; after KSM: %d\n", soft, soft_then, with_bit(three, 55));
	if (soft_then == PAGES)
		check(with_bit(three, 55) == 0, "what was stored since clear_refs was soft-dirty, and is not after KSM has merged it");
	else
		printf("ok %d # SKIP no soft-dirty\n", ++number);

	/* loads, too, of what only 7.3 can protect */
	close(uffd);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	api = (struct uffdio_api){ .api = UFFD_API, .features = FEATURE_RWP };
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		printf("ok %d # SKIP no UFFDIO_RWPROTECT\n", ++number);
	} else {
		two = region(-1, 'P');
		mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		one = region(-1, 'P');
		reg.range.start = (uintptr_t)one;
		reg.mode = REGISTER_RWP;
		wp.range = reg.range;
		wp.mode = 1;
		if (ioctl(uffd, UFFDIO_REGISTER, &reg) || ioctl(uffd, RWPROTECT, &wp) || madvise(one, SIZE, MADV_MERGEABLE) || madvise(two, SIZE, MADV_MERGEABLE))
			give_up("UFFDIO_RWPROTECT");
		wait_for_ksm(PAGES * 3 - 1);
		at = one;
		done = 0;
		pthread_create(&thread, NULL, load, (void *)&done);
		for (int i = 0; i < 100 && !done; i++)
			usleep(20000);
		poll_it.fd = uffd;
		check(done && poll(&poll_it, 1, 0) == 0, "UFFDIO_RWPROTECT: it is loaded from, and there is no event");
	}
	printf("1..%d\n", number);
	return failed;
}
