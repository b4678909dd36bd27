// mremap: mm/mremap.c.  Of huge pages lengths are of whole ones (align_hugetlb), from 5.16 on.
#include <algorithm>

#include "model/families.h"

namespace selkie {
namespace {

struct Request {
  PageRange old;  // old.begin is the old address; old.end may be beyond the
                  // arena, but by no more than the largest length
  int pages = 0;  // the new length
  bool may_move = false;
  bool fixed = false;
  bool keeps_old = false;    // MREMAP_DONTUNMAP
  bool same_length = false;  // of pages that are not huge
  bool huge = false;         // the old address is in the arena of huge pages
  int target = -1;           // MREMAP_FIXED: the new first page, or -1 if it is within a huge one

  int old_pages() const { return old.end - old.begin; }
};

constexpr const char* kNoMapping = "mm/mremap.c vma_to_resize: no mapping";
constexpr const char* kOldUnmapped = "mm/mremap.c mremap_to: the old mapping was unmapped";

int64_t BytesOf(int64_t length) {
  return static_cast<int64_t>(PageAlign(static_cast<uint64_t>(length)));
}

// The old range and the new length, in pages; false if they are no lengths of the arena.
bool ReadRange(const State& s, const Call& c, Request* r) {
  const int begin = c.arg[0] < 0 ? -1 : ArenaPageOf(s, c.arg[0]);
  if (begin < 0) return false;
  r->huge = IsHugePage(begin);
  const int64_t page = SizeOfPage(begin);
  const int64_t most = page * (r->huge ? kMaxHuge : kArenaPages);
  for (const int64_t bytes : {c.arg[1], c.arg[2]})
    if (bytes < 0 || bytes > most) return false;
  r->old = {begin, begin + static_cast<int>(PagesOf(c.arg[1], page))};
  r->pages = static_cast<int>(PagesOf(c.arg[2], page));
  r->same_length = BytesOf(c.arg[1]) == BytesOf(c.arg[2]);
  return true;
}

// The last mapping of the VMA that mapping `j` is part of: mappings that agree are one
// VMA, as each call that makes them adjacent or equal merges them.  For private
// mappings that depends on anon_vma, which is not modelled, and so it does up to 6.18 for what
// MADV_GUARD_INSTALL gave one: then *certain is false.
int LastOfVma(const AddressSpace& mm, int j, bool* certain) {
  *certain = true;
  while (j + 1 < kMaxMaps && !Empty(mm[j + 1]) && Agree(mm[j], mm[j + 1])) {
    if (!mm[j].shared || (mm[j].flags & mm[j + 1].flags & kMapGuarded) != 0) *certain = false;
    ++j;
  }
  return j;
}

// A call whose arguments alone are wrong, in the order of Linux 6.1 sys_mremap.
bool BadArguments(const State& s, const Call& c, Request* r, Result* error,
                  const Semantics& semantics) {
  const int64_t flags = c.arg[3],
                kKnown = abi::kMremapMaymove | abi::kMremapFixed | abi::kMremapDontunmap;
  r->may_move = (flags & abi::kMremapMaymove) != 0;
  r->fixed = (flags & abi::kMremapFixed) != 0;
  r->keeps_old = (flags & abi::kMremapDontunmap) != 0;
  auto fail = [error](Result result) {
    *error = result;
    return true;
  };
  if ((flags & ~kKnown) != 0) return fail(Fail(EINVAL, "mm/mremap.c sys_mremap: flags"));
  if (r->fixed && !r->may_move)
    return fail(Fail(EINVAL, "mm/mremap.c sys_mremap: MREMAP_FIXED without MREMAP_MAYMOVE"));
  if (r->keeps_old) {
    constexpr const char* kWhere =
        "mm/mremap.c sys_mremap: MREMAP_DONTUNMAP resizes or may not move";
    const Rule* const exact =
        c.arg[1] != c.arg[2] ? NotSupported(semantics, Feature::kRounded) : nullptr;
    if (!r->may_move || PageAlign(c.arg[1]) != PageAlign(c.arg[2]))
      return fail(Fail(EINVAL, kWhere));
    if (exact != nullptr) return fail(Refused(exact));
  }
  if (c.arg[0] == kNull) return fail(Bound("mremap of NULL is not modelled"));
  if (r->keeps_old && !r->fixed && c.arg[4] != kNull)
    return fail(Bound("MREMAP_DONTUNMAP with a hint: where the kernel would go is not known"));
  if ((c.arg[0] & kPageMask) != 0)
    return fail(Fail(EINVAL, "mm/mremap.c sys_mremap: addr not aligned"));
  if (c.arg[2] == 0) return fail(Fail(EINVAL, "mm/mremap.c sys_mremap: !new_len"));
  if (!ReadRange(s, c, r)) return fail(Bound("the range leaves the arena"));
  return false;
}

// Mapping `j` has VM_SEALED; -1 is no mapping.
bool IsSealed(const State& s, const Call& c, int j) {
  return j >= 0 && (SpaceOf(s, c)[j].flags & kMapSealed) != 0;
}

// mremap_to's checks of the new address, which some kernels make only after they have looked for
// the mapping `j` at the old one, or -1, and asked whether it is sealed.
bool BadTarget(const State& s, const Call& c, Request* r, int j, Result* error,
               const Semantics& semantics) {
  const int64_t addr = c.arg[4];
  const bool sealed = IsSealed(s, c, j);
  auto fail = [&](const char* check, Feature first) {
    const Rule* const late = j < 0 || sealed ? NotSupported(semantics, first) : nullptr;
    *error = late == nullptr ? Fail(EINVAL, check) : Refused(late);
    if (late != nullptr && sealed) {  // what the rule refuses with is of no mapping
      *error = Fail(EPERM, "mm/mremap.c sys_mremap: can_modify_vma");
      error->rule = late;
    }
    return true;
  };
  if (addr == kNull) {
    *error = Bound("MREMAP_FIXED at NULL is not modelled");
    return true;
  }
  if ((addr & kPageMask) != 0)
    return fail("mm/mremap.c mremap_to: new_addr not aligned", Feature::kMremapAligned);
  if (c.arg[0] + BytesOf(c.arg[1]) > addr && addr + BytesOf(c.arg[2]) > c.arg[0])
    return fail("mm/mremap.c mremap_to: the ranges overlap", Feature::kMremapOverlap);
  if (r->huge && addr % kHugePageSize != 0) return false;
  const int page = addr < 0 ? -1 : ArenaPageOf(s, addr);
  if (page < 0 || IsHugePage(page) != r->huge || page + r->pages > ArenaEnd(s.limits, r->huge)) {
    *error = Bound("the new range leaves the arena");
    return true;
  }
  r->target = page;
  return false;
}

// align_hugetlb, which looks at the new address whether there is one or not.
const char* Misaligned(const Call& c, const Request& r) {
  if (c.arg[0] % kHugePageSize != 0 || (c.arg[4] != kNull && c.arg[4] % kHugePageSize != 0))
    return "mm/mremap.c align_hugetlb: huge_page_mask";
  return r.pages > r.old_pages() ? "mm/mremap.c align_hugetlb: new_len > old_len" : nullptr;
}

// munmap of `length` bytes at `addr`, if there are any; false if it fails, with its error.
bool UnmapBytes(State& s, const Call& c, int64_t addr, int64_t length, const Semantics& semantics,
                Result* result) {
  if (length <= 0) return true;
  const Result unmapped = Munmap(s, {Op::kMunmap, c.task, {addr, length}}, semantics);
  const bool known = unmapped.kind != Result::Kind::kBound;
  const bool changed = known && (result->changed || unmapped.changed);
  if (!unmapped.ok()) *result = unmapped;
  result->changed = changed;
  return unmapped.ok();
}

// munmap of the new place, which some kernels have made before they refuse.
bool UnmapTarget(State& s, const Call& c, const Request& r, const Semantics& semantics,
                 Result* error) {
  return UnmapBytes(s, c, AddressOfPage(r.target), r.pages * SizeOfPage(r.target), semantics,
                    error);
}

// And the rest of a range that shrinks.
bool UnmapTargetAndRest(State& s, const Call& c, const Request& r, const Semantics& semantics,
                        Result* error) {
  const int64_t old_len = BytesOf(c.arg[1]), new_len = BytesOf(c.arg[2]);
  return (!r.fixed || UnmapBytes(s, c, c.arg[4], new_len, semantics, error)) &&
         UnmapBytes(s, c, c.arg[0] + new_len, old_len - new_len, semantics, error);
}

// Kernels that do not move huge pages (vma_to_resize) have unmapped by then what is at the new
// place, and the rest of a range that shrinks, which may begin and end at whole ones only.
Result RefuseToMoveHuge(State& s, const Call& c, const Request& r, const Rule* rule,
                        const Semantics& semantics) {
  const bool stays = !r.fixed && !r.keeps_old && BytesOf(c.arg[1]) >= BytesOf(c.arg[2]);
  const bool mapped = MappingAt(s, c.task, r.old.begin) >= 0;
  Result result = stays ? Unchanged(c.arg[0]) : Refused(rule);
  State after = s;
  if (UnmapTargetAndRest(after, c, r, semantics, &result) && !stays &&
      MappingAt(after, c.task, r.old.begin) < 0) {
    const bool changed = result.changed;
    result = Fail(EFAULT, mapped ? kOldUnmapped : kNoMapping);
    result.changed = changed;
  }
  if (result.kind != Result::Kind::kBound) s = after;
  return result;
}

// What a locked mapping grew by is brought in.
void PopulateGrown(State& s, const Call& c, PageRange grown, const Semantics& semantics) {
  const int j = grown.begin < grown.end ? MappingAt(s, c.task, grown.begin) : -1;
  bool changed = false;
  if (j >= 0 && (SpaceOf(s, c)[j].flags & kMapLocked) != 0)
    MmPopulate(s, SpaceOf(s, c), grown, true, semantics, &changed);
}

// What MREMAP_DONTUNMAP leaves: the mappings, their pages gone to the new ones.
void LosePages(AddressSpace& mm, PageRange range) {
  for (Mapping& m : mm) {
    for (int page = range.begin; page < range.end; ++page) {
      if (Empty(m) || page < m.start || page >= EndOf(m)) continue;
      DropCopy(m, page - m.start);
      m.guards &= static_cast<uint8_t>(~(1u << (page - m.start)));
    }
  }
}

uint8_t LockedAt(const AddressSpace& mm, int page) {
  for (const Mapping& m : mm)
    if (!Empty(m) && m.start <= page && page < EndOf(m)) return m.flags & kMapLockedMask;
  return 0;
}

// The range, made longer by the rest of the VMAs that are locked and stand at its ends.  False if
// where one ends is not known.
bool ToWholeVmas(const AddressSpace& mm, PageRange* range) {
  const PageRange asked = *range;
  for (int first = 0, last; first < kMaxMaps && !Empty(mm[first]); first = last + 1) {
    bool certain;
    last = LastOfVma(mm, first, &certain);
    const bool apart = mm[first].start >= asked.end || EndOf(mm[last]) <= asked.begin;
    if (apart || (mm[first].flags & kMapLocked) == 0) continue;
    if (!certain) return false;
    range->begin = std::min<int>(range->begin, mm[first].start);
    range->end = std::max(range->end, EndOf(mm[last]));
  }
  return true;
}

// What MREMAP_DONTUNMAP leaves is not locked any more (dontunmap_complete), and is not merged
// with its neighbours for that.  False if `slots` are not enough.
bool Unlock(AddressSpace& mm, int slots, PageRange range) {
  const AddressSpace before = mm;
  for (const Mapping& m : before) {
    if (Empty(m) || m.start >= range.end) break;
    if (EndOf(m) <= range.begin || (m.flags & kMapLocked) == 0) continue;
    Mapping part = Piece(m, range);
    ClearLocked(part);
    if (!RemoveRange(mm, slots, {part.start, EndOf(part)}) || !AddMapping(mm, slots, part))
      return false;
  }
  for (int j = 1; j < kMaxMaps && !Empty(mm[j]); ++j) {
    const bool differed = LockedAt(before, mm[j].start - 1) != LockedAt(before, mm[j].start);
    if (differed && Agree(mm[j - 1], mm[j])) mm[j].flags |= kMapUnmerged;
  }
  return true;
}

// MREMAP_DONTUNMAP: the old range stays, without its pages, and unlocked.  False with kBound.
bool Leave(AddressSpace& mm, int slots, PageRange old, const Semantics& semantics, Result* result) {
  LosePages(mm, old);
  PageRange unlocked = old;
  const Rule* const more = NotSupported(semantics, Feature::kUnlocksPart);
  if (more != nullptr && !ToWholeVmas(mm, &unlocked)) {
    *result = Bound("whether two private mappings are one VMA is not modelled");
    return false;
  }
  if (unlocked.begin != old.begin || unlocked.end != old.end) result->rule = more;
  if (Unlock(mm, slots, unlocked)) return true;
  *result = Bound("no free mapping within the bounds");
  return false;
}

// Moves the old range to page `to`, with its new length; an old length of 0
// makes a second mapping of the same pages instead.
Result Move(State& s, const Call& c, const Request& r, int to, const Semantics& semantics) {
  const AddressSpace& before = SpaceOf(s, c);
  Result result = Changed(AddressOfPage(to));
  AddressSpace mm = before;
  const int slots = s.limits.maps;
  const int kept = std::min(r.old_pages(), r.pages);
  // Several mappings of one length move one by one, and holes between them leave
  // what is at the new place (remap_move, 6.17).
  const bool one_by_one = r.fixed && r.same_length;
  bool room = one_by_one || RemoveRange(mm, slots, {to, to + r.pages});
  if (!r.keeps_old)
    room = room && RemoveRange(mm, slots, r.old);
  else if (!Leave(mm, slots, r.old, semantics, &result))
    return result;
  for (const Mapping& m : before) {
    if (Empty(m)) break;
    const bool source = r.old_pages() == 0 ? m.start <= r.old.begin && EndOf(m) > r.old.begin
                                           : m.start < r.old.begin + kept && EndOf(m) > r.old.begin;
    if (!source) continue;
    if (r.huge && !m.shared && (m.start < r.old.begin || EndOf(m) > r.old.end))
      return Bound("a part of a private mapping of huge pages: one is lost for good");
    Mapping piece = Piece(m, {r.old.begin, r.old.begin + std::max(kept, 1)});
    const int done = piece.start - r.old.begin;
    const bool last = done + piece.pages >= kept;
    const int pages = last ? r.pages - done : int{piece.pages};
    if (pages > kMaxPages || piece.pgoff + pages >= kMaxMappedPages)
      return Bound("the mapping is longer than the bounds");
    piece.start = static_cast<uint8_t>(to + done);
    piece.pages = static_cast<uint8_t>(pages);
    ClearUnmerged(piece);  // copy_vma
    if (r.old_pages() == 0) piece.guards = 0;
    if (one_by_one) room = room && RemoveRange(mm, slots, {piece.start, EndOf(piece)});
    room = room && AddMapping(mm, slots, piece);
  }
  if (!room) return Bound("no free mapping within the bounds");
  SpaceOf(s, c) = mm;
  ReleaseUnreferenced(s);
  PopulateGrown(s, c, {to + r.old_pages(), to + r.pages}, semantics);
  return result;
}

// old_len >= new_len without MREMAP_FIXED: the rest is unmapped, whatever it is.
Result Shrink(State& s, const Call& c, const Request& r) {
  Result result = Unchanged(c.arg[0]);
  const PageRange rest{r.old.begin + r.pages, r.old.end};
  if (rest.begin == rest.end) return result;
  if (rest.end > ArenaEnd(s.limits, r.huge)) return Bound("the range leaves the arena");
  AddressSpace mm = SpaceOf(s, c);
  if (IsGap(mm, rest)) return result;
  if (!MayModify(mm, rest)) return RefuseToUnmap(s, c, rest);
  if (!RemoveRange(mm, s.limits.maps, rest)) return Bound("no free mapping within the bounds");
  SpaceOf(s, c) = mm;
  ReleaseUnreferenced(s);
  result.changed = true;
  return result;
}

// The mapping grows where it stands: the old range ends where it ends, and what
// follows is free.
Result GrowInPlace(State& s, const Call& c, const Request& r, const Semantics& semantics) {
  const int j = MappingAt(s, c.task, r.old.end - 1);
  Mapping& m = SpaceOf(s, c)[j];
  const int pages = r.old.begin + r.pages - m.start;
  if (pages > kMaxPages || m.pgoff + pages >= kMaxMappedPages)
    return Bound("the mapping is longer than the bounds");
  m.pages = static_cast<uint8_t>(pages);
  SpreadGuarded(SpaceOf(s, c));  // vma_merge_extend: what follows it may be one with it now
  PopulateGrown(s, c, {r.old.end, r.old.begin + r.pages}, semantics);
  return Changed(c.arg[0]);
}

// To where the kernel chooses: the lowest gap here, and the harness moves it there.
Result MoveAnywhere(State& s, const Call& c, const Request& r, const Semantics& semantics) {
  const int to = LowestGap(s, c.task, r.pages);
  if (to < 0) return Bound("no gap in the arena: where the kernel would go is not known");
  if (r.old.end > s.limits.arena) return Bound("the range leaves the arena");
  return Move(s, c, r, to, semantics);
}

// Without room behind it, a mapping that may move goes elsewhere.
Result Grow(State& s, const Call& c, const Request& r, int vma_end, const Semantics& semantics) {
  const PageRange more{r.old.end, r.old.begin + r.pages};
  // Huge pages follow in the table, and are not behind the arena.
  const PageRange in_arena{more.begin, std::min<int>(more.end, s.limits.arena)};
  const bool at_end = r.old_pages() > 0 && r.old.end == vma_end;
  if (at_end && IsGap(SpaceOf(s, c), in_arena)) {  // vma_expandable
    if (more.end > s.limits.arena) return Bound("the mapping would leave the arena");
    return GrowInPlace(s, c, r, semantics);
  }
  if (!r.may_move) return Fail(ENOMEM, "mm/mremap.c sys_mremap: no room to grow");
  return MoveAnywhere(s, c, r, semantics);
}

// vma_to_resize (check_prep_vma since 6.17): the old range must lie in one VMA.
// With MREMAP_FIXED, kernels before 6.17 have unmapped by then what is at the
// new place, and the rest of a range that shrinks.
bool BadVma(State& s, const Call& c, const Request& r, const Mapping& m, int vma_end, bool certain,
            Result* error, const Semantics& semantics) {
  const int kept = std::min(r.old_pages(), r.pages);
  const bool crosses = r.old.begin + kept > vma_end;
  const Rule* const one_only = r.fixed ? NotSupported(semantics, Feature::kSeveral) : nullptr;
  if (r.fixed && r.same_length && one_only == nullptr) return false;
  const bool duplicates_private = r.old_pages() == 0 && !m.shared;
  if (!crosses && r.old.begin + kept > EndOf(m) && !certain) {
    *error = Bound("whether two private mappings are one VMA is not modelled");
    return true;
  }
  if (!crosses && !duplicates_private) return false;
  *error = duplicates_private
               ? Fail(EINVAL, "mm/mremap.c vma_to_resize: !old_len of a private mapping")
               : Fail(EFAULT, "mm/mremap.c vma_to_resize: across the end of a mapping");
  if (one_only == nullptr) return true;
  if (!duplicates_private) *error = Refused(one_only);
  if (duplicates_private && r.target == r.old.begin) *error = Fail(EFAULT, kOldUnmapped);
  State after = s;
  UnmapTargetAndRest(after, c, r, semantics, error);
  if (error->kind != Result::Kind::kBound) s = after;
  return true;
}

// A mapping that is to be duplicated onto itself has gone when it is looked up
// again (measured on 6.18).
Result DuplicateOntoItself(State& s, const Call& c, const Request& r, const Semantics& semantics) {
  Result result = Fail(EFAULT, kOldUnmapped);
  UnmapTarget(s, c, r, semantics, &result);
  return result;
}

Result MoveTo(State& s, const Call& c, const Request& r, const Semantics& semantics) {
  const PageRange target{r.target, r.target + r.pages};
  const bool several =
      r.same_length && EndOf(SpaceOf(s, c)[MappingAt(s, c.task, r.old.begin)]) < r.old.end;
  if (!MayModify(SpaceOf(s, c), target))
    return several ? Bound("several mappings that move one by one, to where one is sealed")
                   : RefuseToUnmap(s, c, target);
  if (!MayModify(SpaceOf(s, c), r.old))
    return Bound("a sealed mapping in what shrinks, after the new place was unmapped");
  if (r.old_pages() == 0 && r.target == r.old.begin) return DuplicateOntoItself(s, c, r, semantics);
  if (r.old.end <= ArenaEnd(s.limits, r.huge)) return Move(s, c, r, r.target, semantics);
  return Bound("the range leaves the arena");
}

// The rules, about the mapping that is to change.
const Rule* DecideMremap(const State& s, const Call& c, const Mapping& m,
                         const Semantics& semantics) {
  if (!HasRules(semantics, Point::kMremap)) return nullptr;
  const int f = m.file - 1;
  Ruling ruling(s, c, s.files[f].inode - 1, f, semantics, Point::kMremap);
  ruling.LookAt(m);
  return ruling.Refuses();
}

// MREMAP_DONTUNMAP of huge pages.  Kernels before 6.17 have unmapped by then what is at the new
// place.
Result RefuseToKeepHuge(State& s, const Call& c, const Request& r, const Semantics& semantics) {
  Result error = Fail(EINVAL, "mm/mremap.c vma_to_resize: MREMAP_DONTUNMAP of VM_DONTEXPAND");
  const Rule* const one_only = r.fixed ? NotSupported(semantics, Feature::kSeveral) : nullptr;
  if (one_only == nullptr) return error;
  if (UnmapTarget(s, c, r, semantics, &error) && error.changed) error.rule = one_only;
  return error;
}

// Nothing is mapped at the old address.  Kernels that look for the mapping only to grow
// or move it have unmapped by then what MREMAP_FIXED replaces, and what shrinks away.
Result Unmapped(State& s, const Call& c, const Request& r, const Semantics& semantics) {
  if (const Rule* first = NotSupported(semantics, Feature::kUnmapped)) return Refused(first);
  if (r.huge) return Bound("kernels that move huge pages look for the mapping first");
  if (!r.fixed && !r.keeps_old && r.old_pages() >= r.pages) return Shrink(s, c, r);
  Result error = Fail(EFAULT, kNoMapping);
  if (!r.fixed) return error;
  AddressSpace mm = SpaceOf(s, c);
  const PageRange rest{r.old.begin + std::min(r.pages, r.old_pages()), r.old.end};
  if (rest.end > s.limits.arena) return Bound("the range leaves the arena");
  if (!RemoveRange(mm, s.limits.maps, {r.target, r.target + r.pages}) ||
      !RemoveRange(mm, s.limits.maps, rest))
    return Bound("no free mapping within the bounds");
  error.changed = SpaceOf(s, c) != mm;
  SpaceOf(s, c) = mm;
  ReleaseUnreferenced(s);
  return error;
}

}  // namespace

Result Mremap(State& s, const Call& c, const Semantics& semantics) {
  Request r;
  Result error;
  if (BadArguments(s, c, &r, &error, semantics)) return error;
  const int j = MappingAt(s, c.task, r.old.begin);
  if (r.fixed && BadTarget(s, c, &r, j, &error, semantics)) return error;
  const Rule* const stays = r.huge ? NotSupported(semantics, Feature::kHugeMremap) : nullptr;
  if (stays == nullptr && j < 0) return Unmapped(s, c, r, semantics);
  if (IsSealed(s, c, j)) return Fail(EPERM, "mm/mremap.c sys_mremap: can_modify_vma");
  const Rule* const rule = j < 0 ? nullptr : DecideMremap(s, c, SpaceOf(s, c)[j], semantics);
  if (rule != nullptr) return Refused(rule);
  if (stays != nullptr) return RefuseToMoveHuge(s, c, r, stays, semantics);
  if (const char* where = r.huge ? Misaligned(c, r) : nullptr) return Fail(EINVAL, where);
  if (!r.fixed && !r.keeps_old && r.old_pages() >= r.pages) return Shrink(s, c, r);
  if (r.keeps_old) {
    const Rule* const unknown = NotSupported(semantics, Feature::kDontunmap);
    if (unknown != nullptr && r.fixed)
      return Bound("the new place was unmapped before the refusal");
    if (unknown != nullptr) return Refused(unknown);
  }
  bool certain;
  const int vma_end = EndOf(SpaceOf(s, c)[LastOfVma(SpaceOf(s, c), j, &certain)]);
  if (r.huge && r.keeps_old) return RefuseToKeepHuge(s, c, r, semantics);
  if (BadVma(s, c, r, SpaceOf(s, c)[j], vma_end, certain, &error, semantics)) return error;
  if (r.fixed) return MoveTo(s, c, r, semantics);
  return r.keeps_old ? MoveAnywhere(s, c, r, semantics) : Grow(s, c, r, vma_end, semantics);
}

}  // namespace selkie
