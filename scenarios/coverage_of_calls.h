// What of the kernel's calls is not in the table of calls, and why.
#ifndef SELKIE_SCENARIOS_COVERAGE_OF_CALLS_H_
#define SELKIE_SCENARIOS_COVERAGE_OF_CALLS_H_

#include <string_view>

#include "absl/types/span.h"

namespace selkie {

enum class Coverage {
  kObserved,     // measured on kernels (docs/kernel-facts.md), not in the model
  kNotModelled,  // neither
};

struct UncoveredCall {
  std::string_view call;  // as a person would look for it: "io_uring", "F_SETLEASE"
  Coverage coverage;
  std::string_view reason;  // one sentence
};

// By topic, in the order in which docs/not-modelled.md has them.
absl::Span<const UncoveredCall> UncoveredCalls();

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_COVERAGE_OF_CALLS_H_
