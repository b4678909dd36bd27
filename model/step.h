// The only way a state changes.
//
//   State s = InitialState(Limits{}, {0});
//   Call create{Op::kMemfdCreate, 0, {abi::kMfdAllowSealing}};
//   Result r = Step(s, create, semantics);   // r.value == 3
#ifndef SELKIE_MODEL_STEP_H_
#define SELKIE_MODEL_STEP_H_

#include "model/call.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"

namespace selkie {

// Executes `call` in `state` under `semantics`.  Total and deterministic: any
// call with any arguments gives a result.  If the result is not a value, the
// state is unchanged, except where the kernel changes it on failure too.  Result::changed is
// true iff the state may differ from before.  A call by a task that is not
// running, and a call beyond the limits, gives Result::Kind::kBound.
Result Step(State& state, const Call& call, const Semantics& semantics);

}  // namespace selkie

#endif  // SELKIE_MODEL_STEP_H_
