/*
 * What sg-io-writes.c does, to the page of zeroes: what a user of the group cdrom or disk writes there is in every hole of every
 * file and in all memory that is new, of every process. Where that page is read-only (7.1 or so), the kernel dies.
 *
 *   gcc -Wall -Wextra -static -o sg-io-zero-page sg-io-zero-page.c && ./sg-io-zero-page /dev/sr0
 *
 * ONLY IN A VIRTUAL MACHINE THAT IS THROWN AWAY: everything is broken afterwards. As root, which makes the memfd, opens the device
 * O_RDONLY and becomes user 1000. Prints KTAP; exits with 0 if the hole has changed, with 1 if not, with 4 if there is
 * no such device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

int main(int argc, char **argv)
{
	int device = open(argc > 1 ? argv[1] : "/dev/sr0", O_RDONLY | O_NONBLOCK);
	int fd = memfd_create("region", MFD_ALLOW_SEALING);
	unsigned char inquiry[6] = { 0x12, 0, 0, 0, 96, 0 }, sense[32];
	struct sg_io_hdr io = { .interface_id = 'S', .dxfer_direction = SG_DXFER_TO_DEV, .cmd_len = sizeof(inquiry),
				.cmdp = inquiry, .mx_sb_len = sizeof(sense), .sbp = sense, .dxfer_len = 4096,
				.timeout = 5000 };
	char *zero, hole[37] = "", *later;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (device < 0) {
		printf("1..0 # SKIP no device: %s\n", strerror(errno));
		return 4;
	}
	printf("KTAP version 1\n1..4\n");
	ftruncate(fd, 4096);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0, "a memfd that is a hole: sealed");
	setgroups(0, NULL);
	if (setgid(1000) || setuid(1000))
		return 4;
	zero = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*(volatile char *)zero) /* brings the page in */
		return 4;
	io.dxferp = zero;
	check(ioctl(device, SG_IO, &io) == 0, "INQUIRY, SG_DXFER_TO_DEV, into memory that was only read");
	pread(fd, hole, 36, 0);
	check(hole[8] != '\0', "the sealed memfd has what the device said");
	later = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memcmp(later, hole, 36) == 0, "so has new memory");
	return failed;
}
