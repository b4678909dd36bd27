// Memfds of huge pages, MFD_HUGETLB: what hugetlbfs does otherwise than shmem
// (fs/hugetlbfs/inode.c, mm/hugetlb.c).  The rest stands where the call is: sizes in size.cc,
// mmap in map.cc.  There are always as many huge pages as are asked for.
#include "model/families.h"

namespace selkie {
namespace {

// From 6.0 on a hole may begin and end within a page, and a page that is there is there for a
// fault, too, wherever the file ends.
bool KnowsParts(const Semantics& semantics) {
  return NotSupported(semantics, Feature::kHugeParts) == nullptr;
}

}  // namespace

bool ReachesHugetlb(const State& s, const Call& c) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(c.op))) {
    if (arg.kind == ArgKind::kAddress && c.arg[word] >= kHugeArena) return true;
    word += WordsOf(arg.kind);
  }
  return NamesFile(s, c, [&](const File& file) { return IsHugetlb(s.inodes[file.inode - 1]); });
}

bool IsUnknownOfHugetlb(Op op) {
  switch (op) {
    case Op::kUdmabufCreate:
    case Op::kFuseMmap:
    case Op::kExtension: return true;
    default: return false;
  }
}

bool HoleInHugetlb(const Semantics& semantics, int64_t* begin, int64_t* end) {
  if (KnowsParts(semantics)) return true;
  *begin = HugeAlign(*begin);
  *end -= *end % kHugePageSize;
  return *begin < *end;
}

bool FaultHugetlb(State& s, Mapping& m, int page, const Semantics& semantics, bool* changed) {
  const auto bit = static_cast<uint8_t>(1u << page);
  if (HasCopy(m, page)) return true;
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
