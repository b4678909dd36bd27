// The machine of checker/machine.h run on tracked fields (model/tracked.h): what a move does in
// a packed state, and on which bits of that state this depends.
//
// The same sources, model and machine, compiled once more: nothing about any call is written
// twice.  With `read` and `value` of a step, any other state with the same bits in `read`
// answers alike, and its successor is (state & ~written) | value.
#ifndef SELKIE_CHECKER_TRACED_MACHINE_H_
#define SELKIE_CHECKER_TRACED_MACHINE_H_

#include <memory>

#include "checker/machine_parts.h"
#include "checker/stored_fields.h"

namespace selkie {

class Machine;

// One candidate in one state.
struct TracedStep {
  int times = 0;      // as of Machine::TimesOf; if 0, only `read` says anything else
  bool made = false;  // these as in StepOutcome, of Machine::ApplyOnly
  bool bound = false;
  bool changed = false;
  bool hit = false;
  bool finished = false;
  Op op = Op::kMemfdCreate;
  PackedWords read{};     // bits on which all of this depends
  PackedWords written{};  // bits that the successor does not have from the state, and
  PackedWords value{};    // what they are then
};

class TracedMachine {
 public:
  // For states of the machine's layout; `machine` must outlive this.
  explicit TracedMachine(const Machine& machine);
  ~TracedMachine();
  TracedMachine(const TracedMachine&) = delete;
  TracedMachine& operator=(const TracedMachine&) = delete;

  // Tries the candidate in a packed state.  False if the successor does not fit the layout.
  bool Try(const PackedWords& state, const CandidateMove& candidate, TracedStep* step);

  // Machine::StateHits and Machine::InForce; *read as above.
  bool StateHits(const PackedWords& state, PackedWords* read);
  bool InForce(const PackedWords& state, PackedWords* read);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_TRACED_MACHINE_H_
