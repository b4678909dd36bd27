#include "cli/differences.h"

#include <algorithm>
#include <set>

#include "checker/compare.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "scenarios/print.h"
#include "scenarios/scenario.h"
#include "scenarios/tell_apart.h"

namespace selkie {
namespace {

bool HasBit(const Semantics& semantics, const Semantics& other) {
  return (other.known_seals & ~semantics.known_seals) == 0;
}

class DifferenceSearch {
 public:
  DifferenceSearch(const Library& library, const Semantics& first, const Semantics& second,
                   const DifferenceOptions& options)
      : library_(library), first_(first), second_(second), options_(options) {
    report_.rules = RulesThatDiffer(first, second);
    for (const RuleDifference& rule : report_.rules) {
      unseen_.insert(rule.name);
      lacking_.emplace_back(Lacking(first, rule, second), Lacking(second, rule, first));
    }
  }

  absl::StatusOr<DifferenceReport> Run() {
    if (report_.rules.empty()) return report_;
    absl::StatusOr<std::vector<std::string>> files =
        FilesUnder(library_.root() + "/checker/differences", ".prop");
    if (!files.ok()) return files.status();
    for (const std::string& file : *files)
      if (absl::Status status = Exhaust(file); !status.ok()) return status;
    TakeSequences();
    AtRandom();
    report_.interrupted = options_.interrupted != nullptr && options_.interrupted->load();
    report_.unseen.assign(unseen_.begin(), unseen_.end());
    std::stable_sort(report_.found.begin(), report_.found.end(),
                     [](const FoundDifference& a, const FoundDifference& b) {
                       return a.contrast.first.results.size() < b.contrast.first.results.size();
                     });
    return std::move(report_);
  }

 private:
  // One alphabet.  Calls are written with the seals of that semantics which has more.
  absl::Status Exhaust(const std::string& file) {
    absl::StatusOr<Property> property = LoadProperty(library_, file);
    if (!property.ok()) return property.status();
    Bounds bounds = property->bounds;
    if (absl::Status status = ApplyBounds(options_.bounds, bounds); !status.ok()) return status;
    const bool swap = !HasBit(first_, second_);
    absl::StatusOr<Machine> one =
        Machine::Make(*property, swap ? second_ : first_, bounds, Alike::kEach);
    if (!one.ok()) return one.status();
    absl::StatusOr<Machine> other =
        Machine::Make(*property, swap ? first_ : second_, bounds, Alike::kEach);
    if (!other.ok()) return other.status();
    SearchOptions search_options;
    search_options.all_kinds = true;
    search_options.most_bytes = options_.most_bytes;
    search_options.interrupted = options_.interrupted;
    search_options.progress = [&](const SearchStats& stats) {
      if (options_.progress) options_.progress(property->name, stats);
    };
    absl::StatusOr<Search> search = ExplorePairs(*one, *other, search_options);
    if (!search.ok()) return search.status();
    report_.searched.push_back({property->name, ToString(bounds), search->stats,
                                search->ending == Search::Ending::kExhausted});
    for (const Search::Hit& hit : search->hits)
      sequences_.push_back(
          {SequenceOf(*one, hit.path), fmt::format("exhaustive search ({})", property->name)});
    return absl::OkStatus();
  }

  static Sequence SequenceOf(const Machine& machine, const std::vector<Move>& path) {
    Sequence sequence;
    sequence.limits = machine.Initial().limits;
    sequence.uids.clear();
    for (const Task& task : machine.Initial().tasks)
      if (task.state == TaskState::kRunning) sequence.uids.push_back(task.uid);
    for (const Move& move : path) sequence.calls.push_back(move.call);
    return sequence;
  }

  // First those that begin in equal states; then those whose states had parted, unless
  // the call that shows it differs in equal states too.
  void TakeSequences() {
    for (const bool hidden : {false, true})
      for (const auto& [sequence, method] : sequences_) {
        const Contrast contrast = ReplayBoth(sequence, first_, second_);
        if (contrast.differences.empty()) continue;
        const Difference& difference = contrast.differences.front();
        if ((difference.origin != difference.call) != hidden || IsKnown(difference)) continue;
        const std::optional<Sequence> shortest =
            ShortestThat(sequence, first_, second_, [&](const Contrast&, const Difference& d) {
              return d.kind == difference.kind && !d.after_another && !Explained(d);
            });
        if (shortest) Take(*shortest, method);
      }
  }

  // A hidden difference that shows in an answer which differs in equal states too.
  bool Explained(const Difference& difference) const {
    return difference.origin != difference.call && kinds_.contains(difference.decision);
  }
  bool IsKnown(const Difference& difference) const {
    return kinds_.contains(difference.kind) || Explained(difference);
  }

  // A kind that is known is replaced only by shorter calls.
  void Take(const Sequence& sequence, const std::string& method) {
    FoundDifference found;
    found.method = method;
    found.contrast = ReplayBoth(sequence, first_, second_);
    found.difference = found.contrast.differences.back();
    for (size_t i = 0; i < report_.rules.size(); ++i) {
      if (!AtWork(i, found.contrast, found.difference)) continue;
      found.rules.push_back(report_.rules[i].name);
      unseen_.erase(report_.rules[i].name);
    }
    for (FoundDifference& known : report_.found) {
      if (known.difference.kind != found.difference.kind) continue;
      if (sequence.calls.size() < known.contrast.first.sequence.calls.size())
        known = std::move(found);
      return;
    }
    kinds_.insert(found.difference.kind);
    report_.found.push_back(std::move(found));
  }

  // New kinds, and calls that show a rule which none has shown yet, if need be after an
  // answer that differed already: of a seal that one side does not have.
  void AtRandom() {
    const auto shows_unseen = [this](const Contrast& contrast, const Difference& difference) {
      for (size_t i = 0; i < report_.rules.size(); ++i)
        if (unseen_.contains(report_.rules[i].name) && AtWork(i, contrast, difference)) return true;
      return false;
    };
    const auto wanted = [&](const Contrast& contrast, const Difference& difference) {
      if (IsKnown(difference)) return false;
      return !difference.after_another || shows_unseen(contrast, difference);
    };
    TellApart(
        first_, second_,
        {.sequences = options_.random, .seed = options_.seed, .interrupted = options_.interrupted},
        wanted, [this](const Sequence& sequence) { Take(sequence, "random search"); });
  }

  bool AtWork(size_t rule, const Contrast& contrast, const Difference& difference) const {
    return IsAtWork(contrast, difference, first_, second_, lacking_[rule].first,
                    lacking_[rule].second);
  }

  const Library& library_;
  const Semantics& first_;
  const Semantics& second_;
  const DifferenceOptions& options_;
  DifferenceReport report_;
  std::set<std::string> unseen_;
  std::vector<std::pair<Semantics, Semantics>> lacking_;  // by rule: both without it
  std::set<uint64_t> kinds_;
  std::vector<std::pair<Sequence, std::string>> sequences_;  // from exhaustive searches
};

}  // namespace

absl::StatusOr<DifferenceReport> FindDifferences(const Library& library, const Semantics& first,
                                                 const Semantics& second,
                                                 const DifferenceOptions& options) {
  return DifferenceSearch(library, first, second, options).Run();
}

std::string ScenarioOf(const FoundDifference& found, const Semantics& first,
                       const Semantics& second, const std::string& name) {
  // Seals are written by name only if both have them.
  const Semantics& fewer = HasBit(first, second) ? second : first;
  std::string doc =
      fmt::format("Tells {} from {}, found by {}", first.name, second.name, found.method);
  if (!found.rules.empty()) doc += fmt::format(": {}", fmt::join(found.rules, ", "));
  return PrintScenario(
      found.contrast.first, &fewer,
      {.name = name, .doc = doc + ".", .rules = true, .others = {&found.contrast.second}});
}

}  // namespace selkie
