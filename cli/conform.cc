// selkie conform: does the model do what a real kernel does?
#include "kernel/conform.h"

#include <chrono>
#include <iostream>
#include <memory>

#include "absl/strings/numbers.h"
#include "cli/command.h"
#include "cli/conform_report.h"
#include "cli/graph_plan.h"
#include "cli/kernel_choice.h"
#include "cli/progress.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "kernel/executor_control.h"
#include "kernel/observe.h"

namespace selkie {
namespace {

struct ConformArguments {
  ConformAsked asked;
  ConformPrinting printing;
  KernelChoice kernel{.name = "native", .image = "", .modules = {}};
  std::string slice = "0/1";
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
    "  selkie conform --kernel native --errno 3\n\n"
    "--slice 0/4 to 3/4 share all this out among four runs, and merge adds up what they say:\n"
    "  selkie conform --kernel native --random 100000 --slice 0/4 --json > part-0.json";

std::string ProgressText(const ConformReport& report, const ConformRequest& request) {
  if (report.states > 0)
    return fmt::format("{}: {} states, {} of {} transitions, {:.0f} calls/s, {} divergences",
                       request.kernel, report.states, report.confirmed, report.tried,
                       report.seconds > 0 ? static_cast<double>(report.calls) / report.seconds : 0,
                       report.divergences.size());
  return fmt::format("{}: {} scenarios, {} of {} sequences, {} calls, {} divergences",
                     request.kernel, report.scenarios, report.sequences,
                     request.random / request.slices, report.calls, report.divergences.size());
}

class ConformCommand {
 public:
  ConformCommand(Context& context, ConformArguments arguments)
      : context_(context), arguments_(std::move(arguments)), progress_(context.err_is_terminal) {
    arguments_.printing.colour = context.out_is_terminal;
  }

  int Run() {
    absl::StatusOr<std::string> kernel = KernelOf(arguments_.kernel, "--kernel NAME");
    if (!kernel.ok()) return Report(kernel.status());
    asked_.request.kernel = *kernel;
    asked_.request.modules = arguments_.kernel.modules;
    if (absl::Status status = SaveFolderCanBeMade(arguments_.printing); !status.ok())
      return Report(status);
    if (asked_.request.minutes > 0 && asked_.request.random == 0)
      asked_.request.random = int64_t{1} << 40;
    if (asked_.request.paths.empty() && asked_.request.random == 0 && !asked_.transitions &&
        asked_.request.errors < 0)
      asked_.request.paths = {context_.library.root() + "/scenarios"};
    if (absl::Status status = ReadSlice(); !status.ok()) return Report(status);
    if (absl::Status status = MakePlan(); !status.ok()) return Report(status);
    ConformHooks hooks;
    hooks.interrupted = &Interrupted();
    hooks.on_progress = [this](const ConformReport& report) { Show(report); };
    ConformReport known;
    absl::StatusOr<ConformReport> report = Conform(context_.library, asked_.request, hooks, &known);
    progress_.Clear();
    if (report.ok()) known = *report;
    if (!report.ok()) known.complete = false;
    Print(known);
    return report.ok() ? ConformCode(known) : Report(report.status());
  }

 private:
  // The plan for this kernel; a guest makes its own.
  absl::Status MakePlan() {
    ConformRequest& request = asked_.request;
    if (request.errors >= 0 && request.kernel != "native")
      request.plan_arguments = {"--errno", fmt::format("{}", request.errors)};
    if (!asked_.transitions) return absl::OkStatus();
    if (request.kernel != "native") {
      request.plan_arguments = {"--transitions", "--graph", asked_.graph.graph};
      if (!asked_.graph.bounds.empty()) {
        request.plan_arguments.push_back("--bounds");
        request.plan_arguments.push_back(asked_.graph.bounds);
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
    auto plan = GraphPlan::Make(context_.library, asked_.graph, semantics_, options);
    if (!plan.ok()) return plan.status();
    plan_ = *std::move(plan);
    request.plan = plan_.get();
    return absl::OkStatus();
  }

  // "1/4": the second of four.
  absl::Status ReadSlice() {
    ConformRequest& request = asked_.request;
    const std::string& text = arguments_.slice;
    const size_t slash = text.find('/');
    if (slash != std::string::npos && absl::SimpleAtoi(text.substr(0, slash), &request.slice) &&
        absl::SimpleAtoi(text.substr(slash + 1), &request.slices) && request.slice >= 0 &&
        request.slice < request.slices && request.slices <= int64_t{1} << 40)
      return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("--slice {}: expected I/N with I from 0 to N - 1", text));
  }

  void Show(const ConformReport& report) {
    progress_.Update([&] { return ProgressText(report, asked_.request); });
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
    PrintConform(report, asked_, context_.library.root(), arguments_.printing);
  }

  Context& context_;
  ConformArguments arguments_;
  ConformAsked& asked_ = arguments_.asked;
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
  ConformRequest& request = arguments->asked.request;
  CLI::App* conform =
      app.add_subcommand("conform", "Compare the model with a real kernel, call by call");
  conform->footer(kConformExample);
  conform->add_option("PATH", request.paths, "Scenarios: .scn files or folders of them");
  CLI::Option* kernel =
      conform
          ->add_option("--kernel", arguments->kernel.name,
                       "native, a series of Debian's kernels (6.1, 6.12), or a bzImage's path")
          ->capture_default_str();
  AddImageOptions(*conform, kernel, arguments->kernel);
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
  conform->add_flag("--transitions", arguments->asked.transitions,
                    "Every call of a graph's alphabet in every state of the graph");
  conform
      ->add_option("--graph", arguments->asked.graph.graph,
                   "Which graph: a name in checker/graphs, or the path of a .prop file")
      ->capture_default_str();
  conform->add_option(
      "--bounds,-b", arguments->asked.graph.bounds,
      "How much of everything there is in the graph: processes=2,fds=3,files=2,"
      "maps=2,pages=1,inodes=1,messages=1,buffers=0,huge=0; the graph's own if not given");
  conform
      ->add_option("--slice", arguments->slice,
                   "Part I of N of all that is asked, such as 0/4; see selkie merge")
      ->capture_default_str();
  conform
      ->add_option("--errno", request.errors,
                   "Every call with every combination of up to so many errors at once (0 to 3)")
      ->check(CLI::Range(0, 3));
  conform
      ->add_option("--workers", request.workers,
                   "Processes (default: four for each processor) or guests (default: one for each)")
      ->check(CLI::Range(1, 64));
  conform->add_option("--save", arguments->printing.save, "Folder for the divergences found")
      ->capture_default_str();
  conform->add_flag("--json", arguments->printing.json, "Print the report as JSON");
  conform->add_flag("--stream", arguments->stream)->group("");
  conform->callback(
      [&context, arguments] { context.exit_code = ConformCommand(context, *arguments).Run(); });
  AddGuestObserve(app, context);
}

}  // namespace selkie
