// Runs the errno oracle's trials for real beside the model.
#ifndef SELKIE_KERNEL_ERRNO_RUNNER_H_
#define SELKIE_KERNEL_ERRNO_RUNNER_H_

#include <functional>

#include "absl/status/status.h"
#include "kernel/conform.h"
#include "kernel/lockstep.h"
#include "scenarios/errno_oracle.h"

namespace selkie {

class ErrnoRunner {
 public:
  // `after_run` is called after each run; what differs there is in the control block.
  ErrnoRunner(Lockstep& lockstep, const Semantics& semantics, ConformReport& report,
              std::function<void()> after_run)
      : lockstep_(lockstep),
        semantics_(semantics),
        report_(report),
        after_run_(std::move(after_run)) {}

  // Tries each call; where something differs each alone, as what comes first there
  // would hide the others.  Errors as Lockstep::Run.
  absl::Status Run(const ErrnoTrials& trials);

 private:
  absl::Status RunOnce(const ErrnoTrials& trials);
  void Count(const ErrnoTrials& trials);

  Lockstep& lockstep_;
  const Semantics& semantics_;
  ConformReport& report_;
  std::function<void()> after_run_;
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_ERRNO_RUNNER_H_
