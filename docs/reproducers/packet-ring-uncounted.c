/*
 * The ring of a packet socket is memory that nothing counts: a user in a network namespace of his own, in a cgroup of 32 MB, takes 400 MB by one
 * setsockopt; no process has them in any number. With an argument: 100 sockets of AF_XDP with a ring of 2 MB each instead, which 7.3.4 counts.
 *
 *   gcc -Wall -Wextra -static -o packet-ring-uncounted packet-ring-uncounted.c && ./packet-ring-uncounted
 *
 * Run as root, who makes a cgroup of 32 MB, and becomes user 1000 in it. Prints KTAP; exits with 0 if the memory is taken and not
 * counted, with 1 if not, with 4 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 400
#define CGROUPS "/tmp/packet-cgroups"
#define CGROUP CGROUPS "/packet-ring-uncounted"

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

/* User 1000, in a cgroup that may have 32 MB, who may lock nothing: 400 blocks of 1 MB; or 100 rings of 2 MB. */
static void take(int xdp)
{
	struct tpacket_req ring = { .tp_block_size = 1 << 20, .tp_block_nr = BLOCKS, .tp_frame_size = 4096, .tp_frame_nr = BLOCKS * 256 };
	struct rlimit none = { 0, 0 };
	int fd, i, entries = 1 << 17;

	put(CGROUP "/cgroup.procs", "0");
	if (setrlimit(RLIMIT_MEMLOCK, &none) || setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("user 1000");
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		give_up("namespaces");
	for (i = 0; i < (xdp ? 100 : 1); i++) {
		fd = socket(xdp ? AF_XDP : AF_PACKET, SOCK_RAW, 0);
		if (fd < 0)
			give_up("socket");
		if (xdp ? setsockopt(fd, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)) : setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
			exit(1);
	}
	printf("# VmRSS %ld kB, VmLck %ld kB, VmPin %ld kB\n", number_in("/proc/self/status", "VmRSS:"), number_in("/proc/self/status", "VmLck:"), number_in("/proc/self/status", "VmPin:"));
	raise(SIGSTOP);
	exit(0);
}

int main(int count, char **arguments)
{
	long before, taken, counted;
	struct utsname name;
	int status;
	pid_t child;

	(void)arguments;
	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	mkdir(CGROUPS, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", CGROUPS, "cgroup2", 0, NULL))
		give_up("mount");
	put(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	put(CGROUP "/memory.max", "33554432");
	before = number_in("/proc/meminfo", "MemAvailable:");
	child = fork();
	if (!child)
		take(count > 1);
	waitpid(child, &status, WUNTRACED);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		return 4;
	taken = before - number_in("/proc/meminfo", "MemAvailable:");
	counted = number_in(CGROUP "/memory.current", "") / 1024;
	printf("# MemAvailable is %ld kB less; memory.current %ld kB\n", taken, counted);
	check(WIFSTOPPED(status), count > 1 ? "user 1000, in a cgroup of 32 MB, RLIMIT_MEMLOCK 0, makes 100 rings of 2 MB" : "user 1000, in a cgroup of 32 MB, RLIMIT_MEMLOCK 0, makes a ring of 400 MB");
	check(taken > (count > 1 ? 190 : 390) << 10, count > 1 ? "more than 190 MB of memory are taken" : "more than 390 MB of memory are taken");
	check(counted >= 0 && counted < 16 << 10, "memory.current is less than 16 MB");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	rmdir(CGROUP);
	printf("1..3\n");
	return failed;
}
