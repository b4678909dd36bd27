// One machine as a system that the engine searches.  Internal to checker/.
#ifndef SELKIE_CHECKER_SINGLE_SYSTEM_H_
#define SELKIE_CHECKER_SINGLE_SYSTEM_H_

#include "checker/machine.h"

namespace selkie {

struct SingleSystem {
  using Node = State;
  const Machine& machine;

  Node Initial() const { return machine.Initial(); }
  template <typename Visit>
  bool ForEachMove(const Node& node, Visit visit) const {
    return machine.ForEachMove(node, visit);
  }
  bool InForce(const Node& node) const { return machine.InForce(node); }
  StepOutcome Apply(Node& node, const Move& move) const { return machine.Apply(node, move); }
  void Copy(const Node& from, Node& to) const { CopyWithinLimits(machine.layout(), from, to); }
  Node Canonical(const Node& node) const {
    Node erased = node;
    EraseUnstored(machine.layout(), erased);
    return Rename(erased, CanonicalRenaming(erased, machine.symmetry()));
  }
  int bits() const { return machine.layout().bits(); }
  bool Store(const Node& node, PackedWords& out) const {
    return Pack(machine.layout(), node, out) >= 0;
  }
  void Load(const PackedWords& in, Node& node) const { UnpackOver(machine.layout(), in, node); }
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_SINGLE_SYSTEM_H_
