#include "traces/c_runtime.h"

#include <utility>

#include "fmt/format.h"
#include "traces/c_runtime_calls.h"
#include "traces/c_runtime_files.h"
#include "traces/c_runtime_fuse.h"
#include "traces/c_runtime_new_calls.h"
#include "traces/c_runtime_program.h"

namespace selkie {
namespace {

// A helper: its headers, what it calls, its text.  In the text "@" is the place
// of shared values: "shared->" where there are tasks.
struct Helper {
  std::vector<std::string> includes;
  std::vector<CHelper> calls;
  std::string_view text;
};

constexpr std::string_view kAwaitTurnText = R"(
/* Waits until it is this task's turn. */
static void await_turn(int me)
{
	char token;

	if (read(shared->token[me][0], &token, 1) != 1)
		_exit(1);
}
)";

constexpr std::string_view kHandOverText = R"(
/* Lets another task make the next calls and waits for this task's turn. */
static void hand_over(int me, int to)
{
	if (write(shared->token[to][1], "t", 1) != 1)
		_exit(1);
	await_turn(me);
}
)";

constexpr std::string_view kReportText = R"(
/* One test line. */
static void report(int good, const char *text)
{
	@tests++;
	@failures += !good;
	dprintf(1, "%s %d %s\n", good ? "ok" : "not ok", @tests, text);
}
)";

constexpr std::string_view kCheckText = R"(
/* What a call gave: a value, or minus its errno. */
static void check(long got, long expected, const char *text)
{
	if (got != expected && got < 0)
		dprintf(1, "# got -1 (%s)\n", strerror(-got));
	else if (got != expected)
		dprintf(1, "# got %ld\n", got);
	report(got == expected, text);
}
)";

constexpr std::string_view kCheckFaultsText = R"(
#define FAULT(signal) (-1000L - (signal))

/* What a call gave: a value, minus its errno, or FAULT(signal). */
static void check(long got, long expected, const char *text)
{
	if (got != expected && got <= FAULT(0))
		dprintf(1, "# got signal %ld\n", FAULT(0) - got);
	else if (got != expected && got < 0)
		dprintf(1, "# got -1 (%s)\n", strerror(-got));
	else if (got != expected)
		dprintf(1, "# got %ld\n", got);
	report(got == expected, text);
}
)";

constexpr std::string_view kResultText = R"(
/* The value of a call, or minus its errno. */
static long result(long value)
{
	return value == -1 ? -errno : value;
}
)";

constexpr std::string_view kInArenaText = R"(
/* An address as an offset in the arena, or minus errno. */
static long in_arena(char *address)
{
	return address == MAP_FAILED ? -errno : address - arena;
}
)";

constexpr std::string_view kManyText = R"(
/* A count beyond the buffer: the call must not copy so much. */
static size_t many(long count)
{
	volatile long hidden = count;

	return hidden;
}
)";

constexpr std::string_view kRepeatText = R"(
/* The buffer, full of one byte. */
static const char *repeat(char byte)
{
	return memset(buffer, byte, sizeof(buffer));
}
)";

constexpr std::string_view kCheckReadText = R"(
/* How many bytes were read, and those at every 2048th byte of the file: the
 * first of them stands at buffer[first].
 */
static void check_read(long got, long expected, int first, const char *bytes,
		       int count, const char *text)
{
	int good = got == expected;

	if (!good)
		return check(got, expected, text);
	for (int i = 0; i < count; i++) {
		char byte = buffer[first + 2048 * i];

		if (byte == bytes[i])
			continue;
		dprintf(1, "# got byte 0x%02x, not 0x%02x, at %d\n",
			byte & 0xff, bytes[i] & 0xff, first + 2048 * i);
		good = 0;
	}
	report(good, text);
}
)";

constexpr std::string_view kCheckStatText = R"(
static void check_stat(int fd, long size, mode_t mode, const char *text)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return check(-errno, 0, text);
	if (st.st_size != size || (st.st_mode & 07777) != mode)
		dprintf(1, "# got st_size=%ld, st_mode=0%o\n",
			(long)st.st_size, st.st_mode & 07777);
	report(st.st_size == size && (st.st_mode & 07777) == mode, text);
}
)";

constexpr std::string_view kFaultsText = R"(
static sigjmp_buf after_fault;

static void on_fault(int signal)
{
	siglongjmp(after_fault, signal);
}

static void catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}
)";

constexpr std::string_view kLoadText = R"(
/* The byte at an address, or FAULT(signal). */
static long load(volatile char *address)
{
	int signal = sigsetjmp(after_fault, 1);

	return signal ? FAULT(signal) : (*address & 0xff);
}
)";

constexpr std::string_view kStoreText = R"(
/* 0, or FAULT(signal). */
static long store(volatile char *address, char byte)
{
	int signal = sigsetjmp(after_fault, 1);

	if (signal)
		return FAULT(signal);
	*address = byte;
	return 0;
}
)";

constexpr std::string_view kRemapText = R"(
/* mremap() that may move: where to is the kernel's choice, so that what moved is
 * moved on to `place`.
 */
static char *remap(char *old, size_t old_size, size_t new_size, int flags, char *place)
{
	char *address = mremap(old, old_size, new_size, flags);

	if (address == MAP_FAILED || address == old)
		return address;
	return mremap(address, new_size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
}
)";

constexpr std::string_view kDrainText = R"(
/* Drops what was sent to the task that had this place before. */
static void drain(int sock)
{
	for (long fd; (fd = receive_rights(sock)) > 0 || fd == -EMFILE;)
		if (fd > 0)
			close(fd);
}
)";

constexpr std::string_view kBecomeText = R"(
/* Becomes another user, whose other tasks may still look at its /proc files. */
static void become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid) ||
	    prctl(PR_SET_DUMPABLE, 1)) {
		dprintf(1, "Bail out! Could not become user %d.\n", uid);
		_exit(1);
	}
}
)";

constexpr std::string_view kLimitFdsText = R"(
/* Descriptors that are open beyond the limit stay open. */
static void limit_fds(rlim_t limit)
{
	struct rlimit rlimit;

	getrlimit(RLIMIT_NOFILE, &rlimit);
	rlimit.rlim_cur = limit < rlimit.rlim_max ? limit : rlimit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rlimit);
}
)";

constexpr std::string_view kLimitSizeText = R"(
/* Of files that are written, -1 for none: the report has to go to a terminal or a
 * pipe.
 */
static int limit_size(off_t limit)
{
	struct rlimit rlimit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &rlimit);
	rlimit.rlim_cur = limit < 0 ? RLIM_INFINITY : (rlim_t)limit;
	return setrlimit(RLIMIT_FSIZE, &rlimit);
}
)";

constexpr std::string_view kSkipRestText = R"(
/* The next call is one that no kernel has: what comes from here on cannot be
 * tried.
 */
static void skip_rest(int from)
{
	for (int i = from; rest[i]; i++)
		dprintf(1, "ok %d %s # SKIP no kernel has %s\n", ++tests, rest[i], missing);
	exit(failures ? 1 : 4);
}
)";

constexpr std::string_view kSkipRestOfTasksText = R"(
/* The next call is one that no kernel has: what comes from here on cannot be
 * tried.
 */
static void skip_rest(int me, int from)
{
	for (int i = from; rest[i]; i++)
		dprintf(1, "ok %d %s # SKIP no kernel has %s\n", ++shared->tests, rest[i], missing);
	shared->skipped = 1;
	hand_over(me, MAIN);
}
)";

constexpr std::string_view kOwnText = R"(
/* Moves a descriptor of this program out of the way of those that calls make. */
static int own(int fd)
{
	int high = fcntl(fd, F_DUPFD, 100);

	close(fd);
	return high;
}
)";

constexpr std::string_view kShareText = R"(
#define CONTROL_FD 100

/* Memory that all tasks share, also after exec(). */
static void share(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, CONTROL_FD, 0);
	if (shared == MAP_FAILED)
		_exit(1);
}
)";

constexpr std::string_view kAwaitExitText = R"(
/* Waits until the kernel has closed and unmapped everything of a task. */
static void await_exit(pid_t pid)
{
	struct pollfd end = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	poll(&end, 1, 10000);
	close(end.fd);
}
)";

constexpr std::string_view kRunTasksText = R"(
/* Starts with a task and returns when the token comes back for good. */
static void run_tasks(int first)
{
	struct pollfd token = { .fd = shared->token[MAIN][0], .events = POLLIN };

	shared->next = first;
	while (shared->next != MAIN) {
		int next = shared->next;

		shared->next = MAIN;
		if (write(shared->token[next][1], "t", 1) != 1 || poll(&token, 1, 30000) != 1) {
			dprintf(1, "Bail out! A task hangs or has died.\n");
			shared->failures++;
			break;
		}
		await_turn(MAIN);
		if (shared->exiting)
			await_exit(shared->exiting);
		shared->exiting = 0;
	}
	for (int i = 0; i < TASKS; i++)
		if (shared->running[i])
			kill(shared->pid[i], SIGKILL);
}
)";

constexpr std::string_view kForkTaskText = R"(
/* Starts a task that does not return; its number, or minus errno. */
static long fork_task(int task, void (*run)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		run();
		_exit(0);
	}
	shared->pid[task] = pid;
	shared->running[task] = pid > 0;
	return pid < 0 ? -errno : task;
}
)";

constexpr std::string_view kCloneTaskText = R"(
static void (*starts[TASKS])(void);

static int start(void *run)
{
	(*(void (**)(void))run)();
	return 0;
}

/* The same for a task that shares memory or descriptors. */
static long clone_task(int task, void (*run)(void), int flags)
{
	static char stack[TASKS][1 << 16] __attribute__((aligned(16)));
	pid_t pid;

	starts[task] = run;
	pid = clone(start, stack[task] + sizeof(stack[task]), flags | SIGCHLD, &starts[task]);
	shared->pid[task] = pid;
	shared->running[task] = pid > 0;
	return pid < 0 ? -errno : task;
}
)";

constexpr std::string_view kCloneRefusedText = R"(
/* A task that is not to be made: one that is ends at once. */
static long clone_refused(int flags)
{
	long pid = syscall(SYS_clone, (flags & ~CLONE_VM) | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -errno : pid;
}
)";

constexpr std::string_view kWaitTaskText = R"(
static long wait_task(pid_t pid)
{
	return waitpid(pid, NULL, __WALL) < 0 ? -errno : 0;
}
)";

constexpr std::string_view kExitTaskText = R"(
/* Ends this task.  main() waits until the kernel is done with it before it gives
 * the token to the next.
 */
static void exit_task(int me, int next)
{
	shared->exiting = shared->pid[me];
	shared->running[me] = 0;
	shared->next = next;
	if (write(shared->token[MAIN][1], "t", 1) != 1)
		_exit(1);
	_exit(0);
}
)";

constexpr std::string_view kExecIntoText = R"(
/* Executes this program anew; it goes on with after_exec[piece]. */
static void exec_into(int piece)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", piece);
)";

const Helper kHelpers[] = {
    {{"unistd.h"}, {}, kAwaitTurnText},
    {{"unistd.h"}, {CHelper::kAwaitTurn}, kHandOverText},
    {{"stdio.h"}, {}, kReportText},
    {{"string.h", "stdio.h"}, {CHelper::kReport}, kCheckText},
    {{"errno.h"}, {}, kResultText},
    {{"errno.h", "sys/mman.h"}, {}, kInArenaText},
    {{"stddef.h"}, {}, kManyText},
    {{}, {}, kNoBufferText},
    {{"string.h"}, {}, kRepeatText},
    {{"stdio.h"}, {CHelper::kCheck}, kCheckReadText},
    {{"sys/stat.h", "errno.h", "stdio.h"}, {CHelper::kCheck}, kCheckStatText},
    {{"signal.h", "setjmp.h"}, {}, kFaultsText},
    {{}, {CHelper::kFaults}, kLoadText},
    {{}, {CHelper::kFaults}, kStoreText},
    {{"sys/mman.h"}, {}, kRemapText},
    {{"stdio.h", "sys/types.h"}, {}, kProcFdText},
    {{"stdio.h", "sys/types.h"}, {}, kProcSelfFdText},
    {{"stdio.h", "sys/types.h"}, {}, kDevFdText},
    {{"sys/socket.h", "errno.h"}, {}, kOpenPairText},
    {{"fcntl.h", "unistd.h", "errno.h", "signal.h"}, {}, kOpenPipeText},
    {{"fcntl.h", "sys/uio.h"}, {}, kVmspliceText},
    {{"linux/aio_abi.h", "sys/syscall.h", "unistd.h", "errno.h"}, {}, kAioPwriteText},
    {{"sys/resource.h"}, {}, kRaiseLimitText},
    {{"fcntl.h", "unistd.h"}, {}, kOutOfTheWayText},
    {{"linux/io_uring.h", "sys/mman.h", "sys/socket.h", "sys/syscall.h", "sys/uio.h", "unistd.h",
      "errno.h"},
     {CHelper::kRaiseLimit, CHelper::kOutOfTheWay},
     kUringText},
    {{}, {CHelper::kUring}, kUringRegisterText},
    {{}, {CHelper::kUring}, kUringUnregisterText},
    {{}, {CHelper::kUring}, kUringReadFixedText},
    {{"linux/io_uring.h", "sched.h", "sys/mman.h", "sys/syscall.h", "sys/wait.h", "unistd.h",
      "errno.h"},
     {CHelper::kRaiseLimit, CHelper::kOutOfTheWay},
     kUringWriteText},
    {{}, {CHelper::kCheck}, kCheckPairText},
    {{"sys/socket.h", "sys/uio.h", "string.h", "errno.h"}, {}, kSendRightsText},
    {{"sys/socket.h", "sys/uio.h", "string.h", "errno.h"}, {}, kReceiveRightsText},
    {{"sys/syscall.h", "unistd.h", "errno.h"},
     {CHelper::kRaiseLimit, CHelper::kOutOfTheWay},
     kGetTaskFdText},
    {{"sys/uio.h"}, {}, kHalvesText},
    {{"sys/uio.h"}, {}, kTwoPartsText},
    {{"sys/resource.h", "sys/syscall.h", "sys/uio.h", "unistd.h", "errno.h"},
     {CHelper::kRaiseLimit, CHelper::kOutOfTheWay},
     kAdviseText},
    {{"sys/syscall.h", "unistd.h"}, {}, kMsealText},
    {{"fcntl.h", "sys/syscall.h", "unistd.h"}, {}, kOpenHowText},
    {{"fcntl.h", "linux/fs.h", "sys/syscall.h", "unistd.h"}, {}, kFileSetattrText},
    {{"fcntl.h", "sys/syscall.h", "unistd.h"}, {}, kFchmodat2Text},
    {{"sys/uio.h"}, {}, kVmWriteText},
    {{"fcntl.h", "stdio.h", "unistd.h", "errno.h"},
     {CHelper::kRaiseLimit, CHelper::kOutOfTheWay},
     kMemWriteText},
    {{"sys/ptrace.h", "sys/wait.h", "errno.h"}, {}, kPtracePokeText},
    {{"fcntl.h", "linux/userfaultfd.h", "string.h", "sys/ioctl.h", "sys/syscall.h", "unistd.h",
      "errno.h"},
     {CHelper::kRaiseLimit, CHelper::kOutOfTheWay},
     kUffdCopyText},
    {{"stdint.h", "sys/xattr.h"}, {}, kSetAclText},
    {{"linux/io_uring.h", "stdio.h", "sys/syscall.h", "unistd.h"}, {}, kNeedUringText},
    {{"stdio.h", "sys/syscall.h", "unistd.h"}, {}, kNeedSecretText},
    {{"fcntl.h", "stdio.h", "unistd.h"}, {CHelper::kRaiseLimit}, kNeedUdmabufText},
    {{"linux/udmabuf.h", "sys/ioctl.h", "errno.h"}, {CHelper::kNeedUdmabuf}, kUdmabufCreateText},
    {{"sys/mman.h", "errno.h"}, {}, kDmabufStoreText},
    {{"fcntl.h", "linux/fuse.h", "linux/mount.h", "sched.h", "stdint.h", "stdio.h", "sys/ioctl.h",
      "sys/mman.h", "sys/stat.h", "sys/syscall.h", "sys/uio.h", "unistd.h", "errno.h"},
     {CHelper::kRaiseLimit},
     kNeedFuseText},
    {{"errno.h"}, {CHelper::kNeedFuse}, kFuseMmapText},
    {{"fcntl.h", "signal.h"}, {}, kSetLeaseText},
    {{"fcntl.h", "signal.h", "stdint.h"}, {}, kSetDelegText},
    {{"fcntl.h", "stdint.h"}, {}, kGetDelegText},
    {{"stdio.h", "sys/vfs.h", "unistd.h"}, {}, kNeedTmpfsText},
    {{"fcntl.h", "sys/stat.h"}, {}, kOpenTmpfileText},
    {{"fcntl.h", "errno.h"}, {}, kOpenHandleText},
    {{"fcntl.h", "stdio.h", "errno.h"}, {CHelper::kRaiseLimit}, kOpenMapFileText},
    {{"stdio.h", "unistd.h"}, {}, kNeedX86Text},
    {{"elf.h", "unistd.h"}, {}, kWriteProgramText},
    {{"fcntl.h", "signal.h", "sys/prctl.h", "sys/syscall.h", "sys/wait.h", "unistd.h", "errno.h"},
     {},
     kRunProgramText},
    {{"fcntl.h", "stdio.h"}, {}, kOpenExeText},
    {{"unistd.h"}, {}, kCloseLowText},
    {{"unistd.h"}, {CHelper::kReceiveRights}, kDrainText},
    {{"grp.h", "stdio.h", "unistd.h", "sys/prctl.h"}, {}, kBecomeText},
    {{"sys/resource.h"}, {}, kLimitFdsText},
    {{"sys/resource.h", "sys/types.h", "signal.h"}, {}, kLimitSizeText},
    {{"stdio.h", "unistd.h"}, {}, kNeedHugePagesText},
    {{"sched.h", "sys/mount.h", "sys/wait.h", "unistd.h"}, {}, kOwnNamespaceText},
    {{"fcntl.h", "stdio.h", "unistd.h", "errno.h"},
     {CHelper::kOwnNamespace, CHelper::kRaiseLimit},
     kSetNoexecText},
    {{"stdio.h", "stdlib.h"}, {}, kSkipRestText},
    {{"fcntl.h", "unistd.h"}, {}, kOwnText},
    {{"sys/mman.h", "unistd.h"}, {}, kShareText},
    {{"poll.h", "sys/syscall.h", "unistd.h"}, {}, kAwaitExitText},
    {{"poll.h", "signal.h", "stdio.h", "unistd.h"},
     {CHelper::kAwaitTurn, CHelper::kAwaitExit},
     kRunTasksText},
    {{"unistd.h", "errno.h"}, {}, kForkTaskText},
    {{"sched.h", "signal.h", "errno.h"}, {}, kCloneTaskText},
    {{"sched.h", "signal.h", "sys/syscall.h", "unistd.h", "errno.h"}, {}, kCloneRefusedText},
    {{"sched.h", "signal.h", "unistd.h", "errno.h"},
     {CHelper::kAwaitTurn, CHelper::kCheck},
     kVforkTaskText},
    {{"sys/wait.h", "errno.h"}, {}, kWaitTaskText},
    {{"unistd.h"}, {}, kExitTaskText},
    {{"unistd.h", "stdio.h", "errno.h"}, {CHelper::kCheck}, kExecIntoText},
};

const Helper& HelperOf(CHelper helper) { return kHelpers[static_cast<int>(helper)]; }

// The limit is raised for a moment: a program that is linked dynamically needs
// a descriptor to start.
std::string ExecIntoEnd(const CProgram& program) {
  std::string out;
  if (program.nofile != 0) out += "\tlimit_fds(RLIM_INFINITY);\n";
  out += "\texecl(\"/proc/self/exe\", \"selkie-task\", number, (char *)NULL);\n";
  out += "\tcheck(-errno, 0, \"exec()\");\n\t_exit(1);\n}\n";
  return out;
}

// The text for the kind of program that it is.
std::string_view TextOf(CHelper helper, const CProgram& program) {
  if (helper == CHelper::kCheck && program.faults) return kCheckFaultsText;
  if (helper == CHelper::kSkipRest && program.tasks) return kSkipRestOfTasksText;
  return HelperOf(helper).text;
}

}  // namespace

std::optional<CHelper> CAskOf(const Call& call) {
  if (MakesHugetlb(call)) return CHelper::kNeedHugePages;
  if (call.op == Op::kOpenTmpfile) return CHelper::kNeedTmpfs;
  if (SpecOf(call.op).family == Family::kUdmabuf) return CHelper::kNeedUdmabuf;
  if (call.op == Op::kFuseMmap) return CHelper::kNeedFuse;
  if (call.op == Op::kRunProgram) return CHelper::kNeedX86;
  if (call.op == Op::kUringPwrite) return CHelper::kNeedUring;
  if (call.op == Op::kOpenOther && call.arg[0] == abi::kOtherSecret) return CHelper::kNeedSecret;
  return std::nullopt;
}

std::string CAsks(const std::set<CHelper>& asks) {
  constexpr std::pair<CHelper, std::string_view> kFunctions[] = {
      {CHelper::kNeedTmpfs, "need_tmpfs"},    {CHelper::kNeedHugePages, "need_huge_pages"},
      {CHelper::kNeedUring, "need_uring"},    {CHelper::kNeedSecret, "need_secret"},
      {CHelper::kNeedFuse, "need_fuse"},      {CHelper::kNeedX86, "need_x86"},
      {CHelper::kNeedUdmabuf, "need_udmabuf"}};
  std::string out;
  for (const auto& [helper, function] : kFunctions)
    if (asks.contains(helper)) out += fmt::format("\t{}();\n", function);
  return out;
}

std::string CHelperText(CHelper helper, const CProgram& program) {
  std::string out;
  for (char c : TextOf(helper, program))
    out += c == '@' ? std::string(program.tasks ? "shared->" : "") : std::string(1, c);
  if (helper == CHelper::kExecInto) out += ExecIntoEnd(program);
  return out;
}

std::vector<CHelper> CHelpersOf(CHelper helper, const CProgram& program) {
  std::vector<CHelper> calls = HelperOf(helper).calls;
  if (helper == CHelper::kExecInto && program.nofile != 0) calls.push_back(CHelper::kLimitFds);
  if (helper == CHelper::kSkipRest && program.tasks) calls.push_back(CHelper::kHandOver);
  return calls;
}

std::vector<std::string> CIncludesOf(CHelper helper) { return HelperOf(helper).includes; }

}  // namespace selkie
