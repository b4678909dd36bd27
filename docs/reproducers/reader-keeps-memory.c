/*
 * Who may read a memfd keeps its memory after it is closed, and nobody has it any more: its pages in pipes (splice). They stay
 * charged to the cgroup of the memfd's maker, where a program is killed for memory that is in no file.
 *
 *   gcc -Wall -Wextra -static -o reader-keeps-memory reader-keeps-memory.c && ./reader-keeps-memory
 *
 * Run as root, without swap, who makes a cgroup of 64 MiB, and becomes user 1000 in it, and user 1001 for the reader. Prints KTAP;
 * exits with 0 if it is so, with 1 if not, with 4 without cgroups.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1L << 20)
#define SIZE (48 * MIB)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define CGROUPS "/tmp/keeps-cgroups"
#define MAKER CGROUPS "/keeps-maker"

static int failed;
static char zeroes[SIZE]; /* loaded from only, so that they take no memory themselves */

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void need(int holds, const char *what)
{
	if (holds)
		return;
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	need(fd >= 0 && write(fd, text, strlen(text)) > 0, path);
	close(fd);
}

/* User 1000, in the cgroup, writes 48 MiB into a memfd of his own; how that ends. */
static int fill_another(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		put(MAKER "/cgroup.procs", "0");
		exit(setgid(1000) || setuid(1000) || pwrite(memfd_create("another", 0), zeroes, SIZE, 0) != SIZE);
	}
	waitpid(child, &status, 0);
	return status;
}

/* User 1001: the whole file into pipes; then only they are left. */
static void keep(int reader)
{
	loff_t at = 0;
	int ends[2];

	need(!setgid(1001) && !setuid(1001), "user 1001");
	while (at < SIZE) {
		need(!pipe(ends) && fcntl(ends[1], F_SETPIPE_SZ, MIB) > 0, "pipe");
		while (at < SIZE && splice(reader, &at, ends[1], NULL, SIZE - at, SPLICE_F_NONBLOCK) > 0)
			;
	}
	close(reader);
	raise(SIGSTOP);
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader, status;
	struct utsname name;
	char text[64];
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	mkdir(CGROUPS, 0755);
	need(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "a namespace of its own");
	need(!mount("none", CGROUPS, "cgroup2", 0, NULL), "cgroup2");
	put(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(MAKER, 0755);
	put(MAKER "/memory.max", "67108864");
	check(fill_another() == 0, "user 1000 writes 48 MiB into a memfd, in a cgroup of 64 MiB, and ends");
	put(MAKER "/cgroup.procs", "0");
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	reader = open(text, O_RDONLY);
	need(pwrite(fd, zeroes, SIZE, 0) == SIZE && !fchmod(fd, 0444) && reader >= 0, "memfd");
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "root's memfd, 48 MiB, mode 0444, in that cgroup, has every seal");
	put(CGROUPS "/cgroup.procs", "0");
	child = fork();
	if (!child && !close(fd))
		keep(reader);
	waitpid(child, &status, WUNTRACED);
	close(reader);
	close(fd);
	check(WIFSTOPPED(status), "user 1001, O_RDONLY, in another cgroup, has its pages in pipes; nobody has the memfd");
	status = open(MAKER "/memory.current", O_RDONLY);
	printf("# memory.current is %ld kB\n", read(status, text, sizeof(text)) > 0 ? atol(text) / 1024 : -1);
	status = fill_another();
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "user 1000 writes 48 MiB there again, and is killed");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	check(fill_another() == 0, "the reader has ended: user 1000 writes them");
	return failed;
}
