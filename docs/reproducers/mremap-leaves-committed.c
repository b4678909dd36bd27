/*
 * mremap that cannot split the old mapping for want of memory says that it has moved it, leaves it mapped, and its whole size stays in
 * Committed_AS for good.
 *
 *   gcc -Wall -Wextra -static -o mremap-leaves-committed mremap-leaves-committed.c && ./mremap-leaves-committed
 *
 * Root makes a cgroup with memory.max 12M; user 1000 does the rest in it. Without swap (or with memory.swap.max 0, which is set). Prints KTAP; exits with 0 if
 * it stays, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L
#define PAGES 4096L /* 16 MiB */
#define TIMES 15
#define GROUP "/sys/fs/cgroup/short"

static int number, failed;
static char chunk[1 << 20];

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

static int set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY), done = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	close(fd);
	return done;
}

static long committed(void)
{
	FILE *file;
	char line[128];
	long value = -1;

	usleep(300000);
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Committed_AS: %ld", &value);
	if (file)
		fclose(file);
	return value;
}

/* Moves a page out of the middle of a mapping, again and again, in a cgroup without memory, until something fails. */
static int user(int prot, int flags, int may_be_killed, int turn)
{
	int adj = open("/proc/self/oom_score_adj", O_WRONLY), fd = memfd_create("all", 0);
	char *map = mmap(NULL, PAGES * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0), *moved;
	unsigned char there;
	long at = 0;

	if (map == MAP_FAILED)
		give_up("mmap");
	/* small things first, so that it is another allocation that fails each turn */
	for (int i = 0; i < turn; i++)
		mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while (at < 8 << 20 && pwrite(fd, chunk, sizeof(chunk), at) == sizeof(chunk))
		at += sizeof(chunk);
	while (pwrite(fd, chunk, PAGE, at) == PAGE)
		at += PAGE;
	if (ftruncate(fd, at - (turn % 6 + 1) * PAGE))
		give_up("ftruncate");
	if (may_be_killed && write(adj, "0", 1) != 1)
		give_up("oom_score_adj");
	for (long page = 1; page < PAGES - 1; page += 2) {
		moved = mremap(map + page * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
		if (moved == MAP_FAILED)
			return 2;
		if (!mincore(map + page * PAGE, PAGE, &there))
			return 3;
	}
	return 1;
}

static long leak(int prot, int flags, int may_be_killed)
{
	int how[4] = { 0 }, status;
	long before = committed(), after;

	for (int i = 0; i < TIMES; i++) {
		pid_t pid = fork();

		if (!pid) {
			if (!set(GROUP "/cgroup.procs", "0") || !set("/proc/self/oom_score_adj", "-1000") || setgid(1000) || setuid(1000) || prctl(PR_SET_DUMPABLE, 1))
				give_up("user");
			memset(chunk, 1, sizeof(chunk));
			if (mlockall(MCL_CURRENT))
				give_up("mlockall");
			_exit(user(prot, flags, may_be_killed, i));
		}
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
			exit(4);
		how[WIFSIGNALED(status) ? 0 : WEXITSTATUS(status)]++;
	}
	after = committed();
	printf("# of %d processes %d were killed, %d got ENOMEM, %d got a new address and have the old page, too; Committed_AS %+ld kB after they have ended\n", TIMES, how[0], how[2], how[3], after - before);
	return after - before;
}

int main(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	setrlimit(RLIMIT_MEMLOCK, &all);
	if (!set("/sys/fs/cgroup/cgroup.subtree_control", "+memory") || (mkdir(GROUP, 0755) && errno != EEXIST) || !set(GROUP "/memory.max", "12M"))
		give_up(GROUP);
	set(GROUP "/memory.swap.max", "0");
	leak(PROT_READ, MAP_SHARED, 0); /* what the first ones need */
	check(leak(PROT_READ | PROT_WRITE, MAP_PRIVATE, 0) >= PAGES * 4, "oom_score_adj -1000, memory that is accounted: all of the mapping stays in Committed_AS");
	if (leak(PROT_READ, MAP_PRIVATE, 0) >= 4) /* from 6.16 on */
		check(1, "the same of a mapping that was not accounted: the page that was moved stays in it");
	else
		printf("ok %d # SKIP of a mapping that was not accounted nothing stays\n", ++number);
	check(leak(PROT_READ | PROT_WRITE, MAP_PRIVATE, 1) >= PAGES * 4, "oom_score_adj 0: who is killed meanwhile leaves all of it, too");
	printf("1..%d\n", number);
	return failed;
}
