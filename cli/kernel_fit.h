// Which rules does a kernel have?  From what it answered to the discriminating calls.
#ifndef SELKIE_CLI_KERNEL_FIT_H_
#define SELKIE_CLI_KERNEL_FIT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/discriminating.h"
#include "model/result.h"

namespace selkie {

// A sequence and what the kernel answered to each call; none: it was not asked.
struct SeenSequence {
  NamedSequence named;
  std::vector<std::optional<Result>> results;
};

// Index of the first call to which the rules give another answer than the kernel, or -1.
int FirstMismatch(const Semantics& semantics, const SeenSequence& seen);

struct KernelFit {
  std::vector<std::string> agreeing;  // names of the kernels whose rules give every answer
  Semantics semantics;                // the rules that fit best
  std::string base;                   // the kernel that they were made from
  std::vector<size_t> mismatches;     // sequences that they do not explain; empty: they fit
};

// Looks for a kernel that agrees, else for one that agrees once it has a few rules as
// other kernels have them.  Of several that agree equally `preferred` is taken.
KernelFit FitKernel(const std::vector<Semantics>& kernels, const std::vector<SeenSequence>& seen,
                    std::string_view preferred);

// Why one rule is known to be as it is: the call that another kernel's rule would have
// answered otherwise.
struct RuleEvidence {
  std::string rule;
  std::string other;     // the kernel that has it otherwise
  std::string sequence;  // name
  std::string call;      // as text
  std::string answer;    // of the kernel that was asked
  std::string instead;   // what the rule of `other` gives
};

// One for each rule on which kernels disagree and the calls decide.
std::vector<RuleEvidence> EvidenceOf(const KernelFit& fit, const std::vector<Semantics>& kernels,
                                     const std::vector<SeenSequence>& seen);

// A text for semantics NAME: `extends` its base and the rules that differ, with the
// evidence in comments.  `heading` is a line of prose.  It compiles to the same rules.
std::string SemanticsTextOf(const KernelFit& fit, const Semantics& base, std::string_view name,
                            std::string_view heading, const std::vector<RuleEvidence>& evidence);

}  // namespace selkie

#endif  // SELKIE_CLI_KERNEL_FIT_H_
