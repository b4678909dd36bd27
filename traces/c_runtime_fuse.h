// The C helper for a FUSE file that passes a memfd through.  Internal to traces/c_runtime.cc.
#ifndef SELKIE_TRACES_C_RUNTIME_FUSE_H_
#define SELKIE_TRACES_C_RUNTIME_FUSE_H_

#include <string_view>

namespace selkie {

constexpr std::string_view kNeedFuseText = R"(
#define FUSE_ROOT 191 /* out of the way of the numbers that calls under test may give */
#define FUSE_DEVICE 192
#define FUSE_WORDS 193

/* linux/fuse.h of 6.9 */
struct passed_through { int32_t fd; uint32_t flags; uint64_t padding; };
struct passing_init {
	uint32_t major, minor, max_readahead, flags;
	uint16_t max_background, congestion_threshold;
	uint32_t max_write, time_gran;
	uint16_t max_pages, map_alignment;
	uint32_t flags2, max_stack_depth, unused[6];
};
struct passing_open { uint64_t fh; uint32_t open_flags; int32_t backing_id; };

/* Who opens says which of its descriptors is to stand behind the file; the server counts. */
struct passing { int fd, opened, given_back; };

static volatile struct passing *passing(void) /* after exec, too */
{
	static struct passing *at;

	if (!at)
		at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED, FUSE_WORDS, 0);
	return at;
}

/* 0 if nobody waits for the answer: who asked was interrupted. */
static int fuse_answer(struct fuse_in_header *in, int error, const void *body, size_t size)
{
	struct fuse_out_header out = { sizeof(out) + size, error, in->unique };
	struct iovec parts[2] = { { &out, sizeof(out) }, { (void *)body, size } };

	if (writev(FUSE_DEVICE, parts, 2) >= 0)
		return 1;
	if (errno != ENOENT)
		_exit(3);
	return 0;
}

static void fuse_give_back(struct passed_through *behind, uint32_t backing_id)
{
	ioctl(FUSE_DEVICE, _IOW(229, 2, uint32_t), &backing_id);
	close(behind->fd);
	passing()->given_back++;
}

static void fuse_serve(void)
{
	static char request[1 << 16];
	struct fuse_in_header *in = (struct fuse_in_header *)request;
	struct passing_init init = { .major = 7, .minor = 40, .flags = 1u << 30, .max_write = 4096,
				     .time_gran = 1, .flags2 = 1 << 5, .max_stack_depth = 1 };
	struct fuse_attr_out attr = { .attr = { .ino = 1, .size = 4096, .mode = S_IFREG | 0666,
						.nlink = 1 } };
	struct passing_open opened = { .open_flags = 1 << 7 };
	struct passed_through behind = { .fd = -1 };
	int task, failed;

	for (;;) {
		ssize_t length = read(FUSE_DEVICE, request, sizeof(request));

		if (length < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue; /* who asked was interrupted */
		if (length <= 0)
			return;
		switch (in->opcode) {
		case FUSE_INIT:
			fuse_answer(in, 0, &init, sizeof(init));
			break;
		case FUSE_GETATTR:
			fuse_answer(in, 0, &attr, sizeof(attr));
			break;
		case FUSE_OPEN:
			passing()->opened++;
			task = (int)syscall(SYS_pidfd_open, in->pid, 0);
			behind.fd = (int)syscall(SYS_pidfd_getfd, task, passing()->fd, 0);
			opened.backing_id = behind.fd < 0 ? -1 :
				ioctl(FUSE_DEVICE, _IOW(229, 1, struct passed_through), &behind);
			failed = opened.backing_id > 0 ? 0 : errno;
			close(task);
			/* Of what was not opened there will be no release. */
			if (failed || !fuse_answer(in, 0, &opened, sizeof(opened)))
				fuse_give_back(&behind, opened.backing_id);
			if (failed)
				fuse_answer(in, -failed, NULL, 0);
			break;
		case FUSE_RELEASE:
			fuse_give_back(&behind, opened.backing_id);
			fuse_answer(in, 0, NULL, 0);
			break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT:
			break;
		default:
			fuse_answer(in, -ENOSYS, NULL, 0);
		}
	}
}

/* The file with descriptor `behind` behind it. */
static int fuse_open(int behind)
{
	char name[32];

	passing()->fd = behind;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", FUSE_ROOT);
	return open(name, O_RDWR);
}

/* Until the server holds nothing of what was behind it. */
static void fuse_close(int fd)
{
	if (fd >= 0)
		close(fd);
	while (passing()->given_back != passing()->opened)
		sched_yield();
}

static void skip_fuse(void)
{
	dprintf(1, "KTAP version 1\n1..0 # SKIP there is no passthrough of FUSE\n");
	_exit(4);
}

/* A filesystem of one file, mounted nowhere, and its server, which is root. */
static void need_fuse(void)
{
	struct rlimit limit = raise_limit();
	int device = open("/dev/fuse", O_RDWR), context = (int)syscall(SYS_fsopen, "fuse", 0), root, words, tried;
	char number[16];
	pid_t server;

	dup2(device, FUSE_DEVICE);
	close(device);
	snprintf(number, sizeof(number), "%d", FUSE_DEVICE);
	syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "fd", number, 0);
	syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "rootmode", "100666", 0);
	syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "user_id", "0", 0);
	syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "group_id", "0", 0);
	syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "allow_other", NULL, 0);
	syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	root = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	close(context);
	words = memfd_create("words", 0);
	ftruncate(words, sizeof(struct passing));
	dup2(words, FUSE_WORDS);
	close(words);
	if (device < 0 || root < 0 || dup2(root, FUSE_ROOT) < 0)
		skip_fuse();
	close(root);
	server = fork();
	if (server == 0) {
		close(FUSE_ROOT); /* it ends with the mount, and that with the program */
		fuse_serve();
		_exit(0);
	}
	close(FUSE_DEVICE);
	setpgid(server, server);
	tried = memfd_create("tried", 0);
	root = fuse_open(tried);
	fuse_close(root);
	if (root < 0)
		skip_fuse();
	close(tried);
	setrlimit(RLIMIT_NOFILE, &limit);
}
)";

constexpr std::string_view kFuseMmapText = R"(
/* Opens the FUSE file, with the descriptor behind it, maps it shared, and closes it. */
static void *fuse_mmap(void *hint, int behind, size_t length, int prot, off_t offset)
{
	struct rlimit limit = raise_limit();
	int fd = fuse_open(behind), failed;
	void *at = MAP_FAILED;

	if (fd >= 0)
		at = mmap(hint, length, prot, MAP_SHARED, fd, offset);
	failed = errno;
	fuse_close(fd);
	setrlimit(RLIMIT_NOFILE, &limit);
	errno = failed;
	return at;
}
)";

}  // namespace selkie

#endif  // SELKIE_TRACES_C_RUNTIME_FUSE_H_
