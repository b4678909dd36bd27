/*
 * Each time that a hugetlbfs with size= finds no free huge page, it gets smaller by one, until it is mounted anew: what was taken from
 * its size is given back by nobody.
 *
 *   gcc -Wall -Wextra -static -o hugetlbfs-shrinks hugetlbfs-shrinks.c && ./hugetlbfs-shrinks
 *
 * Run as root, who mounts hugetlbfs, where at least four huge pages of 2 MiB are free. User 1000 does the rest. Prints KTAP; exits with 0
 * if one of the three ways shrinks it, with 1 if none does, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOUNT "/tmp/hugetlbfs-shrinks"
#define HUGE (2L << 20)
#define PAGES 4 /* of the mount */

static int any, all;
static sigjmp_buf back;

static int check(int holds, const char *text)
{
	static int number;

	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
	return holds;
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

static long available(void)
{
	struct statfs fs;

	return statfs(MOUNT, &fs) ? -1 : (long)fs.f_bfree;
}

static void on_signal(int number)
{
	siglongjmp(back, number);
}

static int by_fallocate(int file)
{
	return fallocate(file, 0, 0, HUGE) == -1 && errno == ENOSPC;
}

static int by_mmap(int file)
{
	return mmap(NULL, HUGE, PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED && errno == ENOMEM;
}

static int by_load(int file)
{
	char *map = mmap(NULL, HUGE, PROT_READ, MAP_SHARED | MAP_NORESERVE, file, 0);

	if (map == MAP_FAILED)
		return 0;
	if (!sigsetjmp(back, 1)) {
		(void)*(volatile char *)map;
		return 0;
	}
	munmap(map, HUGE);
	return 1;
}

/* User 1000 does this as often as the mount has pages, with a file of a page, and removes the file; whether it failed each time. */
static int by_user(int (*call)(int), int times)
{
	int pid, status;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int good = 1, file;

		if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
			_exit(3);
		signal(SIGBUS, on_signal);
		file = open(MOUNT "/file", O_CREAT | O_RDWR, 0600);
		if (file < 0 || ftruncate(file, HUGE))
			_exit(3);
		for (int i = 0; i < times; i++)
			good &= call(file);
		unlink(MOUNT "/file");
		_exit(!good);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void shrink(int (*call)(int), const char *text)
{
	long before, after;
	int all_huge = memfd_create("all", MFD_HUGETLB), failed, can;

	if (mount("none", MOUNT, "hugetlbfs", 0, "size=8M,pagesize=2M,mode=1777"))
		give_up("hugetlbfs");
	if (all_huge < 0 || fallocate(all_huge, 0, 0, meminfo("HugePages_Free:") * HUGE))
		give_up("huge pages");
	before = available();
	failed = by_user(call, PAGES);
	close(all_huge); /* now they are free again */
	after = available();
	can = !by_user(by_fallocate, 1);
	printf("# %s: %s; f_bfree %ld, then %ld; HugePages_Free %ld; fallocate is %s\n", text, failed ? "failed, as it should" : "did not fail",
	       before, after, meminfo("HugePages_Free:"), can ? "0" : "ENOSPC");
	if (failed && after == before - PAGES && !can)
		any = 1;
	else
		all = 0;
	check(failed && after == before - PAGES && !can, text);
	umount(MOUNT);
}

int main(void)
{
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..3\n", name.release);
	all = 1;
	mkdir(MOUNT, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		give_up("unshare");
	if (meminfo("HugePages_Free:") < PAGES)
		give_up("fewer than four huge pages are free");
	shrink(by_fallocate, "fallocate that is ENOSPC takes a page of the mount's size away");
	shrink(by_load, "a load that is SIGBUS (MAP_NORESERVE) does");
	shrink(by_mmap, "mmap that is ENOMEM does");
	return !any;
}
