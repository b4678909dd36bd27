#include "checker/check.h"

#include <algorithm>

#include "checker/compare.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

bool MakesInodes(const Semantics& semantics) {
  return std::any_of(semantics.rules.begin(), semantics.rules.end(),
                     [](const Rule& rule) { return rule.effect == EffectKind::kFreshInode; });
}

OpSet OpsNamed(const std::vector<std::string>& names) {
  OpSet ops;
  for (const CallSpec& spec : CallTable())
    if (std::find(names.begin(), names.end(), ShortName(spec.op)) != names.end())
      ops.set(static_cast<size_t>(spec.op));
  return ops;
}

// A promise about seals, whoever set them, and not about a protocol.
bool NamesSealsAlone(const Property& property) {
  return property.kind == Property::Kind::kNever &&
         (BitsRead(property.clause.terms) & fact::kNeedSeal) == 0;
}

bool SameAnswers(const Trace& a, const Trace& b) {
  return std::equal(a.results.begin(), a.results.end(), b.results.begin(), b.results.end(),
                    SameOutcome);
}

// The witness without the bounds of the search and without idle tasks, as far as
// that changes no answer.
Trace WitnessOf(const Machine& machine, const Search& search) {
  Sequence sequence;
  sequence.limits = machine.Initial().limits;
  sequence.uids.clear();
  for (const Task& task : machine.Initial().tasks)
    if (task.state == TaskState::kRunning) sequence.uids.push_back(task.uid);
  for (const Move& move : search.path) sequence.calls.push_back(move.call);
  Trace witness = Replay(sequence, machine.semantics());
  auto keep_if_same = [&](Sequence simpler) {
    Trace trace = Replay(simpler, machine.semantics());
    if (SameAnswers(witness, trace)) witness = std::move(trace);
  };
  Sequence free = sequence;
  free.limits = Limits{};
  keep_if_same(free);
  while (witness.sequence.uids.size() > 1) {
    Sequence fewer = witness.sequence;
    fewer.uids.pop_back();
    keep_if_same(fewer);
    if (witness.sequence.uids.size() != fewer.uids.size()) break;
  }
  return witness;
}

void Conclude(const Property& property, const Search& search, Verdict& verdict) {
  const bool hit = search.ending == Search::Ending::kHit;
  const bool reach = property.kind == Property::Kind::kReach;
  if (hit || search.ending == Search::Ending::kExhausted)
    verdict.kind = hit == reach ? Verdict::Kind::kHolds : Verdict::Kind::kBroken;
  else
    verdict.kind = Verdict::Kind::kStopped;
  if (search.ending == Search::Ending::kInterrupted) verdict.why = "interrupted";
  if (search.ending == Search::Ending::kMemory) verdict.why = "the memory limit was reached";
  if (search.ending == Search::Ending::kDiskFull) verdict.why = search.why;
  if (hit || search.ending != Search::Ending::kExhausted) return;
  verdict.why = VacuousBecause(property, search.stats);
  if (verdict.why.empty() || reach) return;
  verdict.kind = NamesSealsAlone(property) && search.stats.ops_after_seal.none()
                     ? Verdict::Kind::kNotApplicable
                     : Verdict::Kind::kVacuous;
}

}  // namespace

std::string VacuousBecause(const Property& property, const SearchStats& stats) {
  if (property.kind == Property::Kind::kSameAs)
    return stats.transitions == 0 ? "no call of the property changed anything" : "";
  if (stats.ops_after_seal.none())
    return NamesSealsAlone(property) ? "the seals that it names cannot be set under these rules"
                                     : "the seal was never set within the bounds";
  if (property.needs.empty() || (stats.ops_after_seal & OpsNamed(property.needs)).any()) return "";
  return fmt::format("after the seal none of {} was tried", fmt::join(property.needs, ", "));
}

namespace {

// What was searched, for what was asked.
struct Asked {
  Machine machine, baseline;
  Search search;
  bool pairs = false;
};

absl::StatusOr<Asked> SearchFor(const Property& property, const Semantics& semantics,
                                const Semantics* baseline, const Bounds& bounds,
                                const SearchOptions& options) {
  const bool pairs = property.kind == Property::Kind::kSameAs;
  if (pairs && baseline == nullptr)
    return absl::InvalidArgumentError(fmt::format(
        "property {} compares with {}: no baseline was given", property.name, property.same_as));
  absl::StatusOr<Machine> machine = Machine::Make(property, semantics, bounds);
  if (!machine.ok()) return machine.status();
  absl::StatusOr<Machine> base = pairs ? Machine::Make(property, *baseline, bounds) : *machine;
  if (!base.ok()) return base.status();
  absl::StatusOr<Search> search =
      pairs ? ExplorePairs(*base, *machine, options) : Explore(*machine, options);
  if (!search.ok()) return search.status();
  return Asked{*std::move(machine), *std::move(base), *std::move(search), pairs};
}

Bounds BoundsFor(const Semantics& semantics, Bounds bounds) {
  if (MakesInodes(semantics)) bounds.inodes = std::max(bounds.inodes, 2);
  return bounds;
}

// The verdict with the path that the search has.
Verdict VerdictOf(const Property& property, const Semantics* baseline, const Bounds& bounds,
                  const Asked& asked) {
  Verdict verdict;
  verdict.bounds = bounds;
  verdict.stats = asked.search.stats;
  verdict.resumed = asked.search.resumed;
  Conclude(property, asked.search, verdict);
  if (asked.search.ending != Search::Ending::kHit) return verdict;
  verdict.has_witness = true;
  verdict.witness = WitnessOf(asked.machine, asked.search);
  if (asked.pairs) verdict.baseline = Replay(verdict.witness.sequence, *baseline).results;
  for (const Move& move : asked.search.path) verdict.protocol.push_back(move.protocol);
  return verdict;
}

}  // namespace

absl::StatusOr<Verdict> Check(const Property& property, const Semantics& semantics,
                              const Semantics* baseline, const Bounds& bounds,
                              const SearchOptions& options) {
  const Bounds within = BoundsFor(semantics, bounds);
  const absl::StatusOr<Asked> asked = SearchFor(property, semantics, baseline, within, options);
  if (!asked.ok()) return asked.status();
  return VerdictOf(property, baseline, within, *asked);
}

absl::StatusOr<std::vector<Verdict>> CheckAll(const Property& property, const Semantics& semantics,
                                              const Semantics* baseline, const Bounds& bounds,
                                              const SearchOptions& options) {
  SearchOptions all = options;
  all.all_kinds = true;
  all.folder.path.clear();
  const Bounds within = BoundsFor(semantics, bounds);
  absl::StatusOr<Asked> asked = SearchFor(property, semantics, baseline, within, all);
  if (!asked.ok()) return asked.status();
  const bool whole = asked->search.ending == Search::Ending::kExhausted;
  std::vector<Verdict> verdicts;
  for (const Search::Hit& hit : asked->search.hits) {
    asked->search.ending = Search::Ending::kHit;
    asked->search.path = hit.path;
    verdicts.push_back(VerdictOf(property, baseline, within, *asked));
    if (!whole) verdicts.back().why = "the search was stopped before its end: there may be more";
  }
  if (verdicts.empty()) verdicts.push_back(VerdictOf(property, baseline, within, *asked));
  return verdicts;
}

}  // namespace selkie
