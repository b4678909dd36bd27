// selkie export: a scenario or a trace as C, strace-like text, JSON or a picture.
#include "traces/export.h"

#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "cli/output_path.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/call_text.h"
#include "scenarios/scenario.h"

namespace selkie {
namespace {

struct ExportArguments {
  std::string path;
  std::string as;
  std::string semantics;
  std::string name;  // of the scenario, or of the property in JSON
  std::string out;
  int step = 0;  // of a picture; 0: all
};

constexpr const char* kExportExample =
    "Example:\n"
    "  selkie export scenarios/reopen/through-proc.scn --semantics linux-5.1 --as c -o reopen.c\n"
    "  selkie check --semantics fw-v3 --property no-writable-reopen --save hole.json\n"
    "  selkie export hole.json --as svg -o hole.svg\n"
    "The C program prints KTAP and exits as a kselftest does; see docs/trace-format.md.";

// What is exported.  Not copied or moved: results point into the semantics.
struct Subject {
  Semantics semantics;
  Trace trace;
  TraceAbout about;
};

// ---- From a scenario ----

absl::StatusOr<Scenario> ChooseScenario(std::vector<Scenario> scenarios,
                                        const ExportArguments& args) {
  std::vector<std::string> names;
  for (Scenario& scenario : scenarios) {
    if (scenario.name == args.name || (args.name.empty() && scenarios.size() == 1))
      return std::move(scenario);
    names.push_back(scenario.name);
  }
  const std::string which =
      args.name.empty() ? fmt::format("{} holds several scenarios", args.path)
                        : fmt::format("{} holds no scenario named {}", args.path, args.name);
  return absl::InvalidArgumentError(
      fmt::format("{}: give --scenario with one of {}", which, fmt::join(names, ", ")));
}

absl::Status ReadScenario(const Context& context, const ExportArguments& args,
                          const std::string& text, Subject* subject) {
  absl::StatusOr<std::vector<Scenario>> scenarios = ParseScenarios(args.path, text);
  if (!scenarios.ok()) return scenarios.status();
  const absl::StatusOr<Scenario> scenario = ChooseScenario(*std::move(scenarios), args);
  if (!scenario.ok()) return scenario.status();
  if (args.semantics.empty())
    return absl::InvalidArgumentError(
        "a scenario has results under a semantics only: give --semantics, such as linux-6.1");
  absl::StatusOr<Semantics> semantics = context.library.LoadSemantics(args.semantics);
  if (!semantics.ok()) return semantics.status();
  subject->semantics = *std::move(semantics);
  absl::StatusOr<ScenarioRun> run = RunScenario(*scenario, subject->semantics);
  if (!run.ok()) return run.status();
  subject->trace = std::move(run->trace);
  subject->about.title =
      scenario->doc.empty() ? scenario->name : fmt::format("{}: {}", scenario->name, scenario->doc);
  return absl::OkStatus();
}

// ---- From JSON ----

// The model must still give what the file says, unless the trace is asked for
// under another semantics: then the file's results are another's.
absl::Status CompareResults(const StoredTrace& stored, const Subject& subject,
                            const ExportArguments& args) {
  if (subject.semantics.name != stored.trace.semantics) return absl::OkStatus();
  for (size_t i = 0; i < stored.trace.results.size(); ++i) {
    const Call& call = stored.trace.sequence.calls[i];
    if (SameOutcome(stored.trace.results[i], subject.trace.results[i])) continue;
    return absl::InvalidArgumentError(fmt::format(
        "{}: /calls/{}: {} gave {} in the file but gives {} under semantics {}: the file is of "
        "another version",
        args.path, i, PrintCall(call, &subject.semantics, nullptr),
        PrintResult(call, stored.trace.results[i], &subject.semantics, nullptr),
        PrintResult(call, subject.trace.results[i], &subject.semantics, nullptr),
        subject.semantics.name));
  }
  return absl::OkStatus();
}

// "file:line:column" of the first string in `json` that is `text`.
std::string PlaceOfText(const std::string& json, const std::string& text, const std::string& file) {
  const size_t at = std::min(json.find(fmt::format("\"{}\"", text)), json.size());
  const auto line = 1 + std::count(json.begin(), json.begin() + static_cast<ptrdiff_t>(at), '\n');
  const size_t begin = at == 0 ? 0 : json.rfind('\n', at - 1) + 1;
  return fmt::format("{}:{}:{}", file, line, at - begin + 1);
}

absl::Status ReadJson(const Context& context, const ExportArguments& args, const std::string& text,
                      Subject* subject) {
  const absl::StatusOr<std::string> made_under = SemanticsOfJson(text, args.path, args.name);
  if (!made_under.ok()) return made_under.status();
  absl::StatusOr<Semantics> semantics =
      context.library.LoadSemantics(args.semantics.empty() ? *made_under : args.semantics);
  if (!semantics.ok() && args.semantics.empty())
    return absl::InvalidArgumentError(fmt::format(
        "{}: /semantics: {}; of a file of your own give its path with --semantics",
        PlaceOfText(text, *made_under, args.path), std::string(semantics.status().message())));
  if (!semantics.ok()) return semantics.status();
  subject->semantics = *std::move(semantics);
  absl::StatusOr<StoredTrace> stored =
      TraceFromJson(text, args.path, subject->semantics, args.name);
  if (!stored.ok()) return stored.status();
  subject->trace = Replay(stored->trace.sequence, subject->semantics);
  subject->about = stored->about;
  return CompareResults(*stored, *subject, args);
}

bool IsJson(const std::string& text) {
  const size_t at = text.find_first_not_of(" \t\r\n");
  return at != text.npos && (text[at] == '{' || text[at] == '[');
}

absl::Status ReadSubject(const Context& context, const ExportArguments& args, Subject* subject) {
  absl::StatusOr<std::string> text = ReadTextFile(args.path);
  if (!text.ok()) return text.status();
  return IsJson(*text) ? ReadJson(context, args, *text, subject)
                       : ReadScenario(context, args, *text, subject);
}

// ---- As what ----

absl::StatusOr<std::string> OneStep(std::vector<std::string> steps, int step) {
  if (step < 1 || step > static_cast<int>(steps.size()))
    return absl::InvalidArgumentError(
        fmt::format("--step {}: expected 1 .. {}, the calls of the trace", step, steps.size()));
  return std::move(steps[step - 1]);
}

absl::StatusOr<std::string> Picture(const Subject& subject, const ExportArguments& args) {
  PictureOptions options;
  if (subject.about.broken())
    options.broken_step = static_cast<int>(subject.trace.results.size()) - 1;
  if (args.as == "dot") {
    std::vector<std::string> steps = TraceToDotSteps(subject.trace, subject.semantics, options);
    if (args.step != 0) return OneStep(std::move(steps), args.step);
    return fmt::format("{}", fmt::join(steps, ""));
  }
  if (args.step == 0) return TraceToSvg(subject.trace, subject.semantics, options);
  absl::StatusOr<std::vector<std::string>> steps =
      TraceToSvgSteps(subject.trace, subject.semantics, options);
  if (!steps.ok()) return steps.status();
  return OneStep(*std::move(steps), args.step);
}

absl::StatusOr<std::string> Exported(const Context& context, const Subject& subject,
                                     const ExportArguments& args) {
  if (args.as == "c") return TraceToC(subject.trace, subject.semantics, subject.about);
  if (args.as == "json") return TraceToJson(subject.trace, subject.semantics, subject.about);
  if (args.as != "strace") return Picture(subject, args);
  StraceOptions options;
  options.color = context.out_is_terminal && args.out.empty();
  return TraceToStrace(subject.trace, subject.semantics, options);
}

int Export(const Context& context, const ExportArguments& args) {
  if (absl::Status status = FileCanBeWritten("--output", args.out); !status.ok())
    return Report(status);
  Subject subject;
  if (absl::Status status = ReadSubject(context, args, &subject); !status.ok())
    return Report(status);
  const absl::StatusOr<std::string> text = Exported(context, subject, args);
  if (!text.ok()) return Report(text.status());
  if (!args.out.empty()) return Report(WriteTextFile(args.out, *text));
  fmt::print("{}", *text);
  return kHolds;
}

}  // namespace

void AddExportCommand(CLI::App& app, Context& context) {
  auto args = std::make_shared<ExportArguments>();
  CLI::App* command = app.add_subcommand(
      "export", "A scenario or a trace as a C program, strace-like text, JSON or pictures");
  command
      ->add_option("X", args->path, "A scenario file (.scn), or JSON of a trace or of check --json")
      ->required();
  command->add_option("--as", args->as, "What to make: c, strace, json, dot or svg")
      ->required()
      ->check(CLI::IsMember({"c", "strace", "json", "dot", "svg"}));
  command->add_option("--semantics", args->semantics,
                      "By name or path; needed for a scenario (default: the trace's own)");
  command->add_option("--scenario,--property", args->name,
                      "Which scenario of the file, or which property of check --json");
  command->add_option("-o,--output", args->out, "Write to this file and not to standard output");
  command->add_option("--step", args->step, "dot and svg: only the picture after this call, from 1")
      ->check(CLI::PositiveNumber);
  command->footer(kExportExample);
  command->callback([args, &context] { context.exit_code = Export(context, *args); });
}

}  // namespace selkie
