// Stored states are canonical, so their names are not those of one run: what turns a chain of
// them into moves.  Internal to checker/.
#ifndef SELKIE_CHECKER_CONCRETE_PATH_H_
#define SELKIE_CHECKER_CONCRETE_PATH_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "checker/machine.h"

namespace selkie {

// True if the step leads to another state that a search goes on from.
inline bool LeadsOn(const StepOutcome& outcome) {
  return outcome.changed && !outcome.hit && !outcome.bound;
}

// Takes the first move from `node` of which fits(node after it, outcome) is true, and appends it
// to `path`; with `path` null only says whether there is one.
template <typename System, typename Fits>
bool TakeMove(const System& system, typename System::Node& node, const Fits& fits,
              std::vector<Move>* path) {
  return system.ForEachMove(node, [&](const Move& move, int) {
    typename System::Node after = node;
    const StepOutcome outcome = system.Apply(after, move);
    if (!fits(after, outcome)) return false;
    if (path == nullptr) return true;
    path->push_back(move);
    node = after;
    return true;
  });
}

// The same for a move to the state with these words, as the expander has them (see
// folder_search.h); or for one that hits, if `target` is null.
template <typename System, typename Expander>
bool TakeMoveTo(const System& system, Expander& expander, typename System::Node& node,
                const typename Expander::Words* target, std::vector<Move>* path) {
  const auto fits = [&](const typename System::Node& after, const StepOutcome& outcome) {
    if (target == nullptr) return outcome.hit;
    return LeadsOn(outcome) && expander.WordsOf(after) == *target;
  };
  return TakeMove(system, node, fits, path);
}

// The moves along a chain of states, which begins with its last one, to a step that hits.
// InternalError if there are none: a fault of the checker.
template <typename System, typename Expander>
absl::StatusOr<std::vector<Move>> PathAlong(const System& system, Expander& expander,
                                            const std::vector<typename Expander::Words>& chain) {
  std::vector<Move> path;
  typename System::Node node = system.Initial();
  for (size_t left = chain.size(); left-- > 0;)
    if (!TakeMoveTo(system, expander, node, left > 0 ? &chain[left - 1] : nullptr, &path))
      return absl::InternalError("checker: a path cannot be made concrete");
  return path;
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_CONCRETE_PATH_H_
