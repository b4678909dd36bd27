// Implementation of sequence_properties.h.  The name ends in _test so that it is
// linked to the tests and not to the library.
#include "scenarios/sequence_properties.h"

#include <algorithm>
#include <bit>
#include <cerrno>

#include "fmt/format.h"
#include "model/step.h"

namespace selkie {
namespace {

bool Lives(const Inode& inode) { return inode.kind != InodeKind::kNone; }

// The inode slot is the same inode before and after: no call frees an inode and
// makes another.
bool Survives(const State& before, const State& after, int i) {
  return Lives(before.inodes[i]) && Lives(after.inodes[i]);
}

template <size_t N>
bool IsOneOf(Op op, const Op (&ops)[N]) {
  return std::find(std::begin(ops), std::end(ops), op) != std::end(ops);
}

// Calls that the kernel breaks off in the middle: mprotect, munmap and madvise go
// mapping by mapping (kernel-facts 2.7), mmap, mremap and remap_file_pages unmap what
// they replace before they can fail (kernel-facts 0, 6.1.119), and a socket reports
// a pending ECONNRESET once; pages that io_uring could pin before one that it could not stay,
// and so does what mlock has locked.
bool MayChangeOnFailure(Op op) {
  constexpr Op kOps[] = {Op::kMprotect,      Op::kMunmap,         Op::kMmap,          Op::kMremap,
                         Op::kMadvise,       Op::kRemapFilePages, Op::kSendmsg,       Op::kRecvmsg,
                         Op::kUringRegister, Op::kUffdCopy,       Op::kUdmabufCreate, Op::kMlock,
                         Op::kMlock2,        Op::kMunlock,        Op::kProcessMadvise};
  return IsOneOf(op, kOps);
}

bool WritesFromBuffer(Op op) {
  constexpr Op kOps[] = {Op::kWrite,     Op::kPwrite,      Op::kWritev,       Op::kPwritev2,
                         Op::kAioPwrite, Op::kUringPwrite, Op::kWriteProgram, Op::kPwritev};
  return IsOneOf(op, kOps);
}

// Through a mapping: a store, by the task itself or from outside.
bool Stores(Op op) {
  constexpr Op kOps[] = {Op::kStore, Op::kProcessVmWritev, Op::kMemWrite, Op::kPtracePoke,
                         Op::kUffdCopy};
  return IsOneOf(op, kOps);
}

bool MayChangeSize(Op op) {
  constexpr Op kOps[] = {Op::kFtruncate,    Op::kTruncate,      Op::kOpen,        Op::kOpenat,
                         Op::kOpenByHandle, Op::kOpenEmptyPath, Op::kOpenMapFile, Op::kOpenat2};
  return IsOneOf(op, kOps);
}

// Index of the inode behind a descriptor of `task`, or -1.
int InodeOfFd(const State& s, int task, int64_t fd) {
  const int file = FileOf(s, task, fd);
  return file < 0 ? -1 : s.files[file].inode - 1;
}

int InodeOfPath(const State& s, const Call& call) {
  const int64_t task = IsOwnPath(call.arg[0]) ? call.task : call.arg[0];
  return task < 0 || task >= kMaxTasks ? -1 : InodeOfFd(s, static_cast<int>(task), call.arg[1]);
}

const Mapping* MappingOf(const State& s, const Call& call) {
  const int map = MappingAt(s, call.task, PageOfAddress(call.arg[0]));
  return map < 0 ? nullptr : &s.mms[s.tasks[call.task].mm][map];
}

int InodeOfMapping(const State& s, const Call& call) {
  const Mapping* const map = MappingOf(s, call);
  return map == nullptr ? -1 : s.files[map->file - 1].inode - 1;
}

// A mapping of a FUSE file that passes the memfd through: of an open file that nobody else has.
bool OfPassthrough(const State& s, const Mapping* map) {
  return map != nullptr && map->file != 0 && (s.files[map->file - 1].flags & kFlagBacking) != 0;
}

// The write of its first byte that write_program is, at the sampled offsets.
Call AsPwrite(const Call& call) {
  return {Op::kPwrite, call.task, {call.arg[0], 0x7f, kProgramBytes, 0}};
}

// The load or store that the call is, as the task that owns the mapping would make it.
Call AsStore(const Call& call) {
  if (call.op == Op::kLoad || call.op == Op::kStore) return call;
  if (call.op == Op::kUffdCopy) return {Op::kStore, call.task, {call.arg[0], call.arg[1]}};
  return {Op::kStore, static_cast<uint8_t>(call.arg[0]), {call.arg[1], call.arg[2]}};
}

// Where in the file the address of a load or store is.
int64_t FileOffset(const Mapping& map, int64_t address) {
  return address - AddressOfPage(map.start) + map.pgoff * SizeOfPage(map.start);
}

// True if the contents of the file differ, up to its end.
bool ContentsDiffer(const Inode& before, const Inode& after) {
  for (int at = 0; at < static_cast<int>(after.size); at += kSampleStride) {
    if (SampleAt(before, at) != SampleAt(after, at)) return true;
  }
  return false;
}

// Up to 6.1 mmap and remap_file_pages extend a neighbour and ask the file nothing: what they
// make is the old mapping, longer (rule mmap-merges).
void MarkIfMerged(const Call& call, const Result& result, State& after) {
  const bool maps = call.op == Op::kMmap || call.op == Op::kRemapFilePages;
  const bool merged = result.rule != nullptr && result.rule->effect == EffectKind::kAccept;
  if (!maps || !result.ok() || !merged) return;
  const int64_t at = call.op == Op::kMmap ? result.value : call.arg[0];
  const int map = MappingAt(after, call.task, PageOfAddress(at));
  if (map >= 0) after.mms[after.tasks[call.task].mm][static_cast<size_t>(map)].mark = 1;
}

// From 5.5 to 6.12 a write to a pipe that fails leaves a buffer with nothing in it, and a read that
// then fails takes it away.
State WithoutEmptyBuffers(const State& state) {
  State rest = state;
  const auto end =
      std::remove_if(rest.buffers.begin(), rest.buffers.end(),
                     [](const PipeBuffer& b) { return b.pipe != 0 && b.begin == b.end; });
  std::fill(end, rest.buffers.end(), PipeBuffer{});
  return rest;
}

}  // namespace

std::string StatesStayValid::Check(const State&, const Call&, const Result&, State& after) {
  const absl::Status status = Validate(after);
  return status.ok() ? "" : std::string(status.message());
}

std::string FailuresChangeNothing::Check(const State& before, const Call& call,
                                         const Result& result, State& after) {
  if (result.ok() || before == after) return "";
  if (result.kind == Result::Kind::kErrno && MayChangeOnFailure(call.op)) return "";
  State restored = after;  // without pages that were brought in before the call failed
  for (int i = 0; i < kMaxInodes; ++i) {
    if (!IsHugetlb(before.inodes[i])) restored.inodes[i].present = before.inodes[i].present;
    restored.inodes[i].touched = before.inodes[i].touched;
    restored.inodes[i].uncleared = before.inodes[i].uncleared;
  }
  if (result.kind == Result::Kind::kErrno && restored == before) return "";
  // An open that would wait asks for an end of leases, and a change of attributes of delegations.
  const bool leased = result.kind == Result::Kind::kErrno && result.value == EAGAIN;
  if (leased && ReadsHere(call))
    return WithoutEmptyBuffers(restored) == WithoutEmptyBuffers(before)
               ? ""
               : "it fails and changes more than empty buffers";
  if (!WritesFromBuffer(call.op) && !Copies(call.op) && !leased)
    return "it fails and changes the state";
  // A write gives up set-user-ID before it is refused (kernel-facts 2.4); one whose
  // buffer cannot be read grows the file to its offset (linux-6.16); no more.
  const bool may_grow = WritesFromBuffer(call.op) && call.arg[1] == kNull &&
                        result.kind == Result::Kind::kErrno && result.value == EFAULT;
  if (MayMoveToEnd(before, call, result)) {
    const int file = FileOf(before, call.task, call.arg[0]);
    restored.files[file].pos = before.files[file].pos;
  }
  for (int i = 0; i < kMaxFiles && leased; ++i) restored.files[i].lease = before.files[i].lease;
  for (int i = 0; i < kMaxInodes; ++i) {
    restored.inodes[i].mode |= before.inodes[i].mode & 06000;
    restored.inodes[i].present = before.inodes[i].present;  // a page that stays empty
    if (may_grow && after.inodes[i].size > before.inodes[i].size)
      restored.inodes[i].size = before.inodes[i].size;
  }
  if (may_grow) restored = WithoutEmptyBuffers(restored);
  return restored == (may_grow ? WithoutEmptyBuffers(before) : before)
             ? ""
             : "it fails and changes more than the mode";
}

std::string ChangedIsExact::Check(const State& before, const Call&, const Result& result,
                                  State& after) {
  if (result.changed || before == after) return "";
  return "Result::changed is false but the state differs";
}

std::string EffectIsComplete::Check(const State& before, const Call& call, const Result& result,
                                    State& after) {
  for (int i = 0; i < kMaxInodes; ++i) {
    if (!Survives(before, after, i)) continue;
    const bool resized = before.inodes[i].size != after.inodes[i].size;
    // Behind the end, ftruncate to the same size zeroes too.
    const bool wrote = Stores(call.op) ? before.inodes[i].bytes != after.inodes[i].bytes
                                       : ContentsDiffer(before.inodes[i], after.inodes[i]);
    const Effect& effect = result.effect;
    const bool exec = ((before.inodes[i].mode ^ after.inodes[i].mode) & 0111) != 0;
    if (exec && effect.exec != i + 1)
      return fmt::format("x bits of inode {} changed, effect.exec is {}", i, effect.exec);
    if (resized && effect.resized != i + 1)
      return fmt::format("the size of inode {} changed, effect.resized is {}", i, effect.resized);
    if (wrote && effect.wrote != i + 1 && effect.resized != i + 1)
      return fmt::format("contents of inode {} changed, effect.wrote is {}", i, effect.wrote);
  }
  return "";
}

std::string SealsStay::Check(const State& before, const Call&, const Result&, State& after) {
  for (int i = 0; i < kMaxInodes; ++i) {
    if (!Survives(before, after, i)) continue;
    const int lost = before.inodes[i].seals & ~after.inodes[i].seals;
    if (lost != 0) return fmt::format("inode {} lost seals {:#x}", i, lost);
  }
  return "";
}

std::string WriteSealedIsConstant::Check(const State& before, const Call& call, const Result&,
                                         State& after) {
  if (call.op == Op::kUringRegister) {
    for (const Mapping& map : before.mms[before.tasks[call.task].mm])
      if (OfPassthrough(before, &map)) pinned_[before.files[map.file - 1].inode - 1] = true;
  }
  for (int i = 0; i < kMaxInodes; ++i) {
    if (!Lives(after.inodes[i])) pinned_[i] = false;
    if (!Survives(before, after, i) || (before.inodes[i].seals & kSealWrite) == 0) continue;
    if (before.inodes[i].bytes == after.inodes[i].bytes || MayChangeSize(call.op)) continue;
    const bool passed_through =
        (Stores(call.op) && OfPassthrough(before, MappingOf(before, AsStore(call)))) ||
        (call.op == Op::kUringReadFixed && pinned_[i]);
    if (!passed_through)
      return fmt::format("contents of inode {} changed in spite of F_SEAL_WRITE", i);
  }
  return "";
}

std::string OnlyOldMappingsWrite::Check(const State& before, const Call& call, const Result& result,
                                        State& after) {
  MarkIfMerged(call, result, after);
  for (int i = 0; i < kMaxInodes; ++i) {
    if (!Survives(before, after, i)) continue;
    const bool sealed = (before.inodes[i].seals & kSealFutureWrite) != 0;
    if (!sealed && (after.inodes[i].seals & kSealFutureWrite) != 0) {
      for (AddressSpace& mm : after.mms)
        for (Mapping& map : mm)
          if (map.file != 0 && after.files[map.file - 1].inode == i + 1) map.mark = 1;
    }
    if (!sealed || before.inodes[i].bytes == after.inodes[i].bytes || MayChangeSize(call.op))
      continue;
    // Registered through an old mapping, or before the seal: a new one has no VM_WRITE.
    if (call.op == Op::kUringReadFixed || call.op == Op::kDmabufStore) continue;
    if (!Stores(call.op))
      return fmt::format("contents of inode {} changed in spite of F_SEAL_FUTURE_WRITE", i);
    const Mapping* map = MappingOf(before, AsStore(call));
    if (map == nullptr || (map->mark == 0 && !OfPassthrough(before, map)))
      return fmt::format("a mapping made after F_SEAL_FUTURE_WRITE writes inode {}", i);
  }
  return "";
}

// ---- Contents ----

// shmem_setattr zeroes behind the new end also if the size stays the same; huge pages can
// be there behind the old one.
void ContentsMatchReference::Contents::Resize(int64_t to) {
  if (to <= size || page != kPageSize) Fill(to, kMaxPages * page, 0);
  size = to;
}

void ContentsMatchReference::Contents::Fill(int64_t begin, int64_t end, uint8_t byte) {
  for (int i = 0; i < kMaxPages; ++i) {
    const int64_t first = i * page;
    for (int64_t at = std::max(begin, first); at < std::min(end, first + kPageSize); ++at)
      bytes[i * kPageSize + at - first] = byte;
  }
}

uint8_t ContentsMatchReference::Contents::At(int64_t offset) const {
  const int64_t in_page = offset % page;
  return in_page < kPageSize ? bytes[offset / page * kPageSize + in_page] : 0;
}

// What becomes of parts of huge pages depends on the kernel: that is taken from the model.
void ContentsMatchReference::ExecuteFallocate(const Call& call, const Inode& after,
                                              Contents& contents) {
  const int64_t end = call.arg[2] + call.arg[3];
  const bool parts = call.arg[2] % contents.page != 0 || end % contents.page != 0;
  if ((call.arg[1] & abi::kFallocPunchHole) != 0 && IsHugetlb(after) && parts) {
    for (int64_t at = 0; at < kMaxPages * contents.page; at += kSampleStride)
      contents.Fill(at, at + 1, SampleAt(after, at));
    return;
  }
  if ((call.arg[1] & abi::kFallocPunchHole) != 0)
    contents.Fill(call.arg[2], end, 0);
  else if ((call.arg[1] & abi::kFallocKeepSize) == 0 && end > contents.size)
    contents.size = end;
}

void ContentsMatchReference::ExecuteStore(const State& before, const Call& call) {
  const Call store = AsStore(call);
  const Mapping* map = MappingOf(before, store);
  if (map == nullptr || map->shared == 0) return;
  const int64_t at = FileOffset(*map, store.arg[0]);
  const int64_t bytes = call.op == Op::kUffdCopy ? kPageSize : 1;
  inodes_[before.files[map->file - 1].inode - 1].Fill(at, at + bytes,
                                                      static_cast<uint8_t>(store.arg[1]));
}

// MADV_REMOVE: page by page, over holes too (ENOMEM).  Which page was refused is
// taken from the model: the first that is not empty after a call that failed.  So is what
// becomes of a part of a huge page.
void ContentsMatchReference::ExecuteRemove(const State& before, const Call& call, bool to_the_end,
                                           const State& after) {
  const int64_t end = call.arg[0] + call.arg[1];
  for (int64_t at = call.arg[0]; at < end; at += kPageSize) {
    const Mapping* map = MappingOf(before, {Op::kLoad, call.task, {at}});
    if (map == nullptr) continue;
    const int64_t offset = FileOffset(*map, at);
    const int node = before.files[map->file - 1].inode - 1;
    Contents& contents = inodes_[node];
    // The rest of a huge page stays 0, and no file of the model is larger than kMaxPages.
    if (offset % contents.page != 0 || offset >= kMaxPages * contents.page) continue;
    const auto& page = after.inodes[node].bytes[offset / contents.page];
    const bool empty =
        std::all_of(page.begin(), page.end(), [](uint8_t byte) { return byte == 0; });
    if (!to_the_end && !empty) return;
    const bool part = end - at < contents.page;
    if (empty || !part) contents.Fill(offset, offset + kPageSize, 0);
  }
}

// By madvise, or range by range by process_madvise, of which the first that fails ends it.
void ContentsMatchReference::ExecuteRemoves(const State& before, const Call& call,
                                            const Result& result, const State& after) {
  if (call.op == Op::kMadvise)
    return ExecuteRemove(before, call, result.ok() || result.value == ENOMEM, after);
  int64_t done = result.ok() ? result.value : 0;
  for (int i = 1; i <= 3 && done >= 0; i += 2) {
    const Call range{Op::kMadvise, call.task, {call.arg[i], call.arg[i + 1], call.arg[5]}};
    done -= range.arg[1];
    ExecuteRemove(before, range, done >= 0, after);
  }
}

// A write whose buffer cannot be read may leave the file grown to its offset.
void ContentsMatchReference::ExecuteFault(const State& before, const Call& call,
                                          const State& after) {
  const int node = InodeOfFd(before, call.task, call.arg[0]);
  if (node < 0 || after.inodes[node].size == before.inodes[node].size) return;
  inodes_[node].size = std::max(inodes_[node].size, WriteBegin(before, call));
}

// What a pipe holds goes to a file, a sample of each half page.
void ContentsMatchReference::ExecuteSplice(const State& before, const Call& call, int64_t count) {
  const File* const out = RegionOfFd(before, call.task, call.arg[2]);
  if (out == nullptr || count == 0) return;
  const int pipe = before.files[FileOf(before, call.task, call.arg[0])].inode;
  const int64_t begin = call.arg[3] == kNoOffset ? int64_t{out->pos} : call.arg[3];
  Contents& target = inodes_[out->inode - 1];
  int64_t at = begin;
  for (const PipeBuffer& buffer : before.buffers) {
    if (buffer.pipe != pipe) continue;
    for (int half = buffer.begin; half < buffer.end && at < begin + count; ++half) {
      const int64_t offset = int64_t{buffer.page} * kPageSize + half * kSampleStride;
      const uint8_t byte =
          buffer.inode != 0 ? inodes_[buffer.inode - 1].At(offset) : buffer.bytes[half];
      target.Fill(at, at + 1, byte);
      at += kSampleStride;
    }
  }
  target.size = std::max(target.size, begin + count);
}

// Byte for byte from one file to another, or behind itself in one.
void ContentsMatchReference::ExecuteCopy(const State& before, const Call& call, int64_t count) {
  if (call.op == Op::kSplice) return ExecuteSplice(before, call, count);
  const bool sends = call.op == Op::kSendfile;
  if (RegionOfFd(before, call.task, call.arg[sends ? 0 : 2]) == nullptr) return;  // to a pipe
  const File& in = before.files[FileOf(before, call.task, call.arg[sends ? 1 : 0])];
  const File& out = before.files[FileOf(before, call.task, call.arg[sends ? 0 : 2])];
  const int64_t from_arg = call.arg[sends ? 2 : 1], to_arg = sends ? kNoOffset : call.arg[3];
  const int64_t from = from_arg == kNoOffset ? int64_t{in.pos} : from_arg;
  const int64_t to = to_arg == kNoOffset ? int64_t{out.pos} : to_arg;
  Contents& target = inodes_[out.inode - 1];
  for (int64_t i = 0; i < count; ++i)
    target.Fill(to + i, to + i + 1, inodes_[in.inode - 1].At(from + i));
  if (count > 0) target.size = std::max(target.size, to + count);
}

// Where a write begins: O_APPEND goes to the end, and RWF_APPEND and RWF_NOAPPEND
// overrule it.
int64_t ContentsMatchReference::WriteBegin(const State& before, const Call& call) const {
  const File& file = before.files[FileOf(before, call.task, call.arg[0])];
  const bool vector_at = call.op == Op::kPwritev2;
  const int64_t flags = vector_at ? call.arg[4] : 0;
  const bool append = ((file.flags & kFlagAppend) != 0 || (flags & abi::kRwfAppend) != 0) &&
                      (flags & abi::kRwfNoappend) == 0;
  if (append) return inodes_[file.inode - 1].size;
  const bool at_offset = call.op == Op::kPwrite || call.op == Op::kPwritev ||
                         call.op == Op::kAioPwrite ||
                         ((vector_at || call.op == Op::kUringPwrite) && call.arg[3] != -1);
  return at_offset ? call.arg[3] : int64_t{file.pos};
}

// Into the page that the task's ring pins, if a file has it.
void ContentsMatchReference::ExecuteReadFixed(const State& before, const Call& call) {
  for (const PipeBuffer& pinned : before.buffers) {
    if (pinned.pipe != RingOf(call.task) || pinned.inode == 0) continue;
    const int64_t in_page = call.arg[0] - AddressOfPage(pinned.at - 1);
    if (in_page < 0 || in_page >= kPageSize) continue;
    Contents& contents = inodes_[pinned.inode - 1];
    const int64_t at = pinned.page * contents.page + in_page;
    contents.Fill(at, at + 1, static_cast<uint8_t>(call.arg[1]));
  }
}

// Into the page that the dmabuf has there, if the file still has it.
void ContentsMatchReference::ExecuteDmabufStore(const State& before, const Call& call) {
  const File& dmabuf = before.files[FileOf(before, call.task, call.arg[0])];
  const int64_t at = std::countr_zero(dmabuf.dmabuf) * int64_t{kPageSize} + call.arg[1];
  const auto page = static_cast<int>(at / kPageSize);
  const bool cleared = (before.inodes[dmabuf.inode - 1].uncleared >> page & 1) == 0;
  if (cleared && (dmabuf.pinned >> page & 1) != 0)
    inodes_[dmabuf.inode - 1].Fill(at, at + 1, static_cast<uint8_t>(call.arg[2]));
}

// A mapping of huge pages that may be written makes the file longer.
void ContentsMatchReference::ExecuteMmap(const State& before, const Call& call) {
  const int node = InodeOfFd(before, call.task, call.arg[4]);
  if (node < 0 || !IsHugetlb(before.inodes[node]) || (call.arg[2] & kProtWrite) == 0) return;
  const int64_t pages = (call.arg[1] + kHugePageSize - 1) / kHugePageSize;
  inodes_[node].size = std::max(inodes_[node].size, call.arg[5] + pages * kHugePageSize);
}

// As the mmap that it makes, whose offset is in small pages.
void ContentsMatchReference::ExecuteRemap(const State& before, const Call& call) {
  const int map = MappingAt(before, call.task, PageOfAddress(call.arg[0]));
  const Mapping& m = before.mms[before.tasks[call.task].mm][map];
  const int node = before.files[m.file - 1].inode - 1;
  if (!IsHugetlb(before.inodes[node]) || (m.prot & kProtWrite) == 0) return;
  inodes_[node].size = std::max(inodes_[node].size, call.arg[3] * kPageSize + call.arg[1]);
}

void ContentsMatchReference::Execute(const State& before, const Call& call, const Result& result,
                                     const State& after) {
  if (call.op == Op::kMmap) return ExecuteMmap(before, call);
  if (call.op == Op::kRemapFilePages) return ExecuteRemap(before, call);
  if (call.op == Op::kUringReadFixed) return ExecuteReadFixed(before, call);
  if (call.op == Op::kDmabufStore) return ExecuteDmabufStore(before, call);
  if (Stores(call.op)) return ExecuteStore(before, call);
  if (call.op == Op::kWriteProgram) return Execute(before, AsPwrite(call), result, after);
  if (Copies(call.op)) return ExecuteCopy(before, call, result.value);
  const bool by_path = OpensPath(call.op) || call.op == Op::kTruncate;
  const bool by_map = call.op == Op::kOpenMapFile;
  const int node = by_path  ? InodeOfPath(before, call)
                   : by_map ? InodeOfMapping(before, AsStore(call))
                            : InodeOfFd(before, call.task, call.arg[0]);
  if (node < 0) return;
  Contents& contents = inodes_[node];
  if (call.op == Op::kFtruncate) contents.Resize(call.arg[1]);
  if (call.op == Op::kTruncate) contents.Resize(call.arg[2]);
  if (call.op == Op::kFallocate) ExecuteFallocate(call, after.inodes[node], contents);
  const bool by_handle = call.op == Op::kOpenByHandle || call.op == Op::kOpenEmptyPath;
  const bool opens = OpensPath(call.op) || by_handle || by_map;
  const int64_t flags = call.arg[by_handle ? 1 : 2];
  if (opens && (flags & abi::kOTrunc) != 0 && (flags & abi::kOPath) == 0) contents.Resize(0);
  if (!WritesFromBuffer(call.op)) return;
  const int64_t begin = WriteBegin(before, call);
  contents.Fill(begin, begin + result.value, static_cast<uint8_t>(call.arg[1]));
  if (result.value > 0) contents.size = std::max(contents.size, begin + result.value);
}

std::string ContentsMatchReference::CompareRead(const State& before, const Call& call,
                                                const Result& result) const {
  const int file = FileOf(before, call.task, call.arg[0]);
  const Contents& contents = inodes_[before.files[file].inode - 1];
  const int64_t begin = ReadsHere(call) ? int64_t{before.files[file].pos} : call.arg[2];
  const int64_t count = std::clamp<int64_t>(contents.size - begin, 0, call.arg[1]);
  if (result.value != count) return fmt::format("{} bytes read, not {}", result.value, count);
  int n = 0;
  for (int64_t at = begin; at < begin + count; ++at) {
    if (at % kSampleStride != 0) continue;
    if (n >= result.num_data) return "a byte at a sampled offset is missing";
    if (result.data[n] != contents.At(at))
      return fmt::format("byte {} reads {}, not {}", at, result.data[n], contents.At(at));
    ++n;
  }
  return n == result.num_data ? "" : "more bytes read than there are sampled offsets";
}

std::string ContentsMatchReference::CompareLoad(const State& before, const Call& call,
                                                const Result& result) const {
  const Mapping* map = MappingOf(before, call);
  if (map == nullptr) return "a load without a mapping gives a value";
  const int page = PageOfAddress(call.arg[0]) - map->start;
  if ((map->copied >> page & 1) != 0) return "";  // a private page's own contents
  const int64_t at = FileOffset(*map, call.arg[0]);
  const Contents& contents = inodes_[before.files[map->file - 1].inode - 1];
  if (result.value == contents.At(at)) return "";
  return fmt::format("byte {} loads {}, not {}", at, result.value, contents.At(at));
}

std::string ContentsMatchReference::CompareInodes(const State& after) const {
  for (int i = 0; i < kMaxInodes; ++i) {
    const Inode& inode = after.inodes[i];
    if (!IsMemfd(inode)) continue;
    if (inode.size != inodes_[i].size)
      return fmt::format("size of inode {} is {}, not {}", i, inode.size, inodes_[i].size);
    for (int sample = 0; sample < kMaxPages * kSamplesPerPage; ++sample) {
      const int byte = inode.bytes[sample / kSamplesPerPage][sample % kSamplesPerPage];
      const int wanted = inodes_[i].bytes[sample * kSampleStride];
      if (byte != wanted)
        return fmt::format("byte {} of inode {} is {}, not {}", sample * kSampleStride, i, byte,
                           wanted);
    }
  }
  return "";
}

std::string ContentsMatchReference::Check(const State& before, const Call& call,
                                          const Result& result, State& after) {
  for (int i = 0; i < kMaxInodes; ++i) inodes_[i].page = PageSizeOf(after.inodes[i]);
  if (result.ok()) Execute(before, call, result, after);
  if (AdviceOf(call) == abi::kMadvRemove && result.changed)
    ExecuteRemoves(before, call, result, after);
  if (result.kind == Result::Kind::kErrno && WritesFromBuffer(call.op))
    ExecuteFault(before, call, after);
  for (int i = 0; i < kMaxInodes; ++i)
    if (!Lives(after.inodes[i])) inodes_[i] = Contents{};
  std::string wrong;
  if (result.ok() && Reads(call.op) && RegionOfFd(before, call.task, call.arg[0]) != nullptr)
    wrong = CompareRead(before, call, result);
  if (result.ok() && call.op == Op::kLoad) wrong = CompareLoad(before, call, result);
  return wrong.empty() ? CompareInodes(after) : wrong;
}

}  // namespace selkie
