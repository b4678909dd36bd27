// A second explorer that shares nothing with the first but the machine: no
// packing, no symmetry, no table of its own, and every call is made.  For tests.
#ifndef SELKIE_CHECKER_NAIVE_H_
#define SELKIE_CHECKER_NAIVE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "checker/machine.h"

namespace selkie {

struct NaiveCounts {
  uint64_t states = 0;
  uint64_t transitions = 0;
  int depth = 0;
  int first_hit = -1;  // steps to the first hit, or -1
};

// What calls of a test observe, besides what every call does.
struct Observes {
  bool flags = false;  // f_flags
  bool pos = false;    // f_pos
  bool cloexec = false;
  bool writer = false;  // FMODE_WRITER
  bool contents = false;
  bool copied = false;  // whether a task has a page of its own: of huge pages, beyond the end
};

// What no call of these tests observes is cleared, so that states which differ
// in nothing else are one state.
inline void ClearUnobserved(State& s, const Observes& observes) {
  for (Inode& inode : s.inodes)
    if (!observes.contents) inode.bytes = {};
  for (PipeBuffer& buffer : s.buffers)
    if (!observes.contents) buffer.bytes = {};
  for (File& file : s.files) {
    if (!observes.flags) file.flags = 0;
    if (!observes.pos) file.pos = 0;
    if (!observes.writer) file.writer = 0;
  }
  for (FdTable& table : s.fds)
    for (Fd& fd : table)
      if (!observes.cloexec) fd.cloexec = 0;
  for (AddressSpace& mm : s.mms) {
    for (Mapping& m : mm) {
      if (!observes.copied) m.copied = 0;
      m.copy = {};
    }
  }
}

// Visits every state that the machine reaches, to the end.
inline NaiveCounts ExploreNaively(const Machine& machine, const Observes& observes = {}) {
  NaiveCounts counts;
  std::map<std::string, int> depth_of;
  std::deque<State> waiting = {machine.Initial()};
  depth_of[machine.Initial().ToBytes()] = 0;
  while (!waiting.empty()) {
    const State state = waiting.front();
    waiting.pop_front();
    const int depth = depth_of[state.ToBytes()];
    counts.depth = std::max(counts.depth, depth);
    machine.ForEachMove(state, [&](const Move& move, int times) {
      State after = state;
      const StepOutcome outcome = machine.Apply(after, move);
      if (outcome.hit && counts.first_hit < 0) counts.first_hit = depth + 1;
      if (!outcome.changed) return false;
      counts.transitions += times;
      ClearUnobserved(after, observes);
      if (depth_of.emplace(after.ToBytes(), depth + 1).second) waiting.push_back(after);
      return false;
    });
  }
  counts.states = depth_of.size();
  return counts;
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_NAIVE_H_
