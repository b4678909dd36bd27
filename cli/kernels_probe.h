// selkie kernels probe, a part of selkie kernels.
#ifndef SELKIE_CLI_KERNELS_PROBE_H_
#define SELKIE_CLI_KERNELS_PROBE_H_

#include "cli/command.h"

namespace selkie {

// Adds `probe` to the command `kernels`.
void AddKernelsProbeCommand(CLI::App& kernels, Context& context);

}  // namespace selkie

#endif  // SELKIE_CLI_KERNELS_PROBE_H_
