#include "kernel/observe.h"

#include <sys/utsname.h>

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "kernel/executor.h"
#include "kernel/image.h"
#include "kernel/lockstep_worker.h"
#include "kernel/qemu.h"

namespace selkie {
namespace {

std::string NotRunText(const Call& call, const Result& expected, NotRunReason reason) {
  if (call.op == Op::kExtension) return std::string(TextOf(NotRunReason::kNoKernelCall));
  if (reason == NotRunReason::kModel && expected.check != nullptr) return expected.check;
  return std::string(TextOf(reason));
}

ObservedTrace Collect(const Control& control) {
  ObservedTrace trace;
  for (int i = 0; i < control.count; ++i) {
    ObservedCall seen;
    const Result& got = control.got[i];
    if (got.kind != Result::Kind::kBound)
      seen.result = got;
    else
      seen.not_run =
          NotRunText(control.calls[i], control.expected[i], static_cast<NotRunReason>(got.value));
    trace.calls.push_back(seen);
  }
  return trace;
}

ObservedTrace NoneRun(const Sequence& sequence, const std::string& why) {
  ObservedTrace trace;
  trace.calls.assign(sequence.calls.size(), ObservedCall{std::nullopt, why});
  return trace;
}

// In the worker: all sequences, one message in the end.
absl::Status ObserveAll(Lockstep& lockstep, WorkerLink& link, const Semantics& semantics,
                        const std::vector<Sequence>& sequences) {
  Observation observation{RunningRelease(), semantics.name, {}};
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (link.ShouldStop()) return absl::CancelledError("interrupted");
    link.Beat(static_cast<int64_t>(i));
    if (std::string why = lockstep.WhyNot(sequences[i]); !why.empty()) {
      observation.traces.push_back(NoneRun(sequences[i], why));
      continue;
    }
    lockstep.Load(sequences[i], semantics);
    absl::Status status = lockstep.Run({.stop_at_difference = false});
    if (!status.ok()) return status;
    observation.traces.push_back(Collect(lockstep.control()));
  }
  link.Send(ObservationToJson(observation));
  return absl::OkStatus();
}

absl::StatusOr<Observation> ObserveNative(const Library& library,
                                          const std::vector<Sequence>& sequences,
                                          const std::atomic<bool>* interrupted) {
  absl::StatusOr<std::string> name = SemanticsForRelease(library, RunningRelease());
  if (!name.ok()) return name.status();
  absl::StatusOr<Semantics> semantics = library.LoadSemantics(*name);
  if (!semantics.ok()) return semantics.status();
  absl::StatusOr<Observation> observation = absl::InternalError("a worker sent nothing");
  WorkerPlan plan;
  plan.interrupted = interrupted;
  plan.body = [&](Lockstep& lockstep, WorkerLink& link) {
    return ObserveAll(lockstep, link, *semantics, sequences);
  };
  plan.on_message = [&](int, std::string_view text) { observation = ObservationFromJson(text); };
  if (absl::Status status = RunWorkers(plan); !status.ok()) return status;
  return observation;
}

constexpr char kSequencesFile[] = "/observe.json";

absl::StatusOr<Observation> ObserveInGuest(const Library& library, std::string_view kernel,
                                           const std::vector<Sequence>& sequences,
                                           const std::atomic<bool>* interrupted,
                                           const std::vector<KernelModule>& modules) {
  absl::StatusOr<KernelImage> image =
      FindKernel(kernel, [](std::string_view text) { fmt::print(stderr, "selkie: {}\n", text); });
  if (!image.ok()) return image.status();
  GuestRequest request;
  request.kernel = image->path;
  request.argv = {"guest-observe", kSequencesFile};
  request.tree_root = library.root();
  request.files[kSequencesFile] = SequencesToJson(sequences);
  request.interrupted = interrupted;
  request.modules = modules;
  absl::StatusOr<GuestOutcome> outcome = RunInGuest(request);
  if (!outcome.ok()) return outcome.status();
  if (outcome->interrupted) return absl::CancelledError("interrupted");
  if (outcome->exit_code != 0)
    return absl::InternalError(fmt::format("in a guest with kernel {}: exit code {}: {}", kernel,
                                           outcome->exit_code, outcome->stderr_text));
  return ObservationFromJson(outcome->stdout_text);
}

}  // namespace

absl::StatusOr<Observation> Observe(const Library& library, std::string_view kernel,
                                    const std::vector<Sequence>& sequences,
                                    const std::atomic<bool>* interrupted,
                                    const std::vector<KernelModule>& modules) {
  if (kernel == "native") return ObserveNative(library, sequences, interrupted);
  return ObserveInGuest(library, kernel, sequences, interrupted, modules);
}

std::string RunningRelease() {
  utsname name;
  return uname(&name) == 0 ? name.release : "";
}

}  // namespace selkie
