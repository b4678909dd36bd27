#include "cli/kernel_choice.h"

#include "fmt/format.h"

namespace selkie {

void AddImageOptions(CLI::App& command, CLI::Option* name, KernelChoice& choice) {
  command.add_option("--image", choice.image, "A bzImage instead")->excludes(name);
  command
      .add_option("--modules", choice.modules,
                  "Modules that the guest loads first, with what they depend on: a .ko file (also "
                  ".xz, .zst, .gz), a folder of them, or a kernel's own (lib/modules/RELEASE), of "
                  "which those are taken that a call needs; may be given several times")
      ->allow_extra_args(false);  // what follows may be a scenario
}

absl::StatusOr<std::string> KernelOf(const KernelChoice& choice, std::string_view option) {
  // A file beside us is a path too.
  const bool is_path = choice.image.find('/') != std::string::npos;
  const std::string kernel =
      choice.image.empty() ? choice.name : (is_path ? "" : "./") + choice.image;
  if (kernel.empty())
    return absl::InvalidArgumentError(
        fmt::format("which kernel? expected {} or --image FILE", option));
  if (kernel == "native" && !choice.modules.empty())
    return absl::InvalidArgumentError(
        "--modules: only a guest loads modules, and native is the kernel that runs here");
  return kernel;
}

}  // namespace selkie
