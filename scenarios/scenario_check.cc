// What can be known of a scenario before it runs.
#include <map>

#include "fmt/format.h"
#include "scenarios/library.h"
#include "scenarios/scenario_text.h"

namespace selkie {
namespace {

class Checker {
 public:
  explicit Checker(const Scenario& scenario)
      : scenario_(scenario), tasks_(static_cast<int>(scenario.uids.size())) {}

  void Check(ErrorsByLine* errors) {
    Note(CheckSelectors(scenario_.only), errors);
    Note(CheckSelectors(scenario_.excluded), errors);
    if (scenario_.lines.empty())
      Note(ErrorAt(scenario_.file, scenario_.line, 1,
                   fmt::format("scenario '{}' has no call, expected at least one", scenario_.name)),
           errors);
    for (const ScenarioLine& line : scenario_.lines)
      if (!Note(CheckLine(line), errors) && (!line.names.empty() || MayMakeTask(line))) return;
  }

 private:
  static bool MayMakeTask(const ScenarioLine& line) {
    return line.call.starts_with("fork") || line.call.starts_with("clone");
  }

  bool Note(const absl::Status& status, ErrorsByLine* errors) const {
    if (!status.ok()) errors->emplace(scenario_.line, status.message());
    return status.ok();
  }

  absl::Status Error(const ScenarioLine& line, int column, std::string_view message) const {
    return ErrorAt(scenario_.file, line.line, column, message);
  }

  absl::Status CheckSelectors(const std::vector<Selector>& selectors) const {
    for (const Selector& selector : selectors) {
      if (!selector.range) continue;
      for (const std::string& end : {selector.first, selector.last})
        if (!end.empty() && !KernelVersion(end))
          return ErrorAt(scenario_.file, selector.line, selector.column,
                         fmt::format("'{}' is no end of a range, expected a kernel such as "
                                     "linux-6.1",
                                     end));
      const auto first = KernelVersion(selector.first), last = KernelVersion(selector.last);
      if (first && last && LastRelease(*first) > LastRelease(*last))
        return ErrorAt(scenario_.file, selector.line, selector.column,
                       fmt::format("'{}..{}' is no range, expected the older kernel first",
                                   selector.first, selector.last));
    }
    return absl::OkStatus();
  }

  absl::Status CheckTask(const ScenarioLine& line) const {
    auto known = names_.find(line.task);
    if (known != names_.end() && known->second == NameKind::kTask) return absl::OkStatus();
    std::optional<int> letter = TaskByLetter(line.task);
    if (letter && *letter < tasks_) return absl::OkStatus();
    return Error(line, line.task_column,
                 fmt::format("'{}' is no task, expected A, one that 'task' declares or one that an "
                             "earlier fork or clone made",
                             line.task));
  }

  std::optional<int64_t> Resolve(NameKind kind, std::string_view name) const {
    auto known = names_.find(std::string(name));
    if (known != names_.end() && known->second == kind) return 0;
    if (kind == NameKind::kTask && TaskByLetter(name)) return *TaskByLetter(name);
    return std::nullopt;
  }

  absl::Status CheckNames(const ScenarioLine& line, const Nameable& results) {
    const int given = static_cast<int>(line.names.size());
    if (given != 0 && results.count == 0)
      return Error(line, line.task_column,
                   fmt::format("'{}' names a result, but this call gives nothing that has a name, "
                               "expected the call alone",
                               line.names[0]));
    if (given != 0 && given != results.count)
      return Error(line, line.task_column,
                   fmt::format("'{}' names {} of what this call gives, expected {}", line.names[0],
                               given, results.count));
    for (const std::string& name : line.names) {
      if (name == "NULL" || name == "self" ||
          (results.kind != NameKind::kTask && TaskByLetter(name)))
        return Error(line, line.task_column,
                     fmt::format("'{}' has a meaning of its own, expected another name", name));
      auto [known, fresh] = names_.emplace(name, results.kind);
      if (!fresh && known->second != results.kind)
        return Error(
            line, line.task_column,
            fmt::format("'{}' was the name of something else before, expected a new name", name));
    }
    return absl::OkStatus();
  }

  absl::Status CheckResults(const ScenarioLine& line, Op op) const {
    if (line.expected.empty() && line.names.empty())
      return Error(line, line.column + static_cast<int>(line.call.size()),
                   "the line ends here, expected '= RESULT', or '= ?' to be told it");
    const NameResolver resolve = [this](NameKind kind, std::string_view name) {
      return Resolve(kind, name);
    };
    for (const Expectation& expected : line.expected) {
      if (absl::Status s = CheckSelectors(expected.selectors); !s.ok()) return s;
      if (expected.Asks()) continue;
      ParsedResult parsed = ParseResult(expected.text, op, nullptr, resolve);
      if (parsed.error)
        return Error(line, expected.column + parsed.error->column, parsed.error->message);
    }
    return absl::OkStatus();
  }

  absl::Status CheckLine(const ScenarioLine& line) {
    if (absl::Status s = CheckTask(line); !s.ok()) return s;
    ParsedCall parsed = ParseCall(line.call, nullptr, [this](NameKind kind, std::string_view name) {
      return Resolve(kind, name);
    });
    // A call that some semantics declares can be read when it is known which.
    const bool declared = parsed.unknown_request && !scenario_.only.empty();
    if (parsed.error && !declared)
      return Error(
          line, line.column + parsed.error->column,
          fmt::format("{}{}", parsed.error->message,
                      parsed.unknown_request
                          ? " (a call that a semantics declares needs 'only' with its name)"
                          : ""));
    const Op op = declared ? Op::kExtension : parsed.call.op;
    const Nameable results = NameableResults(op);
    if (results.count > 0 && results.kind == NameKind::kTask) ++tasks_;
    if (absl::Status s = CheckNames(line, results); !s.ok()) return s;
    return CheckResults(line, op);
  }

  const Scenario& scenario_;
  std::map<std::string, NameKind> names_;
  int tasks_;  // that may exist: those declared, and one for each call that makes one
};

}  // namespace

void CheckScenario(const Scenario& scenario, ErrorsByLine* errors) {
  Checker(scenario).Check(errors);
}

Nameable NameableResults(Op op) {
  switch (SpecOf(op).returns) {
    case ReturnKind::kFd: return {1, NameKind::kFd};
    case ReturnKind::kFdPair: return {2, NameKind::kFd};
    case ReturnKind::kAddress: return {1, NameKind::kAddress};
    case ReturnKind::kTask: return {1, NameKind::kTask};
    default: return {};
  }
}

std::optional<int> TaskByLetter(std::string_view word) {
  if (word.size() != 1 || word[0] < 'A' || word[0] >= 'A' + kMaxTasks) return std::nullopt;
  return word[0] - 'A';
}

}  // namespace selkie
