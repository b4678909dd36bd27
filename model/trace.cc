#include "model/trace.h"

#include "model/step.h"

namespace selkie {

Trace Replay(const Sequence& sequence, const Semantics& semantics, std::vector<State>* states) {
  Trace trace;
  trace.semantics = semantics.name;
  trace.sequence = sequence;
  State state = InitialState(sequence.limits, sequence.uids);
  if (states != nullptr) states->push_back(state);
  for (const Call& call : sequence.calls) {
    trace.results.push_back(Step(state, call, semantics));
    if (states != nullptr) states->push_back(state);
  }
  return trace;
}

}  // namespace selkie
