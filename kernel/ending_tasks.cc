#include "kernel/ending_tasks.h"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "kernel/executor_raw.h"

namespace selkie {
namespace {

constexpr size_t kMany = 8;
constexpr int kLooks = 10000;

// ESRCH once exit_mm has taken the memory from the task (kernel/fork.c: mm_access), whether the
// address is mapped or not.
bool HasLetGo(int32_t pid) {
  char byte;
  const iovec here = {&byte, 1}, there = {&byte, 1};
  for (int look = 0; look < kLooks; ++look) {
    const int64_t raw = RawSyscall(SYS_process_vm_readv, pid, Raw(&here), 1, Raw(&there), 1, 0);
    if (raw == -ESRCH) return true;
    if (raw == -ENOSYS || raw == -EPERM) return false;
    sched_yield();
  }
  return false;
}

}  // namespace

bool EndingTasks::Leave(int32_t pid) {
  if (!HasLetGo(pid)) return false;
  // Else a later unshare, exec or CLOSE_RANGE_UNSHARE would leave it the table, and with it every
  // file that is open by then: a pipe without reader has one, a program a writer.
  if (RawSyscall(SYS_unshare, CLONE_FILES) != 0) return false;
  if (RawSyscall(SYS_setpgid, pid, pid) != 0) return false;
  pids_.push_back(pid);
  return true;
}

void EndingTasks::Reap() {
  std::erase_if(pids_, [](int32_t pid) {
    return RawSyscall(SYS_wait4, pid, 0, WNOHANG | __WALL, 0) != 0;  // or it is none of ours
  });
  for (; pids_.size() > kMany; pids_.erase(pids_.begin()))
    RawSyscall(SYS_wait4, pids_.front(), 0, __WALL, 0);
}

}  // namespace selkie
