#include "kernel/errno_runner.h"

#include "fmt/format.h"
#include "kernel/executor.h"
#include "model/call_text.h"

namespace selkie {
namespace {

std::string OutcomeOf(const Result& r) {
  if (r.kind == Result::Kind::kErrno) return ErrnoName(r.value);
  return r.kind == Result::Kind::kSignal ? std::string(SignalName(r.value)) : "success";
}

}  // namespace

absl::Status ErrnoRunner::RunOnce(const ErrnoTrials& trials) {
  lockstep_.Load(trials.sequence, semantics_);
  return lockstep_.Run({});
}

absl::Status ErrnoRunner::Run(const ErrnoTrials& trials) {
  const size_t end = trials.sequence.calls.size();
  if (const std::string why = lockstep_.WhyNot(trials.sequence); !why.empty()) {
    report_.beyond[fmt::format("not run: {}", why)] += static_cast<int64_t>(end - trials.first);
    return absl::OkStatus();
  }
  report_.tried += static_cast<int64_t>(end - trials.first);
  if (absl::Status status = RunOnce(trials); !status.ok()) return status;
  if (!lockstep_.control().differs || end == trials.first + 1) {
    Count(trials);
    after_run_();
    return absl::OkStatus();
  }
  ErrnoTrials one = trials;
  for (size_t i = trials.first; i < end; ++i) {
    one.sequence.calls.resize(trials.first);
    one.sequence.calls.push_back(trials.sequence.calls[i]);
    if (absl::Status status = RunOnce(one); !status.ok()) return status;
    Count(one);
    after_run_();
  }
  return absl::OkStatus();
}

void ErrnoRunner::Count(const ErrnoTrials& trials) {
  const Control& c = lockstep_.control();
  for (size_t i = trials.first; i < trials.sequence.calls.size(); ++i) {
    const Result& got = c.got[i];
    if (c.differs) continue;
    if (got.kind == Result::Kind::kBound) {
      --report_.tried;
      ++report_.beyond[fmt::format("not run: {}", TextOf(static_cast<NotRunReason>(got.value)))];
      continue;
    }
    ++report_.confirmed;
    ++report_.outcomes[std::string(ShortName(c.calls[i].op))][OutcomeOf(got)];
  }
}

}  // namespace selkie
