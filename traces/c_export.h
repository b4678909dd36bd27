// A trace as a C program that makes the same calls on a real kernel.
#ifndef SELKIE_TRACES_C_EXPORT_H_
#define SELKIE_TRACES_C_EXPORT_H_

#include <string>

#include "model/semantics.h"
#include "model/trace.h"
#include "traces/json.h"

namespace selkie {

// A self-contained C11 program for Linux on x86-64; `gcc -Wall -Wextra -Werror`
// has nothing to say about it.  It prints KTAP, one test a call, and exits as a
// kselftest does: 0 if every call gave what the trace says, 1 if one did not, 4
// if something was skipped (it needs root to become another user; or the trace
// makes a call that only a proposal has).
//
// Tasks are processes that pass a token, so that the calls are made in the
// order of the trace.  Calls with Result::Kind::kBound are left out.
// `trace.results` must have one result for each call.
std::string TraceToC(const Trace& trace, const Semantics& semantics, const TraceAbout& about = {});

}  // namespace selkie

#endif  // SELKIE_TRACES_C_EXPORT_H_
