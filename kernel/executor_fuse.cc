// Mappings of a FUSE file that passes a memfd through (fuse_server.h).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {

int64_t OpenFuseFile(Control& control, int64_t fd) {
  control.fuse.fd = static_cast<int32_t>(fd);
  static_assert(kFuseFd == 107);
  return RawSyscall(SYS_open, Raw("/proc/self/fd/107"), O_RDWR | O_CLOEXEC);
}

void CloseFuseFile(Control& control, int64_t file) {
  if (file >= 0) RawSyscall(SYS_close, file);
  while (control.fuse.given_back != control.fuse.opened) RawSyscall(SYS_sched_yield);
}

Result RealFuseMmap(const Call& c, const Env& env) {
  Control& control = env.control;
  if (!control.fuse.served) return FromRaw(-ENODEV);
  const Call mapped{Op::kMmap, c.task, {kNull, c.arg[1], c.arg[2], MAP_SHARED, 0, c.arg[3]}};
  SetNofile(0);
  const int64_t file = OpenFuseFile(control, c.arg[0]);
  int64_t at = file;
  if (file >= 0)
    at = RawSyscall(SYS_mmap, HintFor(mapped, env), c.arg[1], c.arg[2], MAP_SHARED, file, c.arg[3]);
  CloseFuseFile(control, file);
  SetNofile(control.nofile);
  return FromAddress(at, c.arg[1], env);
}

}  // namespace selkie
