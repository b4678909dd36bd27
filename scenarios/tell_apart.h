// Random calls until two semantics answer differently, made short.
//
// For what an exhaustive search cannot reach: several tasks, many descriptors,
// unusual arguments.
#ifndef SELKIE_SCENARIOS_TELL_APART_H_
#define SELKIE_SCENARIOS_TELL_APART_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "model/contrast.h"

namespace selkie {

struct TellApartOptions {
  int64_t sequences = 20000;                       // how many are tried
  int length = 24;                                 // calls of each
  uint64_t seed = 1;                               // the same seed finds the same
  const std::atomic<bool>* interrupted = nullptr;  // polled; may be null
};

// A difference of `contrast` that is looked for.
using Wanted = std::function<bool(const Contrast& contrast, const Difference& difference)>;

// Shortens a sequence that has a wanted difference as much as possible: the call that
// shows it is the last one.  Nothing if no difference is wanted.
std::optional<Sequence> ShortestThat(const Sequence& sequence, const Semantics& first,
                                     const Semantics& second, const Wanted& wanted);

// Sequences that end in a wanted difference, drawn at random and shortened.  `wanted`
// is asked again after each that is found, which it is told of by `found`, and
// should then want others.
void TellApart(const Semantics& first, const Semantics& second, const TellApartOptions& options,
               const Wanted& wanted, const std::function<void(const Sequence&)>& found);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_TELL_APART_H_
