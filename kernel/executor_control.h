// The block of memory that all tasks of a run share: the calls, what the model
// says of each, what the kernel gave, and whose turn it is.
//
// The model runs first and writes the calls with their expected results and
// states here (lockstep.h).  Then the processes that are the tasks execute the
// calls: a task makes its calls one after another for as long as the next call
// is its own, and passes the turn on otherwise.  Nothing but plain data is in
// the block, so that a task that has executed a new program can go on with it.
#ifndef SELKIE_KERNEL_EXECUTOR_CONTROL_H_
#define SELKIE_KERNEL_EXECUTOR_CONTROL_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <type_traits>

#include "model/call.h"
#include "model/limits.h"
#include "model/result.h"
#include "model/state.h"

namespace selkie {

inline constexpr int kMaxCalls = 512;  // of one sequence

// Fixed addresses, in a part of the address space that neither a program nor its
// libraries, its stack or a sanitizer's shadow use.  kRoom around the arena
// stays empty, so that a call with a wrong address hits nothing.
inline constexpr int64_t kArenaBase = 0x2000'0000'0000;
inline constexpr int64_t kControlBase = 0x2100'0000'0000;
inline constexpr int64_t kStackBase = 0x2200'0000'0000;
inline constexpr int64_t kRoom = int64_t{1} << 39;
inline constexpr int64_t kArenaBytes = int64_t{kArenaPages} * kPageSize;
inline constexpr int64_t kHugeArenaBytes = int64_t{kMaxHuge} * kHugePageSize;

// Stacks of tasks that share an address space with another.
inline constexpr int kStacks = kMaxTasks + 1;  // the last for a process that lives for one call
inline constexpr int64_t kStackBytes = 256 * 1024;

// Descriptors of the harness, above every RLIMIT_NOFILE that a run sets.
inline constexpr int kControlFd = 100;
inline constexpr int kProgramFd = 101;      // this program's own file, for exec
inline constexpr int kMapsFd = 102;         // /proc/self/maps of the harness's own process
inline constexpr int kSourceFd = 103;       // a socket from which io_uring reads
inline constexpr int kSourceEndFd = 104;    // its other end
inline constexpr int kTmpfsFd = 105;        // the root of a tmpfs that is mounted nowhere
inline constexpr int kUdmabufFd = 106;      // /dev/udmabuf
inline constexpr int kFuseFd = 107;         // the root of a FUSE mount, a file (fuse_server.h)
inline constexpr int kRegularFd = 108;      // a regular file that is of no tmpfs
inline constexpr int kSendFdBase = 110;     // + task: the sending end of its channel
inline constexpr int kReceiveFdBase = 120;  // + task: the receiving end

inline constexpr int kPidfdBase = 130;  // or above: a task, for one call

inline constexpr int kHarness = kMaxTasks;  // in the place of a task

// What of the state that no call returned was different.
enum class StateField : uint8_t {
  kNone,
  kDescriptorOpen,     // object: descriptor; values 0 or 1
  kDescriptorCloexec,  // object: descriptor
  kStatusFlags,        // object: descriptor; F_GETFL
  kPosition,           // object: descriptor
  kSameInode,          // object: descriptor; values: inode number in the model
  kSeals,              // object: descriptor
  kSize,               // object: descriptor
  kBlocks,             // object: descriptor; st_blocks
  kMode,               // object: descriptor
  kFileByte,           // object: descriptor, offset
  kVmas,               // values 0 or 1: /proc/self/maps could be read
  kMapped,             // offset: address; values 0 or 1
  kMapEnd,             // offset: address; an address
  kMapProt,            // offset: address; PROT_* bits
  kMapShared,          // offset: address; values 0 or 1
  kMapOffset,          // offset: address; an offset in the file
  kMapInode,           // offset: address; inode number in the model
  kMapMay,             // offset: address; VM_MAY* as PROT_* bits
  kVmShared,           // offset: address; values 0 or 1
  kVmDontcopy,         // offset: address; values 0 or 1
  kVmLocked,           // offset: address; kMapLocked and kMapLockOnFault
  kVmGuarded,          // offset: address
  kGuardMarker,        // offset: address
  kVmLck,              // kilobytes
  kDumpable,           // PR_GET_DUMPABLE
  kOwner,              // object: descriptor; a user
  kLinks,              // object: descriptor; st_nlink
  kMappedByte,         // offset: address; a byte, or minus a signal
  kMayWrite,           // offset: address; values 0 or 1
  kModified,           // object: descriptor; values 0 or 1: the call set the modification time
  kFdinfoPosition,     // object: descriptor
  kFdinfoFlags,        // object: descriptor; f_flags with O_CLOEXEC
};

struct StateDifference {
  StateField field = StateField::kNone;
  uint8_t task = 0;    // who saw it
  int32_t object = 0;  // by field
  int64_t offset = 0;  // by field
  int64_t expected = 0;
  int64_t got = 0;
};

// A task as the harness knows it.
struct TaskRecord {
  int32_t pid = 0;    // 0: this slot is free
  int8_t stack = -1;  // index of its stack, or -1: its process's own
  bool running = false;
};

// The context for asynchronous writes of the process `pid`, which is a task.
struct AioRecord {
  int32_t pid = 0;
  uint64_t context = 0;
};

// A write by an io_uring of its own, and what it gave: minus errno, or a count.
struct RingWrite {
  int32_t fd = -1;
  int64_t buffer = 0, count = 0, offset = 0;
  int64_t result = 0;
};

// The io_uring of the process `pid`, which is a task: where it is mapped, and offsets in it.
struct RingRecord {
  int32_t pid = 0;
  int32_t fd = -1;
  bool registered = false;  // may have buffers
  int64_t base = 0, entries = 0;
  uint32_t tail = 0, array = 0, event_head = 0, event_tail = 0, events = 0, event_mask = 0;
};

// Between who opens the FUSE file and its server.
struct FuseFile {
  bool served = false;                   // there is one
  std::atomic<int32_t> fd{-1};           // of who opens: what is to stand behind the file
  std::atomic<uint32_t> opened = 0;      // how many times it was opened, as the server sees it
  std::atomic<uint32_t> given_back = 0;  // and how many times the server holds nothing any more
};

// A mapping that the kernel placed outside the arena.
struct Stray {
  int32_t task = 0;
  int64_t address = 0;
  int64_t length = 0;
};

// What the task whose turn it is does: its calls, or the comparison of its
// descriptors and mappings with the last state.
enum class Command : uint8_t { kRun, kProbe };

struct Control {
  // The plan.
  int32_t count = 0;
  int32_t nofile = 0;                   // RLIMIT_NOFILE
  bool limits_size = false;             // some call sets RLIMIT_FSIZE
  bool sets_dumpable = false;           // some call is PR_SET_DUMPABLE
  bool sets_noexec = false;             // some call sets vm.memfd_noexec
  bool maps_huge = false;               // some call makes a memfd of huge pages
  bool may_set_noexec = false;          // and may: nobody else is under it
  bool counts_locked = false;           // some call locks memory, and none loses count of it
  bool stop_at_difference = true;       // else the kernel's answers are only collected
  bool probe_each = false;              // compare the state after each call, not at the end
  std::array<bool, kMaxCalls> probe{};  // or after this call
  bool thorough = false;                // load every page and read VmFlags, which takes long
  std::array<Call, kMaxCalls> calls;
  std::array<Result, kMaxCalls> expected;
  std::array<State, kMaxCalls + 1> states;  // before the first call, after each

  int32_t hang_seconds = 0;  // RunOptions

  // The outcome.
  int32_t next = 0;                   // calls before this one have been dealt with
  bool differs = false;               // call next - 1, or the state after it
  std::array<Result, kMaxCalls> got;  // kBound: not run
  StateDifference difference;
  int64_t executed = 0;          // calls compared
  int64_t succeeded = 0;         // of these, calls that gave a value
  int64_t state_checks = 0;      // facts of the state compared
  std::atomic<int64_t> beat{0};  // grows with every run and every call: who looks on sees progress
  std::atomic<int32_t> at{-1};   // the call that the kernel has not come back from yet, or -1
  uint8_t aged = 0;              // bit i: inode i has had its modification time put back
                                 // before the call (modification_time.h)
  std::array<Stray, 4> strays;   // to be unmapped at the end
  int32_t num_strays = 0;

  // The turn.
  std::array<std::atomic<uint32_t>, kMaxTasks + 1> go{};  // futexes
  int32_t harness_pid = 0;                                // tasks end when it is gone
  int32_t here = -1;  // the task that the harness's own process is, or -1
  Command command = Command::kRun;
  bool keep = false;                  // tasks that were compared undo what they did, and stay
  std::array<bool, kMaxTasks> ran{};  // has made a call
  std::array<TaskRecord, kMaxTasks> tasks;
  std::array<AioRecord, kMaxTasks + 1> aio;  // the last is the harness's own
  std::array<RingRecord, kMaxTasks + 1> rings;
  RingWrite ring_write;
  std::array<int32_t, kMaxTasks> programs{};  // the process that runs one for the task, or 0
  int64_t program_error = 0;                  // why one is not run: minus errno
  FuseFile fuse;
  bool made_tasks = false;  // there are, or were, processes to wait for
  int32_t exiting_pid = 0;  // the harness waits for its end before the next call
  int32_t exiting_task = 0;
  std::atomic<int32_t> crash_signal{0};  // a task died in the harness's own code
  std::atomic<int32_t> crash_task{0};

  alignas(4096) std::array<uint8_t, 65536> buffer;  // of read and write
};
static_assert(std::is_trivially_destructible_v<Control>);

// The control block of this process, once it is mapped.
inline Control& TheControl() {
  return *reinterpret_cast<Control*>(static_cast<uintptr_t>(kControlBase));
}

}  // namespace selkie

#endif  // SELKIE_KERNEL_EXECUTOR_CONTROL_H_
