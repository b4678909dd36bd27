// selkie replay: an strace log of a real program beside the model.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/progress.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/observe.h"
#include "traces/follow.h"
#include "traces/strace_read.h"

namespace selkie {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownNames = 8, kShownProblems = 5, kShownRemarks = 20, kShownDifferences = 1;

struct ReplayArguments {
  std::string path;
  std::string semantics;
  std::string release;
  bool complete = false;
  bool explain = false;
  bool json = false;
};

constexpr const char* kReplayExample =
    "Follows the memfds in a log of `strace -f` (any options of strace's), makes each call\n"
    "on them in the model, and compares. Lines that are none of strace's are reported and\n"
    "left out.\n\n"
    "Example:\n"
    "  selkie replay scenarios/recorded/python.strace\n"
    "  selkie replay scenarios/recorded/python.strace --release 6.1 --json";

// What the answer was found under.
struct Chosen {
  Semantics semantics;
  std::string why;
};

// Kernels stand before designs, by release.
absl::StatusOr<std::string> NewestKernel(const Context& context) {
  absl::StatusOr<std::vector<std::string>> names = context.library.SemanticsNames();
  if (!names.ok()) return names.status();
  const auto newest = std::find_if(names->rbegin(), names->rend(), [](const std::string& name) {
    return KernelVersion(name).has_value();
  });
  if (newest == names->rend()) return absl::NotFoundError("there is no semantics of a kernel");
  return *newest;
}

absl::StatusOr<Chosen> Choose(const Context& context, const ReplayArguments& args,
                              const StraceLog& log) {
  std::string name = args.semantics, why = "as given";
  const std::string in_log = ReleaseInLog(log), here = RunningRelease();
  // Most likely first; a log that does not say was most likely made where it is read.
  const std::pair<std::string, std::string> releases[] = {
      {args.release, fmt::format("for release {}", args.release)},
      {in_log, fmt::format("for release {}, which the log names", in_log)},
      {here, fmt::format("for release {}, which runs here; --release chooses another", here)}};
  for (const auto& [release, text] : releases) {
    if (!name.empty() || release.empty()) continue;
    const absl::StatusOr<std::string> found = SemanticsForRelease(context.library, release);
    if (!found.ok() && release == args.release) return found.status();
    if (!found.ok()) continue;
    name = *found;
    why = text;
  }
  if (name.empty()) {
    const absl::StatusOr<std::string> newest = NewestKernel(context);
    if (!newest.ok()) return newest.status();
    name = *newest;
    why = "the newest; --release chooses another";
  }
  absl::StatusOr<Semantics> semantics = context.library.LoadSemantics(name);
  if (!semantics.ok()) return semantics.status();
  return Chosen{*std::move(semantics), why};
}

// Other kernels under which nothing differs: the log is perhaps theirs.
std::vector<std::string> KernelsThatAgree(const Context& context, const StraceLog& log,
                                          const Semantics& tried, const FollowOptions& options) {
  std::vector<std::string> agree;
  const absl::StatusOr<std::vector<std::string>> names = context.library.SemanticsNames();
  if (!names.ok()) return agree;
  for (const std::string& name : *names) {
    if (name == tried.name || !KernelVersion(name) || Interrupted()) continue;
    const absl::StatusOr<Semantics> other = context.library.LoadSemantics(name);
    if (other.ok() && Follow(log, *other, options).differences.empty()) agree.push_back(name);
  }
  return agree;
}

// ---- For people ----

// "read 300, poll 20, and 12 other names": the most frequent first.
std::string Names(const std::map<std::string, int64_t>& counts) {
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (size_t i = 0; i < sorted.size() && i < kShownNames; ++i)
    text += fmt::format("{}{} {}", i > 0 ? ", " : "", sorted[i].first, sorted[i].second);
  if (sorted.size() > kShownNames)
    text += fmt::format(", and {} other names", sorted.size() - kShownNames);
  return text;
}

int64_t Sum(const std::map<std::string, int64_t>& counts) {
  int64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

std::string Lines(int first, int last) {
  return first == last ? fmt::format("{}", first) : fmt::format("{} to {}", first, last);
}

void PrintDifference(const FollowedDifference& d, const std::string& file, bool colour) {
  fmt::print("{}:{}: {}\n", file, Lines(d.line, d.last_line),
             Paint("differs", Colour::kRed, colour));
  fmt::print("  {}\n", d.call);
  fmt::print("    the log    {}\n", d.logged);
  fmt::print("    the model  {}\n", d.modelled);
  fmt::print("    decided by {}\n",
             d.decided.empty() ? "nothing that refuses: the call does what it does" : d.decided);
  if (!d.about.empty()) fmt::print("    about      {}\n", d.about);
}

void PrintCounts(const FollowReport& report) {
  fmt::print("{} calls of {} processes; {} memfds made, {} from elsewhere\n", report.calls,
             report.processes, report.memfds, report.from_outside);
  fmt::print("{} modelled{}{}\n", report.modelled, report.modelled > 0 ? ": " : "",
             Names(report.modelled_by_name));
  int64_t skipped = 0;
  for (const auto& [why, counts] : report.unasked) skipped += Sum(counts);
  fmt::print("{} skipped\n", skipped);
  for (const auto& [why, counts] : report.unasked)
    fmt::print("  {} {}: {}\n", Sum(counts), UnaskedText(why), Names(counts));
}

void PrintRemarks(const FollowReport& report, const ReplayArguments& args) {
  size_t shown = 0;
  for (const FollowedRemark& remark : report.remarks) {
    // What could not be decided is always said; the rest on demand.
    const bool undecided = remark.why == Unasked::kUnseen || remark.why == Unasked::kOrder;
    if (!args.explain && !undecided) continue;
    if (!args.explain && ++shown > kShownRemarks) break;
    fmt::print("{}:{}: {}: {}: {}\n", args.path, remark.line, remark.call, UnaskedWord(remark.why),
               remark.text);
  }
}

void PrintForPeople(const Context& context, const ReplayArguments& args, const StraceLog& log,
                    const Chosen& chosen, const FollowReport& report,
                    const std::vector<std::string>& agree) {
  const bool colour = context.out_is_terminal;
  for (size_t i = 0; i < report.differences.size(); ++i)
    if (i < kShownDifferences || args.explain)
      PrintDifference(report.differences[i], args.path, colour);
  if (report.differences.size() > kShownDifferences && !args.explain)
    fmt::print("{} more differ after it (--explain)\n",
               report.differences.size() - kShownDifferences);
  PrintRemarks(report, args);
  if (!agree.empty())
    fmt::print("with nothing that differs under {}: --release says which kernel made the log\n",
               fmt::join(agree, ", "));
  fmt::print("{}: {} lines, semantics {} ({})\n", args.path, log.lines, chosen.semantics.name,
             chosen.why);
  PrintCounts(report);
  if (report.filtered)
    fmt::print(
        "the log has some calls only, it seems (-e trace=): what is not in it may have "
        "happened (--complete: it did not)\n");
  if (!log.problems.empty()) fmt::print("{} lines are none of strace's\n", log.problems.size());
  if (report.interrupted) fmt::print("interrupted: this is what is known so far\n");
  if (report.modelled == 0) {
    fmt::print("nothing was compared: no call of the log is one of a memfd that the model makes\n");
    return;
  }
  fmt::print("{}\n", report.differences.empty()
                         ? Paint("all results as modelled", Colour::kGreen, colour)
                         : Paint(fmt::format("{} of {} results differ", report.differences.size(),
                                             report.modelled),
                                 Colour::kRed, colour));
}

// ---- For programs ----

Json ReportJson(const ReplayArguments& args, const StraceLog& log, const Chosen& chosen,
                const FollowReport& report, const std::vector<std::string>& agree) {
  Json skipped = Json::object();
  for (const auto& [why, counts] : report.unasked)
    skipped[UnaskedWord(why)] = {{"count", Sum(counts)}, {"by", counts}};
  Json differences = Json::array();
  for (const FollowedDifference& d : report.differences)
    differences.push_back({{"line", d.line},
                           {"result_line", d.last_line},
                           {"pid", d.pid},
                           {"call", d.call},
                           {"log", d.logged},
                           {"model", d.modelled},
                           {"decided_by", d.decided},
                           {"about", d.about}});
  Json remarks = Json::array();
  for (const FollowedRemark& r : report.remarks)
    remarks.push_back(
        {{"line", r.line}, {"call", r.call}, {"reason", UnaskedWord(r.why)}, {"text", r.text}});
  return {{"file", args.path},
          {"lines", log.lines},
          {"semantics", chosen.semantics.name},
          {"calls", report.calls},
          {"processes", report.processes},
          {"memfds", report.memfds},
          {"memfds_from_elsewhere", report.from_outside},
          {"modelled", report.modelled},
          {"modelled_by", report.modelled_by_name},
          {"skipped", std::move(skipped)},
          {"differences", std::move(differences)},
          {"remarks", std::move(remarks)},
          {"kernels_that_agree", agree},
          {"malformed", log.problems},
          {"filtered", report.filtered},
          {"interrupted", report.interrupted}};
}

// ---- The command ----

void ComplainOf(const StraceLog& log) {
  for (size_t i = 0; i < log.problems.size() && i < kShownProblems; ++i) Complain(log.problems[i]);
  if (log.problems.size() > kShownProblems)
    Complain(fmt::format("{}: {} more lines like these", log.file,
                         log.problems.size() - kShownProblems));
}

int Run(const Context& context, const ReplayArguments& args) {
  absl::StatusOr<std::string> text = ReadTextFile(args.path);
  if (!text.ok()) return Report(text.status());
  ProgressLine progress(context.err_is_terminal);
  progress.Update([&] { return fmt::format("reading {}", args.path); });
  const StraceLog log = ReadStrace(args.path, *std::move(text));
  progress.Clear();
  ComplainOf(log);
  if (log.calls.empty())
    return Report(absl::InvalidArgumentError(fmt::format(
        "{}:1:1: no line of this file is a call as strace prints it, such as close(3) = 0",
        args.path)));
  const absl::StatusOr<Chosen> chosen = Choose(context, args, log);
  if (!chosen.ok()) return Report(chosen.status());
  FollowOptions options;
  options.complete = args.complete;
  options.interrupted = &Interrupted();
  const FollowReport report = Follow(log, chosen->semantics, options);
  std::vector<std::string> agree;
  if (!report.differences.empty() && args.semantics.empty() && !report.interrupted)
    agree = KernelsThatAgree(context, log, chosen->semantics, options);
  if (args.json)
    fmt::print("{}\n", ReportJson(args, log, *chosen, report, agree)
                           .dump(2, ' ', false, Json::error_handler_t::replace));
  else
    PrintForPeople(context, args, log, *chosen, report, agree);
  if (!report.differences.empty()) return kBroken;
  return report.interrupted || report.modelled == 0 ? kCouldNotRun : kHolds;
}

}  // namespace

void AddReplayCommand(CLI::App& app, Context& context) {
  auto args = std::make_shared<ReplayArguments>();
  CLI::App* command = app.add_subcommand(
      "replay", "An strace log of a real program: does the model give the same results?");
  command->add_option("LOG", args->path, "What strace wrote, best `strace -f -o LOG`")->required();
  CLI::Option* const semantics =
      command->add_option("--semantics", args->semantics,
                          "By name or path (default: a released kernel, see --release)");
  command
      ->add_option("--release", args->release,
                   "The kernel that made the log, such as 6.1 or 6.12.57 (default: the one "
                   "that uname(2) gives in the log, else the one that runs here)")
      ->excludes(semantics);
  command->add_flag("--complete", args->complete,
                    "The log was made without a filter: what is not in it did not happen");
  command->add_flag("--explain", args->explain,
                    "Print every difference, and why each call on a memfd was not compared");
  command->add_flag("--json", args->json, "Print all of it as JSON");
  command->footer(kReplayExample);
  command->callback([args, &context] { context.exit_code = Run(context, *args); });
}

}  // namespace selkie
