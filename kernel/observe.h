// What a real kernel answers to sequences of calls, without an opinion.
//
//   absl::StatusOr<Observation> seen = Observe(library, "6.12", {sequence}, {});
//   seen->release                       // "6.12.117+deb12-cloud-amd64"
//   seen->traces[0].calls[4].result     // what the fifth call gave there
//
// All sequences run in one boot (one worker process on the machine's own
// kernel), each from a clean start.  The semantics of the kernel's release is
// used for one thing only: to place mappings where the model would.
#ifndef SELKIE_KERNEL_OBSERVE_H_
#define SELKIE_KERNEL_OBSERVE_H_

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernel/modules.h"
#include "model/result.h"
#include "model/trace.h"
#include "scenarios/library.h"

namespace selkie {

// One call: what the kernel gave, or why it was not asked.
struct ObservedCall {
  std::optional<Result> result;  // kValue, kErrno or kSignal; no rule, no effect
  std::string not_run;           // "no kernel has this call", "task B does not run"
};

struct ObservedTrace {
  std::vector<ObservedCall> calls;  // one for each call of the sequence
};

struct Observation {
  std::string release;                // uname -r there
  std::string semantics;              // name of the semantics taken for that release
  std::vector<ObservedTrace> traces;  // one for each sequence
};

// Runs each sequence for real on `kernel`: "native", a series of Debian's
// kernels ("6.12") or the path of a bzImage.  Calls are executed whatever the
// earlier ones gave.  Not run are: calls that a proposal declares, calls beyond
// the model's bounds, calls by a task that does not run there, and everything of
// a sequence that needs another user where this program may not become one.
// `interrupted` is polled; it may be null.  A guest loads `modules` first.
//
// Errors: NotFoundError if there is no such kernel, UnavailableError or
// InternalError if it could not run, CancelledError if interrupted.
absl::StatusOr<Observation> Observe(const Library& library, std::string_view kernel,
                                    const std::vector<Sequence>& sequences,
                                    const std::atomic<bool>* interrupted,
                                    const std::vector<KernelModule>& modules = {});

// uname -r of the kernel that runs this program.
std::string RunningRelease();

// ---- The guest's side: `selkie guest-observe` ----

// The sequences as JSON, and back.  InvalidArgumentError for text that is not
// what SequencesToJson writes.
std::string SequencesToJson(const std::vector<Sequence>& sequences);
absl::StatusOr<std::vector<Sequence>> SequencesFromJson(std::string_view text);

std::string ObservationToJson(const Observation& observation);
absl::StatusOr<Observation> ObservationFromJson(std::string_view text);

}  // namespace selkie

#endif  // SELKIE_KERNEL_OBSERVE_H_
