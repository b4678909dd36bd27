/*
 * A write to a packet pipe that fails with EFAULT is an end of file to who reads, though the pipe is open for writing.
 *
 *   gcc -Wall -Wextra -static -o pipe-fault-ends pipe-fault-ends.c && ./pipe-fault-ends
 *
 * As any user. Prints KTAP; exits with 0 if it is so, with 1 if not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

int main(void)
{
	char buf[16];
	void *volatile nowhere = NULL;
	int ends[2];

	if (pipe2(ends, O_DIRECT | O_NONBLOCK))
		return 1;
	printf("KTAP version 1\n1..5\n");
	check(read(ends[0], buf, sizeof(buf)) == -1 && errno == EAGAIN, "read of an empty pipe that is open for writing: EAGAIN");
	check(write(ends[1], nowhere, 10) == -1 && errno == EFAULT, "write(NULL, 10): EFAULT");
	check(write(ends[1], "hello", 5) == 5, "write(\"hello\", 5): 5");
	check(read(ends[0], buf, sizeof(buf)) == 0, "read: 0, the end of the file");
	check(read(ends[0], buf, sizeof(buf)) == 5, "read: 5");
	return failed;
}
