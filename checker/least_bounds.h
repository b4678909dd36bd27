// How few objects a sequence of calls needs.
#ifndef SELKIE_CHECKER_LEAST_BOUNDS_H_
#define SELKIE_CHECKER_LEAST_BOUNDS_H_

#include "absl/status/statusor.h"
#include "checker/check.h"

namespace selkie {

// Bounds none of which can be one less without `verdict`, which has a witness, becoming another
// one: the promise is broken within them (or the state reached), by more calls maybe.  Each bound
// is lowered in the order of `Bounds`, from verdict.bounds.  `baseline` is as for Check.  Errors as
// Check; where options.interrupted stops it, the bounds found so far.
absl::StatusOr<Bounds> LeastBounds(const Property& property, const Semantics& semantics,
                                   const Semantics* baseline, const Verdict& verdict,
                                   const SearchOptions& options);

}  // namespace selkie

#endif  // SELKIE_CHECKER_LEAST_BOUNDS_H_
