// A whole search in a folder, for any system: the width is chosen at run time, and a step that
// hits gets its path.  Internal to checker/.
#ifndef SELKIE_CHECKER_SEARCH_IN_FOLDER_H_
#define SELKIE_CHECKER_SEARCH_IN_FOLDER_H_

#include <utility>

#include "checker/folder_path.h"
#include "checker/folder_search.h"

namespace selkie {

template <int W, typename System, typename Expander>
absl::StatusOr<Search> SearchInFolderBy(Expander& expander, const System& system,
                                        const SearchOptions& options) {
  absl::StatusOr<StateFolder> folder = StateFolder::Open(options.folder.path);
  if (!folder.ok()) return folder.status();
  FolderSearch<Expander, W> search(expander, *folder, options);
  absl::StatusOr<Search> found = search.Run();
  if (found.ok() && found->ending == Search::Ending::kHit) {
    absl::StatusOr<std::vector<Move>> path =
        FolderPath<System, Expander, W>(system, expander, *folder, search.record()).Find();
    if (!path.ok()) return path.status();
    found->path = *std::move(path);
  }
  if (options.folder.when_full) folder->Remove();
  return found;
}

template <int W, typename System>
absl::StatusOr<Search> SearchInFolderOfWidth(const System& system, const SearchOptions& options) {
  SystemExpander<System, W> expander(system, options.symmetry);
  return SearchInFolderBy<W>(expander, system, options);
}

// A node takes kFrom words, or as many as it needs if that is more; an even number, since each
// width is compiled.  InvalidArgumentError if a node takes more than eight, else as FolderSearch
// and FolderPath.
template <int kFrom, typename System>
absl::StatusOr<Search> SearchInFolder(const System& system, const SearchOptions& options) {
  constexpr int kWidest = 8;
  if (SystemExpander<System, kFrom>::WordsFor(system) <= kFrom)
    return SearchInFolderOfWidth<kFrom>(system, options);
  if constexpr (kFrom < kWidest)
    return SearchInFolder<kFrom + 2>(system, options);
  else
    return absl::InvalidArgumentError("bounds: a state is too wide for a folder");
}

// In memory, and from the beginning in the folder if memory is full and that is asked for; or in
// the folder.
template <typename InMemory, typename InFolder>
absl::StatusOr<Search> SearchWithFolder(const SearchOptions& options, const InMemory& in_memory,
                                        const InFolder& in_folder) {
  if (options.folder.path.empty()) return in_memory();
  if (!options.folder.when_full) return in_folder();
  absl::StatusOr<Search> search = in_memory();
  if (!search.ok() || search->ending != Search::Ending::kMemory) return search;
  return in_folder();
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_SEARCH_IN_FOLDER_H_
