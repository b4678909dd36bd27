// What the tests of random sequences share.  For tests only.
#ifndef SELKIE_SCENARIOS_SEQUENCE_TESTING_H_
#define SELKIE_SCENARIOS_SEQUENCE_TESTING_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "model/semantics.h"
#include "model/state.h"
#include "model/trace.h"
#include "rapidcheck.h"
#include "scenarios/scenario.h"

namespace selkie {

// A semantics of the tree; a test failure and an empty one if it does not load.
Semantics LoadForTest(std::string_view name);

// The first scenario of the text; a test failure and an empty one if it does not parse.
Scenario ParseForTest(std::string_view text);

std::string MessageOf(const absl::Status& status);

// The sequence as a scenario that runs, with what the model gives for each call.
std::string ShowSequence(const Sequence& sequence, const Semantics& semantics);

// RapidCheck prints sequences with it: calls alone, with the kernel's own seals.
void showValue(const Sequence& sequence, std::ostream& out);

// Two tasks of different users, neither of them root.
std::vector<int> TwoUsers();

// What one call needs at most: see Recorded.
using Numbers = std::vector<uint16_t>;

// One call for each element; a call that gives kBound is left out.
Sequence SequenceOf(const std::vector<Numbers>& numbers, const Limits& limits,
                    const std::vector<int>& uids, const Semantics& semantics);

// Sequences of 0 to 100 calls, longer ones later; RapidCheck shrinks them by
// leaving out calls and by making each call's numbers smaller.
rc::Gen<Sequence> SequenceGen(const Limits& limits, const std::vector<int>& uids,
                              const Semantics& semantics);

// read and its like.
bool Reads(Op op);

// Of a read, from where the file stands.
bool ReadsHere(const Call& call);

// From one file to another.
bool Copies(Op op);

// A refused write by io_uring at the position with O_APPEND: 5.10 moves the position to the end
// (docs/findings.md, smaller ones), later kernels do not.
bool MayMoveToEnd(const State& before, const Call& call, const Result& result);

// The region behind a descriptor, or null: what is neither a region nor open has neither contents
// nor position.
const File* RegionOfFd(const State& state, int task, int64_t fd);

// Something that holds at every step.  It may keep what it has seen.
class StepProperty {
 public:
  virtual ~StepProperty() = default;

  // Empty if it holds, else what is wrong.  `after` may be changed in its marks.
  virtual std::string Check(const State& before, const Call& call, const Result& result,
                            State& after) = 0;
};

using MakeProperty = std::function<std::unique_ptr<StepProperty>()>;

// Walks the sequence; "call 3 pwrite(4, "x", 1, 0): ..." for the first step at which
// the property does not hold, or empty.
std::string FirstViolation(const Sequence& sequence, const Semantics& semantics,
                           const MakeProperty& make);

// Walks `count` random sequences of `length` calls.  The first violation is
// shrunk and returned with the sequence as a scenario; empty if there is none.
std::string ViolationInCampaign(uint64_t seed, int count, int length, const Semantics& semantics,
                                const MakeProperty& make);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_SEQUENCE_TESTING_H_
