// Sequences of calls, and traces: sequences with what each call gave.
#ifndef SELKIE_MODEL_TRACE_H_
#define SELKIE_MODEL_TRACE_H_

#include <string>
#include <vector>

#include "model/call.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"

namespace selkie {

// Calls with concrete arguments, and the state that they start from.
struct Sequence {
  Limits limits;
  std::vector<int> uids = {0};  // one entry for each task that runs at the start
  std::vector<Call> calls;

  friend bool operator==(const Sequence&, const Sequence&) = default;
};

struct Trace {
  std::string semantics;  // name
  Sequence sequence;
  std::vector<Result> results;  // one for each call
};

// Executes the sequence from its initial state.  `states`, if not null,
// receives the state before the first call and after each.
Trace Replay(const Sequence& sequence, const Semantics& semantics,
             std::vector<State>* states = nullptr);

}  // namespace selkie

#endif  // SELKIE_MODEL_TRACE_H_
