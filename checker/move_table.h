// Every call that an alphabet can stand for within the limits, made in advance: a
// search then only picks those whose objects exist.
#ifndef SELKIE_CHECKER_MOVE_TABLE_H_
#define SELKIE_CHECKER_MOVE_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "checker/alphabet.h"
#include "model/limits.h"

namespace selkie {

// The objects that names stand for in one state, by number: slots of descriptors,
// first pages of mappings, first half pages of registered buffers, tasks.
struct Objects {
  struct List {
    uint8_t count = 0;
    std::array<uint8_t, 8> item{};
    std::array<uint8_t, 8> times{};  // how many objects the item stands for
    void Add(int value) {
      times[count] = 1;
      item[count++] = static_cast<uint8_t>(value);
    }
  };
  std::array<List, kMaxTasks> fds;    // by task
  std::array<List, kMaxTasks> files;  // by task: of each open file the lowest descriptor
  std::array<List, kMaxTasks> maps;   // by task
  std::array<List, kMaxTasks> pins;   // by task: buffers that its io_uring has
  List tasks;                         // running
};
static_assert(kMaxFds <= 8 && kMaxMaps <= 8 && kMaxTasks <= 8 && kMaxBuffers <= 8);

// One call that an alphabet can stand for, whether or not its objects exist.
struct CandidateMove {
  static constexpr int kNoLine = -1;
  Move move;           // of a step of the protocol: only that it is one
  int line = kNoLine;  // of the alphabet; kNoLine: a step of the protocol
  uint8_t task = 0;
  uint8_t other = 0;  // the task that is named; `task` itself if none is
  // Numbers of the objects that the names stand for, in `owner`s' tables; kNone: no such name.
  // A step of the protocol: `first` is the descriptor's slot, `step` which one it is.
  struct Object {
    Wild wild = Wild::kNone;
    uint8_t number = 0;
    uint8_t owner = 0;    // whose descriptor or mapping it is
    bool merged = false;  // stands for all descriptors of its file, of which it is the lowest
  };
  std::array<Object, 2> objects{};
  int step = 0;
};

class MoveTable {
 public:
  MoveTable() = default;
  // `merges`: descriptors of one task that refer to one file are tried once, if the
  // call does the same through each.
  MoveTable(const std::vector<CallTemplate>& lines, const Limits& limits, bool merges);

  const Limits& limits() const { return limits_; }

  // Every call, in the order in which ForEach of each line visits those of one task.
  std::vector<CandidateMove> Candidates(int task) const;

  // Calls visit(move, times) for every call that line number `line` stands for
  // when `task` makes it and these objects exist, until one visit returns true;
  // returns whether one did.  `times` calls do the same as the move.
  template <typename Visit>
  bool ForEach(size_t line, int task, const Objects& objects, const Visit& visit) const {
    const Line& at = lines_[line];
    if (!at.names_task) return ForEachOf(at, task, task, objects, visit);
    for (int i = 0; i < objects.tasks.count; ++i) {
      const int other = objects.tasks.item[i];
      if (other == task && !at.names_self) continue;
      if (ForEachOf(at, task, other, objects, visit)) return true;
    }
    return false;
  }

 private:
  // The moves of a line stand in the order of: task, other task, first object,
  // second object.
  struct Line {
    size_t begin = 0;
    bool names_task = false;
    bool names_self = false;  // the task may be the caller, too
    bool merges = false;
    bool theirs = false;  // mappings are the other task's
    Wild first = Wild::kNone, second = Wild::kNone;
    int seconds = 1;    // how many second objects there can be
    int per_other = 1;  // moves with the same two tasks
    int per_task = 1;   // moves with the same task
    int others = 1;     // how many other tasks there can be
  };

  static const Objects::List& ChoicesOf(const Line& line, Wild wild, int task, int other,
                                        const Objects& objects) {
    if (wild == Wild::kMap) return objects.maps[line.theirs ? other : task];
    if (wild == Wild::kPinned) return objects.pins[task];
    return (line.merges ? objects.files : objects.fds)[wild == Wild::kTheirs ? other : task];
  }

  template <typename Visit>
  bool ForEachOf(const Line& line, int task, int other, const Objects& objects,
                 const Visit& visit) const {
    const Move* moves = &moves_[line.begin + static_cast<size_t>(task) * line.per_task];
    if (line.names_task) moves += other * line.per_other;
    if (line.first == Wild::kNone) return visit(*moves, 1);
    const Objects::List& list = ChoicesOf(line, line.first, task, other, objects);
    for (int i = 0; i < list.count; ++i) {
      const Move* of_first = moves + list.item[i] * line.seconds;
      if (line.second == Wild::kNone) {
        if (visit(*of_first, list.times[i])) return true;
        continue;
      }
      const Objects::List& inner = ChoicesOf(line, line.second, task, other, objects);
      for (int j = 0; j < inner.count; ++j)
        if (visit(of_first[inner.item[j]], list.times[i] * inner.times[j])) return true;
    }
    return false;
  }

  Limits limits_;
  std::vector<Line> lines_;
  std::vector<Move> moves_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_MOVE_TABLE_H_
