// From a sequence in which model and kernel differ to what is shown of it.
#ifndef SELKIE_KERNEL_CONFORM_DIVERGENCE_H_
#define SELKIE_KERNEL_CONFORM_DIVERGENCE_H_

#include <string>
#include <string_view>

#include "kernel/conform.h"
#include "kernel/lockstep.h"
#include "model/semantics.h"

namespace selkie {

// The kind of the difference that the last run ended with: the call, what was
// different, and what the model and the kernel said.
std::string KindOfDifference(const Control& control);

// Makes the sequence of the last run, which differed, as short as it gets by
// running shorter ones for real, and describes it.  One that does not differ
// again is described as it was found.
Divergence Explain(Lockstep& lockstep, const Semantics& semantics, std::string_view origin,
                   std::string_view release);

// Describes the sequence of which the kernel did not come back from call control.at.
Divergence ExplainHang(const Control& control, const Semantics& semantics, std::string_view origin,
                       std::string_view release, int seconds);

}  // namespace selkie

#endif  // SELKIE_KERNEL_CONFORM_DIVERGENCE_H_
