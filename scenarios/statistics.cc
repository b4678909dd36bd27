#include "scenarios/statistics.h"

#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

int64_t CountIn(const std::map<int64_t, int64_t>& counts, int64_t key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

double Percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string CountLine(std::string_view name, int64_t count, int64_t whole) {
  return fmt::format("  {:<16} {:>10} {:>6.2f} %\n", name, count, Percent(count, whole));
}

}  // namespace

void CallStatistics::Add(const Call& call, const Result& result) {
  ++calls_;
  OpCounts& op = ops_[static_cast<int>(call.op)];
  ++op.calls;
  switch (result.kind) {
    case Result::Kind::kValue:
      ++successes_;
      ++op.successes;
      return;
    case Result::Kind::kErrno: ++errnos_[result.value]; return;
    case Result::Kind::kSignal: ++signals_[result.value]; return;
    case Result::Kind::kBound: ++bounds_; return;
  }
}

int64_t CallStatistics::CallsOf(Op op) const { return ops_[static_cast<int>(op)].calls; }

int64_t CallStatistics::SuccessesOf(Op op) const { return ops_[static_cast<int>(op)].successes; }

int64_t CallStatistics::ErrnoCount(int64_t error) const { return CountIn(errnos_, error); }

int64_t CallStatistics::SignalCount(int64_t signal) const { return CountIn(signals_, signal); }

double CallStatistics::SuccessShare() const { return Percent(successes_, calls_) / 100; }

std::string CallStatistics::ToString() const {
  std::string text = fmt::format("{} calls, {:.1f} % succeed, {} beyond the bounds\n", calls_,
                                 100 * SuccessShare(), bounds_);
  for (int i = 0; i < kNumOps; ++i) {
    if (ops_[i].calls == 0) continue;
    text += fmt::format("  {:<16} {:>10} {:>6.2f} %  succeeds {:>5.1f} %\n",
                        ShortName(static_cast<Op>(i)), ops_[i].calls,
                        Percent(ops_[i].calls, calls_), Percent(ops_[i].successes, ops_[i].calls));
  }
  for (const auto& [error, count] : errnos_) text += CountLine(ErrnoName(error), count, calls_);
  for (const auto& [signal, count] : signals_) text += CountLine(SignalName(signal), count, calls_);
  return text;
}

}  // namespace selkie
