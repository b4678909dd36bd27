#include "kernel/conform_divergence.h"

#include <vector>

#include "fmt/format.h"
#include "kernel/executor.h"
#include "kernel/lockstep_probe.h"
#include "model/call_text.h"
#include "scenarios/print.h"
#include "scenarios/scenario.h"
#include "scenarios/shrink.h"

namespace selkie {
namespace {

constexpr int kMaxTries = 4000;  // runs for real to make one sequence short

// What a run that differed left, before the control block is used again.
struct Found {
  Sequence sequence;  // up to the call that differs
  std::vector<Result> expected;
  Result got;  // of the last call
  StateDifference difference;
  std::string kind;
};

// Index of the last call that was made, or -1.
int LastMade(const Control& control) {
  int last = control.next - 1;
  while (last >= 0 && control.got[last].kind == Result::Kind::kBound &&
         !control.expected[last].ok())
    --last;
  return last;
}

Found Take(const Lockstep& lockstep) {
  const Control& c = lockstep.control();
  const int last = LastMade(c);
  Found found;
  found.sequence = lockstep.Loaded();
  found.sequence.calls.resize(static_cast<size_t>(last + 1));
  found.expected.assign(c.expected.begin(), c.expected.begin() + last + 1);
  if (last >= 0) found.got = c.got[last];
  found.difference = c.difference;
  found.kind = KindOfDifference(c);
  return found;
}

bool Differs(Lockstep& lockstep, const Semantics& semantics, const Sequence& sequence) {
  if (sequence.calls.empty() || !lockstep.WhyNot(sequence).empty()) return false;
  lockstep.Load(sequence, semantics);
  return lockstep.Run({.probe_each = true, .thorough = true}).ok() && lockstep.control().differs;
}

std::string OutcomeText(const Result& r) {
  switch (r.kind) {
    case Result::Kind::kValue: return "value";
    case Result::Kind::kErrno: return ErrnoName(r.value);
    case Result::Kind::kSignal: return SignalName(r.value);
    case Result::Kind::kBound: break;
  }
  return "not run";
}

std::string ResultText(const Call& call, const Result& result, const Semantics& semantics) {
  if (result.kind == Result::Kind::kBound)
    return fmt::format("not run: {}", TextOf(static_cast<NotRunReason>(result.value)));
  return PrintResult(call, result, &semantics, nullptr);
}

std::string ModelText(const Call& call, const Result& model, const Semantics& semantics) {
  const std::string decided = DecidedBy(model);
  return fmt::format("model {}: {}{}", semantics.name, ResultText(call, model, semantics),
                     decided.empty() ? "" : fmt::format(" by {}", decided));
}

std::string CallLine(const Call& call, const Semantics& semantics) {
  return fmt::format("{}: {}", static_cast<char>('A' + call.task),
                     PrintCall(call, &semantics, nullptr));
}

std::string Summary(const Found& found, const Semantics& semantics, std::string_view release) {
  const Call& call = found.sequence.calls.back();
  const Result& model = found.expected.back();
  if (found.difference.field != StateField::kNone)
    return fmt::format("after `{}`: {} ({})", CallLine(call, semantics), ToString(found.difference),
                       release);
  return fmt::format("`{}`: kernel {}: {}; {}", CallLine(call, semantics), release,
                     ResultText(call, found.got, semantics), ModelText(call, model, semantics));
}

// The scenario expects of its last call what the kernel gave.
std::string ScenarioText(const Found& found, const Semantics& semantics, std::string_view origin,
                         const std::string& summary) {
  Trace trace{semantics.name, found.sequence, found.expected};
  if (found.difference.field == StateField::kNone && found.got.kind != Result::Kind::kBound) {
    trace.results.back() = found.got;
    trace.results.back().rule = found.expected.back().rule;
    trace.results.back().check = found.expected.back().check;
  }
  const PrintOptions options{
      .name = "divergence", .doc = fmt::format("From {}.", origin), .rules = true};
  return fmt::format("{}# {}\n", PrintScenario(trace, &semantics, options), summary);
}

}  // namespace

std::string KindOfDifference(const Control& control) {
  const int last = LastMade(control);
  const bool state = control.difference.field != StateField::kNone;
  if (last < 0) return "state at the start";
  const std::string_view call = ShortName(control.calls[last].op);
  if (state) return fmt::format("state {} {}", static_cast<int>(control.difference.field), call);
  const Result& model = control.expected[last];
  return fmt::format("{} {} {} {}", call, OutcomeText(model), OutcomeText(control.got[last]),
                     DecidedBy(model));
}

Divergence Explain(Lockstep& lockstep, const Semantics& semantics, std::string_view origin,
                   std::string_view release) {
  Found found = Take(lockstep);
  const size_t before = found.sequence.calls.size();
  std::string note;
  if (Differs(lockstep, semantics, found.sequence)) {
    const std::string kind = KindOfDifference(lockstep.control());
    const Sequence small = Shrink(found.sequence,
                                  [&](const Sequence& s) {
                                    return Differs(lockstep, semantics, s) &&
                                           KindOfDifference(lockstep.control()) == kind;
                                  },
                                  {.max_tries = kMaxTries});
    if (Differs(lockstep, semantics, small)) found = Take(lockstep);
  } else {
    note = " (it did not differ when it ran again)";
  }
  Divergence divergence;
  divergence.origin = std::string(origin) + note;
  divergence.kind = found.kind;
  divergence.calls_before = static_cast<int>(before);
  divergence.calls = static_cast<int>(found.sequence.calls.size());
  if (found.sequence.calls.empty()) {
    divergence.summary = ToString(found.difference);
    return divergence;
  }
  divergence.summary = Summary(found, semantics, release);
  divergence.scenario = ScenarioText(found, semantics, divergence.origin, divergence.summary);
  return divergence;
}

Divergence ExplainHang(const Control& control, const Semantics& semantics, std::string_view origin,
                       std::string_view release, int seconds) {
  const auto calls = static_cast<size_t>(control.at) + 1;
  Found found;
  found.sequence.limits = control.states[0].limits;
  found.sequence.uids.clear();
  for (const Task& task : control.states[0].tasks)
    if (task.state == TaskState::kRunning) found.sequence.uids.push_back(task.uid);
  found.sequence.calls.assign(control.calls.begin(), control.calls.begin() + calls);
  found.expected.assign(control.expected.begin(), control.expected.begin() + calls);
  found.got.kind = Result::Kind::kBound;
  const Call& call = found.sequence.calls.back();
  const Result& model = found.expected.back();
  Divergence divergence;
  divergence.origin = std::string(origin);
  divergence.kind =
      fmt::format("hang {} {} {}", ShortName(call.op), OutcomeText(model), DecidedBy(model));
  divergence.calls = divergence.calls_before = static_cast<int>(calls);
  divergence.summary = fmt::format("`{}`: kernel {} did not come back from call {} within {} s; {}",
                                   CallLine(call, semantics), release, calls, seconds,
                                   ModelText(call, model, semantics));
  divergence.scenario = ScenarioText(found, semantics, origin, divergence.summary);
  return divergence;
}

}  // namespace selkie
