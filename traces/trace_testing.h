// What the tests of traces share.  For tests only.
#ifndef SELKIE_TRACES_TRACE_TESTING_H_
#define SELKIE_TRACES_TRACE_TESTING_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/semantics.h"
#include "model/trace.h"
#include "scenarios/generate.h"
#include "scenarios/library.h"

namespace selkie {

// A semantics of the tree; a test failure and an empty one if it does not load.
inline Semantics LoadSemanticsForTest(std::string_view name) {
  absl::StatusOr<Semantics> semantics = Library::Default().LoadSemantics(name);
  if (semantics.ok()) return *std::move(semantics);
  ADD_FAILURE() << semantics.status();
  return {};
}

inline Call MakeCall(Op op, int task, std::initializer_list<int64_t> words) {
  Call call;
  call.op = op;
  call.task = static_cast<uint8_t>(task);
  int i = 0;
  for (int64_t word : words) call.arg[i++] = word;
  return call;
}

// The users of random sequences, by number: one task or several, of root and of
// others.
inline std::vector<int> UsersForTest(int index) {
  const std::vector<std::vector<int>> users = {{0}, {0, 0}, {0, 1000}, {0, 1000, 1000}};
  return users[static_cast<size_t>(index) % users.size()];
}

inline Sequence RandomSequenceForTest(int index, int length, const Semantics& semantics,
                                      const Limits& limits = Limits{}) {
  return RandomSequence(SequenceSeed(2018, index), length, limits, UsersForTest(index), semantics);
}

// The thread's own: create, size, map, seal, re-open, write.
inline Sequence ReopenForTest() {
  Sequence sequence;
  sequence.calls = {MakeCall(Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}),
                    MakeCall(Op::kFtruncate, 0, {3, kPageSize}),
                    MakeCall(Op::kMmap, 0, {kNull, kPageSize, 3, abi::kMapShared, 3, 0}),
                    MakeCall(Op::kAddSeals, 0, {3, 2 | 4 | 16}),
                    MakeCall(Op::kWrite, 0, {3, 'x', 1}),
                    MakeCall(Op::kOpen, 0, {kSelf, 3, abi::kORdwr}),
                    MakeCall(Op::kWrite, 0, {4, 'x', 1}),
                    MakeCall(Op::kStore, 0, {0, 'y'})};
  return sequence;
}

}  // namespace selkie

#endif  // SELKIE_TRACES_TRACE_TESTING_H_
