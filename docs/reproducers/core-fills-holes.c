/*
 * A core dump fills the holes of the memfds and tmpfs files that the process had mapped, and a tmpfs with them. A mapping that may
 * only read, of a memfd with F_SEAL_FUTURE_WRITE, is enough.
 *
 *   gcc -Wall -Wextra -static -o core-fills-holes core-fills-holes.c && ./core-fills-holes
 *
 * Run as root, who sets kernel.core_pattern (and sets it back) and mounts tmpfs; user 1000 maps, touches nothing and is aborted.
 * Prints KTAP; exits with 0 if the holes are filled, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (64L << 20)
#define CORES "/tmp/cores"
#define SMALL "/tmp/small-tmpfs"
#define PATTERN "/proc/sys/kernel/core_pattern"
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static int failed;
static long core_size;
static char old_pattern[256];

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

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), result = fd < 0 || write(fd, text, strlen(text)) < 0;

	close(fd);
	return result;
}

static void restore_pattern(void)
{
	put(PATTERN, old_pattern);
}

static void prepare(void)
{
	int fd = open(PATTERN, O_RDONLY);

	mkdir(CORES, 0755);
	mkdir(SMALL, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", CORES, "tmpfs", 0, "mode=1777") || mount("none", SMALL, "tmpfs", 0, "size=4m,mode=755"))
		give_up("tmpfs");
	if (read(fd, old_pattern, sizeof(old_pattern) - 1) <= 0 || put(PATTERN, CORES "/core.%p"))
		give_up(PATTERN);
	atexit(restore_pattern);
}

static void map_and_abort(int fd, const char *filter)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_CORE, &limit) || setgroups(0, NULL) || setgid(1000) || setuid(1000) ||
	    prctl(PR_SET_DUMPABLE, 1) || put("/proc/self/coredump_filter", filter) ||
	    mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		_exit(1);
	abort();
}

/* What st_blocks of the file is after a process that has it mapped has dumped core. */
static long blocks_after(int fd, const char *filter)
{
	pid_t child = fork();
	struct stat stat;
	char path[64];
	int status;

	if (!child)
		map_and_abort(fd, filter);
	waitpid(child, &status, 0);
	snprintf(path, sizeof(path), CORES "/core.%d", (int)child);
	if (!WIFSIGNALED(status) || !WCOREDUMP(status) || lstat(path, &stat))
		give_up("core");
	core_size = stat.st_size;
	unlink(path);
	fstat(fd, &stat);
	printf("# st_blocks is %ld; the core has %ld bytes\n", (long)stat.st_blocks, core_size);
	return stat.st_blocks;
}

/* A memfd of 64 MiB of holes that others may only read; how it is opened for them. */
static int make_memfd(int flags)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ftruncate(fd, SIZE) || fchmod(fd, 0444) || fcntl(fd, F_ADD_SEALS, SEALS))
		give_up("memfd");
	return open(path, flags);
}

int main(void)
{
	int sparse, other;
	struct utsname name;
	struct statfs info;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..6\n", name.release);
	prepare();
	check(blocks_after(make_memfd(O_RDWR), "0x31") == 0,
	      "a sealed memfd of 64 MiB of holes, mapped PROT_READ, without bit 1 of coredump_filter: none is filled");
	check(blocks_after(make_memfd(O_RDWR), "0x33") == SIZE / 512 && core_size > SIZE,
	      "with bit 1, as by default: all are filled, and are in the core");
	check(blocks_after(make_memfd(O_RDONLY), "0x33") <= 8 && core_size < SIZE,
	      "the same by an O_RDONLY descriptor: one at most is filled, and they are not in the core");
	sparse = open(SMALL "/sparse", O_CREAT | O_RDWR, 0444);
	other = open(SMALL "/other", O_CREAT | O_RDWR, 0600);
	if (sparse < 0 || other < 0 || ftruncate(sparse, SIZE))
		give_up(SMALL);
	check(blocks_after(sparse, "0x33") == 0, "a file of 64 MiB of holes on a tmpfs of size=4m, without bit 3: none is filled");
	check(blocks_after(sparse, "0x3b") == (4 << 20) / 512 && !statfs(SMALL, &info) && info.f_bfree == 0,
	      "with bit 3: statfs says that no block of the tmpfs is free, when the process has ended");
	check(pwrite(other, "x", 1, 0) == -1 && errno == ENOSPC, "a write to another file there is ENOSPC");
	return failed;
}
