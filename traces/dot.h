// Pictures: tasks -> descriptors -> files -> inode <- mappings.
#ifndef SELKIE_TRACES_DOT_H_
#define SELKIE_TRACES_DOT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/semantics.h"
#include "model/state.h"
#include "model/trace.h"

namespace selkie {

struct PictureOptions {
  int broken_step = -1;  // index of the call whose write breaks a promise: its
                         // path from the task to the inode is drawn in red
  bool captions = true;  // the call and its result above the picture
};

// One state as Graphviz DOT text.
std::string StateToDot(const State& state, const Semantics& semantics);

// One picture for each call, of the state after it: what the call changed is
// coloured, and so is the way by which it wrote.  The trace is replayed.
std::vector<std::string> TraceToDotSteps(const Trace& trace, const Semantics& semantics,
                                         const PictureOptions& options = {});

// The same as SVG, each an <svg> element that can stand in an HTML page.  Runs
// Graphviz's `dot` once, as a child process.  FailedPreconditionError if it is
// not installed.
absl::StatusOr<std::vector<std::string>> TraceToSvgSteps(const Trace& trace,
                                                         const Semantics& semantics,
                                                         const PictureOptions& options = {});

// All steps in one SVG document, below one another.
absl::StatusOr<std::string> TraceToSvg(const Trace& trace, const Semantics& semantics,
                                       const PictureOptions& options = {});

// Runs `dot -Tsvg` over DOT text that may hold several graphs; one <svg>
// element for each.  FailedPreconditionError if Graphviz is not installed,
// InternalError with its words if it refuses.
absl::StatusOr<std::vector<std::string>> DotToSvg(const std::string& dot);

}  // namespace selkie

#endif  // SELKIE_TRACES_DOT_H_
