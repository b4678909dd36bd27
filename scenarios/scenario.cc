#include "scenarios/scenario.h"

#include <map>
#include <set>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/step.h"
#include "scenarios/library.h"
#include "scenarios/scenario_text.h"

namespace selkie {
namespace {

bool InRange(const Selector& range, const std::vector<int>& version) {
  const auto first = KernelVersion(range.first), last = KernelVersion(range.last);
  return (!first || *first <= version) && (!last || version <= LastRelease(*last));
}

bool NamedBy(const std::vector<Selector>& selectors, std::string_view name, bool is_kernel) {
  const std::optional<std::vector<int>> version = KernelVersion(name);
  for (const Selector& selector : selectors) {
    if (!selector.range && selector.first == name) return true;
    if (!selector.range && selector.first == kAllKernels && is_kernel) return true;
    if (selector.range && version && InRange(selector, LastRelease(*version))) return true;
  }
  return false;
}

// A name of the lineage that is the semantics' own, and it is a kernel's.
bool IsKernel(std::string_view name, const Semantics& semantics) {
  return semantics.is_kernel && name == semantics.name;
}

// The semantics itself, then what it inherits from.
std::vector<std::string_view> Lineage(const Semantics& semantics) {
  std::vector<std::string_view> names = {semantics.name};
  if (!semantics.is_kernel)
    names.insert(names.end(), semantics.bases.begin(), semantics.bases.end());
  return names;
}

// One run: the state of the model and what the names stand for so far.
class Runner {
 public:
  Runner(const Scenario& scenario, const Semantics& semantics)
      : scenario_(scenario),
        semantics_(semantics),
        state_(InitialState(scenario.limits, scenario.uids)) {
    run_.scenario = &scenario;
    run_.trace.semantics = semantics.name;
    run_.trace.sequence.limits = scenario.limits;
    run_.trace.sequence.uids = scenario.uids;
  }

  absl::StatusOr<ScenarioRun> Run() {
    for (const ScenarioLine& line : scenario_.lines) {
      LineOutcome outcome;
      outcome.line = &line;
      if (absl::Status s = RunLine(line, &outcome); !s.ok()) return s;
      run_.passed = run_.passed && outcome.kind != LineOutcome::Kind::kFailed;
      run_.lines.push_back(std::move(outcome));
    }
    return std::move(run_);
  }

 private:
  struct Named {
    NameKind kind;
    std::optional<int64_t> value;  // none: the call that was to make it failed
  };

  absl::Status Error(const ScenarioLine& line, int column, std::string_view message) const {
    return ErrorAt(scenario_.file, line.line, column,
                   fmt::format("under {}: {}", semantics_.name, message));
  }

  // Values of names; the first that has none goes to missing_.
  std::optional<int64_t> Resolve(NameKind kind, std::string_view name) {
    auto known = names_.find(std::string(name));
    if (known == names_.end() || known->second.kind != kind) {
      std::optional<int> letter = kind == NameKind::kTask ? TaskByLetter(name) : std::nullopt;
      return letter ? std::optional<int64_t>(*letter) : std::nullopt;
    }
    if (!known->second.value && missing_.empty()) missing_ = name;
    return known->second.value.value_or(0);
  }

  NameResolver Resolver() {
    return [this](NameKind kind, std::string_view name) { return Resolve(kind, name); };
  }

  void Bind(const ScenarioLine& line, Op op, const Result* result) {
    const Nameable results = NameableResults(op);
    for (size_t i = 0; i < line.names.size(); ++i) {
      std::optional<int64_t> value;
      if (result != nullptr && result->ok()) value = i == 0 ? result->value : result->extra;
      names_[line.names[i]] = {results.kind, value};
    }
  }

  void Skip(const ScenarioLine& line, Op op, LineOutcome* outcome) {
    Bind(line, op, nullptr);
    outcome->kind = LineOutcome::Kind::kSkipped;
    outcome->got = fmt::format("not made: '{}' has no value, its call failed", missing_);
  }

  // The result that the line expects here; own names of a call that failed
  // stand for "any success".
  absl::Status ReadExpectation(const ScenarioLine& line, Op op, LineOutcome* outcome) {
    const Expectation* expected = ExpectationFor(line, semantics_);
    outcome->any_success = expected == nullptr;
    outcome->expected = expected == nullptr ? "success" : expected->text;
    if (expected != nullptr && expected->Asks()) outcome->kind = LineOutcome::Kind::kAnswered;
    if (expected == nullptr || expected->Asks()) return absl::OkStatus();
    outcome->want = ParseResult(expected->text, op, &semantics_, Resolver());
    if (!outcome->want.error) return absl::OkStatus();
    return Error(line, expected->column + outcome->want.error->column,
                 outcome->want.error->message);
  }

  absl::Status RunLine(const ScenarioLine& line, LineOutcome* outcome) {
    missing_.clear();
    const std::optional<int64_t> task = Resolve(NameKind::kTask, line.task);
    ParsedCall parsed = ParseCall(line.call, &semantics_, Resolver());
    if (parsed.error) return Error(line, line.column + parsed.error->column, parsed.error->message);
    if (!missing_.empty()) {
      Skip(line, parsed.call.op, outcome);
      return absl::OkStatus();
    }
    parsed.call.task = static_cast<uint8_t>(task.value_or(0));
    const Result result = Step(state_, parsed.call, semantics_);
    Bind(line, parsed.call.op, &result);
    if (absl::Status s = ReadExpectation(line, parsed.call.op, outcome); !s.ok()) return s;

    outcome->call = static_cast<int>(run_.trace.results.size());
    outcome->got = PrintResult(parsed.call, result, &semantics_, nullptr);
    if (!Meets(*outcome, result)) outcome->kind = LineOutcome::Kind::kFailed;
    run_.trace.sequence.calls.push_back(parsed.call);
    run_.trace.results.push_back(result);
    return absl::OkStatus();
  }

  const Scenario& scenario_;
  const Semantics& semantics_;
  State state_;
  std::map<std::string, Named> names_;
  std::string missing_;  // the first name without a value in the line being read
  ScenarioRun run_;
};

}  // namespace

absl::StatusOr<std::vector<Scenario>> ParseScenarios(std::string_view file, std::string_view text) {
  ErrorsByLine errors;
  std::vector<Scenario> scenarios = ReadScenarioText(file, text, &errors);
  const ErrorsByLine unread = errors;
  std::set<std::string> names;
  for (size_t i = 0; i < scenarios.size(); ++i) {
    const Scenario& scenario = scenarios[i];
    if (!names.insert(scenario.name).second)
      errors.emplace(scenario.line,
                     ErrorAt(file, scenario.line, 1,
                             fmt::format("scenario '{}' stands in this file already, expected "
                                         "another name",
                                         scenario.name))
                         .message());
    // What a line that could not be read would have named is not known.
    const bool last = i + 1 == scenarios.size();
    const auto end = last ? unread.end() : unread.lower_bound(scenarios[i + 1].line);
    if (unread.lower_bound(scenario.line) == end) CheckScenario(scenario, &errors);
  }
  if (scenarios.empty() && errors.empty())
    return ErrorAt(file, 1, 1, "the file has no scenario, expected 'scenario NAME'");
  if (errors.empty()) return scenarios;
  return absl::InvalidArgumentError(TextOf(errors));
}

bool Selects(const std::vector<Selector>& selectors, const Semantics& semantics) {
  for (std::string_view name : Lineage(semantics))
    if (NamedBy(selectors, name, IsKernel(name, semantics))) return true;
  return false;
}

bool AppliesTo(const Scenario& scenario, const Semantics& semantics) {
  if (!scenario.only.empty() && !Selects(scenario.only, semantics)) return false;
  return !Selects(scenario.excluded, semantics);
}

const Expectation* ExpectationFor(const ScenarioLine& line, const Semantics& semantics) {
  for (std::string_view name : Lineage(semantics))
    for (const Expectation& expected : line.expected)
      if (NamedBy(expected.selectors, name, IsKernel(name, semantics))) return &expected;
  for (const Expectation& expected : line.expected)
    if (expected.selectors.empty()) return &expected;
  return nullptr;
}

absl::StatusOr<ScenarioRun> RunScenario(const Scenario& scenario, const Semantics& semantics) {
  return Runner(scenario, semantics).Run();
}

bool Meets(const LineOutcome& line, const Result& got) {
  if (line.kind == LineOutcome::Kind::kAnswered) return true;
  if (line.any_success) return got.ok();
  const Result& want = line.want.result;
  if (got.kind != want.kind || got.value != want.value) return false;
  if (line.want.extra_given && got.extra != want.extra) return false;
  if (!line.want.data_given) return true;
  return got.num_data == want.num_data && got.data == want.data;
}

std::string DecidedBy(const Result& result) {
  if (result.rule != nullptr)
    return fmt::format("rule {} ({}:{})", result.rule->name, result.rule->file, result.rule->line);
  return result.check != nullptr ? result.check : "";
}

absl::StatusOr<std::vector<std::string>> ScenarioFilesUnder(const std::string& path) {
  absl::StatusOr<std::vector<std::string>> files = FilesUnder(path, ".scn");
  if (files.ok() && files->empty())
    return absl::InvalidArgumentError(fmt::format("{}: no .scn file is in this folder", path));
  return files;
}

absl::StatusOr<std::vector<Scenario>> ScenariosUnder(const std::string& path) {
  absl::StatusOr<std::vector<std::string>> files = ScenarioFilesUnder(path);
  if (!files.ok()) return files.status();
  std::vector<Scenario> scenarios;
  for (const std::string& file : *files) {
    absl::StatusOr<std::string> text = ReadTextFile(file);
    if (!text.ok()) return text.status();
    absl::StatusOr<std::vector<Scenario>> parsed = ParseScenarios(file, *text);
    if (!parsed.ok()) return parsed.status();
    for (Scenario& scenario : *parsed) scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

}  // namespace selkie
