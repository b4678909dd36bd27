#include "scenarios/mutant_net.h"

#include <algorithm>

#include "fmt/format.h"
#include "model/step.h"
#include "scenarios/corpus.h"
#include "scenarios/errno_oracle.h"
#include "scenarios/generate.h"
#include "scenarios/scenario.h"

namespace selkie {

std::string_view TextOf(Catch::By by) {
  switch (by) {
    case Catch::By::kScenario: return "scenarios";
    case Catch::By::kCorpus: return "corpus";
    case Catch::By::kErrno: return "errno oracle";
    case Catch::By::kRandom: return "random sequences";
  }
  return "";
}

void MutantNet::Add(Catch::By by, std::string origin, const Sequence& sequence) {
  std::vector<State> states;
  Known known{by, std::move(origin), Replay(sequence, *semantics_, &states), ""};
  known.last = states.back().ToBytes();
  all_.push_back(std::move(known));
}

absl::Status MutantNet::AddScenarios(const Library& library) {
  absl::StatusOr<std::vector<Scenario>> scenarios = ScenariosUnder(library.root() + "/scenarios");
  if (!scenarios.ok()) return scenarios.status();
  absl::StatusOr<std::vector<std::string>> of_tree = library.SemanticsNames();
  if (!of_tree.ok()) return of_tree.status();
  const bool must_pass =
      std::find(of_tree->begin(), of_tree->end(), semantics_->name) != of_tree->end();
  for (const Scenario& scenario : *scenarios) {
    if (!AppliesTo(scenario, *semantics_)) continue;
    absl::StatusOr<ScenarioRun> run = RunScenario(scenario, *semantics_);
    if (!run.ok()) return run.status();
    // Else what is compared with, the model as it is, is itself broken.
    if (must_pass && !run->passed)
      return absl::FailedPreconditionError(fmt::format(
          "scenario {} fails under {} before anything is broken", scenario.name, semantics_->name));
    Add(Catch::By::kScenario, fmt::format("scenario {}", scenario.name), run->trace.sequence);
  }
  return absl::OkStatus();
}

absl::Status MutantNet::AddCorpus(const Library& library) {
  absl::StatusOr<std::vector<Sequence>> corpus = LoadCorpus(library, *semantics_);
  if (!corpus.ok()) return corpus.status();
  for (const Sequence& sequence : *corpus) Add(Catch::By::kCorpus, "corpus", sequence);
  return absl::OkStatus();
}

void MutantNet::AddErrnos(int most) {
  const ErrnoOracle oracle(*semantics_, most);
  ErrnoTally tally;
  for (int64_t unit = 0; unit < oracle.units(); ++unit)
    oracle.Run(
        unit,
        [&](const ErrnoTrials& trials) {
          Add(Catch::By::kErrno, "a combination of errors", trials.sequence);
          return true;
        },
        &tally);
}

void MutantNet::AddRandom(const NetOptions& options) {
  static const std::vector<int> kUsers[] = {{0}, {0},       {0},    {0},
                                            {0}, {0, 1000}, {1000}, {1000, 1001}};
  for (int64_t i = 0; i < options.random; ++i) {
    Limits limits;
    if (i % 8 == 3) limits.fds = static_cast<uint8_t>(2 + i / 8 % 3);  // often full
    const uint64_t seed = SequenceSeed(options.seed, static_cast<uint64_t>(i));
    Add(Catch::By::kRandom, fmt::format("random sequence {} of seed {}", i, options.seed),
        RandomSequence(seed, options.length, limits, kUsers[i / 8 % 8], *semantics_));
  }
}

absl::StatusOr<MutantNet> MutantNet::Make(const Library& library, const Semantics& semantics,
                                          const NetOptions& options) {
  MutantNet net(semantics);
  if (absl::Status status = net.AddScenarios(library); !status.ok()) return status;
  if (absl::Status status = net.AddCorpus(library); !status.ok()) return status;
  if (options.errors >= 0) net.AddErrnos(options.errors);
  net.AddRandom(options);
  return net;
}

// A difference of results is better than one of the state alone: a kernel can be asked.
std::optional<Catch> MutantNet::Notice(const Semantics& mutant,
                                       const std::atomic<bool>* interrupted) const {
  std::optional<Catch> of_state;
  for (const Known& known : all_) {
    if (interrupted != nullptr && interrupted->load()) return of_state;
    const Sequence& sequence = known.trace.sequence;
    State state = InitialState(sequence.limits, sequence.uids);
    bool beyond = false, tells = false;
    for (size_t i = 0; i < sequence.calls.size() && !beyond; ++i) {
      const Result r = Step(state, sequence.calls[i], mutant);
      // What the mutant does not answer, conform does not ask.
      const Result& expected = known.trace.results[i];
      beyond = r.kind == Result::Kind::kBound && expected.kind != r.kind;
      // A scenario says what is expected of the call, and `selkie run` that it was not given.
      if (beyond && known.by == Catch::By::kScenario)
        return Catch{known.by, known.origin, sequence, static_cast<int>(i)};
      if (!beyond && !SameOutcome(r, expected))
        return Catch{known.by, known.origin, sequence, static_cast<int>(i)};
      tells |= !beyond && (r.changed != expected.changed || !(r.effect == expected.effect));
    }
    if (!beyond && !of_state.has_value() && (tells || state.ToBytes() != known.last))
      of_state = Catch{known.by, known.origin, sequence, -1};
  }
  return of_state;
}

}  // namespace selkie
