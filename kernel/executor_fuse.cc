// Mappings of a FUSE file that passes a memfd through (fuse_server.h).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {

Result RealFuseMmap(const Call& c, const Env& env) {
  Control& control = env.control;
  if (!control.fuse.served) return FromRaw(-ENODEV);
  const Call mapped{Op::kMmap, c.task, {kNull, c.arg[1], c.arg[2], MAP_SHARED, 0, c.arg[3]}};
  const uint32_t before = control.fuse.given_back;
  control.fuse.fd = static_cast<int32_t>(c.arg[0]);
  SetNofile(0);
  const int64_t fd = RawSyscall(SYS_open, Raw("/proc/self/fd/107"), O_RDWR | O_CLOEXEC);
  static_assert(kFuseFd == 107);
  int64_t at = fd;
  if (fd >= 0) {
    at = RawSyscall(SYS_mmap, HintFor(mapped, env), c.arg[1], c.arg[2], MAP_SHARED, fd, c.arg[3]);
    RawSyscall(SYS_close, fd);
  }
  SetNofile(control.nofile);
  while (control.fuse.given_back == before) RawSyscall(SYS_sched_yield);
  return FromAddress(at, c.arg[1], env);
}

}  // namespace selkie
