/*
 * Locks of files are memory of the kernel that nothing counts, and there may be any number of them: who may read sealed memfds, and
 * has memory.max 32 MB, takes 100 MB by F_OFD_SETLK on bytes of them. RLIMIT_LOCKS is asked by nobody.
 *
 *   gcc -Wall -Wextra -static -o locks-uncounted locks-uncounted.c && ./locks-uncounted
 *
 * Run as root, who makes a cgroup of 32 MB, and becomes user 1000 in it. Prints KTAP; exits with 0 if the memory is taken and not
 * counted, with 1 if not, with 4 without cgroups.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES 300 /* the locks of a file are in one list, which is searched for each */
#define LOCKS 2000
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define CGROUPS "/tmp/locks-cgroups"
#define CGROUP CGROUPS "/locks-uncounted"

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

/* User 1000, in a cgroup that may have 32 MB, with O_RDONLY: every other byte of 300 memfds, each locked. */
static void take(const int *readers)
{
	struct rlimit none = {0, 0};
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
	int i;

	put(CGROUP "/cgroup.procs", "0");
	if (setrlimit(RLIMIT_LOCKS, &none) || setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("user 1000");
	for (i = 0; i < FILES; i++)
		for (lock.l_start = 0; lock.l_start < 2 * LOCKS; lock.l_start += 2)
			if (fcntl(readers[i], F_OFD_SETLK, &lock))
				exit(1);
	raise(SIGSTOP);
	exit(0);
}

int main(void)
{
	static int readers[FILES];
	long before, taken, counted;
	struct utsname name;
	int status, i, fd;
	char path[64];
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	mkdir(CGROUPS, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", CGROUPS, "cgroup2", 0, NULL))
		give_up("mount");
	put(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	put(CGROUP "/memory.max", "33554432");
	for (i = 0; i < FILES; i++) {
		fd = memfd_create("region", MFD_ALLOW_SEALING);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fd < 0 || fchmod(fd, 0444) || fcntl(fd, F_ADD_SEALS, SEALS) || (readers[i] = open(path, O_RDONLY)) < 0)
			give_up("memfd");
		close(fd);
	}
	before = number_in("/proc/meminfo", "MemAvailable:");
	child = fork();
	if (!child)
		take(readers);
	waitpid(child, &status, WUNTRACED);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		return 4;
	taken = before - number_in("/proc/meminfo", "MemAvailable:");
	counted = number_in(CGROUP "/memory.current", "") / 1024;
	printf("# MemAvailable is %ld kB less; memory.current %ld kB\n", taken, counted);
	check(WIFSTOPPED(status),
	      "user 1000, in a cgroup of 32 MB, RLIMIT_LOCKS 0, O_RDONLY, takes 600000 locks of memfds with every seal");
	check(taken > 64 << 10, "more than 64 MB of memory are taken");
	check(counted >= 0 && counted < 16 << 10, "memory.current is less than 16 MB");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	rmdir(CGROUP);
	printf("1..3\n");
	return failed;
}
