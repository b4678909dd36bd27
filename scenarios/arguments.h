// Arguments of one call.  Internal to the generator and the errno oracle.
#ifndef SELKIE_SCENARIOS_ARGUMENTS_H_
#define SELKIE_SCENARIOS_ARGUMENTS_H_

#include "model/call.h"
#include "model/semantics.h"
#include "model/state.h"
#include "scenarios/generate.h"

namespace selkie {

// A bit that no call and no kernel gives a meaning to where it is tried.
inline constexpr int64_t kUnknownFlag = 0x40000000;

// The flags of an argument that most programs give.
int64_t UsualFlags(const ArgSpec& arg);

// True if UDMABUF_CREATE takes the file: F_SEAL_SHRINK, and no seal against writing.
bool CanBecomeDmabuf(const File& file, const Inode& inode);

// Sets every word of `call.arg` that the row of `call.op` has, in view of what
// `call.task` (a running task) sees in `state`.
void DrawArguments(const State& state, const Semantics& semantics, Choices& choices, Call& call);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_ARGUMENTS_H_
