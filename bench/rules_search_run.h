// Internal to bench/rules_search_*.cc: included in two namespaces.
#ifndef SELKIE_BENCH_RULES_SEARCH_RUN_H_
#define SELKIE_BENCH_RULES_SEARCH_RUN_H_

#include <ctime>

#include "bench/rules_search.h"
#include "checker/explore_engine.h"
#include "checker/machine.h"
#include "checker/single_system.h"

namespace selkie {

inline double CpuSecondsNow() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

inline RulesSearch RunRulesSearch(const Property& property, const Semantics& semantics,
                                  const Bounds& bounds) {
  const absl::StatusOr<Machine> machine = Machine::Make(property, semantics, bounds);
  if (!machine.ok()) return {};
  SearchOptions options;
  options.symmetry = false;
  const double start = CpuSecondsNow();
  const absl::StatusOr<Search> search = RunEngine(SingleSystem{*machine}, options);
  if (!search.ok()) return {};
  return {search->stats.states, search->stats.transitions, CpuSecondsNow() - start};
}

}  // namespace selkie

#endif  // SELKIE_BENCH_RULES_SEARCH_RUN_H_
