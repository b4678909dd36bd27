// Texts of helpers that make one system call, for exported C programs.  Internal to
// traces/c_runtime.cc.
#ifndef SELKIE_TRACES_C_RUNTIME_CALLS_H_
#define SELKIE_TRACES_C_RUNTIME_CALLS_H_

#include <string_view>

namespace selkie {

constexpr std::string_view kNoBufferText = R"(
/* NULL, of which compilers know that no call reads it. */
static const char *no_buffer(void)
{
	static const char *volatile none;

	return none;
}
)";

constexpr std::string_view kOpenPairText = R"(
/* Two connected sockets, or minus errno in both. */
static long open_pair(int *left, int *right)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
		ends[0] = ends[1] = -errno;
	*left = ends[0];
	*right = ends[1];
	return ends[0];
}
)";

constexpr std::string_view kOpenPipeText = R"(
/* The ends of a pipe, or minus errno in both. */
static long open_pipe(int *reader, int *writer, int flags)
{
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	if (pipe2(ends, flags) != 0)
		ends[0] = ends[1] = -errno;
	*reader = ends[0];
	*writer = ends[1];
	return ends[0];
}
)";

constexpr std::string_view kVmspliceText = R"(
static long vmsplice_range(int fd, void *start, size_t length, unsigned int flags)
{
	struct iovec range = { start, length };

	return vmsplice(fd, &range, 1, flags);
}
)";

constexpr std::string_view kAioPwriteText = R"(
/* io_submit of one write, and its event. */
static long aio_write_at(int fd, const char *bytes, long count, off_t offset)
{
	struct iocb block = { .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (unsigned int)fd,
			      .aio_buf = (unsigned long)bytes, .aio_nbytes = (unsigned long)count,
			      .aio_offset = offset };
	struct iocb *blocks[] = { &block };
	struct io_event event = { 0 };
	aio_context_t context = 0;
	long done;

	if (syscall(SYS_io_setup, 1, &context) != 0)
		return -errno;
	done = syscall(SYS_io_submit, context, 1, blocks);
	if (done < 0)
		done = -errno;
	else if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1)
		done = (long)event.res;
	syscall(SYS_io_destroy, context);
	return done;
}
)";

constexpr std::string_view kRaiseLimitText = R"(
/* Raises the limit of descriptors for a moment; what it was. */
static struct rlimit raise_limit(void)
{
	struct rlimit limit, raised;

	getrlimit(RLIMIT_NOFILE, &limit);
	raised = (struct rlimit){ limit.rlim_max, limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &raised);
	return limit;
}
)";

constexpr std::string_view kOutOfTheWayText = R"(
/* Moves a descriptor out of the way of the numbers that calls under test may give. */
static int out_of_the_way(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 200);

	close(fd);
	return high;
}
)";

constexpr std::string_view kUringText = R"(
/* An io_uring of one entry, for this process.  Its descriptor, and those of the socket from
 * which it reads, go out of the way of the numbers that calls may give.
 */
static struct uring {
	pid_t pid;
	int fd, source, source_end;
	struct io_uring_params params;
	char *queue;
	struct io_uring_sqe *entry;
} uring;

static void uring_open(void)
{
	struct rlimit limit;
	int ends[2];

	if (uring.pid == getpid())
		return;
	limit = raise_limit();
	uring = (struct uring){ .pid = getpid() };
	uring.fd = (int)syscall(SYS_io_uring_setup, 1, &uring.params);
	if (uring.fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) {
		dprintf(1, "Bail out! io_uring is not to be had here\n");
		_exit(1);
	}
	uring.fd = out_of_the_way(uring.fd);
	uring.source = out_of_the_way(ends[0]);
	uring.source_end = out_of_the_way(ends[1]);
	setrlimit(RLIMIT_NOFILE, &limit);
	uring.queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   uring.fd, IORING_OFF_SQ_RING);
	uring.entry = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   uring.fd, IORING_OFF_SQES);
}
)";

constexpr std::string_view kUringRegisterText = R"(
static long uring_register(void *start, size_t length)
{
	struct iovec range = { start, length };

	uring_open();
	if (syscall(SYS_io_uring_register, uring.fd, IORING_REGISTER_BUFFERS, &range, 1) != 0)
		return -errno;
	return 0;
}
)";

constexpr std::string_view kUringUnregisterText = R"(
static long uring_unregister(void)
{
	uring_open();
	if (syscall(SYS_io_uring_register, uring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0) != 0)
		return -errno;
	return 0;
}
)";

constexpr std::string_view kUringReadFixedText = R"(
/* IORING_OP_READ_FIXED of one byte. */
static long uring_read_fixed(void *address, char byte)
{
	struct io_uring_cqe *events;
	unsigned int *head, *tail;
	long done;

	uring_open();
	send(uring.source_end, &byte, 1, 0);
	*uring.entry = (struct io_uring_sqe){ .opcode = IORING_OP_READ_FIXED, .fd = uring.source,
					      .addr = (unsigned long)address, .len = 1 };
	*(unsigned int *)(uring.queue + uring.params.sq_off.array) = 0;
	tail = (unsigned int *)(uring.queue + uring.params.sq_off.tail);
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, uring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -errno;
	head = (unsigned int *)(uring.queue + uring.params.cq_off.head);
	events = (struct io_uring_cqe *)(uring.queue + uring.params.cq_off.cqes);
	done = events[*head & (uring.params.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	if (done != 1)
		recv(uring.source, &byte, 1, MSG_DONTWAIT);
	return done;
}
)";

constexpr std::string_view kCheckPairText = R"(
static void check_pair(int left, int right, int expected_left, int expected_right,
		       const char *text)
{
	if (left == expected_left && right != expected_right)
		check(right, expected_right, text);
	else
		check(left, expected_left, text);
}
)";

constexpr std::string_view kSendRightsText = R"(
/* Sends a descriptor as SCM_RIGHTS with one byte of data. */
static long send_rights(int sock, int fd)
{
	char data = 'm';
	struct iovec iov = { &data, 1 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return sendmsg(sock, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
)";

constexpr std::string_view kReceiveRightsText = R"(
/* Receives a descriptor; one that did not fit into the table is EMFILE. */
static long receive_rights(int sock)
{
	char data;
	int fd;
	struct iovec iov = { &data, 1 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t count = recvmsg(sock, &message, MSG_DONTWAIT);

	if (count <= 0)
		return count < 0 ? -errno : 0;
	if (!CMSG_FIRSTHDR(&message))
		return -EMFILE;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}
)";

constexpr std::string_view kGetTaskFdText = R"(
/* The pidfd goes out of the way of the numbers that the call itself may give, for
 * which the limit of descriptors is raised for a moment.
 */
static long get_task_fd(pid_t pid, int fd)
{
	struct rlimit limit;
	long taken;
	int pidfd;

	limit = raise_limit();
	pidfd = out_of_the_way((int)syscall(SYS_pidfd_open, pid, 0));
	setrlimit(RLIMIT_NOFILE, &limit);
	taken = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (taken < 0)
		taken = -errno;
	close(pidfd);
	return taken;
}
)";

constexpr std::string_view kHalvesText = R"(
/* What is to be written in two parts: each begins with the first of the bytes, as all are alike. */
static struct iovec *halves(const char *bytes, long count)
{
	static struct iovec vec[2];
	const long half = count > 1 ? count / 2 : 0;

	vec[0] = (struct iovec){ (void *)bytes, (size_t)half };
	vec[1] = (struct iovec){ (void *)bytes, (size_t)(count - half) };
	return vec;
}
)";

constexpr std::string_view kTwoPartsText = R"(
/* Two parts of one buffer. */
static struct iovec *two_parts(char *bytes, long count)
{
	static struct iovec vec[2];
	const long half = count > 1 ? count / 2 : 0;

	vec[0] = (struct iovec){ bytes, (size_t)half };
	vec[1] = (struct iovec){ bytes + half, (size_t)(count - half) };
	return vec;
}
)";

constexpr std::string_view kAdviseText = R"(
/* process_madvise of one range, or two. The pidfd goes out of the way of the numbers
 * that calls give.
 */
static long advise(pid_t pid, void *start, size_t length, void *start2, size_t length2, int advice,
		   unsigned int flags)
{
	struct iovec ranges[2] = { { start, length }, { start2, length2 } };
	const int count = start2 == NULL && length2 == 0 ? 1 : 2;
	struct rlimit limit;
	int pidfd = -1;
	long done;

	if (pid > 0) {
		limit = raise_limit();
		pidfd = out_of_the_way((int)syscall(SYS_pidfd_open, pid, 0));
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	done = syscall(440, pidfd, ranges, count, advice, flags);
	if (done < 0)
		done = -errno;
	if (pidfd >= 0)
		close(pidfd);
	return done;
}
)";

constexpr std::string_view kMsealText = R"(
static long mseal_range(void *start, size_t length, unsigned long flags)
{
	return syscall(462, start, length, flags);
}
)";

constexpr std::string_view kVmWriteText = R"(
/* process_vm_writev of one byte. */
static long vm_write(pid_t pid, void *address, char byte)
{
	struct iovec local = { &byte, 1 }, remote = { address, 1 };

	return process_vm_writev(pid, &local, 1, &remote, 1, 0);
}
)";

constexpr std::string_view kMemWriteText = R"(
/* One byte to /proc/PID/mem.  The descriptor goes out of the way of the numbers
 * that calls under test may give, for which the limit is raised for a moment.
 */
static long mem_write(pid_t pid, void *address, char byte)
{
	struct rlimit limit;
	char path[64];
	long written;
	int fd;

	limit = raise_limit();
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	written = fd < 0 ? -errno : 0;
	if (fd >= 0) {
		int high = out_of_the_way(fd);

		written = pwrite(high, &byte, 1, (off_t)(size_t)address);
		if (written < 0)
			written = -errno;
		close(high);
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	return written;
}
)";

constexpr std::string_view kPtracePokeText = R"(
/* Eight bytes with PTRACE_POKEDATA, of a task that waits for its turn. */
static long ptrace_poke(pid_t pid, void *address, char byte)
{
	unsigned long word = 0x0101010101010101ul * (unsigned char)byte;
	long poked;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return -errno;
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	waitpid(pid, NULL, __WALL);
	poked = ptrace(PTRACE_POKEDATA, pid, address, (void *)word);
	if (poked < 0)
		poked = -errno;
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return poked;
}
)";

constexpr std::string_view kUffdCopyText = R"(
/* A page full of the byte where nothing is yet, by UFFDIO_COPY.  The descriptor goes out of the
 * way of the numbers that calls under test may give.
 */
static long uffd_copy(void *address, char byte)
{
	static char page[4096];
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .range = { (unsigned long)address, 4096 } };
	struct uffdio_copy copy = { .dst = (unsigned long)address, .src = (unsigned long)page };
	struct rlimit limit = raise_limit();
	long fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* UFFD_USER_MODE_ONLY */);
	long error = 0;

	if (fd < 0)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	fd = out_of_the_way((int)fd);
	memset(page, byte, sizeof(page));
	range.mode = UFFDIO_REGISTER_MODE_MISSING;
	copy.len = sizeof(page);
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range) ||
	    ioctl(fd, UFFDIO_COPY, &copy))
		error = -errno;
	close(fd);
	setrlimit(RLIMIT_NOFILE, &limit);
	return error ? error : (long)copy.copy;
}
)";

constexpr std::string_view kCloseLowText = R"(
/* close_range without the descriptors of this program itself, from 100 on. */
static int close_low_range(unsigned int first, unsigned int last, int flags)
{
	if (first > 99)
		first = last = ~0U;
	else if (last > 99)
		last = 99;
	return close_range(first, last, flags);
}
)";

constexpr std::string_view kOpenMapFileText = R"(
/* Opens the link of the mapping around the address in /proc/PID/map_files.  To read where the
 * mapping begins and ends, the limit of descriptors is raised for a moment.
 */
static long open_map_file(pid_t pid, void *address, int flags)
{
	unsigned long at = (unsigned long)address, begin, end, from = at & ~4095ul, to = from + 4096;
	struct rlimit limit;
	char path[96], line[512];
	FILE *maps;
	int fd;

	limit = raise_limit();
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &begin, &end) == 2 && begin <= at && at < end) {
			from = begin;
			to = end;
		}
	if (maps)
		fclose(maps);
	setrlimit(RLIMIT_NOFILE, &limit);
	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", (int)pid, from, to);
	fd = open(path, flags, 0);
	return fd < 0 ? -errno : fd;
}
)";

constexpr std::string_view kOpenHandleText = R"(
/* open_by_handle_at of the file that fd refers to. */
static long open_handle(int fd, int flags)
{
	static union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} space;
	int mount_id;

	space.handle.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", &space.handle, &mount_id, AT_EMPTY_PATH) < 0)
		return -1;
	return open_by_handle_at(fd, &space.handle, flags);
}
)";

constexpr std::string_view kVforkTaskText = R"(
static struct {
	void (*run)(void);
	int task, next;
	const char *text;
} vforked[TASKS];

static int start_vforked(void *slot)
{
	int task = *(int *)slot;

	shared->pid[task] = getpid();
	shared->running[task] = 1;
	check(task, task, vforked[task].text);
	if (write(shared->token[vforked[task].next][1], "t", 1) != 1)
		_exit(1);
	vforked[task].run();
	return 0;
}

/* With CLONE_VFORK: the child reports the call and passes the turn on, as this task does not
 * come back before the child has ended or called exec.
 */
static void vfork_task(int task, void (*run)(void), int me, int next, int flags,
		       const char *text)
{
	static char stack[TASKS][1 << 16] __attribute__((aligned(16)));
	pid_t pid;

	vforked[task].run = run;
	vforked[task].task = task;
	vforked[task].next = next;
	vforked[task].text = text;
	pid = clone(start_vforked, stack[task] + sizeof(stack[task]), flags | SIGCHLD,
		    &vforked[task].task);
	if (pid < 0)
		check(-errno, task, text);
	else
		await_turn(me);
}
)";

constexpr std::string_view kNeedHugePagesText = R"(
static void need_huge_pages(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	int pages = 0;

	if (file == NULL || fscanf(file, "%d", &pages) != 1 || pages < 16) {
		dprintf(1, "KTAP version 1\n1..0 # SKIP no 16 huge pages are free: vm.nr_hugepages\n");
		_exit(4);
	}
	fclose(file);
}
)";

constexpr std::string_view kOwnNamespaceText = R"(
/* Goes on as process 2 of a pid namespace of its own, so that vm.memfd_noexec is set for
 * nobody else.
 */
static void own_namespace(void)
{
	int status = 1 << 8;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(1);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid != 0) {
			waitpid(pid, &status, 0);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		}
		if (i == 0 && mount("proc", "/proc", "proc", 0, NULL))
			_exit(1);
	}
}
)";

constexpr std::string_view kSetNoexecText = R"(
/* The limit of descriptors is raised for a moment. */
static long set_noexec(int level)
{
	struct rlimit limit;
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", level);
	long ret;
	int fd;

	limit = raise_limit();
	fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY);
	ret = fd < 0 || write(fd, text, length) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	setrlimit(RLIMIT_NOFILE, &limit);
	return ret;
}
)";

}  // namespace selkie

#endif  // SELKIE_TRACES_C_RUNTIME_CALLS_H_
