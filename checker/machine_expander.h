// Successors of one machine's states by edits of encoded words (checker/successors.h), for
// searches whose states leave the process: the words are the same in every process and every
// run.  Internal to checker/; see expander.h for what it has to do.
#ifndef SELKIE_CHECKER_MACHINE_EXPANDER_H_
#define SELKIE_CHECKER_MACHINE_EXPANDER_H_

#include <array>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/canonical_words.h"
#include "checker/encoding.h"
#include "checker/machine.h"
#include "checker/recent_states.h"
#include "checker/successors.h"

namespace selkie {

template <int W>
class MachineExpander {
 public:
  using Node = State;
  using Words = std::array<uint64_t, W>;

  static int WordsFor(const Machine& machine) {
    return Encoding(machine.layout(), Encoding::Kind::kPlain).words();
  }

  MachineExpander(const Machine& machine, bool symmetry)
      : machine_(machine),
        encoding_(machine.layout(), Encoding::Kind::kPlain),
        successors_(machine, encoding_, SampleOf(machine, 1500, 1)),
        canonical_(machine, encoding_),
        renames_(symmetry && machine.symmetry().any()) {}
  MachineExpander(const MachineExpander&) = delete;
  MachineExpander& operator=(const MachineExpander&) = delete;

  absl::StatusOr<Words> Initial() {
    std::optional<Words> words = successors_.Initial();
    if (words.has_value()) Rename(*words);
    if (failed() || !words.has_value())
      return absl::InternalError("checker: a state does not fit its layout");
    return *words;
  }

  Words WordsOf(const Node& node) {
    PackedWords packed{};
    fails_ |= Pack(machine_.layout(), node, packed) < 0;
    Words words = successors_.WordsOf(packed).value_or(Words{});
    Rename(words);
    return words;
  }

  void Load(const Words& words, Node& node) const {
    UnpackOver(machine_.layout(), successors_.Unpacked(words), node);
  }

  template <typename Enter, typename Stop>
  void Expand(std::vector<Words>& states, Tally& tally, const Enter& enter, const Stop& stop) {
    successors_.Expand(
        states, tally,
        [&](const Words& next) {
          if (!renames_) return enter(next);
          if (recent_.Has(next)) return;
          Words form = next;
          Rename(form);
          enter(form);
        },
        stop);
  }

  int bits() const { return encoding_.bits(); }
  bool failed() const { return fails_ || successors_.failure() != Successors<W>::Failure::kNone; }
  const OpSet& ops_after_seal() const { return successors_.ops_after_seal(); }

 private:
  void Rename(Words& words) {
    if (renames_ && !canonical_.Canonicalize(words)) fails_ = true;
  }

  const Machine& machine_;
  Encoding encoding_;
  Successors<W> successors_;
  CanonicalWords<W> canonical_;
  const bool renames_;
  bool fails_ = false;
  RecentStates<W> recent_;  // before they are renamed
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_MACHINE_EXPANDER_H_
