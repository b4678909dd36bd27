// Makes a failing sequence of calls small.
//
//   Sequence small = Shrink(found, [&](const Sequence& s) { return Diverges(s); });
#ifndef SELKIE_SCENARIOS_SHRINK_H_
#define SELKIE_SCENARIOS_SHRINK_H_

#include <functional>

#include "model/trace.h"

namespace selkie {

// True if the sequence still shows what is looked for.  It must be total: it is
// asked about sequences whose calls name closed descriptors or tasks that do
// not run.  Such calls give kBound or an errno as everywhere else.
using StillFails = std::function<bool(const Sequence&)>;

struct ShrinkOptions {
  int max_tries = 20000;  // how often the predicate is asked, at most
};

struct ShrinkReport {
  int tries = 0;          // how often the predicate was asked
  bool complete = false;  // nothing more to try (false: out of tries)
};

// A smallest sequence, by the steps below, for which `still_fails` is true;
// `sequence` itself if it is not true of that.  Deterministic.
//
//  - calls go, many at a time at first (delta debugging), then one by one;
//  - when a call goes, descriptors, tasks or addresses that later calls name
//    are also tried moved down by what that call had taken (numbers are never
//    guessed otherwise: a call keeps its arguments, and the predicate rejects
//    what has lost its meaning);
//  - tasks go: the calls of one, or its calls are made by a lower task instead;
//  - all uses of a descriptor become a lower one, all addresses from one on move
//    down together;
//  - arguments become simple: flags and seals lose bits, numbers become 0, 1,
//    whole pages, or nearer to 0; uids become 0.
//
// The result is a fixed point of these steps unless the tries ran out.
// `report`, if not null, says so.
Sequence Shrink(const Sequence& sequence, const StillFails& still_fails,
                const ShrinkOptions& options = {}, ShrinkReport* report = nullptr);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_SHRINK_H_
