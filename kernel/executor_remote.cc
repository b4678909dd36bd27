// Memory of another task.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {
namespace {

bool HasPid(const Call& c, const Env& env) {
  return c.arg[0] >= 0 && c.arg[0] < kMaxTasks && env.control.tasks[c.arg[0]].pid > 0;
}

// "/proc/PID/mem", without the C library.
class MemPath {
 public:
  explicit MemPath(int64_t pid) {
    char digits[24];
    int count = 0;
    for (int64_t rest = pid; rest > 0; rest /= 10)
      digits[count++] = static_cast<char>('0' + rest % 10);
    Append("/proc/");
    while (count > 0) text_[length_++] = digits[--count];
    Append("/mem");
  }
  int64_t raw() const { return Raw(text_); }

 private:
  void Append(const char* text) {
    while (*text != '\0') text_[length_++] = *text++;
  }
  char text_[48] = {};
  int length_ = 0;
};

}  // namespace

Result RealProcessVmWritev(const Call& c, const Env& env) {
  if (!HasPid(c, env)) return NotRun(NotRunReason::kNoSuchTask);
  uint8_t byte = static_cast<uint8_t>(c.arg[2]);
  const iovec local = {&byte, 1};
  const iovec remote = {reinterpret_cast<void*>(AddressOf(c.arg[1])), 1};
  return FromRaw(RawSyscall(SYS_process_vm_writev, env.control.tasks[c.arg[0]].pid, Raw(&local), 1,
                            Raw(&remote), 1, 0));
}

// The descriptor goes out of the way of the numbers under test.
Result RealMemWrite(const Call& c, const Env& env) {
  if (!HasPid(c, env)) return NotRun(NotRunReason::kNoSuchTask);
  const MemPath path(env.control.tasks[c.arg[0]].pid);
  SetNofile(0);
  const int64_t low = RawSyscall(SYS_open, path.raw(), O_WRONLY | O_CLOEXEC);
  const int64_t fd = low < 0 ? low : RawSyscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, kPidfdBase);
  if (low >= 0) RawSyscall(SYS_close, low);
  SetNofile(env.control.nofile);
  if (fd < 0) return FromRaw(fd);
  const uint8_t byte = static_cast<uint8_t>(c.arg[2]);
  const Result r = FromRaw(RawSyscall(SYS_pwrite64, fd, Raw(&byte), 1, AddressOf(c.arg[1])));
  RawSyscall(SYS_close, fd);
  return r;
}

}  // namespace selkie
