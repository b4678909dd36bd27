/*
 * UFFDIO_COPY to a private mapping of a hugetlbfs with min_size=, from a source that is not in the page table yet, reserves a huge page
 * for nobody: HugePages_Rsvd grows until no huge page can be mapped.
 *
 *   gcc -Wall -Wextra -static -o uffd-copy-reserves uffd-copy-reserves.c && ./uffd-copy-reserves
 *
 * Run as root, who mounts hugetlbfs, where at least 24 huge pages of 2 MiB are free; user 1000 copies. For a virtual machine: what is
 * reserved stays so until it is booted again. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOUNT "/tmp/uffd-copy-reserves"
#define HUGE (2L << 20)
#define MINIMUM 2 /* pages of the mount */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

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

enum way { STORE, COPY_TOUCHED, COPY_UNTOUCHED };

/* A store to a mapping of a page, which is then taken away, or UFFDIO_COPY to it from memory that is in the page table or not. */
static int copy(int file, enum way way)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_MISSING_HUGETLBFS};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING, .range.len = HUGE};
	struct uffdio_copy copy = {.len = HUGE};
	char *source = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *map = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY), result;

	if (uffd < 0 && errno == EINVAL) /* before 5.11 */
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (source == MAP_FAILED || map == MAP_FAILED || uffd < 0)
		_exit(3);
	if (way == STORE) {
		*map = 'x';
		munmap(map, HUGE);
		munmap(source, HUGE);
		close(uffd);
		return 1;
	}
	if (way == COPY_TOUCHED)
		memset(source, 'x', HUGE);
	range.range.start = copy.dst = (uintptr_t)map;
	copy.src = (uintptr_t)source;
	if (ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range))
		_exit(3);
	result = ioctl(uffd, UFFDIO_COPY, &copy);
	close(uffd);
	munmap(map, HUGE);
	munmap(source, HUGE);
	return result == 0;
}

/* User 1000, this often: copies, and then a file that takes as much as the mount's minimum and is cut off. Whether all of it was done. */
static int by_user(enum way way, int times)
{
	int pid, status;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int good = 1, file, other;

		if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
			_exit(3);
		file = open(MOUNT "/file", O_CREAT | O_RDWR, 0600);
		other = open(MOUNT "/other", O_CREAT | O_RDWR, 0600);
		if (file < 0 || other < 0 || ftruncate(file, HUGE))
			_exit(3);
		for (int i = 0; i < times; i++) {
			for (int j = 0; j < MINIMUM + 1; j++)
				good &= copy(file, way);
			good &= !fallocate(other, 0, 0, MINIMUM * HUGE) && !ftruncate(other, 0);
		}
		unlink(MOUNT "/file");
		unlink(MOUNT "/other");
		_exit(!good);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
	struct utsname name;
	long before;
	int done;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	mkdir(MOUNT, 0755);
	if (geteuid() || meminfo("HugePages_Free:") < 24 || meminfo("HugePages_Rsvd:"))
		give_up("24 free huge pages");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", MOUNT, "hugetlbfs", 0, "min_size=4M,pagesize=2M,mode=1777"))
		give_up("hugetlbfs");
	before = meminfo("HugePages_Rsvd:");
	done = by_user(STORE, 1);
	printf("# a store to a private mapping with MAP_NORESERVE: HugePages_Rsvd %ld, then %ld\n", before, meminfo("HugePages_Rsvd:"));
	before = meminfo("HugePages_Rsvd:");
	done &= by_user(COPY_TOUCHED, 1);
	printf("# UFFDIO_COPY to it from what is in the page table: %ld, then %ld\n", before, meminfo("HugePages_Rsvd:"));
	before = meminfo("HugePages_Rsvd:");
	done &= by_user(COPY_UNTOUCHED, 1);
	printf("# UFFDIO_COPY to it from what is not: %ld, then %ld\n", before, meminfo("HugePages_Rsvd:"));
	check(done, "each is done");
	check(meminfo("HugePages_Rsvd:") > before, "UFFDIO_COPY from what is not in the page table: HugePages_Rsvd is more after the process has ended");
	for (int i = 0; i < 20; i++)
		by_user(COPY_UNTOUCHED, 1);
	umount(MOUNT);
	printf("# unmounted: HugePages_Total %ld, HugePages_Free %ld, HugePages_Rsvd %ld\n", meminfo("HugePages_Total:"),
	       meminfo("HugePages_Free:"), meminfo("HugePages_Rsvd:"));
	check(meminfo("HugePages_Rsvd:") > 0, "again and again, and the file system unmounted: HugePages_Rsvd stays");
	check(mmap(NULL, meminfo("HugePages_Free:") * HUGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED &&
		      errno == ENOMEM,
	      "all are free, and mmap of them is ENOMEM");
	return failed;
}
