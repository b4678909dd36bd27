// Calls by which the kernels that the tree describes are told apart: found by
// FindDifferences, kept as scenarios/discriminating/*.scn, run by `kernels probe`.
#ifndef SELKIE_CLI_DISCRIMINATING_H_
#define SELKIE_CLI_DISCRIMINATING_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/differences.h"
#include "model/contrast.h"
#include "scenarios/library.h"

namespace selkie {

// The semantics of kernels in the tree, oldest first.
absl::StatusOr<std::vector<Semantics>> KernelSemantics(const Library& library);

// `kernel` with what `difference` names as `other` has it; `difference` is one of
// RulesThatDiffer(kernel, other).  A rule is put where it stands in `other`, relative to
// the rules that both have.
Semantics Adopt(const Semantics& kernel, const RuleDifference& difference, const Semantics& other);

// A semantics that is a kernel's but for one rule that another kernel has otherwise.
struct Neighbour {
  Semantics semantics;
  std::string rule;   // its name
  std::string other;  // whose rule it is
};

// All that can be made so from `kernel`, each once.
std::vector<Neighbour> NeighboursOf(const Semantics& kernel, const std::vector<Semantics>& kernels);

struct NamedSequence {
  std::string name;
  Sequence sequence;
};

// Those in the tree's scenarios/discriminating, with all calls made.
absl::StatusOr<std::vector<NamedSequence>> LoadDiscriminating(
    const Library& library, const std::vector<Semantics>& kernels);

// True if some sequence gets different answers under the two.
bool AreToldApart(const Semantics& first, const Semantics& second,
                  const std::vector<NamedSequence>& sequences);

// For each rule that kernels have otherwise: whether some kernel and its neighbour by that rule are
// told apart.
std::map<std::string, bool> RulesTold(const std::vector<Semantics>& kernels,
                                      const std::vector<NamedSequence>& sequences);

// Calls for every difference of every pair of kernels, and of each kernel and its
// neighbours where no calls of these tell them apart.  Errors as FindDifferences.
absl::StatusOr<std::vector<NamedSequence>> FindDiscriminating(const Library& library,
                                                              const std::vector<Semantics>& kernels,
                                                              const DifferenceOptions& options);

// `known`, and after them calls for each rule of kernels that these tell from its variant in no
// kernel, and for each two kernels that they do not tell apart.  Errors as FindDifferences.
absl::StatusOr<std::vector<NamedSequence>> FindMissing(const Library& library,
                                                       const std::vector<Semantics>& kernels,
                                                       const DifferenceOptions& options,
                                                       std::vector<NamedSequence> known);

// The sequences as scenarios, with what each kernel answers.
std::string PrintDiscriminating(const std::vector<NamedSequence>& sequences,
                                const std::vector<Semantics>& kernels);

}  // namespace selkie

#endif  // SELKIE_CLI_DISCRIMINATING_H_
