#include "checker/compare.h"

#include <utility>

#include "checker/explore_engine.h"
#include "model/step.h"

namespace selkie {
namespace {

int MappingsOf(const AddressSpace& mm) {
  int count = 0;
  for (const Mapping& m : mm) count += m.file != 0;
  return count;
}

// The same objects in the same slots, so that one renaming fits both.
bool SameShape(const State& a, const State& b) {
  for (int i = 0; i < a.limits.files; ++i)
    if (a.files[i].inode != b.files[i].inode) return false;
  for (int i = 0; i < a.limits.tasks; ++i)
    if (MappingsOf(a.mms[i]) != MappingsOf(b.mms[i])) return false;
  return true;
}

struct PairSystem {
  using Node = std::pair<State, State>;
  const Machine& baseline;
  const Machine& other;

  Node Initial() const { return {baseline.Initial(), other.Initial()}; }
  template <typename Visit>
  bool ForEachMove(const Node& node, Visit visit) const {
    return baseline.ForEachMove(node.first, visit);
  }
  bool InForce(const Node&) const { return false; }
  StepOutcome Apply(Node& node, const Move& move) const {
    StepOutcome outcome{.result = Step(node.second, move.call, other.semantics())};
    const Result first = Step(node.first, move.call, baseline.semantics());
    outcome.bound =
        first.kind == Result::Kind::kBound || outcome.result.kind == Result::Kind::kBound;
    outcome.made = !outcome.bound;
    outcome.hit = outcome.made && !SameOutcome(first, outcome.result);
    outcome.changed = first.changed || outcome.result.changed;
    return outcome;
  }
  void Copy(const Node& from, Node& to) const {
    CopyWithinLimits(baseline.layout(), from.first, to.first);
    CopyWithinLimits(other.layout(), from.second, to.second);
  }
  Node Canonical(const Node& node) const {
    if (!SameShape(node.first, node.second)) return node;
    Node erased = node;
    EraseUnstored(baseline.layout(), erased.first);
    EraseUnstored(other.layout(), erased.second);
    const Renaming renaming = CanonicalRenaming(erased.first, baseline.symmetry());
    return {Rename(erased.first, renaming), Rename(erased.second, renaming)};
  }
  int bits() const { return baseline.layout().bits() + other.layout().bits(); }
  bool Store(const Node& node, PackedWords& out) const {
    const int at = Pack(baseline.layout(), node.first, out);
    return at >= 0 && Pack(other.layout(), node.second, out, at) >= 0;
  }
  void Load(const PackedWords& in, Node& node) const {
    UnpackOver(other.layout(), in, node.second, UnpackOver(baseline.layout(), in, node.first));
  }
};

}  // namespace

absl::StatusOr<Search> ExplorePairs(const Machine& baseline, const Machine& other,
                                    const SearchOptions& options) {
  const PairSystem system{baseline, other};
  if (system.bits() > 64 * kMaxPackedWords)
    return absl::InvalidArgumentError("bounds: a pair of states does not fit 512 bits");
  return RunEngine(system, options);
}

}  // namespace selkie
