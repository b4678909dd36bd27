// Every state of an explored graph, reached by its shortest path with concrete
// calls.
//
//   absl::StatusOr<std::unique_ptr<StateTree>> tree = StateTree::Explore(machine, {});
//   (*tree)->Walk([](const ReachedState& at) { ... return true; });
//
// The search keeps one state for all that differ only in names.  The walk goes
// depth first over the tree of its shortest paths; each state is as its path
// leads to it, with the numbers that a run would see.
#ifndef SELKIE_CHECKER_STATE_TREE_H_
#define SELKIE_CHECKER_STATE_TREE_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "checker/explore.h"

namespace selkie {

struct ReachedState {
  uint64_t number = 0;          // in the order of the search: 0 is the initial state
  const State& state;           // after `path`
  absl::Span<const Call> path;  // a shortest one, from the initial state
  absl::Span<const Call> on;    // the calls with which paths to other states go on from here
};

class StateTree {
 public:
  // False ends the walk.
  using Visit = std::function<bool(const ReachedState&)>;

  // Explores.  `machine` must outlive the tree; its property is never to hit.  CancelledError if
  // interrupted, ResourceExhaustedError if memory ran out, InternalError as Explore.
  static absl::StatusOr<std::unique_ptr<StateTree>> Explore(const Machine& machine,
                                                            const SearchOptions& options);
  virtual ~StateTree() = default;

  const SearchStats& stats() const { return stats_; }

  // Visits every state once, always in the same order.  InternalError if a path cannot be made
  // concrete: a fault of the checker.
  virtual absl::Status Walk(const Visit& visit) const = 0;

 protected:
  SearchStats stats_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_STATE_TREE_H_
