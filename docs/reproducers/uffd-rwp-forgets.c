/*
 * UFFDIO_RWPROTECT of a memfd's mapping is gone once the pages have been reclaimed; of anonymous memory it stays.
 *
 *   gcc -Wall -Wextra -static -pthread -o uffd-rwp-forgets uffd-rwp-forgets.c && ./uffd-rwp-forgets
 *
 * As root. MADV_PAGEOUT stands for what the kernel does when memory is short. Prints KTAP; exits with 0 if it is gone, with 1 if
 * not, with 4 where there is no UFFDIO_RWPROTECT (before 7.3).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 64
#define FEATURE_RWP (1 << 17)      /* UFFD_FEATURE_RWP */
#define REGISTER_RWP (1ULL << 3)   /* UFFDIO_REGISTER_MODE_RWP */
#define PROTECT _IOWR(UFFDIO, 9, struct protection) /* UFFDIO_RWPROTECT */

struct protection {
	struct uffdio_range range;
	__u64 mode; /* 1: protect */
};

static int failed, uffd, reported;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long protect(void *at, unsigned long bytes, int on)
{
	struct protection what = { { (unsigned long)at, bytes }, on };

	return ioctl(uffd, PROTECT, &what);
}

static void *handle(void *unused)
{
	struct pollfd wanted = { uffd, POLLIN, 0 };
	struct uffd_msg message;

	while (poll(&wanted, 1, -1) == 1) {
		if (read(uffd, &message, sizeof(message)) != sizeof(message))
			continue;
		__atomic_add_fetch(&reported, 1, __ATOMIC_SEQ_CST);
		protect((void *)(message.arg.pagefault.address & ~(PAGE - 1)), PAGE, 0);
	}
	return unused;
}

/* How many stores to protected pages were reported. */
static int stores(char *map)
{
	const int before = reported;

	for (int page = 0; page < PAGES; page++)
		map[page * PAGE] = 2;
	return reported - before;
}

static int register_and_protect(char *map)
{
	struct uffdio_register what = { .range = { (unsigned long)map, PAGES * PAGE }, .mode = REGISTER_RWP };

	memset(map, 1, PAGES * PAGE);
	return !ioctl(uffd, UFFDIO_REGISTER, &what) && !protect(map, PAGES * PAGE, 1);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = FEATURE_RWP };
	int fd = memfd_create("region", 0);
	pthread_t thread;
	char *map;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		printf("# no UFFD_FEATURE_RWP: %s\n", strerror(errno));
		return 4;
	}
	pthread_create(&thread, NULL, handle, NULL);
	printf("KTAP version 1\n1..4\n");
	ftruncate(fd, PAGES * PAGE);
	map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(register_and_protect(map) && stores(map) == PAGES, "memfd: all stores to 64 protected pages are reported");
	check(!protect(map, PAGES * PAGE, 1) && !madvise(map, PAGES * PAGE, MADV_PAGEOUT), "protected once more, and MADV_PAGEOUT");
	check(stores(map) == 0, "none is reported");
	map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(register_and_protect(map) && !madvise(map, PAGES * PAGE, MADV_PAGEOUT) && stores(map) == PAGES,
	      "anonymous memory: all are");
	return failed;
}
