// ftruncate, truncate, fallocate and RLIMIT_FSIZE: fs/open.c, fs/attr.c, mm/shmem.c.
#include <algorithm>
#include <limits>

#include "model/families.h"

namespace selkie {
namespace {

// Bits of fallocate's mode that mean another operation, or none in some version.
constexpr int64_t kNoHideStale = 4, kCollapse = 8, kZero = 0x10, kInsert = 0x20, kUnshare = 0x40,
                  kWriteZeroes = 0x80;
constexpr int64_t kNotOfShmem = kCollapse | kZero | kInsert | kUnshare;

// Zeroes the contents from `size` on, also what lies beyond the old end in its
// page, then sets the size.
void Resize(State& s, int node, Inode& inode, int64_t size) {
  // Huge pages beyond the end can be there, and go whatever the old size was.
  if (size <= inode.size || IsHugetlb(inode)) {
    const int64_t page = PageSizeOf(inode);
    const auto kept = static_cast<int>((size + page - 1) / page);
    DetachPages(s, node, kept);
    NoteGone(inode, kept, kMaxPages);
    inode.touched &= static_cast<uint8_t>(~kTouchedBeyond);
    FillSamples(inode, size, kMaxPages * page, 0);
    DropCopies(s, node, kept);  // truncate_pagecache, of pages that are now wholly beyond the end
  }
  inode.size = static_cast<uint32_t>(size);
}

Result Punch(State& s, int f, int node, int64_t offset, int64_t end, Ruling& ruling) {
  Result result = Unchanged(0);
  const bool huge = IsHugetlb(ruling.inode);
  const int64_t page_size = PageSizeOf(ruling.inode);
  if (!huge) result.effect.modified = ModifiedBit(node);  // shmem_truncate_range
  // Bytes beyond the end of the file but in its last page are contents too; of huge pages all
  // that can be there.
  const int64_t contents =
      huge ? SizeLimit(s.limits, ruling.inode) : static_cast<int64_t>(PageAlign(ruling.inode.size));
  if (offset < contents) {
    result.effect.wrote = static_cast<uint8_t>(node + 1);
    result.effect.file = static_cast<uint8_t>(f + 1);
  }
  const int64_t begin = offset / page_size + (offset % page_size != 0);  // the sum would overflow
  const auto first = static_cast<int>(std::min(begin, int64_t{kMaxPages}));
  const auto last = static_cast<int>(std::min(end / page_size, int64_t{kMaxPages}));
  result.changed = DetachPages(s, node, first, last);
  NoteGone(ruling.inode, first, last);
  FillSamples(ruling.inode, offset, end, 0);
  if (huge) result.changed |= DropCopies(s, node, first, last);  // hugetlb_vmdelete_list
  ruling.Commit(s, &result);
  return result;
}

Result Allocate(State& s, const Call& c, int f, int node, Ruling& ruling) {
  const int64_t end = c.arg[2] + c.arg[3];
  if (end > SizeLimit(s.limits, ruling.inode))
    return Bound("fallocate beyond the largest size within the bounds");
  Result result = Unchanged(0);
  NoteAllocated(s, ruling.inode, PageOf(c.arg[2]), PageAfter(end));
  if (IsHugetlb(ruling.inode)) {  // hugetlbfs_fallocate: the pages themselves
    for (int64_t at = c.arg[2] / kHugePageSize; at * kHugePageSize < end; ++at)
      ruling.inode.present |= static_cast<uint8_t>(1u << at);
  } else if (ruling.targets.privileges != nullptr) {
    result.effect.modified = ModifiedBit(node);
  }
  if ((c.arg[1] & abi::kFallocKeepSize) == 0 && end > ruling.inode.size) {
    ruling.inode.size = static_cast<uint32_t>(end);
    result.effect.resized = static_cast<uint8_t>(node + 1);
    result.effect.file = static_cast<uint8_t>(f + 1);
  }
  ruling.Commit(s, &result);
  return result;
}

// One of the modes that tmpfs does not have, with KEEP_SIZE where that is allowed.
bool IsOneMode(int64_t mode) {
  const int64_t bare = mode & ~abi::kFallocKeepSize;
  const bool keeps = bare != mode;
  return bare == kZero || bare == kUnshare || ((bare == kCollapse || bare == kInsert) && !keeps);
}

bool PunchesBadly(int64_t mode) {
  return (mode & abi::kFallocPunchHole) != 0 &&
         ((mode & kZero) != 0 || (mode & abi::kFallocKeepSize) == 0);
}

// Several modes that exclude one another.
Result SeveralModes(const Semantics& semantics) {
  const Rule* const apart = NotSupported(semantics, Feature::kFallocModes);
  return apart != nullptr ? Refused(apart)
                          : Fail(EOPNOTSUPP, "fs/open.c vfs_fallocate: FALLOC_FL_MODE_MASK");
}

// The checks of mode, offset and length in fs/open.c vfs_fallocate before
// FMODE_WRITE.
bool BadFallocate(const Call& c, const Semantics& semantics, Result* error) {
  const int64_t mode = c.arg[1];
  if (c.arg[2] < 0 || c.arg[3] <= 0)
    *error = Fail(EINVAL, "fs/open.c vfs_fallocate: offset or len");
  else if ((mode & ~(kNoHideStale | kNotOfShmem | kWriteZeroes | 3)) != 0)
    *error = Fail(EOPNOTSUPP, "fs/open.c vfs_fallocate: FALLOC_FL_SUPPORTED_MASK");
  else if ((mode & kNoHideStale) != 0)
    *error = Fail(EOPNOTSUPP, "fs/open.c vfs_fallocate: FALLOC_FL_NO_HIDE_STALE");
  else if (const Rule* unknown = (mode & kWriteZeroes) != 0
                                     ? NotSupported(semantics, Feature::kWriteZeroes)
                                     : nullptr;
           unknown != nullptr)
    *error = Refused(unknown);
  else if ((mode & kWriteZeroes) != 0 && mode != kWriteZeroes)
    *error = Fail(EOPNOTSUPP, "fs/open.c vfs_fallocate: FALLOC_FL_WRITE_ZEROES and another mode");
  else if (PunchesBadly(mode))
    *error = Fail(EOPNOTSUPP,
                  "fs/open.c vfs_fallocate: PUNCH_HOLE with ZERO_RANGE, or without KEEP_SIZE");
  else if ((mode & kNotOfShmem) != 0 && !IsOneMode(mode))
    *error = SeveralModes(semantics);
  else
    return false;
  return true;
}

// inode_newsize_ok.
bool SizeOverLimit(const State& s, int task, const Inode& inode, int64_t size, Result* error) {
  const uint32_t fsize = s.tasks[task].fsize;
  if (fsize == 0 || size <= inode.size || size < fsize) return false;
  *error = Fail(EFBIG, "fs/attr.c inode_newsize_ok: RLIMIT_FSIZE, SIGXFSZ");
  return true;
}

}  // namespace

uint16_t WithoutSetIds(uint16_t mode, bool in_group) {
  mode &= static_cast<uint16_t>(~kSetUid);
  if ((mode & kGroupExec) != 0 || !in_group) mode &= static_cast<uint16_t>(~kSetGid);
  return mode;
}

uint16_t ModeWithoutPrivileges(const State& s, int task, const Inode& inode) {
  const uint16_t uid = s.tasks[task].uid;
  if (uid == 0) return inode.mode;  // CAP_FSETID
  return WithoutSetIds(inode.mode, uid == inode.gid);
}

Result SetSize(State& s, const Call& c, int f, int node, int64_t size, const Semantics& semantics) {
  Result error;
  if (HasDelegation(s, node)) return BreakDelegations(s, node);
  if (SizeOverLimit(s, c.task, s.inodes[node], size, &error)) return error;
  const bool huge = IsHugetlb(s.inodes[node]);
  if (huge && size % kHugePageSize != 0)
    return Fail(EINVAL, "fs/hugetlbfs/inode.c hugetlbfs_setattr: huge_page_mask");
  // A file that open is about to make is not in the table yet.
  const int made = f >= 0 && s.files[f].inode != 0 ? f : -1;
  Ruling ruling(s, c, node, made, semantics, Point::kTruncate);
  ruling.facts.Set(Fact::kGrows, size > ruling.inode.size);
  ruling.facts.Set(Fact::kShrinks, size < ruling.inode.size);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  if (size > SizeLimit(s.limits, ruling.inode)) return Bound("the size is beyond the bounds");

  Result result = Unchanged(0);
  // do_truncate has ATTR_MTIME from ftruncate and open; shmem_setattr sets it for a new size.
  if (f >= 0 || (size != ruling.inode.size && !huge)) result.effect.modified = ModifiedBit(node);
  if (size != ruling.inode.size) {
    result.effect.resized = static_cast<uint8_t>(node + 1);
    result.effect.file = static_cast<uint8_t>(f + 1);
  }
  ruling.inode.mode = ModeWithoutPrivileges(s, c.task, ruling.inode);  // do_truncate
  Resize(s, node, ruling.inode, size);
  ruling.Commit(s, &result);
  // Private copies can only have gone if the inode changed too.
  return result;
}

Result Ftruncate(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (c.arg[1] < 0) return Fail(EINVAL, "fs/open.c do_sys_ftruncate: length < 0");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const int node = s.files[f].inode - 1;
  if (!IsMemfd(s, node)) return Fail(EINVAL, "fs/open.c do_sys_ftruncate: S_ISREG");
  if ((s.files[f].mode & kModeWrite) == 0)
    return Fail(EINVAL, "fs/open.c do_sys_ftruncate: FMODE_WRITE");
  if ((s.inodes[node].attrs & kAttrAppend) != 0)
    return Fail(EPERM, "fs/open.c do_ftruncate: IS_APPEND");
  return SetSize(s, c, f, node, c.arg[1], semantics);
}

Result Truncate(State& s, const Call& c, const Semantics& semantics) {
  int link;
  Result error;
  if (c.arg[2] < 0) return Fail(EINVAL, "fs/open.c do_sys_truncate: length < 0");
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  const int node = s.files[link].inode - 1;
  if (!IsMemfd(s, node)) return Fail(EINVAL, "fs/open.c vfs_truncate: S_ISREG");
  if ((s.inodes[node].attrs & kAttrImmutable) != 0)
    return Fail(EPERM, "fs/namei.c inode_permission: IS_IMMUTABLE");
  if (!InodePermission(s, c.task, s.inodes[node], kModeWrite))
    return Fail(EACCES, "fs/open.c vfs_truncate: inode_permission");
  if ((s.inodes[node].attrs & kAttrAppend) != 0)
    return Fail(EPERM, "fs/open.c vfs_truncate: IS_APPEND");
  if (WritersOf(s, node) < 0) return Fail(ETXTBSY, "fs/open.c vfs_truncate: get_write_access");
  if (WouldBreakLease(s, node, true)) return Bound("it would wait for a lease to end");
  return SetSize(s, c, -1, node, c.arg[2], semantics);
}

// file_modified, where the kernel's fallocate calls it at its end, and does not look at the error:
// with a delegation in the way neither the mode nor the times change.
static Result FileModified(State& s, const Call& c, int node, const Rule* clears, Result result) {
  Inode& inode = s.inodes[node];
  // hugetlbfs_fallocate does not call it.
  if (!result.ok() || clears == nullptr || IsHugetlb(inode)) return result;
  const uint16_t mode = ModeWithoutPrivileges(s, c.task, inode);
  if (mode == inode.mode) return result;
  result.rule = clears;
  if (HasDelegation(s, node)) {
    result.changed |= BreakDelegations(s, node).changed;
    result.effect.modified = 0;
    return result;
  }
  inode.mode = mode;
  result.changed = true;
  return result;
}

bool DropCopies(State& s, int node, int first, int end) {
  bool any = false;
  for (AddressSpace& mm : s.mms) {
    for (Mapping& m : mm) {
      if (Empty(m)) break;
      if (m.copied == 0 || s.files[m.file - 1].inode != node + 1) continue;
      for (int i = std::max(first - m.pgoff, 0); i < std::min<int>(m.pages, end - m.pgoff); ++i) {
        any |= HasCopy(m, i);
        DropCopy(m, i);
      }
    }
  }
  return any;
}

bool MayNotAllocate(const State& s, int f, int64_t mode, Result* error) {
  if ((s.files[f].mode & kModeWrite) == 0) {
    *error = Fail(EBADF, "fs/open.c vfs_fallocate: FMODE_WRITE");
    return true;
  }
  const Inode& inode = s.inodes[s.files[f].inode - 1];
  const bool append = (inode.attrs & kAttrAppend) != 0 && (mode & ~abi::kFallocKeepSize) != 0;
  if (append || (inode.attrs & kAttrImmutable) != 0)
    *error = Fail(EPERM, "fs/open.c vfs_fallocate: IS_APPEND, IS_IMMUTABLE");
  return append || (inode.attrs & kAttrImmutable) != 0;
}

Result PunchHole(State& s, const Call& c, int f, int64_t offset, int64_t length,
                 const Semantics& semantics) {
  const int node = s.files[f].inode - 1;
  int64_t end = offset + length;
  if (IsHugetlb(s.inodes[node])) {
    constexpr int64_t kSure = int64_t{1} << 62;  // beyond it hole_start may wrap around
    if (end > kSure) return Bound("a hole near the largest offset");
    if (!HoleInHugetlb(semantics, &offset, &end)) return Unchanged(0);
  }
  Ruling ruling(s, c, node, f, semantics, Point::kFallocate);
  ruling.facts.Set(Fact::kPunch, true);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  const Result result = Punch(s, f, node, offset, end, ruling);
  return FileModified(s, c, node, ruling.targets.privileges, result);
}

// The checks of the file in fs/open.c vfs_fallocate, from FMODE_WRITE on.
static bool FileRefusesFallocate(const State& s, const Call& c, int f, Result* error) {
  if (MayNotAllocate(s, f, c.arg[1], error)) return true;
  if (IsPipe(s, f))
    *error = Fail(ESPIPE, "fs/open.c vfs_fallocate: S_ISFIFO");
  else if (!IsMemfd(s, s.files[f].inode - 1))
    *error = Fail(ENODEV, "fs/open.c vfs_fallocate: S_ISREG");
  else if (c.arg[2] > std::numeric_limits<int64_t>::max() - c.arg[3])
    *error = Fail(EFBIG, "fs/open.c vfs_fallocate: offset + len");
  else
    return false;
  return true;
}

Result Fallocate(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (BadFallocate(c, semantics, &error)) return error;
  const int node = s.files[f].inode - 1;
  if (FileRefusesFallocate(s, c, f, &error)) return error;
  if ((c.arg[1] & (kNotOfShmem | kWriteZeroes)) != 0)
    return Fail(EOPNOTSUPP, "mm/shmem.c shmem_fallocate: mode");

  if ((c.arg[1] & abi::kFallocPunchHole) != 0)
    return PunchHole(s, c, f, c.arg[2], c.arg[3], semantics);
  if (SizeOverLimit(s, c.task, s.inodes[node], c.arg[2] + c.arg[3], &error)) return error;
  Ruling ruling(s, c, node, f, semantics, Point::kFallocate);
  ruling.facts.Set(Fact::kGrows, c.arg[2] + c.arg[3] > ruling.inode.size);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  const Result result = Allocate(s, c, f, node, ruling);
  return FileModified(s, c, node, ruling.targets.privileges, result);
}

// prlimit of the soft limit; the hard one stays infinite.
Result SetFsize(State& s, const Call& c, const Semantics&) {
  const int64_t limit = c.arg[0];
  const int64_t most = s.limits.huge > 0 ? int64_t{kMaxHuge} * kHugePageSize : kMaxPos;
  if (limit < -1 || limit > most) return Bound("the limit is beyond the bounds");
  const auto fsize = static_cast<uint32_t>(limit + 1);
  Result result = Unchanged(0);
  result.changed = s.tasks[c.task].fsize != fsize;
  s.tasks[c.task].fsize = fsize;
  return result;
}

}  // namespace selkie
