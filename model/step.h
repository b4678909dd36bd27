// The only way a state changes.
//
//   State s = InitialState(Limits{}, {0});
//   Call create{Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}};
//   Result r = Step(s, create, semantics);   // r.value == 3
#ifndef SELKIE_MODEL_STEP_H_
#define SELKIE_MODEL_STEP_H_

#include "model/call.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"

namespace selkie {

// Executes `call` in `state` under `semantics`.  Total and deterministic: any
// call with any arguments, in any state that Validate accepts, gives a result
// and leaves a state that Validate accepts.  Result::changed is true iff the
// state differs from before.  After kBound, and after a signal, it does not.
// After an errno it differs only where the kernel too has done something before
// it fails:
//   mprotect   the mappings before the one that refuses are changed,
//   write      EPERM comes after the set-user-id bits are taken away,
//   mremap     of length 0 onto itself has unmapped what it would duplicate,
//   mmap       MAP_FIXED has unmapped, if a rule of the semantics says so,
//   sendmsg, recvmsg   ECONNRESET is reported once.
// A call by a task that does not run, a call beyond the limits, and what is not
// modelled give Result::Kind::kBound.
//
// Without NDEBUG, Step aborts with a message if it leaves an invalid state.
Result Step(State& state, const Call& call, const Semantics& semantics);

}  // namespace selkie

#endif  // SELKIE_MODEL_STEP_H_
