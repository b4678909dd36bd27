/*
 * Who may write to a disk with protection information writes four bytes of what he may only read: the metadata of an
 * io_uring write (IORING_RW_ATTR_FLAG_PI, Linux 6.13) is taken as a source, without FOLL_WRITE, and the block layer maps the
 * reference tags in place.
 *
 *   gcc -Wall -Wextra -static -o integrity-writes integrity-writes.c && ./integrity-writes /dev/sda
 *
 * Needs scsi_debug (modprobe scsi_debug dif=1 dix=1 virtual_gb=4), and refuses other disks, as it writes to it. As root, which
 * makes the memfd, opens the disk and becomes user 1000. Prints KTAP; exits with 0 if the memfd was written, with 1 if not,
 * with 4 if there is no such disk.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

/* linux/io_uring.h of 6.13 */
struct attr_pi { uint16_t flags, app_tag; uint32_t len; uint64_t addr, seed, rsvd; };
struct sqe_of_write {
	uint8_t opcode, flags;
	uint16_t ioprio;
	int32_t fd;
	uint64_t offset, addr;
	uint32_t length, rw_flags;
	uint64_t user_data, padding, attr_ptr, attr_type_mask;
};

#define BLOCKS 64 /* whose tuples are 512 bytes, as a buffer of the disk must be */
#define SECTOR 0x414243u

static int failed;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

static void need(int holds, const char *what)
{
	if (holds)
		return;
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static int open_disk(const char *path)
{
	char model[64] = "", name[128];
	int fd;

	snprintf(name, sizeof(name), "/sys/class/block/%.40s/device/model", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	fd = open(name, O_RDONLY);
	need(fd >= 0 && read(fd, model, sizeof(model) - 1) > 0, name);
	close(fd);
	need(strncmp(model, "scsi_debug", 10) == 0, "not a disk of scsi_debug");
	return open(path, O_WRONLY | O_DIRECT);
}

static int sealed_memfd(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	char link[40];

	check(write(fd, "sealed to the end of time", 25), 25, "write");
	ftruncate(fd, 4096);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	reader = open(link, O_RDONLY);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE), 0,
	      "every seal");
	close(fd);
	return reader;
}

/* A write of BLOCKS at SECTOR whose tuples are at `tuples`; what the disk says of them does not matter. */
static void write_with(int disk, const void *tuples, uint32_t seed)
{
	static char data[BLOCKS * 512] __attribute__((aligned(4096)));
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	char *queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	struct sqe_of_write *entry = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	struct attr_pi pi = { .len = BLOCKS * 8, .addr = (uintptr_t)tuples, .seed = seed };
	struct io_uring_cqe *result = (struct io_uring_cqe *)(queue + params.cq_off.cqes);

	need(ring >= 0 && entry != MAP_FAILED && queue != MAP_FAILED, "io_uring_setup");
	*entry = (struct sqe_of_write){ .opcode = IORING_OP_WRITE, .fd = disk, .offset = SECTOR * 512ull,
					.addr = (uintptr_t)data, .length = sizeof(data),
					.attr_ptr = (uintptr_t)&pi, .attr_type_mask = 1 };
	*(uint32_t *)(queue + params.sq_off.array) = 0;
	*(volatile uint32_t *)(queue + params.sq_off.tail) = 1;
	check(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1, "a write with metadata of the memfd");
	printf("# its result: %d\n", result->res);
}

int main(int argc, char **argv)
{
	int disk, reader;
	unsigned char *map, now[26] = "";
	uint32_t tag;

	setvbuf(stdout, NULL, _IOLBF, 0);
	disk = open_disk(argc > 1 ? argv[1] : "/dev/sda");
	need(disk >= 0, "the disk");
	printf("KTAP version 1\n1..4\n");
	reader = sealed_memfd();
	setgroups(0, NULL);
	need(!setgid(1000) && !setuid(1000), "user 1000");
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader, 0);
	memcpy(&tag, map + 4, 4); /* what is there is what is looked for */
	write_with(disk, map, __builtin_bswap32(tag));
	pread(reader, now, 25, 0);
	printf("# it was \"sealed to the end of time\", and is \"%.4s\\0%s\"\n", now, now + 5);
	check(memcmp(now + 4, "\0ABC", 4), 0, "the sealed memfd has the number of the sector");
	return failed;
}
