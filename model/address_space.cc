// Address spaces as sorted tables of mappings: what mmap, munmap, mprotect and
// mremap share (mm/vma.c).
#include <algorithm>

#include "model/families.h"

namespace selkie {

void SortMappings(AddressSpace& mm) {
  auto before = [](const Mapping& a, const Mapping& b) {
    if (Empty(a) || Empty(b)) return !Empty(a) && Empty(b);
    return a.start < b.start;
  };
  for (int i = 1; i < kMaxMaps; ++i)  // a table is nearly sorted
    for (int j = i; j > 0 && before(mm[j], mm[j - 1]); --j) std::swap(mm[j], mm[j - 1]);
}

Mapping Piece(const Mapping& m, PageRange range) {
  const int begin = std::max<int>(range.begin, m.start);
  const int end = std::min(range.end, EndOf(m));
  const int skipped = begin - m.start;
  Mapping piece = m;
  piece.start = static_cast<uint8_t>(begin);
  piece.pages = static_cast<uint8_t>(end - begin);
  piece.pgoff = static_cast<uint8_t>(m.pgoff + skipped);
  if (m.copied == 0) return piece;
  piece.copied = static_cast<uint8_t>((m.copied >> skipped) & ((1u << piece.pages) - 1));
  for (int i = 0; i < kMaxPages; ++i)
    piece.copy[i] = i < piece.pages ? m.copy[i + skipped] : decltype(m.copy[0]){};
  return piece;
}

bool AddMapping(AddressSpace& mm, int slots, const Mapping& m) {
  if (!Empty(mm[slots - 1])) return false;
  mm[slots - 1] = m;
  SortMappings(mm);
  return true;
}

bool RemoveRange(AddressSpace& mm, int slots, PageRange range) {
  if (range.begin >= range.end) return true;
  Mapping tail;  // at most one mapping reaches beyond the range at both ends
  for (Mapping& m : mm) {
    if (Empty(m)) break;
    if (EndOf(m) <= range.begin || m.start >= range.end) continue;
    const Mapping whole = m;
    const bool head = whole.start < range.begin;
    m = head ? Piece(whole, {whole.start, range.begin}) : Mapping{};
    if (EndOf(whole) <= range.end) continue;
    const Mapping rest = Piece(whole, {range.end, EndOf(whole)});
    (head ? tail : m) = rest;
  }
  SortMappings(mm);
  return Empty(tail) || AddMapping(mm, slots, tail);
}

bool IsGap(const AddressSpace& mm, PageRange range) {
  for (const Mapping& m : mm) {
    if (Empty(m)) break;
    if (m.start < range.end && EndOf(m) > range.begin) return false;
  }
  return true;
}

int LowestGap(const State& s, int task, int pages) {
  int begin = 0;
  for (const Mapping& m : s.mms[s.tasks[task].mm]) {
    if (Empty(m) || m.start - begin >= pages) break;
    begin = EndOf(m);
  }
  return begin + pages <= s.limits.arena ? begin : -1;
}

bool Agree(const Mapping& a, const Mapping& b) {
  return EndOf(a) == b.start && a.pgoff + a.pages == b.pgoff && a.file == b.file &&
         a.prot == b.prot && a.may == b.may && a.shared == b.shared && a.vm_shared == b.vm_shared;
}

}  // namespace selkie
