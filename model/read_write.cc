// read, pread, write, pwrite, their vectors, and lseek: fs/read_write.c, mm/filemap.c and
// mm/shmem.c.
#include <algorithm>
#include <limits>

#include "model/families.h"

namespace selkie {
namespace {

// Above this count, whether access_ok refuses depends on where in memory the
// program's buffer lies.
constexpr int64_t kMaxCount = int64_t{1} << 26;

constexpr const char* kCannotWrite = "fs/read_write.c: FMODE_CAN_WRITE, hugetlbfs has no write";

// The checks of the count and position that read and write share, after the
// check of f_mode.
bool BadCount(int64_t count, int64_t pos, Result* error) {
  if (count < 0) {  // a size_t of more than half of memory
    *error = Fail(EFAULT, "fs/read_write.c vfs_read, vfs_write: access_ok");
    return true;
  }
  if (count > kMaxCount) {
    *error = Bound("the count reaches beyond the program's buffer");
    return true;
  }
  return BadArea(pos, count, error);
}

// Appends the samples at offsets in [begin, end) to the result.
void TakeSamples(const Inode& inode, int64_t begin, int64_t end, Result* result) {
  int64_t i = (begin + kSampleStride - 1) / kSampleStride;
  for (; i * kSampleStride < end; ++i)
    result->data[result->num_data++] = SampleAt(inode, i * kSampleStride);
}

// shmem_file_read_iter, hugetlbfs_read_iter: what the file has of `count` bytes from `pos` on.
Result TakeBytes(State& s, Ruling& ruling, int node, int64_t count, int64_t pos) {
  const int64_t left = std::max<int64_t>(int64_t{s.inodes[node].size} - pos, 0);
  Result result = Unchanged(std::min(count, left));
  if (result.value > kMaxBytes) return Bound("more is read than the results of a call hold");
  if (result.value > 0) TakeSamples(s.inodes[node], pos, pos + result.value, &result);
  ruling.Commit(s, &result);
  return result;
}

Result ReadAt(State& s, const Call& c, int f, int64_t count, int64_t pos,
              const Semantics& semantics) {
  const int node = s.files[f].inode - 1;
  if ((s.files[f].mode & kModeRead) == 0)
    return Fail(EBADF, "fs/read_write.c vfs_read: FMODE_READ");
  if (IsPipe(s, f)) return ReadPipe(s, f, count);
  if (!IsMemfd(s, node)) return Bound("reading from a socket is not modelled");
  Result error;
  Ruling ruling(s, c, node, f, semantics, Point::kRead);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  if (BadCount(count, pos, &error)) return error;
  return TakeBytes(s, ruling, node, count, pos);
}

void CopySamples(Inode& inode, int64_t begin, int64_t end, const WriteSource& source) {
  const bool program = begin == 0 && end >= kProgramBytes && source.delta == 0 &&
                       (source.from->flags & kInodeProgram) != 0;
  if (program)
    inode.flags |= kInodeProgram;
  else
    LosesProgram(inode, begin, end);
  for (int64_t i = (begin + kSampleStride - 1) / kSampleStride; i * kSampleStride < end; ++i) {
    const int64_t j = i + source.delta / kSampleStride;
    inode.bytes[i / kSamplesPerPage][i % kSamplesPerPage] =
        source.from->bytes[j / kSamplesPerPage][j % kSamplesPerPage];
  }
}

void TakeHalves(Inode& inode, int64_t start, int64_t begin, int64_t end,
                absl::Span<const uint8_t> halves) {
  LosesProgram(inode, begin, end);
  for (int64_t i = (begin + kSampleStride - 1) / kSampleStride; i * kSampleStride < end; ++i)
    inode.bytes[i / kSamplesPerPage][i % kSamplesPerPage] =
        halves[(i * kSampleStride - start) / kSampleStride];
}

// generic_perform_write: chunk by chunk, each with the seals asked anew.  The
// error counts only if no chunk was written.  Returns the bytes written, or -1
// with *error.
int64_t WriteChunks(const State& s, const WriteSource& source, Ruling& ruling, int64_t pos,
                    int64_t count, uint32_t chunk, Result* error) {
  int64_t written = 0;
  while (written < count) {
    const int64_t at = pos + written;
    const int64_t end = at + std::min(chunk - (at & (int64_t{chunk} - 1)), count - written);
    ruling.facts.Set(Fact::kGrows, end > ruling.inode.size);
    if (const Rule* rule = ruling.Refuses()) {  // shmem_write_begin
      *error = Refused(rule);
      return written > 0 ? written : -1;
    }
    // shmem_write_begin gives the first page.
    NotePresent(s, ruling.inode, PageOf(at), source.bad ? PageOf(at) + 1 : PageAfter(end));
    if (source.bad) {  // from 6.16 on the file is asked before the buffer
      *error = Fail(EFAULT, "mm/filemap.c generic_perform_write: copy_folio_from_iter_atomic");
      if (ruling.targets.extended && at > SizeLimit(s.limits, ruling.inode))
        *error = Bound("the size is beyond the bounds");
      else if (ruling.targets.extended)
        ruling.inode.size = std::max<uint32_t>(ruling.inode.size, static_cast<uint32_t>(at));
      return written > 0 ? written : -1;
    }
    if (end > SizeLimit(s.limits, ruling.inode)) {
      *error = Bound("the write reaches beyond the largest size within the bounds");
      return -1;
    }
    NoteDirty(ruling.inode, PageOf(at), PageAfter(end));
    if (!source.halves.empty())
      TakeHalves(ruling.inode, pos, at, end, source.halves);
    else if (source.from != nullptr)
      CopySamples(ruling.inode, at, end, source);
    else
      FillSamples(ruling.inode, at, end, source.byte);
    ruling.inode.size = std::max<uint32_t>(ruling.inode.size, static_cast<uint32_t>(end));
    written = end - pos;
  }
  return written;
}

// A failed write has still taken the set-user-id bit and set the modification time, which
// file_update_time does before shmem_write_begin asks the seals; it may have extended the file, or
// brought a page in: `left` says which.
Result FailedWrite(State& s, int f, uint16_t mode, const Inode& left, Result error) {
  Inode& inode = s.inodes[s.files[f].inode - 1];
  const uint32_t size = left.size;
  if (error.kind == Result::Kind::kBound) return error;
  error.changed = inode.mode != mode || inode.size != size || inode.present != left.present ||
                  inode.touched != left.touched || inode.uncleared != left.uncleared;
  error.effect.modified = ModifiedBit(s.files[f].inode - 1);
  if (inode.size != size) {
    error.effect.resized = s.files[f].inode;
    error.effect.file = static_cast<uint8_t>(f + 1);
  }
  inode.mode = mode;
  inode.size = size;
  inode.present = left.present;
  inode.touched = left.touched;
  inode.uncleared = left.uncleared;
  return error;
}

WriteSource SourceOf(const Call& c) {
  return {.byte = static_cast<uint8_t>(c.arg[1]), .bad = c.arg[1] == kNull};
}

// The checks of vfs_write, then the write.
Result CheckedWrite(State& s, const Call& c, int f, int64_t count, int64_t pos, bool moves,
                    const Semantics& semantics) {
  const int node = s.files[f].inode - 1;
  if ((s.files[f].mode & kModeWrite) == 0)
    return Fail(EBADF, "fs/read_write.c vfs_write: FMODE_WRITE");
  if (IsHugetlb(s.inodes[node])) return Fail(EINVAL, kCannotWrite);
  Result error;
  if (IsPipe(s, f))
    return BadCount(count, 0, &error) ? error : WritePipe(s, f, SourceOf(c), count, semantics);
  if (!IsMemfd(s, node)) return Bound("writing to a socket is not modelled");
  if (BadCount(count, pos, &error)) return error;
  if (count == 0) return Unchanged(0);  // generic_write_checks
  if ((s.files[f].flags & kFlagAppend) != 0) pos = s.inodes[node].size;
  if (OverLimit(s, c.task, pos, &count, &error)) return error;
  return WriteAt(s, c, f, SourceOf(c), count, pos, moves, semantics);
}

// kiocb_set_rw_flags (include/linux/fs.h).
bool BadRwf(const State& s, int f, int64_t flags, Result* error, const Semantics& semantics) {
  constexpr int64_t kKnown = 0x3f | abi::kRwfNosignal;
  const bool append = (s.files[f].flags & kFlagAppend) != 0;
  if ((flags & ~kKnown) != 0) {
    *error = (flags & 0xc0) != 0
                 ? Bound("RWF_ATOMIC and RWF_DONTCACHE are not modelled")
                 : Fail(EOPNOTSUPP, "include/linux/fs.h kiocb_set_rw_flags: RWF_SUPPORTED");
    return true;
  }
  const Rule* const no_nosignal =
      (flags & abi::kRwfNosignal) != 0 ? NotSupported(semantics, Feature::kNosignal) : nullptr;
  if (no_nosignal != nullptr) {
    *error = Refused(no_nosignal);
    return true;
  }
  if ((flags & abi::kRwfNoappend) != 0) {
    if (const Rule* rule = NotSupported(semantics, Feature::kNoappend)) {
      *error = Refused(rule);
      return true;
    }
    if ((flags & abi::kRwfAppend) != 0) {
      *error = Fail(EINVAL, "include/linux/fs.h kiocb_set_rw_flags: APPEND and NOAPPEND");
      return true;
    }
  }
  if ((flags & abi::kRwfNowait) != 0) {
    *error = Fail(EOPNOTSUPP, "include/linux/fs.h kiocb_set_rw_flags: FMODE_NOWAIT");
    return true;
  }
  if ((flags & abi::kRwfNoappend) != 0 && append &&
      (s.inodes[s.files[f].inode - 1].attrs & kAttrAppend) != 0) {
    *error = Fail(EPERM, "include/linux/fs.h kiocb_set_rw_flags: IS_APPEND");
    return true;
  }
  return false;
}

// IOCB_APPEND, of O_APPEND and RWF_ flags.
bool Appends(const File& file, int64_t flags) {
  const bool append = (file.flags & kFlagAppend) != 0 || (flags & abi::kRwfAppend) != 0;
  return append && (flags & abi::kRwfNoappend) == 0;
}

// Of a file whose f_mode says no, which is asked before or after the vector is taken.
Result RefuseVector(int64_t count, const char* check, const Semantics& semantics) {
  const Rule* const vector_first = NotSupported(semantics, Feature::kVectorMode);
  if (vector_first != nullptr && count < 0) return Refused(vector_first);
  if (vector_first != nullptr && count > kMaxCount)
    return Bound("EFAULT of a vector that leaves the address space, or EBADF");
  return Fail(EBADF, check);
}

// vfs_readv: the parts are read as one.
Result ReadVector(State& s, const Call& c, int f, int64_t pos, int64_t flags,
                  const Semantics& semantics) {
  const int64_t count = c.arg[1];
  const int node = s.files[f].inode - 1;
  const bool readable = (s.files[f].mode & kModeRead) != 0;
  if (!readable) return RefuseVector(count, "fs/read_write.c vfs_readv: FMODE_READ", semantics);
  if (count < 0) return Fail(EINVAL, "lib/iov_iter.c import_iovec: iov_len < 0");
  if (count > kMaxCount) return Bound("the count reaches beyond the program's buffer");
  if (IsPipe(s, f)) return flags != 0 ? Bound("RWF_* of a pipe") : ReadPipe(s, f, count);
  if (!IsMemfd(s, node)) return Bound("reading from a socket is not modelled");
  if (count == 0) return Unchanged(0);
  Result error;
  if (BadArea(pos, count, &error)) return error;
  if (BadRwf(s, f, flags, &error, semantics)) return error;
  Ruling ruling(s, c, node, f, semantics, Point::kRead);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  return TakeBytes(s, ruling, node, count, pos);
}

// At f_pos, which then moves.
Result ReadVectorHere(State& s, const Call& c, int f, int64_t flags, const Semantics& semantics) {
  const int64_t pos = s.files[f].pos;
  Result result = ReadVector(s, c, f, pos, flags, semantics);
  if (result.ok() && !IsPipe(s, f)) Advance(s, f, pos + result.value, &result);
  return result;
}

// vfs_writev: the parts are written as one.
Result WriteVector(State& s, const Call& c, int f, int64_t pos, int64_t flags, bool moves,
                   const Semantics& semantics) {
  int64_t count = c.arg[2];
  const bool writable = (s.files[f].mode & kModeWrite) != 0;
  if (!writable) return RefuseVector(count, "fs/read_write.c vfs_writev: FMODE_WRITE", semantics);
  if (count < 0) return Fail(EINVAL, "lib/iov_iter.c import_iovec: iov_len < 0");
  if (count > kMaxCount) return Bound("the count reaches beyond the program's buffer");
  if (IsHugetlb(s.inodes[s.files[f].inode - 1])) return Fail(EINVAL, kCannotWrite);
  if (IsPipe(s, f))
    return flags != 0 ? Bound("RWF_* of a pipe") : WritePipe(s, f, SourceOf(c), count, semantics);
  if (!IsMemfd(s, s.files[f].inode - 1)) return Bound("writing to a socket is not modelled");
  if (count == 0) return Unchanged(0);
  Result error;
  if (BadArea(pos, count, &error)) return error;
  if (BadRwf(s, f, flags, &error, semantics)) return error;
  if (Appends(s.files[f], flags)) pos = s.inodes[s.files[f].inode - 1].size;
  if (OverLimit(s, c.task, pos, &count, &error)) return error;
  return WriteAt(s, c, f, SourceOf(c), count, pos, moves, semantics);
}

}  // namespace

Result WriteAt(State& s, const Call& c, int f, const WriteSource& source, int64_t count,
               int64_t pos, bool moves, const Semantics& semantics) {
  const int node = s.files[f].inode - 1;
  Result error;
  Ruling ruling(s, c, node, f, semantics, Point::kWrite);
  const uint16_t mode = ModeWithoutPrivileges(s, c.task, s.inodes[node]);  // file_remove_privs
  if (mode != s.inodes[node].mode && HasDelegation(s, node)) return BreakDelegations(s, node);
  ruling.inode.mode = mode;
  ruling.facts.Set(Fact::kBadBuffer, source.bad);
  const int64_t written = WriteChunks(s, source, ruling, pos, count, semantics.write_chunk, &error);
  if (written < 0) {
    const bool extended = ruling.targets.extended && source.bad;
    if (!extended) ruling.inode.size = s.inodes[node].size;
    return FailedWrite(s, f, mode, ruling.inode, error);
  }

  Result result = Unchanged(written);
  result.effect.wrote = static_cast<uint8_t>(node + 1);
  result.effect.file = static_cast<uint8_t>(f + 1);
  result.effect.modified = ModifiedBit(node);  // file_update_time
  if (ruling.inode.size != s.inodes[node].size) result.effect.resized = result.effect.wrote;
  ruling.Commit(s, &result);
  if (moves) Advance(s, f, pos + written, &result);
  return result;
}

bool BadArea(int64_t pos, int64_t count, Result* error) {
  const bool bad = pos < 0 || count < 0 || pos > std::numeric_limits<int64_t>::max() - count;
  if (bad) *error = Fail(EINVAL, "fs/read_write.c rw_verify_area: pos, count");
  return bad;
}

bool OverLimit(const State& s, int task, int64_t pos, int64_t* count, Result* error) {
  if (s.tasks[task].fsize == 0) return false;
  const int64_t limit = int64_t{s.tasks[task].fsize} - 1;
  if (pos >= limit) {
    *error = Fail(EFBIG, "fs/read_write.c generic_write_check_limits: RLIMIT_FSIZE, SIGXFSZ");
    return true;
  }
  *count = std::min(*count, limit - pos);
  return false;
}

void Advance(State& s, int f, int64_t to, Result* result) {
  if (s.files[f].pos == to) return;
  s.files[f].pos = static_cast<uint32_t>(to);
  result->changed = true;
}

void FillSamples(Inode& inode, int64_t begin, int64_t end, uint8_t byte) {
  const int64_t size = PageSizeOf(inode);
  if (begin < end) LosesProgram(inode, begin, end);
  for (int page = 0; page < kMaxPages; ++page) {
    for (int i = 0; i < kSamplesPerPage; ++i) {
      const int64_t at = page * size + int64_t{i} * kSampleStride;
      if (at >= begin && at < end) inode.bytes[page][i] = byte;
    }
  }
}

Result Read(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const int64_t pos = s.files[f].pos;
  Result result = ReadAt(s, c, f, c.arg[1], pos, semantics);
  if (result.ok() && !IsPipe(s, f)) Advance(s, f, pos + result.value, &result);
  return result;
}

Result Pread(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (c.arg[2] < 0) return Fail(EINVAL, "fs/read_write.c ksys_pread64: pos < 0");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (!IsMemfd(s, s.files[f].inode - 1)) return Fail(ESPIPE, "fs/read_write.c: FMODE_PREAD");
  return ReadAt(s, c, f, c.arg[1], c.arg[2], semantics);
}

Result Readv(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return ReadVectorHere(s, c, f, 0, semantics);
}

Result Preadv(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (c.arg[2] < 0) return Fail(EINVAL, "fs/read_write.c do_preadv: pos < 0");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (!IsMemfd(s, s.files[f].inode - 1))
    return Fail(ESPIPE, "fs/read_write.c do_preadv: FMODE_PREAD");
  return ReadVector(s, c, f, c.arg[2], 0, semantics);
}

// An offset of -1 means f_pos, which then moves.
Result Preadv2(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  const bool own_pos = c.arg[2] == -1;
  if (!own_pos && c.arg[2] < 0) return Fail(EINVAL, "fs/read_write.c do_preadv: pos < 0");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (own_pos) return ReadVectorHere(s, c, f, c.arg[3], semantics);
  if (!IsMemfd(s, s.files[f].inode - 1))
    return Fail(ESPIPE, "fs/read_write.c do_preadv: FMODE_PREAD");
  return ReadVector(s, c, f, c.arg[2], c.arg[3], semantics);
}

Result Write(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return CheckedWrite(s, c, f, c.arg[2], s.files[f].pos, true, semantics);
}

Result Pwrite(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (c.arg[3] < 0) return Fail(EINVAL, "fs/read_write.c ksys_pwrite64: pos < 0");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if ((s.files[f].mode & kModePwrite) == 0)
    return Fail(ESPIPE, "fs/read_write.c ksys_pwrite64: FMODE_PWRITE");
  return CheckedWrite(s, c, f, c.arg[2], c.arg[3], false, semantics);
}

// Of a program, which begins as every ELF file does; with O_APPEND it goes to the end of the file.
Result WriteProgram(State& s, const Call& c, const Semantics& semantics) {
  const int f = FileOf(s, c.task, c.arg[0]);
  const int node = f < 0 ? 0 : s.files[f].inode - 1;
  const bool appends = f >= 0 && (s.files[f].flags & kFlagAppend) != 0;
  const Inode before = s.inodes[node];
  State after = s;
  const Call pwrite{c.op, c.task, {c.arg[0], kFirstOfElf, kProgramBytes, 0}};
  Result result = Pwrite(after, pwrite, semantics);
  const uint32_t at = appends ? uint32_t{before.size} : 0;
  if (result.effect.wrote != 0 && at % kSampleStride != 0)
    return Bound("which byte of it stands at a sampled offset");
  s = after;
  if (result.effect.wrote == 0 || result.value != kProgramBytes || at != 0) return result;
  s.inodes[node].flags |= kInodeProgram;
  result.changed = s.inodes[node] != before;
  return result;
}

Result Writev(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return WriteVector(s, c, f, s.files[f].pos, 0, true, semantics);
}

Result Pwritev(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (c.arg[3] < 0) return Fail(EINVAL, "fs/read_write.c do_pwritev: pos < 0");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if ((s.files[f].mode & kModePwrite) == 0)
    return Fail(ESPIPE, "fs/read_write.c do_pwritev: FMODE_PWRITE");
  return WriteVector(s, c, f, c.arg[3], 0, false, semantics);
}

// An offset of -1 means f_pos, which then moves.
Result Pwritev2(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  const bool own_pos = c.arg[3] == -1;
  if (!own_pos && c.arg[3] < 0) return Fail(EINVAL, "fs/read_write.c do_pwritev: pos < 0");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (!own_pos && (s.files[f].mode & kModePwrite) == 0)
    return Fail(ESPIPE, "fs/read_write.c do_pwritev: FMODE_PWRITE");
  const int64_t pos = own_pos ? int64_t{s.files[f].pos} : c.arg[3];
  return WriteVector(s, c, f, pos, c.arg[4], own_pos, semantics);
}

// io_submit of one IOCB_CMD_PWRITE and its event: fs/aio.c io_submit_one, aio_write.
Result AioPwrite(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  int64_t count = c.arg[2];
  const int64_t pos = c.arg[3];
  if (count < 0) return Fail(EINVAL, "fs/aio.c io_submit_one: aio_nbytes");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if ((s.files[f].mode & kModeWrite) == 0) return Fail(EBADF, "fs/aio.c aio_write: FMODE_WRITE");
  if (IsHugetlb(s.inodes[s.files[f].inode - 1])) return Fail(EINVAL, kCannotWrite);
  if (!IsMemfd(s, s.files[f].inode - 1)) return Bound("writing to a socket is not modelled");
  if (count > kMaxCount) return Bound("the count reaches beyond the program's buffer");
  if (BadArea(pos, count, &error)) return error;
  if (count == 0) return Unchanged(0);
  const bool append = (s.files[f].flags & kFlagAppend) != 0;
  const int64_t at = append ? int64_t{s.inodes[s.files[f].inode - 1].size} : pos;
  if (OverLimit(s, c.task, at, &count, &error)) return error;
  return WriteAt(s, c, f, SourceOf(c), count, at, false, semantics);
}

// IORING_OP_WRITE by a ring of its own, whose worker thread is gone when the call returns:
// io_uring/rw.c io_write.
Result UringPwrite(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  int64_t count = c.arg[2];
  const int64_t pos = c.arg[3];
  if (count < 0 || count > kMaxCount) return Bound("the count reaches beyond the program's buffer");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const File& file = s.files[f];
  const Inode& inode = s.inodes[file.inode - 1];
  if (!IsMemfd(inode)) return Bound("writing to a socket is not modelled");
  if ((file.mode & kModeWrite) == 0)
    return Fail(EBADF, "io_uring/rw.c io_rw_init_file: FMODE_WRITE");
  if (IsHugetlb(inode)) return Fail(EINVAL, kCannotWrite);
  const bool current = pos == -1;  // IORING_FEAT_RW_CUR_POS
  const int64_t from = current ? int64_t{file.pos} : pos;
  if (BadArea(from, count, &error)) return error;
  if (count == 0) return Unchanged(0);
  const bool append = (file.flags & kFlagAppend) != 0;
  const int64_t at = append ? int64_t{inode.size} : from;
  const bool over = OverLimit(s, c.task, at, &count, &error);
  Result result = over ? error : WriteAt(s, c, f, SourceOf(c), count, at, false, semantics);
  if (!current || result.kind == Result::Kind::kBound) return result;
  const Rule* const moves = NotSupported(semantics, Feature::kUringLeft);
  // From 6.1 on (5.10 not yet) what is left of a short write is tried once more (need_complete_io),
  // and f_pos is set by an attempt that does not fail.
  if (!result.ok()) {  // O_APPEND, which generic_write_checks obeys first, has moved it
    if (moves != nullptr) Advance(s, f, at, &result);
    return result;
  }
  constexpr uint8_t kOnce = kFlagNonblock | kFlagDirect;  // with both it is not tried again
  if (result.value != c.arg[2] && (s.files[f].flags & kOnce) != kOnce) {
    if (moves == nullptr) return result;
    result.rule = moves;
  }
  Advance(s, f, at + result.value, &result);
  return result;
}

namespace {

Result Moved(State& s, int f, int64_t pos) {
  if (pos > kMaxPos) return Bound("the position is beyond the bounds");
  Result result = Unchanged(pos);
  Advance(s, f, pos, &result);
  return result;
}

// default_llseek with SEEK_DATA or SEEK_HOLE: all of a memfd of huge pages is data.
Result SeekHugetlb(State& s, int f, int64_t offset, bool data) {
  const int64_t size = s.inodes[s.files[f].inode - 1].size;
  if (offset >= size) return Fail(ENXIO, "fs/read_write.c default_llseek: i_size");
  if (!data) return Moved(s, f, size);  // of a negative offset, too
  if (offset < 0) return Fail(EINVAL, "fs/read_write.c default_llseek: offset < 0");
  return Moved(s, f, offset);
}

// mapping_seek_hole_data: what a fault made of a hole is data, and what fallocate made is none
// before it was used.
Result SeekPages(State& s, int f, int64_t offset, bool data) {
  const Inode& inode = s.inodes[s.files[f].inode - 1];
  const int64_t size = inode.size;
  if (offset < 0) return Fail(ENXIO, "mm/shmem.c shmem_file_llseek: offset < 0");
  if (offset >= size) return Fail(ENXIO, "mm/filemap.c mapping_seek_hole_data: end <= start");
  if (s.limits.buffers == 0) return Bound("which pages are holes is not known within these bounds");
  const int may_be_data = inode.touched & ~inode.uncleared;
  int64_t pos = offset;
  while (pos < size) {
    const auto page = static_cast<int>(pos / kPageSize);
    const bool is_data = ((inode.present >> page) & 1) != 0;
    if (!is_data && ((may_be_data >> page) & 1) != 0)
      return Bound("whether the page is a hole is not known");
    if (is_data == data) return Moved(s, f, pos);
    pos = int64_t{page + 1} * kPageSize;
  }
  if (data) return Fail(ENXIO, "mm/filemap.c mapping_seek_hole_data: no data up to the end");
  return Moved(s, f, size);
}

}  // namespace

Result Lseek(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const int64_t whence = c.arg[2];
  if (whence < 0 || whence > abi::kSeekHole)
    return Fail(EINVAL, "fs/read_write.c ksys_lseek: whence");
  const int node = s.files[f].inode - 1;
  if (!IsMemfd(s, node)) return Fail(ESPIPE, "fs/read_write.c vfs_llseek: FMODE_LSEEK");
  const bool data = whence == abi::kSeekData;
  if (data || whence == abi::kSeekHole)
    return IsHugetlb(s.inodes[node]) ? SeekHugetlb(s, f, c.arg[1], data)
                                     : SeekPages(s, f, c.arg[1], data);

  // generic_file_llseek_size; the addition wraps as the kernel's does.
  uint64_t base = 0;
  if (whence == abi::kSeekCur) base = s.files[f].pos;
  if (whence == abi::kSeekEnd) base = s.inodes[node].size;
  const auto pos = static_cast<int64_t>(base + static_cast<uint64_t>(c.arg[1]));
  if (pos < 0) return Fail(EINVAL, "fs/read_write.c vfs_setpos: offset < 0");
  return Moved(s, f, pos);
}

}  // namespace selkie
