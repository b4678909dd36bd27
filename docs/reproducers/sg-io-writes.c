/*
 * Who may read a disk or a CD writes what he may only read: SG_IO of a command that reads, whose dxfer_direction says that
 * it writes. The pages are taken as a source, without FOLL_WRITE, and the answer goes into them.
 *
 *   gcc -Wall -Wextra -static -o sg-io-writes sg-io-writes.c && ./sg-io-writes /dev/sr0
 *
 * Needs a SATA disk or CD, as in
 *   qemu-system-x86_64 -M q35 -cdrom FILE ...
 * As root, which makes the files, opens the device O_RDONLY and becomes user 1000; the files are not of the device. Prints
 * KTAP; exits with 0 if the files were written, with 1 if not, with 4 if there is no such device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

static int failed, device;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

static int reader_of(int fd)
{
	char link[40];
	int reader;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	reader = open(link, O_RDONLY);
	close(fd);
	return reader;
}

static int sealed_memfd(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING);

	check(write(fd, "before the seal", 15), 15, "memfd: write");
	ftruncate(fd, 4096);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE), 0,
	      "memfd: every seal");
	return reader_of(fd);
}

static int file_of_root(void)
{
	int fd = open("file-of-root", O_RDWR | O_CREAT | O_EXCL, 0444);

	check(write(fd, "before", 6), 6, "a file of root, mode 0444");
	ftruncate(fd, 4096);
	unlink("file-of-root");
	return reader_of(fd);
}

/* INQUIRY, 36 bytes of "vendor, product, revision", which the device or libata answers. */
static int inquire(void *to, int direction)
{
	unsigned char command[6] = { 0x12, 0, 0, 0, 96, 0 }, sense[32];
	struct sg_io_hdr io = { .interface_id = 'S', .dxfer_direction = direction, .cmd_len = sizeof(command),
				.cmdp = command, .mx_sb_len = sizeof(sense), .sbp = sense, .dxferp = to,
				.dxfer_len = 4096, .timeout = 5000 };

	return ioctl(device, SG_IO, &io);
}

static void write_by_device(int reader, const char *name)
{
	char text[200], now[37] = "";
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader, 0);

	snprintf(text, sizeof(text), "%s: INQUIRY, SG_DXFER_FROM_DEV, into a mapping that only reads", name);
	check(inquire(map, SG_DXFER_FROM_DEV) < 0 && errno == EFAULT ? -EFAULT : 0, -EFAULT, text);
	snprintf(text, sizeof(text), "%s: INQUIRY, SG_DXFER_TO_DEV", name);
	check(inquire(map, SG_DXFER_TO_DEV), 0, text);
	pread(reader, now, 36, 0);
	snprintf(text, sizeof(text), "%s: it has what the device said of itself: %.28s", name, now + 8);
	check(strncmp(now, "before", 6) != 0 && now[8] != '\0', 1, text);
}

int main(int argc, char **argv)
{
	int memfd, file;

	setvbuf(stdout, NULL, _IOLBF, 0);
	device = open(argc > 1 ? argv[1] : "/dev/sr0", O_RDONLY | O_NONBLOCK);
	if (device < 0) {
		printf("1..0 # SKIP no device: %s\n", strerror(errno));
		return 4;
	}
	printf("KTAP version 1\n1..9\n");
	memfd = sealed_memfd();
	file = file_of_root();
	setgroups(0, NULL);
	if (setgid(1000) || setuid(1000))
		return 4;
	write_by_device(memfd, "memfd");
	write_by_device(file, "file");
	return failed;
}
