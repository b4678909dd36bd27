// Memfds of huge pages, MFD_HUGETLB: what hugetlbfs does otherwise than shmem
// (fs/hugetlbfs/inode.c, mm/hugetlb.c).  The rest stands where the call is: sizes in size.cc,
// mmap in map.cc.  There are always as many huge pages as are asked for.
#include <algorithm>

#include "model/families.h"

namespace selkie {
namespace {

bool IsOf(const State& s, int file) {
  return file >= 0 && IsHugetlb(s.inodes[s.files[file].inode - 1]);
}

// From 6.0 on a hole may begin and end within a page, and a page that is there is there for a
// fault, too, wherever the file ends.
bool KnowsParts(const Semantics& semantics) {
  return NotSupported(semantics, Feature::kHugeParts) == nullptr;
}

}  // namespace

bool ReachesHugetlb(const State& s, const Call& c) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(c.op))) {
    const int64_t value = c.arg[word];
    if (arg.kind == ArgKind::kFd && IsOf(s, FileOf(s, c.task, value))) return true;
    if (arg.kind == ArgKind::kAddress && value >= kHugeArena) return true;
    word += WordsOf(arg.kind);
  }
  return false;
}

bool IsUnknownOfHugetlb(Op op) {
  switch (op) {
    case Op::kSendfile:
    case Op::kCopyFileRange:
    case Op::kSplice:
    case Op::kTee:
    case Op::kVmsplice:
    case Op::kMremap:
    case Op::kMadvise:
    case Op::kMsync:
    case Op::kMseal:
    case Op::kRemapFilePages:
    case Op::kProcessVmWritev:
    case Op::kMemWrite:
    case Op::kUringRegister:
    case Op::kUringReadFixed:
    case Op::kOpenMapFile:
    case Op::kExtension: return true;
    default: return false;
  }
}

Result PunchHugetlb(State& s, const Call& c, int f, int64_t offset, int64_t length,
                    const Semantics& semantics) {
  constexpr int64_t kSure = int64_t{1} << 62;  // beyond it hole_start may wrap around
  if (offset + length > kSure) return Bound("a hole near the largest offset");
  const int node = s.files[f].inode - 1;
  const int64_t first = (offset + kHugePageSize - 1) / kHugePageSize;
  const int64_t last = (offset + length) / kHugePageSize;
  Result result = Unchanged(0);
  if (first >= last && !KnowsParts(semantics)) return result;
  Ruling ruling(s, c, node, f, semantics, Point::kFallocate);
  ruling.facts.Set(Fact::kPunch, true);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  const bool parts = KnowsParts(semantics);
  const int64_t begin = parts ? offset : first * kHugePageSize;
  const int64_t end = parts ? offset + length : last * kHugePageSize;
  if (begin < int64_t{s.limits.huge} * kHugePageSize) {
    result.effect.wrote = static_cast<uint8_t>(node + 1);
    result.effect.file = static_cast<uint8_t>(f + 1);
  }
  FillSamples(ruling.inode, begin, end, 0);  // hugetlbfs_zero_partial_page
  if (first < last) {
    const auto gone = static_cast<int>(std::min<int64_t>(last, kMaxMappedPages));
    for (auto page = static_cast<int>(std::min<int64_t>(first, gone)); page < gone; ++page)
      ruling.inode.present &= static_cast<uint8_t>(~(1u << page));
    const auto from = static_cast<int>(std::min<int64_t>(first, kMaxMappedPages));
    const State before = s;
    DropCopies(s, node, from, gone);  // hugetlb_vmdelete_list: of private mappings, too
    result.changed = s.mms != before.mms;
  }
  ruling.Commit(s, &result);
  return result;
}

bool FaultHugetlb(State& s, Mapping& m, int page, const Semantics& semantics, bool* changed) {
  const auto bit = static_cast<uint8_t>(1u << page);
  if ((m.copied & bit) != 0) return true;
  Inode& inode = s.inodes[s.files[m.file - 1].inode - 1];
  const int in_file = m.pgoff + page;
  const bool present = ((inode.present >> in_file) & 1) != 0;
  const bool within = in_file < static_cast<int>(inode.size / kHugePageSize);
  if (!within && !(present && KnowsParts(semantics))) return false;
  if (present) return true;
  *changed = true;
  if (m.shared)
    inode.present |= static_cast<uint8_t>(1u << in_file);
  else
    m.copied |= bit;  // hugetlb_no_page: a page of its own, which the file never sees
  return true;
}

}  // namespace selkie
