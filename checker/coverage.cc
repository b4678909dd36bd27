#include "checker/coverage.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "checker/single_system.h"

namespace selkie {
namespace {

// True if the line stands for the call: it agrees in all that is no name.
bool StandsFor(const CallTemplate& line, const Call& call) {
  if (line.call.op != call.op) return false;
  for (int i = 0; i < kMaxWords; ++i)
    if (line.wild[i] == Wild::kNone && line.call.arg[i] != call.arg[i]) return false;
  return true;
}

class Counter {
 public:
  Counter(const Machine& machine, const Semantics& semantics) : machine_(machine) {
    for (const CallTemplate& line : machine.alphabet()) coverage_.calls.push_back({line.text});
    for (const ProtocolStep& step : semantics.protocol.steps)
      coverage_.calls.push_back({"seal> " + step.text});
    for (const Rule& rule : semantics.rules) coverage_.rules.push_back({&rule, 0});
  }

  void Count(const State& before, const Move& move, const StepOutcome& outcome) {
    if (!outcome.made) return;
    const Effect& effect = outcome.result.effect;
    CallCoverage& call = coverage_.calls[PlaceOf(before, move)];
    ++call.tried;
    call.succeeded += outcome.result.ok();
    call.changed += outcome.changed || effect.ChangedInode();
    call.after_seal += machine_.InForce(before);
    if (outcome.result.rule == nullptr || coverage_.rules.empty()) return;
    const auto index = outcome.result.rule - coverage_.rules[0].rule;
    ++coverage_.rules[static_cast<size_t>(index)].decided;
  }

  SearchCoverage Take() { return std::move(coverage_); }
  SearchCoverage& coverage() { return coverage_; }

 private:
  size_t PlaceOf(const State& before, const Move& move) const {
    const std::vector<CallTemplate>& lines = machine_.alphabet();
    const int done = before.tasks[move.call.task].mark & ((1 << mark::kRoleShift) - 1);
    if (move.protocol) return lines.size() + static_cast<size_t>(done);
    const auto found = std::find_if(lines.begin(), lines.end(), [&](const CallTemplate& line) {
      return StandsFor(line, move.call);
    });
    return static_cast<size_t>(found - lines.begin());
  }

  const Machine& machine_;
  SearchCoverage coverage_;
};

}  // namespace

absl::StatusOr<SearchCoverage> Cover(const Property& property, const Semantics& semantics,
                                     const Bounds& bounds, const SearchOptions& options) {
  absl::StatusOr<Machine> machine = Machine::Make(property, semantics, bounds);
  if (!machine.ok()) return machine.status();
  const SingleSystem system{*machine};
  Counter counter(*machine, semantics);
  absl::flat_hash_set<PackedWords> seen;
  std::vector<PackedWords> waiting;
  const auto visit = [&](const State& state) {
    PackedWords words{};
    if (system.Store(system.Canonical(state), words) && seen.insert(words).second)
      waiting.push_back(words);
  };
  visit(system.Initial());
  while (!waiting.empty() && counter.coverage().complete) {
    State state = system.Initial();
    system.Load(waiting.back(), state);
    waiting.pop_back();
    machine->ForEachMove(state, [&](const Move& move, int) {
      State after = state;
      const StepOutcome outcome = machine->Apply(after, move);
      counter.Count(state, move, outcome);
      if (outcome.changed) visit(after);
      return false;
    });
    const bool interrupted = options.interrupted != nullptr && options.interrupted->load();
    const bool full = (seen.size() + waiting.size()) * sizeof(PackedWords) > options.most_bytes;
    counter.coverage().complete = !interrupted && !full;
    if (options.progress && seen.size() % 1024 == 0) {
      SearchStats stats;
      stats.states = seen.size();
      options.progress(stats);
    }
  }
  counter.coverage().states = seen.size();
  return counter.Take();
}

}  // namespace selkie
