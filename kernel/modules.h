// Modules of a kernel that a guest loads before it does anything else.
//
//   absl::StatusOr<std::vector<KernelModule>> modules = ReadModules({"x/lib/modules/6.1.0-56"});
//   request.modules = *modules;  // kernel/qemu.h
#ifndef SELKIE_KERNEL_MODULES_H_
#define SELKIE_KERNEL_MODULES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace selkie {

struct KernelModule {
  std::string name;      // as in /proc/modules: "fuse", with '_' for '-'
  std::string contents;  // the ELF object, not compressed

  friend bool operator==(const KernelModule&, const KernelModule&) = default;
};

// Each path is a module (.ko, .ko.xz, .ko.zst, .ko.gz) or a folder.  Of a folder that is a kernel's
// tree (lib/modules/RELEASE, or one above it: a modules.order is in it) the modules that some call
// of the model needs are taken, perhaps none; of another folder all.  What they depend on is looked
// for under all the paths and beside the files, and stands before them: the order is that in which
// they can be loaded.  The same module twice is taken once.
//
// NotFoundError if there is no such path, a folder holds no module, or what one depends on is not
// there; InvalidArgumentError for a file that is no module; UnavailableError if the program that
// unpacks it (xz, zstd, gzip) is not there or fails.
absl::StatusOr<std::vector<KernelModule>> ReadModules(const std::vector<std::string>& paths);

}  // namespace selkie

#endif  // SELKIE_KERNEL_MODULES_H_
