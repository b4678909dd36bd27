/*
 * PAGEMAP_SCAN of huge pages that are not there, with PM_SCAN_WP_MATCHING, never returns, and no signal ends it. Nor does an ftruncate
 * by who made the memfd, after that.
 *
 *   gcc -Wall -Wextra -static -o scan-never-returns scan-never-returns.c && ./scan-never-returns
 *
 * Runs as root, who makes the memfd; user 1000 has its descriptor, maps it and scans. One huge page has to be free (vm.nr_hugepages).
 * Leaves two processes that only a reboot ends: for a virtual machine. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4
 * where it cannot be tried (no PAGEMAP_SCAN).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE (2UL << 20)
#define GIB (1UL << 30)
#define WHERE ((char *)(1024 * GIB))
#define WP_ASYNC (1 << 15)
#define PM_SCAN_WP_MATCHING 1

struct scan { uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned; };
#define PAGEMAP_SCAN _IOWR('f', 16, struct scan)

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

/* Whether the child ends within two seconds; its status. */
static int ends(pid_t child, int *status)
{
	for (int i = 0; i < 40; i++, usleep(50000))
		if (waitpid(child, status, WNOHANG) == child)
			return 1;
	return 0;
}

/* User 1000: maps the memfd, write-protects by PAGEMAP_SCAN what is in [from, from+length). Exits with 0, or with 4. */
static pid_t scanner(int fd, unsigned long from, unsigned long length)
{
	struct uffdio_api api = { .api = UFFD_API, .features = WP_ASYNC };
	struct uffdio_register all = { .range = { (uintptr_t)WHERE, GIB + HUGE }, .mode = UFFDIO_REGISTER_MODE_WP };
	struct scan scan = { .size = sizeof(scan), .flags = PM_SCAN_WP_MATCHING, .start = (uintptr_t)WHERE + from,
			     .end = (uintptr_t)WHERE + from + length, .vec_len = 0 };
	pid_t child = fork();
	int faults, pagemap;
	char *map;

	if (child)
		return child;
	if (setgid(1000) || setuid(1000))
		_exit(4);
	prctl(PR_SET_DUMPABLE, 1);
	map = mmap(WHERE, GIB + HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	faults = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (map != WHERE || faults < 0 || pagemap < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &all))
		_exit(4);
	*(volatile char *)(map + GIB);	/* the last page is in the page table */
	_exit(ioctl(pagemap, PAGEMAP_SCAN, &scan) < 0 ? 4 : 0);
}

static int new_memfd(unsigned int flags)
{
	int fd = memfd_create("region", flags);

	if (fd < 0 || ftruncate(fd, GIB + HUGE) || fallocate(fd, 0, GIB, HUGE))
		give_up("memfd_create");
	return fd;
}

static int cut(int fd, pid_t *child)
{
	int status;

	*child = fork();
	if (!*child)
		_exit(ftruncate(fd, 0) != 0);
	return ends(*child, &status);
}

int main(void)
{
	int small, huge, stays, status = 0;
	struct utsname name;
	pid_t child, other;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..6\n", name.release);
	small = new_memfd(0);
	child = scanner(small, 0, GIB);
	if (!ends(child, &status) || status)
		give_up("PAGEMAP_SCAN of a memfd of small pages");
	check(1, "user 1000 scans a GiB of holes of a memfd: it returns");
	close(small);
	huge = new_memfd(MFD_HUGETLB);
	check(ends(scanner(huge, GIB, HUGE), &status) && !status, "of a huge page that is there: it returns");
	child = scanner(huge, 0, GIB);
	stays = !ends(child, &status);
	check(stays, "of a GiB of holes of a memfd of huge pages: it does not return");
	kill(child, SIGKILL);
	check(stays && !ends(child, &status), "SIGKILL does not end it");
	stays = !cut(huge, &other);
	check(stays, "root, who made the memfd: ftruncate(0) does not return");
	kill(other, SIGKILL);
	check(stays && !ends(other, &status), "SIGKILL does not end that either");
	return failed;
}
