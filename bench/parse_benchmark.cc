// How long it takes to compile a semantics: paid once a run, but by every run.
#include <string>

#include "benchmark/benchmark.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

void LoadSemantics(benchmark::State& bench, const std::string& name) {
  const Library library = Library::Default();
  for (auto _ : bench) {
    absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
    if (!semantics.ok()) {
      bench.SkipWithError(std::string(semantics.status().message()).c_str());
      return;
    }
    benchmark::DoNotOptimize(semantics->rules.data());
  }
}

// One benchmark a semantics of the tree, with the files of its bases read.
int Register() {
  absl::StatusOr<std::vector<std::string>> names = Library::Default().SemanticsNames();
  if (!names.ok()) return 0;
  for (const std::string& name : *names)
    benchmark::RegisterBenchmark(("LoadSemantics/" + name).c_str(), LoadSemantics, name);
  return static_cast<int>(names->size());
}

const int kRegistered = Register();

}  // namespace
}  // namespace selkie
