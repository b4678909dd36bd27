/*
 * A hole or a truncation that begins or ends within a page that is swapped out says 0 where there is no memory to read the page back, and
 * leaves in it what was to go: what has been cut off a file is there again when it is made longer.
 *
 *   gcc -Wall -Wextra -static -o cut-comes-back cut-comes-back.c && ./cut-comes-back
 *
 * For a virtual machine with swap: root switches on /dev/ram0 (modprobe brd rd_size=65536) as swap if there is none, and makes a
 * cgroup with memory.max 16M. What user 1000 does is in it. Prints KTAP; exits with 0 if it comes back, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L
#define PAGES 4
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

/* All memory of the cgroup is taken and locked; fd's pages are swapped out. */
static char *take_all(int fd)
{
	char *map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *much;
	long before = swapped(), count;

	memset(map, 'x', PAGES * PAGE);
	if (madvise(map, PAGES * PAGE, MADV_PAGEOUT))
		give_up("MADV_PAGEOUT");
	munmap(map, PAGES * PAGE);
	printf("# memory.swap.current is %ld kB more\n", (swapped() - before) / 1024);
	if (swapped() - before < PAGES * PAGE)
		give_up("nothing is swapped out");
	much = mmap(NULL, MUCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(much, MUCH, MADV_NOHUGEPAGE);
	for (count = 0; count < MUCH / PAGE && !mlock(much + count * PAGE, PAGE); count++)
		;
	printf("# locked %ld kB: %s\n", count * PAGE / 1024, strerror(errno));
	return much;
}

static int in_group(int (*run)(int), int fd, const char *adj)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		set(GROUP "/cgroup.procs", "0");
		set("/proc/self/oom_score_adj", adj);
		if (setgid(1000) || setuid(1000) || mlockall(MCL_CURRENT))
			give_up("user");
		exit(run(fd));
	}
	if (waitpid(pid, &status, 0) != pid)
		give_up("waitpid");
	return status;
}

static int beyond(int fd)
{
	char *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
	int byte = map == MAP_FAILED ? -1 : map[100];

	munmap(map, PAGE);
	return byte;
}

/* Nobody here can be killed for want of memory (oom_score_adj -1000). */
static int without_victim(int fd)
{
	char *much = take_all(fd);
	ssize_t got, got_errno;
	int hole, cut;

	got = pread(fd, buf, PAGE, 0);
	got_errno = errno;
	hole = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 100);
	cut = ftruncate(fd, 2 * PAGE + 100);
	munmap(much, MUCH);
	printf("# pread of the first page = %zd%s%s; a hole of [100,200) = %d; ftruncate(8292) = %d\n", got, got < 0 ? " " : "", got < 0 ? strerror(got_errno) : "", hole, cut);
	if (got >= 0 || hole || cut)
		return 1;
	if (pread(fd, buf, PAGE, 0) != PAGE)
		give_up("pread");
	printf("# memory is free again: the byte at 150 is 0x%02x\n", buf[150]);
	hole = buf[150];
	printf("# a mapping shows beyond the end: 0x%02x\n", beyond(fd));
	if (ftruncate(fd, PAGES * PAGE) || pread(fd, buf, PAGE, 2 * PAGE) != PAGE)
		give_up("ftruncate, pread");
	printf("# ftruncate(16384): the byte at 8292 is 0x%02x, that at 12288 is from a page that was cut off whole\n", buf[100]);
	return hole == 'x' && buf[100] == 'x' ? 0 : 1;
}

/* The process that shortens it is killed. */
static int victim(int fd)
{
	int adj;

	if (prctl(PR_SET_DUMPABLE, 1) || (adj = open("/proc/self/oom_score_adj", O_WRONLY)) < 0)
		give_up("oom_score_adj");
	take_all(fd);
	if (write(adj, "0", 1) != 1)
		give_up("oom_score_adj");
	return ftruncate(fd, 2 * PAGE + 100) ? 2 : 1;
}

int main(void)
{
	int fd = memfd_create("file", 0), other = memfd_create("other", 0), status;
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct utsname name;
	struct stat st;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	swap_on();
	setrlimit(RLIMIT_MEMLOCK, &all);
	set("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	set(GROUP "/memory.max", "16M");
	if (ftruncate(fd, PAGES * PAGE) || ftruncate(other, PAGES * PAGE))
		give_up("memfd");
	status = in_group(without_victim, fd, "-1000");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		return 4;
	check(status == 0, "oom_score_adj -1000: where there is no memory, a hole and a truncation within swapped pages are 0, and what was there is there");
	status = in_group(victim, other, "-1000");
	if (fstat(other, &st))
		give_up("fstat");
	printf("# oom_score_adj 0: status 0x%x, size %ld\n", status, (long)st.st_size);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL || st.st_size != 2 * PAGE + 100) {
		printf("ok %d # SKIP was not killed in ftruncate\n", ++number);
	} else {
		memset(buf, 0, PAGE);
		if (ftruncate(other, PAGES * PAGE) || pread(other, buf, PAGE, 2 * PAGE) != PAGE)
			give_up("pread");
		printf("# another process: ftruncate(16384): the byte at 8292 is 0x%02x\n", buf[100]);
		check(buf[100] == 'x', "who shortens it is killed for want of memory: the file is shorter, and when another makes it longer, what was cut off is there again");
	}
	printf("1..%d\n", number);
	return failed;
}
