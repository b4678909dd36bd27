// Implementation of PositionsMatchReference in sequence_properties.h.  The name ends in _test so
// that it is linked to the tests and not to the library.
#include <algorithm>
#include <iterator>

#include "fmt/format.h"
#include "scenarios/sequence_properties.h"

namespace selkie {

void PositionsMatchReference::Execute(const State& before, const Call& call, const Result& result) {
  constexpr Op kMoves[] = {Op::kWrite,    Op::kWritev,        Op::kLseek,  Op::kPwritev2,
                           Op::kSendfile, Op::kCopyFileRange, Op::kSplice, Op::kUringPwrite};
  const bool moves = std::find(std::begin(kMoves), std::end(kMoves), call.op) != std::end(kMoves);
  if (!(moves || ReadsHere(call)) || !result.ok()) return;
  const auto move = [&](int64_t fd) {  // a pipe has no position
    if (RegionOfFd(before, call.task, fd) != nullptr)
      pos_[FileOf(before, call.task, fd)] += result.value;
  };
  if (call.op == Op::kSendfile) {
    move(call.arg[0]);
    if (call.arg[2] == kNoOffset) move(call.arg[1]);
    return;
  }
  if (Copies(call.op)) {
    if (result.value > 0 && call.arg[1] == kNoOffset) move(call.arg[0]);
    if (result.value > 0 && call.arg[3] == kNoOffset) move(call.arg[2]);
    return;
  }
  if (RegionOfFd(before, call.task, call.arg[0]) == nullptr) return;
  const int file = FileOf(before, call.task, call.arg[0]);
  const bool vector_at = call.op == Op::kPwritev2;
  const bool ring = call.op == Op::kUringPwrite;
  if ((vector_at || ring) && call.arg[3] != -1) return;
  // From 6.1 on a short one leaves the position, see the rule by which older kernels do not.
  constexpr uint8_t kOnce = kFlagNonblock | kFlagDirect;
  const bool once = (before.files[file].flags & kOnce) == kOnce;
  if (ring && !once && result.value < call.arg[2] && result.rule == nullptr) return;
  const int64_t flags = vector_at ? call.arg[4] : 0;
  const bool append =
      ((before.files[file].flags & kFlagAppend) != 0 || (flags & abi::kRwfAppend) != 0) &&
      (flags & abi::kRwfNoappend) == 0;
  if (call.op == Op::kLseek) {
    pos_[file] = result.value;
  } else if (!Reads(call.op) && append && result.value > 0) {
    pos_[file] = before.inodes[before.files[file].inode - 1].size + result.value;
  } else {
    pos_[file] += result.value;
  }
}

std::string PositionsMatchReference::Check(const State& before, const Call& call,
                                           const Result& result, State& after) {
  Execute(before, call, result);
  if (MayMoveToEnd(before, call, result)) {
    const int file = FileOf(before, call.task, call.arg[0]);
    const int64_t end = before.inodes[before.files[file].inode - 1].size;
    if (after.files[file].pos == end) pos_[file] = end;
  }
  for (int i = 0; i < kMaxFiles; ++i) {
    if (after.files[i].inode == 0) pos_[i] = 0;
    if (after.files[i].inode != 0 && after.files[i].pos != pos_[i])
      return fmt::format("f_pos of file {} is {}, not {}", i, after.files[i].pos, pos_[i]);
  }
  return "";
}

}  // namespace selkie
