// The one table of calls.
//
// Everything that has to know a call by name takes it from here: the scenario
// language, the generator, the checker's alphabet, the executor, JSON traces
// and the C export.  A call is an operation, the task that makes it, and a few
// integers; its row says what each integer is.
#ifndef SELKIE_MODEL_CALL_H_
#define SELKIE_MODEL_CALL_H_

#include <array>
#include <bitset>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace selkie {

enum class Op : uint8_t {
  kMemfdCreate,
  kAddSeals,
  kGetSeals,
  kGetFl,
  kSetFl,
  kDupFd,
  kDupFdCloexec,
  kGetFd,
  kSetFd,
  kOpen,
  kOpenat,
  kClose,
  kDup,
  kDup2,
  kDup3,
  kRead,
  kPread,
  kWrite,
  kPwrite,
  kLseek,
  kFtruncate,
  kTruncate,
  kFallocate,
  kWritev,
  kPwritev2,
  kSendfile,
  kCopyFileRange,
  kMmap,
  kMunmap,
  kMprotect,
  kMremap,
  kMadvise,
  kMsync,
  kMseal,
  kRemapFilePages,
  kLoad,
  kStore,
  kProcessVmWritev,
  kMemWrite,
  kFstat,
  kFchmod,
  kChmod,
  kFchown,
  kFork,
  kClone,
  kExec,
  kExit,
  kWait,
  kSocketpair,
  kSendmsg,
  kRecvmsg,
  kSendFd,
  kRecvFd,
  kPidfdGetfd,
  kCloseRange,
  kUnshare,
  kOpenByHandle,
  kSetAttr,
  kSetXattr,
  kFileSetattr,
  kFileSetattrAt,
  kFchmodat2,
  kPipe2,
  kSplice,
  kTee,
  kVmsplice,
  kAioPwrite,
  kOpenEmptyPath,
  kSetFsize,
  kUringRegister,
  kUringUnregister,
  kUringReadFixed,
  kOpenMapFile,
  kSetNoexec,
  kExecveat,
  kExecve,
  kPtracePoke,
  kLinkat,
  kOpenTmpfile,
  kSetLease,
  kGetLease,
  kSetDeleg,
  kGetDeleg,
  kUffdCopy,
  kFsetAcl,
  kSetAcl,
  kUdmabufCreate,
  kDmabufStore,
  kFuseMmap,
  kOpenOther,
  kUringPwrite,
  kGetPipeSize,
  kSetPipeSize,
  kMlock,
  kMlock2,
  kMunlock,
  kWriteProgram,
  kRunProgram,
  kEndProgram,
  kOpenExe,
  kOpenat2,
  kProcessMadvise,
  kReadv,
  kPreadv,
  kPreadv2,
  kSetDumpable,
  kPwritev,
  kFchownat,
  kChown,
  kDupFdQuery,
  kCreatedQuery,
  kFsync,
  kFdatasync,
  kSyncFileRange,
  kFadvise,
  kReadahead,
  kFutimens,
  kUtimensat,
  kExtension,
};

// A set of operations, by number.
using OpSet = std::bitset<128>;

// What an argument is.  `kLiteral` is text only and takes no word
// of Call::arg; `kPath` takes two (task, kSelf or kDevFd, descriptor); the others one.
enum class ArgKind : uint8_t {
  kLiteral,  // fixed text, such as F_ADD_SEALS or buf
  kName,     // of a string that names nothing, its length: kOrdinaryName, 0, or 249 and more;
             // or kNull
  kFd,       // a descriptor
  kPath,     // "/proc/self/fd/{fd}", "/dev/fd/{fd}" or "/proc/{task}/fd/{fd}"
  kFlags,    // bits with names, see ArgSpec::names
  kSeals,    // bits with names that the semantics declares
  kInt,
  kSize,     // a length or offset in bytes, may be negative
  kOffset,   // a pointer to an offset in bytes: kNoOffset for NULL, else its value, as [4096]
  kAddress,  // a byte address in the arena, or kNull
  kByte,     // the byte that a write or store repeats, as "x"; of "buf" also kNull: a
             // buffer that cannot be read
  kMode,     // permission bits, octal
  kTask,
  kExtension,     // name of a call that the semantics declares
  kExtensionArg,  // its argument: seals or PROT_* bits, 0 if it has none
};

// What a successful result is.
enum class ReturnKind : uint8_t {
  kZero,
  kFd,
  kFdPair,  // value and extra
  kCount,
  kCountData,  // a count and the bytes at the sampled offsets
  kSeals,
  kOpenFlags,
  kFdFlags,
  kBool,   // 0 or 1
  kLease,  // F_RDLCK, F_WRLCK or F_UNLCK
  kAddress,
  kByte,  // load: the byte read
  kOk,    // store, exit: nothing to return
  kStat,  // value is st_size, extra is st_mode & 07777
  kTask,
  kOffset,
};

// The kernel's families of calls, one model file each.
enum class Family : uint8_t {
  kCreate,      // create.cc
  kSeal,        // seal.cc
  kDescriptor,  // descriptor.cc
  kOpen,        // open.cc
  kReadWrite,   // read_write.cc
  kCopy,        // copy.cc: from one file to another
  kSize,        // size.cc
  kSync,        // sync.cc: what asks for pages to be written back, or gives advice of them
  kMap,         // map.cc
  kMemory,      // memory.cc: loads and stores by the program itself
  kRemote,      // remote.cc: memory of another task, and userfaultfd
  kExecute,     // execute.cc: files that are programs, or are not
  kInode,       // inode.cc
  kLease,       // lease.cc
  kProcess,     // process.cc
  kMessage,     // message.cc
  kPipe,        // pipe.cc
  kIoUring,     // io_uring.cc
  kOther,       // other.cc: files that are no memfds
  kUdmabuf,     // udmabuf.cc: dmabufs made of a memfd's pages
  kFuse,        // map.cc: a FUSE file that passes a memfd through
  kExtension,   // extension.cc: calls that a semantics declares
};

inline constexpr int64_t kNull = -1;   // kAddress, kByte, kName
inline constexpr int64_t kSelf = -1;   // kPath: /proc/self
inline constexpr int64_t kDevFd = -2;  // kPath: /dev/fd, a link to /proc/self/fd

// open, openat or openat2: of a kPath, with flags in arg[2].
constexpr bool OpensPath(Op op) {
  return op == Op::kOpen || op == Op::kOpenat || op == Op::kOpenat2;
}

// The task of a kPath is the caller.
constexpr bool IsOwnPath(int64_t task) { return task == kSelf || task == kDevFd; }

inline constexpr int64_t kNoOffset = std::numeric_limits<int64_t>::min();  // kOffset: NULL

// The longest name that memfd_create takes, in bytes (mm/memfd.c MFD_NAME_MAX_LEN), and the
// word that stands for any that is neither empty nor as long.
inline constexpr int64_t kLongestName = 249;
inline constexpr int64_t kOrdinaryName = 6;

// The word of a name of `length` bytes.
constexpr int64_t NameWord(size_t length) {
  const bool ordinary = length > 0 && length < kLongestName;
  return ordinary ? kOrdinaryName : static_cast<int64_t>(length);
}

// A name for one or more bits, or for a whole value if ArgSpec::one.
struct FlagName {
  std::string_view name;
  int64_t bits;
};

struct ArgSpec {
  ArgKind kind = ArgKind::kInt;
  std::string_view name;             // as in the man page; text of a kLiteral
  absl::Span<const FlagName> names;  // kFlags only; value 0 is written as the
                                     // entry with bits 0 if there is one
  bool one = false;                  // kFlags: one of the names, not a set of them
};

inline constexpr int kMaxArgs = 7;

struct CallSpec {
  Op op;
  std::string_view name;  // the function as written: fcntl, open, load
  Family family;
  ReturnKind returns;
  std::array<ArgSpec, kMaxArgs> args;
  int num_args;
};

inline constexpr int kMaxWords = 7;

struct Call {
  Op op = Op::kClose;
  uint8_t task = 0;  // index of the task that makes the call
  std::array<int64_t, kMaxWords> arg{};

  friend bool operator==(const Call&, const Call&) = default;
};

// memfd_create with MFD_HUGETLB.
bool MakesHugetlb(const Call& call);

// clone with CLONE_VFORK: the caller waits until the child has ended or executed a program.
bool IsVfork(const Call& call);

// mlock, mlock2, or mmap with MAP_LOCKED.
bool Locks(const Call& call);

// The advice that madvise or process_madvise gives; -1 of other calls.
int64_t AdviceOf(const Call& call);

// All rows, in the order of Op.
absl::Span<const CallSpec> CallTable();

// The row of one operation.
const CallSpec& SpecOf(Op op);

// The arguments that a row really has.
absl::Span<const ArgSpec> ArgsOf(const CallSpec& spec);

// Words of Call::arg that an argument of this kind takes: 0, 1 or 2.
int WordsOf(ArgKind kind);

// By word of Call::arg: all ones if the kernel takes it as int or unsigned int, 0
// if it is 64 bits wide.
const std::array<uint64_t, kMaxWords>& IntWordsOf(Op op);

// 0x80000000 to 0xffffffff, as C has them of an unsigned int, as the int of the same bits: the
// kernel looks at that half of a register.  Others as they are.
constexpr int64_t AsInt(int64_t word) {
  return word >= 0 && word <= std::numeric_limits<uint32_t>::max() ? static_cast<int32_t>(word)
                                                                   : word;
}

// The short name under which properties, JSON and options know a call: the
// function's own name, or F_ADD_SEALS and the like for fcntl's commands.
std::string_view ShortName(Op op);

// Rows whose function has this name (fcntl has several); empty if none.
std::vector<const CallSpec*> SpecsByName(std::string_view name);

// Values of flags as the x86-64 ABI has them, so that executor and model agree.
namespace abi {
inline constexpr int64_t kOAccMode = 03, kORdonly = 0, kOWronly = 1, kORdwr = 2;
inline constexpr int64_t kOTrunc = 01000, kOAppend = 02000, kONonblock = 04000;
inline constexpr int64_t kOLargefile = 0100000, kOCloexec = 02000000;
inline constexpr int64_t kOPath = 010000000, kOCreat = 0100, kOExcl = 0200;
inline constexpr int64_t kODirect = 040000, kODirectory = 0200000, kONofollow = 0400000;
inline constexpr int64_t kOAsync = 020000;
inline constexpr int64_t kOEmptypath = 0x4000000;
inline constexpr int64_t kFSealSeal = 1;
inline constexpr int64_t kFsImmutable = 0x10, kFsAppend = 0x20, kFsNodump = 0x40;
inline constexpr int64_t kXflagPrealloc = 0x2, kXflagImmutable = 0x8, kXflagAppend = 0x10,
                         kXflagSync = 0x20, kXflagNodump = 0x80, kXflagExtsize = 0x800,
                         kXflagExtszinherit = 0x1000, kXflagVerity = 0x20000,
                         kXflagCasefold = 0x40000, kXflagHasattr = 0x80000000;
inline constexpr int64_t kFdCloexec = 1;
inline constexpr int64_t kMfdCloexec = 1, kMfdAllowSealing = 2, kMfdHugetlb = 4;
inline constexpr int64_t kMfdHuge2Mb = int64_t{21} << 26, kMfdHugeMask = int64_t{0x3f} << 26;
inline constexpr int64_t kMfdNoexecSeal = 8, kMfdExec = 0x10;
inline constexpr int64_t kFallocKeepSize = 1, kFallocPunchHole = 2;
inline constexpr int64_t kMapShared = 1, kMapPrivate = 2, kMapFixed = 0x10;
inline constexpr int64_t kMapFixedNoreplace = 0x100000;
inline constexpr int64_t kMapLocked = 0x2000, kMapPopulate = 0x8000, kMapNonblock = 0x10000;
inline constexpr int64_t kMapShareValidate = 3, kMapAnonymous = 0x20, kMap32bit = 0x40;
inline constexpr int64_t kMapAbove4g = 0x80, kMapGrowsdown = 0x100, kMapDenywrite = 0x800;
inline constexpr int64_t kMapExecutable = 0x1000, kMapNoreserve = 0x4000, kMapStack = 0x20000;
inline constexpr int64_t kMapHugetlb = 0x40000, kMapSync = 0x80000;
inline constexpr int64_t kMapHugeSizes = int64_t{0x1f} << 26;  // of MAP_HUGE_2MB and MAP_HUGE_1GB
inline constexpr int64_t kProtSem = 8, kProtGrowsdown = 0x01000000, kProtGrowsup = 0x02000000;
inline constexpr int64_t kMlockOnfault = 1;
inline constexpr int64_t kMremapMaymove = 1, kMremapFixed = 2, kMremapDontunmap = 4;
inline constexpr int64_t kRwfNoappend = 0x20, kRwfAppend = 0x10, kRwfNowait = 8;
inline constexpr int64_t kSpliceMove = 1, kSpliceNonblock = 2, kSpliceMore = 4, kSpliceGift = 8;
inline constexpr int64_t kRwfNosignal = 0x100;
inline constexpr int64_t kSuidDumpDisable = 0, kSuidDumpUser = 1, kSuidDumpRoot = 2;
inline constexpr int64_t kRwfHipri = 1, kRwfDsync = 2, kRwfSync = 4;
inline constexpr int64_t kSyncWaitBefore = 1, kSyncWrite = 2, kSyncWaitAfter = 4;
inline constexpr int64_t kFadvNormal = 0, kFadvRandom = 1, kFadvSequential = 2;
inline constexpr int64_t kFadvWillneed = 3, kFadvDontneed = 4, kFadvNoreuse = 5;
inline constexpr int64_t kMsAsync = 1, kMsInvalidate = 2, kMsSync = 4;
inline constexpr int64_t kMadvNormal = 0, kMadvWillneed = 3, kMadvDontneed = 4, kMadvFree = 8;
inline constexpr int64_t kMadvRemove = 9, kMadvDontfork = 10, kMadvDofork = 11;
inline constexpr int64_t kMadvWipeonfork = 18, kMadvKeeponfork = 19, kMadvCold = 20;
inline constexpr int64_t kMadvPageout = 21, kMadvPopulateRead = 22, kMadvPopulateWrite = 23;
inline constexpr int64_t kMadvDontneedLocked = 24, kMadvGuardInstall = 102, kMadvGuardRemove = 103;
inline constexpr int64_t kCloseRangeUnshare = 2, kCloseRangeCloexec = 4;
inline constexpr int64_t kCloneVm = 0x100, kCloneFs = 0x200, kCloneFiles = 0x400,
                         kCloneVfork = 0x4000, kCloneNewpid = 0x20000000;
inline constexpr int64_t kAtFdcwd = -100, kAtSymlinkNofollow = 0x100, kAtSymlinkFollow = 0x400;
inline constexpr int64_t kAtEmptyPath = 0x1000, kAtExecveCheck = 0x10000;
inline constexpr int64_t kResolveNoXdev = 1, kResolveNoMagiclinks = 2, kResolveNoSymlinks = 4;
inline constexpr int64_t kResolveBeneath = 8, kResolveInRoot = 0x10, kResolveCached = 0x20;
inline constexpr int64_t kOTmpfile = 020000000 | kODirectory;
// Of open_other: what kinds of file there are.
inline constexpr int64_t kOtherEventfd = 0, kOtherEpoll = 1, kOtherTimerfd = 2, kOtherInotify = 3;
inline constexpr int64_t kOtherZero = 4, kOtherDirectory = 5, kOtherProcfs = 6, kOtherSecret = 7;
inline constexpr int64_t kOtherRegular = 8;
inline constexpr int64_t kSeekSet = 0, kSeekCur = 1, kSeekEnd = 2, kSeekData = 3, kSeekHole = 4;
}  // namespace abi

}  // namespace selkie

#endif  // SELKIE_MODEL_CALL_H_
