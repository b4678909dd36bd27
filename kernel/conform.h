// Conformance: the model and a real kernel run the same calls, and every result
// is compared.
//
//   ConformRequest request;
//   request.random = 100000;
//   absl::StatusOr<ConformReport> report = Conform(library, request, {});
//   report->calls         // compared
//   report->divergences   // empty: the model does what the kernel does
#ifndef SELKIE_KERNEL_CONFORM_H_
#define SELKIE_KERNEL_CONFORM_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernel/call_plan.h"
#include "model/call.h"
#include "scenarios/library.h"

namespace selkie {

struct ConformRequest {
  std::string kernel = "native";     // or a series ("6.12"), or a bzImage's path
  std::vector<std::string> modules;  // paths for ReadModules (kernel/modules.h), for a guest
  std::string semantics;             // name or path; empty: the one for the kernel's release
  std::vector<std::string> paths;    // scenarios: files or folders
  int64_t random = 0;                // random sequences to run
  int64_t first = 0;                 // number of the first of them
  int length = 60;                   // calls of each, 1 .. kMaxCalls
  uint64_t seed = 1;
  double minutes = 0;  // no further random sequence is begun after so long; 0: no limit
  int workers = 0;     // processes, or guests; 0: four, or one, for each processor

  // Batches of calls that somebody else has chosen, or null; must outlive the run.  A guest makes
  // its plan itself: `plan_arguments` of the command line tell it how, and the plan here is null.
  const CallPlan* plan = nullptr;
  std::vector<std::string> plan_arguments;

  // The part of everything that is run: of scenarios, random sequences, states of the plan and
  // what the errno oracle tries, numbers `slice`, `slice` + `slices` and so on.  All slices
  // together run exactly what one run does.
  int64_t slice = 0, slices = 1;

  // A call that has not come back after so long never does.
  int hang_seconds = 30;

  int errors = -1;  // combinations of up to so many errors at once (ErrnoOracle); -1: none
};

struct OpCount {
  int64_t calls = 0;
  int64_t succeeded = 0;

  friend bool operator==(const OpCount&, const OpCount&) = default;
};
inline constexpr int kNumOps = static_cast<int>(Op::kExtension) + 1;

// Calls that the kernel does not come back from, after which a run goes no further: each has cost
// ConformRequest::hang_seconds.
inline constexpr int kMaxHangs = 3;

// One difference between model and kernel.
struct Divergence {
  std::string origin;    // "random sequence 17 of seed 1", "scenario x (file:line)"
  std::string summary;   // the call, what the kernel gave, what the model, and why
  std::string scenario;  // text that runs: the shortest sequence found, in which
                         // the call that differs expects what the kernel gave, or,
                         // if the kernel did not come back, what the model gives
  std::string kind;      // equal for differences that are probably the same
  int calls = 0;         // of the scenario
  int calls_before = 0;  // of the sequence before it was shrunk

  friend bool operator==(const Divergence&, const Divergence&) = default;
};

struct ConformReport {
  std::string release;           // uname -r of the kernel that ran
  std::string semantics;         // its name
  std::string semantics_digest;  // SemanticsDigest
  int64_t scenarios = 0;         // scenarios run
  int64_t sequences = 0;         // random sequences run
  std::set<uint64_t> pairs;      // of rules that decided consecutive calls of random sequences
                                 // (scenarios/rule_pairs.h); known at the end of a run
  int64_t calls = 0;             // calls executed and compared
  int64_t succeeded = 0;         // of these, calls that gave a value
  int64_t state_facts = 0;       // facts of the state compared besides results
  // Of a plan:
  int64_t states = 0;                     // states whose calls have been tried
  int64_t tried = 0;                      // calls that were to be tried in them
  int64_t confirmed = 0;                  // of these, those that did there what the model does
  std::map<std::string, int64_t> beyond;  // calls not made, by reason
  // Of the errno oracle: how often each outcome was confirmed, by call.
  std::map<std::string, std::map<std::string, int64_t>> outcomes;
  int64_t differing = 0;  // scenarios and sequences that differ, also unlisted ones
  int64_t hangs = 0;      // of these, those in which the kernel did not come back from a call
  std::array<OpCount, kNumOps> by_op{};
  // By rule of the semantics: the calls that it decided, or acted on last, where the
  // kernel agreed.  Rules that decided none are here too, with 0.
  std::map<std::string, int64_t> by_rule;
  std::vector<Divergence> divergences;   // one of each kind
  std::vector<std::string> wrong_texts;  // lines of scenarios that expect of this kernel what
                                         // neither it nor the model gives
  std::vector<std::string> not_run;      // scenarios, and lines of others, not run, and why
  double seconds = 0;                    // of comparing, without boots
  bool complete = false;                 // all that was asked for has run

  bool stopped_by_hangs() const { return !complete && hangs >= kMaxHangs; }
  bool broken() const { return differing > 0 || !wrong_texts.empty(); }
  friend bool operator==(const ConformReport&, const ConformReport&) = default;
};

struct ConformHooks {
  const std::atomic<bool>* interrupted = nullptr;         // polled; may be null
  std::function<void(const ConformReport&)> on_progress;  // may be null
};

// Runs what is asked for.  If interrupted, or after kMaxHangs, returns what is known so far with
// `complete` false.  `*partial`, if not null, receives what was known when an
// error ended it.  Errors: InvalidArgumentError and NotFoundError for bad input
// (a scenario that does not parse, no such semantics or kernel), else the kernel
// or the harness could not run (kCouldNotRun): never an agreement.
absl::StatusOr<ConformReport> Conform(const Library& library, const ConformRequest& request,
                                      const ConformHooks& hooks, ConformReport* partial = nullptr);

// Adds what `part` found to `whole`, each kind of divergence once.
void Merge(const ConformReport& part, ConformReport* whole);

// As one line of JSON, and back.  InvalidArgumentError for other text.
std::string ReportToJson(const ConformReport& report);
absl::StatusOr<ConformReport> ReportFromJson(std::string_view text);

// ---- Its parts, by file ----

// conform_native.cc: on the kernel that runs this program.
absl::StatusOr<ConformReport> ConformNative(const Library& library, const ConformRequest& request,
                                            const ConformHooks& hooks, ConformReport* partial);
// conform_guest.cc: in guests, each of which runs ConformNative.
absl::StatusOr<ConformReport> ConformInGuests(const Library& library, const ConformRequest& request,
                                              const ConformHooks& hooks, ConformReport* partial);

}  // namespace selkie

#endif  // SELKIE_KERNEL_CONFORM_H_
