// What an exploration has exercised: so that a promise that holds because nothing happened
// can be seen.
#ifndef SELKIE_CHECKER_COVERAGE_H_
#define SELKIE_CHECKER_COVERAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/explore.h"
#include "checker/property.h"
#include "model/semantics.h"

namespace selkie {

struct CallCoverage {
  std::string text;         // a call of the alphabet as written, or "seal> " and a step
  uint64_t tried = 0;       // in all states, once for each object that it can name
  uint64_t succeeded = 0;   // of these
  uint64_t changed = 0;     // changed the state, or contents or size
  uint64_t after_seal = 0;  // tried when an inode was sealed

  bool decided_nothing() const { return changed == 0; }
};

struct RuleCoverage {
  const Rule* rule = nullptr;  // of the semantics
  uint64_t decided = 0;        // calls that it refused, or was the last to act upon
};

struct SearchCoverage {
  std::vector<CallCoverage> calls;
  std::vector<RuleCoverage> rules;
  uint64_t states = 0;
  bool complete = true;  // false: interrupted, or options.most_bytes was reached
};

// Visits every state within `bounds`, also beyond what the property forbids, and counts.
// Errors as Machine::Make.  Of `options`, symmetry is taken to be on.
absl::StatusOr<SearchCoverage> Cover(const Property& property, const Semantics& semantics,
                                     const Bounds& bounds, const SearchOptions& options);

}  // namespace selkie

#endif  // SELKIE_CHECKER_COVERAGE_H_
