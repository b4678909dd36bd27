// madvise, process_madvise, msync and mseal: mm/madvise.c, mm/msync.c, mm/mseal.c.
#include "model/families.h"

namespace selkie {
namespace {

// The range of an address and a length that kernels check alike; false with
// *result if the call ends here.  If it has an edge within a huge page, *part is the mapping of
// those, and the range all pages that it touches; else *part is -1.
bool RangeOf(const State& s, const Call& c, int wraps, const char* where, PageRange* range,
             int* part, Result* result) {
  *part = -1;
  auto end = [result](Result r) {
    *result = r;
    return false;
  };
  if (c.arg[0] == kNull) return end(Bound("a range at NULL is not modelled"));
  if ((c.arg[0] & kPageMask) != 0) return end(Fail(EINVAL, where));
  const auto bytes = static_cast<uint64_t>(c.arg[1]);
  const uint64_t length = PageAlign(bytes);
  if (bytes != 0 && length == 0) return end(wraps == 0 ? Unchanged(0) : Fail(wraps, where));
  if (length == 0) return end(Unchanged(0));
  if (InArena(s, c.arg[0], length, range)) return true;
  *part = HugePart(s, c, c.arg[0], length, range);
  if (*part >= 0) return true;
  return end(length > kWithinMemory ? Bound("the range may wrap around")
                                    : Bound("the range leaves the arena"));
}

bool HasHole(const AddressSpace& mm, PageRange range) {
  int page = range.begin;
  for (const Mapping& m : mm) {
    if (Empty(m) || m.start >= range.end) break;
    if (EndOf(m) <= page) continue;
    if (m.start > page) return true;
    page = EndOf(m);
  }
  return page < range.end;
}

constexpr const char* kNotLru = "mm/madvise.c can_madv_lru_vma: VM_LOCKED, VM_HUGETLB";

// madvise_remove: a hole in the file, [offset, offset + length).
Result Remove(State& s, const Call& c, const Mapping& part, int64_t offset, int64_t length,
              const Semantics& semantics) {
  if ((part.flags & kMapLocked) != 0) return Fail(EINVAL, "mm/madvise.c madvise_remove: VM_LOCKED");
  const int f = part.file - 1, node = s.files[f].inode - 1;
  Ruling ruling(s, c, node, f, semantics, Point::kRemove);
  ruling.LookAt(part);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  Result error;
  constexpr int64_t kMode = abi::kFallocPunchHole | abi::kFallocKeepSize;
  if (MayNotAllocate(s, f, kMode, &error)) return error;
  return PunchHole(s, c, f, offset, length, semantics);
}

// shrink_folio_list may free pages to which nothing was written, unless somebody holds them.
Result PageOut(State& s, const Mapping& part) {
  const int node = s.files[part.file - 1].inode - 1;
  Inode& inode = s.inodes[node];
  const uint8_t pages = PageBits(part.pgoff, part.pgoff + part.pages);
  if ((inode.undirtied & pages) != 0)
    return Bound("the kernel may lose what a pin or a dmabuf stored (docs/findings.md 13)");
  Result result = Unchanged(0);
  const uint8_t before = inode.present;
  inode.present &= static_cast<uint8_t>(PinnedPages(s, node) | ~pages);
  result.changed = inode.present != before;
  return result;
}

// madvise_guard_install: markers in the page tables, in place of private copies; no VMA is split.
// madvise_guard_remove takes them away again.
Result Guard(State& s, const Call& c, const Mapping& part, bool install) {
  AddressSpace& mm = SpaceOf(s, c);
  const AddressSpace before = mm;
  Mapping& m = mm[MappingAt(s, c.task, part.start)];
  for (int page = part.start - m.start; page < EndOf(part) - m.start; ++page) {
    const auto bit = static_cast<uint8_t>(1u << page);
    m.guards &= static_cast<uint8_t>(~bit);
    if (!install) continue;
    m.guards |= bit;
    DropCopy(m, page);
  }
  if (install) m.flags |= kMapGuarded;
  SpreadGuarded(mm);
  Result result = Unchanged(0);
  result.changed = mm != before;
  return result;
}

// What an advice does to one piece of a mapping.
Result AdviseOne(State& s, const Call& c, Mapping part, const Semantics& semantics) {
  Result result = Unchanged(0);
  const Mapping before = part;
  const bool locked = (part.flags & kMapLocked) != 0, huge = IsHugePage(part.start);
  const auto not_of_huge = [&](Feature feature) {
    return huge ? NotSupported(semantics, feature) : nullptr;
  };
  const int64_t page = SizeOfPage(part.start);
  switch (c.arg[2]) {
    case abi::kMadvRemove:
      return Remove(s, c, part, part.pgoff * page, part.pages * page, semantics);
    case abi::kMadvFree: return Fail(EINVAL, "mm/madvise.c madvise_free_single_vma: not anonymous");
    case abi::kMadvWipeonfork: return Fail(EINVAL, "mm/madvise.c madvise_vma_behavior: vm_file");
    case abi::kMadvDontneed:
      if (locked) return Fail(EINVAL, "mm/madvise.c madvise_dontneed_free_valid_vma: VM_LOCKED");
      [[fallthrough]];
    case abi::kMadvDontneedLocked:  // zap_page_range: private copies go
      if (const Rule* rule = not_of_huge(Feature::kHugeDontneed)) return Refused(rule);
      part.copied = part.opened = 0;
      part.copy = {};
      break;
    case abi::kMadvCold: return locked || huge ? Fail(EINVAL, kNotLru) : result;
    case abi::kMadvPageout: return locked || huge ? Fail(EINVAL, kNotLru) : PageOut(s, part);
    case abi::kMadvGuardInstall:
    case abi::kMadvGuardRemove: {
      const bool install = c.arg[2] == abi::kMadvGuardInstall;
      if (huge || (install && locked))
        return Fail(EINVAL, "mm/madvise.c is_valid_guard_vma: VM_HUGETLB, VM_LOCKED");
      return Guard(s, c, part, install);
    }
    case abi::kMadvDontfork: part.flags |= kMapDontcopy; break;
    case abi::kMadvDofork:
      if (const Rule* rule = not_of_huge(Feature::kHugeDofork)) return Refused(rule);
      part.flags &= static_cast<uint8_t>(~kMapDontcopy);
      break;
    default: return result;  // what concerns speed alone
  }
  if (part == before) return result;
  AddressSpace mm = SpaceOf(s, c);
  if (!ReplacePart(mm, s.limits.maps, part)) return Bound("no free mapping within the bounds");
  SpaceOf(s, c) = mm;
  result.changed = true;
  return result;
}

// madvise_populate: page by page, as stores or loads would, up to the first that
// cannot be.
Result Populate(State& s, const Call& c, PageRange range, bool write, const Semantics& semantics) {
  const Rule* const skips_holes = NotSupported(semantics, Feature::kHoles);
  bool hole = false;
  Result result = Unchanged(0);
  for (int page = range.begin; page < range.end; ++page) {
    const int j = MappingAt(s, c.task, page);
    const int mm = s.tasks[c.task].mm;
    Result failed = Fail(ENOMEM, "mm/madvise.c madvise_populate: no mapping");
    hole |= j < 0;
    if (j < 0 && skips_holes != nullptr) continue;
    if (j >= 0) {
      Mapping& m = s.mms[mm][j];
      const bool allowed = write ? (m.prot & kProtWrite) != 0 : (m.prot & kProtRead) != 0;
      // x86 reads what can be written or executed; VM_READ alone is asked here.
      if (!allowed) {
        failed = Fail(EINVAL, "mm/gup.c faultin_page_range: check_vma_flags");
      } else if (FaultIn(s, m, page - m.start, write && !m.shared, semantics, &result.changed)) {
        continue;
      } else {
        failed = Fail(EFAULT, "mm/madvise.c madvise_populate: VM_FAULT_SIGBUS or _SIGSEGV");
      }
    }
    failed.changed = result.changed;
    return failed;
  }
  if (!hole) return result;
  Result at_end = Refused(skips_holes);
  at_end.changed = result.changed;
  return at_end;
}

// A range of a mapping of huge pages with an edge within a page: `pages` are those that it touches.
Result AdvisePart(State& s, const Call& c, int map, PageRange pages, const Semantics& semantics) {
  const Mapping m = SpaceOf(s, c)[map];
  const int64_t begin = c.arg[0], length = static_cast<int64_t>(PageAlign(c.arg[1]));
  switch (c.arg[2]) {
    case abi::kMadvRemove:
      return Remove(s, c, m, m.pgoff * kHugePageSize + begin - AddressOfPage(m.start), length,
                    semantics);
    case abi::kMadvDontneed:
    case abi::kMadvDontneedLocked: {
      if (const Rule* rule = NotSupported(semantics, Feature::kHugeDontneed)) return Refused(rule);
      if (begin % kHugePageSize != 0)
        return Fail(EINVAL, "mm/madvise.c madvise_dontneed_free_valid_vma: huge_page_mask");
      // The length is rounded down (docs/findings.md, smaller ones).
      const PageRange whole{pages.begin, pages.begin + static_cast<int>(length / kHugePageSize)};
      return whole.begin == whole.end ? Unchanged(0) : AdviseOne(s, c, Piece(m, whole), semantics);
    }
    case abi::kMadvDontfork:
    case abi::kMadvDofork: {
      State scratch = s;
      const Result result = AdviseOne(scratch, c, Piece(m, pages), semantics);
      return result.ok() && result.changed ? RefuseToSplit(s, c, map) : result;
    }
    default: return AdviseOne(s, c, Piece(m, pages), semantics);
  }
}

bool IsKnownAdvice(int64_t advice) {
  switch (advice) {
    case abi::kMadvNormal:
    case abi::kMadvWillneed:
    case abi::kMadvDontneed:
    case abi::kMadvFree:
    case abi::kMadvRemove:
    case abi::kMadvDontfork:
    case abi::kMadvDofork:
    case abi::kMadvWipeonfork:
    case abi::kMadvKeeponfork:
    case abi::kMadvCold:
    case abi::kMadvPageout:
    case abi::kMadvPopulateRead:
    case abi::kMadvPopulateWrite:
    case abi::kMadvDontneedLocked:
    case abi::kMadvGuardInstall:
    case abi::kMadvGuardRemove: return true;
    default: return false;
  }
}

// madvise_behavior_valid.
bool BadAdvice(int64_t advice, Result* error, const Semantics& semantics) {
  constexpr const char* kWhere = "mm/madvise.c madvise_behavior_valid";
  const bool populates = advice == abi::kMadvPopulateRead || advice == abi::kMadvPopulateWrite;
  if (advice < 0 || advice > 1000) {
    *error = Fail(EINVAL, kWhere);
    return true;
  }
  if (!IsKnownAdvice(advice)) {
    *error = Bound("this advice is not modelled");
    return true;
  }
  const Rule* unknown = nullptr;
  if (populates) unknown = NotSupported(semantics, Feature::kPopulate);
  if (advice == abi::kMadvDontneedLocked) unknown = NotSupported(semantics, Feature::kLocked);
  if (advice == abi::kMadvGuardInstall || advice == abi::kMadvGuardRemove)
    unknown = NotSupported(semantics, Feature::kGuard);
  if (unknown == nullptr) return false;
  *error = Refused(unknown);
  return true;
}

// Of what was done part by part, the last that changed an inode; the times of all.
Effect Joined(const Effect& before, const Effect& last) {
  Effect joined = last.ChangedInode() ? last : before;
  joined.modified = before.modified | last.modified;
  return joined;
}

}  // namespace

Result Madvise(State& s, const Call& c, const Semantics& semantics) {
  Result error;
  PageRange range;
  const int64_t advice = c.arg[2];
  if (BadAdvice(advice, &error, semantics)) return error;
  int part;
  if (!RangeOf(s, c, EINVAL, "mm/madvise.c do_madvise: start, len", &range, &part, &error))
    return error;
  if (advice == abi::kMadvPopulateRead || advice == abi::kMadvPopulateWrite)
    return Populate(s, c, range, advice == abi::kMadvPopulateWrite, semantics);
  if (part >= 0) return AdvisePart(s, c, part, range, semantics);

  // madvise_walk_vmas: in order, up to the first failure; holes count at the end.
  const State before = s;
  Result result = Unchanged(0);
  bool changed = false;
  for (const Mapping& m : SpaceOf(before, c)) {
    if (Empty(m) || m.start >= range.end) break;
    if (EndOf(m) <= range.begin) continue;
    Result one = AdviseOne(s, c, Piece(m, range), semantics);
    changed |= one.changed;
    if (one.kind == Result::Kind::kBound) {
      s = before;
      return one;
    }
    if (one.rule != nullptr) result.rule = one.rule;
    result.effect = Joined(result.effect, one.effect);
    if (one.ok()) continue;
    one.changed = changed;
    one.effect = result.effect;
    return one;
  }
  if (HasHole(SpaceOf(before, c), range)) {
    const Effect effect = result.effect;
    result = Fail(ENOMEM, "mm/madvise.c madvise_walk_vmas: a hole in the range");
    result.effect = effect;
  }
  result.changed = changed;
  return result;
}

namespace {

// import_iovec of the two ranges.
bool BadVector(const Call& c, Result* error) {
  constexpr int64_t kMaxLength = int64_t{1} << 26;
  if (c.arg[2] < 0 || c.arg[4] < 0) {
    *error = Fail(EINVAL, "lib/iov_iter.c import_iovec: iov_len < 0");
    return true;
  }
  const bool long_one = c.arg[2] > kMaxLength || c.arg[4] > kMaxLength;
  if (long_one) *error = Bound("where access_ok ends, and what MAX_RW_COUNT cuts");
  return long_one;
}

// process_madvise_remote_valid; before 6.13 process_madvise_behavior_valid.
bool BadRemoteAdvice(int64_t advice, Result* error, const Semantics& semantics) {
  constexpr int64_t kCollapse = 25;
  switch (advice) {
    case abi::kMadvCold:
    case abi::kMadvPageout: return false;
    case kCollapse: *error = Bound("MADV_COLLAPSE is not modelled"); return true;
    case abi::kMadvWillneed: {
      const Rule* const rule = NotSupported(semantics, Feature::kOthersWillneed);
      if (rule != nullptr) *error = Refused(rule);
      return rule != nullptr;
    }
    default: *error = Fail(EINVAL, "mm/madvise.c process_madvise_remote_valid"); return true;
  }
}

// mm_access of a task that exists.
bool MayNotAccess(const State& s, const Call& c, int target, Result* error) {
  const char* const kMm = "kernel/fork.c mm_access: a task that has ended has none";
  const char* const kMay = "kernel/fork.c mm_access: PTRACE_MODE_READ_FSCREDS";
  const bool ended = s.tasks[target].state != TaskState::kRunning;
  if (!ended && (s.tasks[target].mm == s.tasks[c.task].mm || MayTrace(s, c.task, target)))
    return false;
  *error = ended ? Fail(ESRCH, kMm) : Fail(EACCES, kMay);
  return true;
}

// Who may give which advice to whom.
bool MayNotAdvise(const State& s, const Call& c, int target, Result* error,
                  const Semantics& semantics) {
  const bool self = target == c.task || (s.tasks[target].state == TaskState::kRunning &&
                                         s.tasks[target].mm == s.tasks[c.task].mm);
  const Rule* const as_others = NotSupported(semantics, Feature::kSelfAdvice);
  const Rule* const needs_nice = NotSupported(semantics, Feature::kSelfNice);
  Result no_access;
  const bool closed = MayNotAccess(s, c, target, &no_access);
  const bool bad = (!self || as_others != nullptr) && BadRemoteAdvice(c.arg[5], error, semantics);
  if (bad && as_others != nullptr) {  // process_madvise_behavior_valid comes before mm_access
    if ((self || closed) && error->rule == nullptr) error->rule = as_others;
    return true;
  }
  if (closed) *error = no_access;
  if (closed || bad) return true;
  if (s.tasks[c.task].uid == 0 || (self && needs_nice == nullptr)) return false;
  *error =
      self ? Refused(needs_nice) : Fail(EPERM, "mm/madvise.c sys_process_madvise: CAP_SYS_NICE");
  return true;
}

// vector_madvise: range by range, up to the first that fails; what is before it counts.
Result AdviseVector(State& s, const Call& c, int target, const Semantics& semantics) {
  const State before = s;
  const int64_t total = c.arg[2] + c.arg[4];
  Result result = Unchanged(0);
  int64_t done = 0;
  for (int i = 0; i < 2 && done < total; ++i) {
    const Call range{
        Op::kMadvise, static_cast<uint8_t>(target), {c.arg[1 + 2 * i], c.arg[2 + 2 * i], c.arg[5]}};
    Result one = Madvise(s, range, semantics);
    if (one.kind == Result::Kind::kBound) {
      s = before;
      return one;
    }
    one.changed |= result.changed;
    if (one.rule == nullptr) one.rule = result.rule;
    one.effect = Joined(result.effect, one.effect);
    result = one;
    if (!one.ok()) break;
    done += range.arg[1];
  }
  if (done == 0) return result;
  result.kind = Result::Kind::kValue;
  result.value = done;
  result.check = nullptr;
  return result;
}

}  // namespace

// The descriptor of the process is the harness's.
Result ProcessMadvise(State& s, const Call& c, const Semantics& semantics) {
  Result error;
  const int64_t target = c.arg[0];
  if (const Rule* rule = NotSupported(semantics, Feature::kProcessMadvise)) return Refused(rule);
  if (c.arg[6] != 0) return Fail(EINVAL, "mm/madvise.c sys_process_madvise: flags");
  if (BadVector(c, &error)) return error;
  if (target < 0) return Fail(EBADF, "kernel/pid.c pidfd_get_task: pidfd_pid");
  if (target >= s.limits.tasks || s.tasks[target].state == TaskState::kFree)
    return Bound("the task that is advised does not exist");
  if (MayNotAdvise(s, c, static_cast<int>(target), &error, semantics)) return error;
  const bool looks = NotSupported(semantics, Feature::kEmptyAdvice) == nullptr;
  if (looks && BadAdvice(c.arg[5], &error, semantics)) return error;
  return AdviseVector(s, c, static_cast<int>(target), semantics);
}

Result Msync(State& s, const Call& c, const Semantics&) {
  constexpr int64_t kKnown = abi::kMsAsync | abi::kMsInvalidate | abi::kMsSync;
  constexpr int64_t kBoth = abi::kMsAsync | abi::kMsSync;
  Result error;
  PageRange range;
  if ((c.arg[2] & ~kKnown) != 0) return Fail(EINVAL, "mm/msync.c sys_msync: flags");
  if ((c.arg[2] & kBoth) == kBoth) {
    if (c.arg[0] == kNull) return Bound("a range at NULL is not modelled");
    return Fail(EINVAL, "mm/msync.c sys_msync: MS_ASYNC and MS_SYNC");
  }
  int part;
  if (!RangeOf(s, c, 0, "mm/msync.c sys_msync: start not aligned", &range, &part, &error))
    return error;
  const auto is_locked = [](const Mapping& m) { return (m.flags & kMapLocked) != 0; };
  if ((c.arg[2] & abi::kMsInvalidate) != 0 && AnyIn(SpaceOf(s, c), range, is_locked))
    return Fail(EBUSY, "mm/msync.c sys_msync: MS_INVALIDATE of VM_LOCKED");
  if (HasHole(SpaceOf(s, c), range))
    return Fail(ENOMEM, "mm/msync.c sys_msync: a hole in the range");
  return Unchanged(0);
}

Result Mseal(State& s, const Call& c, const Semantics& semantics) {
  Result error;
  PageRange range;
  if (const Rule* rule = NotSupported(semantics, Feature::kMseal)) return Refused(rule);
  if (c.arg[2] != 0) return Fail(EINVAL, "mm/mseal.c do_mseal: flags");
  int part;
  if (!RangeOf(s, c, EINVAL, "mm/mseal.c do_mseal: start, len", &range, &part, &error))
    return error;
  if (part >= 0) {
    const bool sealed = (SpaceOf(s, c)[part].flags & kMapSealed) != 0;
    return sealed ? Unchanged(0) : RefuseToSplit(s, c, part);
  }
  if (HasHole(SpaceOf(s, c), range))
    return Fail(ENOMEM, "mm/mseal.c check_mm_seal: a hole in the range");
  AddressSpace mm = SpaceOf(s, c);
  Result result = Unchanged(0);
  for (const Mapping& m : SpaceOf(s, c)) {
    if (Empty(m) || m.start >= range.end) break;
    if (EndOf(m) <= range.begin || (m.flags & kMapSealed) != 0) continue;
    Mapping part = Piece(m, range);
    part.flags |= kMapSealed;
    if (!ReplacePart(mm, s.limits.maps, part)) return Bound("no free mapping within the bounds");
    result.changed = true;
  }
  SpaceOf(s, c) = mm;
  return result;
}

}  // namespace selkie
