// selkie kernels probe, a part of selkie kernels.
#ifndef SELKIE_CLI_KERNELS_PROBE_H_
#define SELKIE_CLI_KERNELS_PROBE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/kernel_fit.h"
#include "kernel/modules.h"

namespace selkie {

// What a kernel said to the discriminating calls.
struct Probe {
  std::string uname;    // uname -r there
  std::string release;  // by number: "6.12.117"; of a Debian package its own version's
  int64_t calls = 0;    // that were made
  std::vector<SeenSequence> seen;
  KernelFit fit;
  std::vector<RuleEvidence> evidence;
};

// The release by number ("6.12.117") of a kernel, named as for Observe, that says it is `uname`.
// Debian's older kernels keep it from uname (5.10.0-30), but their packages are named for it.
std::string ReleaseOf(const std::string& kernel, const std::string& uname);

// Runs `sequences` on `kernel`, as Observe names it, with `modules`, and fits the rules of
// `kernels`. Errors as Observe; UnavailableError if no call was made.
absl::StatusOr<Probe> ProbeKernel(const Library& library, const std::string& kernel,
                                  const std::vector<Semantics>& kernels,
                                  const std::vector<NamedSequence>& sequences,
                                  const std::vector<KernelModule>& modules = {});

// Adds `probe` to the command `kernels`.
void AddKernelsProbeCommand(CLI::App& kernels, Context& context);

}  // namespace selkie

#endif  // SELKIE_CLI_KERNELS_PROBE_H_
