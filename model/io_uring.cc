// Pages that io_uring keeps pinned: buffers that are registered with a task's ring
// (io_uring/rsrc.c) and reads into them.
//
// The kernel needs the mapping for as long as it registers, not later: such a buffer goes on
// changing the file when the mapping and every descriptor are gone, and no seal is asked.
// F_SEAL_WRITE waits for it (mm/memfd.c memfd_wait_for_pins) and is EBUSY.  One ring a task,
// one buffer a ring.  A ring that goes with its task lets the pages go later: tasks that have
// buffers neither end nor execute (process.cc).
#include "model/families.h"

namespace selkie {
namespace {

constexpr int64_t kLongestBuffer = int64_t{1} << 30;
constexpr int64_t kMayLackMemory = int64_t{1} << 34;  // for the table of so many pages
constexpr int64_t kLongestFrom72 = int64_t{1} << 40;

// Where page `page` of the arena is in its file, if the kernel may write to it there; a huge page
// is brought in.
bool FindPage(State& s, const Call& c, int page, PipeBuffer* found, const Semantics& semantics,
              Result* error) {
  const int j = MappingAt(s, c.task, page);
  if (j < 0 || (SpaceOf(s, c)[j].prot & kProtWrite) == 0) {
    *error = Fail(EFAULT, "mm/gup.c check_vma_flags: FOLL_WRITE needs VM_WRITE");
    return false;
  }
  Mapping& m = SpaceOf(s, c)[j];
  if (IsGuarded(m, page - m.start)) {
    *error = Fail(EFAULT, "mm/memory.c handle_pte_marker: PTE_MARKER_GUARD");
    return false;
  }
  const int node = s.files[m.file - 1].inode - 1;
  const int in_file = m.pgoff + page - m.start;
  bool changed = false;
  const bool within = IsHugePage(page) ? FaultHugetlb(s, m, page - m.start, semantics, &changed)
                                       : HasCopy(m, page - m.start) ||
                                             int64_t{in_file} * kPageSize < s.inodes[node].size;
  if (!within) {
    *error = Fail(EFAULT, "mm/shmem.c shmem_fault: beyond the end of the file");
    return false;
  }
  if (!m.shared) {
    *error = Bound("a pin of a private copy is not modelled");
    return false;
  }
  found->inode = static_cast<uint8_t>(node + 1);
  found->page = static_cast<uint8_t>(in_file);
  return true;
}

// The half pages of [begin, end) that are in page `page` of the arena.
void SetRange(PipeBuffer* b, int64_t begin, int64_t end, int page) {
  const int64_t start = AddressOfPage(page);
  b->at = static_cast<uint8_t>(page + 1);
  b->begin = static_cast<uint8_t>((std::max(begin, start) - start) / kSampleStride);
  b->end = static_cast<uint8_t>((std::min(end, start + kPageSize) - start) / kSampleStride);
}

// A page that no file has any more may be another holder's as well.
bool SharesLostPage(const State& s, const PipeBuffer& pinned) {
  for (const PipeBuffer& b : s.buffers)
    if (b.pipe != 0 && b.inode == 0 && &b != &pinned) return true;
  return false;
}

// Pages [first, last) of the arena, all mapped, are of one open file description.
bool IsOfOneFile(const State& s, const Call& c, int first, int last) {
  const AddressSpace& mm = SpaceOf(s, c);
  for (int page = first; page < last; ++page)
    if (mm[MappingAt(s, c.task, page)].file != mm[MappingAt(s, c.task, first)].file) return false;
  return true;
}

// A buffer longer than what kernels up to 7.1 take, and than any mapping here: EFAULT at the first
// page that there is none of, after those before it were brought in.
Result RegisterLong(State& s, const Call& c, const Semantics& semantics) {
  const int64_t len = c.arg[1];
  if (const Rule* rule = NotSupported(semantics, Feature::kUringLong)) return Refused(rule);
  if (len > kLongestFrom72)
    return Fail(EINVAL, "io_uring/rsrc.c io_validate_user_buf_range: SZ_1T");
  if (len > kMayLackMemory) return Bound("whether there is memory for the table of pages");
  const int first = ArenaPageOf(s, c.arg[0]);
  if (first < 0) return Bound("the range leaves the arena");
  State after = s;
  Result result = Fail(EFAULT, "io_uring/memmap.c io_pin_pages: pin_user_pages_fast");
  for (int page = first; page < ArenaEnd(s.limits, IsHugePage(first)); ++page) {
    PipeBuffer b;
    if (!FindPage(after, c, page, &b, semantics, &result)) break;
    NotePresent(s, after.inodes[b.inode - 1], b.page, b.page + 1);
  }
  if (result.kind == Result::Kind::kBound) return result;
  result.changed = after != s;
  s = after;
  return result;
}

}  // namespace

Result UringRegister(State& s, const Call& c, const Semantics& semantics) {
  const int64_t addr = c.arg[0], len = c.arg[1];
  if (HasRegisteredBuffers(s, c.task))
    return Fail(EBUSY, "io_uring/rsrc.c io_sqe_buffers_register: there are some");
  if (len < 0) {
    if (const Rule* rule = NotSupported(semantics, Feature::kUringSigned)) return Refused(rule);
    return Fail(EINVAL, "lib/iov_iter.c copy_iovec_from_user: iov_len < 0");
  }
  if (addr == kNull && len == 0) return Bound("an empty slot in the table of buffers");
  if (addr == kNull || len == 0)
    return Fail(EFAULT, "io_uring/rsrc.c io_buffer_validate: iov_base, iov_len");
  if (len > kLongestBuffer) return RegisterLong(s, c, semantics);
  if (LeavesArena(s, addr, len)) return Bound("the range leaves the arena");
  const int first = ArenaPageOf(s, addr);
  const int64_t end = addr + len;
  if (addr % kSampleStride != 0 || end % kSampleStride != 0)
    return Bound("a buffer that is no whole half page");
  const int last = IsHugePage(first) ? first + 1 : static_cast<int>(PagesOf(end, kPageSize));
  if (last - first > FreeBuffers(s)) return Bound("no free buffer within the bounds");
  // pin_user_pages with FOLL_WRITE and FOLL_LONGTERM: page by page, and what was faulted in stays.
  State after = s;
  Result result = Changed(0);
  for (int page = first; page < last && result.ok(); ++page) {
    PipeBuffer b;
    if (!FindPage(after, c, page, &b, semantics, &result)) break;
    NotePresent(s, after.inodes[b.inode - 1], b.page, b.page + 1);
    b.pipe = RingOf(c.task);
    SetRange(&b, addr, end, page);
    AddBuffer(after, b);
  }
  if (result.kind == Result::Kind::kBound) return result;
  if (result.ok() && !IsOfOneFile(s, c, first, last))
    if (const Rule* rule = NotSupported(semantics, Feature::kSeveralFiles)) result = Refused(rule);
  if (!result.ok()) after.buffers = s.buffers;  // unpin_user_pages
  result.changed = after != s;
  s = after;
  return result;
}

Result UringUnregister(State& s, const Call& c, const Semantics&) {
  if (!HasRegisteredBuffers(s, c.task))
    return Fail(ENXIO, "io_uring/rsrc.c io_sqe_buffers_unregister: there are none");
  DropBuffersOf(s, RingOf(c.task));
  return Changed(0);
}

// IORING_OP_READ_FIXED of one byte, from a socket of the harness.
Result UringReadFixed(State& s, const Call& c, const Semantics&) {
  const int64_t addr = c.arg[0];
  for (PipeBuffer& b : s.buffers) {
    const int64_t start = b.at == 0 ? 0 : AddressOfPage(b.at - 1);
    if (b.pipe != RingOf(c.task) || addr < start + b.begin * kSampleStride ||
        addr >= start + b.end * kSampleStride)
      continue;
    if (b.inode == 0 && SharesLostPage(s, b)) return Bound("another may hold the same page");
    Result result = Unchanged(1);
    if (b.inode != 0) {
      result.effect.wrote = b.inode;
      result.changed = NoteUndirtied(s, s.inodes[b.inode - 1], b.page);
      const int64_t at = b.page * PageSizeOf(s.inodes[b.inode - 1]) + addr - start;
      result.changed |= LosesProgram(s.inodes[b.inode - 1], at, at + 1);
    }
    if ((addr - start) % kSampleStride != 0) return result;
    const int half = static_cast<int>((addr - start) / kSampleStride);
    Field<uint8_t>& old = b.inode != 0 ? s.inodes[b.inode - 1].bytes[b.page][half] : b.bytes[half];
    const auto byte = static_cast<uint8_t>(c.arg[1]);
    result.changed |= old != byte;
    old = byte;
    return result;
  }
  return Fail(EFAULT, "io_uring/rsrc.c io_import_fixed: not within a buffer");
}

}  // namespace selkie
