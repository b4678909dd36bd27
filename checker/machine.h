// The model as a transition system for one property: which calls are tried in a
// state, what they do to the ghost facts that the property speaks about, and
// whether a step is the one that the property forbids or asks for.
#ifndef SELKIE_CHECKER_MACHINE_H_
#define SELKIE_CHECKER_MACHINE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/alphabet.h"
#include "checker/canonical.h"
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

// What became of one move.
struct StepOutcome {
  Result result;
  bool made = false;      // false: beyond the bounds, or an `assume` forbids it
  bool bound = false;     // it was beyond the bounds
  bool changed = false;   // the state is another one
  bool hit = false;       // the step satisfies the property's clause
  bool finished = false;  // the protocol finished with this step
};

class Machine {
 public:
  // `property` and `semantics` must outlive the machine.  InvalidArgumentError
  // if a call of the property is unknown under these semantics, if the bounds
  // need more than the capacities, or if the property needs a protocol and the
  // semantics has none.
  static absl::StatusOr<Machine> Make(const Property& property, const Semantics& semantics,
                                      const Bounds& bounds);

  State Initial() const { return layout_.initial; }
  const Layout& layout() const { return layout_; }
  // What is interchangeable, from the calls that are tried.
  const Symmetry& symmetry() const { return symmetry_; }
  const Semantics& semantics() const { return *semantics_; }
  const std::vector<CallTemplate>& alphabet() const { return templates_; }

  // Appends every move that is worth trying in `state`.
  void Moves(const State& state, std::vector<Move>& moves) const;

  // True if the promise is in force: an inode is sealed, or has the seals that
  // the clause asks for.
  bool InForce(const State& state) const;

  // Makes the move.  `state` is unchanged iff neither made nor changed.
  void Apply(State& state, const Move& move, StepOutcome& outcome) const;

 private:
  Machine(const Property& property, const Semantics& semantics)
      : property_(&property), semantics_(&semantics) {}

  absl::Status Compile(const Bounds& bounds);
  absl::Status CompileCalls();
  FieldUse UseOf() const;
  Symmetry SymmetryOf() const;
  bool Reads(int bit) const { return ((reads_ >> bit) & 1) != 0; }
  int RoleOf(const Task& task) const { return task.mark >> mark::kRoleShift; }

  void AddProtocolMoves(const State& state, int task, const Objects& objects,
                        std::vector<Move>& moves) const;
  bool Assumed(const State& state, const Move& move) const;
  void MarkCreated(State& state, const Call& call, const Result& result) const;
  void MarkRemapped(State& state, const Call& call, const Result& result) const;
  void MarkChild(State& state, const Call& call, const Result& result) const;
  void ApplyProtocol(State& state, const Move& move, StepOutcome& outcome) const;
  void Finish(State& state, int task, int hand_out_fd, StepOutcome& outcome) const;
  void Judge(const State& state, const Call& call, StepOutcome& outcome) const;
  bool ChangeHits(const State& state, const Call& call, const Result& result) const;
  bool SomeMappingHits(const State& state) const;
  uint64_t FileWord(const File& file) const;
  uint64_t MappingWord(const State& state, const Mapping& mapping) const;

  const Property* property_;
  const Semantics* semantics_;
  std::vector<CallTemplate> templates_;
  uint64_t ops_ = 0;          // operations in the alphabet and the protocol, by bit
  uint64_t reads_ = 0;        // bits that the property's conditions read
  uint8_t needed_marks_ = 0;  // a mapping without these cannot satisfy the clause
  Layout layout_;
  Symmetry symmetry_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_MACHINE_H_
