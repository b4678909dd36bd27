// State: what the kernel knows, as a value.
//
// A State can be copied, compared, hashed and printed.  References between
// tables are indices plus one, so that an all-zero State is the empty one.
// What can be derived (reference counts, i_mmap_writable) is a function here
// and stored nowhere.
#ifndef SELKIE_MODEL_STATE_H_
#define SELKIE_MODEL_STATE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "model/field.h"
#include "model/limits.h"

namespace selkie {

// Bits of File::mode, after the kernel's f_mode.
inline constexpr uint8_t kModeRead = 1;    // FMODE_READ
inline constexpr uint8_t kModeWrite = 2;   // FMODE_WRITE
inline constexpr uint8_t kModePath = 4;    // FMODE_PATH
inline constexpr uint8_t kModePwrite = 8;  // FMODE_PWRITE: set on every regular
                                           // file, whatever it was opened for
inline constexpr uint8_t kModeExec = 16;   // FMODE_EXEC: the file of a program that runs, see
                                           // Task::program

// Bits of File::flags, after f_flags.  O_LARGEFILE follows from the kind.
inline constexpr uint8_t kFlagAppend = 1;
inline constexpr uint8_t kFlagNonblock = 2;
inline constexpr uint8_t kFlagWronly = 4;  // O_WRONLY and O_RDWR as given to
inline constexpr uint8_t kFlagRdwr = 8;    // open: F_GETFL's answer even if a
                                           // design clears f_mode; both: access mode 3
inline constexpr uint8_t kFlagDirect = 16;
inline constexpr uint8_t kFlagEmptypath = 32;  // O_EMPTYPATH stays in f_flags
inline constexpr uint8_t kFlagTmpfile = 64;    // O_TMPFILE, too
inline constexpr uint8_t kFlagBacking = 128;   // FMODE_BACKING: FUSE opened it, and /proc shows
                                               // FUSE's file in its place

// Bits of Mapping::prot and Mapping::may, as PROT_READ, PROT_WRITE, PROT_EXEC.
inline constexpr uint8_t kProtRead = 1;
inline constexpr uint8_t kProtWrite = 2;
inline constexpr uint8_t kProtExec = 4;

// Bits of Inode::attrs, as FS_IOC_SETFLAGS has them.
inline constexpr uint8_t kAttrImmutable = 0x10;  // FS_IMMUTABLE_FL
inline constexpr uint8_t kAttrAppend = 0x20;     // FS_APPEND_FL

// Bits of Inode::flags.  kInodeMounted: of a tmpfs that was mounted (open_tmpfile), and not of the
// one superblock of all memfds, or of all huge ones; kInodeProgram: its first kProgramBytes are as
// write_program wrote them.
inline constexpr uint8_t kInodeMounted = 1, kInodeProgram = 2;

// Bits of Mapping::flags.
inline constexpr uint8_t kMapSealed = 1;        // VM_SEALED: mseal
inline constexpr uint8_t kMapDontcopy = 2;      // VM_DONTCOPY: MADV_DONTFORK
inline constexpr uint8_t kMapLocked = 8;        // VM_LOCKED: mlock, MAP_LOCKED
inline constexpr uint8_t kMapLockOnFault = 16;  // VM_LOCKONFAULT, with VM_LOCKED: MLOCK_ONFAULT
inline constexpr uint8_t kMapLockedMask = kMapLocked | kMapLockOnFault;  // VM_LOCKED_MASK
inline constexpr uint8_t kMapGuarded = 32;  // its VMA had MADV_GUARD_INSTALL: VM_MAYBE_GUARD
                                            // (6.19), or it has an anon_vma for that (6.15)
inline constexpr uint8_t kMapUnmerged = 4;  // a VMA begins here although it agrees with the one
                                            // before it: left by a munmap that was refused

// Pages [begin, end) that an inode can have, one bit each.
inline uint8_t PageBits(int begin, int end) {
  const auto below = [](int i) { return (1u << std::min(i, kMaxPages)) - 1; };
  return begin < end ? static_cast<uint8_t>(below(end) & ~below(begin)) : uint8_t{0};
}

// Of Inode::touched: the file may have pages beyond those that are kept.
inline constexpr uint8_t kTouchedBeyond = 1u << kMaxPages;

// Bits of File::lease.
inline constexpr uint8_t kLeaseRead = 1, kLeaseWrite = 2;  // F_RDLCK, F_WRLCK
inline constexpr uint8_t kLeaseUnlockPending = 4;          // FL_UNLOCK_PENDING
inline constexpr uint8_t kLeaseDowngradePending = 8;       // FL_DOWNGRADE_PENDING
inline constexpr uint8_t kLeaseDelegation = 16;            // FL_DELEG, not FL_LEASE

enum class InodeKind : uint8_t {
  kNone = 0,
  kMemfd = 1,
  kSocketPair = 2,
  kPipe = 3,
  kHugetlb = 4,  // a memfd of huge pages: MFD_HUGETLB
  kOther = 5,    // of open_other
};

struct Inode {
  Field<InodeKind> kind = InodeKind::kNone;
  Field<uint8_t> seals = 0;    // F_SEAL_* bits; designs may declare bits up to 0x80
  Field<uint8_t> mask = 0;     // protection mask of a region (ashmem): PROT_* bits; of a
                               // socket pair: the ends that have ECONNRESET pending; of a pipe:
                               // its slots, if not the 16 that it begins with
  Field<uint8_t> mark = 0;     // opaque to the model, see below
  Field<uint16_t> mode = 0;    // permission bits, 0 .. 07777
  Field<uint16_t> uid = 0;     // owner
  Field<uint16_t> gid = 0;     // group: the user of the same number is its only member
  Field<uint8_t> attrs = 0;    // kAttr* bits
  Field<uint8_t> flags = 0;    // kInode* bits
  Field<uint8_t> present = 0;  // pages that are surely in the page cache and not a hole, one bit
                               // each; kept only where pipes are (limits.buffers > 0), and of huge
                               // pages: exactly those, also beyond the end
  Field<uint8_t> touched = 0;  // pages that may be in the page cache, one bit each: all others are
                               // surely holes; kept where `present` is, and not of huge pages
  Field<uint8_t> uncleared = 0;  // of these, the ones that fallocate made and that nothing has used
                                 // since: what a dmabuf stores there is cleared with the rest
  Field<uint8_t> undirtied = 0;  // of these, the ones that were changed, by a pin or a dmabuf,
                                 // without being marked dirty: reclaim loses it
  Field<uint32_t> size = 0;  // bytes, 0 .. limits.pages * kPageSize or limits.huge * kHugePageSize
  // Contents at the sampled offsets, also beyond the end of the file.
  std::array<std::array<Field<uint8_t>, kSamplesPerPage>, kMaxPages> bytes{};

  auto AllFields() const {
    return std::tie(kind, seals, mask, mark, mode, uid, gid, attrs, flags, present, touched,
                    uncleared, undirtied, size, bytes);
  }
  friend bool operator==(const Inode& a, const Inode& b) { return SameFields(a, b); }
};

inline bool IsHugetlb(const Inode& inode) { return inode.kind == InodeKind::kHugetlb; }
inline bool IsMemfd(const Inode& inode) {
  return inode.kind == InodeKind::kMemfd || inode.kind == InodeKind::kHugetlb;
}
// Bytes of one page of the inode.
inline int64_t PageSizeOf(const Inode& inode) {
  return IsHugetlb(inode) ? kHugePageSize : kPageSize;
}

// The byte at an offset that is a multiple of kSampleStride.  Of a huge page, none but the first
// two can be other than 0.
inline uint8_t SampleAt(const Inode& inode, int64_t offset) {
  const int64_t page = offset / PageSizeOf(inode),
                sample = offset % PageSizeOf(inode) / kSampleStride;
  if (sample >= kSamplesPerPage) return 0;
  return inode.bytes[page][sample];
}

// The largest size of an inode like this in a run.
inline int64_t SizeLimit(const Limits& limits, const Inode& inode) {
  return (IsHugetlb(inode) ? limits.huge : limits.pages) * PageSizeOf(inode);
}

// An open file description, the kernel's `struct file`.
struct File {
  Field<uint8_t> inode = 0;   // index + 1, or 0: this slot is free
  Field<uint8_t> mode = 0;    // kMode* bits
  Field<uint8_t> flags = 0;   // kFlag* bits
  Field<uint8_t> end = 0;     // which end of a socket pair: 0 or 1; of a pipe: 0 reads
  Field<uint8_t> writer = 0;  // FMODE_WRITER: counts in i_writecount; what memfd_create makes
                              // does not (fs/file_table.c alloc_file)
  Field<uint8_t> lease = 0;   // kLease* bits, 0: none
  Field<uint8_t> dmabuf = 0;  // pages of the inode that it is a dmabuf of, one bit each; 0: it is
                              // none, and all that is said here of an inode's files is of others
  Field<uint8_t> pinned = 0;  // of those, the ones that the inode still has
  Field<uint8_t> mark = 0;
  Field<uint32_t> pos = 0;  // f_pos, bytes

  friend bool operator==(const File&, const File&) = default;
};

// One descriptor: a slot of a table.
struct Fd {
  Field<uint8_t> file = 0;     // index + 1, or 0: closed
  Field<uint8_t> cloexec = 0;  // FD_CLOEXEC
  Field<uint8_t> mark = 0;

  friend bool operator==(const Fd&, const Fd&) = default;
};

using FdTable = std::array<Fd, kMaxFds>;  // slot i is descriptor kFirstFd + i

// One VMA.  Kept sorted by start within its address space; free slots last.
struct Mapping {
  Field<uint8_t> file = 0;  // index + 1, or 0: this slot is free
  Field<uint8_t> mark = 0;
  Field<uint8_t> prot = 0;       // VM_READ, VM_WRITE, VM_EXEC as kProt* bits
  Field<uint8_t> may = 0;        // VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC as kProt* bits
  Field<uint8_t> shared = 0;     // stores reach the file (mmap was MAP_SHARED)
  Field<uint8_t> vm_shared = 0;  // VM_SHARED: 0 for MAP_SHARED of a file not open for
                                 // writing (mm/mmap.c do_mmap)
  Field<uint8_t> start = 0;      // first page in the arenas, see AddressOfPage
  Field<uint8_t> pages = 0;      // length in pages, 1 .. kMaxPages
  Field<uint8_t> pgoff = 0;      // first page in the file
  Field<uint8_t> copied = 0;     // private pages copied on write, one bit a page
  Field<uint8_t> guards = 0;     // pages with PTE_MARKER_GUARD, one bit a page
  Field<uint8_t> opened = 0;  // private huge pages, one bit each, that the task may store to though
                              // the mapping is read-only: see ForcePoke
  Field<uint8_t> flags = 0;   // kMap* bits
  std::array<std::array<Field<uint8_t>, kSamplesPerPage>, kMaxPages> copy{};

  auto AllFields() const {
    return std::tie(file, mark, prot, may, shared, vm_shared, start, pages, pgoff, copied, guards,
                    opened, flags, copy);
  }
  friend bool operator==(const Mapping& a, const Mapping& b) { return SameFields(a, b); }
};

// True if page `page` of the private mapping is a copy, not the file's.
inline bool HasCopy(const Mapping& m, int page) { return ((m.copied >> page) & 1) != 0; }

// True if page `page` of the mapping has a guard marker: each access is VM_FAULT_SIGSEGV
// (mm/memory.c handle_pte_marker), also beyond the end of the file.
inline bool IsGuarded(const Mapping& m, int page) { return ((m.guards >> page) & 1) != 0; }

using AddressSpace = std::array<Mapping, kMaxMaps>;

enum class TaskState : uint8_t { kFree = 0, kRunning = 1, kZombie = 2 };

struct Task {
  Field<TaskState> state = TaskState::kFree;
  Field<uint8_t> fds = 0;      // index of the descriptor table; threads share one
  Field<uint8_t> mm = 0;       // index of the address space; threads share one
  Field<uint8_t> parent = 0;   // task index + 1, or 0: the harness
  Field<uint8_t> vfork = 0;    // 1: the parent waits until this one ends or executes a program
  Field<uint8_t> program = 0;  // a child that is no task runs the program of this file, which
                               // nobody else has (mm->exe_file): index + 1, or 0: there is none
  Field<uint16_t> uid = 0;     // 0 has CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_SYS_PTRACE
  Field<uint8_t> mark = 0;
  Field<uint8_t> program_nondumpable = 0;  // of that child, 1: the task may not read what it runs
                                           // (fs/exec.c would_dump): as nondumpable
  Field<uint8_t> nondumpable = 0;  // 1: who is not root may not look into it (PR_SET_DUMPABLE); of
                                   // all with the same address space
  Field<uint8_t> own_noexec = 0;   // the only task of a pid namespace below that of all others:
                                   // vm.memfd_noexec there, plus one; else 0
  Field<uint32_t> fsize = 0;       // RLIMIT_FSIZE in bytes, plus one: 1 .. kMaxPos + 1 (with huge
                                   // pages: as much as they can be); 0: no limit

  friend bool operator==(const Task&, const Task&) = default;
};

// A descriptor in flight (SCM_RIGHTS), in order of sending.
struct Message {
  Field<uint8_t> file = 0;   // the file passed: index + 1, or 0: this slot is free
  Field<uint8_t> inode = 0;  // the socket pair it travels in: index + 1; or 0: the
                             // harness's own channel to task `end`
  Field<uint8_t> end = 0;    // the receiving end, or the receiving task
  Field<uint8_t> mark = 0;

  friend bool operator==(const Message&, const Message&) = default;
};

// The holder of a buffer that is registered with the io_uring of `task`.
constexpr uint8_t RingOf(int task) { return static_cast<uint8_t>(kMaxInodes + 1 + task); }

// A buffer of a pipe, in order of filling, or one that is registered with io_uring: half
// pages [begin, end) of a page.  The page is the file's own, not a copy, for as long as the
// file has it.
struct PipeBuffer {
  Field<uint8_t> pipe = 0;            // the pipe's inode: index + 1, or RingOf(task), or 0: this
                                      // slot is free
  Field<uint8_t> inode = 0;           // the file's: index + 1, or 0: no file has the page any more
  Field<uint8_t> page = 0;            // of the file
  Field<uint8_t> begin = 0, end = 0;  // samples, 0 .. kSamplesPerPage; both 0: a write that failed
                                      // left it
  Field<uint8_t> merges = 0;          // PIPE_BUF_FLAG_CAN_MERGE: a write goes on behind its end
  Field<uint8_t> at = 0;              // of a ring: page of the arena under whose addresses it was
                                      // registered, plus one
  std::array<Field<uint8_t>, kSamplesPerPage> bytes{};  // contents, if no file has it

  friend bool operator==(const PipeBuffer&, const PipeBuffer&) = default;
};

// The half page of the arenas at which a registered buffer begins: a multiple of kSampleStride.
inline int HalfPageOf(const PipeBuffer& b) { return (b.at - 1) * kSamplesPerPage + b.begin; }

// `mark` bytes are ghost facts of a property ("made after the seal").  The
// model never reads them; it copies them with their object (a split mapping, a
// forked table) and clears them when the object goes.
struct State {
  Limits limits;
  Field<uint8_t> noexec = 0;  // vm.memfd_noexec, 0 .. kMaxNoexec, of the pid namespace of all
                              // tasks that have none of their own
  std::array<Inode, kMaxInodes> inodes{};
  std::array<File, kMaxFiles> files{};
  std::array<Task, kMaxTasks> tasks{};
  std::array<FdTable, kMaxTasks> fds{};
  std::array<AddressSpace, kMaxTasks> mms{};
  std::array<Message, kMaxMessages> messages{};
  std::array<PipeBuffer, kMaxBuffers> buffers{};

  friend bool operator==(const State&, const State&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const State& s) {
    return H::combine(std::move(h), s.ToBytes());
  }

  // Every field in a fixed order; two states are equal iff these are.
  std::string ToBytes() const;
};

// A state in which tasks 0 .. uids.size() - 1 run unrelated to one another,
// with no descriptors and no mappings; task i has uids[i].  At most
// limits.tasks of them are made.
State InitialState(const Limits& limits, const std::vector<int>& uids);

// Checks every structural invariant: references point at live objects, no live
// file is unreferenced, mappings are sorted and disjoint, tables of dead tasks
// are empty, seals of a write-sealed inode agree with its mappings' may-bits.
// Returns InternalError naming the first violation.
absl::Status Validate(const State& state);

// One line an object, for people: tasks, descriptors, files, mappings, inodes.
std::string ToString(const State& state);

// ---- Derived facts ----

// True if the task waits in vfork for a child: it makes no call.
bool WaitsInVfork(const State& state, int task);

// Number of descriptors, mappings, messages and programs that hold file `file` (index).
int FileReferences(const State& state, int file);

// True if some mapping of the inode has VM_SHARED (and VM_MAYWRITE, if
// `need_maywrite`): i_mmap_writable > 0.  Kernels before 6.7 count VM_SHARED
// alone (mm/mmap.c __vma_link_file), later ones both.
bool HasWritableMapping(const State& state, int inode, bool need_maywrite);

// File::flags of a file that was opened with these flags.
uint8_t FileFlagsOf(int64_t flags);

// f_flags as F_GETFL gives them.
int64_t StatusFlagsOf(const File& file, const Inode& inode);

// i_writecount of the inode: files that were opened for writing, and still are, see File::writer;
// or minus the programs of it that run (deny_write_access), which it is never beside.
int WritersOf(const State& state, int inode);

// True if a file of the inode has a delegation (F_SETDELEG): a change of the inode's attributes
// has to wait for it, even of its times.
bool HasDelegation(const State& state, int inode);

// Drops files that nothing refers to, then inodes that no file refers to, then
// messages whose receiving end is gone, until nothing changes.
void ReleaseUnreferenced(State& state);

// The descriptor's file index in `task`'s table, or -1 if `fd` is not open.
// Any integer is allowed for `fd`.
inline int FileOf(const State& state, int task, int64_t fd) {
  if (fd < kFirstFd || fd >= kFirstFd + state.limits.fds) return -1;
  return state.fds[state.tasks[task].fds][fd - kFirstFd].file - 1;
}

// The lowest descriptor >= min that is closed, or -1 if the table is full.
int LowestFreeFd(const State& state, int task, int64_t min = kFirstFd);

// True if some file is this end, 0 or 1, of socket pair `inode` (index).
bool EndIsOpen(const State& state, int inode, int end);

// Who holds pages, a pipe (index of its inode + 1) or RingOf(task), lets go of all of them.
void DropBuffersOf(State& state, int holder);

// The pages of the inode that are in a pipe, in a registered buffer or in a dmabuf, one bit each.
uint8_t PinnedPages(const State& state, int inode);

// True if `task` has a buffer registered with its io_uring.
bool HasRegisteredBuffers(const State& state, int task);

// The pages of the inode in [first, end) leave the file: who pins them keeps them as they are.
// True if somebody does.
bool DetachPages(State& state, int inode, int first, int end = kMaxPages);

// One bit for each inode that a file refers to: bit i + 1 for inode i.
uint32_t ReferencedInodes(const State& state);

// True while the socket at the message's end is open, or its task runs.
bool CanBeReceived(const State& state, const Message& message);

// A free slot, or -1 if the limit is reached.
int FreeFile(const State& state);
int FreeInode(const State& state);

// Index of the mapping of `task` that contains arena page `page`, or -1.
int MappingAt(const State& state, int task, int page);

}  // namespace selkie

#endif  // SELKIE_MODEL_STATE_H_
