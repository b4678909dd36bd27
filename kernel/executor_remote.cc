// Memory of another task.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {

Result RealProcessVmWritev(const Call& c, const Env& env) {
  if (!HasPid(env, c.arg[0])) return NotRun(NotRunReason::kNoSuchTask);
  uint8_t byte = static_cast<uint8_t>(c.arg[2]);
  const iovec local = {&byte, 1};
  const iovec remote = {reinterpret_cast<void*>(AddressOf(c.arg[1])), 1};
  return FromRaw(RawSyscall(SYS_process_vm_writev, env.control.tasks[c.arg[0]].pid, Raw(&local), 1,
                            Raw(&remote), 1, 0));
}

// A task of -1 is a descriptor that is none.
Result RealProcessMadvise(const Call& c, const Env& env) {
  constexpr int64_t kNumber = 440;  // younger than some headers
  if (c.arg[0] >= 0 && !HasPid(env, c.arg[0])) return NotRun(NotRunReason::kNoSuchTask);
  const auto range = [&](int i) {
    return iovec{reinterpret_cast<void*>(AddressOf(c.arg[i])), static_cast<size_t>(c.arg[i + 1])};
  };
  const iovec ranges[] = {range(1), range(3)};
  const int count = c.arg[3] == kNull && c.arg[4] == 0 ? 1 : 2;
  const int64_t pidfd = c.arg[0] < 0 ? -1
                                     : DescriptorOutOfTheWay(env.control, SYS_pidfd_open,
                                                             env.control.tasks[c.arg[0]].pid, 0);
  const Result r = FromRaw(RawSyscall(kNumber, pidfd, Raw(ranges), count, c.arg[5], c.arg[6]));
  if (pidfd >= 0) RawSyscall(SYS_close, pidfd);
  return r;
}

Result RealMemWrite(const Call& c, const Env& env) {
  if (!HasPid(env, c.arg[0])) return NotRun(NotRunReason::kNoSuchTask);
  ProcPath path(env.control.tasks[c.arg[0]].pid);
  path.Append("/mem");
  const int64_t fd = DescriptorOutOfTheWay(env.control, SYS_open, path.raw(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return FromRaw(fd);
  const uint8_t byte = static_cast<uint8_t>(c.arg[2]);
  const Result r = FromRaw(RawSyscall(SYS_pwrite64, fd, Raw(&byte), 1, AddressOf(c.arg[1])));
  RawSyscall(SYS_close, fd);
  return r;
}

Result RealPtracePoke(const Call& c, const Env& env) {
  if (!HasPid(env, c.arg[0])) return NotRun(NotRunReason::kNoSuchTask);
  const int64_t pid = env.control.tasks[c.arg[0]].pid;
  const int64_t seized = RawSyscall(SYS_ptrace, PTRACE_SEIZE, pid, 0, 0);
  if (IsRawError(seized)) return FromRaw(seized);
  RawSyscall(SYS_ptrace, PTRACE_INTERRUPT, pid, 0, 0);
  RawSyscall(SYS_wait4, pid, 0, __WALL, 0);  // it waits for its turn, and goes on waiting then
  const auto word = static_cast<int64_t>(0x0101010101010101u * static_cast<uint8_t>(c.arg[2]));
  const Result r = FromRaw(RawSyscall(SYS_ptrace, PTRACE_POKEDATA, pid, AddressOf(c.arg[1]), word));
  RawSyscall(SYS_ptrace, PTRACE_DETACH, pid, 0, 0);
  return r;
}

// Without UFFD_USER_MODE_ONLY, which came with 5.11 and lets any user have one, on older kernels.
int64_t OpenUserfaultfd(const Control& control) {
  constexpr int64_t kUserModeOnly = 1;
  const int64_t flags = O_CLOEXEC | O_NONBLOCK;
  const int64_t fd = DescriptorOutOfTheWay(control, SYS_userfaultfd, flags | kUserModeOnly, 0);
  return fd == -EINVAL ? DescriptorOutOfTheWay(control, SYS_userfaultfd, flags, 0) : fd;
}

Result RealUffdCopy(const Call& c, const Env& env) {
  const int64_t fd = OpenUserfaultfd(env.control);
  if (IsRawError(fd)) return FromRaw(fd);
  const int64_t address = AddressOf(c.arg[0]);
  uffdio_api api = {.api = UFFD_API, .features = 0, .ioctls = 0};
  uffdio_register range = {};
  range.range.start = static_cast<uint64_t>(address);
  range.range.len = kPageSize;
  range.mode = UFFDIO_REGISTER_MODE_MISSING;
  uffdio_copy copy = {};
  copy.dst = static_cast<uint64_t>(address);
  copy.src = static_cast<uint64_t>(Raw(env.control.buffer.data()));
  copy.len = kPageSize;
  std::fill_n(env.control.buffer.begin(), kPageSize, static_cast<uint8_t>(c.arg[1]));
  int64_t raw = RawSyscall(SYS_ioctl, fd, UFFDIO_API, Raw(&api));
  if (raw == 0) raw = RawSyscall(SYS_ioctl, fd, UFFDIO_REGISTER, Raw(&range));
  if (raw == 0) raw = RawSyscall(SYS_ioctl, fd, UFFDIO_COPY, Raw(&copy));
  RawSyscall(SYS_close, fd);
  return FromRaw(raw == 0 ? copy.copy : raw);
}

}  // namespace selkie
