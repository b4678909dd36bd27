/*
 * The POSIX ACLs of a tmpfs file are memory of the kernel that nothing counts: not size= and nr_inodes= of the tmpfs, not the
 * memory.max of the cgroup. A file of no byte takes 128 kB, and keeps it when its maker has ended.
 *
 *   gcc -Wall -Wextra -static -o acl-uncounted acl-uncounted.c && ./acl-uncounted
 *
 * Run as root, who mounts a tmpfs of 64 kB, makes a cgroup of 32 MB, and becomes user 1000 in it; takes 112 MB for a moment. Prints
 * KTAP; exits with 0 if the memory is taken and not counted, with 1 if not, with 4 without a tmpfs with ACLs, or cgroups.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FILES 900
#define ENTRIES 8191 /* 65532 bytes, of XATTR_SIZE_MAX */
#define CGROUPS "/tmp/acl-cgroups"
#define CGROUP CGROUPS "/acl-uncounted"
#define TMPFS "/tmp/acl-tmpfs"

static struct acl {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entries[ENTRIES];
} acl;

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

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		give_up(path);
	close(fd);
}

/* The number behind `name` in a file, in its own unit. */
static long number_in(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	long value = -1;
	char line[128];

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

/* The owner, 8187 times user 1000, the group, the mask, others. */
static void make_acl(void)
{
	static const unsigned short last[] = {ACL_GROUP_OBJ, ACL_MASK, ACL_OTHER};
	int i;

	acl.header.a_version = POSIX_ACL_XATTR_VERSION;
	for (i = 0; i < ENTRIES; i++) {
		acl.entries[i].e_tag = i < ENTRIES - 3 ? ACL_USER : last[i - (ENTRIES - 3)];
		acl.entries[i].e_perm = ACL_READ;
		acl.entries[i].e_id = 1000;
	}
	acl.entries[0].e_tag = ACL_USER_OBJ;
}

/* User 1000, in a cgroup that may have 32 MB. */
static void fill(void)
{
	char path[64];
	int i, fd;

	put(CGROUP "/cgroup.procs", "0");
	if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("user 1000");
	for (i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), TMPFS "/%d", i);
		fd = open(path, O_CREAT | O_RDWR, 0600);
		if (fd < 0 || fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0)) {
			if (errno == EOPNOTSUPP)
				give_up("ACL");
			printf("# file %d: %s\n", i, strerror(errno));
			exit(1);
		}
		close(fd);
	}
	exit(0);
}

int main(void)
{
	long before, taken, counted;
	struct utsname name;
	struct statfs used;
	int status;
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	mkdir(CGROUPS, 0755);
	mkdir(TMPFS, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", CGROUPS, "cgroup2", 0, NULL) ||
	    mount("none", TMPFS, "tmpfs", 0, "size=64k,nr_inodes=1000,mode=1777"))
		give_up("mount");
	put(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	put(CGROUP "/memory.max", "33554432");
	make_acl();
	before = number_in("/proc/meminfo", "MemAvailable:");
	child = fork();
	if (!child)
		fill();
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		return 4;
	taken = before - number_in("/proc/meminfo", "MemAvailable:");
	counted = number_in(CGROUP "/memory.current", "") / 1024;
	statfs(TMPFS, &used);
	printf("# MemAvailable is %ld kB less; memory.current %ld kB; used of the tmpfs: %ld blocks, %ld inodes\n", taken, counted,
	       (long)(used.f_blocks - used.f_bfree), (long)(used.f_files - used.f_ffree));
	check(!status, "user 1000, in a cgroup of 32 MB, gives 900 files in a tmpfs of 64 kB an ACL of 65532 bytes each, and ends");
	check(taken > 96 << 10, "more than 96 MB of memory are taken");
	check(counted >= 0 && counted < 16 << 10, "memory.current is less than 16 MB");
	check(used.f_blocks == used.f_bfree && used.f_files - used.f_ffree < FILES + 10, "the tmpfs has 900 inodes, and no block, in use");
	umount(TMPFS);
	rmdir(CGROUP);
	printf("1..4\n");
	return failed;
}
