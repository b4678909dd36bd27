#include "scenarios/shrink.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "model/limits.h"

namespace selkie {
namespace {

// ---- Words of a call ----

// Calls visit(kind, word) for each word of the call's arguments.  A path is its
// two words: a task and a descriptor.
template <typename AnyCall, typename Visit>
void ForEachWord(AnyCall& call, Visit visit) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(call.op))) {
    if (arg.kind == ArgKind::kPath) {
      visit(ArgKind::kTask, call.arg[word]);
      visit(ArgKind::kFd, call.arg[word + 1]);
    } else if (WordsOf(arg.kind) == 1) {
      visit(arg.kind, call.arg[word]);
    }
    word += WordsOf(arg.kind);
  }
}

// Moves every descriptor, task or address (by `kind`) that the calls from
// `first` on name, and that is >= `from`, down by `distance`.
void MoveDown(Sequence& sequence, size_t first, ArgKind kind, int64_t from, int64_t distance) {
  for (size_t i = first; i < sequence.calls.size(); ++i) {
    Call& call = sequence.calls[i];
    ForEachWord(call, [&](ArgKind k, int64_t& word) {
      if (k == kind && word >= from) word -= distance;
    });
    if (kind == ArgKind::kTask && call.task >= from) call.task -= static_cast<uint8_t>(distance);
  }
}

// The values of `kind` that the calls from `first` on name.
std::set<int64_t> ValuesOf(const Sequence& sequence, size_t first, ArgKind kind) {
  std::set<int64_t> values;
  for (size_t i = first; i < sequence.calls.size(); ++i) {
    ForEachWord(sequence.calls[i], [&](ArgKind k, int64_t word) {
      if (k == kind) values.insert(word);
    });
    if (kind == ArgKind::kTask) values.insert(sequence.calls[i].task);
  }
  return values;
}

// ---- What is simpler ----

constexpr int64_t kArenaEnd = int64_t{kArenaPages} * kPageSize;
constexpr int64_t kFdEnd = kFirstFd + kMaxFds;

// Numbers in order of simplicity: 0, 1, whole pages, others, negative ones.
std::tuple<int, uint64_t> NumberRank(int64_t value) {
  if (value < 0) return {3, ~static_cast<uint64_t>(value)};
  if (value <= 1) return {0, static_cast<uint64_t>(value)};
  return {value % kPageSize == 0 ? 1 : 2, static_cast<uint64_t>(value)};
}

std::vector<int64_t> SimplerNumbers(int64_t value) {
  const int64_t down = value - value % kPageSize, less = value > 0 ? value - 1 : value;
  std::vector<int64_t> values = {0, 1, kPageSize, 2 * kPageSize, down, value / 2, less, -1};
  std::erase_if(values, [&](int64_t v) { return !(NumberRank(v) < NumberRank(value)); });
  return values;
}

// Fewer bits: none, then each single bit, then all but one.
std::vector<int64_t> FewerBits(int64_t value) {
  if (value == 0) return {};
  std::vector<int64_t> values = {0};
  for (int i = 0; i < 63; ++i)
    if ((value >> i & 1) != 0 && value != int64_t{1} << i) values.push_back(int64_t{1} << i);
  for (int i = 0; i < 63; ++i)
    if ((value >> i & 1) != 0) values.push_back(value & ~(int64_t{1} << i));
  return values;
}

// NULL, the start of the page, the pages below.
std::vector<int64_t> SimplerAddresses(int64_t value) {
  if (value == kNull) return {};
  std::vector<int64_t> values = {kNull};
  if (value < 0) return values;
  const int64_t page = value - value % kPageSize;
  for (int64_t v = 0; v <= std::min(page, kArenaEnd); v += kPageSize)
    if (v < value) values.push_back(v);
  if (value - page > kSampleStride) values.push_back(page + kSampleStride);
  return values;
}

// The ordinary descriptors below it.
std::vector<int64_t> SimplerFds(int64_t value) {
  std::vector<int64_t> values;
  const int64_t end = value < 0 ? kFdEnd : std::min(value, kFdEnd);
  for (int64_t v = kFirstFd; v < end; ++v) values.push_back(v);
  return values;
}

std::vector<int64_t> SimplerTasks(int64_t value) {
  std::vector<int64_t> values;
  if (value == kDevFd) values.push_back(kSelf);
  for (int64_t v = kSelf; v < std::min<int64_t>(value, kMaxTasks); ++v) values.push_back(v);
  return values;
}

std::vector<int64_t> SimplerValues(ArgKind kind, int64_t value) {
  switch (kind) {
    case ArgKind::kFd: return SimplerFds(value);
    case ArgKind::kTask: return SimplerTasks(value);
    case ArgKind::kFlags:
    case ArgKind::kSeals:
    case ArgKind::kMode:
    case ArgKind::kExtensionArg: return FewerBits(value);
    case ArgKind::kInt:
    case ArgKind::kOffset:
    case ArgKind::kSize: return SimplerNumbers(value);
    case ArgKind::kAddress: return SimplerAddresses(value);
    case ArgKind::kByte: return value == 'x' ? std::vector<int64_t>{} : std::vector<int64_t>{'x'};
    default: return {};
  }
}

// ---- Candidates ----

Sequence Without(const Sequence& sequence, size_t begin, size_t end) {
  Sequence shorter = sequence;
  shorter.calls.erase(shorter.calls.begin() + static_cast<std::ptrdiff_t>(begin),
                      shorter.calls.begin() + static_cast<std::ptrdiff_t>(end));
  return shorter;
}

Sequence WithoutTask(const Sequence& sequence, int task) {
  Sequence other = sequence;
  std::erase_if(other.calls, [&](const Call& call) { return call.task == task; });
  return other;
}

class Shrinker {
 public:
  Shrinker(const Sequence& sequence, const StillFails& still_fails, int max_tries)
      : best_(sequence), still_fails_(still_fails), max_tries_(max_tries) {}

  Sequence Run(ShrinkReport* report) {
    if (Asks(best_)) {
      bool smaller = true;
      while (smaller && tries_ < max_tries_) {
        smaller = RemoveChunks();
        smaller |= RemoveRenumbered();
        smaller |= RemovePairs();
        smaller |= RemoveTasks();
        smaller |= RenameFds();
        smaller |= MoveAddresses();
        smaller |= SimplifyArguments();
      }
    }
    if (report != nullptr) *report = {tries_, tries_ < max_tries_};
    return best_;
  }

 private:
  bool Asks(const Sequence& candidate) {
    if (tries_ >= max_tries_) return false;
    ++tries_;
    return still_fails_(candidate);
  }

  // Every candidate is simpler than best_, so that the passes come to an end.
  bool Try(Sequence candidate) {
    if (!Asks(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  // Delta debugging: halves, quarters, ..., single calls, from the end, because
  // later calls depend on earlier ones.
  bool RemoveChunks() {
    bool removed = false;
    for (size_t chunk = best_.calls.size(); chunk > 0; chunk /= 2) {
      size_t end = best_.calls.size();
      while (end > 0) {
        const size_t begin = end > chunk ? end - chunk : 0;
        removed |= Try(Without(best_, begin, end));
        end = std::min(begin, best_.calls.size());
      }
    }
    return removed;
  }

  // Without call i, with what the calls after it name moved down.
  bool TryRenumbered(size_t i) {
    const Sequence without = Without(best_, i, i + 1);
    const auto try_moved = [&](ArgKind kind, int64_t from, int64_t distance) {
      Sequence candidate = without;
      MoveDown(candidate, i, kind, from, distance);
      return Try(std::move(candidate));
    };
    for (int64_t fd : ValuesOf(without, i, ArgKind::kFd))
      for (int64_t fds = 1; fds <= 2; ++fds)  // socketpair takes two
        if (fd >= kFirstFd + fds && fd < kFdEnd && try_moved(ArgKind::kFd, fd, fds)) return true;
    for (int64_t task : ValuesOf(without, i, ArgKind::kTask))
      if (task > 0 && try_moved(ArgKind::kTask, task, 1)) return true;
    for (int64_t address : ValuesOf(without, i, ArgKind::kAddress))
      for (int64_t pages = 1; pages <= kMaxPages; ++pages)
        if (address >= pages * kPageSize &&
            try_moved(ArgKind::kAddress, address, pages * kPageSize))
          return true;
    return false;
  }

  bool RemoveRenumbered() {
    bool removed = false;
    for (size_t i = best_.calls.size(); i > 0; --i) removed |= TryRenumbered(i - 1);
    return removed;
  }

  // Two calls that only make sense together: a close and what then takes the
  // number, a fork and its wait.
  bool RemovePairs() {
    constexpr size_t kMostCalls = 40;  // the number of pairs is its square
    if (best_.calls.size() > kMostCalls) return false;
    for (size_t i = 0; i < best_.calls.size(); ++i) {
      for (size_t j = i + 1; j < best_.calls.size(); ++j) {
        if (Try(Without(Without(best_, j, j + 1), i, i + 1))) return true;
      }
    }
    return false;
  }

  // The calls of a task go, or a lower task makes them; a task that runs at the
  // start goes altogether.
  bool RemoveTasks() {
    bool removed = false;
    for (int task = kMaxTasks - 1; task >= 0; --task) {
      removed |= RemoveStartingTask(task);
      if (ValuesOf(best_, 0, ArgKind::kTask).contains(task)) removed |= ReplaceTask(task);
      removed |= SimplifyUid(task);
    }
    return removed;
  }

  bool RemoveStartingTask(int task) {
    if (best_.uids.size() < 2 || task >= static_cast<int>(best_.uids.size())) return false;
    Sequence candidate = WithoutTask(best_, task);
    candidate.uids.erase(candidate.uids.begin() + task);
    MoveDown(candidate, 0, ArgKind::kTask, task + 1, 1);
    return Try(std::move(candidate));
  }

  bool ReplaceTask(int task) {
    Sequence without = WithoutTask(best_, task);
    if (without.calls.size() < best_.calls.size() && Try(std::move(without))) return true;
    for (int lower = 0; lower < task; ++lower) {
      Sequence candidate = best_;
      for (Call& call : candidate.calls)
        if (call.task == task) call.task = static_cast<uint8_t>(lower);
      if (!(candidate == best_) && Try(std::move(candidate))) return true;
    }
    return false;
  }

  bool SimplifyUid(int task) {
    if (task >= static_cast<int>(best_.uids.size()) || best_.uids[task] == 0) return false;
    Sequence candidate = best_;
    candidate.uids[task] = 0;
    return Try(std::move(candidate));
  }

  // Every use of a descriptor number becomes a lower one that is not in use.
  bool RenameFds() {
    bool renamed = false;
    for (int64_t fd : ValuesOf(best_, 0, ArgKind::kFd)) {
      const std::set<int64_t> used = ValuesOf(best_, 0, ArgKind::kFd);
      for (int64_t lower : SimplerFds(fd)) {
        if (used.contains(lower) || fd < 0) continue;
        if (!TryRenamed(fd, lower)) continue;
        renamed = true;
        break;
      }
    }
    return renamed;
  }

  bool TryRenamed(int64_t from, int64_t to) {
    Sequence candidate = best_;
    for (Call& call : candidate.calls)
      ForEachWord(call, [&](ArgKind kind, int64_t& word) {
        if (kind == ArgKind::kFd && word == from) word = to;
      });
    return Try(std::move(candidate));
  }

  // Everything from an address on moves down together, by as much as possible.
  bool MoveAddresses() {
    bool moved = false;
    for (int64_t address : ValuesOf(best_, 0, ArgKind::kAddress)) {
      if (address >= kArenaEnd) continue;
      for (int64_t pages = address / kPageSize; pages > 0; --pages) {
        Sequence candidate = best_;
        MoveDown(candidate, 0, ArgKind::kAddress, address, pages * kPageSize);
        if (candidate == best_ || !Try(std::move(candidate))) continue;
        moved = true;
        break;
      }
    }
    return moved;
  }

  bool SimplifyArguments() {
    bool simplified = false;
    for (size_t i = 0; i < best_.calls.size(); ++i) {
      const int words = CountWords(best_.calls[i]);
      for (int word = 0; word < words; ++word) simplified |= SimplifyWord(i, word);
    }
    return simplified;
  }

  static int CountWords(const Call& call) {
    int words = 0;
    ForEachWord(call, [&](ArgKind, int64_t) { ++words; });
    return words;
  }

  // The first simpler value that does; again from there until none does.
  bool SimplifyWord(size_t index, int word) {
    bool simplified = false;
    while (SimplifyWordOnce(index, word)) simplified = true;
    return simplified;
  }

  bool SimplifyWordOnce(size_t index, int word) {
    int at = 0;
    std::vector<int64_t> values;
    ForEachWord(best_.calls[index], [&](ArgKind kind, int64_t value) {
      if (at++ == word) values = SimplerValues(kind, value);
    });
    for (int64_t value : values) {
      Sequence candidate = best_;
      candidate.calls[index].arg[word] = value;
      if (Try(std::move(candidate))) return true;
    }
    return false;
  }

  Sequence best_;
  const StillFails& still_fails_;
  const int max_tries_;
  int tries_ = 0;
};

}  // namespace

Sequence Shrink(const Sequence& sequence, const StillFails& still_fails,
                const ShrinkOptions& options, ShrinkReport* report) {
  return Shrinker(sequence, still_fails, options.max_tries).Run(report);
}

}  // namespace selkie
