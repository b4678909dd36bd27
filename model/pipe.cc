// Pipes, and the pages of files in them: pipe2, splice, tee, read and write; vmsplice has a file of
// its own (fs/pipe.c, fs/splice.c).
//
// A buffer is known by half pages, so that a transfer that would cut one is kBound.  Waiting is not
// modelled.
#include <algorithm>
#include <bit>

#include "model/families.h"

namespace selkie {
namespace {

constexpr int kPipeSlots = 16;  // PIPE_DEF_BUFFERS
constexpr const char* kPipeWaits = "the call would wait for the pipe";

int SlotsOf(const Inode& pipe) { return pipe.mask != 0 ? int{pipe.mask} : kPipeSlots; }

// pipe_occupancy.
int SlotsTaken(const State& s, int pipe) {
  return static_cast<int>(std::count_if(s.buffers.begin(), s.buffers.end(),
                                        [&](const PipeBuffer& b) { return b.pipe == pipe + 1; }));
}

// Null if so many pages fit in, else why that is no answer.
const char* NoRoom(const State& s, int pipe, int pages) {
  if (pages > FreeBuffers(s)) return "no free pipe buffer within the bounds";
  if (pages > SlotsOf(s.inodes[pipe]) - SlotsTaken(s, pipe))
    return "the pipe is full: a part, or waiting";
  return nullptr;
}

}  // namespace

int FreeBuffers(const State& s) {
  int free = 0;
  for (int i = 0; i < s.limits.buffers; ++i) free += s.buffers[i].pipe == 0;
  return free;
}

void AddBuffer(State& s, const PipeBuffer& buffer) {
  for (PipeBuffer& b : s.buffers) {
    if (b.pipe != 0) continue;
    b = buffer;
    return;
  }
}

bool PipeIsFull(const State& s, int pipe) { return SlotsTaken(s, pipe) >= SlotsOf(s.inodes[pipe]); }

Result NoSlot(bool nonblock) {
  if (nonblock) return Fail(EAGAIN, "fs/splice.c wait_for_space, opipe_prep: SPLICE_F_NONBLOCK");
  return Bound(kPipeWaits);
}

Result PushPages(State& s, int node, int64_t begin, int64_t end, int pipe) {
  if (begin % kSampleStride != 0 || end % kSampleStride != 0)
    return Bound("a pipe buffer that is no whole half page");
  const int64_t size = PageSizeOf(s.inodes[node]);
  const auto first = static_cast<int>(begin / size), last = static_cast<int>(PagesOf(end, size));
  if (const char* why = NoRoom(s, pipe, last - first)) return Bound(why);
  for (int page = first; page < last; ++page)
    if (((s.inodes[node].present >> page) & 1) == 0)
      return Bound("whether a page is a hole is not known");
  for (int page = first; page < last; ++page) {
    const int64_t start = int64_t{page} * size;
    PipeBuffer b;
    b.pipe = static_cast<uint8_t>(pipe + 1);
    b.inode = static_cast<uint8_t>(node + 1);
    b.page = static_cast<uint8_t>(page);
    b.begin = static_cast<uint8_t>((std::max(begin, start) - start) / kSampleStride);
    b.end = static_cast<uint8_t>((std::min(end, start + size) - start) / kSampleStride);
    AddBuffer(s, b);
  }
  return Changed(end - begin);
}

namespace {

constexpr const char* kEmptyBuffer = "a splice of a buffer that a write left empty";

int NodeOf(const State& s, int file) { return s.files[file].inode - 1; }

bool IsNonblock(const State& s, int file) { return (s.files[file].flags & kFlagNonblock) != 0; }

// Bytes in a pipe.
int64_t BytesIn(const State& s, int pipe) {
  int64_t bytes = 0;
  for (const PipeBuffer& b : s.buffers)
    if (b.pipe == pipe + 1) bytes += int64_t{b.end - b.begin} * kSampleStride;
  return bytes;
}

// Where what does not fill a page of a write of `count` bytes goes on, or null: in the last buffer,
// if that was written too (PIPE_BUF_FLAG_CAN_MERGE) and has room for it.
PipeBuffer* LastToMerge(State& s, int pipe, int64_t count) {
  const int64_t part = count % kPageSize;
  PipeBuffer* last = nullptr;
  for (PipeBuffer& b : s.buffers)
    if (b.pipe == pipe + 1) last = &b;
  const bool merges = part != 0 && last != nullptr && last->merges != 0 &&
                      last->end * kSampleStride + part <= kPageSize;
  return merges ? last : nullptr;
}

uint8_t HalfOf(const State& s, const PipeBuffer& b, int half) {
  return b.inode != 0 ? s.inodes[b.inode - 1].bytes[b.page][half] : b.bytes[half];
}

// Takes `bytes` from the front of a pipe, a multiple of kSampleStride and not 0, and what is empty
// before them.
void Consume(State& s, int pipe, int64_t bytes) {
  int64_t halves = bytes / kSampleStride;
  int kept = 0;
  for (int i = 0; i < kMaxBuffers; ++i) {
    PipeBuffer b = s.buffers[i];
    s.buffers[i] = PipeBuffer{};
    if (b.pipe == 0) continue;
    if (b.pipe == pipe + 1 && halves > 0) {
      const int64_t taken = std::min<int64_t>(halves, b.end - b.begin);
      halves -= taken;
      b.begin = static_cast<uint8_t>(b.begin + taken);
      if (b.begin == b.end) continue;
    }
    s.buffers[kept++] = b;
  }
}

// The buffers at the front of a pipe that hold `bytes`, the last one cut: as it shares its page
// with the rest, no write goes on in it.
std::array<PipeBuffer, kMaxBuffers> Front(const State& s, int pipe, int64_t bytes, int* count) {
  std::array<PipeBuffer, kMaxBuffers> front{};
  int64_t halves = bytes / kSampleStride;
  *count = 0;
  for (const PipeBuffer& b : s.buffers) {
    if (b.pipe != pipe + 1 || halves == 0) continue;
    const int64_t taken = std::min<int64_t>(halves, b.end - b.begin);
    halves -= taken;
    PipeBuffer& part = front[(*count)++];
    part = b;
    part.end = static_cast<uint8_t>(b.begin + taken);
    if (part.end != b.end) part.merges = 0;
  }
  return front;
}

// Whether writes that failed have left something in the pipe (FaultInPipe).
bool HasEmptyBuffer(const State& s, int pipe) {
  return std::any_of(s.buffers.begin(), s.buffers.end(),
                     [&](const PipeBuffer& b) { return b.pipe == pipe + 1 && b.begin == b.end; });
}

// The half pages that `buffers` hold, in order; how many.
size_t CopyHalves(const State& s, absl::Span<const PipeBuffer> buffers, uint8_t* halves) {
  size_t num = 0;
  for (const PipeBuffer& b : buffers)
    for (int half = b.begin; half < b.end; ++half) halves[num++] = HalfOf(s, b, half);
  return num;
}

// An empty pipe: 0 at its end, EAGAIN, or waiting.
Result EmptyPipe(const State& s, int pipe, bool nonblock) {
  if (!EndIsOpen(s, pipe, 1)) return Unchanged(0);
  if (nonblock) return Fail(EAGAIN, "fs/splice.c splice_from_pipe_next: SPLICE_F_NONBLOCK");
  return Bound(kPipeWaits);
}

// A full pipe: EAGAIN, or waiting.
Result FullPipe(const State& s, int f) {
  if (IsNonblock(s, f)) return Fail(EAGAIN, "fs/pipe.c pipe_write: pipe_full, O_NONBLOCK");
  return Bound(kPipeWaits);
}

// pipe_write of what cannot be read.  From 5.5 to 6.12 a new buffer is in the pipe before anything
// is copied, and stays there: empty.
Result FaultInPipe(State& s, int f, int64_t count, const Semantics& semantics) {
  const int pipe = NodeOf(s, f);
  const char* const kFault = "fs/pipe.c pipe_write: copy_page_from_iter";
  if (LastToMerge(s, pipe, count) != nullptr) return Fail(EFAULT, kFault);
  if (PipeIsFull(s, pipe)) return FullPipe(s, f);
  const Rule* const fills = NotSupported(semantics, Feature::kPipeFault);
  Result result = Fail(EFAULT, kFault);
  if (fills == nullptr) return result;
  if (FreeBuffers(s) == 0) return Bound("no free pipe buffer within the bounds");
  AddBuffer(s, PipeBuffer{.pipe = static_cast<uint8_t>(pipe + 1), .merges = 1});
  result.rule = fills;
  result.changed = true;
  return result;
}

// pipe_write: what does not fill a page goes on in the last one, if it may; the rest begins new
// ones.  How many half pages went in.
size_t Fill(State& s, int pipe, absl::Span<const uint8_t> halves, bool merges) {
  size_t done = 0;
  const auto take = [&](PipeBuffer& b, size_t count) {
    for (const size_t end = done + count; done < end; ++done) {
      b.bytes[b.end] = halves[done];
      b.end = static_cast<uint8_t>(b.end + 1);
    }
  };
  const auto count = static_cast<int64_t>(halves.size()) * kSampleStride;
  PipeBuffer* const last = merges ? LastToMerge(s, pipe, count) : nullptr;
  if (last != nullptr) take(*last, halves.size() % kSamplesPerPage);
  while (done < halves.size() && NoRoom(s, pipe, 1) == nullptr) {
    PipeBuffer b;
    b.pipe = static_cast<uint8_t>(pipe + 1);
    b.merges = merges;
    take(b, std::min<size_t>(kSamplesPerPage, halves.size() - done));
    AddBuffer(s, b);
  }
  return done;
}

// Puts copies of a range of a file into the pipe: written, or read into pages of their own.
Result PushCopies(State& s, int node, int64_t begin, int64_t end, int pipe, bool written,
                  const Semantics& semantics) {
  if (begin % kSampleStride != 0 || end % kSampleStride != 0)
    return Bound("a pipe buffer that is no whole half page");
  std::array<uint8_t, kMaxPages * kSamplesPerPage> halves{};
  size_t num = 0;
  for (int64_t at = begin; at < end; at += kSampleStride)
    halves[num++] = SampleAt(s.inodes[node], at);
  State after = s;
  if (Fill(after, pipe, absl::MakeConstSpan(halves.data(), num), written) < num)
    return Bound("the pipe is full, or there is no free buffer within the bounds");
  s = after;
  NoteKernelRead(s, s.inodes[node], PageOf(begin), PageAfter(end), semantics);
  return Changed(end - begin);
}

// iter_file_splice_write: what the pipe holds goes to the file as one write, and again
// while something is left of it.
Result PipeToFile(State& s, const Call& c, int in, int out, int64_t pos, int64_t len, bool nonblock,
                  const Semantics& semantics) {
  const int pipe = NodeOf(s, in);
  if (HasEmptyBuffer(s, pipe)) return Bound(kEmptyBuffer);
  if (BytesIn(s, pipe) == 0) return EmptyPipe(s, pipe, nonblock);
  int64_t bytes = std::min(len, BytesIn(s, pipe));
  if (!IsMemfd(s, NodeOf(s, out))) return Bound("splice to a socket is not modelled");
  Result error;
  if (OverLimit(s, c.task, pos, &bytes, &error)) return error;
  if (bytes % kSampleStride != 0 || pos % kSampleStride != 0)
    return Bound("a transfer that cuts a half page");
  int count;
  const auto front = Front(s, pipe, bytes, &count);
  for (int i = 0; i < count; ++i)
    if (front[i].inode == NodeOf(s, out) + 1) return Bound("the file's own page is in the pipe");
  std::array<uint8_t, kMaxBuffers * kSamplesPerPage> halves{};
  const size_t num = CopyHalves(s, absl::MakeConstSpan(front.data(), count), halves.data());
  WriteSource source;
  source.halves = absl::Span<const uint8_t>(halves.data(), num);
  Result result = WriteAt(s, c, out, source, bytes, pos, false, semantics);
  if (!result.ok()) return result;
  Consume(s, pipe, result.value);
  result.changed = true;
  return result;
}

// splice_pipe_to_pipe, or link_pipe for tee.  SIGPIPE, which comes with EPIPE, is ignored here.
Result PipeToPipe(State& s, int in, int out, int64_t len, bool nonblock, bool consumes) {
  const int from = NodeOf(s, in), to = NodeOf(s, out);
  if (HasEmptyBuffer(s, from)) return Bound(kEmptyBuffer);
  const bool empty = BytesIn(s, from) == 0;
  if (empty && EndIsOpen(s, from, 1)) return EmptyPipe(s, from, nonblock);  // ipipe_prep
  if (!EndIsOpen(s, to, 0)) return Fail(EPIPE, "fs/splice.c splice_pipe_to_pipe: no readers");
  if (PipeIsFull(s, to)) return NoSlot(nonblock);  // opipe_prep
  if (empty) return Unchanged(0);
  const int64_t bytes = std::min(len, BytesIn(s, from));
  if (bytes % kSampleStride != 0) return Bound("a transfer that cuts a half page");
  int count;
  const auto front = Front(s, from, bytes, &count);
  State after = s;
  if (consumes) Consume(after, from, bytes);
  if (const char* why = NoRoom(after, to, count)) return Bound(why);
  for (int i = 0; i < count; ++i) {
    PipeBuffer b = front[i];
    b.pipe = static_cast<uint8_t>(to + 1);
    if (!consumes) b.merges = 0;  // two pipes share the page
    AddBuffer(after, b);
  }
  s = after;
  return Changed(bytes);
}

// pipe_read where there is not a byte: buffers that writes left empty go.
Result ReadNothing(State& s, int f) {
  const int pipe = NodeOf(s, f);
  Result result = EmptyPipe(s, pipe, IsNonblock(s, f));
  if (result.kind == Result::Kind::kBound || !HasEmptyBuffer(s, pipe)) return result;
  Consume(s, pipe, kMaxBuffers * int64_t{kPageSize});
  result.changed = true;
  return result;
}

// The files of both ends; false with *error if one is not open.
bool BothFiles(const State& s, const Call& c, int64_t fd_in, int64_t fd_out, int* in, int* out,
               Result* error) {
  return Fdget(s, c, fd_in, in, error) && Fdget(s, c, fd_out, out, error);
}

}  // namespace

Result Pipe2(State& s, const Call& c, const Semantics&) {
  constexpr int64_t kDirect = abi::kODirect, kNotification = 0200;
  const int64_t flags = c.arg[0];
  if ((flags & (kDirect | kNotification)) != 0) return Bound("packet pipes are not modelled");
  if ((flags & ~(abi::kONonblock | abi::kOCloexec)) != 0)
    return Fail(EINVAL, "fs/pipe.c __do_pipe_flags: flags");
  const uint8_t nonblock = (flags & abi::kONonblock) != 0 ? kFlagNonblock : 0;
  const File reader{.mode = kModeRead, .flags = nonblock};
  const File writer{.mode = kModeWrite, .flags = static_cast<uint8_t>(kFlagWronly | nonblock)};
  const Inode inode{.kind = InodeKind::kPipe, .mode = 0600};  // get_pipe_inode
  return InstallPair(s, c, inode, {reader, writer}, (flags & abi::kOCloexec) != 0);
}

Result ReadPipe(State& s, int f, int64_t count) {
  const int pipe = NodeOf(s, f);
  if (count < 0) return Fail(EFAULT, "fs/read_write.c vfs_read: access_ok");
  if (count == 0) return Unchanged(0);  // pipe_read: a null read
  if (count > kMaxBytes) return Bound("the count may reach beyond the program's buffer");
  if (BytesIn(s, pipe) == 0) return ReadNothing(s, f);
  const int64_t bytes = std::min(count, BytesIn(s, pipe));
  if (bytes % kSampleStride != 0) return Bound("a transfer that cuts a half page");
  Result result = Changed(bytes);
  int buffers;
  const auto front = Front(s, pipe, bytes, &buffers);
  result.num_data = static_cast<uint8_t>(
      CopyHalves(s, absl::MakeConstSpan(front.data(), buffers), result.data.data()));
  // Who asks for more than there is takes away what writes left empty behind it, too.
  const bool all = count > bytes;
  Consume(s, pipe, all ? kMaxBuffers * int64_t{kPageSize} : bytes);
  return result;
}

// SIGPIPE, which comes with EPIPE, is ignored here.
Result WritePipe(State& s, int f, const WriteSource& source, int64_t count,
                 const Semantics& semantics) {
  const int pipe = NodeOf(s, f);
  if (count == 0) return Unchanged(0);  // pipe_write: a null write
  if (!EndIsOpen(s, pipe, 0)) return Fail(EPIPE, "fs/pipe.c pipe_write: no readers");
  if ((s.files[f].flags & kFlagDirect) != 0) return Bound("packet pipes are not modelled");
  if (source.bad) return FaultInPipe(s, f, count, semantics);
  if (count > kMaxBuffers * int64_t{kPageSize})
    return Bound("no free pipe buffer within the bounds");
  if (count % kSampleStride != 0) return Bound("a transfer that cuts a half page");
  std::array<uint8_t, kMaxBuffers * kSamplesPerPage> halves;
  halves.fill(source.byte);
  const auto wanted = static_cast<size_t>(count / kSampleStride);
  State after = s;
  const size_t done = Fill(after, pipe, absl::MakeConstSpan(halves.data(), wanted), true);
  if (done < wanted && FreeBuffers(after) == 0)
    return Bound("no free pipe buffer within the bounds");
  if (done == 0) return FullPipe(s, f);
  if (done < wanted && !IsNonblock(s, f)) return Bound(kPipeWaits);
  s = after;
  return Changed(static_cast<int64_t>(done) * kSampleStride);
}

Result GetPipeSize(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (!IsPipe(s, f)) return Fail(EBADF, "fs/pipe.c pipe_fcntl: get_pipe_info");
  return Unchanged(int64_t{SlotsOf(s.inodes[NodeOf(s, f)])} * kPageSize);
}

Result SetPipeSize(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  constexpr int64_t kMost = 128 * kPageSize;  // far from pipe-max-size and what a user may have
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (!IsPipe(s, f)) return Fail(EBADF, "fs/pipe.c pipe_fcntl: get_pipe_info");
  if (s.limits.buffers == 0) return Bound("pipes hold nothing within these bounds");
  if (c.arg[1] < 0 || c.arg[1] > kMost) return Bound("a size near the limits of a user");
  const auto size = std::bit_ceil(std::max<uint64_t>(c.arg[1], kPageSize));  // round_pipe_size
  const auto slots = static_cast<int>(size / kPageSize);
  const int pipe = NodeOf(s, f);
  if (slots < SlotsTaken(s, pipe)) return Fail(EBUSY, "fs/pipe.c pipe_resize_ring: occupancy");
  Result result = Unchanged(static_cast<int64_t>(size));
  result.changed = slots != SlotsOf(s.inodes[pipe]);
  s.inodes[pipe].mask = static_cast<uint8_t>(slots == kPipeSlots ? 0 : slots);
  return result;
}

Result FileToPipe(State& s, const Call& c, int in, int64_t pos, int out, int64_t count, bool copies,
                  bool nonblock, const Semantics& semantics) {
  const int node = NodeOf(s, in), pipe = NodeOf(s, out);
  nonblock |= IsNonblock(s, out);
  const bool huge = IsHugetlb(s.inodes[node]);
  if (huge && copies) return count == 0 ? Unchanged(0) : Fail(EINVAL, kNoSpliceRead);
  const int64_t left = std::max<int64_t>(int64_t{s.inodes[node].size} - pos, 0);
  const int64_t bytes = std::min(count, left);
  if (!EndIsOpen(s, pipe, 0)) {
    Result error = Fail(EPIPE, "fs/splice.c wait_for_space: no readers");
    if (copies && bytes > 0)  // it has read by then
      error.changed =
          NoteKernelRead(s, s.inodes[node], PageOf(pos), PageAfter(pos + bytes), semantics);
    return error;
  }
  if (PipeIsFull(s, pipe)) return NoSlot(nonblock && !copies);
  if (huge && count == 0) {
    const Rule* const rule = NotSupported(semantics, Feature::kNothingOfHuge);
    return rule != nullptr ? Refused(rule) : Unchanged(0);
  }
  if (huge) return Fail(EINVAL, kNoSpliceRead);
  Ruling ruling(s, c, node, in, semantics, Point::kRead);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  if (bytes == 0) return Unchanged(0);
  // do_splice_read: what is open with O_DIRECT is copied (copy_splice_read).
  const bool direct = (s.files[in].flags & kFlagDirect) != 0;
  if (copies || direct) return PushCopies(s, node, pos, pos + bytes, pipe, copies, semantics);
  return PushPages(s, node, pos, pos + bytes, pipe);
}

// do_splice of a file to a pipe.  Kernels that ask the pipe first look at the whole range after
// that (until 5.4), or at as much of it as there is room for.
Result SpliceToPipe(State& s, const Call& c, int in, int64_t pos, int out, bool nonblock,
                    const Semantics& semantics) {
  const int pipe = NodeOf(s, out);
  int64_t len = c.arg[4];
  Result bad;
  if (!BadArea(pos, len, &bad))
    return FileToPipe(s, c, in, pos, out, len, false, nonblock, semantics);
  const Rule* const pipe_first = NotSupported(semantics, Feature::kSpliceRange);
  if (pipe_first == nullptr) return bad;
  const int64_t room = int64_t{SlotsOf(s.inodes[pipe]) - SlotsTaken(s, pipe)} * kPageSize;
  if (EndIsOpen(s, pipe, 0) && room > 0) {
    if (const Rule* whole = NotSupported(semantics, Feature::kSpliceCut)) {
      bad.rule = whole;
      return bad;
    }
    len = len < 0 ? room : std::min(len, room);
    if (BadArea(pos, len, &bad)) return bad;
  }
  Result result = FileToPipe(s, c, in, pos, out, len, false, nonblock, semantics);
  const bool is_einval = result.kind == Result::Kind::kErrno && result.value == EINVAL;
  if (result.kind != Result::Kind::kBound && !is_einval && result.rule == nullptr)
    result.rule = pipe_first;
  return result;
}

Result Splice(State& s, const Call& c, const Semantics& semantics) {
  int in, out;
  Result error;
  const int64_t len = c.arg[4], flags = c.arg[5];
  if (len == 0) return Unchanged(0);
  if ((flags & ~kSpliceAll) != 0) return Fail(EINVAL, "fs/splice.c sys_splice: SPLICE_F_ALL");
  if (!BothFiles(s, c, c.arg[0], c.arg[2], &in, &out, &error)) return error;
  const bool in_pipe = IsPipe(s, in), out_pipe = IsPipe(s, out);
  const bool off_in = c.arg[1] != kNoOffset, off_out = c.arg[3] != kNoOffset;
  if ((in_pipe && off_in) || (out_pipe && off_out))
    return Fail(ESPIPE, "fs/splice.c __do_splice: an offset of a pipe");
  if ((s.files[in].mode & kModeRead) == 0 || (s.files[out].mode & kModeWrite) == 0)
    return Fail(EBADF, "fs/splice.c do_splice: f_mode");
  bool nonblock = (flags & abi::kSpliceNonblock) != 0;
  if (in_pipe && out_pipe) {
    if (NodeOf(s, in) == NodeOf(s, out)) return Fail(EINVAL, "fs/splice.c do_splice: to itself");
    nonblock |= IsNonblock(s, in) || IsNonblock(s, out);
    return PipeToPipe(s, in, out, len < 0 ? kMaxBytes : len, nonblock, true);
  }
  if (in_pipe) {
    if (off_out && (s.files[out].mode & kModePwrite) == 0)
      return Fail(EINVAL, "fs/splice.c do_splice: FMODE_PWRITE");
    const int64_t pos = off_out ? c.arg[3] : int64_t{s.files[out].pos};
    if ((s.files[out].flags & kFlagAppend) != 0)
      return Fail(EINVAL, "fs/splice.c do_splice: O_APPEND");
    if (BadArea(pos, len, &error)) return error;
    if (IsHugetlb(s.inodes[NodeOf(s, out)])) return Fail(EINVAL, kNoSpliceWrite);
    nonblock |= IsNonblock(s, in);
    Result result = PipeToFile(s, c, in, out, pos, len, nonblock, semantics);
    if (result.ok() && !off_out) Advance(s, out, pos + result.value, &result);
    return result;
  }
  if (!out_pipe) return Fail(EINVAL, "fs/splice.c do_splice: neither is a pipe");
  const bool memfd = IsMemfd(s, NodeOf(s, in));
  if (off_in && !memfd) return Fail(EINVAL, "fs/splice.c do_splice: FMODE_PREAD");
  if (!memfd) return Bound("splice from a socket is not modelled");
  const int64_t pos = off_in ? c.arg[1] : int64_t{s.files[in].pos};
  Result result = SpliceToPipe(s, c, in, pos, out, nonblock, semantics);
  if (result.ok() && !off_in) Advance(s, in, pos + result.value, &result);
  return result;
}

Result Tee(State& s, const Call& c, const Semantics&) {
  int in, out;
  Result error;
  const int64_t len = c.arg[2], flags = c.arg[3];
  if ((flags & ~kSpliceAll) != 0) return Fail(EINVAL, "fs/splice.c sys_tee: SPLICE_F_ALL");
  if (len == 0) return Unchanged(0);
  if (!BothFiles(s, c, c.arg[0], c.arg[1], &in, &out, &error)) return error;
  if ((s.files[in].mode & kModeRead) == 0 || (s.files[out].mode & kModeWrite) == 0)
    return Fail(EBADF, "fs/splice.c do_tee: f_mode");
  if (!IsPipe(s, in) || !IsPipe(s, out) || NodeOf(s, in) == NodeOf(s, out))
    return Fail(EINVAL, "fs/splice.c do_tee: two different pipes");
  const bool nonblock =
      (flags & abi::kSpliceNonblock) != 0 || IsNonblock(s, in) || IsNonblock(s, out);
  return PipeToPipe(s, in, out, len < 0 ? kMaxBytes : len, nonblock, false);
}

}  // namespace selkie
