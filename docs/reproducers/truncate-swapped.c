/*
 * ftruncate of a file of a tmpfs to a page's boundary in the middle of a large folio that is swapped out never returns, and cannot be
 * killed; up to 6.17 it returns, and what comes before the new end in that folio is lost.
 *
 *   gcc -Wall -Wextra -static -o truncate-swapped truncate-swapped.c && ./truncate-swapped
 *
 * For a virtual machine: the process stays for ever, and keeps a processor busy. Run as root, who switches on swap, on /dev/ram0
 * (insmod brd.ko rd_size=65536), unless there is some; user 1000 mounts the tmpfs in a user namespace of his own.
 * Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096L
#define HUGE (512 * PAGE)
#define KEPT (100 * PAGE)

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

static long kilobytes(const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	long value = -1;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, format, &value);
	if (file)
		fclose(file);
	return value;
}

/* What mkswap does, of a RAM disk; and swapon. */
static void swap_on(void)
{
	static char head[PAGE];
	int fd;

	if (kilobytes("/proc/meminfo", "SwapFree: %ld") > 8192)
		return;
	mknod("/dev/ram0", S_IFBLK | 0600, makedev(1, 0));
	fd = open("/dev/ram0", O_RDWR);
	if (fd < 0)
		give_up("/dev/ram0");
	*(uint32_t *)(head + 1024) = 1;
	*(uint32_t *)(head + 1028) = lseek(fd, 0, SEEK_END) / PAGE - 1;
	memcpy(head + PAGE - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, head, PAGE, 0) != PAGE || fsync(fd))
		give_up("/dev/ram0");
	close(fd);
	if (swapon("/dev/ram0", 0))
		give_up("swapon");
}

/* A file of 2 MiB in one huge page, which is swapped out. */
static int swapped_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *map;

	if (fd < 0 || ftruncate(fd, HUGE))
		give_up(path);
	map = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	memset(map, 'x', HUGE);
	for (int i = 0; i < 3; i++) {
		if (madvise(map, HUGE, MADV_PAGEOUT))
			give_up("MADV_PAGEOUT");
		usleep(200000);
	}
	munmap(map, HUGE);
	return fd;
}

int main(void)
{
	static char bytes[HUGE];
	struct utsname name;
	char where[64];
	long before, kept = 0;
	int fd, status, ended = 0;
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	swap_on();
	mkdir("/tmp/mnt", 0777);
	if (setgid(1000) || setuid(1000) || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("user namespace");
	set("/proc/self/setgroups", "deny");
	set("/proc/self/uid_map", "0 1000 1");
	set("/proc/self/gid_map", "0 1000 1");
	if (mount("none", "/tmp/mnt", "tmpfs", 0, "huge=always,size=32m"))
		give_up("mount");

	before = kilobytes("/proc/meminfo", "SwapFree: %ld");
	fd = swapped_file("/tmp/mnt/file");
	printf("# SwapFree was %ld kB, is %ld kB\n", before, kilobytes("/proc/meminfo", "SwapFree: %ld"));
	child = fork();
	if (!child)
		_exit(ftruncate(fd, KEPT) ? 1 : 0);
	for (int i = 0; i < 100 && !ended; i++) {
		usleep(100000);
		ended = waitpid(child, &status, WNOHANG) == child;
	}
	if (ended) {
		long got = pread(fd, bytes, HUGE, 0);

		for (long i = 0; i < got; i++)
			kept += bytes[i] == 'x';
		printf("# %ld bytes are left of the file, %ld of them as they were\n", got, kept);
		check(got == KEPT && kept == 0, "2 MiB of a file are swapped out; ftruncate to 400 kB has lost these 400 kB");
	} else {
		clock_t now;
		long ticks[2] = { 0 };

		kill(child, SIGKILL);
		sprintf(where, "/proc/%d/stat", child);
		for (int i = 0; i < 2; i++) {
			FILE *file = fopen(where, "r");

			if (!file || fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %ld", &ticks[i]) != 1)
				give_up(where);
			fclose(file);
			sleep(i ? 0 : 5);
		}
		now = ticks[1] - ticks[0];
		printf("# in 5 seconds after SIGKILL it has used %ld ticks of the processor\n", (long)now);
		check(waitpid(child, &status, WNOHANG) == 0 && now > 20, "2 MiB of a file are swapped out; ftruncate to 400 kB has not returned after 10 seconds, nor after SIGKILL");
		child = fork();
		if (!child)
			_exit(pwrite(fd, "y", 1, 0) == 1 ? 0 : 1);
		sleep(3);
		check(waitpid(child, &status, WNOHANG) == 0, "who writes the file does not return either");
	}
	printf("1..%d\n", number);
	return failed;
}
