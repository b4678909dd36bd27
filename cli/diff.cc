// selkie diff: which calls tell two semantics apart?
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/differences.h"
#include "cli/discriminating.h"
#include "cli/output_path.h"
#include "cli/progress.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/call_text.h"
#include "scenarios/scenario.h"

namespace selkie {
namespace {

struct DiffArguments {
  std::string first, second;
  std::string scenarios;  // file to write
  std::string bounds;
  std::optional<std::string> memory;
  int64_t random = DifferenceOptions{}.random;
  uint64_t seed = 1;
  bool json = false;
  bool kernels = false;  // every pair of kernels instead
  bool answers = false;  // only the answers of the tree's scenarios anew
  bool missing = false;  // what these do not tell apart, too
};

constexpr const char* kDiffExample =
    "Both semantics run the same calls, in every order within the bounds, until an answer\n"
    "differs; of each kind of difference (what decided, on both sides) the shortest calls are\n"
    "printed as a scenario that runs on both.  What no exhaustive search reaches is looked for\n"
    "at random and made short; each scenario says how it was found.\n\n"
    "Example:\n"
    "  selkie diff linux-6.1 linux-6.12\n"
    "  selkie diff linux-6.12.90 linux-6.12 --scenarios differences.scn\n"
    "  selkie diff --kernels --scenarios scenarios/discriminating/kernels.scn";

std::string PlaceOf(const Rule* rule) {
  return rule == nullptr ? "absent" : fmt::format("{}:{}", rule->file, rule->line);
}

nlohmann::ordered_json RuleJson(const RuleDifference& rule) {
  nlohmann::ordered_json json = {{"name", rule.name}};
  if (rule.point < 0) return json;
  json["first"] = rule.first == nullptr ? "" : rule.first->text;
  json["second"] = rule.second == nullptr ? "" : rule.second->text;
  return json;
}

class DiffCommand {
 public:
  DiffCommand(Context& context, const DiffArguments& arguments)
      : context_(context), arguments_(arguments), progress_(context.err_is_terminal) {}

  int Run() {
    if (absl::Status status = FileCanBeWritten("--scenarios", arguments_.scenarios); !status.ok())
      return Report(status);
    if (arguments_.kernels && !arguments_.first.empty())
      return Report(absl::InvalidArgumentError(fmt::format(
          "diff: '{}' and --kernels cannot be given together: --kernels compares each kernel of "
          "the tree with each",
          arguments_.first)));
    if (arguments_.kernels) return EveryPair();
    if (arguments_.first.empty() || arguments_.second.empty())
      return Report(absl::InvalidArgumentError(
          "diff: two semantics are needed, FIRST and SECOND, or --kernels"));
    absl::StatusOr<Semantics> first = context_.library.LoadSemantics(arguments_.first);
    if (!first.ok()) return Report(first.status());
    absl::StatusOr<Semantics> second = context_.library.LoadSemantics(arguments_.second);
    if (!second.ok()) return Report(second.status());
    absl::StatusOr<DifferenceOptions> options = Options();
    if (!options.ok()) return Report(options.status());
    absl::StatusOr<DifferenceReport> report =
        FindDifferences(context_.library, *first, *second, *options);
    progress_.Clear();
    if (!report.ok()) return Report(report.status());
    return Tell(*report, *first, *second);
  }

 private:
  absl::StatusOr<DifferenceOptions> Options() {
    DifferenceOptions options;
    options.bounds = arguments_.bounds;
    options.random = arguments_.random;
    options.seed = arguments_.seed;
    options.interrupted = &Interrupted();
    if (arguments_.memory) {
      absl::StatusOr<uint64_t> bytes = ParseBytes(*arguments_.memory);
      if (!bytes.ok()) return bytes.status();
      options.most_bytes = *bytes;
    }
    options.progress = [this](std::string_view alphabet, const SearchStats& stats) {
      progress_.Update([&] {
        return fmt::format("{}: {} pairs of states, depth {}, {}", alphabet, Grouped(stats.states),
                           stats.depth, Bytes(stats.bytes));
      });
    };
    return options;
  }

  absl::StatusOr<std::vector<NamedSequence>> Sequences(const std::vector<Semantics>& kernels,
                                                       const DifferenceOptions& options) {
    if (!arguments_.answers && !arguments_.missing)
      return FindDiscriminating(context_.library, kernels, options);
    absl::StatusOr<std::vector<NamedSequence>> known =
        LoadDiscriminating(context_.library, kernels);
    if (!known.ok() || arguments_.answers) return known;
    return FindMissing(context_.library, kernels, options, *std::move(known));
  }

  // The calls by which kernels are told apart, for the tree.
  int EveryPair() {
    absl::StatusOr<std::vector<Semantics>> kernels = KernelSemantics(context_.library);
    if (!kernels.ok()) return Report(kernels.status());
    absl::StatusOr<DifferenceOptions> options = Options();
    if (!options.ok()) return Report(options.status());
    absl::StatusOr<std::vector<NamedSequence>> found = Sequences(*kernels, *options);
    progress_.Clear();
    if (!found.ok()) return Report(found.status());
    const std::string text = PrintDiscriminating(*found, *kernels);
    if (arguments_.scenarios.empty()) {
      fmt::print("{}", text);
    } else {
      const absl::Status status = WriteTextFile(arguments_.scenarios, text);
      if (!status.ok()) return Report(status);
      fmt::print("{}: {} scenarios\n", arguments_.scenarios, found->size());
    }
    return kHolds;
  }

  int Tell(const DifferenceReport& report, const Semantics& first, const Semantics& second) {
    std::vector<std::string> scenarios;
    for (size_t i = 0; i < report.found.size(); ++i)
      scenarios.push_back(
          ScenarioOf(report.found[i], first, second, fmt::format("difference-{}", i + 1)));
    if (arguments_.json)
      fmt::print("{}\n", ToJson(report, first, second, scenarios).dump(2));
    else
      Print(report, first, second, scenarios);
    if (!arguments_.scenarios.empty()) {
      const absl::Status status =
          WriteTextFile(arguments_.scenarios, fmt::format("{}", fmt::join(scenarios, "\n")));
      if (!status.ok()) return Report(status);
    }
    if (!report.found.empty()) return kBroken;
    return report.interrupted ? kCouldNotRun : kHolds;
  }

  void Print(const DifferenceReport& report, const Semantics& first, const Semantics& second,
             const std::vector<std::string>& scenarios) const {
    for (const std::string& scenario : scenarios) fmt::print("{}\n", scenario);
    for (const RuleDifference& rule : report.rules)
      fmt::print("{}: {}\n", rule.name,
                 rule.point < 0
                     ? "differs"
                     : fmt::format("{} | {}", PlaceOf(rule.first), PlaceOf(rule.second)));
    for (const SearchedAlphabet& each : report.searched)
      fmt::print("{}{}: {}; bounds {}\n", each.name, each.complete ? "" : " (not finished)",
                 Describe(each.stats), each.bounds);
    fmt::print(
        "{}{}\n",
        Paint(fmt::format("{} and {}: {} kinds of difference, by {} rules", NameOf(first),
                          NameOf(second), report.found.size(), report.rules.size()),
              report.found.empty() ? Colour::kGreen : Colour::kRed, context_.out_is_terminal),
        report.unseen.empty()
            ? ""
            : fmt::format("; not seen at work: {}", fmt::join(report.unseen, ", ")));
    if (report.interrupted) fmt::print("interrupted: this is what is known so far\n");
  }

  static nlohmann::ordered_json ToJson(const DifferenceReport& report, const Semantics& first,
                                       const Semantics& second,
                                       const std::vector<std::string>& scenarios) {
    nlohmann::ordered_json json = {{"first", first.name},
                                   {"second", second.name},
                                   {"unconfirmed", first.unconfirmed || second.unconfirmed}};
    json["rules"] = nlohmann::ordered_json::array();
    for (const RuleDifference& rule : report.rules) json["rules"].push_back(RuleJson(rule));
    json["not_seen"] = report.unseen;
    json["differences"] = nlohmann::ordered_json::array();
    for (size_t i = 0; i < report.found.size(); ++i) {
      const Contrast& contrast = report.found[i].contrast;
      const Call& call = contrast.first.sequence.calls.back();
      const auto answer = [&](const Result& result, const Semantics& semantics) {
        return nlohmann::ordered_json{{"result", PrintResult(call, result, &semantics, nullptr)},
                                      {"decided_by", DecidedBy(result)}};
      };
      json["differences"].push_back({{"call", ShortName(call.op)},
                                     {"first", answer(contrast.first.results.back(), first)},
                                     {"second", answer(contrast.second.results.back(), second)},
                                     {"calls", contrast.first.sequence.calls.size()},
                                     {"parted_at", report.found[i].difference.origin + 1},
                                     {"rules", report.found[i].rules},
                                     {"method", report.found[i].method},
                                     {"scenario", scenarios[i]}});
    }
    json["searched"] = nlohmann::ordered_json::array();
    for (const SearchedAlphabet& each : report.searched)
      json["searched"].push_back({{"alphabet", each.name},
                                  {"bounds", each.bounds},
                                  {"complete", each.complete},
                                  {"stats", StatsJson(each.stats)}});
    json["interrupted"] = report.interrupted;
    return json;
  }

  Context& context_;
  const DiffArguments& arguments_;
  ProgressLine progress_;
};

}  // namespace

void AddDiffCommand(CLI::App& app, Context& context) {
  CLI::App* diff = app.add_subcommand(
      "diff", "Find the shortest calls that tell two semantics apart, one for each kind");
  auto arguments = std::make_shared<DiffArguments>();
  diff->add_option("FIRST", arguments->first, "Name or path of a semantics");
  diff->add_option("SECOND", arguments->second, "Another");
  diff->add_flag("--kernels", arguments->kernels,
                 "Instead: every pair of kernels of the tree, as one file of scenarios");
  diff->add_flag("--answers", arguments->answers,
                 "With --kernels: keep the tree's scenarios, and only write what each kernel's "
                 "rules answer now");
  diff->add_flag(
          "--missing", arguments->missing,
          "With --kernels: keep the tree's scenarios, and look only for calls by which rules "
          "are told that these do not tell")
      ->needs("--kernels")
      ->excludes("--answers");
  diff->add_option("--scenarios", arguments->scenarios, "Also write the scenarios to this file");
  diff->add_option("--bounds,-b", arguments->bounds,
                   "Changes to the bounds of each alphabet in checker/differences: maps=3");
  diff->add_option("--memory", arguments->memory,
                   "Stop an alphabet when states take more: 512M, 4G, 4M at least [1G]");
  diff->add_option("--random", arguments->random, "Random sequences after that")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40))
      ->capture_default_str();
  diff->add_option("--seed", arguments->seed, "Seed of the random sequences")
      ->capture_default_str();
  diff->add_flag("--json", arguments->json, "Print the report as JSON");
  diff->footer(kDiffExample);
  diff->callback(
      [&context, arguments] { context.exit_code = DiffCommand(context, *arguments).Run(); });
}

}  // namespace selkie
