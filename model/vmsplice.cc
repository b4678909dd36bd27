// vmsplice: the pages of a range of memory go into a pipe (fs/splice.c, mm/gup.c).
#include <algorithm>

#include "model/families.h"

namespace selkie {
namespace {

// What get_user_pages finds first: a mapping at `addr` that can be read.  False with *error if
// there is none.
bool FindReadable(const State& s, const Call& c, int64_t addr, int* map, Result* error) {
  const int page = ArenaPageOf(s, addr);
  const int j = page < 0 ? -1 : MappingAt(s, c.task, page);
  if (j < 0) {
    *error = Fail(EFAULT, "fs/splice.c iter_to_pipe: no mapping");
    return false;
  }
  const Mapping& m = SpaceOf(s, c)[j];
  if (m.prot == 0) {
    *error = Fail(EFAULT, "mm/gup.c check_vma_flags: VM_READ");
    return false;
  }
  if ((m.prot & kProtRead) == 0) {
    *error = Bound("gup_fast does not ask VM_READ of a page that is in the page tables");
    return false;
  }
  *map = j;
  return true;
}

constexpr const char* kPrivateCopy = "a private copy in a pipe is not modelled";

// The file's page at `addr` of the arena, for the pipe: its inode, and where `addr` is in the file.
// False with *error if there is none to be had.
bool FindPresentable(const State& s, const Call& c, int64_t addr, int* node, int64_t* pos,
                     Result* error) {
  int j;
  if (!FindReadable(s, c, addr, &j, error)) return false;
  const auto fail = [error](Result result) {
    *error = result;
    return false;
  };
  const Mapping& m = SpaceOf(s, c)[j];
  const int64_t in_map = addr - int64_t{m.start} * kPageSize;
  const int page = static_cast<int>(in_map / kPageSize);
  *node = s.files[m.file - 1].inode - 1;
  *pos = in_map + int64_t{m.pgoff} * kPageSize;
  if (IsGuarded(m, page))
    return fail(Fail(EFAULT, "mm/memory.c handle_pte_marker: PTE_MARKER_GUARD"));
  if (HasCopy(m, page)) return fail(Bound(kPrivateCopy));
  if (*pos >= PagesOf(s.inodes[*node].size, kPageSize) * kPageSize)
    return fail(Fail(EFAULT, "mm/shmem.c shmem_fault: beyond the end of the file"));
  return true;
}

// Of a mapping of huge pages: a part of the first 4096 bytes of one, where contents are known.
Result VmspliceHuge(State& s, const Call& c, int f, const Semantics& semantics) {
  const int64_t addr = c.arg[1], len = c.arg[2];
  int j;
  Result error;
  if (LeavesArena(s, addr, len))
    return Bound("contents of a huge page are known at its first two samples only");
  const int page = ArenaPageOf(s, addr);
  if (!FindReadable(s, c, addr, &j, &error)) return error;
  State after = s;
  Mapping& m = SpaceOf(after, c)[j];
  bool changed = false;
  if (!FaultHugetlb(after, m, page - m.start, semantics, &changed))
    return Fail(EFAULT, "mm/hugetlb.c hugetlb_no_page: beyond the end of the file");
  if (HasCopy(m, page - m.start)) return Bound(kPrivateCopy);
  const int node = after.files[m.file - 1].inode - 1;
  const int64_t pos =
      int64_t{m.pgoff + page - m.start} * kHugePageSize + addr - AddressOfPage(page);
  const Result result = PushPages(after, node, pos, pos + len, s.files[f].inode - 1);
  if (result.ok()) s = after;
  return result;
}

}  // namespace

// Of one range of memory, into a pipe: the pages themselves.
Result Vmsplice(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  const int64_t addr = c.arg[1], len = c.arg[2], flags = c.arg[3];
  if ((flags & ~kSpliceAll) != 0) return Fail(EINVAL, "fs/splice.c sys_vmsplice: SPLICE_F_ALL");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if ((s.files[f].mode & (kModeWrite | kModeRead)) == 0)
    return Fail(EBADF, "fs/splice.c vmsplice_type: f_mode");
  if (len < 0) return Fail(EINVAL, "lib/iov_iter.c import_iovec: iov_len < 0");
  const bool huge = addr >= kHugeArena;
  if (!huge && LeavesArena(s, addr, len)) return Bound("the range leaves the arena");
  if (len == 0) return Unchanged(0);
  if (!IsPipe(s, f)) return Fail(EBADF, "fs/splice.c vmsplice_to_pipe: get_pipe_info");
  if ((s.files[f].mode & kModeWrite) == 0) return Bound("vmsplice out of a pipe is not modelled");
  if (!EndIsOpen(s, s.files[f].inode - 1, 0))
    return Fail(EPIPE, "fs/splice.c wait_for_space: no readers");
  if (PipeIsFull(s, s.files[f].inode - 1)) return NoSlot((flags & abi::kSpliceNonblock) != 0);
  if (huge) return VmspliceHuge(s, c, f, semantics);
  // Page by page, up to the first that cannot be had; before it the rest of a range is in the pipe.
  State after = s;
  int64_t done = 0;
  while (done < len) {
    const int64_t at = addr + done;
    const int64_t end = std::min(addr + len, (at / kPageSize + 1) * kPageSize);
    int node;
    int64_t pos;
    if (!FindPresentable(s, c, at, &node, &pos, &error)) {
      if (done == 0 || error.kind == Result::Kind::kBound) return error;
      break;
    }
    NotePresent(s, after.inodes[node], PageOf(pos), PageOf(pos) + 1);  // the fault brings it in
    const Result pushed = PushPages(after, node, pos, pos + end - at, s.files[f].inode - 1);
    if (!pushed.ok()) return pushed;
    done = end - addr;
  }
  s = after;
  return Changed(done);
}

}  // namespace selkie
