// A trace as strace would print it, with the reason of each result.
#ifndef SELKIE_TRACES_STRACE_H_
#define SELKIE_TRACES_STRACE_H_

#include <string>
#include <vector>

#include "model/semantics.h"
#include "model/trace.h"

namespace selkie {

struct StraceOptions {
  bool reasons = true;  // "# rule NAME (file:line)" or "# kernel check"
  bool color = false;   // ANSI colours: results and reasons
  bool names = false;   // fd, ro, map instead of 3, 4, 0x1000
};

// One line a call, results and reasons each in a column of their own:
//
//   A: fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)  = -1 EPERM  # rule sealed (linux-4.20.sem:12)
//
// A call that the model could not execute has the result "?".
std::string TraceToStrace(const Trace& trace, const Semantics& semantics,
                          const StraceOptions& options = {});

// The same lines one by one and without their newlines, aligned with one
// another: one for each call.
std::vector<std::string> StraceLines(const Trace& trace, const Semantics& semantics,
                                     const StraceOptions& options = {});

}  // namespace selkie

#endif  // SELKIE_TRACES_STRACE_H_
