// Address spaces as sorted tables of mappings: what mmap, munmap, mprotect and
// mremap share (mm/vma.c).
#include <algorithm>

#include "model/families.h"

namespace selkie {

int ArenaPageOf(const State& s, int64_t addr) {
  const int page = PageOfAddress(addr);
  return page < ArenaEnd(s.limits, IsHugePage(page)) ? page : -1;
}

bool LeavesArena(const State& s, int64_t addr, int64_t len) {
  const int64_t arena = int64_t{s.limits.arena} * kPageSize;
  if (addr < kHugeArena) return addr < 0 || addr > arena || len > arena - addr;
  const int page = ArenaPageOf(s, addr);
  return page < 0 || len > kPageSize - (addr - AddressOfPage(page));
}

bool InArena(const State& s, int64_t addr, uint64_t length, PageRange* range) {
  if (addr >= kHugeArena && s.limits.huge > 0) {
    const auto first = (addr - kHugeArena) / kHugePageSize;
    const uint64_t pages = length / kHugePageSize;
    if (addr % kHugePageSize != 0 || length % kHugePageSize != 0 || first > s.limits.huge ||
        pages > static_cast<uint64_t>(s.limits.huge - first))
      return false;
    range->begin = kArenaPages + static_cast<int>(first);
    range->end = range->begin + static_cast<int>(pages);
    return true;
  }
  const int64_t arena = int64_t{s.limits.arena} * kPageSize;
  if (addr < 0 || addr > arena || length > static_cast<uint64_t>(arena - addr)) return false;
  range->begin = static_cast<int>(addr / kPageSize);
  range->end = range->begin + static_cast<int>(length / kPageSize);
  return true;
}

int HugePart(const State& s, const Call& c, int64_t addr, uint64_t length, PageRange* pages) {
  if (addr < kHugeArena || length == 0 || length > kMaxHuge * uint64_t{kHugePageSize}) return -1;
  const int first = ArenaPageOf(s, addr);
  if (first < 0) return -1;
  const int last = ArenaPageOf(s, addr + static_cast<int64_t>(length) - 1);
  if (last < 0) return -1;
  *pages = {first, last + 1};
  const int map = MappingAt(s, c.task, first);
  return map >= 0 && last < EndOf(SpaceOf(s, c)[map]) ? map : -1;
}

bool MayModify(const AddressSpace& mm, PageRange range) {
  return !AnyIn(mm, range, [](const Mapping& m) { return (m.flags & kMapSealed) != 0; });
}

namespace {

// False if `slots` are not enough.
bool SplitAt(AddressSpace& mm, int slots, int page) {
  for (int i = 0; i < kMaxMaps && !Empty(mm[i]) && mm[i].start <= page; ++i) {
    Mapping& m = mm[i];
    if (EndOf(m) <= page || (m.flags & kMapSealed) != 0) continue;
    if (m.start == page) {  // one VMA with the one before it, if they agree
      if (i > 0 && Agree(mm[i - 1], m)) m.flags |= kMapUnmerged;
      return true;
    }
    Mapping rest = Piece(m, {page, EndOf(m)});
    rest.flags |= kMapUnmerged;
    m = Piece(m, {m.start, page});
    return AddMapping(mm, slots, rest);
  }
  return true;
}

}  // namespace

Result RefuseToUnmap(State& s, const Call& c, PageRange range) {
  Result error = Fail(EPERM, "mm/vma.c vms_gather_munmap_vmas: can_modify_vma");
  AddressSpace mm = SpaceOf(s, c);
  if (!SplitAt(mm, s.limits.maps, range.begin)) return Bound("no free mapping within the bounds");
  error.changed = mm != SpaceOf(s, c);
  SpaceOf(s, c) = mm;
  return error;
}

Result RefuseToSplit(State& s, const Call& c, int map) {
  Result error = Fail(EINVAL, kSplitsHuge);
  const int page = PageOfAddress(c.arg[0]);
  AddressSpace mm = SpaceOf(s, c);
  if (c.arg[0] != AddressOfPage(page) || page == mm[map].start) return error;
  if (!SplitAt(mm, s.limits.maps, page)) return Bound("no free mapping within the bounds");
  error.changed = mm != SpaceOf(s, c);
  SpaceOf(s, c) = mm;
  return error;
}

bool ReplacePart(AddressSpace& mm, int slots, const Mapping& part) {
  Mapping merged = part;  // vma_modify tries to, at both ends
  ClearUnmerged(merged);
  return RemoveRange(mm, slots, {part.start, EndOf(part)}) && AddMapping(mm, slots, merged);
}

Mapping Piece(const Mapping& m, PageRange range) {
  const int begin = std::max<int>(range.begin, m.start);
  const int end = std::min(range.end, EndOf(m));
  const int skipped = begin - m.start;
  Mapping piece = m;
  piece.start = static_cast<uint8_t>(begin);
  piece.pages = static_cast<uint8_t>(end - begin);
  piece.pgoff = static_cast<uint8_t>(m.pgoff + skipped);
  if (skipped > 0) ClearUnmerged(piece);
  piece.guards = static_cast<uint8_t>((m.guards >> skipped) & ((1u << piece.pages) - 1));
  piece.opened = static_cast<uint8_t>((m.opened >> skipped) & ((1u << piece.pages) - 1));
  if (m.copied == 0) return piece;
  piece.copied = static_cast<uint8_t>((m.copied >> skipped) & ((1u << piece.pages) - 1));
  for (int i = 0; i < kMaxPages; ++i)
    piece.copy[i] = i < piece.pages ? m.copy[i + skipped] : decltype(m.copy[0]){};
  return piece;
}

bool AddMapping(AddressSpace& mm, int slots, const Mapping& m) {
  int at = 0;
  while (at < slots && !Empty(mm[at])) ++at;
  if (at == slots) return false;
  for (; at > 0 && mm[at - 1].start > m.start; --at) mm[at] = mm[at - 1];
  mm[at] = m;
  SpreadGuarded(mm);
  return true;
}

void SpreadGuarded(AddressSpace& mm) {
  const auto spread = [&mm](int from, int to) {
    if ((mm[from].flags & kMapGuarded) != 0 &&
        Agree(mm[std::min(from, to)], mm[std::max(from, to)]))
      mm[to].flags |= kMapGuarded;
  };
  int last = 0;
  for (; last + 1 < kMaxMaps && !Empty(mm[last + 1]); ++last) spread(last, last + 1);
  for (; last > 0; --last) spread(last, last - 1);
}

bool RemoveRange(AddressSpace& mm, int slots, PageRange range) {
  if (range.begin >= range.end) return true;
  Mapping tail;  // if one mapping reaches beyond the range at both ends
  int kept = 0;
  for (int i = 0; i < slots && !Empty(mm[i]); ++i) {
    const Mapping m = mm[i];
    mm[i] = Mapping{};
    if (EndOf(m) <= range.begin || m.start >= range.end) {
      mm[kept] = m;
      if (m.start == range.end) ClearUnmerged(mm[kept]);
      ++kept;
      continue;
    }
    const bool head = m.start<range.begin, rest = EndOf(m)> range.end;
    if (head) mm[kept++] = Piece(m, {m.start, range.begin});
    if (rest) (head ? tail : mm[kept++]) = Piece(m, {range.end, EndOf(m)});
  }
  return Empty(tail) || AddMapping(mm, slots, tail);
}

bool IsGap(const AddressSpace& mm, PageRange range) {
  return !AnyIn(mm, range, [](const Mapping&) { return true; });
}

int LowestGap(const State& s, int task, int pages, bool huge) {
  int begin = huge ? kArenaPages : 0;
  for (const Mapping& m : s.mms[s.tasks[task].mm]) {
    if (!Empty(m) && m.start < begin) continue;
    if (Empty(m) || m.start - begin >= pages) break;
    begin = EndOf(m);
  }
  return begin + pages <= ArenaEnd(s.limits, huge) ? begin : -1;
}

bool SameVmFlags(const Mapping& a, const Mapping& b) {
  return a.prot == b.prot && a.may == b.may && a.shared == b.shared && a.vm_shared == b.vm_shared &&
         ((a.flags ^ b.flags) & ~(kMapUnmerged | kMapGuarded)) == 0;
}

bool Agree(const Mapping& a, const Mapping& b) {
  return EndOf(a) == b.start && a.pgoff + a.pages == b.pgoff && a.file == b.file &&
         !IsHugePage(a.start) &&  // VM_SPECIAL: VM_DONTEXPAND
         SameVmFlags(a, b) && (b.flags & kMapUnmerged) == 0;
}

}  // namespace selkie
