/*
 * recvmsg that fails with EFAULT has received: the message is gone, and the memfd that came with it is open, under a number that
 * nobody has been told; or, where it is the buffer that cannot be written, the message and its memfd are lost.
 *
 *   gcc -Wall -Wextra -static -o recv-efault-done recv-efault-done.c && ./recv-efault-done
 *
 * Any user. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 if nothing can be sent.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static int is_open(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) == 0;
}

/* Sends a memfd, of which the receiver's is the only descriptor. */
static void send_memfd(int to)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct iovec text = {"text", 4};
	struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	int fd = memfd_create("region", 0);

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (fd < 0 || sendmsg(to, &message, 0) != 4) {
		perror("# sendmsg");
		exit(4);
	}
	close(fd);
}

/* A page that can be read only, with a msghdr in it: the kernel cannot say how much of the control buffer it has used. */
static struct msghdr *read_only_header(struct iovec *text, char *control, size_t size)
{
	struct msghdr *header = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (header == MAP_FAILED)
		exit(4);
	*header = (struct msghdr){.msg_iov = text, .msg_iovlen = 1, .msg_control = control, .msg_controllen = size};
	mprotect(header, 4096, PROT_READ);
	return header;
}

static void receive(int type, const char *name, int keeps)
{
	char bytes[8] = "", control[CMSG_SPACE(sizeof(int))], text[128];
	struct iovec good = {bytes, sizeof(bytes)}, bad = {NULL, sizeof(bytes)};
	struct msghdr header = {.msg_iov = &bad, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int pair[2], next, result;

	if (socketpair(AF_UNIX, type, 0, pair))
		exit(4);
	next = dup(pair[0]);
	close(next);
	send_memfd(pair[1]);
	result = recvmsg(pair[0], read_only_header(&good, control, sizeof(control)), MSG_DONTWAIT);
	snprintf(text, sizeof(text), "%s: recvmsg to a read-only msghdr is EFAULT; the text is there, and descriptor %d open", name, next);
	check(result == -1 && errno == EFAULT && !strcmp(bytes, "text") && is_open(next), text);
	close(next);
	send_memfd(pair[1]);
	result = recvmsg(pair[0], &header, MSG_DONTWAIT);
	check(result == -1 && errno == EFAULT && !is_open(next), "recvmsg to NULL is EFAULT");
	result = recv(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT);
	if (keeps)
		check(result == 4, "and the message is still there");
	else
		check(result == -1 && errno == EAGAIN, "and the message is gone, with its memfd");
}

int main(void)
{
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	receive(SOCK_STREAM, "stream", 1);
	receive(SOCK_SEQPACKET, "packets", 0);
	receive(SOCK_DGRAM, "datagrams", 0);
	printf("1..9\n");
	return failed;
}
