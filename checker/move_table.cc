#include "checker/move_table.h"

namespace selkie {
namespace {

// How many objects a name can stand for; Objects numbers them from 0.
int CountOf(Wild wild, const Limits& limits) {
  switch (wild) {
    case Wild::kFd:
    case Wild::kFd2:
    case Wild::kTheirs: return limits.fds;
    case Wild::kMap: return ArenaEnd(limits, limits.huge > 0);
    case Wild::kPinned: return ArenaEnd(limits, limits.huge > 0) * kSamplesPerPage;
    case Wild::kTask: return limits.tasks;
    case Wild::kNone: return 1;
  }
  return 1;
}

// What the call has for object number `i`.
int64_t ValueOf(Wild wild, int i) {
  if (wild == Wild::kMap) return AddressOfPage(i);
  if (wild == Wild::kPinned)
    return AddressOfPage(i / kSamplesPerPage) + i % kSamplesPerPage * int64_t{kSampleStride};
  return wild == Wild::kTask ? i : kFirstFd + i;
}

Wild WildAt(const CallTemplate& line, int word) { return word < 0 ? Wild::kNone : line.wild[word]; }

}  // namespace

MoveTable::MoveTable(const std::vector<CallTemplate>& lines, const Limits& limits, bool merges)
    : limits_(limits) {
  for (const CallTemplate& line : lines) {
    Line at;
    at.begin = moves_.size();
    at.names_task = line.task_word >= 0;
    at.names_self = line.call.op == Op::kOpenExe;
    at.merges = merges && line.through_fd;
    at.theirs = at.names_task && SpecOf(line.call.op).family == Family::kRemote;
    at.first = WildAt(line, line.words[0]);
    at.second = WildAt(line, line.words[1]);
    at.seconds = CountOf(at.second, limits);
    at.per_other = CountOf(at.first, limits) * at.seconds;
    const int others = at.names_task ? limits.tasks : 1;
    at.others = others;
    at.per_task = others * at.per_other;
    lines_.push_back(at);
    for (int i = 0; i < limits.tasks * at.per_task; ++i) {
      Move move{line.call, false};
      const auto put = [&](int word, int object) {
        if (word >= 0) move.call.arg[word] += ValueOf(line.wild[word], object);
      };
      move.call.task = static_cast<uint8_t>(i / at.per_task);
      put(line.task_word, i / at.per_other % others);
      put(line.words[0], i / at.seconds % CountOf(at.first, limits));
      put(line.words[1], i % at.seconds);
      moves_.push_back(move);
    }
  }
}

std::vector<CandidateMove> MoveTable::Candidates(int task) const {
  std::vector<CandidateMove> all;
  for (size_t l = 0; l < lines_.size(); ++l) {
    const Line& line = lines_[l];
    const auto object = [&](Wild wild, int number, int other) {
      const bool is_map = wild == Wild::kMap || wild == Wild::kPinned;
      const bool of_other = is_map ? line.theirs : wild == Wild::kTheirs;
      return CandidateMove::Object{wild, static_cast<uint8_t>(number),
                                   static_cast<uint8_t>(of_other ? other : task),
                                   line.merges && !is_map};
    };
    for (int i = 0; i < line.per_task; ++i) {
      const int other = line.names_task ? i / line.per_other : task;
      if (line.names_task && other == task && !line.names_self) continue;
      CandidateMove one;
      one.move = moves_[line.begin + static_cast<size_t>(task) * line.per_task + i];
      one.line = static_cast<int>(l);
      one.task = static_cast<uint8_t>(task);
      one.other = static_cast<uint8_t>(other);
      const int of_other = i % line.per_other;
      if (line.first != Wild::kNone)
        one.objects[0] = object(line.first, of_other / line.seconds, other);
      if (line.second != Wild::kNone)
        one.objects[1] = object(line.second, of_other % line.seconds, other);
      all.push_back(one);
    }
  }
  return all;
}

}  // namespace selkie
