// Two semantics side by side: by which rules they differ, and which calls show it.
//
//   Contrast contrast = ReplayBoth(sequence, a, b);
//   contrast.differences.front()    // the first call that shows one
#ifndef SELKIE_MODEL_CONTRAST_H_
#define SELKIE_MODEL_CONTRAST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/semantics.h"
#include "model/trace.h"

namespace selkie {

// A rule or another declaration that two semantics do not have alike.
struct RuleDifference {
  std::string name;              // of the rule, or "write chunk", "F_SEAL_EXEC", ...
  int point = -1;                // where the rule stands, or -1: no rule
  const Rule* first = nullptr;   // as the first semantics has it, or null
  const Rule* second = nullptr;  // as the second has it, or null
  uint8_t seal = 0;              // the bit of a seal that one of them declares
};

// Rules whose condition, effect or place in the order differ, and declarations that
// differ (seals, settings, write chunk, initial mask), in the order of `first`.
// Empty: both give every call the same answer.
std::vector<RuleDifference> RulesThatDiffer(const Semantics& first, const Semantics& second);

// True if two rules do the same where they stand.
bool SameRule(const Rule& a, const Rule& b);

// A number for what decided two results of one call: the call, errno or signal, and
// rule or check of each side.  The same on every machine.
uint64_t DecisionKind(const Call& call, const Result& first, const Result& second);

// True if both results are addresses, and others: where a mapping goes without
// MAP_FIXED is for the kernel, or for who runs the calls, to choose, and shows nothing.
bool PlacedApart(const Call& call, const Result& first, const Result& second);

// One call that shows a difference.
struct Difference {
  int call = 0;    // index of the call whose answers differ
  int origin = 0;  // index of the call after which the states differed: this one, or
                   // an earlier one that both answered alike
  // An earlier call was answered differently too, so that this one may be its consequence.
  bool after_another = false;
  uint64_t decision = 0;  // DecisionKind of the call
  uint64_t kind = 0;      // the same; or, if the states had parted before, that of `origin`
                          // with all bits turned over
};

// A sequence under both.
struct Contrast {
  Trace first;
  Trace second;
  std::vector<Difference> differences;  // in the order of calls
};

// Runs the sequence under both, each in its own state: to the end, or to the first call
// that is beyond the bounds of one of them or PlacedApart, which is the last result and
// no difference.
Contrast ReplayBoth(const Sequence& sequence, const Semantics& first, const Semantics& second);

// `semantics` without what `difference` names: without the rule, without the seal, or
// with the setting as `other` has it.
Semantics Lacking(const Semantics& semantics, const RuleDifference& difference,
                  const Semantics& other);

// True if under a semantics that lacks a rule of one side that side's answer to the call
// that shows the difference or to the one at its origin, or what that call does, is
// another, and the answers before it are not: the rule is at work there.
bool IsAtWork(const Contrast& contrast, const Difference& difference, const Semantics& first,
              const Semantics& second, const Semantics& first_lacking,
              const Semantics& second_lacking);

}  // namespace selkie

#endif  // SELKIE_MODEL_CONTRAST_H_
