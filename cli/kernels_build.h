// selkie kernels build, a part of selkie kernels.
#ifndef SELKIE_CLI_KERNELS_BUILD_H_
#define SELKIE_CLI_KERNELS_BUILD_H_

#include "cli/command.h"

namespace selkie {

// Adds `build` to the command `kernels`.
void AddKernelsBuildCommand(CLI::App& kernels, Context& context);

}  // namespace selkie

#endif  // SELKIE_CLI_KERNELS_BUILD_H_
