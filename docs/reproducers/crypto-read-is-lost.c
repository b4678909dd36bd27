/*
 * What AF_ALG gives to a read(2) is lost, if it goes to a shared mapping of a memfd that nobody else has written to: the page
 * stays clean, and reclaim drops it. As uring-read-is-lost.c, by another part of the kernel.
 *
 *   gcc -Wall -Wextra -static -o crypto-read-is-lost crypto-read-is-lost.c && ./crypto-read-is-lost
 *
 * As any user; root becomes user 1000. MADV_PAGEOUT stands for what the kernel does when memory is short. Prints KTAP; exits
 * with 0 if the data are lost, with 1 if not, with 4 without AF_ALG or xts(aes).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define PAGE 4096

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

/* Lets the kernel encrypt one page of zeroes, and read(2) puts the result to `to`; what read gave. */
static long encrypt_to(void *to)
{
	static const char key[32] = "0123456789abcdefFEDCBA9876543210";
	struct sockaddr_alg name = { .salg_family = AF_ALG, .salg_type = "skcipher", .salg_name = "xts(aes)" };
	char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct af_alg_iv) + 16)] = { 0 }, zeroes[PAGE] = { 0 };
	struct iovec source = { zeroes, PAGE };
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control), .msg_iov = &source, .msg_iovlen = 1 };
	int cipher = socket(AF_ALG, SOCK_SEQPACKET, 0), operation;
	struct cmsghdr *part;
	long got;

	if (cipher < 0 || bind(cipher, (struct sockaddr *)&name, sizeof(name)))
		give_up("AF_ALG");
	if (setsockopt(cipher, SOL_ALG, ALG_SET_KEY, key, sizeof(key)))
		give_up("ALG_SET_KEY");
	operation = accept(cipher, NULL, NULL);
	part = CMSG_FIRSTHDR(&message);
	part->cmsg_level = SOL_ALG;
	part->cmsg_type = ALG_SET_OP;
	part->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)CMSG_DATA(part) = ALG_OP_ENCRYPT;
	part = CMSG_NXTHDR(&message, part);
	part->cmsg_level = SOL_ALG;
	part->cmsg_type = ALG_SET_IV;
	part->cmsg_len = CMSG_LEN(sizeof(struct af_alg_iv) + 16);
	((struct af_alg_iv *)CMSG_DATA(part))->ivlen = 16;
	if (operation < 0 || sendmsg(operation, &message, 0) != PAGE)
		give_up("sendmsg");
	got = read(operation, to, PAGE);
	close(operation);
	close(cipher);
	return got;
}

static int is_zero(const unsigned char *bytes)
{
	for (int i = 0; i < PAGE; i++)
		if (bytes[i])
			return 0;
	return 1;
}

int main(void)
{
	unsigned char before[PAGE] = { 0 }, after[PAGE] = { 0 };
	int fd = memfd_create("region", 0);
	struct utsname name;
	unsigned char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() == 0 && (setgroups(0, NULL) || setgid(1000) || setuid(1000)))
		give_up("user 1000");
	if (fd < 0 || ftruncate(fd, PAGE))
		give_up("memfd_create");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	check(*(volatile unsigned char *)map == 0, "a load brings the page in, clean");
	check(encrypt_to(map) == PAGE, "read(AF_ALG, map, 4096) is 4096");
	check(pread(fd, before, PAGE, 0) == PAGE && !is_zero(before), "the file has what it read");
	check(madvise(map, PAGE, MADV_PAGEOUT) == 0, "the socket is closed, and the page reclaimed");
	check(pread(fd, after, PAGE, 0) == PAGE && is_zero(after) && is_zero(map), "it is lost: the file has zeroes");
	printf("1..5\n");
	return failed;
}
