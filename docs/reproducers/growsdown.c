/*
 * A mapping that grows down (MAP_GROWSDOWN) is counted in Committed_AS when it grows, and what it grew by is never given back, if the
 * mapping itself is not counted: MAP_NORESERVE, or one that can only be read. With vm.overcommit_memory=2 a user without any privilege
 * so takes the memory of all others away, until the next boot.
 *
 *   gcc -Wall -Wextra -static -o growsdown growsdown.c && ./growsdown
 *
 * Run as root, who sets vm.overcommit_memory (in a virtual machine: what is lost is lost until it is booted again); user 1000 maps.
 * Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024L * 1024)
#define GROW (7 * MIB) /* less than RLIMIT_STACK, which is 8 MiB */

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

static long meminfo(const char *key)
{
	char line[256];
	long value = -1;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = atol(line + strlen(key));
	if (file)
		fclose(file);
	return value;
}

static void overcommit(const char *text)
{
	int fd = open("/proc/sys/vm/overcommit_memory", O_WRONLY);

	if (fd < 0 || write(fd, text, 1) != 1)
		give_up("vm.overcommit_memory");
	close(fd);
}

/* User 1000 maps a page, loads from GROW below it, and unmaps all; as often as said. How many kB Committed_AS is higher after its end. */
static long grow(int prot, int flags, int times)
{
	long before = meminfo("Committed_AS:"), after = 0;
	int pid, status;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct rlimit limit = {8 * MIB, 8 * MIB};
		char *area = mmap(NULL, 16 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (area == MAP_FAILED || setrlimit(RLIMIT_STACK, &limit) || setgroups(0, NULL) || setgid(1000) || setuid(1000))
			_exit(1);
		munmap(area, 16 * MIB);
		for (int i = 0; i < times; i++) {
			char *top = mmap(area + 12 * MIB, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN | flags,
					 -1, 0);

			if (top == MAP_FAILED)
				_exit(2);
			(void)*(volatile char *)(top - GROW); /* SIGSEGV if it cannot grow */
			if (munmap(area, 16 * MIB))
				_exit(3);
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("# the process %s %d\n", WIFSIGNALED(status) ? "got signal" : "ended with",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	for (int i = 0; i < 20; i++) { /* some memory goes back a little later */
		after = meminfo("Committed_AS:");
		if (after - before < 100)
			break;
		usleep(10000);
	}
	printf("# Committed_AS: %ld kB, then %ld kB\n", before, after);
	return after - before;
}

/* Whether user 1001 can map this much. */
static int can_map(long bytes)
{
	int pid, status;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
			_exit(2);
		_exit(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
	struct utsname name;
	long lost, can;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	if (geteuid() || meminfo("Committed_AS:") < 0)
		give_up("root, /proc");

	lost = grow(PROT_READ | PROT_WRITE, 0, 4);
	check(lost < 100, "private memory that is counted grows down by 7 MiB, and is unmapped, 4 times: Committed_AS is as before");
	lost = grow(PROT_READ, 0, 4);
	check(lost >= 4 * GROW / 1024, "so does private memory that can only be read: 28 MiB more, after the process has ended");
	lost = grow(PROT_READ | PROT_WRITE, MAP_NORESERVE, 4);
	check(lost >= 4 * GROW / 1024, "so does memory with MAP_NORESERVE: 28 MiB more");

	overcommit("2");
	can = can_map(16 * MIB);
	grow(PROT_READ, 0, 100000);
	printf("# CommitLimit %ld kB, MemAvailable %ld kB\n", meminfo("CommitLimit:"), meminfo("MemAvailable:"));
	check(can, "vm.overcommit_memory=2: user 1001 can map 16 MiB");
	check(can && !can_map(16 * MIB), "after user 1000 has done so until SIGSEGV, and has ended: ENOMEM");
	overcommit("0");
	return failed;
}
