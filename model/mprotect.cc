// mprotect (mm/mprotect.c).
#include <utility>

#include "model/families.h"

namespace selkie {
namespace {

constexpr int64_t kProtGrows = abi::kProtGrowsdown | abi::kProtGrowsup;

// One mapping of the range (mprotect_fixup); `part` is its piece in the range.
// Writes to *mm and sets *changed if it changes.  Returns false and sets *result
// if the kernel refuses or the table is full.
bool ProtectOne(const State& s, const Call& c, Mapping part, AddressSpace* mm, bool* changed,
                const Semantics& semantics, Result* result) {
  const auto prot = static_cast<uint8_t>(c.arg[2] & kProtAll);
  const uint8_t prot_before = part.prot, may_before = part.may;
  if (HasRules(semantics, Point::kMprotect)) {
    const int f = part.file - 1;
    Ruling ruling(s, c, s.files[f].inode - 1, f, semantics, Point::kMprotect);
    ruling.LookAt(part);
    ruling.facts.Set(FactSet::kProt, prot);  // asked for
    ruling.targets.mapping = &part;
    if (const Rule* rule = ruling.Refuses()) {
      *result = Refused(rule);
      return false;
    }
    if (ruling.last != nullptr) result->rule = ruling.last;
  }
  if ((prot & ~part.may) != 0) {
    *result = Fail(EACCES, "mm/mprotect.c do_mprotect_pkey: VM_MAYWRITE");
    return false;
  }
  if ((part.flags & kMapSealed) != 0) {
    *result = Fail(EPERM, "mm/mprotect.c mprotect_fixup: can_modify_vma");
    return false;
  }
  part.prot = prot;
  if (prot != prot_before) part.opened = 0;
  if (prot == prot_before && part.may == may_before) return true;
  *changed = true;
  if (ReplacePart(*mm, s.limits.maps, part)) return true;
  *result = Bound("no free mapping within the bounds");
  return false;
}

// What a private mapping that is locked has of `done` is copied once it can be written
// (mprotect_fixup).
void PopulateWritable(State& s, const Call& c, const AddressSpace& before, PageRange done,
                      const Semantics& semantics) {
  bool changed = false;
  for (const Mapping& m : before) {
    if (Empty(m) || m.start >= done.end) break;
    if (EndOf(m) <= done.begin || (m.flags & kMapLocked) == 0 || m.vm_shared != 0) continue;
    if ((m.prot & kProtWrite) != 0 || (c.arg[2] & kProtWrite) == 0) continue;
    const Mapping part = Piece(m, done);
    MmPopulate(s, SpaceOf(s, c), {part.start, EndOf(part)}, true, semantics, &changed);
  }
}

// The loop of do_mprotect_pkey: in order, up to the first failure.
Result ProtectRange(State& s, const Call& c, PageRange range, const Semantics& semantics) {
  AddressSpace mm = SpaceOf(s, c);
  bool changed = false;
  Result result = Unchanged(0);
  int page = range.begin;
  while (page < range.end) {
    const int j = MappingAt(s, c.task, page);
    if (j < 0) {
      result = Fail(ENOMEM, "mm/mprotect.c do_mprotect_pkey: a hole in the range");
      break;
    }
    const Mapping part = Piece(SpaceOf(s, c)[j], range);
    if (!ProtectOne(s, c, part, &mm, &changed, semantics, &result)) break;
    page = EndOf(part);
  }
  if (result.kind == Result::Kind::kBound) return result;
  result.changed = changed;
  if (!changed) return result;
  const AddressSpace before = std::exchange(SpaceOf(s, c), mm);
  PopulateWritable(s, c, before, {range.begin, page}, semantics);
  return result;
}

// PROT_GROWSDOWN asks the first mapping of the range for VM_GROWSDOWN, PROT_GROWSUP the one at its
// start for VM_GROWSUP, which x86 has not; no mapping of a file has either.
Result ProtectGrowing(const State& s, const Call& c, PageRange range) {
  const bool down = (c.arg[2] & abi::kProtGrowsdown) != 0;
  if (down ? IsGap(SpaceOf(s, c), range) : MappingAt(s, c.task, range.begin) < 0)
    return Fail(ENOMEM, "mm/mprotect.c do_mprotect_pkey: no mapping");
  return Fail(EINVAL, "mm/mprotect.c do_mprotect_pkey: VM_GROWSDOWN, VM_GROWSUP");
}

// A range with an edge within a huge page, of one mapping: mprotect_fixup splits that only for
// another protection, once it is allowed.
Result ProtectPart(State& s, const Call& c, uint64_t bytes, const Semantics& semantics) {
  PageRange pages;
  const int map = HugePart(s, c, c.arg[0], PageAlign(bytes), &pages);
  if (map < 0) return Bound("the range leaves the arena");
  if ((c.arg[2] & kProtGrows) != 0) return ProtectGrowing(s, c, pages);
  State scratch = s;
  const Result result = ProtectRange(scratch, c, pages, semantics);
  if (!result.ok() || !result.changed) return result;
  return RefuseToSplit(s, c, map);
}

}  // namespace

Result Mprotect(State& s, const Call& c, const Semantics& semantics) {
  const auto bytes = static_cast<uint64_t>(c.arg[1]);
  if ((c.arg[2] & kProtGrows) == kProtGrows)
    return Fail(EINVAL, "mm/mprotect.c do_mprotect_pkey: PROT_GROWSDOWN and PROT_GROWSUP");
  if (c.arg[0] == kNull) return Bound("mprotect of NULL is not modelled");
  if ((c.arg[0] & kPageMask) != 0)
    return Fail(EINVAL, "mm/mprotect.c do_mprotect_pkey: start not aligned");
  if (bytes == 0) return Unchanged(0);
  if (PageAlign(bytes) == 0) return Fail(ENOMEM, "mm/mprotect.c do_mprotect_pkey: end <= start");
  PageRange range;
  const bool in_arena = InArena(s, c.arg[0], PageAlign(bytes), &range);
  if (!in_arena && bytes > kWithinMemory) return Bound("the range may wrap around");
  if ((c.arg[2] & ~(kProtAll | abi::kProtSem | kProtGrows)) != 0)
    return Fail(EINVAL, "mm/mprotect.c do_mprotect_pkey: arch_validate_prot");
  if (!in_arena) return ProtectPart(s, c, bytes, semantics);
  if ((c.arg[2] & kProtGrows) != 0) return ProtectGrowing(s, c, range);
  return ProtectRange(s, c, range, semantics);
}

}  // namespace selkie
