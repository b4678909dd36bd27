#include "kernel/modification_time.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "kernel/executor_raw.h"

namespace selkie {
namespace {

constexpr int64_t kLongAgo = 1;  // seconds since 1970

// Calls `visit(fd, inode index)` for one descriptor of each memfd in the task's table.
template <typename Visit>
void ForEachInode(const State& state, int task, Visit visit) {
  unsigned seen = 0;
  const FdTable& table = state.fds[state.tasks[task].fds];
  for (int slot = 0; slot < state.limits.fds; ++slot) {
    if (table[slot].file == 0) continue;
    const File& file = state.files[table[slot].file - 1];
    const int inode = file.inode - 1;
    const bool known = (seen >> inode & 1) != 0 || (file.mode & kModePath) != 0 || file.dmabuf != 0;
    if (known || !IsMemfd(state.inodes[inode])) continue;
    seen |= 1u << inode;
    visit(kFirstFd + slot, inode);
  }
}

// A store sets the time if it is the first to need its page, and truncate to the same size if
// any page is there (mm/shmem.c shmem_setattr: info->alloced).
bool DependsOnPages(const Call& call, const Result& expected) {
  return call.op == Op::kStore || call.op == Op::kProcessVmWritev || call.op == Op::kMemWrite ||
         call.op == Op::kPtracePoke || call.op == Op::kUffdCopy || call.op == Op::kUringRegister ||
         AdviceOf(call) == abi::kMadvPopulateWrite ||
         (call.op == Op::kTruncate && expected.effect.resized == 0);
}

}  // namespace

void PutTimesBack(Control& control, int task) {
  const timespec times[2] = {{kLongAgo, 0}, {kLongAgo, 0}};
  const State& state = control.states[control.next];
  ForEachInode(state, task, [&](int fd, int inode) {
    if (HasDelegation(state, inode)) return;  // utimensat would break it
    if (RawSyscall(SYS_utimensat, fd, 0, Raw(times), 0) == 0)
      control.aged |= static_cast<uint8_t>(1u << inode);
  });
}

void CompareTimes(Control& control, int task, int index) {
  if (control.aged == 0 || control.differs || !control.stop_at_difference) return;
  if (DependsOnPages(control.calls[index], control.expected[index])) return;
  ForEachInode(control.states[control.next], task, [&](int fd, int inode) {
    if ((control.aged >> inode & 1) == 0) return;
    struct stat status;
    if (RawSyscall(SYS_fstat, fd, Raw(&status)) != 0) return;
    const bool expected = (control.expected[index].effect.modified >> inode & 1) != 0;
    const bool got = status.st_mtim.tv_sec != kLongAgo;
    ++control.state_checks;
    if (expected == got || control.differs) return;
    control.differs = true;
    control.difference = {StateField::kModified, static_cast<uint8_t>(task), fd, 0, expected, got};
  });
}

}  // namespace selkie
