#include "kernel/detached_mount.h"

#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/executor_raw.h"

namespace selkie {

int64_t DetachedMount(const char* type, absl::Span<const MountOption> options) {
  const auto context = static_cast<int>(RawSyscall(SYS_fsopen, Raw(type), FSOPEN_CLOEXEC));
  if (context < 0) return context;
  int64_t status = 0;
  for (const auto& [key, value] : options) {
    const int command = value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (status == 0) status = RawSyscall(SYS_fsconfig, context, command, Raw(key), Raw(value), 0);
  }
  if (status == 0) status = RawSyscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (status == 0) status = RawSyscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  close(context);
  return status;
}

}  // namespace selkie
