// The model as a transition system for one property: which calls are tried in a
// state, what they do to the ghost facts that the property speaks about, and
// whether a step is the one that the property forbids or asks for.
#ifndef SELKIE_CHECKER_MACHINE_H_
#define SELKIE_CHECKER_MACHINE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "checker/alphabet.h"
#include "checker/canonical.h"
#include "checker/machine_parts.h"
#include "checker/move_table.h"
#include "checker/packing.h"
#include "checker/property.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"

namespace selkie {

// Values of the `mark` bytes in a State while a Machine works on it.
namespace mark {
inline constexpr uint8_t kInodeSealed = 1;     // the protocol finished on it
inline constexpr uint8_t kFileAfter = 1;       // opened after the seal
inline constexpr uint8_t kFileCopy = 2;        // what `fd` named when the protocol began
inline constexpr uint8_t kFileHanded = 4;      // what the protocol hands out
inline constexpr uint8_t kMapAfter = 1;        // made by mmap after the seal
inline constexpr uint8_t kMapOldWritable = 2;  // could write when the seal was set
inline constexpr uint8_t kMapOldReadonly = 4;  // existed then and could not
inline constexpr uint8_t kMapCopied = 8;       // made after the seal by fork or mremap
inline constexpr int kRoleShift = 4;           // Task: role << 4 | protocol steps done
}  // namespace mark

Objects ObjectsOf(const State& state);

// What became of one move.
struct StepOutcome {
  Result result;
  bool made = false;      // false: beyond the bounds, or an `assume` forbids it
  bool bound = false;     // it was beyond the bounds
  bool changed = false;   // the state is another one
  bool hit = false;       // the step satisfies the property's clause
  bool finished = false;  // the protocol finished with this step
  uint64_t kind = 0;      // of a hit: equal for those of which one is enough
};

// Whether states are packed and stored: only then have they to fit.
enum class Stored : uint8_t { kYes, kNo };

// Which of the calls that do the same are tried: see Machine::ForEachMove.
enum class Alike : uint8_t { kOne, kEach };

class Machine : private MachineParts {
 public:
  // `property` and `semantics` must outlive the machine.  InvalidArgumentError
  // if a call of the property is unknown under these semantics, if the bounds
  // need more than the capacities, or if the property needs a protocol and the
  // semantics has none.
  static absl::StatusOr<Machine> Make(const Property& property, const Semantics& semantics,
                                      const Bounds& bounds, Alike alike = Alike::kOne,
                                      Stored stored = Stored::kYes);

  // A machine that only looks at states and makes moves: no layout and no initial state.
  explicit Machine(MachineParts parts) : MachineParts(std::move(parts)) {}
  const MachineParts& parts() const { return *this; }

  State Initial() const { return layout_.initial; }
  const Layout& layout() const { return layout_; }
  // What is interchangeable, from the calls that are tried.
  const Symmetry& symmetry() const { return symmetry_; }
  const Semantics& semantics() const { return *semantics_; }
  const std::vector<CallTemplate>& alphabet() const { return templates_; }

  // Calls visit(move, times) for every move that is worth trying in `state`, until
  // one visit returns true; returns whether one did.  `times`: how many calls do
  // the same, as they differ only in which of a task's descriptors for one file
  // they name.
  template <typename Visit>
  bool ForEachMove(const State& state, Visit visit) const;

  // All that ForEachMove can visit in any state, in its order.
  std::vector<CandidateMove> Candidates() const;

  // How often ForEachMove visits this candidate in `state`, counting times: 0 if it does not.
  // *move is the call then.
  int TimesOf(const State& state, const CandidateMove& candidate, Move* move) const;

  // True if the promise is in force: an inode is sealed, or has the seals that
  // the clause asks for.
  bool InForce(const State& state) const;

  // Makes the move.  `state` is unchanged iff neither made nor changed.
  StepOutcome Apply(State& state, const Move& move) const;

  // The same but for one thing: whether a mapping of the new state satisfies the clause is not
  // asked.  A step hits iff it says so or it changed the state and StateHits is true then.
  StepOutcome ApplyOnly(State& state, const Move& move) const;
  bool StateHits(const State& state) const;
  // Whether the property is one for which StateHits can be true.
  bool judges_states() const { return JudgesMappings(); }

  // The facts that a clause about changes is tested on, of a call that changed an inode and
  // has left `state`; and one about the seal, of the call with which the protocol finished.
  uint64_t ChangeWord(const State& state, const Call& call, const Result& result) const;
  uint64_t SealWord(const State& state, const Call& call) const;

 private:
  Machine(const Property& property, const Semantics& semantics) {
    property_ = &property;
    semantics_ = &semantics;
  }

  absl::Status Compile(const Bounds& bounds, Alike alike, Stored stored);
  absl::Status CompileCalls();
  FieldUse UseOf() const;
  Symmetry SymmetryOf() const;
  bool Reads(int bit) const { return ((reads_ >> bit) & 1) != 0; }
  static int RoleOf(const Task& task) { return task.mark >> mark::kRoleShift; }
  // Steps of the protocol that the task has made; 0 outside.
  static int StepsDone(const Task& task) { return task.mark & ((1 << mark::kRoleShift) - 1); }
  static bool ProtocolRuns(const State& state);
  // True for F_ADD_SEALS of what the inode has, where no rule could make more of it:
  // it is refused or it changes nothing.
  bool AddsNothing(const State& state, const Call& call) const {
    const int file = FileOf(state, call.task, call.arg[0]);
    return seals_only_ && file >= 0 &&
           (state.inodes[state.files[file].inode - 1].seals & call.arg[1]) == call.arg[1];
  }

  // The steps of the protocol that `task` may make, and how many do the same: one
  // if it is inside, and else one for each descriptor with which it may begin.
  bool Fits(const State& state, const CallTemplate& line, int task) const;
  bool OneForAFile() const;
  bool TimesOfStep(const State& state, const CandidateMove& candidate, Move* move) const;
  absl::InlinedVector<std::pair<Move, int>, kMaxFds> ProtocolMoves(const State& state, int task,
                                                                   const Objects& objects) const;
  bool Assumed(const State& state, const Move& move) const;
  void Mark(State& state, const Call& call, const Result& result) const;
  void MarkFile(State& state, const Call& call, const Result& result) const;
  void MarkMapping(State& state, const Call& call, int64_t address) const;
  void MarkChild(State& state, const Call& call, const Result& result) const;
  StepOutcome ApplyCall(State& state, const Call& call) const;
  StepOutcome ApplyProtocol(State& state, const Move& move) const;
  void Finish(State& state, int task, int hand_out_fd, StepOutcome& outcome) const;
  void Judge(const State& state, const Call& call, StepOutcome& outcome) const;
  bool JudgesMappings() const {
    return property_->kind != Property::Kind::kSameAs && property_->clause.sort == Sort::kMapping;
  }
  bool SomeMappingHits(const State& state) const;
  // What the property's conditions read of a set of bits.
  int Asked(int shift, int bits) const { return static_cast<int>(reads_ >> shift) & bits; }
  uint64_t FileWord(const File& file) const;
  uint64_t InodeWord(const Inode& inode) const;
  uint64_t MappingWord(const State& state, const Mapping& mapping) const;

  Layout layout_;
  Symmetry symmetry_;
};

// A task inside the protocol makes its next step and nothing else; others go on
// meanwhile.
template <typename Visit>
bool Machine::ForEachMove(const State& state, Visit visit) const {
  const Objects objects = ObjectsOf(state);
  // What cannot fit and would change nothing is not even tried, unless answers are compared.
  const bool compares = property_->kind == Property::Kind::kSameAs;
  const bool files_full = !compares && FreeFile(state) < 0;
  for (int t = 0; t < objects.tasks.count; ++t) {
    const int task = objects.tasks.item[t];
    if (StepsDone(state.tasks[task]) == 0) {
      const int role = RoleOf(state.tasks[task]);
      const bool fds_full = !compares && objects.fds[task].count == state.limits.fds;
      const bool maps_full = !compares && objects.maps[task].count == state.limits.maps;
      for (size_t i = 0; i < templates_.size(); ++i) {
        const CallTemplate& line = templates_[i];
        const bool fits = !(line.needs_fd && fds_full) && !(line.needs_file && files_full) &&
                          !(line.needs_mapping && maps_full);
        if (!fits || ((line.roles >> role) & 1) == 0) continue;
        const auto unless_idle = [&](const Move& move, int times) {
          return !AddsNothing(state, move.call) && visit(move, times);
        };
        if (line.call.op == Op::kAddSeals && !compares
                ? moves_.ForEach(i, task, objects, unless_idle)
                : moves_.ForEach(i, task, objects, visit))
          return true;
      }
    }
    for (const auto& [move, times] : ProtocolMoves(state, task, objects))
      if (visit(move, times)) return true;
  }
  return false;
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_MACHINE_H_
