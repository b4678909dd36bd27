// Calls as C.  Internal to traces/c_*.
#ifndef SELKIE_TRACES_C_CALLS_H_
#define SELKIE_TRACES_C_CALLS_H_

#include <set>
#include <string>
#include <vector>

#include "model/semantics.h"
#include "model/trace.h"
#include "traces/c_runtime.h"
#include "traces/c_text.h"
#include "traces/variables.h"

namespace selkie {

// What the calls of a program are printed with.
struct CContext {
  const Trace& trace;
  const std::vector<State>& states;
  const Semantics& semantics;
  const Variables& variables;
  const CProgram& program;
};

// What the printed calls need.
struct CNeeds {
  std::set<CHelper> helpers;
  std::set<std::string> includes;
  bool arena = false;
  bool buffer = false;
};

// The test of call `index`: statements without indentation.  `child` is the
// function in which a new task begins; if the call waits for it (CLONE_VFORK), "FUNCTION,
// TASK, TASK": also who waits and who has the next turn.  Not for exec and exit.
std::vector<std::string> CTest(const CContext& context, size_t index, const std::string& child,
                               CNeeds* needs);

// The test's line, as the program prints it: "A: write(fd, \"x\", 1) = 1".
std::string CTestText(const CContext& context, size_t index);

// The variable with the child that runs a program for the task.
std::string CProgramOf(const CContext& context, int64_t task);

}  // namespace selkie

#endif  // SELKIE_TRACES_C_CALLS_H_
