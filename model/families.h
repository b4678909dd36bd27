// What the calls of several families share.  Internal to model/.
#ifndef SELKIE_MODEL_FAMILIES_H_
#define SELKIE_MODEL_FAMILIES_H_

#include <algorithm>
#include <cerrno>

#include "model/call.h"
#include "model/calls.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"

namespace selkie {

inline constexpr int kProtAll = kProtRead | kProtWrite | kProtExec;

// ---- Results ----

inline Result Unchanged(int64_t value) {
  Result r;
  r.value = value;
  return r;
}
inline Result Changed(int64_t value) {
  Result r;
  r.value = value;
  r.changed = true;
  return r;
}
inline Result Fail(int error, const char* check) {
  Result r;
  r.kind = Result::Kind::kErrno;
  r.value = error;
  r.check = check;
  return r;
}
inline Result Refused(const Rule* rule) {
  Result r;
  r.kind = Result::Kind::kErrno;
  r.value = rule->bits;
  r.rule = rule;
  return r;
}
inline Result Signal(int signal, const char* check) {
  Result r;
  r.kind = Result::Kind::kSignal;
  r.value = signal;
  r.check = check;
  return r;
}
inline Result Bound(const char* why) {
  Result r;
  r.kind = Result::Kind::kBound;
  r.check = why;
  return r;
}

// ---- Descriptors ----

// EBADF, or kBound for a descriptor that belongs to the harness.
Result BadFd(int64_t fd);

// Finds a file as fdget does (O_PATH is EBADF) or as fdget_raw does.  On
// failure returns false and sets *error.
bool Fdget(const State& s, const Call& c, int64_t fd, int* file, Result* error);
bool FdgetRaw(const State& s, const Call& c, int64_t fd, int* file, Result* error);

// The file behind /proc/PID/fd/N, with the permission checks of walking there
// (proc_fd_permission, proc_pid_get_link); a file index, or sets *error.
bool ResolveProcFd(const State& s, const Call& c, int64_t task, int64_t fd, int* file,
                   Result* error, const Semantics& semantics);

// ptrace_may_access: may `task` look into `target`?  Its own always, another's as root, or as the
// same user if it is dumpable.
bool MayTrace(const State& s, int task, int target);

// Two new files on a new inode like `inode`, of which only kind and mode are given: files
// `ends`, of which mode and flags are, at the two lowest descriptors.
Result InstallPair(State& s, const Call& c, Inode inode, std::array<File, 2> ends, bool cloexec);

// shmem_get_inode: an empty file of the task that makes the call, without seals.
Inode NewInode(const State& s, const Call& c, uint16_t mode, const Semantics& semantics);

// unshare_files: the task gets a descriptor table of its own; false if it has one.
bool UnshareFiles(State& s, int task);

// any_leases_conflict: an open of the inode, which `writes` or not, has to wait for a lease.
bool WouldBreakLease(const State& s, int node, bool writes);

// __break_lease of an open that has to wait and would not: the holders are asked to give their
// leases up, or to make them read leases.
Result BreakLeases(State& s, int node, bool writes);

// try_break_deleg of who does not wait: the holders are asked to give their delegations up.
Result BreakDelegations(State& s, int node);

// acl_permission_check: the permission bits that are a user's, as in 07.
int PermissionBits(uint16_t uid, const Inode& inode);

// inode_permission: may `task` have the access in `want` (kModeRead,
// kModeWrite)?
bool InodePermission(const State& s, int task, const Inode& inode, int want);

// ---- Rules ----

// What the effects of rules act on; null where there is no such thing.  They
// are copies, so that a refusal leaves the state as it was.
struct Targets {
  Inode* inode = nullptr;
  File* file = nullptr;
  Mapping* mapping = nullptr;
  uint8_t* adding = nullptr;
  uint8_t arg = 0;                   // argument of an extension
  uint8_t new_file = 0;              // kNewFile: f_mode of the file to make
  bool fresh_inode = false;          // kFreshInode
  bool unmapped = false;             // kUnmap
  const Rule* privileges = nullptr;  // kClearPrivileges: the rule that says so
  bool extended = false;             // kExtend
};

// Facts about the inode and the file that any rule may read; those that are
// derived from mappings (mapped-shared, mapped-writable) are false if the inode
// does not exist yet, and otherwise unknown until a rule reads them.
Facts FactsOf(const State& s, int task, const Inode& inode, bool exists, const File* file,
              const Semantics& semantics, int point);

// Decides at `point` about inode `node` (index).  Returns the refusing rule or
// null; *last becomes the last rule that applied, if one did.
const Rule* DecideWith(const State& s, int node, const Semantics& semantics, int point,
                       Facts& facts, Targets& targets, const Rule** last);

inline bool HasRules(const Semantics& semantics, Point point) {
  return !semantics.at[static_cast<int>(point)].empty();
}

// The rule by which this kernel does not know what the call needs, or null.
const Rule* NotSupported(const Semantics& semantics, Feature feature);

// One call's dealings with the rules at one point, about one inode and perhaps
// the file through which it is reached.  The effects of rules go to copies;
// nothing reaches the state before Commit.
class Ruling {
 public:
  // `file` is an index, or -1 if there is none in view.
  Ruling(const State& s, const Call& c, int node, int file, const Semantics& semantics, int point);
  Ruling(const State& s, const Call& c, int node, int file, const Semantics& semantics, Point point)
      : Ruling(s, c, node, file, semantics, static_cast<int>(point)) {}
  Ruling(const Ruling&) = delete;
  Ruling& operator=(const Ruling&) = delete;

  // Sets the facts about a mapping: prot, may and shared.
  void LookAt(const Mapping& m);

  // Tries the rules with the facts as they are now; may be called again, with
  // other facts, for the next chunk or mapping.  The rule that refused, or null.
  const Rule* Refuses();

  // Writes inode and file back, sets result->rule and adds to result->changed.
  void Commit(State& s, Result* result) const;

  Facts facts;
  Targets targets;
  Inode inode;
  File file;
  const Rule* last = nullptr;  // the last rule that applied

 private:
  const State& state_;
  const Semantics& semantics_;
  const int point_, node_, file_;
};

// What a write takes: one byte repeated, or what stands in `from` at the same offset plus `delta`.
struct WriteSource {
  uint8_t byte = 0;
  const Inode* from = nullptr;
  int64_t delta = 0;                      // bytes; a multiple of kSampleStride
  bool bad = false;                       // nothing: the program's buffer cannot be read
  absl::Span<const uint8_t> halves = {};  // or half pages, of which the first byte is known; `pos`
                                          // is then a multiple of kSampleStride
};

// ---- Pipes ----

// Reads `count` bytes from the pipe behind file `f`: they go.
Result ReadPipe(State& s, int f, int64_t count);

// Writes `count` bytes, which f_mode allows, to the pipe behind file `f`.
Result WritePipe(State& s, int f, const WriteSource& source, int64_t count,
                 const Semantics& semantics);

// From file `in` at `pos` into the pipe behind `out` (splice_file_to_pipe): the pages, or
// `copies` of them; f_pos is the caller's.  If there is no room: EAGAIN if `nonblock` or the
// pipe does not wait, else kBound.
Result FileToPipe(State& s, const Call& c, int in, int64_t pos, int out, int64_t count, bool copies,
                  bool nonblock, const Semantics& semantics);

// SPLICE_F_ALL.
inline constexpr int64_t kSpliceAll = 0xf;
// pipe_full, where the call then waits or says EAGAIN, whatever else is wrong.
bool PipeIsFull(const State& s, int pipe);
// No slot for another page: EAGAIN, or waiting.
Result NoSlot(bool nonblock);
// Puts a range of a file's pages into the pipe, which must be present; of a huge page, a part of
// its first 4096 bytes.
Result PushPages(State& s, int node, int64_t begin, int64_t end, int pipe);
// Slots for pages in pipes and in registered buffers that are free, and adding one behind the
// others; there must be a free slot.
int FreeBuffers(const State& s);
void AddBuffer(State& s, const PipeBuffer& buffer);

inline bool IsPipe(const State& s, int file) {
  return s.inodes[s.files[file].inode - 1].kind == InodeKind::kPipe;
}

// Notes that a fault, or a write, brings them in or clears them, which may be undone (reclaim);
// true if that is new.
inline bool NoteTouched(const State& s, Inode& inode, int begin, int end) {
  if (s.limits.buffers == 0 || IsHugetlb(inode)) return false;
  const uint8_t pages = PageBits(begin, end) | (end > kMaxPages ? kTouchedBeyond : uint8_t{0});
  const bool is_new = (pages & ~inode.touched) != 0 || (pages & inode.uncleared) != 0;
  inode.touched |= pages;
  inode.uncleared &= static_cast<uint8_t>(~pages);
  return is_new;
}

// Notes that fallocate makes pages [begin, end), and clears those that an earlier one made
// (mm/shmem.c shmem_get_folio_gfp: "SGP_FALLOC on a folio fallocated earlier must initialize it").
inline void NoteAllocated(const State& s, Inode& inode, int begin, int end) {
  if (s.limits.buffers == 0 || IsHugetlb(inode)) return;
  const uint8_t pages = PageBits(begin, end);
  const auto made = static_cast<uint8_t>(pages & ~inode.touched);
  inode.present |= static_cast<uint8_t>(pages & inode.uncleared);
  inode.touched |= made;
  inode.uncleared = static_cast<uint8_t>((inode.uncleared & ~pages) | made);
}

// Notes that pages [begin, end) leave the file.
inline void NoteGone(Inode& inode, int begin, int end) {
  const auto kept = static_cast<uint8_t>(~PageBits(begin, end));
  inode.present &= kept;
  inode.touched &= kept;
  inode.uncleared &= kept;
  inode.undirtied &= kept;
}

// Notes that page `page` is changed by who does not mark it dirty, and pages [begin, end) by who
// does; true if that is new.
inline bool NoteUndirtied(const State& s, Inode& inode, int page) {
  if (s.limits.buffers == 0) return false;
  const uint8_t before = inode.undirtied;
  inode.undirtied |= static_cast<uint8_t>(PageBits(page, page + 1) & inode.touched);
  return inode.undirtied != before;
}
inline bool NoteDirty(Inode& inode, int begin, int end) {
  const uint8_t before = inode.undirtied;
  inode.undirtied &= static_cast<uint8_t>(~PageBits(begin, end));
  return inode.undirtied != before;
}

// Notes that pages [begin, end) are surely in the page cache, cleared; true if that is new.
inline bool NotePresent(const State& s, Inode& inode, int begin, int end) {
  if (s.limits.buffers == 0 || IsHugetlb(inode)) return false;
  const uint8_t before = inode.present;
  inode.present |= PageBits(begin, end);
  return NoteTouched(s, inode, begin, end) || inode.present != before;
}

// Notes that the kernel reads pages [begin, end) of the inode for itself, not into memory of a
// program; true if that brings one in.
inline bool NoteKernelRead(const State& s, Inode& inode, int begin, int end,
                           const Semantics& semantics) {
  return NotSupported(semantics, Feature::kReadsHoles) != nullptr &&
         NotePresent(s, inode, begin, end);
}

// The page of an offset, and the first page beyond it.
inline int PageOf(int64_t offset) {
  return static_cast<int>(std::min<int64_t>(offset / kPageSize, kMaxPages));
}
inline int PageAfter(int64_t end) { return end > 0 ? PageOf(end - 1) + 1 : 0; }

// ---- Contents and size ----

inline constexpr int64_t kMaxBytes = int64_t{kMaxPages} * kPageSize;

// Effect::modified of a call that sets the modification time of inode `node` (index).
inline uint8_t ModifiedBit(int node) { return static_cast<uint8_t>(1u << node); }

// Writes `count` bytes at `pos` of file `f`.  Moves f_pos if `moves`.
Result WriteAt(State& s, const Call& c, int f, const WriteSource& source, int64_t count,
               int64_t pos, bool moves, const Semantics& semantics);

// rw_verify_area: EINVAL for a position or a count that is none.
bool BadArea(int64_t pos, int64_t count, Result* error);

// generic_write_check_limits: EFBIG from RLIMIT_FSIZE of `task` on, which cuts *count of
// what begins before it.  SIGXFSZ, which comes with EFBIG, is ignored here.
bool OverLimit(const State& s, int task, int64_t pos, int64_t* count, Result* error);

// Moves f_pos after a transfer.
void Advance(State& s, int f, int64_t to, Result* result);

// What forbids a fallocate of this mode through file `f`, whatever the range: f_mode, then
// the attributes of chattr (fs/open.c vfs_fallocate).
bool MayNotAllocate(const State& s, int f, int64_t mode, Result* error);

// Punches a hole through file `f` as fallocate does after its checks: rules, effect
// (mm/shmem.c shmem_fallocate).  The range is valid.
Result PunchHole(State& s, const Call& c, int f, int64_t offset, int64_t length,
                 const Semantics& semantics);

inline bool IsMemfd(const State& s, int node) { return IsMemfd(s.inodes[node]); }

// Sets the samples at offsets in [begin, end) to `byte`; offsets that no inode
// can have are skipped.
void FillSamples(Inode& inode, int64_t begin, int64_t end, uint8_t byte);

inline constexpr uint8_t kFirstOfElf = 0x7f;  // "\177ELF"

// Bytes at offsets in [begin, end), which is not empty, are not what they were: if write_program
// wrote some of them, what is there is no program that the model knows.  True if it was one.
inline bool LosesProgram(Inode& inode, int64_t begin, int64_t end) {
  if (begin >= kProgramBytes || end <= 0 || (inode.flags & kInodeProgram) == 0) return false;
  inode.flags &= static_cast<uint8_t>(~kInodeProgram);
  return true;
}

// The private copy of page `page` of the mapping goes, if there is one.
inline void DropCopy(Mapping& m, int page) {
  m.copied &= static_cast<uint8_t>(~(1u << page));
  m.opened &= m.copied;
  m.copy[page] = {};
}

// Private copies of pages [first, end) of the inode go (unmap_mapping_range with even_cows);
// true if there was one.
bool DropCopies(State& s, int node, int first, int end = kMaxMappedPages);

// ---- Memfds of huge pages (hugetlb.cc) ----

// Whether the call reaches one by a descriptor or by an address in their arena.
bool ReachesHugetlb(const State& s, const Call& c);

// The call is one of those whose answer for such a memfd is not known.
bool IsUnknownOfHugetlb(Op op);

// hugetlbfs_file_operations has neither splice_read nor splice_write: EINVAL, as measured from
// 5.10 on (before, do_splice_to may have fallen back on read).
inline constexpr const char* kNoSpliceRead =
    "fs/splice.c do_splice_read: no splice_read of hugetlbfs";
inline constexpr const char* kNoSpliceWrite =
    "fs/splice.c do_splice_from: no splice_write of hugetlbfs";

// hugetlbfs_punch_hole: what of a hole [*begin, *end) the kernel makes; false if nothing, and then
// nobody is asked.
bool HoleInHugetlb(const Semantics& semantics, int64_t* begin, int64_t* end);

// hugetlb_no_page: a fault on a page of the mapping's file that is not there makes it, for this
// mapping alone if it is private; false if the kernel raises SIGBUS.
bool FaultHugetlb(State& s, Mapping& m, int page, const Semantics& semantics, bool* changed);

// True if `is` says so of a file that the call names, by a descriptor of its task or by a /proc
// link. (A number in another task's table, as of pidfd_getfd, is only ever passed on.)
template <typename Is>
bool NamesFile(const State& s, const Call& c, Is is) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(c.op))) {
    const bool path = arg.kind == ArgKind::kPath;
    const int64_t task = path && !IsOwnPath(c.arg[word]) ? c.arg[word] : c.task;
    if ((path || arg.kind == ArgKind::kFd) && task >= 0 && task < s.limits.tasks) {
      const int file = FileOf(s, static_cast<int>(task), c.arg[word + (path ? 1 : 0)]);
      if (file >= 0 && is(s.files[file])) return true;
    }
    word += WordsOf(arg.kind);
  }
  return false;
}

// ---- Files of other kinds (other.cc) ----

// Whether the call names one, and whether it is one of those whose answer is not known then.
bool ReachesOther(const State& s, const Call& c);
bool IsUnknownOfOther(Op op);

// ---- Dmabufs (udmabuf.cc) ----

// If the call reaches a dmabuf, by a descriptor or by a /proc link, and does not only pass it on:
// what it answers, kBound if that is not known.
bool AnswersDmabuf(const State& s, const Call& c, Result* answer);

inline constexpr uint16_t kSetUid = 04000, kSetGid = 02000, kGroupExec = 010;

// The mode without set-user-id, and without set-group-id where that has a meaning or the
// task is not in the group (setattr_should_drop_sgid).
uint16_t WithoutSetIds(uint16_t mode, bool in_group);

// The set-user-id and set-group-id bits that a write or truncation by `task`
// takes away (fs/attr.c dentry_needs_remove_privs): mode with them cleared.
uint16_t ModeWithoutPrivileges(const State& s, int task, const Inode& inode);

// setattr of the size (mm/shmem.c shmem_setattr): rules, then truncation.
// `size` is at least 0.  `file` is the file through which it is done, or -1.
Result SetSize(State& s, const Call& c, int file, int node, int64_t size,
               const Semantics& semantics);

// ---- Mappings ----

inline constexpr uint64_t kPageMask = kPageSize - 1;

// Arena pages [begin, end).
struct PageRange {
  int begin = 0;
  int end = 0;
};

inline bool Empty(const Mapping& m) { return m.file == 0; }
inline int EndOf(const Mapping& m) { return m.start + m.pages; }

inline AddressSpace& SpaceOf(State& s, const Call& c) { return s.mms[s.tasks[c.task].mm]; }
inline const AddressSpace& SpaceOf(const State& s, const Call& c) {
  return s.mms[s.tasks[c.task].mm];
}

// The page of the arenas in which the address is, within the run's limits; -1 if in none.
int ArenaPageOf(const State& s, int64_t addr);

// Of a range of bytes that is to be pinned: no arena holds it, or it is more of a huge page than
// the first 4096 bytes, beyond which contents are not known.
bool LeavesArena(const State& s, int64_t addr, int64_t len);

// The pages of [addr, addr + length) if they lie in one of the arenas; `length` is
// page-aligned.  Of huge pages: whole ones only.
bool InArena(const State& s, int64_t addr, uint64_t length, PageRange* range);

// For a range that InArena has refused: the caller's mapping of huge pages (index) in which all of
// [addr, addr + length) lies, and *pages that it touches; -1 if there is no such mapping.
int HugePart(const State& s, const Call& c, int64_t addr, uint64_t length, PageRange* pages);

// True if `holds` of some mapping that reaches into the range.
template <typename Predicate>
bool AnyIn(const AddressSpace& mm, PageRange range, Predicate holds) {
  for (const Mapping& m : mm) {
    if (Empty(m) || m.start >= range.end) return false;
    if (EndOf(m) > range.begin && holds(m)) return true;
  }
  return false;
}

constexpr uint64_t PageAlign(uint64_t bytes) { return (bytes + kPageMask) & ~kPageMask; }

// Lengths above the first are beyond any address space (TASK_SIZE is 2^47 or
// 2^56); up to the second they are within the smallest.
inline constexpr uint64_t kBeyondMemory = uint64_t{1} << 57;
inline constexpr uint64_t kWithinMemory = uint64_t{1} << 40;

// A store by task c.task of byte c.arg[1] at c.arg[0]; with `force`, whatever the
// mapping's protection (FOLL_FORCE).
Result StoreByte(State& s, const Call& c, bool force, const Semantics& semantics);

// Effect of a store through shared mapping `map` (index) of address space `mm`.
Effect StoreEffect(const State& s, int mm, int map);

// What splits a mapping within a huge page fails with EINVAL here.
inline constexpr const char* kSplitsHuge = "mm/hugetlb.c hugetlb_vm_op_split";

// can_modify_mm: no mapping in `range` has VM_SEALED.
bool MayModify(const AddressSpace& mm, PageRange range);

// EPERM of vms_gather_munmap_vmas, a mapping in `range` being sealed; kBound if there are not
// enough mappings.  What the range begins in has been split there, and stays so until one of
// both parts is changed.
Result RefuseToUnmap(State& s, const Call& c, PageRange range);

// The kernel has tried to merge the mapping with the one before it.
inline void ClearUnmerged(Mapping& m) { m.flags &= static_cast<uint8_t>(~kMapUnmerged); }

inline void ClearLocked(Mapping& m) { m.flags &= static_cast<uint8_t>(~kMapLockedMask); }

// EINVAL of a range of mapping `map` (index) that ends within a huge page.  Where it begins at one,
// the mapping has been split there before, and stays so: huge pages never merge.
Result RefuseToSplit(State& s, const Call& c, int map);

// Replaces what `mm` has where `part` stands by `part`; false if `slots` are not enough.
bool ReplacePart(AddressSpace& mm, int slots, const Mapping& part);

// The part of `m` that lies in `range`; they must intersect.
Mapping Piece(const Mapping& m, PageRange range);

// Adds a mapping where there is nothing; false if `slots` are all in use.
bool AddMapping(AddressSpace& mm, int slots, const Mapping& m);

// One VMA of several mappings has kMapGuarded as a whole (VM_STICKY; anon_vma before 6.19).
void SpreadGuarded(AddressSpace& mm);

// Unmaps `range`, splitting what reaches beyond it; false, with `mm` in any
// state, if a split needs more than `slots`.
bool RemoveRange(AddressSpace& mm, int slots, PageRange range);

// A fault of page `page` of the mapping, that of a store that makes a private copy if `copies`;
// false if it is beyond the end of the file, or guarded.  *changed becomes true if something is
// new.
bool FaultIn(State& s, Mapping& m, int page, bool copies, const Semantics& semantics,
             bool* changed);

// mm/gup.c __mm_populate of what is mapped in `range`: page by page up to the first that cannot be,
// or of each mapping up to its first if `ignores_errors`.  False if one could not be.
bool MmPopulate(State& s, AddressSpace& mm, PageRange range, bool ignores_errors,
                const Semantics& semantics, bool* changed);

// True if nothing is mapped in `range`.
bool IsGap(const AddressSpace& mm, PageRange range);

// First page of the lowest gap of `pages` pages, huge ones if `huge`, or -1.
int LowestGap(const State& s, int task, int pages, bool huge = false);

// The kernel joins adjacent mappings into one VMA if they agree
// (mm/vma.c can_vma_merge_after).  The model keeps them apart and answers
// where it can be seen: may `a` and `b`, which follows it, be one VMA?
bool Agree(const Mapping& a, const Mapping& b);

// The same vm_flags, protection among them.
bool SameVmFlags(const Mapping& a, const Mapping& b);

}  // namespace selkie

#endif  // SELKIE_MODEL_FAMILIES_H_
