// C helpers for calls on files that programs seldom make: ACLs, dmabufs, leases, tmpfs; and paths
// of descriptors.  Internal to traces/c_runtime.cc.
#ifndef SELKIE_TRACES_C_RUNTIME_FILES_H_
#define SELKIE_TRACES_C_RUNTIME_FILES_H_

#include <string_view>

namespace selkie {

constexpr std::string_view kSetAclText = R"(
/* The entries of owner, group and others, as setfacl writes them. */
struct acl_of_mode {
	uint32_t version;
	struct {
		uint16_t tag, permissions;
		uint32_t id;
	} entries[3];
};

static struct acl_of_mode acl_of_mode(mode_t mode)
{
	return (struct acl_of_mode){ 2, { { 1, mode >> 6 & 7, -1 }, { 4, mode >> 3 & 7, -1 },
					  { 0x20, mode & 7, -1 } } };
}

static __attribute__((unused)) int fset_acl(int fd, mode_t mode)
{
	struct acl_of_mode acl = acl_of_mode(mode);

	return fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0);
}

static __attribute__((unused)) int set_acl(const char *path, mode_t mode)
{
	struct acl_of_mode acl = acl_of_mode(mode);

	return setxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0);
}
)";

constexpr std::string_view kNeedUringText = R"(
static void need_uring(void)
{
	int ring = (int)syscall(SYS_io_uring_setup, 1, &(struct io_uring_params){ 0 });

	if (ring < 0) {
		dprintf(1, "KTAP version 1\n1..0 # SKIP there is no io_uring\n");
		_exit(4);
	}
	close(ring);
}
)";

constexpr std::string_view kNeedSecretText = R"(
static void need_secret(void)
{
	int secret = (int)syscall(SYS_memfd_secret, 0);

	if (secret < 0) {
		dprintf(1, "KTAP version 1\n1..0 # SKIP there is no memfd_secret\n");
		_exit(4);
	}
	close(secret);
}
)";

constexpr std::string_view kNeedUdmabufText = R"(
#define UDMABUF_DEVICE 190 /* out of the way of the numbers that calls under test may give */

/* The device is root's: it is opened before a task becomes another user. */
static void need_udmabuf(void)
{
	struct rlimit limit = raise_limit();
	int device = open("/dev/udmabuf", O_RDWR), placed = dup2(device, UDMABUF_DEVICE);

	close(device);
	setrlimit(RLIMIT_NOFILE, &limit);
	if (placed < 0) {
		dprintf(1, "KTAP version 1\n1..0 # SKIP there is no /dev/udmabuf\n");
		_exit(4);
	}
}
)";

constexpr std::string_view kUdmabufCreateText = R"(
static long udmabuf_create(int memfd, long long offset, long long size)
{
	struct udmabuf_create request = { .memfd = (unsigned int)memfd, .flags = UDMABUF_FLAGS_CLOEXEC,
					  .offset = (unsigned long long)offset,
					  .size = (unsigned long long)size };
	long made = ioctl(UDMABUF_DEVICE, UDMABUF_CREATE, &request);

	return made < 0 ? -errno : made;
}
)";

constexpr std::string_view kDmabufStoreText = R"(
/* Maps the page of the dmabuf, stores there, and unmaps it. */
static long dmabuf_store(int dmabuf, long long offset, char byte)
{
	long long page = offset & ~4095ll;
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, page);

	if (at == MAP_FAILED)
		return -errno;
	*(volatile char *)(at + (offset - page)) = byte;
	munmap(at, 4096);
	return 0;
}
)";

constexpr std::string_view kUringWriteText = R"(
/* IORING_OP_WRITE, in a process that has the same descriptors: the threads that write are gone when
 * it is.
 */
static long uring_write(int fd, const char *bytes, long count, off_t offset)
{
	struct io_uring_params params = { 0 };
	struct rlimit limit = raise_limit();
	int ring = out_of_the_way((int)syscall(SYS_io_uring_setup, 1, &params));
	char *queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
			   IORING_OFF_SQ_RING);
	struct io_uring_sqe *entry = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
					  IORING_OFF_SQES);
	struct io_uring_cqe *event;
	long written = -ENOSYS;

	setrlimit(RLIMIT_NOFILE, &limit);
	if (queue == MAP_FAILED || entry == MAP_FAILED) {
		close(ring);
		return written;
	}
	*entry = (struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd,
					.addr = (unsigned long)bytes, .len = (unsigned int)count,
					.off = (unsigned long)offset };
	*(unsigned int *)(queue + params.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	written = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	event = (struct io_uring_cqe *)(queue + params.cq_off.cqes);
	written = written < 0 ? -errno : event->res;
	close(ring);
	return written;
}

static long uring_write_at(int fd, const char *bytes, long count, off_t offset)
{
	long *result = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES, 0, 0, 0, 0);
	long written;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		*result = uring_write(fd, bytes, count, offset);
		_exit(0);
	}
	waitpid(pid, NULL, __WALL);
	written = *result;
	munmap(result, 4096);
	return written;
}
)";

constexpr std::string_view kSetLeaseText = R"(
/* Who opens the file sends SIGIO to the holder of a lease, which would end it. */
static int set_lease(int fd, int type)
{
	signal(SIGIO, SIG_IGN);
	return fcntl(fd, F_SETLEASE, type);
}
)";

constexpr std::string_view kSetDelegText = R"(
/* F_SETDELEG and struct delegation, of linux/fcntl.h of 6.19. */
static int set_deleg(int fd, int type)
{
	struct { uint32_t flags; uint16_t type, pad; } wanted = { 0, (uint16_t)type, 0 };

	signal(SIGIO, SIG_IGN);
	return fcntl(fd, 1040, &wanted);
}
)";

constexpr std::string_view kGetDelegText = R"(
/* F_GETDELEG and struct delegation, of linux/fcntl.h of 6.19. */
static int get_deleg(int fd)
{
	struct { uint32_t flags; uint16_t type, pad; } held = { 0, 0, 0 };

	return fcntl(fd, 1039, &held) ? -1 : held.type;
}
)";

constexpr std::string_view kNeedTmpfsText = R"(
/* Where /dev/shm is something else, or may not hold programs, answers are others. */
static void need_tmpfs(void)
{
	struct statfs mounted;

	if (statfs("/dev/shm", &mounted) || mounted.f_type != 0x01021994 /* TMPFS_MAGIC */ ||
	    (mounted.f_flags & 8 /* ST_NOEXEC */)) {
		dprintf(1, "KTAP version 1\n1..0 # SKIP /dev/shm is no tmpfs that may hold programs\n");
		_exit(4);
	}
}
)";

constexpr std::string_view kOpenTmpfileText = R"(
/* A file of tmpfs that has no name. */
static int open_tmpfile(int flags, mode_t mode)
{
	mode_t mask = umask(0);
	int fd = open("/dev/shm", O_TMPFILE | flags, mode);

	umask(mask);
	return fd;
}
)";

constexpr std::string_view kProcFdText = R"(
/* "/proc/PID/fd/N" */
static const char *proc_fd(pid_t pid, int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return path;
}
)";

constexpr std::string_view kProcSelfFdText = R"(
/* "/proc/self/fd/N" */
static const char *proc_self_fd(int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}
)";

constexpr std::string_view kDevFdText = R"(
/* "/dev/fd/N" */
static const char *dev_fd(int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	return path;
}
)";

}  // namespace selkie

#endif  // SELKIE_TRACES_C_RUNTIME_FILES_H_
