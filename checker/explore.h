// Breadth-first, exact exploration: every state within the bounds, or the
// shortest sequence of calls to a step that the property is about.
#ifndef SELKIE_CHECKER_EXPLORE_H_
#define SELKIE_CHECKER_EXPLORE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checker/machine.h"

namespace selkie {

struct SearchStats {
  uint64_t states = 0;
  uint64_t transitions = 0;               // steps that changed the state
  uint64_t tried = 0;                     // calls tried, also those that failed
  uint64_t beyond = 0;                    // calls not made because of a bound
  int depth = 0;                          // steps to the farthest state
  double seconds = 0;                     // of wall-clock time
  uint64_t bytes = 0;                     // of memory: all stored states, with table and parents
  uint64_t disk_bytes = 0;                // of states in a folder
  int bits = 0;                           // of one packed state
  uint64_t messages = 0, sent_bytes = 0;  // between processes
  uint64_t seals = 0;                     // steps with which a protocol finished
  OpSet ops_after_seal;                   // bit i: Op i was tried when an inode was sealed
};

// Where a search keeps its states, if not in memory alone.
struct SearchFolder {
  std::string path;        // empty: in memory alone
  std::string question;    // what is asked, in one line: only the same search is gone on with
  double seconds = 60;     // between records of how far it got
  bool when_full = false;  // first in memory, and from the beginning in the folder if that is full
};

class Exchange;

struct SearchOptions {
  bool symmetry = true;
  bool all_kinds = false;  // goes on after a step that hits, and finds one of each kind
  int threads = 1;         // at most so many; 1 or more
  bool compact = false;    // fewer bytes a state, and slower
  uint64_t recheck = 0;    // of a search by levels: one in so many states is expanded by the
                           // machine as well, and a difference is an InternalError; 0: none
  uint64_t most_bytes = uint64_t{8} << 30;           // stop when more is stored
  const std::atomic<bool>* interrupted = nullptr;    // stop when set
  std::function<void(const SearchStats&)> progress;  // called every few thousand states
  Exchange* exchange = nullptr;  // not null: one of several processes (checker/exchange.h)
  SearchFolder folder;           // all_kinds is not for searches in a folder
};

struct Search {
  enum class Ending : uint8_t {
    kExhausted,  // every state within the bounds was expanded
    kHit,        // `path` ends with a step that hits
    kInterrupted,
    kMemory,    // most_bytes was reached
    kDiskFull,  // the folder's disk is full: see `why`
    kTooLarge,  // only of RunEngine that was told how many states are too many
  };
  Ending ending = Ending::kExhausted;
  SearchStats stats;
  std::string why;         // kDiskFull: what could not be written
  std::string resumed;     // of a search in a folder that went on: "yes", or what is wrong with
                           // the newest record, where the one before it was taken
  std::vector<Move> path;  // kHit: concrete calls from the initial state
  // With SearchOptions::all_kinds: the shortest path to each kind of hit, shortest first.
  struct Hit {
    uint64_t kind = 0;  // StepOutcome::kind
    std::vector<Move> path;
  };
  std::vector<Hit> hits;
};

// In a folder also the errors of StateFolder (checker/state_files.h).
// InternalError if a state does not fit its layout, or if a path cannot be
// made concrete: faults of the checker.
absl::StatusOr<Search> Explore(const Machine& machine, const SearchOptions& options);

}  // namespace selkie

#endif  // SELKIE_CHECKER_EXPLORE_H_
