#include "checker/compare.h"

#include <vector>

#include "checker/explore_engine.h"
#include "checker/search_in_folder.h"
#include "model/contrast.h"
#include "model/step.h"

namespace selkie {
namespace {

// The same addresses are mapped, so that they mean the same when mappings move together.
bool SameExtents(const AddressSpace& a, const AddressSpace& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if ((a[i].file != 0) != (b[i].file != 0)) return false;
    if (a[i].file != 0 && (a[i].start != b[i].start || a[i].pages != b[i].pages)) return false;
  }
  return true;
}

// The same objects in the same slots, so that one renaming fits both.
bool SameShape(const State& a, const State& b, const Symmetry& symmetry) {
  for (int i = 0; i < a.limits.files; ++i)
    if (a.files[i].inode != b.files[i].inode) return false;
  for (int i = 0; symmetry.mappings && i < a.limits.tasks; ++i)
    if (!SameExtents(a.mms[i], b.mms[i])) return false;
  return true;
}

// Origins of hidden differences, numbered from 1 as they are met.
class Origins {
 public:
  static constexpr int kBits = 6;

  // The number of a kind; all beyond the capacity share the last one.
  uint8_t NumberOf(uint64_t kind) {
    for (size_t i = 0; i < kinds_.size(); ++i)
      if (kinds_[i] == kind) return static_cast<uint8_t>(i + 1);
    constexpr size_t kMost = (1 << kBits) - 1;
    if (kinds_.size() < kMost) kinds_.push_back(kind);
    return static_cast<uint8_t>(kinds_.size());
  }
  uint64_t KindOf(uint8_t number) const { return kinds_[number - 1]; }

 private:
  std::vector<uint64_t> kinds_;
};

// States that the same calls lead to.
struct Pair {
  State first, second;
  uint8_t origin = 0;  // of the difference between them, or 0: they are equal
};

struct PairSystem {
  using Node = Pair;
  const Machine& baseline;
  const Machine& other;
  const bool all_kinds;
  mutable Origins origins;

  Node Initial() const { return {baseline.Initial(), other.Initial(), 0}; }
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
    outcome.bound |= all_kinds && PlacedApart(move.call, first, outcome.result);
    outcome.made = !outcome.bound;
    outcome.hit = outcome.made && !SameOutcome(first, outcome.result);
    outcome.changed = first.changed || outcome.result.changed;
    if (all_kinds && outcome.made) Distinguish(node, move.call, first, outcome);
    return outcome;
  }
  // Names the difference, if there is one now.
  void Distinguish(Node& node, const Call& call, const Result& first, StepOutcome& outcome) const {
    if (outcome.hit) {
      outcome.kind = DecisionKind(call, first, outcome.result);
      if (node.origin != 0) outcome.kind ^= origins.KindOf(node.origin);
    } else if (outcome.changed) {
      const bool equal = SameStored(node);
      if (equal) node.origin = 0;
      if (!equal && node.origin == 0)
        node.origin = origins.NumberOf(~DecisionKind(call, first, outcome.result));
    }
  }
  // Equal as far as calls of the exploration can tell.
  bool SameStored(const Node& node) const {
    if (node.first == node.second) return true;
    Node erased = node;
    EraseUnstored(baseline.layout(), erased.first);
    EraseUnstored(other.layout(), erased.second);
    return erased.first == erased.second;
  }
  void Copy(const Node& from, Node& to) const {
    CopyWithinLimits(baseline.layout(), from.first, to.first);
    CopyWithinLimits(other.layout(), from.second, to.second);
    to.origin = from.origin;
  }
  Node Canonical(const Node& node) const {
    if (!SameShape(node.first, node.second, baseline.symmetry())) return node;
    Node erased = node;
    EraseUnstored(baseline.layout(), erased.first);
    EraseUnstored(other.layout(), erased.second);
    const Renaming renaming = CanonicalRenaming(erased.first, erased.second, baseline.symmetry());
    return {Rename(erased.first, renaming), Rename(erased.second, renaming), node.origin};
  }
  int bits() const {
    return baseline.layout().bits() + other.layout().bits() + (all_kinds ? Origins::kBits : 0);
  }
  bool Store(const Node& node, PackedWords& out) const {
    int at = Pack(baseline.layout(), node.first, out);
    if (at >= 0) at = Pack(other.layout(), node.second, out, at);
    for (int i = 0; at >= 0 && all_kinds && i < Origins::kBits; ++i)
      out[(at + i) / 64] |= static_cast<uint64_t>(node.origin >> i & 1) << ((at + i) % 64);
    return at >= 0;
  }
  void Load(const PackedWords& in, Node& node) const {
    const int at =
        UnpackOver(other.layout(), in, node.second, UnpackOver(baseline.layout(), in, node.first));
    node.origin = 0;
    for (int i = 0; all_kinds && i < Origins::kBits; ++i)
      node.origin |= static_cast<uint8_t>((in[(at + i) / 64] >> ((at + i) % 64) & 1) << i);
  }
};

}  // namespace

absl::StatusOr<Search> ExplorePairs(const Machine& baseline, const Machine& other,
                                    const SearchOptions& options) {
  const PairSystem system{baseline, other, options.all_kinds, {}};
  if (system.bits() > 64 * kMaxPackedWords)
    return absl::InvalidArgumentError("bounds: a pair of states does not fit 512 bits");
  if (options.exchange != nullptr)
    return absl::InvalidArgumentError(
        "a comparison of two semantics is searched by one process: leave mpirun out");
  return SearchWithFolder(
      options, [&] { return RunEngine(system, options); },
      [&] { return SearchInFolder<2>(system, options); });
}

}  // namespace selkie
