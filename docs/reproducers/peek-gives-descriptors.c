/*
 * recvmsg with MSG_PEEK of a unix stream gives descriptors that belong to bytes which it does not give.
 *   gcc -Wall -Wextra -static -o peek-gives-descriptors peek-gives-descriptors.c && ./peek-gives-descriptors
 * Any user. Exits with 1 if so, 0 if not, 2 if it could not be tried.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

static char control[CMSG_SPACE(10 * sizeof(int))];

static long put(int s, const char *text, int fd)
{
	struct iovec v = { (char *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = fd < 0 ? NULL : control, .msg_controllen = fd < 0 ? 0 : CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	if (h) {
		h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(int));
	}
	return sendmsg(s, &m, 0);
}

static int get(const char *what, int s, int size, int flags)
{
	char text[100];
	struct iovec v = { text, size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	long n = recvmsg(s, &m, flags | MSG_DONTWAIT);
	struct cmsghdr *h = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
	int fds = h ? (h->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

	printf("%s, %d bytes: \"%.*s\" and %d descriptors\n", what, size, n < 0 ? 0 : (int)n, text, fds);
	return fds;
}

int main(void)
{
	struct utsname name;
	int s[2], fd = memfd_create("second", 0), peeked, read, rest;

	setvbuf(stdout, NULL, _IONBF, 0), uname(&name), puts(name.release);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || put(s[0], "head", -1) != 4 || put(s[0], "body", fd) != 4)
		return 2;
	puts("sent: \"head\" without, \"body\" with a descriptor");
	get("MSG_PEEK", s[1], 3, MSG_PEEK);
	peeked = get("MSG_PEEK", s[1], 4, MSG_PEEK);
	read = get("read", s[1], 4, 0);
	rest = get("read", s[1], 4, 0);
	if (read || rest != 1)
		return 2;
	return peeked != 0;
}
