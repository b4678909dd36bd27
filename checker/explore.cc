#include "checker/explore.h"

#include "checker/explore_engine.h"

namespace selkie {
namespace {

struct SingleSystem {
  using Node = State;
  const Machine& machine;

  Node Initial() const { return machine.Initial(); }
  void Moves(const Node& node, std::vector<Move>& moves) const { machine.Moves(node, moves); }
  bool InForce(const Node& node) const { return machine.InForce(node); }
  void Apply(Node& node, const Move& move, StepOutcome& outcome) const {
    machine.Apply(node, move, outcome);
  }
  void Copy(const Node& from, Node& to) const { CopyWithinLimits(from, to); }
  Node Canonical(const Node& node) const {
    Node erased = node;
    EraseUnstored(machine.layout(), erased);
    return Rename(erased, CanonicalRenaming(erased, machine.symmetry()));
  }
  int bits() const { return machine.layout().bits(); }
  bool Store(const Node& node, PackedWords& out) const {
    return Pack(machine.layout(), node, out) >= 0;
  }
  void Load(const PackedWords& in, Node& node) const { Unpack(machine.layout(), in, node); }
};

}  // namespace

absl::StatusOr<Search> Explore(const Machine& machine, const SearchOptions& options) {
  return RunEngine(SingleSystem{machine}, options);
}

}  // namespace selkie
