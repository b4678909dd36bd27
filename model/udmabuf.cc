// Dmabufs made of a memfd's pages: UDMABUF_CREATE of /dev/udmabuf (drivers/dma-buf/udmabuf.c), and
// stores through a mapping of one.
//
// A dmabuf has pages, not the file: it goes on changing the file when every descriptor of it is
// gone, for as long as the file has the pages, and no seal is asked.  F_SEAL_WRITE waits for it
// (mm/memfd.c memfd_wait_for_pins) and is EBUSY.  In a State it is a File of the inode of its
// pages.
//
// Who calls has a descriptor of the device, which is root's, from the harness.  Measured on
// 6.12.43 to 7.3.4.
#include <bit>

#include "model/families.h"

namespace selkie {
namespace {

constexpr int64_t kMostBytes = int64_t{64} << 20;  // size_limit_mb

bool IsDmabuf(const State& s, int file) { return file >= 0 && s.files[file].dmabuf != 0; }

bool AnyDmabuf(const State& s) {
  for (int i = 0; i < s.limits.files; ++i)
    if (s.files[i].dmabuf != 0) return true;
  return false;
}

// A page that no file has any more may be in a pipe or a registered buffer as well.
bool AnyLostPage(const State& s) {
  for (const PipeBuffer& b : s.buffers)
    if (b.pipe != 0 && b.inode == 0) return true;
  return false;
}

}  // namespace

bool AnswersDmabuf(const State& s, const Call& c, Result* answer) {
  if (!AnyDmabuf(s) || !NamesFile(s, c, [](const File& file) { return file.dmabuf != 0; }))
    return false;
  const Family family = SpecOf(c.op).family;
  switch (c.op) {
    case Op::kSetFl: *answer = Bound("F_SETFL of a dmabuf is not modelled"); return true;
    case Op::kGetSeals:
      *answer = Fail(EINVAL, "mm/memfd.c memfd_get_seals: not a memfd");
      return true;
    case Op::kAddSeals:
      *answer = Fail(EINVAL, "mm/memfd.c memfd_add_seals: not a memfd");
      return true;
    case Op::kRead:
    case Op::kReadv:
      *answer = Fail(EINVAL, "fs/read_write.c vfs_read: FMODE_CAN_READ");
      return true;
    case Op::kWrite:
    case Op::kWritev:
      *answer = Fail(EINVAL, "fs/read_write.c vfs_write: FMODE_CAN_WRITE");
      return true;
    case Op::kPread:
    case Op::kPreadv:
    case Op::kPwrite:
    case Op::kPwritev:
      *answer = c.arg[c.op == Op::kPwrite || c.op == Op::kPwritev ? 3 : 2] < 0
                    ? Fail(EINVAL, "fs/read_write.c ksys_pread64: pos < 0")
                    : Fail(ESPIPE, "fs/read_write.c: FMODE_PREAD");
      return true;
    case Op::kFtruncate: *answer = Fail(EINVAL, "fs/open.c do_sys_ftruncate: S_ISREG"); return true;
    case Op::kExtension:
      *answer = Fail(EINVAL, "a call that the semantics adds: no memfd");
      return true;
    default: break;
  }
  if (family == Family::kDescriptor || family == Family::kMessage || family == Family::kUdmabuf)
    return false;
  *answer = Bound("this call of a dmabuf is not modelled");
  return true;
}

Result UdmabufCreate(State& s, const Call& c, const Semantics& semantics) {
  const int64_t offset = c.arg[1], size = c.arg[2];
  if (const Rule* rule = NotSupported(semantics, Feature::kUdmabuf)) return Refused(rule);
  if (offset % kPageSize != 0 || size % kPageSize != 0)
    return Fail(EINVAL, "drivers/dma-buf/udmabuf.c udmabuf_create: PAGE_ALIGNED");
  if (size < 0 || size > kMostBytes)
    return Bound(
        "EINVAL of size_limit_mb, or what else is wrong, or a warning of the kernel (7.3)");
  if (size == 0) return Fail(EINVAL, "drivers/dma-buf/udmabuf.c udmabuf_create: pagecount");
  const int memfd = FileOf(s, c.task, c.arg[0]);
  if (memfd < 0 || (s.files[memfd].mode & kModePath) != 0)
    return Fail(EBADFD, "drivers/dma-buf/udmabuf.c check_memfd_seals: fget");
  const int node = s.files[memfd].inode - 1;
  if (!IsMemfd(s, node) || IsDmabuf(s, memfd))
    return Fail(EBADFD, "drivers/dma-buf/udmabuf.c check_memfd_seals: shmem_file");
  Ruling ruling(s, c, node, memfd, semantics, Point::kUdmabuf);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  if (offset < 0 || offset > kMaxPos || offset + size > s.inodes[node].size)
    return Fail(EINVAL, "mm/gup.c memfd_pin_folios: i_size_read");
  const int file = FreeFile(s);
  if (file < 0) return Bound("no free file within the bounds");

  Result result = Unchanged(0);
  ruling.Commit(s, &result);
  const int first = PageOf(offset), end = PageAfter(offset + size);
  Inode& inode = s.inodes[node];
  // memfd_pin_folios fills holes, whatever follows, and takes what fallocate made as it is.
  const Rule* const clears = NotSupported(semantics, Feature::kUncleared);
  if (clears != nullptr && (inode.uncleared & PageBits(first, end)) != 0) result.rule = clears;
  for (int page = first; page < end; ++page)
    if (clears != nullptr || (inode.uncleared & PageBits(page, page + 1)) == 0)
      result.changed |= NotePresent(s, inode, page, page + 1);
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) {
    const bool changed = result.changed;
    result = Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
    result.changed = changed;
    return result;
  }
  s.files[file] = File{.inode = static_cast<uint8_t>(node + 1),
                       .mode = kModeRead | kModeWrite,
                       .flags = kFlagRdwr,
                       .dmabuf = PageBits(first, end),
                       .pinned = PageBits(first, end)};
  s.fds[s.tasks[c.task].fds][fd - kFirstFd] = Fd{static_cast<uint8_t>(file + 1), 1, 0};
  result.value = fd;
  result.changed = true;
  return result;
}

// mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, dmabuf, the page of `offset`), a store there,
// munmap: dma_buf_mmap_internal and mmap_udmabuf.
Result DmabufStore(State& s, const Call& c, const Semantics& semantics) {
  const int64_t offset = c.arg[1];
  int f;
  Result error;
  if (offset < 0) return Bound("EOVERFLOW or EINVAL of mmap");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const File& file = s.files[f];
  if (file.dmabuf == 0) return Bound("of a file that is no dmabuf: mmap, store");
  const uint8_t pages = file.dmabuf;
  if (offset / kPageSize >= std::popcount(pages))
    return Fail(EINVAL, "drivers/dma-buf/dma-buf.c dma_buf_mmap_internal: size");
  const int node = file.inode - 1;
  Ruling ruling(s, c, node, f, semantics, Point::kDmabufMmap);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  const int page = std::countr_zero(pages) + PageOf(offset);
  Result result = Unchanged(0);
  if (((file.pinned >> page) & 1) == 0)
    return AnyLostPage(s) ? Bound("another may hold the same page") : result;
  Inode& inode = s.inodes[node];
  if ((inode.uncleared & PageBits(page, page + 1)) != 0)
    return result;  // the file shows none of it
  result.effect.wrote = static_cast<uint8_t>(node + 1);
  result.effect.file = static_cast<uint8_t>(f + 1);
  result.changed = NoteUndirtied(s, inode, page);
  const int64_t at = int64_t{page} * kPageSize + offset % kPageSize;
  result.changed |= LosesProgram(inode, at, at + 1);
  if (offset % kSampleStride != 0) return result;
  Field<uint8_t>& old = inode.bytes[page][offset % kPageSize / kSampleStride];
  const auto byte = static_cast<uint8_t>(c.arg[2]);
  result.changed |= old != byte;
  old = byte;
  return result;
}

}  // namespace selkie
