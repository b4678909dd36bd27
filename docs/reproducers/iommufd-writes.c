/*
 * A device writes a memfd that has F_SEAL_WRITE, and a file of tmpfs that its user may only read: IOMMU_IOAS_MAP_FILE (Linux
 * 6.14) asks neither the descriptor's f_mode nor the seals.
 *
 *   gcc -Wall -Wextra -static -o iommufd-writes iommufd-writes.c && ./iommufd-writes
 *
 * Needs CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV, and a device with a known way to write memory: QEMU's edu, as in
 *   qemu-system-x86_64 -M q35 -device intel-iommu -device edu ... -append intel_iommu=on
 * As root, which makes the files, gives the device to user 1000 (as for a virtual machine's monitor), becomes that user and
 * keeps descriptors that only read.  Prints KTAP; exits with 0 if the device wrote, with 1 if not, with 4 if
 * the kernel or the machine has not got what it takes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef VFIO_DEVICE_BIND_IOMMUFD
#define VFIO_DEVICE_BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 19)
#endif

/* linux/iommufd.h of 6.14 */
#define IOAS_ALLOC _IO(';', 0x81)
#define IOAS_MAP_FILE _IO(';', 0x8f)
#define MAP_FIXED_IOVA 1
#define MAP_WRITEABLE 2
#define MAP_READABLE 4
struct ioas_map_file {
	uint32_t size, flags, ioas_id;
	int32_t fd;
	uint64_t start, length, iova;
};

/* QEMU's docs/specs/edu.rst */
#define EDU_SOURCE 0x80
#define EDU_DESTINATION 0x88
#define EDU_COUNT 0x90
#define EDU_COMMAND 0x98
#define EDU_BUFFER 0x40000
#define EDU_TO_MEMORY 3

static int failed, device, iommu;
static uint32_t ioas;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int bad = fd < 0 || write(fd, text, strlen(text)) < 0;

	close(fd);
	return bad;
}

/* Binds the machine's edu to vfio-pci, gives it to user 1000 and opens it. */
static int open_device(void)
{
	DIR *all = opendir("/sys/bus/pci/devices"), *in;
	char path[512], id[32], name[64] = "";
	struct dirent *entry;
	int fd;

	while (all && (entry = readdir(all)) && !name[0]) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", entry->d_name);
		fd = open(path, O_RDONLY);
		memset(id, 0, sizeof(id));
		if (fd >= 0 && read(fd, id, sizeof(id) - 1) > 0 && !strncmp(id, "0x11e8", 6))
			snprintf(name, sizeof(name), "%.60s", entry->d_name);
		close(fd);
	}
	if (!name[0])
		give_up("no edu");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", name);
	if (write_text(path, "vfio-pci") || write_text("/sys/bus/pci/drivers_probe", name))
		give_up("vfio-pci");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", name);
	in = opendir(path);
	while (in && (entry = readdir(in)) && entry->d_name[0] == '.')
		;
	if (!in || !entry)
		give_up("no vfio-dev");
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	if (chown(path, 1000, 1000) || chown("/dev/iommu", 1000, 1000) || chmod("/dev/iommu", 0600))
		give_up(path);
	return open(path, O_RDWR);
}

static void device_write(uint64_t at, uint32_t value)
{
	uint64_t bar0 = (uint64_t)VFIO_PCI_BAR0_REGION_INDEX << 40;

	if (pwrite(device, &value, sizeof(value), bar0 + at) != sizeof(value))
		give_up("a register of the device");
}

static void attach(void)
{
	struct { uint32_t argsz, flags; int32_t iommufd; uint32_t id; } bind = { 16, 0, iommu, 0 };
	struct { uint32_t size, flags, id; } alloc = { 12, 0, 0 };
	struct { uint32_t argsz, flags, id; } at = { 12, 0, 0 };
	uint16_t bus_master = 6;

	if (ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		give_up("VFIO_DEVICE_BIND_IOMMUFD");
	if (ioctl(iommu, IOAS_ALLOC, &alloc))
		give_up("IOMMU_IOAS_ALLOC");
	ioas = at.id = alloc.id;
	if (ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at))
		give_up("VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	pwrite(device, &bus_master, 2, ((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + 4);
}

/* What IOMMU_IOAS_MAP_FILE gives for the file's first page, to be written by the device. */
static int map(int fd, uint64_t iova)
{
	struct ioas_map_file map = {
		.size = sizeof(map), .flags = MAP_FIXED_IOVA | MAP_WRITEABLE | MAP_READABLE,
		.ioas_id = ioas, .fd = fd, .length = 4096, .iova = iova,
	};

	return ioctl(iommu, IOAS_MAP_FILE, &map);
}

/* The device stores four bytes of its buffer, which are zero. */
static void dma(uint64_t iova)
{
	device_write(EDU_SOURCE, EDU_BUFFER);
	device_write(EDU_DESTINATION, iova);
	device_write(EDU_COUNT, 4);
	device_write(EDU_COMMAND, EDU_TO_MEMORY);
	sleep(1);
}

static int first_byte(int fd)
{
	char byte = 0;

	return pread(fd, &byte, 1, 0) == 1 ? byte : -1;
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), memfd, file, writer;
	char path[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	ftruncate(fd, 4096);
	pwrite(fd, "sealed", 6, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memfd = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/dev/shm/iommufd-writes-%d", getpid());
	writer = open(path, O_RDWR | O_CREAT | O_EXCL, 0444);
	ftruncate(writer, 4096);
	pwrite(writer, "root's", 6, 0);
	file = open(path, O_RDONLY);
	unlink(path);
	close(writer);

	device = open_device();
	if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		give_up("user 1000");
	iommu = open("/dev/iommu", O_RDWR);
	if (device < 0 || iommu < 0)
		give_up("/dev/vfio/devices, /dev/iommu");
	attach();

	printf("KTAP version 1\n1..11\n");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0,
	      "every seal");
	close(fd);
	check(first_byte(memfd), 's', "the memfd's first byte");
	check(pwrite(memfd, "x", 1, 0), -1, "its descriptor only reads");
	check(map(memfd, 0x100000), 0, "IOMMU_IOAS_MAP_FILE of it, writable");
	dma(0x100000);
	check(first_byte(memfd), 0, "the device has written the sealed memfd");
	check(fcntl(memfd, F_GET_SEALS), F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
	      "which has its seals");

	check(first_byte(file), 'r', "the first byte of root's file of mode 0444");
	check(pwrite(file, "x", 1, 0), -1, "its descriptor only reads");
	check(map(file, 0x200000), 0, "IOMMU_IOAS_MAP_FILE of it, writable");
	dma(0x200000);
	check(first_byte(file), 0, "the device has written root's file");
	check(geteuid(), 1000, "for user 1000");
	return failed;
}
