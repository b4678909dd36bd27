// Memory of another task.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

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

}  // namespace selkie
