#include "checker/explore.h"

#include "checker/distributed_search.h"
#include "checker/explore_engine.h"
#include "checker/level_search.h"
#include "checker/machine_expander.h"
#include "checker/search_in_folder.h"
#include "checker/single_system.h"

namespace selkie {
namespace {

// Most searches are small, and are over before anything could be learnt about them.  A large
// one is searched by levels.
absl::StatusOr<Search> ExploreInMemory(const Machine& machine, const SingleSystem& system,
                                       const SearchOptions& options) {
  if (!CanSearchLevels(machine, options)) return RunEngine(system, options);
  constexpr uint64_t kSmall = 2000;
  absl::StatusOr<Search> search = RunEngine(system, options, kSmall);
  if (!search.ok() || search->ending != Search::Ending::kTooLarge) return search;
  const absl::StatusOr<LevelSearch> levels = SearchLevels(machine, options);
  if (!levels.ok()) return levels.status();
  search->stats = levels->stats;
  switch (levels->ending) {
    case LevelSearch::Ending::kExhausted: search->ending = Search::Ending::kExhausted; break;
    case LevelSearch::Ending::kInterrupted: search->ending = Search::Ending::kInterrupted; break;
    case LevelSearch::Ending::kMemory: search->ending = Search::Ending::kMemory; break;
    case LevelSearch::Ending::kHit:
      search->ending = Search::Ending::kHit;
      search->path = levels->path;
      break;
    case LevelSearch::Ending::kIneffective: return RunEngine(system, options);
  }
  return search;
}

template <int W>
absl::StatusOr<Search> ExploreInFolderOfWidth(const Machine& machine, const SingleSystem& system,
                                              const SearchOptions& options) {
  MachineExpander<W> expander(machine, options.symmetry);
  return SearchInFolderBy<W>(expander, system, options);
}

absl::StatusOr<Search> ExploreInFolder(const Machine& machine, const SingleSystem& system,
                                       const SearchOptions& options) {
  switch (MachineExpander<1>::WordsFor(machine)) {
    case 1: return ExploreInFolderOfWidth<1>(machine, system, options);
    case 2: return ExploreInFolderOfWidth<2>(machine, system, options);
    case 3: return ExploreInFolderOfWidth<3>(machine, system, options);
    case 4: return ExploreInFolderOfWidth<4>(machine, system, options);
    default: return SearchInFolder<6>(system, options);
  }
}

template <int W>
absl::StatusOr<Search> ExploreTogetherOfWidth(const Machine& machine, const SingleSystem& system,
                                              const SearchOptions& options) {
  MachineExpander<W> expander(machine, options.symmetry);
  return DistributedSearch<SingleSystem, MachineExpander<W>, W>(system, expander, options).Run();
}

absl::StatusOr<Search> ExploreTogether(const Machine& machine, const SingleSystem& system,
                                       const SearchOptions& options) {
  switch (MachineExpander<1>::WordsFor(machine)) {
    case 1: return ExploreTogetherOfWidth<1>(machine, system, options);
    case 2: return ExploreTogetherOfWidth<2>(machine, system, options);
    case 3: return ExploreTogetherOfWidth<3>(machine, system, options);
    case 4: return ExploreTogetherOfWidth<4>(machine, system, options);
    default:
      return absl::InvalidArgumentError(
          "bounds: a state is too wide for a search by several processes");
  }
}

}  // namespace

absl::StatusOr<Search> Explore(const Machine& machine, const SearchOptions& options) {
  const SingleSystem system{machine};
  if (options.exchange != nullptr) return ExploreTogether(machine, system, options);
  return SearchWithFolder(
      options, [&] { return ExploreInMemory(machine, system, options); },
      [&] { return ExploreInFolder(machine, system, options); });
}

}  // namespace selkie
