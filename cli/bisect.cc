// selkie bisect: between which kernels does the answer to a question change?
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/discriminating.h"
#include "cli/kernel_fit.h"
#include "cli/kernels_probe.h"
#include "cli/progress.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/image.h"
#include "kernel/observe.h"
#include "model/call_text.h"
#include "scenarios/scenario.h"
#include "traces/json.h"
#include "traces/strace.h"

namespace selkie {
namespace {

struct BisectArguments {
  std::string property;
  std::string over = "linux-3.17..newest";
  std::vector<std::string> kernels;
  std::string bounds;
  bool json = false;
};

constexpr const char* kBisectExample =
    "Asks each kernel that the tree describes, in order of release, and tells where the answer\n"
    "changes: the calls that show it, what both answer, and by which rules.  --kernels makes\n"
    "these calls on real kernels too, and says between which of them the change lies.\n"
    "Exit code 1: the answer changes somewhere.\n\n"
    "Example:\n"
    "  selkie bisect no-merged-mapping\n"
    "  selkie bisect no-merged-mapping --over linux-6.7..linux-6.16 --kernels 6.1,6.12,6.16";

// One kernel's rules, and the answer under them.
struct Asked {
  Semantics semantics;
  Verdict verdict;
};

// What a real kernel did with the calls of a change.
struct Behaviour {
  enum class Like : uint8_t { kOlder, kNewer, kBoth, kNeither };
  Like like = Like::kBoth;
  std::string why;  // kBoth: it was not asked; kNeither: the call and what came
};

struct RealKernel {
  std::string name;                   // as asked for
  std::string uname;                  // uname -r there
  std::string release;                // by number
  std::vector<Behaviour> behaviours;  // one for each change that calls show
};

// Two neighbours with different answers.
struct Change {
  size_t older = 0, newer = 0;       // indices
  std::optional<Contrast> contrast;  // older first; none if neither has calls to show
  bool older_has_witness = false;
};

// A search that was cut short, or in which nothing was tried, is none.
bool IsAnswer(const Verdict& verdict) {
  return verdict.kind != Verdict::Kind::kStopped && verdict.kind != Verdict::Kind::kVacuous;
}

std::string Answer(const Verdict& verdict) {
  return fmt::format(
      "{}{}{}", VerdictWord(verdict),
      verdict.has_witness ? fmt::format(", {} calls", verdict.witness.sequence.calls.size()) : "",
      verdict.why.empty() ? "" : fmt::format(" ({})", verdict.why));
}

// "linux-4.20..newest" as indices of the first and the last.
absl::StatusOr<std::pair<size_t, size_t>> ParseRange(const std::string& text,
                                                     const std::vector<Semantics>& kernels) {
  const auto refuse = [&](const std::string& what) {
    std::vector<std::string> names;
    for (const Semantics& kernel : kernels) names.push_back(kernel.name);
    return absl::InvalidArgumentError(
        fmt::format("--over {}: {}: expected FIRST..LAST with kernels of the tree, or newest: {}",
                    text, what, fmt::join(names, ", ")));
  };
  const size_t dots = text.find("..");
  if (dots == std::string::npos) return refuse("no range");
  const auto index = [&](const std::string& name) {
    if (name == "newest") return kernels.size() - 1;
    return static_cast<size_t>(
        std::find_if(kernels.begin(), kernels.end(),
                     [&](const Semantics& kernel) { return kernel.name == name; }) -
        kernels.begin());
  };
  const std::string from = text.substr(0, dots), to = text.substr(dots + 2);
  const size_t first = index(from), last = index(to);
  if (first >= kernels.size()) return refuse(fmt::format("no kernel '{}'", from));
  if (last >= kernels.size()) return refuse(fmt::format("no kernel '{}'", to));
  if (first > last) return refuse("the first is newer than the last");
  return std::pair(first, last);
}

std::string_view LikeText(Behaviour::Like like) {
  switch (like) {
    case Behaviour::Like::kOlder: return "older";
    case Behaviour::Like::kNewer: return "newer";
    case Behaviour::Like::kBoth: return "undecided";
    case Behaviour::Like::kNeither: return "neither";
  }
  return "";
}

Behaviour BehaviourOf(const Change& change, const Semantics& older, const Semantics& newer,
                      const ObservedTrace& observed) {
  SeenSequence seen{{"", change.contrast->first.sequence}, {}};
  for (const ObservedCall& call : observed.calls) seen.results.push_back(call.result);
  const int off_older = FirstMismatch(older, seen), off_newer = FirstMismatch(newer, seen);
  if (off_older < 0 && off_newer >= 0) return {Behaviour::Like::kOlder, ""};
  if (off_older >= 0 && off_newer < 0) return {Behaviour::Like::kNewer, ""};
  if (off_older < 0) {
    for (const ObservedCall& call : observed.calls)
      if (!call.result) return {Behaviour::Like::kBoth, call.not_run};
    return {Behaviour::Like::kBoth, "these calls do not tell them apart"};
  }
  const int at = std::max(off_older, off_newer);
  const Call& call = seen.named.sequence.calls[static_cast<size_t>(at)];
  return {Behaviour::Like::kNeither,
          fmt::format("call {}: {} = {}", at + 1, PrintCall(call, &newer, nullptr),
                      PrintResult(call, *seen.results[static_cast<size_t>(at)], &newer, nullptr))};
}

// Between which of the real kernels, which are in order of release, the change lies that is
// number `index` of those with calls.
std::string WhereText(const std::vector<RealKernel>& kernels, size_t index, const Semantics& older,
                      const Semantics& newer) {
  const RealKernel *last_older = nullptr, *first_newer = nullptr;
  const std::vector<int> last = LastRelease(*KernelVersion(older.name));
  for (const RealKernel& kernel : kernels) {
    const auto release = KernelVersion("linux-" + kernel.release);
    if (!release) continue;
    const bool is_older = LastRelease(*release) <= last;
    if (is_older) last_older = &kernel;
    if (!is_older && first_newer == nullptr) first_newer = &kernel;
  }
  const auto behaves = [&](const RealKernel* kernel, Behaviour::Like like) {
    return kernel != nullptr && kernel->behaviours[index].like == like;
  };
  if (behaves(last_older, Behaviour::Like::kOlder) && behaves(first_newer, Behaviour::Like::kNewer))
    return fmt::format("the change lies between kernels {} and {}", last_older->release,
                       first_newer->release);
  const auto told = [&](const RealKernel* kernel) {
    return kernel == nullptr ? "none was asked"
                             : fmt::format("{} behaves as {}", kernel->release,
                                           LikeText(kernel->behaviours[index].like));
  };
  return fmt::format("these kernels do not show where: up to {}, {}; from {} on, {}", older.name,
                     told(last_older), newer.name, told(first_newer));
}

class BisectCommand {
 public:
  BisectCommand(Context& context, const BisectArguments& arguments)
      : context_(context), arguments_(arguments), progress_(context.err_is_terminal) {}

  int Run() {
    if (absl::Status status = Prepare(); !status.ok()) return Report(status);
    if (absl::Status status = AskAll(); !status.ok()) return Report(status);
    FindChanges();
    RunKernels();
    progress_.Clear();
    if (arguments_.json)
      fmt::print("{}\n", ToJson().dump(2));
    else
      Print();
    return Code();
  }

 private:
  absl::Status Prepare() {
    absl::StatusOr<Property> property = LoadProperty(context_.library, arguments_.property);
    if (!property.ok()) return property.status();
    property_ = *std::move(property);
    bounds_ = property_.bounds;
    if (absl::Status status = ApplyBounds(arguments_.bounds, bounds_); !status.ok()) return status;
    for (const std::string& name : arguments_.kernels)
      if (name != "native" && name.find('/') == std::string::npos && !IsKernelName(name))
        return absl::InvalidArgumentError(fmt::format(
            "--kernels {}: expected native, a series (6.12), a build, or a bzImage's path", name));
    absl::StatusOr<std::vector<Semantics>> kernels = KernelSemantics(context_.library);
    if (!kernels.ok()) return kernels.status();
    std::erase_if(*kernels, [](const Semantics& kernel) { return !KernelVersion(kernel.name); });
    const auto range = ParseRange(arguments_.over, *kernels);
    if (!range.ok()) return range.status();
    for (size_t i = range->first; i <= range->second; ++i)
      asked_.push_back({std::move((*kernels)[i]), {}});
    return absl::OkStatus();
  }

  absl::Status AskAll() {
    for (size_t i = 0; i < asked_.size(); ++i) {
      const Semantics& semantics = asked_[i].semantics;
      SearchOptions options;
      options.interrupted = &Interrupted();
      options.progress = [&](const SearchStats& stats) {
        progress_.Update([&] {
          return fmt::format("{} ({} of {}): {} states, depth {}", semantics.name, i + 1,
                             asked_.size(), Grouped(stats.states), stats.depth);
        });
      };
      absl::StatusOr<Verdict> verdict =
          Ask(context_.library, property_, semantics, bounds_, options);
      if (!verdict.ok()) return verdict.status();
      asked_[i].verdict = *std::move(verdict);
      complete_ &= IsAnswer(asked_[i].verdict);
      if (!Interrupted().load()) continue;
      complete_ &= i + 1 == asked_.size();
      asked_.resize(i + 1);
    }
    return absl::OkStatus();
  }

  // A kernel without an answer is passed over.
  void FindChanges() {
    std::optional<size_t> before;
    for (size_t i = 0; i < asked_.size(); ++i) {
      if (!IsAnswer(asked_[i].verdict)) continue;
      const std::optional<size_t> last = std::exchange(before, i);
      if (!last || asked_[*last].verdict.kind == asked_[i].verdict.kind) continue;
      const Asked &older = asked_[*last], &newer = asked_[i];
      Change change{*last, i, std::nullopt, older.verdict.has_witness};
      if (older.verdict.has_witness || newer.verdict.has_witness) {
        const Verdict& shown = older.verdict.has_witness ? older.verdict : newer.verdict;
        change.contrast = ReplayBoth(shown.witness.sequence, older.semantics, newer.semantics);
        shown_.push_back(changes_.size());
      }
      changes_.push_back(std::move(change));
    }
  }

  // All calls in one boot of each kernel.  One that cannot run is complained of, and does not
  // hide the others.
  void RunKernels() {
    std::vector<Sequence> sequences;
    for (const size_t i : shown_) sequences.push_back(changes_[i].contrast->first.sequence);
    if (sequences.empty()) return;
    for (const std::string& name : arguments_.kernels) {
      if (Interrupted().load()) complete_ = false;
      if (Interrupted().load()) return;
      progress_.Show(fmt::format("kernel {}: {} sequences", name, sequences.size()));
      absl::StatusOr<Observation> seen = Observe(context_.library, name, sequences, &Interrupted());
      progress_.Clear();
      if (!seen.ok()) {
        Complain(fmt::format("kernel {}: {}", name, std::string(seen.status().message())));
        not_run_.push_back(name);
        complete_ = false;
        continue;
      }
      RealKernel kernel{name, seen->release, ReleaseOf(name, seen->release), {}};
      for (size_t i = 0; i < shown_.size(); ++i) {
        const Change& change = changes_[shown_[i]];
        kernel.behaviours.push_back(BehaviourOf(change, asked_[change.older].semantics,
                                                asked_[change.newer].semantics, seen->traces[i]));
      }
      kernels_.push_back(std::move(kernel));
    }
    std::stable_sort(
        kernels_.begin(), kernels_.end(), [](const RealKernel& a, const RealKernel& b) {
          return KernelVersion("linux-" + a.release) < KernelVersion("linux-" + b.release);
        });
  }

  // A change that was found is one, whatever else is not known.
  int Code() const {
    if (!changes_.empty()) return kBroken;
    const bool decided = std::any_of(asked_.begin(), asked_.end(), [](const Asked& each) {
      return each.verdict.kind == Verdict::Kind::kHolds ||
             each.verdict.kind == Verdict::Kind::kBroken;
    });
    if (!decided) return Report(absl::UnavailableError("no kernel of these decides it"));
    return complete_ ? kHolds : kCouldNotRun;
  }

  // ---- What is printed ----

  void Print() const {
    size_t width = 0;
    for (const Asked& each : asked_) width = std::max(width, NameOf(each.semantics).size());
    for (const Asked& each : asked_)
      fmt::print("{:<{}}  {}\n", NameOf(each.semantics), width, Answer(each.verdict));
    size_t shown = 0;
    for (const Change& change : changes_) {
      PrintChange(change);
      if (change.contrast) PrintKernels(change, shown++);
    }
    fmt::print(
        "\n{}\n",
        Paint(fmt::format("{}: the answer changes in {} places", property_.name, changes_.size()),
              changes_.empty() ? Colour::kGreen : Colour::kRed, context_.out_is_terminal));
    if (complete_) return;
    fmt::print("{}\n", Interrupted().load() ? "interrupted: this is what is known so far"
                                            : "not every kernel gave an answer");
  }

  void PrintChange(const Change& change) const {
    const Asked &older = asked_[change.older], &newer = asked_[change.newer];
    fmt::print("\n{}\n",
               Paint(fmt::format("{}: {}; {}: {}", older.semantics.name, VerdictWord(older.verdict),
                                 newer.semantics.name, VerdictWord(newer.verdict)),
                     Colour::kBold, context_.out_is_terminal));
    if (!change.contrast) return fmt::print("  no calls of one of them show it\n");
    PrintTrace(older, change.contrast->first);
    PrintTrace(newer, change.contrast->second);
    const std::optional<size_t> at = FirstDifference(*change.contrast);
    fmt::print("  {}\n",
               at ? fmt::format("the first answer that differs is that of call {}", *at + 1)
                  : "every call is answered alike; what they leave behind is not");
  }

  void PrintTrace(const Asked& asked, const Trace& trace) const {
    fmt::print("  {}\n", asked.semantics.name);
    if (asked.verdict.has_witness) {
      for (const std::string& line :
           WitnessLines(asked.verdict, asked.semantics, context_.out_is_terminal))
        fmt::print("    {}\n", line);
      return;
    }
    for (const std::string& line :
         StraceLines(trace, asked.semantics,
                     {.reasons = true, .color = context_.out_is_terminal, .names = false}))
      fmt::print("          {}\n", line);
  }

  void PrintKernels(const Change& change, size_t shown) const {
    if (kernels_.empty()) return;
    const Semantics &older = asked_[change.older].semantics,
                    &newer = asked_[change.newer].semantics;
    for (const RealKernel& kernel : kernels_) {
      const Behaviour& behaviour = kernel.behaviours[shown];
      const std::string like = behaviour.like == Behaviour::Like::kOlder   ? older.name
                               : behaviour.like == Behaviour::Like::kNewer ? newer.name
                                                                           : "";
      fmt::print("  kernel {} ({}): {}\n", kernel.release, kernel.uname,
                 like.empty() ? fmt::format("{}: {}", LikeText(behaviour.like), behaviour.why)
                              : "answers as " + like);
    }
    fmt::print("  {}\n", WhereText(kernels_, shown, older, newer));
  }

  static std::optional<size_t> FirstDifference(const Contrast& contrast) {
    if (contrast.differences.empty()) return std::nullopt;
    return static_cast<size_t>(contrast.differences.front().call);
  }

  nlohmann::ordered_json ToJson() const {
    nlohmann::ordered_json json = {{"property", property_.name}, {"over", arguments_.over}};
    json["answers"] = nlohmann::ordered_json::array();
    for (const Asked& each : asked_)
      json["answers"].push_back({{"semantics", each.semantics.name},
                                 {"unconfirmed", each.semantics.unconfirmed},
                                 {"verdict", VerdictWord(each.verdict)},
                                 {"why", each.verdict.why},
                                 {"bounds", ToString(each.verdict.bounds)},
                                 {"stats", StatsJson(each.verdict.stats)}});
    json["changes"] = nlohmann::ordered_json::array();
    size_t shown = 0;
    for (const Change& change : changes_) {
      json["changes"].push_back(ChangeJson(change));
      if (change.contrast) AddKernels(change, shown++, &json["changes"].back());
    }
    json["kernels_not_run"] = not_run_;
    json["complete"] = complete_;
    return json;
  }

  nlohmann::ordered_json ChangeJson(const Change& change) const {
    const Asked &older = asked_[change.older], &newer = asked_[change.newer];
    nlohmann::ordered_json json = {{"older", older.semantics.name},
                                   {"newer", newer.semantics.name},
                                   {"older_verdict", VerdictWord(older.verdict)},
                                   {"newer_verdict", VerdictWord(newer.verdict)}};
    if (!change.contrast) return json;
    const auto trace = [&](const Trace& of, const Asked& asked) {
      return nlohmann::ordered_json::parse(
          TraceToJson(of, asked.semantics,
                      {property_.doc, property_.name, std::string(VerdictWord(asked.verdict))}));
    };
    json["witness_of"] = change.older_has_witness ? "older" : "newer";
    if (const auto at = FirstDifference(*change.contrast)) {
      const Call& call = change.contrast->first.sequence.calls[*at];
      const auto answer = [&](const Result& result, const Semantics& semantics) {
        return nlohmann::ordered_json{{"result", PrintResult(call, result, &semantics, nullptr)},
                                      {"decided_by", DecidedBy(result)}};
      };
      json["first_difference"] = {
          {"call", *at + 1},
          {"text", PrintCall(call, &older.semantics, nullptr)},
          {"older", answer(change.contrast->first.results[*at], older.semantics)},
          {"newer", answer(change.contrast->second.results[*at], newer.semantics)}};
    }
    json["older_trace"] = trace(change.contrast->first, older);
    json["newer_trace"] = trace(change.contrast->second, newer);
    return json;
  }

  void AddKernels(const Change& change, size_t shown, nlohmann::ordered_json* json) const {
    (*json)["kernels"] = nlohmann::ordered_json::array();
    for (const RealKernel& kernel : kernels_)
      (*json)["kernels"].push_back({{"kernel", kernel.name},
                                    {"uname", kernel.uname},
                                    {"release", kernel.release},
                                    {"behaves_as", LikeText(kernel.behaviours[shown].like)},
                                    {"why", kernel.behaviours[shown].why}});
    if (kernels_.empty()) return;
    (*json)["where"] =
        WhereText(kernels_, shown, asked_[change.older].semantics, asked_[change.newer].semantics);
  }

  Context& context_;
  const BisectArguments& arguments_;
  ProgressLine progress_;
  Property property_;
  Bounds bounds_;
  std::vector<Asked> asked_;
  std::vector<Change> changes_;
  std::vector<size_t> shown_;        // indices of the changes with calls
  std::vector<RealKernel> kernels_;  // by release
  std::vector<std::string> not_run_;
  bool complete_ = true;  // every kernel was asked, and answered
};

}  // namespace

void AddBisectCommand(CLI::App& app, Context& context) {
  CLI::App* bisect = app.add_subcommand(
      "bisect", "Find the kernels between which the answer to a question changes");
  auto arguments = std::make_shared<BisectArguments>();
  bisect->add_option("PROPERTY", arguments->property, "Name or path of a property")->required();
  bisect->add_option("--over", arguments->over, "Which kernels of the tree: FIRST..LAST, or newest")
      ->capture_default_str();
  bisect
      ->add_option("--kernels", arguments->kernels,
                   "Real kernels to make the calls on: native, series such as 6.12, or bzImages")
      ->delimiter(',');
  bisect->add_option("--bounds,-b", arguments->bounds,
                     "How much of everything: processes=2,fds=3,files=2,maps=2,pages=1,inodes=1,"
                     "messages=1,buffers=0,huge=0; the property's own if not given");
  bisect->add_flag("--json", arguments->json, "Print the report as JSON");
  bisect->footer(kBisectExample);
  bisect->callback(
      [&context, arguments] { context.exit_code = BisectCommand(context, *arguments).Run(); });
}

}  // namespace selkie
