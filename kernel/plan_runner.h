// Runs the batches of a plan for real beside the model.
#ifndef SELKIE_KERNEL_PLAN_RUNNER_H_
#define SELKIE_KERNEL_PLAN_RUNNER_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "kernel/call_plan.h"
#include "kernel/conform.h"
#include "kernel/lockstep.h"

namespace selkie {

class PlanRunner {
 public:
  PlanRunner(const CallPlan& plan, Lockstep& lockstep, const Semantics& semantics);

  // UnavailableError if this process cannot reach the plan's states, as Lockstep::WhyNot says.
  absl::Status CanRun() const;

  // Tries each call of the batch in its state, in as few runs as may be, and counts in `report`
  // what the plan's part of it speaks of: calls for which there is a WhyNot as not made.  Calls
  // `after_run` after each run; what differs there is in the control block.  A call that differs is
  // not the end: the others are tried without it.  Errors as Lockstep::Run.
  absl::Status Run(const CallBatch& batch, ConformReport* report,
                   const std::function<void()>& after_run);

  // Counts the batch as one of which nothing was confirmed.
  static void CountTried(const CallBatch& batch, ConformReport* report);

 private:
  // A call that is run because it is to be tried, by its place in the run.
  struct Trial {
    int call = 0;
    size_t branch = 0;
    bool probe = false;
  };

  CallBatch WithoutWhatCannotBeMade(const CallBatch& batch) const;
  void Begin(const CallBatch& batch);
  // Adds the branch; false if the run is full.
  bool Append(const CallBranch& branch, size_t number);
  absl::Status RunOnce(ConformReport* report, const std::function<void()>& after_run);

  const CallPlan& plan_;
  Lockstep& lockstep_;
  const Semantics& semantics_;
  Sequence sequence_;
  std::vector<Trial> trials_;
  bool thorough_ = false;  // the batch at hand is compared thoroughly
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_PLAN_RUNNER_H_
