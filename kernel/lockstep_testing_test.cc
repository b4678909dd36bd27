#include "kernel/lockstep_testing.h"

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "kernel/conform_divergence.h"
#include "kernel/lockstep_probe.h"
#include "kernel/observe.h"
#include "model/call_text.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

std::optional<int64_t> TaskByLetter(NameKind kind, std::string_view name) {
  if (kind != NameKind::kTask || name.size() != 1 || name[0] < 'A' || name[0] > 'D')
    return std::nullopt;
  return name[0] - 'A';
}

Call ParseLine(std::string_view line) {
  const bool named = line.size() > 3 && line[1] == ':';
  ParsedCall parsed = ParseCall(named ? line.substr(3) : line, nullptr, TaskByLetter);
  if (parsed.error.has_value()) ADD_FAILURE() << line << ": " << parsed.error->message;
  parsed.call.task = static_cast<uint8_t>(named ? line[0] - 'A' : 0);
  return parsed.call;
}

}  // namespace

Semantics NativeSemantics() {
  const Library library = Library::Default();
  absl::StatusOr<std::string> name = SemanticsForRelease(library, RunningRelease());
  if (!name.ok()) ADD_FAILURE() << name.status().ToString();
  absl::StatusOr<Semantics> semantics = library.LoadSemantics(name.ok() ? *name : "");
  if (semantics.ok()) return *semantics;
  ADD_FAILURE() << semantics.status().ToString();
  return {};
}

std::string InWorker(const std::function<std::string(Lockstep&)>& body, int silence_seconds) {
  std::string text;
  WorkerPlan plan;
  plan.silence_seconds = silence_seconds;
  plan.body = [&](Lockstep& lockstep, WorkerLink& link) {
    link.Send(body(lockstep));
    return absl::OkStatus();
  };
  plan.on_message = [&](int, std::string_view message) { text = message; };
  const absl::Status status = RunWorkers(plan);
  if (status.ok()) return text;
  return fmt::format("error: {}", std::string(status.message()));
}

Sequence Calls(const std::vector<std::string>& lines, const std::vector<int>& uids) {
  Sequence sequence;
  sequence.uids = uids;
  for (const std::string& line : lines) sequence.calls.push_back(ParseLine(line));
  return sequence;
}

std::string Agreement(const Sequence& sequence) {
  const Semantics semantics = NativeSemantics();
  return InWorker([&](Lockstep& lockstep) {
    lockstep.Load(sequence, semantics);
    const absl::Status status = lockstep.Run({.probe_each = true});
    const Control& c = lockstep.control();
    if (!status.ok()) return std::string(status.message());
    if (!c.differs) return fmt::format("agrees on {} of {} calls", c.executed, c.count);
    return fmt::format("call {}: {} {} model {} kernel {}", c.next, KindOfDifference(c),
                       ToString(c.difference), c.expected[c.next - 1].value,
                       c.got[c.next - 1].value);
  });
}

}  // namespace selkie
