#include "scenarios/print.h"

#include <algorithm>
#include <cctype>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "scenarios/scenario.h"
#include "scenarios/scenario_text.h"

namespace selkie {
namespace {

// The name of a scenario is a word.
std::string AsName(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    name += fits || (c == '.' && !name.ends_with('.')) ? c : '-';
  }
  while (name.ends_with('.')) name.pop_back();
  return name.empty() ? "trace" : name;
}

// A doc string is one line without quotes.
std::string AsDoc(std::string_view text) {
  std::string doc;
  for (const char c : text) doc += c == '"' ? '\'' : (c == '\n' || c == '\r' ? ' ' : c);
  return doc;
}

std::string LimitsText(const Limits& limits) {
  const Limits usual;
  std::string out;
  auto add = [&out](std::string_view name, int value, int usually) {
    if (value != usually) out += fmt::format(" {}={}", name, value);
  };
  add("tasks", limits.tasks, usual.tasks);
  add("fds", limits.fds, usual.fds);
  add("files", limits.files, usual.files);
  add("inodes", limits.inodes, usual.inodes);
  add("maps", limits.maps, usual.maps);
  add("pages", limits.pages, usual.pages);
  add("arena", limits.arena, usual.arena);
  add("messages", limits.messages, usual.messages);
  add("buffers", limits.buffers, usual.buffers);
  add("huge", limits.huge, usual.huge);
  return out.empty() ? "" : fmt::format("limits{}\n", out);
}

std::string OnlyText(const Trace& trace, const PrintOptions& options) {
  if (!options.only.empty()) return options.only;
  // A path is no name.
  if (trace.semantics.empty() || AsName(trace.semantics) != trace.semantics) return "";
  std::string only = trace.semantics;
  for (const Trace* other : options.others) only += fmt::format(", {}", other->semantics);
  return only;
}

std::string Heading(const Trace& trace, const PrintOptions& options) {
  std::string out = fmt::format("scenario {}\n", AsName(options.name));
  if (!options.doc.empty()) out += fmt::format("  \"{}\"\n", AsDoc(options.doc));
  if (const std::string only = OnlyText(trace, options); !only.empty())
    out += fmt::format("only {}\n", only);
  out += LimitsText(trace.sequence.limits);
  const std::vector<int>& uids = trace.sequence.uids;
  for (size_t i = 0; i < uids.size(); ++i) {
    if (i == 0 && uids[i] == 0) continue;
    out += fmt::format("task {}", TaskLetter(static_cast<int64_t>(i)));
    out += uids[i] == 0 ? "\n" : fmt::format(" as uid {}\n", uids[i]);
  }
  return out;
}

// One call as it will stand in the text.
struct PrintedLine {
  std::string call, result, decided;
};

std::string ResultText(const Call& call, const Result& result, const Semantics* semantics) {
  // Results are exact: a descriptor's number, not its name.
  const Namer tasks = [](NameKind kind, int64_t value, int) {
    return kind == NameKind::kTask ? TaskLetter(value) : "";
  };
  return PrintResult(call, result, semantics, tasks);
}

// The results of other semantics that differ from that of the line, each once.
void AddAlternatives(const Call& call, const Result& result, size_t index,
                     const Semantics* semantics, const PrintOptions& options, PrintedLine* line) {
  std::vector<std::pair<std::string, std::string>> alternatives;  // result, names
  for (const Trace* other : options.others) {
    const Result& theirs = other->results[index];
    if (SameOutcome(result, theirs)) continue;
    const std::string text = ResultText(call, theirs, semantics);
    const auto known = std::find_if(alternatives.begin(), alternatives.end(),
                                    [&](const auto& each) { return each.first == text; });
    if (known != alternatives.end())
      known->second += fmt::format(", {}", other->semantics);
    else
      alternatives.emplace_back(text, other->semantics);
    if (const std::string decided = DecidedBy(theirs);
        !decided.empty() && known == alternatives.end())
      line->decided +=
          fmt::format("{}{}: {}", line->decided.empty() ? "" : " | ", other->semantics, decided);
  }
  for (const auto& [text, names] : alternatives)
    line->result += fmt::format(" | {}: {}", names, text);
}

// `naming` is a result that gives names: this one, or another semantics'.
PrintedLine PrintOne(const Call& call, const Result& result, const Result& naming,
                     const Semantics* semantics, const TraceNames& names) {
  const Namer namer = [&names](NameKind kind, int64_t value, int task) {
    return names.NameOf(kind, value, task);
  };
  PrintedLine line;
  line.call = fmt::format("{}: ", TaskLetter(call.task));
  if (const std::vector<std::string> made = names.ResultNames(call, naming); !made.empty())
    line.call += fmt::format("{} = ", fmt::join(made, ", "));
  line.call += PrintCall(call, semantics, namer);
  line.result = ResultText(call, result, semantics);
  line.decided = DecidedBy(result);
  return line;
}

// The first success among the traces: what the names of results stand for.
const Result& NamingResult(const Result& result, size_t index, const PrintOptions& options) {
  for (const Trace* other : options.others)
    if (!result.ok() && other->results[index].ok()) return other->results[index];
  return result;
}

std::string Lines(const std::vector<PrintedLine>& lines, bool rules) {
  size_t width = 0;
  for (const PrintedLine& line : lines)
    width = std::max(width, std::min<size_t>(line.call.size(), 72));
  std::string out;
  for (const PrintedLine& line : lines) {
    if (line.result.empty()) {
      out += fmt::format("# {}\n", line.call);
      continue;
    }
    out += fmt::format("{:<{}} = {}", line.call, width, line.result);
    if (rules && !line.decided.empty()) out += fmt::format("   # {}", line.decided);
    out += '\n';
  }
  return out;
}

}  // namespace

std::string TaskLetter(int64_t task) {
  if (task < 0 || task >= kMaxTasks) return "";
  return std::string(1, static_cast<char>('A' + task));
}

std::string PrintScenario(const Trace& trace, const Semantics* semantics,
                          const PrintOptions& options) {
  TraceNames names;
  std::vector<PrintedLine> lines;
  for (size_t i = 0; i < trace.sequence.calls.size() && i < trace.results.size(); ++i) {
    const Call& call = trace.sequence.calls[i];
    const Result& result = trace.results[i];
    const Result& naming = NamingResult(result, i, options);
    PrintedLine line = PrintOne(call, result, naming, semantics, names);
    AddAlternatives(call, result, i, semantics, options, &line);
    if (result.kind == Result::Kind::kBound || TaskLetter(call.task).empty()) {
      line.call += fmt::format(" was not made: {}", line.decided);
      line.result.clear();
    }
    lines.push_back(std::move(line));
    names.Learn(call, naming);
  }
  return Heading(trace, options) + Lines(lines, options.rules);
}

std::string TraceNames::NameOf(NameKind kind, int64_t value, int task) const {
  if (kind == NameKind::kTask) return TaskLetter(value);
  if (task < 0 || task >= kMaxTasks) return "";
  const Known* best = nullptr;
  for (const Known& known : known_[task]) {
    if (known.kind != kind) continue;
    const int64_t reach = kind == NameKind::kAddress ? kMaxPages * kPageSize : 1;
    if (value < known.value || value >= known.value + reach) continue;
    if (best == nullptr || known.value >= best->value) best = &known;
  }
  if (best == nullptr) return "";
  if (best->value == value) return best->name;
  return fmt::format("{}+{}", best->name, value - best->value);
}

std::vector<std::string> TraceNames::ResultNames(const Call& call, const Result& result) const {
  const Nameable results = NameableResults(call.op);
  if (!result.ok() || results.count == 0) return {};
  if (results.kind == NameKind::kTask) return {TaskLetter(result.value)};
  // A declared call may give nothing to name: descriptors begin at kFirstFd.
  if (results.kind == NameKind::kFd && result.value < kFirstFd) return {};
  const bool address = results.kind == NameKind::kAddress;
  std::vector<std::string> names;
  for (int i = 0; i < results.count; ++i) {
    const int number = made_[address] + i + 1;
    const std::string_view base = address ? "map" : "fd";
    names.push_back(number == 1 ? std::string(base) : fmt::format("{}{}", base, number));
  }
  return names;
}

void TraceNames::Learn(const Call& call, const Result& result) {
  const std::vector<std::string> names = ResultNames(call, result);
  if (names.empty() || call.task >= kMaxTasks) return;
  const NameKind kind = NameableResults(call.op).kind;
  if (kind == NameKind::kTask) {  // a child knows what its parent knew
    if (result.value >= 0 && result.value < kMaxTasks) known_[result.value] = known_[call.task];
    return;
  }
  made_[kind == NameKind::kAddress] += static_cast<int>(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const int64_t value = i == 0 ? result.value : result.extra;
    std::erase_if(known_[call.task],
                  [&](const Known& k) { return k.kind == kind && k.value == value; });
    known_[call.task].push_back({kind, value, names[i]});
  }
}

}  // namespace selkie
