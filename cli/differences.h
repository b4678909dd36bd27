// All kinds of difference between two semantics, each with the shortest calls that
// show it.
#ifndef SELKIE_CLI_DIFFERENCES_H_
#define SELKIE_CLI_DIFFERENCES_H_

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/explore.h"
#include "model/contrast.h"
#include "scenarios/library.h"

namespace selkie {

struct DifferenceOptions {
  std::string bounds;                       // changes to those of each alphabet: "maps=3"
  uint64_t most_bytes = uint64_t{1} << 30;  // of states, for each alphabet
  int64_t random = 20000;                   // random sequences for what is not found so
  uint64_t seed = 1;
  const std::atomic<bool>* interrupted = nullptr;                      // may be null
  std::function<void(std::string_view, const SearchStats&)> progress;  // may be empty
};

// One kind of difference.
struct FoundDifference {
  std::string method;  // "exhaustive search (map)": no shorter calls of that alphabet show
                       // it; or "random search"
  Contrast contrast;   // the calls; the last one shows the difference
  Difference difference;
  std::vector<std::string> rules;  // by which the two differ, and which are at work here
};

// One alphabet that was searched.
struct SearchedAlphabet {
  std::string name;
  std::string bounds;
  SearchStats stats;
  bool complete = false;  // every pair of states within the bounds was tried
};

struct DifferenceReport {
  std::vector<RuleDifference> rules;   // all by which the two differ
  std::vector<std::string> unseen;     // names of those that no calls found show
  std::vector<FoundDifference> found;  // by length
  std::vector<SearchedAlphabet> searched;
  bool interrupted = false;
};

// Searches every alphabet of checker/differences exhaustively, then at random for rules
// that no difference found shows.  Calls that a semantics declares are not tried.  Both
// semantics must outlive the report.  InvalidArgumentError for bad bounds.
absl::StatusOr<DifferenceReport> FindDifferences(const Library& library, const Semantics& first,
                                                 const Semantics& second,
                                                 const DifferenceOptions& options);

// The calls as a scenario that runs under both.
std::string ScenarioOf(const FoundDifference& found, const Semantics& first,
                       const Semantics& second, const std::string& name);

}  // namespace selkie

#endif  // SELKIE_CLI_DIFFERENCES_H_
