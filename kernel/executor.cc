#include "kernel/executor.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>

#include "kernel/executor_proc.h"
#include "kernel/executor_raw.h"

namespace selkie {
namespace {

using RealCall = Result (*)(const Call&, const Env&);

// Writes the number to the base, with a minus if it is negative; the length.
int Digits(int64_t number, unsigned base, char* to) {
  char digits[24];
  int count = 0, length = 0;
  uint64_t rest = number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  do {
    digits[count++] = "0123456789abcdef"[rest % base];
    rest /= base;
  } while (rest != 0);
  if (number < 0) to[length++] = '-';
  while (count > 0) to[length++] = digits[--count];
  return length;
}

Result MemfdCreate(const Call& c, const Env&) {
  char name[kLongestName + 2] = {};  // a longer one is as wrong as one that is a byte too long
  const int64_t length = std::clamp<int64_t>(c.arg[0], 0, kLongestName + 1);
  std::fill_n(name, length, 'r');
  return FromRaw(RawSyscall(SYS_memfd_create, c.arg[0] == kNull ? 0 : Raw(name), c.arg[1]));
}

template <int kCommand>
Result Fcntl(const Call& c, const Env&) {
  return FromRaw(RawSyscall(SYS_fcntl, c.arg[0], kCommand, c.arg[1]));
}

// Of linux/fcntl.h of 6.10 and 6.12.
constexpr int kDupfdQuery = 1027, kCreatedQuery = 1028;

// struct delegation and its commands, of linux/fcntl.h of 6.19.
struct Delegation {
  uint32_t flags;
  uint16_t type;
  uint16_t pad;
};
constexpr int kGetDeleg = 1039, kSetDeleg = 1040;

Result SetDeleg(const Call& c, const Env&) {
  const Delegation wanted{0, static_cast<uint16_t>(c.arg[1]), 0};
  return FromRaw(RawSyscall(SYS_fcntl, c.arg[0], kSetDeleg, Raw(&wanted)));
}

Result GetDeleg(const Call& c, const Env&) {
  Delegation held{};
  const int64_t got = RawSyscall(SYS_fcntl, c.arg[0], kGetDeleg, Raw(&held));
  return FromRaw(got < 0 ? got : held.type);
}

Result Open(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  return FromRaw(RawSyscall(SYS_open, path.raw(), c.arg[2], 0));
}

Result Openat(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  return FromRaw(RawSyscall(SYS_openat, AT_FDCWD, path.raw(), c.arg[2], 0));
}

// struct open_how (linux/openat2.h).
Result Openat2(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  const struct {
    uint64_t flags, mode, resolve;
  } how = {static_cast<uint32_t>(c.arg[2]), static_cast<uint64_t>(c.arg[3]),
           static_cast<uint64_t>(c.arg[4])};
  return FromRaw(RawSyscall(SYS_openat2, AT_FDCWD, path.raw(), Raw(&how), sizeof(how)));
}

// The name of the link is the extent of the mapping as the kernel has it.
Result OpenMapFile(const Call& c, const Env& env) {
  if (!HasPid(env, c.arg[0])) return NotRun(NotRunReason::kNoSuchTask);
  const int64_t pid = env.control.tasks[c.arg[0]].pid;
  RealVma wanted{.start = c.arg[1] / kPageSize * kPageSize};
  wanted.end = wanted.start + kPageSize;
  RealVmas vmas;
  ReadVmasOf(env.control, pid, &vmas);  // what cannot be read cannot be opened either
  for (int i = 0; i < vmas.count; ++i)
    if (vmas.vma[i].start <= c.arg[1] && c.arg[1] < vmas.vma[i].end) wanted = vmas.vma[i];
  ProcPath path(pid);
  path.Append("/map_files/").AppendHex(AddressOf(wanted.start));
  path.Append("-").AppendHex(AddressOf(wanted.end));
  return FromRaw(RawSyscall(SYS_open, path.raw(), c.arg[2], 0));
}

template <int64_t kNumber>
Result Direct(const Call& c, const Env&) {
  return FromRaw(RawSyscall(kNumber, c.arg[0], c.arg[1], c.arg[2], c.arg[3]));
}

// Of huge pages it may be interrupted (hugetlbfs_fallocate: signal_pending) by what is no signal to
// the task, twice seen in some ten thousand runs on a busy machine.  The next goes on from there.
Result Fallocate(const Call& c, const Env&) {
  int64_t raw;
  do raw = RawSyscall(SYS_fallocate, c.arg[0], c.arg[1], c.arg[2], c.arg[3]);
  while (raw == -EINTR);
  return FromRaw(raw);
}

// Of a range of addresses, and one word more.
template <int64_t kNumber>
Result OnRange(const Call& c, const Env&) {
  return FromRaw(RawSyscall(kNumber, AddressOf(c.arg[0]), c.arg[1], c.arg[2]));
}

constexpr int64_t kMsealNumber = 462;  // younger than Debian 12's headers

Result Write(const Call& c, const Env& env) {
  return FromRaw(RawSyscall(SYS_write, c.arg[0], FilledBuffer(c, env), c.arg[2]));
}

Result Pwrite(const Call& c, const Env& env) {
  return FromRaw(RawSyscall(SYS_pwrite64, c.arg[0], FilledBuffer(c, env), c.arg[2], c.arg[3]));
}

// Two parts, the first of which is the smaller: as one if the count is no length.
struct Parts {
  Parts(const Call& c, const Env& env) {
    const int64_t half = c.arg[2] > 1 ? c.arg[2] / 2 : 0;
    void* const bytes = reinterpret_cast<void*>(FilledBuffer(c, env));
    vec[0] = {bytes, static_cast<size_t>(half)};
    vec[1] = {bytes, static_cast<size_t>(c.arg[2] - half)};
  }
  iovec vec[2];
};

Result Writev(const Call& c, const Env& env) {
  const Parts parts(c, env);
  return FromRaw(RawSyscall(SYS_writev, c.arg[0], Raw(parts.vec), 2));
}

Result Pwritev(const Call& c, const Env& env) {
  const Parts parts(c, env);
  return FromRaw(RawSyscall(SYS_pwritev, c.arg[0], Raw(parts.vec), 2, c.arg[3], 0));
}

Result Pwritev2(const Call& c, const Env& env) {
  const Parts parts(c, env);
  return FromRaw(RawSyscall(SYS_pwritev2, c.arg[0], Raw(parts.vec), 2, c.arg[3], 0, c.arg[4]));
}

// The word of an offset, and its address; 0 for NULL.
struct OffsetWord {
  explicit OffsetWord(int64_t word) : value(word), given(word != kNoOffset) {}
  int64_t raw() const { return given ? Raw(&value) : 0; }
  int64_t value;
  bool given;
};

Result Sendfile(const Call& c, const Env&) {
  const OffsetWord offset(c.arg[2]);
  return FromRaw(RawSyscall(SYS_sendfile, c.arg[0], c.arg[1], offset.raw(), c.arg[3]));
}

Result CopyFileRange(const Call& c, const Env&) {
  const OffsetWord in(c.arg[1]), out(c.arg[3]);
  return FromRaw(
      RawSyscall(SYS_copy_file_range, c.arg[0], in.raw(), c.arg[2], out.raw(), c.arg[4], c.arg[5]));
}

Result Truncate(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  return FromRaw(RawSyscall(SYS_truncate, path.raw(), c.arg[2]));
}

Result Chmod(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  return FromRaw(RawSyscall(SYS_chmod, path.raw(), c.arg[2]));
}

Result Fchown(const Call& c, const Env&) {
  return FromRaw(RawSyscall(SYS_fchown, c.arg[0], c.arg[1], -1));
}

// The harness's own descriptors stay: the range ends below them.
Result CloseRange(const Call& c, const Env&) {
  const auto first = static_cast<uint32_t>(c.arg[0]), last = static_cast<uint32_t>(c.arg[1]);
  constexpr uint32_t kLast = kControlFd - 1;
  const bool clipped = last > kLast && first <= last;
  const int64_t beyond = std::numeric_limits<int32_t>::max();
  if (clipped && first > kLast)
    return FromRaw(RawSyscall(SYS_close_range, beyond, beyond, c.arg[2]));
  return FromRaw(
      RawSyscall(SYS_close_range, c.arg[0], clipped ? int64_t{kLast} : c.arg[1], c.arg[2]));
}

// A handle of a file of tmpfs has 12 bytes (mm/shmem.c shmem_encode_fh).
Result OpenByHandle(const Call& c, const Env&) {
  struct {
    uint32_t bytes = 64;
    int32_t type = 0;
    uint8_t handle[64] = {};
  } handle;
  int32_t mount_id = 0;
  const int64_t named = RawSyscall(SYS_name_to_handle_at, c.arg[0], Raw(""), Raw(&handle),
                                   Raw(&mount_id), AT_EMPTY_PATH);
  if (IsRawError(named)) return FromRaw(named);
  return FromRaw(RawSyscall(SYS_open_by_handle_at, c.arg[0], Raw(&handle), c.arg[1]));
}

Result Pipe2(const Call& c, const Env&) {
  int fds[2];
  Result r = FromRaw(RawSyscall(SYS_pipe2, Raw(fds), c.arg[0]));
  if (!r.ok()) return r;
  r.value = fds[0];
  r.extra = fds[1];
  return r;
}

Result Splice(const Call& c, const Env&) {
  const OffsetWord in(c.arg[1]), out(c.arg[3]);
  return FromRaw(
      RawSyscall(SYS_splice, c.arg[0], in.raw(), c.arg[2], out.raw(), c.arg[4], c.arg[5]));
}

Result Vmsplice(const Call& c, const Env&) {
  const iovec range = {reinterpret_cast<void*>(AddressOf(c.arg[1])), static_cast<size_t>(c.arg[2])};
  return FromRaw(RawSyscall(SYS_vmsplice, c.arg[0], Raw(&range), 1, c.arg[3]));
}

// A context for asynchronous writes, of this process, made when it is first needed: its
// end waits for a grace period of RCU, longer than a thousand other calls take.
int64_t PrepareAio(const Env& env) {
  AioRecord& record = env.control.aio[OwnRecord(env)];
  const auto pid = static_cast<int32_t>(RawSyscall(SYS_getpid));
  if (record.pid == pid) return 0;
  record.context = 0;
  const int64_t made = RawSyscall(SYS_io_setup, 1, Raw(&record.context));
  record.pid = IsRawError(made) ? 0 : pid;
  return made;
}

// One IOCB_CMD_PWRITE: what io_submit says, or else its event.
Result AioPwrite(const Call& c, const Env& env) {
  const int64_t made = PrepareAio(env);
  if (IsRawError(made)) return FromRaw(made);
  const uint64_t context = env.control.aio[OwnRecord(env)].context;
  iocb block = {};
  block.aio_lio_opcode = IOCB_CMD_PWRITE;
  block.aio_fildes = static_cast<uint32_t>(c.arg[0]);
  block.aio_buf = static_cast<uint64_t>(FilledBuffer(c, env));
  block.aio_nbytes = static_cast<uint64_t>(c.arg[2]);
  block.aio_offset = c.arg[3];
  iocb* blocks[] = {&block};
  int64_t raw = RawSyscall(SYS_io_submit, static_cast<int64_t>(context), 1, Raw(blocks));
  io_event event = {};
  if (raw == 1) {
    RawSyscall(SYS_io_getevents, static_cast<int64_t>(context), 1, 1, Raw(&event), 0);
    raw = event.res;
  }
  return FromRaw(raw);
}

Result Linkat(const Call& c, const Env&) {
  return FromRaw(
      RawSyscall(SYS_linkat, c.arg[0], Raw(""), AT_FDCWD, Raw("/selkie-no-such-name"), c.arg[1]));
}

Result OpenTmpfile(const Call& c, const Env&) {
  return FromRaw(RawSyscall(SYS_openat, kTmpfsFd, Raw("."), c.arg[0] | abi::kOTmpfile, c.arg[1]));
}

Result OpenEmptyPath(const Call& c, const Env&) {
  return FromRaw(RawSyscall(SYS_openat, c.arg[0], Raw(""), c.arg[1], 0));
}

Result SetFsize(const Call& c, const Env&) { return FromRaw(SetFsizeLimit(c.arg[0])); }

Result SetDumpable(const Call& c, const Env&) {
  return FromRaw(RawSyscall(SYS_prctl, PR_SET_DUMPABLE, c.arg[0]));
}

Result SetNoexec(const Call& c, const Env& env) {
  if (!env.control.may_set_noexec) return NotRun(NotRunReason::kNoNamespace);
  return FromRaw(WriteNoexec(c.arg[0], env.control.nofile));
}

Result Fstat(const Call& c, const Env&) {
  struct stat status;
  Result r = FromRaw(RawSyscall(SYS_fstat, c.arg[0], Raw(&status)));
  if (!r.ok()) return r;
  r.value = status.st_size;
  r.extra = status.st_mode & 07777;
  return r;
}

Result OpenOther(const Call& c, const Env&) {
  switch (c.arg[0]) {
    case abi::kOtherEventfd: return FromRaw(RawSyscall(SYS_eventfd2, 0, 0));
    case abi::kOtherEpoll: return FromRaw(RawSyscall(SYS_epoll_create1, 0));
    case abi::kOtherTimerfd: return FromRaw(RawSyscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
    case abi::kOtherInotify: return FromRaw(RawSyscall(SYS_inotify_init1, 0));
    case abi::kOtherZero: return FromRaw(RawSyscall(SYS_open, Raw("/dev/zero"), O_RDWR));
    case abi::kOtherDirectory: return FromRaw(RawSyscall(SYS_open, Raw("/"), O_RDONLY));
    case abi::kOtherProcfs: return FromRaw(RawSyscall(SYS_open, Raw("/proc/version"), O_RDONLY));
    case abi::kOtherRegular: {
      ProcPath path(kSelf);
      return FromRaw(RawSyscall(SYS_open, path.Append("/fd/").Append(kRegularFd).raw(), O_RDWR));
    }
    default: return FromRaw(RawSyscall(SYS_memfd_secret, 0));
  }
}

Result NotAKernelCall(const Call&, const Env&) { return NotRun(NotRunReason::kNoKernelCall); }

// In the order of Op.
constexpr RealCall kReal[] = {
    MemfdCreate,
    Fcntl<F_ADD_SEALS>,
    Fcntl<F_GET_SEALS>,
    Fcntl<F_GETFL>,
    Fcntl<F_SETFL>,
    Fcntl<F_DUPFD>,
    Fcntl<F_DUPFD_CLOEXEC>,
    Fcntl<F_GETFD>,
    Fcntl<F_SETFD>,
    Open,
    Openat,
    Direct<SYS_close>,
    Direct<SYS_dup>,
    Direct<SYS_dup2>,
    Direct<SYS_dup3>,
    RealRead,
    RealPread,
    Write,
    Pwrite,
    Direct<SYS_lseek>,
    Direct<SYS_ftruncate>,
    Truncate,
    Fallocate,
    Writev,
    Pwritev2,
    Sendfile,
    CopyFileRange,
    RealMmap,
    OnRange<SYS_munmap>,
    OnRange<SYS_mprotect>,
    RealMremap,
    OnRange<SYS_madvise>,
    OnRange<SYS_msync>,
    OnRange<kMsealNumber>,
    RealRemapFilePages,
    RealLoad,
    RealStore,
    RealProcessVmWritev,
    RealMemWrite,
    Fstat,
    Direct<SYS_fchmod>,
    Chmod,
    Fchown,
    RealFork,
    RealClone,
    RealExec,
    RealExit,
    RealWait,
    RealSocketpair,
    RealSendmsg,
    RealRecvmsg,
    RealSendFd,
    RealRecvFd,
    RealPidfdGetfd,
    CloseRange,
    Direct<SYS_unshare>,
    OpenByHandle,
    RealSetAttr,
    RealSetXattr,
    RealFileSetattr,
    RealFileSetattrAt,
    RealFchmodat2,
    Pipe2,
    Splice,
    Direct<SYS_tee>,
    Vmsplice,
    AioPwrite,
    OpenEmptyPath,
    SetFsize,
    RealUringRegister,
    RealUringUnregister,
    RealUringReadFixed,
    OpenMapFile,
    SetNoexec,
    RealExecveat,
    RealExecve,
    RealPtracePoke,
    Linkat,
    OpenTmpfile,
    Fcntl<F_SETLEASE>,
    Fcntl<F_GETLEASE>,
    SetDeleg,
    GetDeleg,
    RealUffdCopy,
    RealFsetAcl,
    RealSetAcl,
    RealUdmabufCreate,
    RealDmabufStore,
    RealFuseMmap,
    OpenOther,
    RealUringPwrite,
    Fcntl<F_GETPIPE_SZ>,
    Fcntl<F_SETPIPE_SZ>,
    OnRange<SYS_mlock>,
    OnRange<SYS_mlock2>,
    OnRange<SYS_munlock>,
    RealWriteProgram,
    RealRunProgram,
    RealEndProgram,
    RealOpenExe,
    Openat2,
    RealProcessMadvise,
    RealReadv,
    RealPreadv,
    RealPreadv2,
    SetDumpable,
    Pwritev,
    RealFchownat,
    RealChown,
    Fcntl<kDupfdQuery>,
    Fcntl<kCreatedQuery>,
    Direct<SYS_fsync>,
    Direct<SYS_fdatasync>,
    Direct<SYS_sync_file_range>,
    Direct<SYS_fadvise64>,
    Direct<SYS_readahead>,
    RealFutimens,
    RealUtimensat,
    NotAKernelCall,
};
static_assert(std::size(kReal) == static_cast<size_t>(Op::kExtension) + 1);

}  // namespace

int64_t FilledBuffer(const Call& c, const Env& env) {
  if (c.arg[1] == kNull) return 0;
  const auto size = static_cast<int64_t>(env.control.buffer.size());
  const int64_t count = c.arg[2] < 0 ? size : std::min(c.arg[2], size);
  std::fill_n(env.control.buffer.begin(), count, static_cast<uint8_t>(c.arg[1]));
  return Raw(env.control.buffer.data());
}

ProcPath FdPath(const Control& control, int64_t task, int64_t fd) {
  const bool known = task >= 0 && task < kMaxTasks;
  if (task == kDevFd) return ProcPath("/dev/fd/").Append(fd);
  ProcPath path(task == kSelf ? kSelf : known ? control.tasks[task].pid : 0);
  path.Append("/fd/").Append(fd);
  return path;
}

ProcPath::ProcPath(int64_t pid) {
  Append("/proc/");
  if (pid == kSelf)
    Append("self");
  else
    Append(pid);
}

ProcPath& ProcPath::Append(const char* text) {
  while (*text != '\0') text_[length_++] = *text++;
  return *this;
}

ProcPath& ProcPath::Append(int64_t number) {
  length_ += Digits(number, 10, text_ + length_);
  return *this;
}

ProcPath& ProcPath::AppendHex(int64_t number) {
  length_ += Digits(number, 16, text_ + length_);
  return *this;
}

int64_t DescriptorOutOfTheWay(const Control& control, int64_t number, int64_t a, int64_t b) {
  SetNofile(0);
  const int64_t low = RawSyscall(number, a, b);
  const int64_t high = low < 0 ? low : RawSyscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, kPidfdBase);
  if (low >= 0) RawSyscall(SYS_close, low);
  SetNofile(control.nofile);
  return high;
}

Result FromRaw(int64_t value) {
  Result r;
  if (IsRawError(value)) r.kind = Result::Kind::kErrno;
  r.value = r.ok() ? value : -value;
  return r;
}

Result NotRun(NotRunReason reason) {
  Result r;
  r.kind = Result::Kind::kBound;
  r.value = static_cast<int64_t>(reason);
  return r;
}

std::string_view TextOf(NotRunReason reason) {
  switch (reason) {
    case NotRunReason::kNone: return "";
    case NotRunReason::kModel: return "beyond the model's bounds";
    case NotRunReason::kTaskNotRunning: return "the task does not run there";
    case NotRunReason::kNoKernelCall: return "no kernel has this call";
    case NotRunReason::kOutside: return "the range reaches beyond the arena's room";
    case NotRunReason::kFixedAtNull: return "nothing is mapped at NULL";
    case NotRunReason::kDescriptorNoInt: return "the descriptor is no int";
    case NotRunReason::kNoSuchTask: return "there is no such task";
    case NotRunReason::kNoSlot: return "there is no slot for another task";
    case NotRunReason::kNoNamespace: return "there is no pid namespace of its own";
    case NotRunReason::kCloneFlags: return "these flags of clone are not known here";
  }
  return "";
}

void SetNofile(int limit) {
  rlimit now;
  RawSyscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, Raw(&now));
  const rlim_t wanted = limit == 0 ? now.rlim_max : static_cast<rlim_t>(limit);
  if (now.rlim_cur == wanted) return;
  now.rlim_cur = wanted;
  RawSyscall(SYS_prlimit64, 0, RLIMIT_NOFILE, Raw(&now), 0);
}

int64_t SetFsizeLimit(int64_t limit) {
  const rlimit wanted = {limit == -1 ? RLIM_INFINITY : static_cast<rlim_t>(limit), RLIM_INFINITY};
  return RawSyscall(SYS_prlimit64, 0, RLIMIT_FSIZE, Raw(&wanted), 0);
}

int64_t WriteNoexec(int64_t level, int nofile) {
  char text[24];
  const int length = Digits(level, 10, text);
  SetNofile(0);
  const int64_t fd = RawSyscall(SYS_open, Raw(kNoexecFile), O_WRONLY | O_CLOEXEC, 0);
  int64_t raw = fd;
  if (!IsRawError(fd)) {
    raw = RawSyscall(SYS_write, fd, Raw(text), length);
    RawSyscall(SYS_close, fd);
  }
  SetNofile(nofile);
  return IsRawError(raw) ? raw : 0;
}

Result Execute(Control& control, int task, const Call& call, const Result& expected) {
  if (const NotRunReason reason = WhyNotRun(call); reason != NotRunReason::kNone)
    return NotRun(reason);
  return kReal[static_cast<int>(call.op)](call, Env{control, task, expected});
}

}  // namespace selkie
