// The way to a step that hits, from the levels of a search in a folder.  Internal to checker/.
#ifndef SELKIE_CHECKER_FOLDER_PATH_H_
#define SELKIE_CHECKER_FOLDER_PATH_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/concrete_path.h"
#include "checker/state_files.h"

namespace selkie {

// An expander that can also Load words into a node, and give the WordsOf one.
template <typename System, typename Expander, int W>
class FolderPath {
 public:
  using Node = typename System::Node;
  using Words = std::array<uint64_t, W>;

  FolderPath(const System& system, Expander& expander, const StateFolder& folder,
             const SearchRecord& record)
      : system_(system), expander_(expander), folder_(folder), record_(record) {}

  // Moves from the initial node, the last of which hits.  InternalError if there is none, DataLoss
  // if a level cannot be read.
  absl::StatusOr<std::vector<Move>> Find() {
    // The search may notice a hit one level later than it is made.
    const size_t last = record_.levels.size() - 1;
    for (size_t level = last - (last > 0 ? 1 : 0); level <= last; ++level) {
      absl::StatusOr<std::optional<Words>> from = FirstIn(level, nullptr);
      if (!from.ok()) return from.status();
      if (from->has_value()) return PathTo(**from, level);
    }
    return absl::InternalError("checker: a step that hits cannot be found again");
  }

 private:
  absl::StatusOr<std::vector<Move>> PathTo(const Words& last, size_t level) {
    std::vector<Words> chain = {last};  // from the end
    while (level-- > 0) {
      absl::StatusOr<std::optional<Words>> before = FirstIn(level, &chain.back());
      if (!before.ok()) return before.status();
      if (!before->has_value())
        return absl::InternalError("checker: no state of a level leads to one of the next");
      chain.push_back(**before);
    }
    return PathAlong(system_, expander_, chain);
  }

  // The first state of the level with a move to `target`, or with one that hits if that is null.
  absl::StatusOr<std::optional<Words>> FirstIn(size_t level, const Words* target) {
    std::optional<Words> found;
    Node node = system_.Initial();
    const absl::Status status =
        ForEachState<W>(folder_, record_.levels[level], [&](const Words& words) {
          expander_.Load(words, node);
          if (TakeMoveTo(system_, expander_, node, target, nullptr)) found = words;
          return found.has_value();
        });
    if (!status.ok()) return status;
    return found;
  }

  const System& system_;
  Expander& expander_;
  const StateFolder& folder_;
  const SearchRecord& record_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_FOLDER_PATH_H_
