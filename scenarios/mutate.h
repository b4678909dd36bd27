// Semantics broken on purpose, one place at a time: is the difference noticed?
//
//   for (const Mutant& mutant : MutantsOf(semantics)) ...
#ifndef SELKIE_SCENARIOS_MUTATE_H_
#define SELKIE_SCENARIOS_MUTATE_H_

#include <optional>
#include <string>
#include <vector>

#include "model/semantics.h"

namespace selkie {

// What a mutant changes.
enum class MutationKind : uint8_t {
  kDropRule,
  kSwapRules,    // two that follow one another at a point
  kErrno,        // a refusal gives another error
  kDropLiteral,  // a condition is weaker by one test
  kNegate,       // one test of a condition asks the opposite
  kDropTerm,     // one alternative of a condition is gone
  kEffect,       // one bit of an effect is gone, or the next one is there too
  kWriteChunk,
  kDropSeal,  // a seal is not known
};
std::string_view TextOf(MutationKind kind);

struct Mutant {
  MutationKind kind = MutationKind::kDropRule;
  std::string change;  // "add-sealed: EPERM becomes EINVAL", for people
  int point = 0;       // of the rules that change; -1: none does
  Semantics semantics;
};

// All mutants of the semantics, in the order of its rules.
std::vector<Mutant> MutantsOf(const Semantics& semantics);

// Why the mutant decides as the original does, whatever the facts are, or nothing if it
// may not: both decide every combination of the facts that the rules at the point read,
// without those that cannot be true together.
std::optional<std::string> SameByLogic(const Semantics& original, const Mutant& mutant);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_MUTATE_H_
