// selkie check: does a semantics keep a promise, within bounds?
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/coverage_report.h"
#include "cli/mpirun.h"
#include "cli/output_path.h"
#include "cli/progress.h"
#include "cli/questions.h"
#include "cli/search_forecast.h"
#include "fmt/format.h"

namespace selkie {
namespace {

struct CheckArguments {
  std::vector<std::string> semantics;
  std::vector<std::string> properties;
  std::string bounds;
  std::optional<std::string> memory;
  std::string disk, checkpoint;
  double minutes = 1;
  std::string save;
  int threads = 1;
  uint64_t recheck = 0;
  bool compact = false;
  bool no_symmetry = false;
  bool coverage = false;
  bool trace_all = false;
  bool json = false;
};

constexpr const char* kCheckExample =
    "Example:\n"
    "  selkie check --semantics fw-v3 --property no-writable-reopen\n"
    "  selkie check --semantics linux-5.1 --property no-writable-reopen \\\n"
    "      --bounds processes=2,fds=3,files=2,maps=2\n"
    "  selkie check -s linux-5.1 -p no-writable-reopen -b fds=3 --checkpoint search\n"
    "A semantics or property is a name or the path of a .sem or .prop file.  Without\n"
    "--property all properties are asked.\n"
    "Where --memory is full a search begins anew with its states in files, and goes on until\n"
    "the disk is full.  With --checkpoint it keeps them there from the beginning, and records\n"
    "how far it got: the same command goes on after Ctrl-C, kill -9, or a full disk.";

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec) * 1e-6;
}

uint64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

// "~2 min left, ", or nothing where that is not known.
std::string TimeLeft(const SearchForecast& forecast, double states_per_second) {
  const std::optional<uint64_t> left = forecast.StatesLeft();
  if (!left.has_value() || states_per_second <= 0) return "";
  const double seconds = static_cast<double>(*left) / states_per_second;
  if (seconds < 100) return fmt::format("~{:.0f} s left, ", seconds);
  if (seconds < 6000) return fmt::format("~{:.0f} min left, ", seconds / 60);
  return fmt::format("~{:.0f} h left, ", seconds / 3600);
}

// "; it was at depth 12, with about 1,000,000 states still to be found"
std::string HowFar(const SearchStats& stats, SearchForecast& forecast) {
  forecast.Note(stats.states, stats.depth);
  const std::optional<uint64_t> left = forecast.StatesLeft();
  return fmt::format("; it was at depth {}, {}", stats.depth,
                     left.has_value()
                         ? fmt::format("with about {} states still to be found", Grouped(*left))
                         : "and nothing can be said of how many states are still to be found");
}

std::string DiskFolder(const std::string& asked) {
  if (!asked.empty()) return asked;
  const char* const tmpdir = std::getenv("TMPDIR");
  return tmpdir != nullptr && std::filesystem::is_directory(tmpdir) ? tmpdir : "/var/tmp";
}

Colour ColourOf(const Verdict& verdict) {
  if (verdict.kind == Verdict::Kind::kHolds) return Colour::kGreen;
  return verdict.kind == Verdict::Kind::kBroken ? Colour::kRed : Colour::kYellow;
}

int ExitCodeOf(const Verdict& verdict) {
  if (verdict.kind == Verdict::Kind::kHolds) return kHolds;
  return verdict.kind == Verdict::Kind::kBroken ? kBroken : kCouldNotRun;
}

void PrintVerdict(const Property& property, const Semantics& semantics, const Verdict& verdict,
                  bool colour) {
  const std::string word = Paint(VerdictWord(verdict), ColourOf(verdict), colour);
  const size_t calls = verdict.witness.sequence.calls.size();
  fmt::print("{}  {}: {}{}{}\n", NameOf(semantics), property.name, word,
             verdict.has_witness ? fmt::format(", {} calls", calls) : "",
             verdict.why.empty() ? "" : fmt::format(" ({})", verdict.why));
  for (const std::string& line : WitnessLines(verdict, semantics, colour))
    fmt::print("  {}\n", line);
  fmt::print("  {}\n  bounds: {}{}\n", Describe(verdict.stats), ToString(verdict.bounds),
             verdict.stats.beyond == 0
                 ? ""
                 : fmt::format("; {} calls went beyond them and were not made",
                               Grouped(verdict.stats.beyond)));
}

nlohmann::ordered_json VerdictJson(const Property& property, const Semantics& semantics,
                                   const Verdict& verdict, double cpu_seconds) {
  nlohmann::ordered_json out = {{"semantics", semantics.name},
                                {"unconfirmed", semantics.unconfirmed},
                                {"property", property.name},
                                {"verdict", VerdictWord(verdict)},
                                {"why", verdict.why},
                                {"bounds", ToString(verdict.bounds)},
                                {"stats", StatsJson(verdict.stats)}};
  out["stats"]["cpu_seconds"] = cpu_seconds;
  out["stats"]["peak_bytes"] = PeakBytes();
  if (verdict.has_witness) AddWitness(property, semantics, verdict, &out);
  return out;
}

class CheckCommand {
 public:
  CheckCommand(Context& context, const CheckArguments& arguments)
      : context_(context), arguments_(arguments), progress_(context.err_is_terminal) {}

  int Run() {
    if (const Launch launch = LaunchOfThisProcess();
        launch.processes > 1 && context_.exchange == nullptr)
      return RefuseMpirun(launch);
    if (absl::Status status = Prepare(); !status.ok()) return Report(status);
    for (const Semantics& semantics : semantics_)
      for (const Property& property : properties_)
        if (!Interrupted().load()) exit_code_ = WorseOf(exit_code_, One(semantics, property));
    if (arguments_.json) fmt::print("{}\n", results_.dump(2));
    return exit_code_;
  }

 private:
  // Each process would search by itself, all in the same folder.  One speaks for all.
  static int RefuseMpirun(const Launch& launch) {
    if (launch.rank == 0)
      Complain(
          fmt::format("check: mpirun started {} processes of a program without MPI, each of "
                      "which would search alone; start ./selkie or "
                      "build/release/mpi/selkie-mpi (docs/scaling.md)",
                      launch.processes));
    return kBadInput;
  }

  absl::Status Prepare() {
    if (absl::Status status = CheckPaths(); !status.ok()) return status;
    absl::StatusOr<AskedProperties> properties =
        PropertiesAsked(context_.library, arguments_.properties);
    if (!properties.ok()) return properties.status();
    exit_code_ = ReportBad(*properties);
    LoadAll(properties->names);
    options_.symmetry = !arguments_.no_symmetry;
    options_.threads = arguments_.threads;
    options_.recheck = arguments_.recheck;
    options_.compact = arguments_.compact;
    options_.interrupted = &Interrupted();
    options_.exchange = context_.exchange;
    options_.most_bytes = MostMemory();
    if (arguments_.memory) {
      absl::StatusOr<uint64_t> bytes = ParseBytes(*arguments_.memory);
      if (!bytes.ok()) return bytes.status();
      options_.most_bytes = *bytes;
    }
    options_.folder.seconds = 60 * arguments_.minutes;
    options_.folder.when_full = arguments_.checkpoint.empty();
    Bounds any;
    return ApplyBounds(arguments_.bounds, any);
  }

  // A search may take hours: what cannot be read is said before it, and the rest is searched.
  void LoadAll(const std::vector<std::string>& properties) {
    const auto keep = [this](auto loaded, auto& list) {
      if (loaded.ok())
        list.push_back(*std::move(loaded));
      else
        exit_code_ = WorseOf(exit_code_, Report(loaded.status()));
    };
    for (const std::string& name : arguments_.semantics)
      keep(context_.library.LoadSemantics(name), semantics_);
    for (const std::string& name : properties)
      keep(LoadProperty(context_.library, name), properties_);
  }

  // What is wrong with a path, too.
  absl::Status CheckPaths() const {
    absl::Status status = FileCanBeWritten("--save", arguments_.save);
    if (status.ok()) status = FolderCanBeMade("--checkpoint", arguments_.checkpoint);
    if (status.ok() && arguments_.disk != "none") status = FolderIsThere("--disk", arguments_.disk);
    return status;
  }

  int One(const Semantics& semantics, const Property& property) {
    Bounds bounds = property.bounds;
    if (absl::Status status = ApplyBounds(arguments_.bounds, bounds); !status.ok())
      return Report(status);

    SearchForecast forecast;
    options_.progress = [&](const SearchStats& stats) {
      forecast.Note(stats.states, stats.depth);
      progress_.Update([&] {
        const double rate = stats.states / (stats.seconds + 1e-9);
        return fmt::format("{} {}: {} states, {:.0f} k/s, depth {}, {}{}", semantics.name,
                           property.name, Grouped(stats.states), rate / 1000, stats.depth,
                           TimeLeft(forecast, rate), Bytes(stats.bytes));
      });
    };
    if (absl::Status status = ChooseFolder(property, semantics, bounds); !status.ok())
      return Report(status);
    const double before = CpuSeconds();
    if (arguments_.trace_all) return EveryKind(property, semantics, bounds);
    absl::StatusOr<Verdict> verdict = Ask(context_.library, property, semantics, bounds, options_);
    progress_.Clear();
    if (!verdict.ok()) return Report(WithRemedy(verdict.status()));
    TellFolder(*verdict);
    if (verdict->kind == Verdict::Kind::kStopped) verdict->why += HowFar(verdict->stats, forecast);
    if (arguments_.json)
      results_.push_back(VerdictJson(property, semantics, *verdict, CpuSeconds() - before));
    else
      PrintVerdict(property, semantics, *verdict, context_.out_is_terminal);
    if (arguments_.coverage) {
      absl::StatusOr<SearchCoverage> coverage =
          Cover(property, semantics, verdict->bounds, options_);
      progress_.Clear();
      if (!coverage.ok()) return Report(coverage.status());
      if (arguments_.json) results_.back()["coverage"] = CoverageJson(*coverage);
      if (!arguments_.json)
        for (const std::string& line : CoverageLines(*coverage)) fmt::print("  {}\n", line);
    }
    return Save(property, semantics, *verdict);
  }

  // Neither of the two records that a folder has is whole: nothing there can be gone on with.
  absl::Status WithRemedy(const absl::Status& status) const {
    if (!absl::IsDataLoss(status) || options_.folder.when_full) return status;
    return absl::DataLossError(
        fmt::format("{}\nwhat is recorded in {} is damaged: remove that folder, and the same "
                    "command begins anew",
                    std::string(status.message()), options_.folder.path));
  }

  // One trace for each kind of step, and the worst of their exit codes.
  int EveryKind(const Property& property, const Semantics& semantics, const Bounds& bounds) {
    const double before = CpuSeconds();
    absl::StatusOr<std::vector<Verdict>> verdicts =
        AskAll(context_.library, property, semantics, bounds, options_);
    progress_.Clear();
    if (!verdicts.ok()) return Report(verdicts.status());
    if (!arguments_.json)
      fmt::print("{}  {}: {} kinds of step\n", NameOf(semantics), property.name,
                 std::count_if(verdicts->begin(), verdicts->end(),
                               [](const Verdict& verdict) { return verdict.has_witness; }));
    for (const Verdict& verdict : *verdicts) {
      if (arguments_.json)
        results_.push_back(VerdictJson(property, semantics, verdict, CpuSeconds() - before));
      else
        PrintVerdict(property, semantics, verdict, context_.out_is_terminal);
    }
    return Save(property, semantics, verdicts->front());
  }

  // With the calls of the lists that it includes.
  static std::vector<std::string> TextsOf(const Property& property) {
    std::vector<std::string> texts = {property.text};
    for (const AlphabetLine& line : property.calls) texts.push_back(line.text);
    return texts;
  }

  // Each question has a folder of its own.
  absl::Status ChooseFolder(const Property& property, const Semantics& semantics,
                            const Bounds& bounds) {
    SearchFolder& folder = options_.folder;
    const std::string name = fmt::format("{}.{}", semantics.name, property.name);
    if (folder.when_full) {  // nobody goes on with it
      // Several processes search in memory alone, and would leave each a folder of its own.
      if (arguments_.disk != "none" && context_.exchange == nullptr)
        folder.path = fmt::format("{}/selkie-{}-{}", DiskFolder(arguments_.disk), getpid(), name);
      return absl::OkStatus();
    }
    folder.path = fmt::format("{}/{}", arguments_.checkpoint, name);
    folder.question =
        fmt::format("selkie {} semantics {} {} property {} {} bounds {} symmetry {}", Version(),
                    semantics.name, SemanticsDigest(semantics), property.name,
                    TextDigest(TextsOf(property)), ToString(bounds), options_.symmetry);
    return absl::OkStatus();
  }

  void TellFolder(const Verdict& verdict) const {
    if (verdict.resumed == "yes")
      Complain(fmt::format("{}: went on from what is recorded there", options_.folder.path));
    else if (!verdict.resumed.empty())
      Complain(fmt::format("went on from the record before the newest, since {}", verdict.resumed));
    if (verdict.kind != Verdict::Kind::kStopped) return;
    if (!options_.folder.when_full)
      Complain(fmt::format("{}: the same command goes on from here", options_.folder.path));
    else if (context_.exchange != nullptr && !Interrupted().load())
      Complain("what was found is lost: give more --memory, or more processes");
    else if (!Interrupted().load())
      Complain(
          "what was found is lost: name a --disk FOLDER with more room, more --memory, or a "
          "--checkpoint FOLDER, from which the same command goes on");
  }

  int Save(const Property& property, const Semantics& semantics, const Verdict& verdict) {
    if (arguments_.save.empty() || !verdict.has_witness) return ExitCodeOf(verdict);
    const absl::Status status =
        WriteTextFile(arguments_.save, WitnessTrace(property, semantics, verdict));
    return status.ok() ? ExitCodeOf(verdict) : Report(status);
  }

  Context& context_;
  const CheckArguments& arguments_;
  ProgressLine progress_;
  SearchOptions options_;
  std::vector<Semantics> semantics_;  // those that can be loaded
  std::vector<Property> properties_;
  nlohmann::ordered_json results_ = nlohmann::ordered_json::array();
  int exit_code_ = kHolds;
};

}  // namespace

void AddCheckCommand(CLI::App& app, Context& context) {
  CLI::App* check = app.add_subcommand(
      "check", "Ask whether a semantics keeps a promise; print the shortest calls that break it");
  auto arguments = std::make_shared<CheckArguments>();
  check->add_option("--semantics,-s", arguments->semantics, "Rules to explore (repeatable)")
      ->required();
  check->add_option("--property,-p", arguments->properties, "Promise to ask (repeatable)");
  check->add_option("--bounds,-b", arguments->bounds,
                    "How much of everything: processes=2,fds=3,files=2,maps=2,pages=1,inodes=1,"
                    "messages=1,buffers=0,huge=0; the property's own if not given");
  check->add_flag("--no-symmetry", arguments->no_symmetry,
                  "Store every state, not one for those that differ only in names");
  check->add_flag("--coverage", arguments->coverage,
                  "Say which calls and rules decided nothing within the bounds (one more search)");
  check->add_flag("--trace-all", arguments->trace_all,
                  "The shortest calls to each kind of step that breaks the promise, not to one");
  check->add_option("--threads", arguments->threads, "Search with so many threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  check->add_flag("--compact", arguments->compact,
                  "Fewer bytes a state (about 5 in the table), and slower");
  check->add_option("--recheck", arguments->recheck,
                    "Of a large search: make the moves of one in so many states once more");
  check->add_option("--memory", arguments->memory,
                    "States in memory: 512M, 4G, 4M at least; the program takes some 15M besides "
                    "[80 % of what is available]");
  check->add_option("--disk", arguments->disk,
                    "Folder, which must be there, for a folder of states that memory has no room "
                    "for, removed at the end; none: stop then [$TMPDIR, or /var/tmp]");
  check->add_option(
      "--checkpoint", arguments->checkpoint,
      "Folder that keeps the states and how far the search got; it is made in one that "
      "is there, and gone on with");
  check
      ->add_option("--checkpoint-minutes", arguments->minutes,
                   "Minutes between two records of how far it got")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  check->add_option("--save", arguments->save, "Write the sequence found as a JSON trace");
  check->add_flag("--json", arguments->json, "Print results as one JSON array");
  check->footer(kCheckExample);
  check->callback(
      [&context, arguments] { context.exit_code = CheckCommand(context, *arguments).Run(); });
}

}  // namespace selkie
