// Executes one call for real.
//
//   Result got = Execute(control, task, call, expected);
//
// The result is comparable with the model's (SameOutcome): values are the
// kernel's own, addresses are offsets in the arena, tasks are their numbers, a
// fault is its signal.  kBound with a NotRunReason as its value means "not run".
// Runs in the process that is the task, on raw system calls alone.
#ifndef SELKIE_KERNEL_EXECUTOR_H_
#define SELKIE_KERNEL_EXECUTOR_H_

#include <string_view>

#include "kernel/executor_control.h"

namespace selkie {

// What a call is executed with.
struct Env {
  Control& control;
  int task;                // who makes it
  const Result& expected;  // where to place what the kernel may place anywhere
};

// Where the control block keeps what the process that makes the call has of its own.
inline size_t OwnRecord(const Env& env) {
  return static_cast<size_t>(env.task == env.control.here ? kHarness : env.task);
}

// Whether `task` is the number of one that has a process.
inline bool HasPid(const Env& env, int64_t task) {
  return task >= 0 && task < kMaxTasks && env.control.tasks[static_cast<size_t>(task)].pid > 0;
}

// Executes `call` as task `task`, which this process is.  `expected`, the
// model's result, only places: an mmap without MAP_FIXED is given its address as
// a hint, and an mremap that moved is moved on to it.  fork and clone return in
// the parent alone; exec and exit do not return if they succeed.
Result Execute(Control& control, int task, const Call& call, const Result& expected);

// Why a call is not run.  A number and not a text: a task that has executed the
// program anew may have its texts at other addresses.
enum class NotRunReason : uint8_t {
  kNone,
  kModel,  // the model says kBound, and why
  kTaskNotRunning,
  kNoKernelCall,  // a call that a semantics declares
  kOutside,       // would reach memory outside the arena and the room around it
  kFixedAtNull,
  kDescriptorNoInt,
  kNoSuchTask,
  kNoSlot,       // for another task
  kNoNamespace,  // vm.memfd_noexec would be set for others
  kCloneFlags,
};
std::string_view TextOf(NotRunReason reason);

// Why a call cannot be run whatever the state, or kNone.
NotRunReason WhyNotRun(const Call& call);

// Catches faults of this process: those of load and store become results, any
// other is noted in the control block as a crash.
void CatchFaults();

// One byte at `address`, or minus the signal that reading it raised.
int LoadByte(int64_t address);
// 0, or minus the signal that writing it raised.
int StoreByte(int64_t address, uint8_t byte);

// A userfaultfd out of the way of the numbers under test, or minus errno.
int64_t OpenUserfaultfd(const Control& control);

// Sets the soft limit RLIMIT_NOFILE; 0 raises it to the hard one.
void SetNofile(int limit);
// Sets the soft limit RLIMIT_FSIZE to this many bytes; -1: none.  SIGXFSZ is ignored
// (executor_task.cc PrepareTask).  Returns what the kernel does.
int64_t SetFsizeLimit(int64_t limit);

inline constexpr char kNoexecFile[] = "/proc/sys/vm/memfd_noexec";

// Writes the number to kNoexecFile.  0, or minus errno.  RLIMIT_NOFILE is raised for
// a moment, and becomes `nofile`.
int64_t WriteNoexec(int64_t level, int nofile);

// The first page of the lowest gap of `pages` pages in the arena as the kernel
// has it, or -1.
int LowestRealGap(int pages);
// Whether the whole range is mapped.
bool IsMapped(int64_t address, int64_t length);
// Whether a byte can be read there, without the cost of a signal.
bool CanBeRead(int64_t address);

// A path under /proc or /dev/fd, made without the C library.
class ProcPath {
 public:
  explicit ProcPath(int64_t pid);  // "/proc/PID"; kSelf is self
  explicit ProcPath(const char* text) { Append(text); }
  ProcPath& Append(const char* text);
  ProcPath& Append(int64_t number);
  ProcPath& AppendHex(int64_t number);
  int64_t raw() const { return reinterpret_cast<int64_t>(text_); }

 private:
  char text_[96] = {};
  int length_ = 0;
};

// "/proc/self/fd/3", "/dev/fd/3" or "/proc/PID/fd/3", of kSelf, kDevFd or a task.
ProcPath FdPath(const Control& control, int64_t task, int64_t fd);

// Makes a descriptor by system call `number`, and moves it out of the way of
// the numbers that calls under test may give; or minus errno.
int64_t DescriptorOutOfTheWay(const Control& control, int64_t number, int64_t a, int64_t b);

// An address of the arena as the kernel takes it.
int64_t AddressOf(int64_t offset);

// ---- Parts of it, by file ----

Result FromRaw(int64_t value);       // a value or an errno
Result NotRun(NotRunReason reason);  // kBound
// What mmap of `length` bytes gave, as an address of the model.
Result FromAddress(int64_t raw, int64_t length, const Env& env);
// Where the kernel should try first to place what `call`, an mmap, makes: where the model does.
int64_t HintFor(const Call& call, const Env& env);

// executor_read.cc
Result RealRead(const Call& c, const Env& env);
Result RealPread(const Call& c, const Env& env);
Result RealReadv(const Call& c, const Env& env);
Result RealPreadv(const Call& c, const Env& env);
Result RealPreadv2(const Call& c, const Env& env);

// executor_attribute.cc
Result RealSetAttr(const Call& c, const Env& env);
Result RealSetXattr(const Call& c, const Env& env);
Result RealFileSetattr(const Call& c, const Env& env);
Result RealFileSetattrAt(const Call& c, const Env& env);
Result RealFchmodat2(const Call& c, const Env& env);
Result RealFchownat(const Call& c, const Env& env);
Result RealChown(const Call& c, const Env& env);
Result RealFutimens(const Call& c, const Env& env);
Result RealUtimensat(const Call& c, const Env& env);
Result RealFsetAcl(const Call& c, const Env& env);
Result RealSetAcl(const Call& c, const Env& env);

// executor_message.cc
Result RealSocketpair(const Call& call, const Env& env);
Result RealSendmsg(const Call& call, const Env& env);
Result RealRecvmsg(const Call& call, const Env& env);
Result RealSendFd(const Call& call, const Env& env);
Result RealRecvFd(const Call& call, const Env& env);
Result RealPidfdGetfd(const Call& call, const Env& env);
// Takes and drops what is still in a task's channel.
void DrainChannel(int task);

// executor_map.cc
Result RealMmap(const Call& call, const Env& env);
Result RealMremap(const Call& call, const Env& env);
Result RealLoad(const Call& call, const Env& env);
Result RealStore(const Call& call, const Env& env);

Result RealRemapFilePages(const Call& call, const Env& env);

// Address of the buffer that the call writes, full of its byte; 0 for NULL.
int64_t FilledBuffer(const Call& call, const Env& env);

// executor_udmabuf.cc
Result RealUdmabufCreate(const Call& call, const Env& env);
Result RealDmabufStore(const Call& call, const Env& env);

// executor_fuse.cc
Result RealFuseMmap(const Call& call, const Env& env);
// The FUSE file with the task's descriptor `fd` behind it (fuse_server.h): a descriptor, or minus
// errno.
int64_t OpenFuseFile(Control& control, int64_t fd);
// Closes that, unless it is an errno, and waits until the server holds nothing.
void CloseFuseFile(Control& control, int64_t file);

// executor_remote.cc
Result RealProcessMadvise(const Call& c, const Env& env);
Result RealProcessVmWritev(const Call& call, const Env& env);
Result RealMemWrite(const Call& call, const Env& env);
Result RealPtracePoke(const Call& call, const Env& env);
Result RealUffdCopy(const Call& call, const Env& env);

// executor_uring.cc
Result RealUringRegister(const Call& call, const Env& env);
Result RealUringUnregister(const Call& call, const Env& env);
Result RealUringReadFixed(const Call& call, const Env& env);
Result RealUringPwrite(const Call& call, const Env& env);
// Whether this process may have a ring: a seccomp filter or kernel.io_uring_disabled may forbid.
bool RingsAllowed();
// Lets go what is registered with the ring of `task`, which this process is.
void DropRegisteredBuffers(Control& control, int task);

// executor_process.cc
Result RealFork(const Call& call, const Env& env);
Result RealClone(const Call& call, const Env& env);
Result RealExec(const Call& call, const Env& env);
Result RealExit(const Call& call, const Env& env);
Result RealWait(const Call& call, const Env& env);

// executor_program.cc
Result RealExecveat(const Call& call, const Env& env);
Result RealExecve(const Call& call, const Env& env);
Result RealWriteProgram(const Call& call, const Env& env);
Result RealRunProgram(const Call& call, const Env& env);
Result RealEndProgram(const Call& call, const Env& env);
Result RealOpenExe(const Call& call, const Env& env);
// Ends the program that `task`, which this process is, has run; false if there is none.
bool KillProgram(Control& control, int task);

}  // namespace selkie

#endif  // SELKIE_KERNEL_EXECUTOR_H_
