// Runs another program and collects what it prints.
#ifndef SELKIE_KERNEL_IMAGE_COMMAND_H_
#define SELKIE_KERNEL_IMAGE_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace selkie {

struct CommandOutput {
  int exit_code = 0;  // 128 + signal number if a signal killed it
  std::string out;    // standard output
  std::string err;    // standard error
};

// Finds words[0] on the PATH, runs it in `folder` (empty: this one) with LC_ALL=C
// and empty standard input, and waits.  NotFoundError if there is no such program.
absl::StatusOr<CommandOutput> RunCommand(const std::vector<std::string>& words,
                                         const std::string& folder);

}  // namespace selkie

#endif  // SELKIE_KERNEL_IMAGE_COMMAND_H_
