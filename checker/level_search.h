// Breadth-first search by edits of encoded words (checker/successors.h): whether a step hits,
// and the counts of what there is if none does.
//
// States are kept in a table (checker/state_table.h), and the states of the present level and the
// next one in a list each; there are no parents.  A level is done in rounds: states are expanded
// until many successors wait, then these are looked up part by part of the table, and what is new
// becomes the next level.  With several threads each takes pieces of the level, and then parts of
// the table.
#ifndef SELKIE_CHECKER_LEVEL_SEARCH_H_
#define SELKIE_CHECKER_LEVEL_SEARCH_H_

#include "checker/explore.h"

namespace selkie {

struct LevelSearch {
  enum class Ending : uint8_t {
    kExhausted,  // stats are those of a search of all states
    kHit,        // some step hits; stats are of no use
    kInterrupted,
    kMemory,       // options.most_bytes was reached
    kIneffective,  // almost every move had to be made in full: another engine is better
  };
  Ending ending = Ending::kExhausted;
  SearchStats stats;
  std::vector<Move> path;  // concrete calls from the initial state
};

// True if states of the machine can be searched so.
bool CanSearchLevels(const Machine& machine, const SearchOptions& options);

// InternalError as Explore.
absl::StatusOr<LevelSearch> SearchLevels(const Machine& machine, const SearchOptions& options);

}  // namespace selkie

#endif  // SELKIE_CHECKER_LEVEL_SEARCH_H_
