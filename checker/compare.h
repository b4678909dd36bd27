// Two semantics side by side: the same calls, until an answer differs.
#ifndef SELKIE_CHECKER_COMPARE_H_
#define SELKIE_CHECKER_COMPARE_H_

#include "checker/explore.h"

namespace selkie {

// Explores pairs of states that the same calls lead to.  A step hits if the two
// semantics answer it differently; pairs are followed only while all answers
// were equal.  Calls are those of `baseline`: seals and calls that only `other`
// has are never used.  Both machines are of one property and the same bounds.
//
// With options.all_kinds the search goes on: Search::hits has the shortest calls to
// each kind of difference.  A kind is the pair of what decided: at the call whose
// answers differ and, if the states had parted before, at the call that parted them.
// Errors as Explore.
absl::StatusOr<Search> ExplorePairs(const Machine& baseline, const Machine& other,
                                    const SearchOptions& options);

}  // namespace selkie

#endif  // SELKIE_CHECKER_COMPARE_H_
