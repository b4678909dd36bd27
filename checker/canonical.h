// One representative for states that differ only in names.
//
// Processes of one role, descriptor slots of a table, open file descriptions,
// inodes and mappings of an address space are interchangeable: no call of an
// exploration names them by number.  Renaming them so that they stand in an
// order of their own contents maps all such states to one.
//
// The order comes from colour refinement over the graph of tasks, files and
// inodes; objects that are still equal are told apart one at a time, each time
// followed by refinement.  If equal objects were not automorphic, one orbit
// would have two representatives, which costs a state and is never wrong
// (canonical_test counts orbits by trying all permutations).
#ifndef SELKIE_CHECKER_CANONICAL_H_
#define SELKIE_CHECKER_CANONICAL_H_

#include <array>
#include <cstdint>

#include "model/state.h"

namespace selkie {

// What is interchangeable.
struct Symmetry {
  bool tasks = true;     // those with the same entry in `role`
  bool fds = true;       // slots of one table
  bool files = true;     // and inodes
  bool mappings = true;  // positions in one address space
  bool parents = true;   // which task is whose child is told, and so tells tasks apart
  std::array<uint8_t, kMaxTasks> role{};

  static Symmetry None() { return {false, false, false, false, false, {}}; }
  bool any() const { return tasks || fds || files || mappings; }
};

// For every table: old index -> new index (tasks, files, inodes), or the order
// in which old slots are to stand (descriptors, mappings).
struct Renaming {
  std::array<uint8_t, kMaxTasks> task{};
  std::array<uint8_t, kMaxFiles> file{};
  std::array<uint8_t, kMaxInodes> inode{};
  std::array<std::array<uint8_t, kMaxFds>, kMaxTasks> fd_order{};
  std::array<std::array<uint8_t, kMaxMaps>, kMaxTasks> map_order{};
  bool compact = false;  // mappings move to the lowest addresses
};

// The renaming that makes `state` canonical.
Renaming CanonicalRenaming(const State& state, const Symmetry& symmetry);

// The renaming that makes a pair of states canonical, where both are to be renamed alike.  Their
// files and mappings must stand in the same slots, files of the same inodes and mappings of the
// same extent (see compare.cc).
Renaming CanonicalRenaming(const State& first, const State& second, const Symmetry& symmetry);

// The renaming that gives files and inodes these names and leaves tasks as they are;
// descriptors and mappings are put in order as far as they are interchangeable.
Renaming RenamingWith(const State& state, const Symmetry& symmetry,
                      const std::array<uint8_t, kMaxFiles>& file,
                      const std::array<uint8_t, kMaxInodes>& inode);

// The state under other names.
State Rename(const State& state, const Renaming& renaming);

}  // namespace selkie

#endif  // SELKIE_CHECKER_CANONICAL_H_
