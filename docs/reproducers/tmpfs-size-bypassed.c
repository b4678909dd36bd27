/*
 * A tmpfs with size=4m holds any amount of memory: what is spliced to pipes, and then cut off, is not counted by the tmpfs any
 * more, and statfs says that all of it is free. (A memory cgroup counts it.)
 *
 *   gcc -Wall -Wextra -static -o tmpfs-size-bypassed tmpfs-size-bypassed.c && ./tmpfs-size-bypassed
 *
 * Run as root, who mounts the tmpfs, and becomes user 1000. Prints KTAP; exits with 0 if twelve times its size is held, with 1 if
 * not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SIZE (4L << 20)
#define ROUNDS 12
#define MOUNT "/tmp/size-tmpfs"

static int failed;
static char text[SIZE];

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

static long kilobytes_available(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	long value = -1;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "MemAvailable: %ld", &value);
	if (file)
		fclose(file);
	return value;
}

/* The whole file into pipes; their ends that read. */
static void keep(int fd, int *pipes)
{
	loff_t at = 0;
	int ends[2];

	while (at < SIZE) {
		if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) < 0)
			give_up("pipe");
		while (at < SIZE && splice(fd, &at, ends[1], NULL, SIZE - at, SPLICE_F_NONBLOCK) > 0)
			;
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
		*pipes++ = ends[0];
	}
	*pipes = -1;
}

/* How many bytes of a value the pipes of a round have. */
static long held(const int *pipes, char value)
{
	ssize_t size, i;
	long count = 0;

	for (; *pipes >= 0; pipes++)
		while ((size = read(*pipes, text, SIZE)) > 0)
			for (i = 0; i < size; i++)
				count += text[i] == value;
	return count;
}

int main(void)
{
	static int pipes[ROUNDS][256];
	long taken, count = 0;
	struct utsname name;
	struct statfs info;
	int fd, round;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..3\n", name.release);
	mkdir(MOUNT, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", MOUNT, "tmpfs", 0, "size=4m,mode=1777") || setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("tmpfs");
	fd = open(MOUNT "/file", O_CREAT | O_RDWR, 0600);
	taken = kilobytes_available();
	for (round = 0; round < ROUNDS; round++) {
		memset(text, 'a' + round, SIZE);
		if (pwrite(fd, text, SIZE, 0) != SIZE)
			break;
		keep(fd, pipes[round]);
		if (ftruncate(fd, 0))
			give_up("ftruncate");
	}
	printf("# MemAvailable is %ld kB less\n", taken - kilobytes_available());
	check(round == ROUNDS, "user 1000 writes 4 MiB to a tmpfs of size=4m twelve times, and cuts them off each time");
	if (fstatfs(fd, &info))
		give_up("fstatfs");
	check(info.f_blocks == SIZE / 4096 && info.f_bfree == info.f_blocks, "statfs: of 1024 blocks 1024 are free");
	while (round--)
		count += held(pipes[round], 'a' + round);
	check(count == ROUNDS * SIZE, "48 MiB of it were in pipes: they are read, as written");
	return failed;
}
