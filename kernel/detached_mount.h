// A filesystem of one's own, mounted nowhere.
#ifndef SELKIE_KERNEL_DETACHED_MOUNT_H_
#define SELKIE_KERNEL_DETACHED_MOUNT_H_

#include <cstdint>
#include <utility>

#include "absl/types/span.h"

namespace selkie {

// A key and its value; a null value makes it a flag.
using MountOption = std::pair<const char*, const char*>;

// The root of a new filesystem of `type`, as a close-on-exec descriptor; or minus errno of the
// fsopen, fsconfig or fsmount that failed (Linux 5.2; CAP_SYS_ADMIN of the mount namespace).
int64_t DetachedMount(const char* type, absl::Span<const MountOption> options);

}  // namespace selkie

#endif  // SELKIE_KERNEL_DETACHED_MOUNT_H_
