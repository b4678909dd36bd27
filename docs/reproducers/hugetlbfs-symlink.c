/*
 * symlink in a hugetlbfs is EINVAL, and changes the directory's times; with nr_inodes= alone, statfs says nothing of the inodes.
 *
 *   gcc -Wall -Wextra -o hugetlbfs-symlink hugetlbfs-symlink.c && sudo ./hugetlbfs-symlink
 *
 * As root, who mounts hugetlbfs on /tmp/huge-links in a mount namespace of the program's own; no huge page is needed.  Prints KTAP;
 * exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define PLACE "/tmp/huge-links"

static int failed;

static void check(int holds, const char *what)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, what);
}

int main(void)
{
	struct stat before, after;
	struct statfs fs;
	int result, made = 0, fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	mkdir(PLACE, 0755);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", PLACE, "hugetlbfs", 0, "nr_inodes=10") || chdir(PLACE)) {
		printf("1..0 # SKIP cannot mount\n");
		return 2;
	}
	printf("1..3\n");
	stat(".", &before);
	usleep(50000);
	result = symlink("target", "link");
	printf("# symlink: %d %s\n", result, result ? strerror(errno) : "");
	check(result < 0 && errno == EINVAL, "symlink is EINVAL");
	stat(".", &after);
	check(access("link", F_OK) && (before.st_mtim.tv_sec != after.st_mtim.tv_sec || before.st_mtim.tv_nsec != after.st_mtim.tv_nsec),
	      "it has made nothing, and st_mtime of the directory has changed");
	for (;;) {
		char name[20];

		snprintf(name, sizeof(name), "%d", made);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		if (made > 50 || fd < 0)
			break;
		close(fd);
		made++;
	}
	statfs(".", &fs);
	printf("# %d files were made, then %s; f_files %ld, f_ffree %ld\n", made, strerror(errno), (long)fs.f_files, (long)fs.f_ffree);
	check(made == 9 && fs.f_files == 0, "ten inodes can be had, with the directory, and f_files is 0");
	return failed;
}
