#include "traces/strace.h"

#include <algorithm>

#include "fmt/format.h"
#include "model/call_text.h"
#include "scenarios/scenario.h"
#include "traces/variables.h"

namespace selkie {
namespace {

constexpr std::string_view kReset = "\033[0m", kDim = "\033[2m";
constexpr std::string_view kTextGreen = "\033[32m", kTextRed = "\033[31m", kTextYellow = "\033[33m";

// Beyond this width one long call does not push all results to the right.
constexpr size_t kMaxColumn = 76;

struct Line {
  std::string call;    // "A: write(3, "x", 1)"
  std::string result;  // "-1 EPERM"
  std::string reason;
  Result::Kind kind = Result::Kind::kValue;
};

std::string_view ColorOf(Result::Kind kind) {
  switch (kind) {
    case Result::Kind::kValue: return kTextGreen;
    case Result::Kind::kErrno: return kTextRed;
    case Result::Kind::kSignal: return kTextRed;
    case Result::Kind::kBound: return kTextYellow;
  }
  return "";
}

std::string Assigned(const std::vector<Variable>& variables) {
  if (variables.empty()) return "";
  if (variables.size() == 1) return variables[0].name + " = ";
  return fmt::format("[{}, {}] = ", variables[0].name, variables[1].name);
}

// Where the arena stands in what is shown: a mapping at its beginning is not to look
// like NULL.
constexpr int64_t kShownArena = 0x7f0000000000;

// Tasks by their letters, addresses as a kernel's, whatever else has no name.
std::string ShownName(NameKind kind, int64_t value, int) {
  if (kind == NameKind::kAddress && value >= 0) return fmt::format("0x{:x}", kShownArena + value);
  const bool task = kind == NameKind::kTask && value >= 0 && value < kMaxTasks;
  return task ? std::string(1, TaskLetterOf(value)) : std::string();
}

Line LineOf(const Trace& trace, size_t i, const Semantics& semantics, const Variables* names,
            bool reasons) {
  const Call& call = trace.sequence.calls[i];
  Line line;
  line.call = fmt::format(
      "{}: {}{}", TaskLetterOf(call.task), names != nullptr ? Assigned(names->ResultsOf(i)) : "",
      PrintCall(call, &semantics, names != nullptr ? names->NamerFor(i) : Namer(ShownName)));
  if (i >= trace.results.size()) return line;
  const Result& result = trace.results[i];
  line.result = PrintResult(call, result, &semantics, ShownName);
  line.kind = result.kind;
  if (reasons && result.kind != Result::Kind::kBound) line.reason = DecidedBy(result);
  return line;
}

// The widest of the lines, but not more than kMaxColumn.
template <typename Member>
size_t WidthOf(const std::vector<Line>& lines, Member member) {
  size_t width = 0;
  for (const Line& line : lines)
    width = std::max(width, std::min((line.*member).size(), kMaxColumn));
  return width;
}

std::string Printed(const Line& line, size_t call_width, size_t result_width, bool color) {
  if (line.result.empty()) return line.call;
  const std::string_view on = color ? ColorOf(line.kind) : "", off = color ? kReset : "";
  std::string out = fmt::format("{:<{}} = {}{}{}", line.call, call_width, on, line.result, off);
  if (line.reason.empty()) return out;
  const size_t pad = result_width - std::min(result_width, line.result.size());
  return out + fmt::format("{:{}}  {}# {}{}", "", pad, color ? kDim : "", line.reason, off);
}

}  // namespace

std::vector<std::string> StraceLines(const Trace& trace, const Semantics& semantics,
                                     const StraceOptions& options) {
  std::vector<State> states;
  std::optional<Variables> names;
  const bool run = trace.results.size() == trace.sequence.calls.size();
  if (options.names && run) {
    Replay(trace.sequence, semantics, &states);
    names.emplace(trace, states, semantics);
  }
  std::vector<Line> lines;
  for (size_t i = 0; i < trace.sequence.calls.size(); ++i)
    lines.push_back(LineOf(trace, i, semantics, names ? &*names : nullptr, options.reasons));
  const size_t call_width = WidthOf(lines, &Line::call);
  const size_t result_width = WidthOf(lines, &Line::result);
  std::vector<std::string> out;
  for (const Line& line : lines)
    out.push_back(Printed(line, call_width, result_width, options.color));
  return out;
}

std::string TraceToStrace(const Trace& trace, const Semantics& semantics,
                          const StraceOptions& options) {
  std::string out;
  for (const std::string& line : StraceLines(trace, semantics, options)) out += line + "\n";
  return out;
}

}  // namespace selkie
