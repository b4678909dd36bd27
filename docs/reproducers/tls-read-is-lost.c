/*
 * What kernel TLS decrypts to a recv(2) is lost, if it goes to a shared mapping of a memfd that nobody else has written to:
 * the page stays clean, and reclaim drops it. As uring-read-is-lost.c, by another part of the kernel.
 *
 *   gcc -Wall -Wextra -static -o tls-read-is-lost tls-read-is-lost.c && ./tls-read-is-lost
 *
 * As any user; root sees to it that the loopback device is up, and becomes user 1000. MADV_PAGEOUT stands for what the kernel
 * does when memory is short. Prints KTAP; exits with 0 if the data are lost, with 1 if not, with 4 without kernel TLS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <linux/tls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
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

static void loopback_up(void)
{
	struct ifreq device = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int control = socket(AF_INET, SOCK_DGRAM, 0);

	ioctl(control, SIOCSIFFLAGS, &device);
	close(control);
}

/* Two connected sockets: what is sent by ends[0] is encrypted, and decrypted when ends[1] receives it. */
static void connect_tls(int ends[2])
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = { TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128 }, .iv = "1234567", .key = "0123456789abcde", .salt = "abc"
	};
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t length = sizeof(address);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length))
		give_up("listen");
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&address, length))
		give_up("connect");
	ends[1] = accept(listener, NULL, NULL);
	close(listener);
	if (ends[1] < 0 || setsockopt(ends[0], SOL_TCP, TCP_ULP, "tls", 4) || setsockopt(ends[1], SOL_TCP, TCP_ULP, "tls", 4))
		give_up("TCP_ULP tls");
	if (setsockopt(ends[0], SOL_TLS, TLS_TX, &keys, sizeof(keys)) || setsockopt(ends[1], SOL_TLS, TLS_RX, &keys, sizeof(keys)))
		give_up("TLS_TX, TLS_RX");
}

static int has(int fd, char byte)
{
	char bytes[PAGE];

	if (pread(fd, bytes, PAGE, 0) != PAGE)
		give_up("pread");
	for (int i = 0; i < PAGE; i++)
		if (bytes[i] != byte)
			return 0;
	return 1;
}

int main(void)
{
	int fd = memfd_create("region", 0), ends[2];
	struct utsname name;
	char text[PAGE];
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() == 0) {
		loopback_up();
		if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
			give_up("user 1000");
	}
	if (fd < 0 || ftruncate(fd, PAGE))
		give_up("memfd_create");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		give_up("mmap");
	connect_tls(ends);
	check(*(volatile char *)map == 0, "a load brings the page in, clean");
	memset(text, 'x', PAGE);
	if (send(ends[0], text, PAGE, 0) != PAGE)
		give_up("send");
	usleep(300000); /* all of it has arrived, so that it is decrypted to where recv wants it */
	check(recv(ends[1], map, PAGE, 0) == PAGE, "recv(tls, map, 4096) is 4096");
	check(has(fd, 'x'), "the file has what it received");
	close(ends[0]);
	close(ends[1]);
	check(madvise(map, PAGE, MADV_PAGEOUT) == 0, "the sockets are closed, and the page reclaimed");
	check(has(fd, 0) && *(volatile char *)map == 0, "it is lost: the file has zeroes");
	printf("1..5\n");
	return failed;
}
