// selkie mutate: is a semantics that was broken on purpose noticed?
#include "scenarios/mutate.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/differences.h"
#include "cli/progress.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "kernel/observe.h"
#include "model/step.h"
#include "scenarios/mutant_net.h"

namespace selkie {
namespace {

using Json = nlohmann::ordered_json;

struct MutateArguments {
  std::vector<std::string> semantics;
  NetOptions net;
  std::string confirm;  // a kernel
  bool prove = false;
  std::string memory = "512M";
  bool json = false;
};

constexpr const char* kMutateExample =
    "Breaks a semantics in one place at a time: a rule is gone, two rules that follow one\n"
    "another are swapped, an error is another one, a test of a condition is gone or asks the\n"
    "opposite, an effect has another bit. Each mutant makes the calls that conform makes\n"
    "(scenarios, corpus, combinations of errors, random sequences) beside the original; the\n"
    "first answer that differs is what conform would report on a kernel that does what the\n"
    "original says. --confirm runs those calls on a kernel. A mutant that is not noticed is\n"
    "equivalent if it decides every combination of the facts alike, or, with --prove, if the\n"
    "search of pairs of states (selkie diff) finds no difference within its bounds; else it is\n"
    "missed, or, without --prove, not known to differ. Exit code 1 for either.\n\n"
    "Example:\n"
    "  selkie mutate linux-6.18 --confirm native\n"
    "  selkie mutate --prove --json";

// What became of one mutant.
struct Fate {
  Mutant mutant;
  std::optional<Catch> caught;
  std::string equivalent;  // why; empty: it is not known to be
  bool compared = false;   // by a search of pairs of states, as --prove asks
  std::optional<bool> confirmed;
};

struct SemanticsFates {
  Semantics original;
  int64_t sequences = 0;
  std::vector<Fate> fates;
  std::string release;  // of the kernel that confirmed
  bool complete = false;

  int64_t Count(const std::function<bool(const Fate&)>& which) const {
    return std::count_if(fates.begin(), fates.end(), which);
  }
  int64_t noticed() const {
    return Count([](const Fate& f) { return f.caught.has_value(); });
  }
  int64_t equivalent() const {
    return Count([](const Fate& f) { return !f.equivalent.empty(); });
  }
  int64_t unnoticed() const {
    return static_cast<int64_t>(fates.size()) - noticed() - equivalent();
  }
  // Of those: a search did not find them equivalent.
  int64_t missed() const {
    return Count(
        [](const Fate& f) { return !f.caught.has_value() && f.equivalent.empty() && f.compared; });
  }
  int64_t not_compared() const { return unnoticed() - missed(); }
};

class MutateCommand {
 public:
  MutateCommand(Context& context, const MutateArguments& arguments)
      : context_(context), arguments_(arguments), progress_(context.err_is_terminal) {}

  int Run() {
    absl::StatusOr<std::vector<Semantics>> all = Wanted();
    if (!all.ok()) return Report(all.status());
    for (Semantics& semantics : *all) {
      auto fates = std::make_unique<SemanticsFates>();
      fates->original = std::move(semantics);
      absl::Status status = RunOne(*fates);
      progress_.Clear();
      if (!status.ok()) return Report(status);
      if (!arguments_.json) Print(*fates);
      all_.push_back(std::move(fates));
      if (Interrupted().load()) break;
    }
    if (arguments_.json)
      fmt::print("{}\n", ToJson().dump(2));
    else
      PrintSum();
    return Code();
  }

 private:
  absl::StatusOr<std::vector<Semantics>> Wanted() {
    std::vector<std::string> names = arguments_.semantics;
    if (names.empty()) {
      absl::StatusOr<std::vector<std::string>> every = context_.library.SemanticsNames();
      if (!every.ok()) return every.status();
      names = *std::move(every);
    }
    std::vector<Semantics> all;
    for (const std::string& name : names) {
      absl::StatusOr<Semantics> semantics = context_.library.LoadSemantics(name);
      if (!semantics.ok()) return semantics.status();
      if (!arguments_.semantics.empty() || semantics->is_kernel)
        all.push_back(*std::move(semantics));
    }
    return all;
  }

  absl::Status RunOne(SemanticsFates& fates) {
    progress_.Update([&] { return fmt::format("{}: the net is made", fates.original.name); });
    absl::StatusOr<MutantNet> net =
        MutantNet::Make(context_.library, fates.original, arguments_.net);
    if (!net.ok()) return net.status();
    fates.sequences = net->sequences();
    std::vector<Mutant> mutants = MutantsOf(fates.original);
    for (Mutant& mutant : mutants) {
      progress_.Update([&] {
        return fmt::format("{}: {} of {} mutants, {} noticed", fates.original.name,
                           fates.fates.size(), mutants.size(), fates.noticed());
      });
      Fate fate{std::move(mutant), std::nullopt, "", false, std::nullopt};
      fate.caught = net->Notice(fate.mutant.semantics, &Interrupted());
      if (Interrupted().load()) return absl::OkStatus();
      if (!fate.caught.has_value())
        if (absl::Status status = Compare(fates.original, fate); !status.ok()) return status;
      fates.fates.push_back(std::move(fate));
    }
    fates.complete = true;
    return arguments_.confirm.empty() ? absl::OkStatus() : Confirm(fates);
  }

  // Is the mutant, which was not noticed, any different?
  absl::Status Compare(const Semantics& original, Fate& fate) {
    if (std::optional<std::string> why = SameByLogic(original, fate.mutant)) {
      fate.equivalent = *why;
      return absl::OkStatus();
    }
    if (!arguments_.prove) return absl::OkStatus();
    fate.compared = true;
    DifferenceOptions options;
    options.random = 0;
    options.interrupted = &Interrupted();
    absl::StatusOr<uint64_t> bytes = ParseBytes(arguments_.memory);
    if (!bytes.ok()) return bytes.status();
    options.most_bytes = *bytes;
    absl::StatusOr<DifferenceReport> report =
        FindDifferences(context_.library, original, fate.mutant.semantics, options);
    if (!report.ok()) return report.status();
    bool proved = !report->rules.empty() && report->found.empty() && !report->searched.empty();
    uint64_t states = 0;
    for (const SearchedAlphabet& each : report->searched) {
      proved &= each.complete;
      states += each.stats.states;
    }
    if (proved)
      fate.equivalent = fmt::format("no difference in {} pairs of states of {} alphabets", states,
                                    report->searched.size());
    return absl::OkStatus();
  }

  // The kernel must do what the original says, where the mutant says something else.
  absl::Status Confirm(SemanticsFates& fates) {
    std::vector<Sequence> sequences;
    std::vector<std::pair<Fate*, size_t>> asked;
    for (Fate& fate : fates.fates) {
      if (!fate.caught.has_value() || fate.caught->call < 0) continue;
      const auto same = std::find(sequences.begin(), sequences.end(), fate.caught->sequence);
      asked.emplace_back(&fate, static_cast<size_t>(same - sequences.begin()));
      if (same == sequences.end()) sequences.push_back(fate.caught->sequence);
    }
    absl::StatusOr<Observation> seen =
        Observe(context_.library, arguments_.confirm, sequences, &Interrupted());
    if (!seen.ok()) return seen.status();
    fates.release = seen->release;
    for (auto& [fate, index] : asked) {
      const Trace expected = Replay(sequences[index], fates.original);
      const auto call = static_cast<size_t>(fate->caught->call);
      const ObservedCall& got = seen->traces[index].calls[call];
      fate->confirmed = got.result.has_value() && SameOutcome(*got.result, expected.results[call]);
    }
    return absl::OkStatus();
  }

  static std::string Share(int64_t part, int64_t whole) {
    return whole == 0 ? "-" : fmt::format("{:.1f} %", 100.0 * part / static_cast<double>(whole));
  }

  // What was not compared may be the same as the original, and is not counted as missed.
  static std::string UnnoticedText(int64_t missed, int64_t not_compared) {
    std::string text = fmt::format("{} missed", missed);
    if (not_compared > 0)
      text += fmt::format(", {} not noticed, not compared; --prove compares them", not_compared);
    return text;
  }

  void Print(const SemanticsFates& fates) const {
    const auto total = static_cast<int64_t>(fates.fates.size());
    fmt::print("{}: {} mutants, {} noticed, {} equivalent, {}: {} of those that may differ\n",
               fates.original.name, total, fates.noticed(), fates.equivalent(),
               UnnoticedText(fates.missed(), fates.not_compared()),
               Share(fates.noticed(), total - fates.equivalent()));
    for (const Fate& fate : fates.fates) {
      if (fate.caught.has_value()) continue;
      fmt::print("  {}: {} ({}){}\n",
                 !fate.equivalent.empty() ? "equivalent"
                 : fate.compared          ? "missed"
                                          : "not noticed",
                 fate.mutant.change, TextOf(fate.mutant.kind),
                 fate.equivalent.empty() ? "" : fmt::format(": {}", fate.equivalent));
    }
    if (fates.release.empty()) return;
    const int64_t asked = fates.Count([](const Fate& f) { return f.confirmed.has_value(); });
    const int64_t right = fates.Count([](const Fate& f) { return f.confirmed.value_or(false); });
    fmt::print("  kernel {}: noticed there as well: {} of {}\n", fates.release, right, asked);
    for (const Fate& fate : fates.fates)
      if (fate.confirmed.has_value() && !*fate.confirmed)
        fmt::print("  not confirmed: {} ({})\n", fate.mutant.change, fate.caught->origin);
  }

  void PrintSum() const {
    int64_t total = 0, noticed = 0, equivalent = 0, missed = 0, not_compared = 0;
    for (const auto& each : all_) {
      total += static_cast<int64_t>(each->fates.size());
      noticed += each->noticed();
      equivalent += each->equivalent();
      missed += each->missed();
      not_compared += each->not_compared();
    }
    fmt::print("{} mutants of {} semantics: {} noticed, {} equivalent, {}; {} noticed\n", total,
               all_.size(), noticed, equivalent, UnnoticedText(missed, not_compared),
               Share(noticed, total - equivalent));
    if (Interrupted().load()) fmt::print("interrupted: this is what is known so far\n");
  }

  Json ToJson() const {
    Json json = {{"semantics", Json::array()}, {"interrupted", Interrupted().load()}};
    for (const auto& each : all_) {
      Json survivors = Json::array();
      std::map<std::string, int64_t> by;
      std::map<std::string, std::array<int64_t, 2>> kinds;
      int64_t asked = 0, confirmed = 0;
      for (const Fate& fate : each->fates) {
        if (fate.confirmed.has_value()) ++asked;
        if (fate.confirmed.value_or(false)) ++confirmed;
        auto& kind = kinds[std::string(TextOf(fate.mutant.kind))];
        ++kind[0];
        if (fate.caught.has_value()) {
          ++kind[1];
          ++by[std::string(TextOf(fate.caught->by))];
          continue;
        }
        survivors.push_back({{"change", fate.mutant.change},
                             {"kind", TextOf(fate.mutant.kind)},
                             {"equivalent", fate.equivalent}});
      }
      json["semantics"].push_back({{"name", each->original.name},
                                   {"sequences", each->sequences},
                                   {"mutants", each->fates.size()},
                                   {"noticed", each->noticed()},
                                   {"equivalent", each->equivalent()},
                                   {"missed", each->missed()},
                                   {"not_compared", each->not_compared()},
                                   {"by", by},
                                   {"kinds", kinds},
                                   {"kernel", each->release},
                                   {"asked_of_kernel", asked},
                                   {"confirmed", confirmed},
                                   {"survivors", survivors},
                                   {"complete", each->complete}});
    }
    return json;
  }

  int Code() const {
    bool any = false, missed = false;
    for (const auto& each : all_) {
      any |= !each->fates.empty();
      missed |= each->unnoticed() > 0;
      for (const Fate& fate : each->fates) missed |= !fate.confirmed.value_or(true);
    }
    if (!any) return Report(absl::UnavailableError("no mutant was tried: nothing is known"));
    return missed ? kBroken : kHolds;
  }

  Context& context_;
  const MutateArguments& arguments_;
  ProgressLine progress_;
  std::vector<std::unique_ptr<SemanticsFates>> all_;
};

}  // namespace

void AddMutateCommand(CLI::App& app, Context& context) {
  CLI::App* mutate = app.add_subcommand(
      "mutate", "Break semantics on purpose, in every place, and see whether it is noticed");
  auto arguments = std::make_shared<MutateArguments>();
  mutate->add_option("SEMANTICS", arguments->semantics,
                     "Names or paths; default: those of all kernels");
  mutate->add_option("--random", arguments->net.random, "Random sequences")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 24))
      ->capture_default_str();
  mutate->add_option("--length", arguments->net.length, "Calls of each random sequence")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  mutate->add_option("--seed", arguments->net.seed, "Seed of the random sequences")
      ->capture_default_str();
  mutate
      ->add_option("--errno", arguments->net.errors,
                   "Combinations of up to so many errors at once; -1: none")
      ->check(CLI::Range(-1, 3))
      ->capture_default_str();
  mutate->add_option("--confirm", arguments->confirm,
                     "Kernel that is to show the differences: native, a series or an image");
  mutate->add_flag("--prove", arguments->prove,
                   "Search pairs of states for those that nothing noticed");
  mutate->add_option("--memory", arguments->memory, "Of each such search")->capture_default_str();
  mutate->add_flag("--json", arguments->json, "Print the result as JSON");
  mutate->footer(kMutateExample);
  mutate->callback(
      [&context, arguments] { context.exit_code = MutateCommand(context, *arguments).Run(); });
}

}  // namespace selkie
