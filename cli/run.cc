// selkie run: scenarios on the model, under any semantics.
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "scenarios/scenario.h"

namespace selkie {
namespace {

using Json = nlohmann::ordered_json;

struct RunArguments {
  std::vector<std::string> paths;
  std::vector<std::string> semantics;
  std::vector<std::string> names;
  bool explain = false;
  bool json = false;
};

constexpr const char* kRunExample =
    "Example:\n"
    "  selkie run scenarios/\n"
    "  selkie run scenarios/reopen --semantics fw-v3 --semantics linux-5.1 --explain\n"
    "Without --semantics every scenario runs on all semantics that it is meant for.";

// Everything that one call of the command has to do and has found.
struct Session {
  // Deques, since runs point into them.
  std::deque<Semantics> semantics;
  std::deque<Scenario> scenarios;
  std::vector<std::string> errors;
  std::vector<ScenarioRun> runs;
  std::vector<const Semantics*> on;  // of each run
  int not_meant = 0;  // pairs of scenario and semantics that 'only' or 'not' rule out
};

std::string Message(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

// One for each line of the message.
void AddError(Session& session, std::string_view message) {
  Complain(message);
  const std::vector<std::string> lines = absl::StrSplit(std::string(message), '\n');
  session.errors.insert(session.errors.end(), lines.begin(), lines.end());
}

// ---- What is to be run ----

void LoadAllSemantics(const Context& context, const RunArguments& args, Session& session) {
  std::vector<std::string> names = args.semantics;
  if (names.empty()) {
    absl::StatusOr<std::vector<std::string>> all = context.library.SemanticsNames();
    if (!all.ok()) return AddError(session, Message(all.status()));
    names = *std::move(all);
  }
  for (const std::string& name : names) {
    absl::StatusOr<Semantics> loaded = context.library.LoadSemantics(name);
    if (loaded.ok())
      session.semantics.push_back(*std::move(loaded));
    else
      AddError(session, Message(loaded.status()));
  }
}

// The names that a scenario may speak of: the tree's and those given.
std::vector<std::string> KnownNames(const Context& context, const Session& session) {
  absl::StatusOr<std::vector<std::string>> names = context.library.SemanticsNames();
  std::vector<std::string> known;
  if (names.ok()) known = *std::move(names);
  for (const Semantics& semantics : session.semantics) {
    known.push_back(semantics.name);
    known.insert(known.end(), semantics.bases.begin(), semantics.bases.end());
  }
  return known;
}

// The first selector that names nothing known, or null.  A slip there would
// silently never apply.
const Selector* Unknown(const std::vector<Selector>& selectors,
                        const std::vector<std::string>& known) {
  for (const Selector& selector : selectors)
    if (!selector.range && selector.first != kAllKernels &&
        std::find(known.begin(), known.end(), selector.first) == known.end())
      return &selector;
  return nullptr;
}

const Selector* UnknownIn(const Scenario& scenario, const std::vector<std::string>& known) {
  if (const Selector* found = Unknown(scenario.only, known)) return found;
  if (const Selector* found = Unknown(scenario.excluded, known)) return found;
  for (const ScenarioLine& line : scenario.lines)
    for (const Expectation& expected : line.expected)
      if (const Selector* found = Unknown(expected.selectors, known)) return found;
  return nullptr;
}

bool IsWanted(const RunArguments& args, const Scenario& scenario) {
  return args.names.empty() ||
         std::find(args.names.begin(), args.names.end(), scenario.name) != args.names.end();
}

void LoadFile(const std::string& file, const RunArguments& args,
              const std::vector<std::string>& known, Session& session) {
  absl::StatusOr<std::string> text = ReadTextFile(file);
  if (!text.ok()) return AddError(session, Message(text.status()));
  absl::StatusOr<std::vector<Scenario>> scenarios = ParseScenarios(file, *text);
  if (!scenarios.ok()) return AddError(session, Message(scenarios.status()));
  for (Scenario& scenario : *scenarios) {
    if (!IsWanted(args, scenario)) continue;
    if (const Selector* unknown = UnknownIn(scenario, known)) {
      AddError(session,
               fmt::format("{}:{}:{}: '{}' is no semantics that is known here, expected one "
                           "of 'selkie semantics list' or of --semantics",
                           file, unknown->line, unknown->column, unknown->first));
      continue;
    }
    session.scenarios.push_back(std::move(scenario));
  }
}

void LoadAllScenarios(const Context& context, const RunArguments& args, Session& session) {
  const std::vector<std::string> known = KnownNames(context, session);
  for (const std::string& path : args.paths) {
    absl::StatusOr<std::vector<std::string>> files = ScenarioFilesUnder(path);
    if (!files.ok())
      AddError(session, Message(files.status()));
    else
      for (const std::string& file : *files) LoadFile(file, args, known, session);
  }
  if (session.scenarios.empty() && session.errors.empty())
    AddError(session, "no scenario of these files has a name given by --scenario");
}

// Errors of one scenario under several semantics, each told once.
class ErrorsOfScenario {
 public:
  void Add(const Semantics& semantics, std::string message) {
    // RunScenario says of which semantics it speaks.
    const std::string under = fmt::format("under {}: ", semantics.name);
    const size_t at = message.find(under);
    const std::string plain = at == std::string::npos
                                  ? message
                                  : message.substr(0, at) + message.substr(at + under.size());
    const auto [place, is_new] = others_.try_emplace(plain, 0);
    if (is_new)
      messages_.emplace_back(plain, std::move(message));
    else
      ++place->second;
  }

  void TellTo(Session& session) const {
    for (const auto& [plain, message] : messages_) {
      const int others = others_.at(plain);
      AddError(session,
               others == 0 ? message : fmt::format("{} (and under {} more)", message, others));
    }
  }

 private:
  std::map<std::string, int> others_;
  std::vector<std::pair<std::string, std::string>> messages_;  // without the semantics, and with
};

void RunAll(const Context& context, Session& session) {
  ProgressLine progress(context.err_is_terminal);
  for (const Scenario& scenario : session.scenarios) {
    if (Interrupted()) return;
    progress.Update([&] { return fmt::format("{}", scenario.name); });
    ErrorsOfScenario errors;
    for (const Semantics& semantics : session.semantics) {
      if (Interrupted()) break;  // what is wrong so far is told
      if (!AppliesTo(scenario, semantics)) {
        ++session.not_meant;
        continue;
      }
      absl::StatusOr<ScenarioRun> run = RunScenario(scenario, semantics);
      if (!run.ok()) {
        progress.Clear();
        errors.Add(semantics, Message(run.status()));
        continue;
      }
      session.runs.push_back(*std::move(run));
      session.on.push_back(&semantics);
    }
    errors.TellTo(session);
  }
}

// ---- For people ----

const Result* ResultOf(const ScenarioRun& run, const LineOutcome& line) {
  return line.call < 0 ? nullptr : &run.trace.results[line.call];
}

std::string DecidedText(const ScenarioRun& run, const LineOutcome& line) {
  const Result* result = ResultOf(run, line);
  return result == nullptr ? "" : DecidedBy(*result);
}

std::string Written(const ScenarioLine& line) {
  return line.names.empty()
             ? fmt::format("{}: {}", line.task, line.call)
             : fmt::format("{}: {} = {}", line.task, fmt::join(line.names, ", "), line.call);
}

void PrintDifference(const ScenarioRun& run, const LineOutcome& line, bool colour) {
  const Scenario& scenario = *run.scenario;
  const std::string decided = DecidedText(run, line);
  fmt::print("{}:{}: {} on {}: {}\n", scenario.file, line.line->line, scenario.name,
             run.trace.semantics, Paint("differs", Colour::kRed, colour));
  fmt::print("  {}\n", Written(*line.line));
  fmt::print("    expected  {}\n", line.expected);
  fmt::print("    got       {}\n", line.got);
  fmt::print("    decided by {}\n",
             decided.empty() ? "nothing that refuses: the call did what it does" : decided);
}

// What a line that asks was answered, by answer, and under which semantics.
struct Asked {
  const ScenarioLine* line;
  std::string place;
  std::vector<std::pair<std::string, std::vector<std::string_view>>> answers;
};

Asked& AskedIn(std::vector<Asked>& asked, const ScenarioRun& run, const ScenarioLine* line) {
  for (Asked& each : asked)
    if (each.line == line) return each;
  const Scenario& scenario = *run.scenario;
  asked.push_back({line, fmt::format("{}:{}: {}", scenario.file, line->line, scenario.name), {}});
  return asked.back();
}

void AddAnswer(const ScenarioRun& run, const LineOutcome& line, Asked& asked) {
  const std::string decided = DecidedText(run, line);
  const std::string text = fmt::format(
      "{} = {}{}", Written(*line.line), line.got,
      decided.empty() || line.got.find(decided) != std::string::npos ? "" : "   # " + decided);
  for (auto& [answer, semantics] : asked.answers)
    if (answer == text) return semantics.push_back(run.trace.semantics);
  asked.answers.push_back({text, {run.trace.semantics}});
}

// In the order of the files; equal answers once.
void PrintAnswers(const Session& session) {
  std::vector<Asked> asked;
  for (const ScenarioRun& run : session.runs)
    for (const LineOutcome& line : run.lines)
      if (line.kind == LineOutcome::Kind::kAnswered)
        AddAnswer(run, line, AskedIn(asked, run, line.line));
  for (const Asked& each : asked)
    for (const auto& [answer, semantics] : each.answers)
      fmt::print("{} on {}\n  {}\n", each.place, fmt::join(semantics, ", "), answer);
}

void PrintExplained(const ScenarioRun& run, bool colour) {
  const Scenario& scenario = *run.scenario;
  fmt::print("{} on {} ({}:{})\n", Paint(scenario.name, Colour::kBold, colour), run.trace.semantics,
             scenario.file, scenario.line);
  for (const LineOutcome& line : run.lines) {
    const bool failed = line.kind == LineOutcome::Kind::kFailed;
    const std::string_view mark = failed                                      ? "!"
                                  : line.kind == LineOutcome::Kind::kSkipped  ? "-"
                                  : line.kind == LineOutcome::Kind::kAnswered ? "?"
                                                                              : " ";
    const std::string decided = DecidedText(run, line);
    fmt::print("{} {:<64} = {}{}{}\n", Paint(mark, Colour::kRed, colour && failed),
               Written(*line.line), line.got, failed ? ", expected " + line.expected : "",
               decided.empty() ? "" : Paint("   # " + decided, Colour::kDim, colour));
  }
}

int CountFailed(const Session& session) {
  int failed = 0;
  for (const ScenarioRun& run : session.runs) failed += run.passed ? 0 : 1;
  return failed;
}

void PrintForPeople(const Context& context, const RunArguments& args, const Session& session) {
  const bool colour = context.out_is_terminal;
  for (const ScenarioRun& run : session.runs) {
    if (args.explain) PrintExplained(run, colour);
    for (const LineOutcome& line : run.lines)
      if (line.kind == LineOutcome::Kind::kFailed && !args.explain)
        PrintDifference(run, line, colour);
  }
  if (!args.explain) PrintAnswers(session);
  const int failed = CountFailed(session);
  fmt::print("{} scenarios on {} semantics: {} passed, {} failed, {} not meant for the semantics\n",
             session.scenarios.size(), session.semantics.size(), session.runs.size() - failed,
             failed, session.not_meant);
}

// ---- For programs ----

std::string_view OutcomeWord(LineOutcome::Kind kind) {
  switch (kind) {
    case LineOutcome::Kind::kPassed: return "passed";
    case LineOutcome::Kind::kFailed: return "failed";
    case LineOutcome::Kind::kSkipped: return "skipped";
    case LineOutcome::Kind::kAnswered: return "answered";
  }
  return "";
}

Json LineJson(const ScenarioRun& run, const LineOutcome& line) {
  Json json = {{"line", line.line->line},          {"task", line.line->task},
               {"call", line.line->call},          {"names", line.line->names},
               {"expected", line.expected},        {"got", line.got},
               {"outcome", OutcomeWord(line.kind)}};
  const Result* result = ResultOf(run, line);
  if (result != nullptr && result->rule != nullptr)
    json["rule"] = {
        {"name", result->rule->name}, {"file", result->rule->file}, {"line", result->rule->line}};
  else if (result != nullptr && result->check != nullptr)
    json["check"] = result->check;
  return json;
}

Json SessionJson(const Session& session) {
  Json runs = Json::array();
  for (const ScenarioRun& run : session.runs) {
    Json lines = Json::array();
    for (const LineOutcome& line : run.lines) lines.push_back(LineJson(run, line));
    runs.push_back({{"file", run.scenario->file},
                    {"line", run.scenario->line},
                    {"scenario", run.scenario->name},
                    {"semantics", run.trace.semantics},
                    {"passed", run.passed},
                    {"lines", std::move(lines)}});
  }
  const int failed = CountFailed(session);
  return {{"runs", std::move(runs)},
          {"errors", session.errors},
          {"passed", static_cast<int>(session.runs.size()) - failed},
          {"failed", failed},
          {"not_meant", session.not_meant}};
}

// ---- The command ----

int ExitCodeOf(const Session& session) {
  if (!session.errors.empty()) return kBadInput;
  if (CountFailed(session) > 0) return kBroken;
  return Interrupted() ? kCouldNotRun : kHolds;
}

int Run(const Context& context, const RunArguments& args) {
  Session session;
  LoadAllSemantics(context, args, session);
  if (!session.errors.empty() && !args.semantics.empty()) return kBadInput;
  LoadAllScenarios(context, args, session);
  RunAll(context, session);
  if (session.runs.empty() && session.errors.empty() && !Interrupted())
    AddError(session, "nothing ran: no scenario is meant for the semantics given");
  if (args.json)
    fmt::print("{}\n", SessionJson(session).dump(2, ' ', false, Json::error_handler_t::replace));
  else
    PrintForPeople(context, args, session);
  return ExitCodeOf(session);
}

}  // namespace

void AddRunCommand(CLI::App& app, Context& context) {
  auto args = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "Run scenarios on the model and compare");
  command->add_option("PATH", args->paths, "Scenario files, or folders of .scn files")->required();
  command
      ->add_option("--semantics", args->semantics,
                   "A semantics by name or path; repeat for more (default: all of the tree)")
      ->allow_extra_args(false);
  command->add_option("--scenario", args->names, "Run only scenarios of this name; repeat for more")
      ->allow_extra_args(false);
  command->add_flag("--explain", args->explain,
                    "Print every line with the rule or the kernel's check that decided it");
  command->add_flag("--json", args->json, "Print all outcomes as JSON");
  command->footer(kRunExample);
  command->callback([args, &context] { context.exit_code = Run(context, *args); });
}

}  // namespace selkie
