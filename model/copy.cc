// sendfile and copy_file_range from file to file: fs/read_write.c, fs/splice.c.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "model/families.h"

namespace selkie {
namespace {

// What is read of `in` at `pos`: at most `count` bytes, up to the end of the file
// (do_splice_read).  Returns -1 with *error if a rule refuses.
int64_t Readable(State& s, const Call& c, int in, int64_t pos, int64_t count, Result* error,
                 const Semantics& semantics) {
  const int node = s.files[in].inode - 1;
  if (IsHugetlb(s.inodes[node])) {
    *error = Fail(EINVAL, kNoSpliceRead);
    return -1;
  }
  Ruling ruling(s, c, node, in, semantics, Point::kRead);
  if (const Rule* rule = ruling.Refuses()) {
    *error = Refused(rule);
    return -1;
  }
  const int64_t readable =
      std::min(count, std::max<int64_t>(int64_t{s.inodes[node].size} - pos, 0));
  if (readable > 0)
    NoteKernelRead(s, s.inodes[node], PageOf(pos), PageAfter(pos + readable), semantics);
  return readable;
}

// One round of splice_direct_to_actor: what can be read goes to `out` as one write.
Result SpliceOnce(State& s, const Call& c, int in, int64_t from, int out, int64_t to,
                  int64_t readable, const Semantics& semantics) {
  const int source = s.files[in].inode - 1;
  if (IsHugetlb(s.inodes[s.files[out].inode - 1])) return Fail(EINVAL, kNoSpliceWrite);
  if (source == s.files[out].inode - 1 && std::abs(from - to) < readable)
    return Bound("a copy within one file that overlaps: it depends on which pages are there");
  if ((from - to) % kSampleStride != 0)
    return Bound("bytes between the sampled offsets would come to sampled ones");
  Result error;
  if (OverLimit(s, c.task, to, &readable, &error)) return error;
  const Inode bytes = s.inodes[source];
  return WriteAt(s, c, out, {.from = &bytes, .delta = from - to}, readable, to, false, semantics);
}

// do_splice_direct: a file that is copied behind its own end grows under the
// reader, so it is read again.  f_pos of either file is the caller's.
Result SpliceRounds(State& s, const Call& c, int in, int64_t from, int out, int64_t to,
                    int64_t count, const Semantics& semantics) {
  const bool same = s.files[in].inode == s.files[out].inode;
  const State before = same ? s : State{};
  Result total = Unchanged(0);
  while (total.value < count) {
    Result round;
    const int64_t done = total.value;
    const int64_t readable = Readable(s, c, in, from + done, count - done, &round, semantics);
    if (readable == 0) break;
    if (readable > 0)
      round = SpliceOnce(s, c, in, from + done, out, to + done, readable, semantics);
    if (round.kind == Result::Kind::kBound && same) s = before;
    if (round.kind == Result::Kind::kBound || (!round.ok() && done == 0)) return round;
    if (!round.ok()) break;
    total.value += round.value;
    total.changed |= round.changed;
    total.effect = round.effect;
    total.rule = round.rule;
    if (round.value < readable) break;
  }
  return total;
}

// The same, and what it has brought in of the source.
Result SpliceDirect(State& s, const Call& c, int in, int64_t from, int out, int64_t to,
                    int64_t count, const Semantics& semantics) {
  Inode& source = s.inodes[s.files[in].inode - 1];
  const uint8_t present = source.present, touched = source.touched, uncleared = source.uncleared;
  Result result = SpliceRounds(s, c, in, from, out, to, count, semantics);
  if (result.kind == Result::Kind::kBound) {
    source.present = present;
    source.touched = touched;
    source.uncleared = uncleared;
  }
  const bool changed = source.present != present || source.uncleared != uncleared;
  result.changed |= changed;
  if (changed && result.rule == nullptr && s.files[in].inode != s.files[out].inode)
    result.rule = NotSupported(semantics, Feature::kReadsHoles);
  return result;
}

// generic_write_check_limits: RLIMIT_FSIZE and the largest size of a file; shortens *count.
bool BeyondLimits(const State& s, int task, int64_t to, uint64_t* count, Result* error) {
  if (to < 0) return false;
  auto within = static_cast<int64_t>(*count);
  if (OverLimit(s, task, to, &within, error)) return true;
  constexpr int64_t kMaxBytesOfFile = std::numeric_limits<int64_t>::max();
  if (to == kMaxBytesOfFile) {
    *error = Fail(EFBIG, "fs/read_write.c generic_write_check_limits: s_maxbytes");
    return true;
  }
  *count = std::min(static_cast<uint64_t>(within), static_cast<uint64_t>(kMaxBytesOfFile - to));
  return false;
}

// generic_copy_file_checks; shortens *count to the end of the source.
bool BadCopy(const State& s, int task, int in, int64_t from, int out, int64_t to, uint64_t* count,
             Result* error, const Semantics& semantics) {
  auto fail = [error](int number, const char* check) {
    *error = Fail(number, check);
    return true;
  };
  const int source = s.files[in].inode - 1, target = s.files[out].inode - 1;
  if (!IsMemfd(s, source) || !IsMemfd(s, target))
    return fail(EINVAL, "fs/read_write.c generic_file_rw_checks: S_ISREG");
  if ((s.files[in].mode & kModeRead) == 0 || (s.files[out].mode & kModeWrite) == 0 ||
      (s.files[out].flags & kFlagAppend) != 0)
    return fail(EBADF, "fs/read_write.c generic_file_rw_checks: f_mode, O_APPEND");
  // From 5.19 on, and in 5.10.218; 5.3 to 5.9 copied.
  if ((s.inodes[source].flags & kInodeMounted) != (s.inodes[target].flags & kInodeMounted) ||
      IsHugetlb(s.inodes[source]) != IsHugetlb(s.inodes[target]))
    return fail(EXDEV, "fs/read_write.c generic_copy_file_checks: i_sb");
  if ((s.inodes[target].attrs & kAttrImmutable) != 0)
    return fail(EPERM, "fs/read_write.c generic_copy_file_checks: IS_IMMUTABLE");
  const auto start = static_cast<uint64_t>(from), end = static_cast<uint64_t>(to);
  if (start + *count < start || end + *count < end)
    return fail(EOVERFLOW, "fs/read_write.c generic_copy_file_checks: the offset wraps");
  const int64_t size = s.inodes[source].size;
  *count = from >= size ? 0 : std::min(*count, static_cast<uint64_t>(size) - start);
  const bool none = *count == 0;
  const Rule* const asks_anyway = none ? NotSupported(semantics, Feature::kCopyOfNothing) : nullptr;
  if ((!none || asks_anyway != nullptr) && BeyondLimits(s, task, to, count, error)) {
    error->rule = asks_anyway;
    return true;
  }
  if (source == target && end + *count > start && end < start + *count)
    return fail(EINVAL, "fs/read_write.c generic_copy_file_checks: the ranges overlap");
  return false;
}

}  // namespace

Result Sendfile(State& s, const Call& c, const Semantics& semantics) {
  int in, out;
  Result error;
  if (!Fdget(s, c, c.arg[1], &in, &error)) return error;
  if ((s.files[in].mode & kModeRead) == 0)
    return Fail(EBADF, "fs/read_write.c do_sendfile: FMODE_READ");
  const bool own_pos = c.arg[2] == kNoOffset;
  const int64_t from = own_pos ? int64_t{s.files[in].pos} : c.arg[2], count = c.arg[3];
  const bool seekable = IsMemfd(s, s.files[in].inode - 1);
  if (!own_pos && !seekable) return Fail(ESPIPE, "fs/read_write.c do_sendfile: FMODE_PREAD");
  if (BadArea(from, count, &error)) return error;
  if (!Fdget(s, c, c.arg[0], &out, &error)) return error;
  if ((s.files[out].mode & kModeWrite) == 0)
    return Fail(EBADF, "fs/read_write.c do_sendfile: FMODE_WRITE");
  const int64_t to = s.files[out].pos;
  if (IsPipe(s, out)) {
    if (!seekable) return Bound("sendfile from a socket or pipe to a pipe is not modelled");
    // splice_file_to_pipe; where it does not know pipes, do_splice_direct writes to them.
    const Rule* const pages = NotSupported(semantics, Feature::kSendfile);
    if (pages == nullptr && (s.files[out].flags & kFlagAppend) != 0)
      return Fail(EINVAL, "fs/splice.c do_splice_direct: O_APPEND of a pipe");
    const Inode& source = s.inodes[s.files[in].inode - 1];
    const bool nothing = count == 0 || (from >= source.size && !IsHugetlb(source));
    if (nothing && !EndIsOpen(s, s.files[out].inode - 1, 0))
      return pages != nullptr ? Refused(pages) : Unchanged(0);
    Result moved = FileToPipe(s, c, in, from, out, count, pages == nullptr, false, semantics);
    if (moved.ok() && own_pos) Advance(s, in, from + moved.value, &moved);
    return moved;
  }
  if (BadArea(to, std::min(count, int64_t{0x7ffff000}), &error)) return error;
  if ((s.files[out].flags & kFlagAppend) != 0)
    return Fail(EINVAL, "fs/splice.c do_splice_direct: O_APPEND");
  if (!seekable) return Fail(EINVAL, "fs/splice.c splice_direct_to_actor: FMODE_LSEEK");
  if (!IsMemfd(s, s.files[out].inode - 1)) return Bound("sendfile to a socket is not modelled");
  Result result = SpliceDirect(s, c, in, from, out, to, count, semantics);
  if (!result.ok() || result.value == 0) return result;
  Advance(s, out, to + result.value, &result);
  if (own_pos) Advance(s, in, from + result.value, &result);
  return result;
}

Result CopyFileRange(State& s, const Call& c, const Semantics& semantics) {
  int in, out;
  Result error;
  if (!Fdget(s, c, c.arg[0], &in, &error)) return error;
  if (!Fdget(s, c, c.arg[2], &out, &error)) return error;
  const int64_t from = c.arg[1] == kNoOffset ? int64_t{s.files[in].pos} : c.arg[1];
  const int64_t to = c.arg[3] == kNoOffset ? int64_t{s.files[out].pos} : c.arg[3];
  if (c.arg[5] != 0) return Fail(EINVAL, "fs/read_write.c copy_file_range: flags");
  auto count = static_cast<uint64_t>(c.arg[4]);
  if (BadCopy(s, c.task, in, from, out, to, &count, &error, semantics)) return error;
  if (BadArea(from, static_cast<int64_t>(count), &error)) return error;
  if (BadArea(to, static_cast<int64_t>(count), &error)) return error;
  if (count == 0) return Unchanged(0);
  Result result = SpliceDirect(s, c, in, from, out, to, static_cast<int64_t>(count), semantics);
  if (!result.ok()) return result;
  if (c.arg[1] == kNoOffset) Advance(s, in, from + result.value, &result);
  if (c.arg[3] == kNoOffset) Advance(s, out, to + result.value, &result);
  return result;
}

}  // namespace selkie
