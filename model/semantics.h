// Semantics: the rules that differ between kernels and between proposals.
//
// A semantics is a text (model/semantics/*.sem, docs/semantics-language.md)
// compiled once to tests on bits.  At each decision point a call collects the
// facts in view into one 64-bit word; a rule applies if the word satisfies one
// of its terms.  Rules are tried in order, which is errno precedence.
#ifndef SELKIE_MODEL_SEMANTICS_H_
#define SELKIE_MODEL_SEMANTICS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/call.h"
#include "model/condition.h"
#include "model/limits.h"

namespace selkie {

// Where rules may speak.  Extension points (calls that a semantics declares)
// follow: kExtension + index of the call.
enum class Point : uint8_t {
  kCreate,     // memfd_create, before a descriptor is allocated
  kAddSeals,   // fcntl F_ADD_SEALS, after fdget
  kOpenProc,   // open of a /proc/PID/fd/N link, after the permission check
  kDup,        // dup, dup2, dup3, F_DUPFD, after fdget
  kRead,       // read and pread, after FMODE_READ
  kWrite,      // each chunk of write and pwrite (write_begin)
  kTruncate,   // any change of size by truncate, ftruncate, O_TRUNC (setattr)
  kFallocate,  // after FMODE_WRITE
  kMmap,       // after the descriptor's own checks
  kMprotect,   // each mapping in the range, before VM_MAYWRITE is checked
  kMremap,     // before anything moves
  kChmod,      // after ownership
  kFork,
  kSend,         // sendmsg with SCM_RIGHTS
  kSupport,      // where a kernel that does not know a call, flag or advice refuses it
  kRemove,       // madvise(MADV_REMOVE), each mapping, before fallocate
  kMemWrite,     // a write to /proc/PID/mem, at a mapping that the task could not
                 // itself write
  kSetAcl,       // a POSIX ACL that is a mode, after ownership
  kUdmabuf,      // UDMABUF_CREATE, after the kind of file
  kDmabufMmap,   // mmap of a dmabuf for writing: the inode is that of its pages
  kBackingMmap,  // mmap of a FUSE file that passes the memfd through
  kExtension,
};
inline constexpr int kMaxExtensions = 4;
inline constexpr int kNumPoints = static_cast<int>(Point::kExtension) + kMaxExtensions;

// A set of facts is a range of bits in the word.  Names in conditions.
enum class FactSet : uint8_t {
  kSeals,    // "seals": the inode's seals
  kAdding,   // "adding": seals asked for by F_ADD_SEALS
  kFile,     // "file": f_mode READ WRITE PATH PWRITE of the descriptor, or of the
             // file behind a /proc link
  kWant,     // "want": READ WRITE TRUNC PATH asked for by open
  kProt,     // "prot": READ WRITE EXEC asked for
  kMay,      // "may": READ WRITE EXEC of the mapping
  kMask,     // "mask": READ WRITE EXEC, the inode's own mask
  kArg,      // "arg": READ WRITE EXEC, argument of an extension
  kFlags,    // "flags": CLOEXEC ALLOW_SEALING HUGETLB NOEXEC_SEAL EXEC OTHER, of
             // memfd_create
  kFeature,  // "feature": what the call needs that older kernels do not have
  kScope,    // "scope": NOEXEC_SEAL ENFORCED, what vm.memfd_noexec asks of a new memfd
};
struct FactLayout {
  int shift;
  int width;
};
// By FactSet: where each set stands in the word.
// kFeature is alone where it is in view, and is one number: see Feature.
inline constexpr FactLayout kFactLayout[] = {{0, 8},  {8, 8},  {16, 4}, {20, 4}, {24, 3}, {27, 3},
                                             {30, 3}, {33, 3}, {36, 6}, {0, 8},  {56, 2}};
// The lowest bits of a word, 1 .. 64 of them.
constexpr uint64_t LowBits(int count) { return ~uint64_t{0} >> (64 - count); }
// What kSupport is asked for: the numbers of FactSet::kFeature, in the order of its names
// (model/semantics_words.cc).
enum class Feature : uint8_t {
  kPopulate,      // MADV_POPULATE_READ and _WRITE: 5.14
  kMseal,         // mseal: 6.10
  kNoappend,      // RWF_NOAPPEND: 6.9
  kDontunmap,     // MREMAP_DONTUNMAP of a file's mapping: 5.13
  kLocked,        // MADV_DONTNEED_LOCKED: 5.18
  kNosignal,      // RWF_NOSIGNAL: 6.18
  kChattr,        // FS_IOC_SETFLAGS of a memfd: 6.0
  kDirect,        // O_DIRECT of a memfd: 6.6
  kSeveral,       // mremap moves several mappings at once: 6.17
  kRounded,       // MREMAP_DONTUNMAP with lengths that differ within a page: 6.17
  kZombie,        // to look at the descriptors of an ended task of one's own: 7.2
  kHoles,         // MADV_POPULATE_* ends at a hole: 6.9
  kRangeCloexec,  // CLOSE_RANGE_CLOEXEC: 5.11
  kEmptypath,     // O_EMPTYPATH: 7.2
  kUnmapped,      // mremap looks for the mapping first: see Unmapped in mremap.cc
  kSendfile,      // sendfile puts the pages themselves into a pipe: 5.12, see Sendfile
  kNoexec,        // vm.memfd_noexec: 6.3
  kLower,         // vm.memfd_noexec can be lowered, see NoexecScope in create.cc: 6.6
  kHugeParts,     // parts of huge pages in files: see KnowsParts in hugetlb.cc
  kSeveralFiles,  // a buffer of io_uring in mappings of several files: 6.4
  kExecveCheck,   // AT_EXECVE_CHECK: 6.14
  kHugeLease,     // F_SETLEASE of a memfd of huge pages: until 6.19
  kUffdBeyond,    // UFFDIO_COPY beyond the end of the file is told apart: until 7.0
  kUdmabuf,       // /dev/udmabuf: 4.20
  kUringLeft,     // a short write by io_uring leaves f_pos: 6.1, see UringPwrite
  kUncleared,     // UDMABUF_CREATE takes pages that nobody has cleared: 6.11
  kDelegation,    // F_SETDELEG, F_GETDELEG: 6.19
  kPassthrough,   // FUSE_DEV_IOC_BACKING_OPEN: 6.9
  kPipeFault,     // a write to a pipe that fails with EFAULT leaves it alone: not from 5.5 to 6.12,
                  // see FaultInPipe in pipe.cc
  kOnFault,       // mlock2(MLOCK_ONFAULT) asks for no protection: 5.18
  kUnlocksPart,   // MREMAP_DONTUNMAP unlocks what it moves alone: 7.2, see Move
  kReadsHoles,    // what the kernel reads for itself stays a hole: 5.19, see NoteKernelRead
  kGuard,         // MADV_GUARD_INSTALL of a file's mapping: 6.15
  kUffdGuard,     // UFFDIO_COPY leaves a guard region as it is: 6.19, see UffdCopy
  kHugeDontneed,  // MADV_DONTNEED of huge pages: 5.18
  kHugeDofork,    // MADV_DOFORK of huge pages: until 6.19
  kHugeForce,     // FOLL_FORCE writes to huge pages: not from 6.1 to 6.12, see ForcePoke
  kHugeForceProt,   // and leaves them read-only: not on 5.10
  kHugeMremap,      // mremap moves huge pages: 5.16
  kFallocModes,     // fallocate: several modes at once are EOPNOTSUPP: 6.12
  kWriteZeroes,     // FALLOC_FL_WRITE_ZEROES: 6.17
  kLateName,        // a path is read after flags and a free descriptor: 7.0
  kOpenat2,         // openat2: 5.6
  kOpenat2Bit26,    // openat2 refuses that bit: 6.16, and 6.12.117
  kOpenat2Bit25,    // and that one: not 6.12.117
  kFchmodat2,       // fchmodat2: 6.6
  kFileSetattr,     // file_setattr: 6.17
  kXflagsMask,      // FS_IOC_FSSETXATTR refuses unknown flags first, and drops what is told and not
                    // set: 6.17
  kXflagVerity,     // FS_XFLAG_VERITY: 7.0
  kXflagCasefold,   // FS_XFLAG_CASEFOLD, FS_XFLAG_CASENONPRESERVING: 7.2
  kProcessMadvise,  // process_madvise: 5.10
  kSelfAdvice,      // of oneself it takes every advice: 6.13, see MayNotAdvise
  kSelfNice,        // and asks for no CAP_SYS_NICE: 6.12
  kOthersWillneed,  // MADV_WILLNEED of others: 5.15
  kEmptyAdvice,     // the advice is looked at where no range is given: 7.2
  kBackingAttr,     // FUSE asks for chattr of what it passes through: 7.3
  kVectorMode,      // readv, writev ask f_mode before the vector: 6.8
  kCopyOfNothing,   // copy_file_range of nothing asks no limit: 7.3
  kHandleMount,     // open_by_handle_at asks for the mount first: 6.11
  kNoexecFiles,     // sockets and pipes are of file systems with SB_I_NOEXEC: 7.1
  kCreateDirectory,  // O_CREAT with O_DIRECTORY is EINVAL: 6.4
  kDupfdQuery,       // F_DUPFD_QUERY: 6.10
  kCreatedQuery,     // F_CREATED_QUERY: 6.12
  kFadviseOffset,    // posix_fadvise looks at the offset: 7.1
  kSpliceRange,      // splice looks at the range before the pipe: 6.8
  kSpliceCut,        // and at as much of it as fits, where the pipe comes first: 5.5
  kNothingOfHuge,    // sendfile takes no bytes from huge pages: not on 6.1
  kMremapAligned,    // mremap looks at the new address before the mapping: 6.16, and 5.10
  kMremapOverlap,    // and at whether the ranges overlap: 6.17, and 5.10
  kGuardsAgree,      // remap_file_pages asks whether there are guard regions: 6.18.44
  kUringSigned,      // a buffer of io_uring has no negative length: 6.12
  kUringLong,        // a buffer of io_uring may be longer than 1 GiB: 7.2
  kLinkOwn,          // linkat of what one has opened oneself: 6.10
};
inline constexpr Feature kLastFeature = Feature::kLinkOwn;
struct FactSetSpec {
  FactSet set;
  std::string_view name;
  std::vector<std::string_view> bits;  // empty for seals: declared in the text
};

// Single facts: true or false.
enum class Fact : uint8_t {
  kShared = 42,     // "shared": VM_SHARED after the file's mode was considered
  kGrows,           // "grows": the call would extend the size
  kShrinks,         // "shrinks": the call would reduce the size
  kPunch,           // "punch": fallocate with PUNCH_HOLE
  kMapped,          // "mapped-shared": some mapping of the inode has VM_SHARED
  kMappedWritable,  // "mapped-writable": VM_SHARED and VM_MAYWRITE
  kExecutable,      // "executable": the inode's mode has an x bit
  kChangesExec,     // "changes-exec": chmod, or an ACL, would change an x bit
  kUnknownSeal,     // "unknown-seal": F_ADD_SEALS has a bit no seal declares
  kMemfd,           // "memfd": the inode is a memfd
  kOwner,           // "owner": the task owns the inode, or is root
  kMerges,          // "merges": an adjacent mapping of the same file and protection
                    // would be extended instead of a new one made (mmap_region)
  kPinned,          // "pinned": a page of the inode is in a pipe or a registered buffer
  kBadBuffer,       // "bad-buffer": what is to be written cannot be read
};
struct FactSpec {
  Fact fact;
  std::string_view name;
};

absl::Span<const FactSetSpec> FactSets();
absl::Span<const FactSpec> SingleFacts();
// "add_seals", "open_proc", ...; extensions are named by the semantics.
std::string_view PointName(Point point);

// The facts in view at a decision point.
struct Facts {
  uint64_t word = 0;
  uint64_t unknown = 0;  // bits that cost a search of the state, not looked up yet

  // Replaces the whole set; bits beyond its width are dropped.
  void Set(FactSet set, uint64_t bits) {
    const FactLayout at = kFactLayout[static_cast<int>(set)];
    const uint64_t mask = LowBits(at.width) << at.shift;
    word = (word & ~mask) | ((bits << at.shift) & mask);
  }
  uint64_t Get(FactSet set) const {
    const FactLayout at = kFactLayout[static_cast<int>(set)];
    return (word >> at.shift) & LowBits(at.width);
  }
  void Set(Fact fact, bool value) {
    const uint64_t bit = uint64_t{1} << static_cast<int>(fact);
    word = value ? word | bit : word & ~bit;
    unknown &= ~bit;
  }
};

enum class EffectKind : uint8_t {
  kRefuse,           // fail with `bits` as errno
  kAccept,           // no later rule at this point is tried
  kClearFile,        // clear `bits` in the open file description's f_mode
  kSetSeals,         // set `bits` in the inode's seals
  kAddAdding,        // add `bits` to the seals being added
  kClearMay,         // clear `bits` in the mapping's may-bits
  kClearMode,        // clear `bits` in the inode's permission bits
  kSetMask,          // set `bits` in the inode's mask
  kClearMask,        // clear `bits` in the inode's mask
  kKeepMask,         // mask &= argument of the extension
  kNewFile,          // an extension's result: a new descriptor to a new file on the
                     // same inode, with f_mode `bits`
  kFreshInode,       // open_proc: the new file gets an inode of its own, empty
  kUnmap,            // mmap: what MAP_FIXED replaces is gone from here on, even if a
                     // later rule refuses
  kClearPrivileges,  // fallocate: the set-user-id and set-group-id bits go, as of a write
  kExtend,           // write: the size grows to where the chunk begins, though nothing of it
                     // can be copied
  kSetFlags,         // create: as if `bits` had been among the flags, too
};

struct Rule {
  std::string name;
  Point point = Point::kCreate;
  EffectKind effect = EffectKind::kRefuse;
  int64_t bits = 0;
  std::vector<Term> terms;  // model/condition.h; an empty list never applies
  std::string text;         // the rule as written
  std::string file;         // where it stands
  int line = 0;
  std::string source;  // the comment before it: its authority
};

// A call that a semantics adds, made of effects alone.
struct Extension {
  std::string name;                        // F_DUP_READONLY
  std::string function;                    // "fcntl" or "ioctl": how it is written
  ArgKind arg = ArgKind::kLiteral;         // kLiteral: none; kSeals, or kFlags: PROT_*
  ReturnKind returns = ReturnKind::kZero;  // kFd if a rule makes a new file
};

struct SealName {
  std::string name;  // F_SEAL_WRITE
  uint8_t bits = 0;
};

// A step of a protocol: a call whose descriptors are the protocol's variables.
struct ProtocolStep {
  Call call;                 // argument words of descriptors hold variable
                             // indices instead of numbers
  int result_variable = -1;  // where a new descriptor goes, or -1
  std::string text;          // as written
  int line = 0;
};

// The user-space steps by which a library takes write access away.  Variable 0
// is the descriptor that the library is given, named `fd`.
struct Protocol {
  std::string title;
  std::vector<std::string> variables;
  std::vector<ProtocolStep> steps;
  int hand_out = 0;  // the variable that receivers are given afterwards
};

// A term of a rule, as Decide tries it.
struct TermOfRule {
  Term term;
  uint16_t rule = 0;  // index
  uint16_t next = 0;  // where the first term of the next rule at the point stands
};

// A text of a semantics.
struct SemanticsSource {
  std::string file;  // for messages
  std::string text;
};

// Seals and protocol of a semantics decide what "sealed" means in a property:
// the protocol has finished.
struct Semantics {
  std::string name;
  std::string doc;
  std::string extends;             // name of the base, or empty
  std::vector<std::string> bases;  // what it extends, nearest first, up to and including the
                                   // first kernel; none for a kernel
  bool is_kernel = false;          // what released kernels do, not a proposal
  bool unconfirmed = false;        // from sources: no such kernel was compared
  std::vector<SealName> seals;
  std::vector<Rule> rules;                             // all, in order, with inherited ones
  std::array<std::vector<TermOfRule>, kNumPoints> at;  // by point: see IndexRules
  std::array<uint64_t, kNumPoints> facts_read{};       // bits some rule reads
  std::vector<Extension> extensions;
  Protocol protocol;
  uint8_t known_seals = 0;               // bits of all declared seals
  uint8_t initial_mask = 7;              // Inode::mask of a new memfd
  uint32_t write_chunk = kPageSize;      // bytes that one write_begin covers, a power
                                         // of two
  std::string text;                      // the whole source, for `show`
  std::vector<SemanticsSource> sources;  // that text and all that it extends, down to the first
};

// Finds the text of a semantics by name, for `extends`.
using SemanticsLoader = std::function<absl::StatusOr<SemanticsSource>(std::string_view name)>;

// Compiles a semantics.  On bad text returns InvalidArgumentError
// "file:line:column: message" with the offending text and what was expected: of its form the first,
// else one line for each statement that is wrong (model/error_list.h).
absl::StatusOr<Semantics> ParseSemantics(const SemanticsSource& source,
                                         const SemanticsLoader& loader);

// Makes `at` and `facts_read` from `rules`.
void IndexRules(Semantics& semantics);

// Tries the rules at `point` in order.  `look_up` is called with `facts` if all
// that is known of them agrees with a term that reads unknown ones, and makes
// these known.  `act` is called with each rule that applies and is neither
// kRefuse nor kAccept; it may change `facts`, which later rules then see.  Returns
// the rule that refused, or null.  `last` receives the last rule that applied, if
// any; kUnmap does not count, as it shows only if a later rule refuses, nor does
// kClearPrivileges, as there may be none.
template <typename LookUp, typename Act>
const Rule* Decide(const Semantics& semantics, int point, Facts& facts, const Rule*& last,
                   LookUp look_up, Act act) {
  const std::vector<TermOfRule>& terms = semantics.at[point];
  for (size_t i = 0; i < terms.size();) {
    const Term& term = terms[i].term;
    if (((facts.word ^ term.want) & term.mask & ~facts.unknown) != 0) {
      ++i;
      continue;
    }
    if ((term.mask & facts.unknown) != 0) {
      look_up(facts);
      continue;
    }
    const Rule& rule = semantics.rules[terms[i].rule];
    i = terms[i].next;
    const bool shows =
        rule.effect != EffectKind::kUnmap && rule.effect != EffectKind::kClearPrivileges;
    if (shows) last = &rule;
    if (rule.effect == EffectKind::kRefuse) return &rule;
    if (rule.effect == EffectKind::kAccept) return nullptr;
    act(rule);
  }
  return nullptr;
}

}  // namespace selkie

#endif  // SELKIE_MODEL_SEMANTICS_H_
