/*
 * lseek of a 32-bit program on a file that is larger than its off_t gives another offset, or an error after the position has moved:
 * not EOVERFLOW.
 *
 *   gcc -Wall -Wextra -static -o lseek-32-bit lseek-32-bit.c && ./lseek-32-bit
 *
 * As any user, on x86-64: it makes the calls of a 32-bit program (int $0x80). Prints KTAP; exits with 0 if it is so, with 1 if not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define GIB (1LL << 30)

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* What a 32-bit program finds in eax. */
static int lseek_of_32_bits(int fd, int offset, int whence)
{
	int result;

	asm volatile("int $0x80" : "=a"(result) : "a"(19), "b"(fd), "c"(offset), "d"(whence) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

int main(void)
{
	int fd = memfd_create("region", 0);

	if (fd < 0 || ftruncate(fd, 5 * GIB))
		return 1;
	printf("KTAP version 1\n1..3\n");
	check(lseek_of_32_bits(fd, 0, SEEK_END) == GIB, "lseek(0, SEEK_END) of 5 GiB: 1 GiB");
	lseek(fd, 4 * GIB - 256, SEEK_SET);
	check(lseek_of_32_bits(fd, 242, SEEK_CUR) == -EFAULT, "lseek(242, SEEK_CUR) at 4 GiB - 256: EFAULT");
	check(lseek(fd, 0, SEEK_CUR) == 4 * GIB - 14, "and the position has moved");
	return failed;
}
