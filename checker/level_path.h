// The path to a step that hits, from the levels of a search.  Internal to checker/.
//
// A search by levels keeps no parents.  So the levels are gone through once more, backwards:
// which of a level's states have a successor among those of the next level that lead to a hit.
// From the beginning the first move is then taken, in the machine's order, that stays among
// them: of all shortest paths the one that the engine with parents finds too.
#ifndef SELKIE_CHECKER_LEVEL_PATH_H_
#define SELKIE_CHECKER_LEVEL_PATH_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "checker/canonical_words.h"
#include "checker/concrete_path.h"
#include "checker/single_system.h"
#include "checker/successors.h"

namespace selkie {

template <int W>
class LevelPath {
 public:
  using Words = std::array<uint64_t, W>;

  // `levels`: all states by their distance from the initial one, up to those that hit.
  LevelPath(const Machine& machine, bool renames, Successors<W>& successors,
            CanonicalWords<W>& canonical, const std::vector<std::vector<Words>>& levels)
      : machine_(machine),
        system_{machine},
        renames_(renames),
        successors_(successors),
        canonical_(canonical),
        levels_(levels) {}

  // InternalError if there is no path: a fault of the checker.
  absl::StatusOr<std::vector<Move>> Find() {
    const absl::Status fault = absl::InternalError("checker: a path cannot be made concrete");
    if (!FindLeading()) return fault;
    const std::vector<PackedWords> chain = Chain();
    if (chain.size() != leading_.size()) return fault;
    std::vector<Move> path;
    State node = machine_.Initial();
    for (size_t i = 0; i < chain.size(); ++i)
      if (!TakeMove(node, i + 1 < chain.size() ? &chain[i + 1] : nullptr, &path)) return fault;
    return path;
  }

 private:
  using States = absl::flat_hash_set<Words>;

  // Calls enter(successor) and says whether the state, or a move from it, hits.
  template <typename Enter>
  bool Hits(const Words& state, const Enter& enter) {
    Tally tally;
    std::vector<Words> one = {state};
    successors_.Expand(
        one, tally,
        [&](Words next) {
          if (renames_) canonical_.Canonicalize(next);
          enter(next);
        },
        [] { return false; });
    return tally.hit;
  }

  // States of each level that lead to a hit; a step from those of the last one hits.
  bool FindLeading() {
    std::vector<States> leading(levels_.size());
    for (const Words& state : levels_.back())
      if (Hits(state, [](const Words&) {})) leading.back().insert(state);
    for (size_t level = levels_.size() - 1; level-- > 0;)
      for (const Words& state : levels_[level]) {
        bool leads = false;
        Hits(state, [&](const Words& next) { leads |= leading[level + 1].contains(next); });
        if (leads) leading[level].insert(state);
      }
    // A state that satisfies the clause itself is what the step to it is judged by.
    if (machine_.judges_states()) leading.pop_back();
    leading_ = std::move(leading);
    return !leading_.empty() && !leading_[0].empty();
  }

  bool Leads(const State& state, size_t level) {
    PackedWords packed{};
    if (Pack(machine_.layout(), state, packed) < 0) return false;
    std::optional<Words> words = successors_.WordsOf(packed);
    if (words.has_value() && renames_) canonical_.Canonicalize(*words);
    return words.has_value() && leading_[level].contains(*words);
  }

  State Stored(const State& state) const { return renames_ ? system_.Canonical(state) : state; }
  PackedWords PackedOf(const State& state) const {
    PackedWords packed{};
    system_.Store(state, packed);
    return packed;
  }

  // The states of the path, as the engine with parents stores them.
  std::vector<PackedWords> Chain() {
    std::vector<PackedWords> chain = {PackedOf(Stored(machine_.Initial()))};
    while (chain.size() < leading_.size()) {
      State node = machine_.Initial();
      system_.Load(chain.back(), node);
      const bool found = machine_.ForEachMove(node, [&](const Move& move, int) {
        State after = node;
        const StepOutcome outcome = machine_.Apply(after, move);
        if (!LeadsOn(outcome)) return false;
        const State stored = Stored(after);
        if (!Leads(stored, chain.size())) return false;
        chain.push_back(PackedOf(stored));
        return true;
      });
      if (!found) break;
    }
    return chain;
  }

  // Takes the first move from `node` that leads to `target`, or that hits if it is null.
  bool TakeMove(State& node, const PackedWords* target, std::vector<Move>* path) const {
    const auto fits = [&](const State& after, const StepOutcome& outcome) {
      if (target == nullptr) return outcome.hit;
      return LeadsOn(outcome) && PackedOf(Stored(after)) == *target;
    };
    return selkie::TakeMove(system_, node, fits, path);
  }

  const Machine& machine_;
  const SingleSystem system_;
  const bool renames_;
  Successors<W>& successors_;
  CanonicalWords<W>& canonical_;
  const std::vector<std::vector<Words>>& levels_;
  std::vector<States> leading_;  // by level
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_LEVEL_PATH_H_
