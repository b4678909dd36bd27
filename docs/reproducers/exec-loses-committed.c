/*
 * An execve that fails for want of memory while it moves its stack takes gigabytes off Committed_AS, for good: vm.overcommit_memory=2 no longer holds.
 *   gcc -Wall -Wextra -static -o exec-loses-committed exec-loses-committed.c && ./exec-loses-committed [0]        # 0: oom_score_adj 0, the process is killed; otherwise -1000
 * Root makes a cgroup with memory.max; user 1000 does the rest. For a virtual machine. Exits with 1 if the bug is there, 0 if not, 2 if it could not be tried.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#define GROUP "/sys/fs/cgroup/short"
static char chunk[1 << 20];
static int set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY), done = fd >= 0 && write(fd, value, strlen(value)) > 0;
	return close(fd), done;
}
static long committed(void)
{
	char text[2048], *at;
	int fd = open("/proc/meminfo", O_RDONLY), n = read(fd, text, sizeof(text) - 1);
	close(fd), text[n > 0 ? n : 0] = 0, at = strstr(text, "Committed_AS:");
	return at ? atol(at + 13) : -1;
}
/* user 1000, in the cgroup: leaves n pages of its memory and calls execve, for n = 0, 1, 2... The vfork keeps the old memory from becoming free. */
static int user(const char *adj)
{
	static char *args[] = { "x", "nothing", NULL }, *env[] = { NULL };
	static struct itimerval end = { { 0, 0 }, { 0, 100000 } };
	int fd = memfd_create("all", 0), status;
	volatile long at = 0;
	long pid;
	if (!memset(chunk, 1, sizeof(chunk)) || mlockall(MCL_CURRENT))
		return 2;
	for (long step = sizeof(chunk); step >= 4096; step /= 256)
		while (pwrite(fd, chunk, step, at) == step)
			at += step;
	for (int n = 0; n < 400; n++) {
		pid = ftruncate(fd, at - n / 8 * 4096) ? -1 : vfork();
		if (!pid) {
			setitimer(ITIMER_REAL, &end, NULL); /* a new program that gets no memory would not end */
			if (*adj != '0' || set("/proc/self/oom_score_adj", "0"))
				execve("/proc/self/exe", args, env);
			_exit(3);
		}
		waitpid(pid, &status, 0);
	}
	return 0;
}
int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct utsname name;
	long before, after, pid, held = 0; int status;
	if (argc > 1 && !strcmp(argv[1], "nothing")) return 0;
	setvbuf(stdout, NULL, _IONBF, 0), uname(&name), puts(name.release);
	set("/sys/fs/cgroup/cgroup.subtree_control", "+memory"), mkdir(GROUP, 0755), set(GROUP "/memory.swap.max", "0");
	if (!set(GROUP "/memory.max", "12M") || setrlimit(RLIMIT_MEMLOCK, &all))
		return 2;
	for (char *map; held < 80; held++) { /* Committed_AS is not shown below 0 */
		map = mmap(NULL, 512 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (map == MAP_FAILED || madvise(map, 512 << 20, MADV_DONTFORK))
			return 2;
	}
	printf("Committed_AS %ld kB, of which %ld * 512 MiB are mapped by this process\n", before = committed(), held);
	pid = fork();
	if (!pid) {
		int bad = !set(GROUP "/cgroup.procs", "0") || !set("/proc/self/oom_score_adj", "-1000") || setgroups(0, NULL) || setgid(1000) || setuid(1000) || prctl(PR_SET_DUMPABLE, 1);
		_exit(bad ? 2 : user(argc > 1 ? argv[1] : "-"));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status || usleep(500000) || (after = committed()) < 0)
		return 2;
	printf("execve in a cgroup without memory, then all is ended: Committed_AS %ld kB, %+ld kB\n", after, after - before);
	if (after - before > -1000000)
		return 0;
	for (held = !set("/proc/sys/vm/overcommit_memory", "2"); held < 100 && mmap(NULL, 512 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;)
		held++;
	printf("vm.overcommit_memory=2: mmap of 512 MiB goes %ld times more\n", held);
	return 1;
}
