/*
 * What TCP_ZEROCOPY_RECEIVE maps is memory that no cgroup counts, that is not swapped, and that RLIMIT_MEMLOCK does not see: a user in a
 * cgroup of 32 MB sends 300 MB to himself, and keeps them.
 *
 *   gcc -Wall -Wextra -static -o tcp-mapped-uncounted tcp-mapped-uncounted.c && ./tcp-mapped-uncounted
 *
 * Run as root, who makes a cgroup of 32 MB, and becomes user 1000 in it. Prints KTAP; exits with 0 if the memory is taken and not
 * counted, with 1 if not, with 4 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE 65536
#define TOTAL (300 << 20)
#define CGROUPS "/tmp/tcp-cgroups"
#define CGROUP CGROUPS "/tcp-mapped-uncounted"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

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

/* User 1000, in a cgroup that may have 32 MB: 64 kB at a time, sent with MSG_ZEROCOPY, so that the loopback copies them to pages of their own; received by mapping these. */
static void take(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct rlimit locked = { 1 << 20, 1 << 20 };
	socklen_t size = sizeof(address);
	int listener, client, server, one = 1, segment = 4096 + 12;
	char *source, *map, rest[PIECE], control[200];
	size_t got = 0;

	put(CGROUP "/cgroup.procs", "0");
	if (setrlimit(RLIMIT_MEMLOCK, &locked) || setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("user 1000");
	listener = socket(AF_INET, SOCK_STREAM, 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment)); /* a segment is a page, and 12 bytes of options */
	setsockopt(client, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) || getsockname(listener, (struct sockaddr *)&address, &size) ||
	    connect(client, (struct sockaddr *)&address, size) || (server = accept(listener, NULL, NULL)) < 0 ||
	    setsockopt(client, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		give_up("TCP");
	source = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map = mmap(NULL, TOTAL, PROT_READ, MAP_SHARED, server, 0);
	if (source == MAP_FAILED || map == MAP_FAILED)
		give_up("mmap");
	memset(source, 7, PIECE);
	while (got < TOTAL) {
		ssize_t left = send(client, source, PIECE, MSG_ZEROCOPY);
		struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };

		if (left <= 0)
			give_up("send");
		while (left > 0) {
			struct tcp_zerocopy_receive receive = { .address = (unsigned long)map + got, .length = (unsigned int)left & ~4095U };

			if (receive.length > TOTAL - got)
				receive.length = (unsigned int)(TOTAL - got);
			size = sizeof(receive);
			if (receive.length && getsockopt(server, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &receive, &size))
				give_up("TCP_ZEROCOPY_RECEIVE");
			got += receive.length;
			left -= receive.length;
			if (!receive.length || receive.recv_skip_hint) { /* what cannot be mapped is copied */
				ssize_t copied = recv(server, rest, receive.recv_skip_hint && receive.recv_skip_hint < (unsigned int)left ? receive.recv_skip_hint : (size_t)left, MSG_DONTWAIT);

				if (copied > 0)
					left -= copied;
			}
		}
		while (recvmsg(client, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
			message.msg_controllen = sizeof(control);
	}
	close(client);
	close(server);
	close(listener);
	for (got = 0; got < TOTAL; got += 4096)
		if (map[got] != 7)
			exit(1);
	printf("# VmRSS %ld kB, VmLck %ld kB, VmPin %ld kB\n", number_in("/proc/self/status", "VmRSS:"), number_in("/proc/self/status", "VmLck:"), number_in("/proc/self/status", "VmPin:"));
	raise(SIGSTOP);
	exit(0);
}

int main(void)
{
	long before, taken, counted;
	struct utsname name;
	int status;
	pid_t child;

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
		take();
	waitpid(child, &status, WUNTRACED);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		return 4;
	taken = before - number_in("/proc/meminfo", "MemAvailable:");
	counted = number_in(CGROUP "/memory.current", "") / 1024;
	printf("# MemAvailable is %ld kB less; memory.current %ld kB\n", taken, counted);
	check(WIFSTOPPED(status), "user 1000, in a cgroup of 32 MB, RLIMIT_MEMLOCK 1 MB, has 300 MB mapped that he has sent to himself; the sockets are closed");
	check(taken > 250 << 10, "more than 250 MB of memory are taken");
	check(counted >= 0 && counted < 16 << 10, "memory.current is less than 16 MB");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	rmdir(CGROUP);
	printf("1..3\n");
	return failed;
}
