// Which kernel a command boots, and with which modules: options that several commands have.
#ifndef SELKIE_CLI_KERNEL_CHOICE_H_
#define SELKIE_CLI_KERNEL_CHOICE_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"

namespace selkie {

struct KernelChoice {
  std::string name;                  // native, a series, a build, or a path with a '/'
  std::string image;                 // a bzImage instead of the name, or empty
  std::vector<std::string> modules;  // paths for ReadModules (kernel/modules.h)
};

// Adds --image, which cannot be given together with `name`, and --modules to `command`.
void AddImageOptions(CLI::App& command, CLI::Option* name, KernelChoice& choice);

// The kernel as FindKernel, Conform and Observe take it; `option` is what gives its name.
// InvalidArgumentError if none is chosen, or modules for the kernel that runs here.
absl::StatusOr<std::string> KernelOf(const KernelChoice& choice, std::string_view option);

}  // namespace selkie

#endif  // SELKIE_CLI_KERNEL_CHOICE_H_
