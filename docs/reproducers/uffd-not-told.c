/*
 * userfaultfd has no event for memory that is taken away by shmat(SHM_REMAP), remap_file_pages or MADV_GUARD_INSTALL.
 *
 *   gcc -Wall -Wextra -static -pthread -o uffd-not-told uffd-not-told.c && ./uffd-not-told
 *
 * Any user (root becomes user 1000; it needs UFFD_USER_MODE_ONLY, or vm.unprivileged_userfaultfd; root's descriptor is kept).
 * Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 if it cannot be tried.
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
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#define PAGE 4096L
#define SIZE (4 * PAGE)

static int failed, number, uffd;
static volatile int unmapped, removed, missing;

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

/* Counts what is told, and fills what is missing with 'u'. */
static void *manage(void *unused)
{
	static char page[PAGE] __attribute__((aligned(4096)));
	struct pollfd wanted = { .events = POLLIN };
	struct uffd_msg msg;

	memset(page, 'u', PAGE);
	wanted.fd = uffd;
	while (poll(&wanted, 1, -1) == 1) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		unmapped += msg.event == UFFD_EVENT_UNMAP;
		removed += msg.event == UFFD_EVENT_REMOVE;
		if (msg.event == UFFD_EVENT_PAGEFAULT) {
			struct uffdio_copy copy = { .dst = msg.arg.pagefault.address & -PAGE, .src = (uintptr_t)page, .len = PAGE };

			missing++;
			while (ioctl(uffd, UFFDIO_COPY, &copy) && errno == EAGAIN)
				copy.copy = 0;
		}
	}
	return unused;
}

static void watch(char *map)
{
	struct uffdio_register reg = { .range = { (uintptr_t)map, SIZE }, .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (map == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &reg))
		give_up("UFFDIO_REGISTER");
}

static int told(volatile int *counter)
{
	int count;

	usleep(200000);
	count = *counter;
	*counter = 0;
	return count;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMOVE |
				  UFFD_FEATURE_MISSING_SHMEM };
	int fd = memfd_create("region", 0), id, guards;
	struct utsname name;
	pthread_t thread;
	char *map, *anonymous;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd < 0) /* before 5.11 */
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		give_up("userfaultfd");
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	if (ftruncate(fd, SIZE))
		give_up("memfd");
	pthread_create(&thread, NULL, manage, NULL);

	watch(map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	check(munmap(map, SIZE) == 0 && told(&unmapped) == 1, "munmap of memory that is watched: UFFD_EVENT_UNMAP");
	watch(map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	check(mmap(map, SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == map && told(&unmapped) == 1, "mmap over it: UFFD_EVENT_UNMAP");

	id = shmget(IPC_PRIVATE, SIZE, 0600);
	watch(map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	check(shmat(id, map, SHM_REMAP) == map && told(&unmapped) == 0, "shmat(SHM_REMAP) over it: no event");
	shmctl(id, IPC_RMID, NULL);
	shmdt(map);

	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE);
	watch(map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	check(map[0] == 'u' && told(&missing) == 1, "a load from a hole: an event, and what the manager gives");
	check(syscall(SYS_remap_file_pages, map, SIZE, 0, 0, 0) == 0 && told(&unmapped) == 0, "remap_file_pages of it: no event");
	check(map[PAGE] == 0 && told(&missing) == 0, "a load from a hole: no event any more, and 0");

	anonymous = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	watch(anonymous);
	memset(anonymous, 'x', SIZE);
	told(&missing);
	check(madvise(anonymous, PAGE, MADV_DONTNEED) == 0 && told(&removed) == 1, "MADV_DONTNEED: UFFD_EVENT_REMOVE");
	guards = madvise(anonymous + PAGE, PAGE, MADV_GUARD_INSTALL) == 0;
	if (guards)
		check(told(&removed) == 0 && madvise(anonymous + PAGE, PAGE, MADV_GUARD_REMOVE) == 0 && anonymous[PAGE] == 'u' && told(&missing) == 1,
		      "MADV_GUARD_INSTALL has thrown a page away: no event; later it is missing");
	else
		printf("ok %d # SKIP no guard regions\n", ++number);
	printf("1..%d\n", number);
	return failed;
}
