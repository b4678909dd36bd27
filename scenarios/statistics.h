// What a campaign of random calls consisted of: how often each call was made
// and what came of it.
#ifndef SELKIE_SCENARIOS_STATISTICS_H_
#define SELKIE_SCENARIOS_STATISTICS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "model/call.h"
#include "model/result.h"

namespace selkie {

inline constexpr int kNumOps = static_cast<int>(Op::kExtension) + 1;

class CallStatistics {
 public:
  void Add(const Call& call, const Result& result);

  int64_t calls() const { return calls_; }
  // Calls of one operation, and those of them that gave a value.
  int64_t CallsOf(Op op) const;
  int64_t SuccessesOf(Op op) const;
  // How often a call failed with this errno, or ended in this signal.
  int64_t ErrnoCount(int64_t error) const;
  int64_t SignalCount(int64_t signal) const;
  int64_t bounds() const { return bounds_; }

  // Share of calls that gave a value, 0 .. 1; 0 if there was no call.
  double SuccessShare() const;

  // A table for people: one line an operation, then errnos and signals.
  std::string ToString() const;

 private:
  struct OpCounts {
    int64_t calls = 0;
    int64_t successes = 0;
  };
  std::array<OpCounts, kNumOps> ops_{};
  std::map<int64_t, int64_t> errnos_;
  std::map<int64_t, int64_t> signals_;
  int64_t calls_ = 0;
  int64_t successes_ = 0;
  int64_t bounds_ = 0;
};

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_STATISTICS_H_
