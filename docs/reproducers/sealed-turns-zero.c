/*
 * A memfd with every seal turns into zeroes: user 1000 has AF_ALG fill it (crypto-read-is-lost.c), unmaps and seals it; user
 * 1001, who has a read-only descriptor, says MADV_PAGEOUT.
 *
 *   gcc -Wall -Wextra -static -o sealed-turns-zero sealed-turns-zero.c && ./sealed-turns-zero
 *
 * Run as root, who becomes these users. memfd_create gives mode 0777, and MADV_PAGEOUT does nothing for who may not write the
 * file by its mode; any other reclaim asks nobody. Prints KTAP; exits with 0 if the contents are gone, with 1 if not, with 4
 * without AF_ALG or xts(aes).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define PAGE 4096
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

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

static void become(int user)
{
	if (setgroups(0, NULL) || setgid(user) || setuid(user))
		give_up("setuid");
}

static volatile unsigned char *map_of(int fd, int protection)
{
	void *map = mmap(NULL, PAGE, protection, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		give_up("mmap");
	return map;
}

/* User 1000: never stores to it. */
static int fill_and_seal(int fd)
{
	volatile unsigned char *map;

	become(1000);
	map = map_of(fd, PROT_READ | PROT_WRITE);
	(void)*map;
	if (encrypt_to((void *)map) != PAGE || munmap((void *)map, PAGE))
		give_up("read of AF_ALG");
	if (fcntl(fd, F_ADD_SEALS, ALL_SEALS))
		give_up("F_ADD_SEALS");
	return 0;
}

/* User 1001 */
static int page_out(int reader)
{
	volatile unsigned char *map;

	become(1001);
	map = map_of(reader, PROT_READ);
	(void)*map;
	if (madvise((void *)map, PAGE, MADV_PAGEOUT))
		give_up("MADV_PAGEOUT");
	return 0;
}

/* Runs it in a process of its own. */
static int by_another(int (*what)(int), int fd)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(what(fd));
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		give_up("fork");
	return WEXITSTATUS(status);
}

static int is_zero(int fd)
{
	unsigned char bytes[PAGE];

	if (pread(fd, bytes, PAGE, 0) != PAGE)
		give_up("pread");
	for (int i = 0; i < PAGE; i++)
		if (bytes[i])
			return 0;
	return 1;
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	struct utsname name;
	struct stat stat;
	char path[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || ftruncate(fd, PAGE) || fchown(fd, 1000, 1000))
		give_up("memfd_create");
	if (by_another(fill_and_seal, fd))
		return 4;
	reader = open(path, O_RDONLY);
	check(fcntl(fd, F_GET_SEALS) == ALL_SEALS, "user 1000 has filled the memfd, and it has every seal");
	check(!is_zero(fd), "it has what AF_ALG gave");
	check(by_another(page_out, reader) == 0, "user 1001, O_RDONLY, PROT_READ: MADV_PAGEOUT");
	check(fcntl(fd, F_GET_SEALS) == ALL_SEALS, "the memfd has every seal");
	check(is_zero(fd), "its 4096 bytes are zeroes");
	fstat(fd, &stat);
	check(stat.st_blocks == 0, "st_blocks is 0");
	printf("1..6\n");
	return failed;
}
