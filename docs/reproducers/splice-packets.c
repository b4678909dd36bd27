/*
 * splice and tee bring packets into a pipe that was not made with O_DIRECT: who reads a part of one loses the rest.
 *
 *   gcc -Wall -Wextra -o splice-packets splice-packets.c && ./splice-packets
 *
 * As any user.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* Two writes to a pipe with these flags, brought to one without O_DIRECT, which then is read byte by byte. */
static const char *brought(int flags, int by_tee, int *bytes)
{
	static char text[32];
	int from[2], to[2], got = 0;

	memset(text, 0, sizeof(text));
	if (pipe2(from, O_NONBLOCK | flags) || pipe2(to, O_NONBLOCK) || (fcntl(to[0], F_GETFL) | fcntl(to[1], F_GETFL)) & O_DIRECT)
		exit(2);
	if (write(from[1], "0123456789", 10) != 10 || write(from[1], "abcdef", 6) != 6)
		exit(2);
	if ((by_tee ? tee(from[0], to[1], 100, 0) : splice(from[0], NULL, to[1], NULL, 100, 0)) != 16)
		exit(2);
	ioctl(to[0], FIONREAD, bytes);
	while (got < 16 && read(to[0], text + got, 1) == 1)
		got++;
	printf("# FIONREAD %d; read byte by byte: \"%s\"\n", *bytes, text);
	return text;
}

int main(void)
{
	int bytes;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n1..3\n");
	check(!strcmp(brought(0, 0, &bytes), "0123456789abcdef") && bytes == 16, "two writes, spliced to another pipe: 16 bytes, all are read");
	check(!strcmp(brought(O_DIRECT, 0, &bytes), "0a") && bytes == 16,
	      "spliced from a pipe with O_DIRECT to one without it: 16 bytes, and two of them can be read");
	check(!strcmp(brought(O_DIRECT, 1, &bytes), "0a") && bytes == 16, "so by tee");
	return failed;
}
