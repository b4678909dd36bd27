/*
 * Where memory is short, a read in the middle of a huge folio that is swapped out never returns, where one at its beginning is ENOMEM; and who is
 * killed for want of memory while he shortens a file within such a folio never ends.
 *
 *   gcc -Wall -Wextra -static -o short-of-memory-spins short-of-memory-spins.c && ./short-of-memory-spins
 *
 * For a virtual machine with swap, since it may leave a process that nothing ends: root switches on /dev/ram0 (modprobe brd rd_size=65536) as swap
 * if there is none, mounts a tmpfs with huge=always and makes a cgroup with memory.max 16M. What user 1000 does is in it. Prints KTAP; exits with 0
 * if one of them never returns, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L
#define HUGE (2L << 20)
#define MUCH (64L << 20)
#define GROUP "/sys/fs/cgroup/short"

static int failed, number;
static char buf[PAGE];

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

static long swapped(void)
{
	char text[64] = "";
	int fd = open(GROUP "/memory.swap.current", O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text) - 1);

	close(fd);
	return got > 0 ? atol(text) : -1;
}

static long swap_free(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "SwapFree: %ld", &value);
	if (file)
		fclose(file);
	return value;
}

static void swap_on(void)
{
	char header[PAGE] = { 0 };
	int fd;

	if (swap_free() > 0)
		return;
	mknod("/dev/ram0", S_IFBLK | 0600, makedev(1, 0));
	fd = open("/dev/ram0", O_RDWR);
	if (fd < 0)
		give_up("/dev/ram0");
	header[1024] = 1;
	*(unsigned *)(header + 1028) = lseek(fd, 0, SEEK_END) / PAGE - 1;
	memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, header, PAGE, 0) != PAGE || fsync(fd) || close(fd) || swapon("/dev/ram0", 0))
		give_up("swapon");
}

/* A file of one huge folio, which is swapped out; all memory of the cgroup is taken and locked. */
static int swapped_file(void)
{
	int fd = open("/tmp/mnt/file", O_RDWR | O_CREAT | O_EXCL, 0600);
	char *map, *much;
	long before = swapped(), count;

	if (fd < 0 || unlink("/tmp/mnt/file") || ftruncate(fd, HUGE))
		give_up("/tmp/mnt/file");
	map = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(map, 'x', HUGE);
	munlock(map, HUGE);
	if (madvise(map, HUGE, MADV_PAGEOUT))
		give_up("MADV_PAGEOUT");
	munmap(map, HUGE);
	printf("# memory.swap.current is %ld kB more\n", (swapped() - before) / 1024);
	much = mmap(NULL, MUCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(much, MUCH, MADV_NOHUGEPAGE);
	for (count = 0; count < MUCH / PAGE && !mlock(much + count * PAGE, PAGE); count++)
		;
	printf("# locked %ld kB\n", count * PAGE / 1024);
	return fd;
}

static int run(int what)
{
	int adj = open("/proc/self/oom_score_adj", O_WRONLY), fd = swapped_file(), result;

	if (what == 0)
		result = pread(fd, buf, 100, 0);
	else if (what == 1)
		result = pread(fd, buf, 100, HUGE / 2);
	else
		result = write(adj, "0", 1) == 1 && ftruncate(fd, 100);
	return result < 0 && errno == ENOMEM ? 2 : 3;
}

/* 9 or what it returned; 0x100 if it goes on after 10 s and SIGKILL ends it, 0x200 if that does not. */
static int try(int what)
{
	int status, waited;
	pid_t pid = fork();

	if (!pid) {
		set(GROUP "/cgroup.procs", "0");
		set("/proc/self/oom_score_adj", "-1000");
		if (setgid(1000) || setuid(1000) || prctl(PR_SET_DUMPABLE, 1) || mlockall(MCL_CURRENT))
			give_up("user");
		_exit(run(what));
	}
	for (waited = 0; waited < 100; waited++, usleep(100000))
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	kill(pid, SIGKILL);
	for (waited = 0; waited < 100; waited++, usleep(100000))
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 0x100;
	return 0x200;
}

int main(void)
{
	static const char *const text[] = { "a read at its beginning", "a read in its middle", "ftruncate(100), and is killed for want of memory" };
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct utsname name;
	int result[3];

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	swap_on();
	setrlimit(RLIMIT_MEMLOCK, &all);
	set("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	set(GROUP "/memory.max", "16M");
	mkdir("/tmp/mnt", 0777);
	if (mount("none", "/tmp/mnt", "tmpfs", 0, "huge=always,mode=0777"))
		give_up("mount");
	for (int i = 0; i < 3; i++) {
		result[i] = try(i);
		if (result[i] == 4)
			return 4;
		printf("# %s: %s\n", text[i], result[i] == 2 ? "ENOMEM" : result[i] == 3 ? "returns something else" : result[i] == SIGKILL ? "is killed, and ends" :
			result[i] == 0x100 ? "goes on after 10 s, SIGKILL ends it" : result[i] == 0x200 ? "goes on after 10 s, and SIGKILL does not end it" : "other");
	}
	check(result[0] == 2, "no memory: a read at the beginning of a swapped huge folio is ENOMEM");
	check(result[1] >= 0x100, "no memory: a read in the middle of it does not return until somebody ends the process");
	check(result[2] == 0x200, "who is killed for want of memory in ftruncate to the middle of its first page does not end");
	printf("1..%d\n", number);
	return result[1] >= 0x100 || result[2] >= 0x100 ? 0 : 1;
}
