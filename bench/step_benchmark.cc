// The model's step and the generator of random calls, on one core:
//
//   build/release/bench/step_benchmark
//
// The guest runs the same code under TCG, about ten times slower, so what is
// spent here comes off the calls that a campaign can check.
#include "benchmark/benchmark.h"
#include "model/step.h"
#include "scenarios/generate.h"
#include "scenarios/library.h"
#include "scenarios/shrink.h"

namespace selkie {
namespace {

constexpr int kLength = 20;
constexpr int kSequences = 1000;

// The benchmark fails, and says why, if the tree's semantics do not load.
bool Load(benchmark::State& bench, Semantics* semantics) {
  absl::StatusOr<Semantics> loaded = Library::Default().LoadSemantics("linux-6.1");
  if (!loaded.ok()) {
    bench.SkipWithError(std::string(loaded.status().message()).c_str());
    return false;
  }
  *semantics = *std::move(loaded);
  return true;
}

std::vector<Sequence> SomeSequences(const Semantics& semantics) {
  std::vector<Sequence> sequences;
  for (int i = 0; i < kSequences; ++i)
    sequences.push_back(RandomSequence(SequenceSeed(1, i), kLength, Limits{}, {0}, semantics));
  return sequences;
}

// Items are generated calls, each executed once to see that it is modelled.
void Generate(benchmark::State& bench) {
  Semantics semantics;
  if (!Load(bench, &semantics)) return;
  uint64_t index = 0;
  int64_t calls = 0;
  for (auto _ : bench) {
    const Sequence sequence =
        RandomSequence(SequenceSeed(1, index++), kLength, Limits{}, {0}, semantics);
    calls += static_cast<int64_t>(sequence.calls.size());
  }
  bench.SetItemsProcessed(calls);
}
BENCHMARK(Generate);

// Items are calls executed from the initial state of their sequence.
void StepRandomCalls(benchmark::State& bench) {
  Semantics semantics;
  if (!Load(bench, &semantics)) return;
  const std::vector<Sequence> sequences = SomeSequences(semantics);
  size_t next = 0;
  int64_t calls = 0;
  for (auto _ : bench) {
    const Sequence& sequence = sequences[next++ % sequences.size()];
    State state = InitialState(sequence.limits, sequence.uids);
    for (const Call& call : sequence.calls) benchmark::DoNotOptimize(Step(state, call, semantics));
    calls += static_cast<int64_t>(sequence.calls.size());
  }
  bench.SetItemsProcessed(calls);
}
BENCHMARK(StepRandomCalls);

void ValidateStates(benchmark::State& bench) {
  Semantics semantics;
  if (!Load(bench, &semantics)) return;
  std::vector<State> states;
  for (int i = 0; i < 20; ++i)
    Replay(RandomSequence(SequenceSeed(1, i), kLength, Limits{}, {0}, semantics), semantics,
           &states);
  size_t next = 0;
  for (auto _ : bench) benchmark::DoNotOptimize(Validate(states[next++ % states.size()]).ok());
  bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(ValidateStates);

// Items are questions to the predicate: does some store reach a file?
void ShrinkToAStore(benchmark::State& bench) {
  Semantics semantics;
  if (!Load(bench, &semantics)) return;
  const auto stores = [&](const Sequence& sequence) {
    const Trace trace = Replay(sequence, semantics);
    for (size_t i = 0; i < trace.results.size(); ++i)
      if (sequence.calls[i].op == Op::kStore && trace.results[i].effect.wrote != 0) return true;
    return false;
  };
  uint64_t seed = 0;
  while (!stores(RandomSequence(seed, 40, Limits{}, {0}, semantics))) ++seed;
  const Sequence found = RandomSequence(seed, 40, Limits{}, {0}, semantics);
  int64_t tries = 0;
  for (auto _ : bench) {
    ShrinkReport report;
    benchmark::DoNotOptimize(Shrink(found, stores, {}, &report));
    tries += report.tries;
  }
  bench.SetItemsProcessed(tries);
}
BENCHMARK(ShrinkToAStore);

}  // namespace
}  // namespace selkie
