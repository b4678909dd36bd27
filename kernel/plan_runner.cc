#include "kernel/plan_runner.h"

#include "fmt/format.h"
#include "kernel/executor.h"

namespace selkie {
namespace {

// One batch of so many; a prime number, so that each share of the plan gets some.
constexpr int64_t kThoroughEvery = 61;
constexpr size_t kPath = ~size_t{0};  // in the place of a branch: the path's last call

}  // namespace

PlanRunner::PlanRunner(const CallPlan& plan, Lockstep& lockstep, const Semantics& semantics)
    : plan_(plan), lockstep_(lockstep), semantics_(semantics) {
  sequence_.limits = plan.limits();
  sequence_.uids = plan.uids();
}

void PlanRunner::Begin(const CallBatch& batch) {
  sequence_.calls = batch.path;
  trials_.clear();
}

bool PlanRunner::Append(const CallBranch& branch, size_t number) {
  const bool back = branch.after == CallBranch::After::kBack;
  if (sequence_.calls.size() + (back ? 2 : 1) > kMaxCalls) return false;
  trials_.push_back({static_cast<int>(sequence_.calls.size()), number, back});
  sequence_.calls.push_back(branch.call);
  if (back) sequence_.calls.push_back(branch.back);
  return true;
}

void PlanRunner::CountTried(const CallBatch& batch, ConformReport* report) {
  ++report->states;
  report->tried += static_cast<int64_t>(batch.branches.size()) + batch.path_counts;
  for (const auto& [reason, count] : batch.beyond) report->beyond[reason] += count;
}

absl::Status PlanRunner::CanRun() const {
  for (const Call& call : plan_.calls())
    if (const std::string why = lockstep_.WhyNot({plan_.limits(), plan_.uids(), {call}});
        !why.empty())
      return absl::UnavailableError(fmt::format("the graph was not run: {}", why));
  return absl::OkStatus();
}

// Calls that only look at a state may need what the states do not, and a task that has ended makes
// a path need more.
CallBatch PlanRunner::WithoutWhatCannotBeMade(const CallBatch& batch) const {
  CallBatch made = batch;
  Sequence one{sequence_.limits, sequence_.uids, batch.path};
  one.calls.emplace_back();
  std::erase_if(made.branches, [&](const CallBranch& branch) {
    one.calls.back() = branch.call;
    const std::string why = lockstep_.WhyNot(one);
    if (!why.empty()) ++made.beyond[fmt::format("not run: {}", why)];
    return !why.empty();
  });
  return made;
}

absl::Status PlanRunner::Run(const CallBatch& all, ConformReport* report,
                             const std::function<void()>& after_run) {
  const CallBatch batch = WithoutWhatCannotBeMade(all);
  thorough_ = batch.number % kThoroughEvery == 0;
  CountTried(batch, report);
  bool path_counts = batch.path_counts;
  size_t next = 0;
  while (path_counts || next < batch.branches.size()) {
    Begin(batch);
    if (path_counts) trials_.push_back({static_cast<int>(batch.path.size()) - 1, kPath, false});
    const size_t first = next;
    while (next < batch.branches.size() && Append(batch.branches[next], next))
      if (batch.branches[next++].after == CallBranch::After::kLeft) break;
    if (next == first && !path_counts)
      return absl::InvalidArgumentError("a path of the plan is longer than a run may be");
    path_counts = false;
    if (absl::Status status = RunOnce(report, after_run); !status.ok()) return status;
    const Control& c = lockstep_.control();
    if (!c.differs) continue;
    // Go on behind the branch that differs; if the path does, nothing here can be tried.
    if (c.next <= static_cast<int>(batch.path.size())) return absl::OkStatus();
    for (const Trial& trial : trials_)
      if (trial.branch != kPath && trial.call < c.next) next = trial.branch + 1;
  }
  return absl::OkStatus();
}

absl::Status PlanRunner::RunOnce(ConformReport* report, const std::function<void()>& after_run) {
  lockstep_.Load(sequence_, semantics_);
  for (const Trial& trial : trials_)
    if (trial.probe) lockstep_.ProbeAfter(trial.call);
  if (absl::Status status = lockstep_.Run({.thorough = thorough_}); !status.ok()) return status;
  const Control& c = lockstep_.control();
  for (const Trial& trial : trials_) {
    const bool differs_there = c.differs && trial.call + 1 >= c.next;
    if (trial.call >= c.next || differs_there) continue;
    if (c.got[trial.call].kind == Result::Kind::kBound)
      ++report->beyond[fmt::format("not run: {}",
                                   TextOf(static_cast<NotRunReason>(c.got[trial.call].value)))];
    else
      ++report->confirmed;
  }
  after_run();
  return absl::OkStatus();
}

}  // namespace selkie
