/*
 * A writable shared mapping of a memfd with F_SEAL_WRITE: FUSE's passthrough (Linux 6.9) maps the backing file without
 * do_mmap's memfd_check_seals_mmap, which has asked the FUSE file.
 *
 *   gcc -Wall -Wextra -o fuse-passthrough-maps-sealed fuse-passthrough-maps-sealed.c && ./fuse-passthrough-maps-sealed
 *
 * As root, for FUSE_DEV_IOC_BACKING_OPEN wants CAP_SYS_ADMIN; who maps is user 1000.  Mounts a filesystem of one file, in a
 * mount namespace of its own.  Prints KTAP; exits with 0 if the sealed memfd is written, with 1 if not, with 4 if
 * there is no passthrough.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/fuse.h of 6.9 */
enum { FUSE_GETATTR = 3, FUSE_OPEN = 14, FUSE_INIT = 26 };
#define INIT_EXT (1u << 30)
#define PASSTHROUGH_OF_FLAGS2 (1u << 5)
#define FOPEN_PASSTHROUGH (1u << 7)
struct in_header { uint32_t len, opcode; uint64_t unique, nodeid; uint32_t uid, gid, pid, rest; };
struct out_header { uint32_t len; int32_t error; uint64_t unique; };
struct init_out {
	uint32_t major, minor, max_readahead, flags;
	uint16_t max_background, congestion_threshold;
	uint32_t max_write, time_gran;
	uint16_t max_pages, map_alignment;
	uint32_t flags2, max_stack_depth, unused[6];
};
struct attr_out {
	uint64_t valid;
	uint32_t valid_nsec, dummy;
	uint64_t ino, size, blocks, atime, mtime, ctime;
	uint32_t nsec[3], mode, nlink, uid, gid, rdev, blksize, flags;
};
struct open_out { uint64_t fh; uint32_t open_flags; int32_t backing_id; };
struct backing_map { int32_t fd; uint32_t flags; uint64_t padding; };
#define BACKING_OPEN _IOW(229, 1, struct backing_map)

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

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

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static void answer(int fuse, uint64_t unique, int error, const void *body, size_t size)
{
	char message[256];
	struct out_header header = { sizeof(header) + size, error, unique };

	memcpy(message, &header, sizeof(header));
	if (size)
		memcpy(message + sizeof(header), body, size);
	if (write(fuse, message, header.len) < 0 && errno != ENOENT)
		give_up("/dev/fuse");
}

/* Serves one file, which is the memfd that descriptor `backing` leads to. */
static void serve(int fuse, int backing)
{
	static char request[1 << 20];
	struct in_header *in = (struct in_header *)request;
	struct init_out init = {
		.major = 7, .minor = 40, .flags = INIT_EXT, .max_write = 4096, .time_gran = 1,
		.flags2 = PASSTHROUGH_OF_FLAGS2, .max_stack_depth = 1,
	};
	struct attr_out attr = { .ino = 1, .size = 4096, .mode = S_IFREG | 0666, .nlink = 1 };
	struct open_out open = { .open_flags = FOPEN_PASSTHROUGH };
	struct backing_map map = { .fd = backing };

	while (read(fuse, request, sizeof(request)) > 0) {
		switch (in->opcode) {
		case FUSE_INIT:
			answer(fuse, in->unique, 0, &init, sizeof(init));
			open.backing_id = ioctl(fuse, BACKING_OPEN, &map);
			break;
		case FUSE_GETATTR:
			answer(fuse, in->unique, 0, &attr, sizeof(attr));
			break;
		case FUSE_OPEN:
			if (open.backing_id <= 0) {
				answer(fuse, in->unique, -ENOTTY, NULL, 0);
				break;
			}
			answer(fuse, in->unique, 0, &open, sizeof(open));
			break;
		default:
			answer(fuse, in->unique, -ENOSYS, NULL, 0);
		}
	}
}

static int first_byte(int fd)
{
	char byte = 0;

	return pread(fd, &byte, 1, 0) == 1 ? byte : -1;
}

static int user(const char *path, int memfd)
{
	int fd;
	char *map;

	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		give_up("user 1000");
	fd = open(path, O_RDWR);
	if (fd < 0)
		give_up("no passthrough");
	printf("KTAP version 1\n1..8\n");
	check(fcntl(memfd, F_GET_SEALS), ALL_SEALS, "the memfd has every seal");
	check((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0), -1,
	      "mmap(PROT_READ|PROT_WRITE, MAP_SHARED) of the memfd fails");
	check(pwrite(fd, "x", 1, 0), -1, "pwrite to the FUSE file fails");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) { /* up to 6.12.90 */
		printf("# mmap(PROT_READ|PROT_WRITE, MAP_SHARED) of the FUSE file: %s\n", strerror(errno));
		map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		mprotect(map, 4096, PROT_READ | PROT_WRITE);
	}
	check(map != MAP_FAILED, 1, "a shared mapping of the FUSE file, and PROT_WRITE");
	check(first_byte(memfd), 's', "the memfd's first byte");
	if (map != MAP_FAILED)
		*map = 'x';
	check(first_byte(memfd), 'x', "a store through the mapping has changed it");
	check(fcntl(memfd, F_GET_SEALS), ALL_SEALS, "the memfd has every seal");
	check(geteuid(), 1000, "for user 1000");
	return failed;
}

int main(void)
{
	int memfd = memfd_create("region", MFD_ALLOW_SEALING), reader, fuse, status;
	char path[] = "/tmp/fuse-passthrough-XXXXXX", options[128], name[64];
	pid_t server, client;

	setvbuf(stdout, NULL, _IONBF, 0);
	ftruncate(memfd, 4096);
	pwrite(memfd, "sealed", 6, 0);
	fcntl(memfd, F_ADD_SEALS, ALL_SEALS);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", memfd);
	reader = open(name, O_RDONLY);
	close(memfd);

	fuse = open("/dev/fuse", O_RDWR);
	if (fuse < 0 || mkstemp(path) < 0)
		give_up("/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=100666,user_id=0,group_id=0,allow_other", fuse);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("selkie", path, "fuse", 0, options)) {
		unlink(path);
		give_up("mount");
	}
	server = fork();
	if (!server) {
		serve(fuse, reader);
		_exit(0);
	}
	client = fork();
	if (!client)
		_exit(user(path, reader));
	waitpid(client, &status, 0);
	umount2(path, MNT_DETACH);
	unlink(path);
	close(fuse);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
