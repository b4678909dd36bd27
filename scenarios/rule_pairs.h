// Which rules and checks decide calls one after another.
//
// A rule that is reached is little: what hides is what one call leaves for the next.
// So coverage is counted in pairs of what decided two consecutive calls of a sequence.
#ifndef SELKIE_SCENARIOS_RULE_PAIRS_H_
#define SELKIE_SCENARIOS_RULE_PAIRS_H_

#include <cstdint>
#include <set>
#include <vector>

#include "model/call.h"
#include "model/result.h"

namespace selkie {

// What decided a call: its operation, and the rule or else the kernel's own check that
// gave its result, or success.  A hash of their texts, the same on every machine.
uint32_t DeciderOf(const Call& call, const Result& result);

// The pair of two deciders.
uint64_t PairOf(uint32_t first, uint32_t second);

// The pairs of one sequence, while it is made.
class PairsOfSequence {
 public:
  // The call follows the last one.  True if the pair is there for the first time.
  bool Add(uint32_t decider);
  // Whether Add would give true.
  bool IsNew(uint32_t decider) const;

  const std::vector<uint64_t>& pairs() const { return pairs_; }

 private:
  uint32_t last_ = 0;  // decider; 0 before the first call
  std::vector<uint64_t> pairs_;
};

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_RULE_PAIRS_H_
