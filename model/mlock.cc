// mlock, mlock2 and munlock, and what brings pages in for them: mm/mlock.c, mm/gup.c.
//
// RLIMIT_MEMLOCK is no limit here: the harness lifts it.  Huge pages are never locked (mlock_fixup:
// is_vm_hugetlb_page), but brought in, by MLOCK_ONFAULT, too.
#include <algorithm>

#include "model/families.h"

namespace selkie {
namespace {

// apply_vma_lock_flags: in order, up to the first hole, which what is before it outlasts.
Result ApplyLockFlags(State& s, const Call& c, PageRange range, uint8_t flags) {
  AddressSpace mm = SpaceOf(s, c);
  Result result = Unchanged(0);
  int page = range.begin;
  while (page < range.end) {
    const int j = MappingAt(s, c.task, page);
    if (j < 0) {
      result = Fail(ENOMEM, "mm/mlock.c apply_vma_lock_flags: a hole in the range");
      break;
    }
    Mapping part = Piece(SpaceOf(s, c)[j], range);
    page = EndOf(part);
    if (IsHugePage(part.start)) continue;
    const uint8_t before = part.flags;
    ClearLocked(part);
    part.flags |= flags;
    if (part.flags == before) continue;  // mlock_fixup
    if (!ReplacePart(mm, s.limits.maps, part)) return Bound("no free mapping within the bounds");
  }
  result.changed = mm != SpaceOf(s, c);
  SpaceOf(s, c) = mm;
  return result;
}

// The pages of an address and a length, which need not be aligned and may wrap around to nothing;
// false with *result if the call ends here.
bool LockedRange(const State& s, const Call& c, PageRange* range, Result* result) {
  const auto addr = static_cast<uint64_t>(c.arg[0]), bytes = static_cast<uint64_t>(c.arg[1]);
  const int64_t start = c.arg[0] & ~static_cast<int64_t>(kPageMask);
  const uint64_t length = PageAlign(bytes + (addr & kPageMask));
  *result = Unchanged(0);
  if (length == 0) return false;  // apply_vma_lock_flags: end == start
  *result = Bound("the range leaves the arena");
  if (!InArena(s, start, length, range) && HugePart(s, c, start, length, range) < 0) return false;
  *result = Unchanged(0);
  return range->begin < range->end;  // apply_vma_lock_flags: end == start
}

bool HasProtection(const AddressSpace& mm, PageRange range, int prot) {
  return AnyIn(mm, range, [prot](const Mapping& m) { return m.prot == prot; });
}

Result DoMlock(State& s, const Call& c, bool on_fault, const Semantics& semantics) {
  PageRange range;
  Result result;
  if (!LockedRange(s, c, &range, &result)) return result;
  const Rule* const asks = on_fault ? NotSupported(semantics, Feature::kOnFault) : nullptr;
  const bool asked = !on_fault || asks != nullptr || IsHugePage(range.begin);
  if (asked && HasProtection(SpaceOf(s, c), range, kProtExec))
    return Bound("execute-only memory can be read or not, as the processor has keys");
  result = ApplyLockFlags(s, c, range, on_fault ? kMapLockedMask : kMapLocked);
  if (!result.ok()) return result;
  bool changed = result.changed;
  if (!MmPopulate(s, SpaceOf(s, c), range, false, semantics, &changed))
    result = Fail(ENOMEM, "mm/mlock.c __mlock_posix_error_return: EFAULT of __mm_populate");
  else if (asks != nullptr && HasProtection(SpaceOf(s, c), range, 0))
    result = Refused(asks);
  result.changed = changed;
  return result;
}

}  // namespace

bool FaultIn(State& s, Mapping& m, int page, bool copies, const Semantics& semantics,
             bool* changed) {
  Inode& inode = s.inodes[s.files[m.file - 1].inode - 1];
  const int in_file = m.pgoff + page;
  if (IsGuarded(m, page)) return false;  // VM_FAULT_SIGSEGV
  if (HasCopy(m, page)) return true;
  if (IsHugetlb(inode) ? !FaultHugetlb(s, m, page, semantics, changed)
                       : in_file * kPageSize >= static_cast<int>(inode.size))
    return false;  // VM_FAULT_SIGBUS
  // Execute-only memory can be read or not, as the processor has keys.
  *changed |= m.prot == kProtExec ? NoteTouched(s, inode, in_file, in_file + 1)
                                  : NotePresent(s, inode, in_file, in_file + 1);
  if (!copies || HasCopy(m, page)) return true;
  m.copied |= static_cast<uint8_t>(1u << page);
  m.copy[page] = inode.bytes[in_file];
  *changed = true;
  return true;
}

bool MmPopulate(State& s, AddressSpace& mm, PageRange range, bool ignores_errors,
                const Semantics& semantics, bool* changed) {
  bool all = true;
  for (Mapping& m : mm) {
    if ((m.flags & kMapLockOnFault) != 0) continue;  // populate_vma_page_range
    const bool copies = (m.prot & kProtWrite) != 0 && m.vm_shared == 0;
    bool fits = true;
    for (int page = std::max<int>(range.begin, m.start);
         fits && page < std::min(range.end, EndOf(m)); ++page)
      fits = m.prot != 0 && FaultIn(s, m, page - m.start, copies, semantics, changed);
    all &= fits;
    if (!fits && !ignores_errors) break;
  }
  return all;
}

Result Mlock(State& s, const Call& c, const Semantics& semantics) {
  return DoMlock(s, c, false, semantics);
}

Result Mlock2(State& s, const Call& c, const Semantics& semantics) {
  if ((c.arg[2] & ~abi::kMlockOnfault) != 0) return Fail(EINVAL, "mm/mlock.c sys_mlock2: flags");
  return DoMlock(s, c, (c.arg[2] & abi::kMlockOnfault) != 0, semantics);
}

Result Munlock(State& s, const Call& c, const Semantics&) {
  PageRange range;
  Result result;
  if (!LockedRange(s, c, &range, &result)) return result;
  return ApplyLockFlags(s, c, range, 0);
}

}  // namespace selkie
