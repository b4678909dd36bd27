// What makes successors for a search in a folder: the ordinary model, for any system of
// nodes and moves (checker/explore_engine.h says what a System has).  Internal to checker/.
#ifndef SELKIE_CHECKER_EXPANDER_H_
#define SELKIE_CHECKER_EXPANDER_H_

#include <algorithm>
#include <array>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/explore.h"
#include "checker/packing.h"
#include "checker/successors.h"

namespace selkie {

// Packed nodes as words of which bit 63 of the first is free: the last word comes first.
template <typename System, int W>
class SystemExpander {
 public:
  using Node = typename System::Node;
  using Words = std::array<uint64_t, W>;

  static int WordsFor(const System& system) { return system.bits() / 64 + 1; }

  SystemExpander(const System& system, bool symmetry)
      : system_(system), symmetry_(symmetry), node_(system.Initial()), scratch_(node_) {}

  absl::StatusOr<Words> Initial() {
    const Words words = WordsOf(system_.Initial());
    if (failed_) return absl::InternalError("checker: a state does not fit its layout");
    return words;
  }

  // A node as it is stored: canonical, if names do not count.
  Words WordsOf(const Node& node) {
    PackedWords packed{};
    failed_ |= !system_.Store(symmetry_ ? system_.Canonical(node) : node, packed);
    Words words;
    std::reverse_copy(packed.begin(), packed.begin() + W, words.begin());
    return words;
  }

  void Load(const Words& words, Node& node) const {
    PackedWords packed{};
    std::reverse_copy(words.begin(), words.end(), packed.begin());
    system_.Load(packed, node);
  }

  template <typename Enter, typename Stop>
  void Expand(std::vector<Words>& states, Tally& tally, const Enter& enter, const Stop& stop) {
    for (; !states.empty() && !tally.hit && !stop(); states.pop_back())
      ExpandOne(states.back(), tally, enter);
  }

  int bits() const { return system_.bits(); }
  bool failed() const { return failed_; }
  const OpSet& ops_after_seal() const { return ops_after_seal_; }

 private:
  template <typename Enter>
  void ExpandOne(const Words& words, Tally& tally, const Enter& enter) {
    Load(words, node_);
    const bool in_force = system_.InForce(node_);
    system_.Copy(node_, scratch_);
    system_.ForEachMove(node_, [&](const Move& move, int times) {
      const StepOutcome outcome = system_.Apply(scratch_, move);
      tally.tried += times;
      if (outcome.bound) tally.beyond += times;
      tally.seals += outcome.finished;
      if (outcome.made && in_force) ops_after_seal_.set(static_cast<size_t>(move.call.op));
      tally.hit |= outcome.hit;
      if (outcome.hit || !outcome.changed) return outcome.hit;
      if (!outcome.bound) {
        tally.transitions += times;
        enter(WordsOf(scratch_));
      }
      system_.Copy(node_, scratch_);
      return false;
    });
  }

  const System& system_;
  const bool symmetry_;
  bool failed_ = false;
  OpSet ops_after_seal_;
  Node node_, scratch_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_EXPANDER_H_
