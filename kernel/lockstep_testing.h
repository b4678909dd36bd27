// What the tests of the real side share.  For tests only.
#ifndef SELKIE_KERNEL_LOCKSTEP_TESTING_H_
#define SELKIE_KERNEL_LOCKSTEP_TESTING_H_

#include <functional>
#include <string>
#include <vector>

#include "kernel/lockstep.h"
#include "kernel/lockstep_worker.h"
#include "model/semantics.h"
#include "model/trace.h"

namespace selkie {

// The semantics of the kernel that runs the tests.
Semantics NativeSemantics();

// Runs `body` in a worker process; what it returns, or the error's text after
// "error: ".
std::string InWorker(const std::function<std::string(Lockstep&)>& body, int silence_seconds = 60);

// A sequence of calls written as in a scenario without names:
// `memfd_create("x", MFD_ALLOW_SEALING)`, with "B: " before a call of task B.
Sequence Calls(const std::vector<std::string>& lines, const std::vector<int>& uids = {0});

// Runs the sequence for real beside the model, comparing the state after each
// call: "agrees on N of M calls" or what differs.
std::string Agreement(const Sequence& sequence);

}  // namespace selkie

#endif  // SELKIE_KERNEL_LOCKSTEP_TESTING_H_
