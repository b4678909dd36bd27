/*
 * A send on a unix datagram socket that fails with ECONNREFUSED throws away what the socket has received, descriptors too.
 *   gcc -Wall -Wextra -static -o dgram-send-drops dgram-send-drops.c && ./dgram-send-drops
 * Any user. Exits with 1 if so, 0 if not, 2 if it could not be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *err(long r) { return r < 0 ? strerrorname_np(errno) : "done"; }

static int with(int type, const char *name, int answer)
{
	char control[CMSG_SPACE(sizeof(int))] = "", text[100];
	struct iovec v = { "result", 6 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int s[2], fd = memfd_create("only", 0), waiting = 0;
	long sent = 0, got;

	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s))
		return 2;
	h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	if (sendmsg(s[0], &m, 0) != 6)
		return 2;
	close(fd), close(s[0]);			/* the only other copies */
	ioctl(s[1], FIONREAD, &waiting);
	printf("%s: the peer has sent \"result\" and a memfd, and closed; FIONREAD %d; ", name, waiting);
	if (answer) {
		sent = send(s[1], "thanks", 6, MSG_NOSIGNAL);
		printf("send(\"thanks\") = %s; ", err(sent));
	}
	got = recv(s[1], text, sizeof(text), 0);
	printf("recv = %ld %s\n", got, err(got));
	close(s[1]);
	return got != 6;
}

int main(void)
{
	struct utsname name;
	int bad;

	setvbuf(stdout, NULL, _IONBF, 0), uname(&name), puts(name.release);
	if (with(SOCK_DGRAM, "datagrams", 0))
		return 2;
	bad = with(SOCK_DGRAM, "datagrams", 1);
	with(SOCK_SEQPACKET, "packets", 1), with(SOCK_STREAM, "stream", 1);
	return bad;
}
