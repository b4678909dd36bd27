// A trace in the forms that people and programs read:
//
//   Trace trace = Replay(sequence, semantics);
//   std::string json = TraceToJson(trace, semantics);       // traces/json.h
//   std::string text = TraceToStrace(trace, semantics);     // traces/strace.h
//   std::string c = TraceToC(trace, semantics);             // traces/c_export.h
//   absl::StatusOr<std::vector<std::string>> pictures =
//       TraceToSvgSteps(trace, semantics);                  // traces/dot.h
//
// `semantics` is the one that the trace was made under; it gives seals and
// extension calls their names.  Result::rule must point into it or be null.
#ifndef SELKIE_TRACES_EXPORT_H_
#define SELKIE_TRACES_EXPORT_H_

#include "traces/c_export.h"
#include "traces/dot.h"
#include "traces/json.h"
#include "traces/strace.h"

#endif  // SELKIE_TRACES_EXPORT_H_
