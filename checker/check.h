// Does a semantics keep a promise, within bounds?
#ifndef SELKIE_CHECKER_CHECK_H_
#define SELKIE_CHECKER_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/explore.h"
#include "checker/property.h"
#include "model/semantics.h"
#include "model/trace.h"

namespace selkie {

struct Verdict {
  enum class Kind : uint8_t {
    kHolds,          // never: in every state within the bounds; reach: `witness` shows it
    kBroken,         // never: `witness` shows it; reach: no state within the bounds does
    kVacuous,        // it would hold, but only because nothing was tried: see `why`
    kNotApplicable,  // the seals that the promise names can never be set here
    kStopped,        // interrupted or out of memory: see `why`
  };
  Kind kind = Kind::kHolds;
  std::string why;  // kVacuous, kNotApplicable, kStopped
  bool has_witness = false;
  Trace witness;                 // the shortest one, under the semantics
  std::vector<bool> protocol;    // by call of the witness: a step of the protocol
  std::vector<Result> baseline;  // same-as: what the baseline answered, by call
  Bounds bounds;                 // as explored
  SearchStats stats;
  std::string resumed;  // Search::resumed
};

// Explores `property` under `semantics`.  `baseline` is the semantics that a
// same-as property names, and null for others.  If a rule of the semantics makes
// inodes (fresh-inode), bounds.inodes is raised to 2.  InvalidArgumentError as
// Machine::Make says.
absl::StatusOr<Verdict> Check(const Property& property, const Semantics& semantics,
                              const Semantics* baseline, const Bounds& bounds,
                              const SearchOptions& options);

// Why a promise that held says nothing, as nothing that it is about was tried; or empty.  Of
// `stats` ops_after_seal and, for a comparison, transitions are looked at.
std::string VacuousBecause(const Property& property, const SearchStats& stats);

// The same, with one verdict for each kind of step that breaks the promise (or, of what must be
// reachable, makes it good), shortest first: the call, and the f_mode, marks and protection of
// what it goes through; or, of a comparison, what decides.  One verdict without a witness if
// there is no such step.  In memory alone.
absl::StatusOr<std::vector<Verdict>> CheckAll(const Property& property, const Semantics& semantics,
                                              const Semantics* baseline, const Bounds& bounds,
                                              const SearchOptions& options);

}  // namespace selkie

#endif  // SELKIE_CHECKER_CHECK_H_
