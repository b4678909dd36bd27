// selkie conform: does the model do what a real kernel does?
#include "kernel/conform.h"

#include <chrono>
#include <iostream>
#include <memory>

#include "absl/strings/numbers.h"
#include "cli/command.h"
#include "cli/graph_plan.h"
#include "cli/progress.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/executor_control.h"
#include "kernel/observe.h"
#include "model/call_text.h"

namespace selkie {
namespace {

struct ConformArguments {
  ConformRequest request;
  bool transitions = false;
  GraphRequest graph;
  std::string slice = "0/1";
  std::string save = "divergences";
  bool json = false;
  bool stream = false;  // for a host that reads along: a report a line
};

constexpr const char* kConformExample =
    "Runs each call on the model and for real, and compares value, errno, signal,\n"
    "descriptor numbers, bytes read, and what stands behind descriptors and mappings.\n"
    "Without PATH and --random the tree's own scenarios are run.\n\n"
    "Example:\n"
    "  selkie conform --kernel native scenarios\n"
    "  selkie conform --kernel 6.12 --random 100000 --length 20 --seed 1\n\n"
    "--transitions tries every call of an alphabet in every state of the graph that the\n"
    "checker explores, each state reached by its shortest path:\n"
    "  selkie conform --kernel native --transitions --graph sealing \\\n"
    "      --bounds processes=1,fds=2,files=2,maps=1\n\n"
    "--errno tries every call of the table with every combination of up to so many wrong\n"
    "arguments and circumstances at once, and compares which error comes first:\n"
    "  selkie conform --kernel native --errno 3";

double PerSecond(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double Percent(int64_t part, int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string ProgressText(const ConformReport& report, const ConformRequest& request) {
  if (report.states > 0)
    return fmt::format("{}: {} states, {} of {} transitions, {:.0f} calls/s, {} divergences",
                       request.kernel, report.states, report.confirmed, report.tried,
                       PerSecond(report.calls, report.seconds), report.divergences.size());
  return fmt::format("{}: {} scenarios, {} of {} sequences, {} calls, {} divergences",
                     request.kernel, report.scenarios, report.sequences, request.random,
                     report.calls, report.divergences.size());
}

// Which rules the kernel was seen to have.
void PrintRules(const ConformReport& r) {
  std::vector<std::string> never;
  for (const auto& [rule, calls] : r.by_rule)
    if (calls == 0) never.push_back(rule);
  fmt::print("{} of {} rules decided a call{}\n", r.by_rule.size() - never.size(), r.by_rule.size(),
             never.empty() ? "" : fmt::format("; none: {}", fmt::join(never, ", ")));
}

void PrintCounts(const ConformReport& r, const ConformRequest& request) {
  fmt::print("kernel {} ({}), semantics {}\n", r.release, request.kernel, r.semantics);
  fmt::print("{} scenarios", r.scenarios);
  if (request.random > 0)
    fmt::print(", {} random sequences of up to {} calls (seed {})", r.sequences, request.length,
               request.seed);
  if (!r.pairs.empty()) fmt::print("; {} pairs of rules decided consecutive calls", r.pairs.size());
  fmt::print(
      "\n{} calls compared ({:.1f} % of them succeeded), {:.0f} calls/s; "
      "{} facts of state compared\n",
      r.calls, Percent(r.succeeded, r.calls), PerSecond(r.calls, r.seconds), r.state_facts);
  PrintRules(r);
  for (const std::string& text : r.not_run) fmt::print("not run: {}\n", text);
}

void PrintTransitions(const ConformReport& r, const ConformArguments& arguments) {
  fmt::print("graph {}{}{}: {} states\n", arguments.graph.graph,
             arguments.graph.bounds.empty() ? "" : ", ", arguments.graph.bounds,
             Grouped(static_cast<uint64_t>(r.states)));
  if (arguments.request.slices > 1) fmt::print("slice {} of the states\n", arguments.slice);
  for (const auto& [reason, count] : r.beyond)
    fmt::print("not made: {} ({})\n", Grouped(static_cast<uint64_t>(count)), reason);
  fmt::print("{} of {} transitions confirmed on {}\n", Grouped(static_cast<uint64_t>(r.confirmed)),
             Grouped(static_cast<uint64_t>(r.tried)), r.release);
}

void PrintErrnos(const ConformReport& r, const ConformRequest& request) {
  int64_t failed = 0;
  for (const auto& [call, counts] : r.outcomes)
    for (const auto& [outcome, count] : counts) failed += outcome == "success" ? 0 : count;
  for (const auto& [reason, count] : r.beyond) fmt::print("not made: {} ({})\n", count, reason);
  fmt::print(
      "{} of {} combinations of up to {} errors, of {} calls, agree with kernel {}; {} of them "
      "fail\n",
      r.confirmed, r.tried, request.errors, r.outcomes.size(), r.release, failed);
}

class ConformCommand {
 public:
  ConformCommand(Context& context, ConformArguments arguments)
      : context_(context), arguments_(std::move(arguments)), progress_(context.err_is_terminal) {}

  int Run() {
    if (arguments_.request.minutes > 0 && arguments_.request.random == 0)
      arguments_.request.random = int64_t{1} << 40;
    if (arguments_.request.paths.empty() && arguments_.request.random == 0 &&
        !arguments_.transitions && arguments_.request.errors < 0)
      arguments_.request.paths = {context_.library.root() + "/scenarios"};
    if (absl::Status status = ReadSlice(); !status.ok()) return selkie::Report(status);
    if (absl::Status status = MakePlan(); !status.ok()) return selkie::Report(status);
    ConformHooks hooks;
    hooks.interrupted = &Interrupted();
    hooks.on_progress = [this](const ConformReport& report) { Show(report); };
    ConformReport known;
    absl::StatusOr<ConformReport> report =
        Conform(context_.library, arguments_.request, hooks, &known);
    progress_.Clear();
    if (report.ok()) known = *report;
    Print(known);
    const int code = report.ok() ? CodeFor(known) : selkie::Report(report.status());
    return code;
  }

 private:
  // The plan for this kernel; a guest makes its own.
  absl::Status MakePlan() {
    ConformRequest& request = arguments_.request;
    if (request.errors >= 0 && request.kernel != "native")
      request.plan_arguments = {"--errno", fmt::format("{}", request.errors)};
    if (!arguments_.transitions) return absl::OkStatus();
    if (request.kernel != "native") {
      request.plan_arguments = {"--transitions", "--graph", arguments_.graph.graph};
      if (!arguments_.graph.bounds.empty()) {
        request.plan_arguments.push_back("--bounds");
        request.plan_arguments.push_back(arguments_.graph.bounds);
      }
      return absl::OkStatus();
    }
    if (request.semantics.empty()) {
      absl::StatusOr<std::string> name = SemanticsForRelease(context_.library, RunningRelease());
      if (!name.ok()) return name.status();
      request.semantics = *name;
    }
    absl::StatusOr<Semantics> semantics = context_.library.LoadSemantics(request.semantics);
    if (!semantics.ok()) return semantics.status();
    semantics_ = *std::move(semantics);
    SearchOptions options;
    options.interrupted = &Interrupted();
    options.progress = [&](const SearchStats& stats) {
      progress_.Update([&] { return fmt::format("exploring: {} states", Grouped(stats.states)); });
    };
    auto plan = GraphPlan::Make(context_.library, arguments_.graph, semantics_, options);
    if (!plan.ok()) return plan.status();
    plan_ = *std::move(plan);
    request.plan = plan_.get();
    return absl::OkStatus();
  }

  // "1/4": the second of four.
  absl::Status ReadSlice() {
    ConformRequest& request = arguments_.request;
    const std::string& text = arguments_.slice;
    const size_t slash = text.find('/');
    if (slash != std::string::npos && absl::SimpleAtoi(text.substr(0, slash), &request.slice) &&
        absl::SimpleAtoi(text.substr(slash + 1), &request.slices) && request.slice >= 0 &&
        request.slice < request.slices)
      return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("--slice {}: expected I/N with I from 0 to N - 1", text));
  }

  void Show(const ConformReport& report) {
    progress_.Update([&] { return ProgressText(report, arguments_.request); });
    const auto now = std::chrono::steady_clock::now();
    if (!arguments_.stream || now < next_line_) return;
    next_line_ = now + std::chrono::seconds(2);
    PrintLine(report);
  }

  // A line of the stream; `complete` is kept for the last one.
  void PrintLine(ConformReport report, bool last = false) {
    report.complete &= last;
    std::cout << ReportToJson(report) << std::endl;
  }

  void Print(const ConformReport& report) {
    if (arguments_.stream) return PrintLine(report, true);
    if (arguments_.json) std::cout << ReportToJson(report) << "\n";
    if (report.calls > 0 && !arguments_.json) PrintCounts(report, arguments_.request);
    if (report.calls > 0 && !arguments_.json && arguments_.transitions)
      PrintTransitions(report, arguments_);
    if (report.calls > 0 && !arguments_.json && arguments_.request.errors >= 0)
      PrintErrnos(report, arguments_.request);
    for (size_t i = 0; i < report.divergences.size(); ++i)
      PrintDivergence(report.divergences[i], static_cast<int>(i + 1), report);
    if (arguments_.json || report.calls == 0) return;
    const std::string count = fmt::format("{} divergences", report.divergences.size());
    fmt::print("{}{}\n",
               Paint(count, report.divergences.empty() ? Colour::kGreen : Colour::kRed,
                     context_.out_is_terminal),
               report.differing > 0
                   ? fmt::format(" of different kinds, in {} sequences", report.differing)
                   : "");
    if (!report.complete) fmt::print("interrupted: this is what is known so far\n");
  }

  void PrintDivergence(const Divergence& d, int number, const ConformReport& report) {
    const std::string file = Save(d, number, report);
    if (arguments_.json) return;
    fmt::print("\n{} {}\n  {}\n",
               Paint(fmt::format("divergence {}:", number), Colour::kRed, context_.out_is_terminal),
               d.origin, d.summary);
    if (!d.scenario.empty())
      fmt::print("  {} calls, made from {}:\n\n{}\n", d.calls, d.calls_before, d.scenario);
    if (!file.empty()) fmt::print("  saved as {}\n", file);
  }

  std::string Save(const Divergence& d, int number, const ConformReport& report) {
    if (d.scenario.empty()) return "";
    const std::string file = fmt::format("{}/{}-{}.scn", arguments_.save, report.release, number);
    const absl::Status status = WriteTextFile(file, d.scenario);
    if (status.ok()) return file;
    selkie::Report(status);
    return "";
  }

  // No agreement without a call.
  int CodeFor(const ConformReport& report) {
    if (report.differing > 0) return kBroken;
    if (report.calls > 0) return kHolds;
    return selkie::Report(absl::UnavailableError(
        Interrupted().load() ? "interrupted before a call was executed: nothing is known"
                             : "no call was executed: nothing is known"));
  }

  Context& context_;
  ConformArguments arguments_;
  ProgressLine progress_;
  Semantics semantics_;  // of the plan
  std::unique_ptr<GraphPlan> plan_;
  std::chrono::steady_clock::time_point next_line_{};
};

// In a guest, for Observe (kernel/observe.h): sequences in, answers out.
int GuestObserve(const Context& context, const std::string& file) {
  absl::StatusOr<std::string> text = ReadTextFile(file);
  if (!text.ok()) return Report(text.status());
  absl::StatusOr<std::vector<Sequence>> sequences = SequencesFromJson(*text);
  if (!sequences.ok()) return Report(sequences.status());
  absl::StatusOr<Observation> seen = Observe(context.library, "native", *sequences, nullptr);
  if (!seen.ok()) return Report(seen.status());
  std::cout << ObservationToJson(*seen) << "\n";
  return kHolds;
}

void AddGuestObserve(CLI::App& app, Context& context) {
  auto file = std::make_shared<std::string>();
  CLI::App* observe = app.add_subcommand("guest-observe", "Answers of this kernel, for a host");
  observe->group("");  // not in the help
  observe->add_option("FILE", *file)->required();
  observe->callback([&context, file] { context.exit_code = GuestObserve(context, *file); });
}

}  // namespace

void AddConformCommand(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ConformArguments>();
  ConformRequest& request = arguments->request;
  CLI::App* conform =
      app.add_subcommand("conform", "Compare the model with a real kernel, call by call");
  conform->footer(kConformExample);
  conform->add_option("PATH", request.paths, "Scenarios: .scn files or folders of them");
  conform
      ->add_option("--kernel", request.kernel,
                   "native, a series of Debian's kernels (6.1, 6.12), or a bzImage's path")
      ->capture_default_str();
  conform->add_option("--semantics", request.semantics,
                      "Name or path; default: the one for the kernel's release");
  conform->add_option("--random", request.random, "Random sequences to run")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  conform
      ->add_option("--minutes", request.minutes,
                   "Random sequences for so long, or until --random of them have run")
      ->check(CLI::Range(0.0, 1e6));
  conform->add_option("--length", request.length, "Calls of each random sequence")
      ->check(CLI::Range(1, kMaxCalls))
      ->capture_default_str();
  conform->add_option("--seed", request.seed, "Seed of the random sequences")
      ->capture_default_str();
  conform->add_option("--first", request.first, "Number of the first random sequence")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40))
      ->capture_default_str();
  conform->add_flag("--transitions", arguments->transitions,
                    "Every call of a graph's alphabet in every state of the graph");
  conform
      ->add_option("--graph", arguments->graph.graph,
                   "Which graph: a name in checker/graphs, or the path of a .prop file")
      ->capture_default_str();
  conform->add_option("--bounds,-b", arguments->graph.bounds,
                      "How much of everything there is in the graph: processes=2,fds=3,files=2,"
                      "maps=2,pages=1,inodes=1,messages=1; the graph's own if not given");
  conform
      ->add_option("--slice", arguments->slice,
                   "Part I of N of the states of the graph, or of what --errno tries, such as 0/4")
      ->capture_default_str();
  conform
      ->add_option("--errno", request.errors,
                   "Every call with every combination of up to so many errors at once (0 to 3)")
      ->check(CLI::Range(0, 3));
  conform
      ->add_option("--workers", request.workers,
                   "Processes or guests at a time; default: one for each processor")
      ->check(CLI::Range(1, 64));
  conform->add_option("--save", arguments->save, "Folder for the divergences found")
      ->capture_default_str();
  conform->add_flag("--json", arguments->json, "Print the report as JSON");
  conform->add_flag("--stream", arguments->stream)->group("");
  conform->callback(
      [&context, arguments] { context.exit_code = ConformCommand(context, *arguments).Run(); });
  AddGuestObserve(app, context);
}

}  // namespace selkie
