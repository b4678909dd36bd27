// The words of the rule language: points, facts, bits and effects.
#include <algorithm>
#include <iterator>
#include <string>

#include "model/semantics_text.h"

namespace selkie {
namespace {

constexpr std::string_view kSealPrefix = "F_SEAL_";

constexpr std::string_view kPointNames[] = {
    "create",    "add_seals",   "open_proc", "dup",     "read",    "write",       "truncate",
    "fallocate", "mmap",        "mprotect",  "mremap",  "chmod",   "fork",        "send",
    "support",   "madv_remove", "mem_write", "set_acl", "udmabuf", "dmabuf_mmap", "backing_mmap"};
static_assert(std::size(kPointNames) == static_cast<size_t>(Point::kExtension));

// What is in view at a point besides what every point but `create` sees.
struct View {
  std::vector<FactSet> sets;
  std::vector<Fact> facts;
};

View ViewAt(int point) {
  const View mapping = {{FactSet::kProt, FactSet::kMay}, {Fact::kShared}};
  switch (static_cast<Point>(point)) {
    case Point::kCreate: return {{FactSet::kFlags, FactSet::kScope}, {}};
    case Point::kAddSeals: return {{FactSet::kAdding}, {Fact::kUnknownSeal, Fact::kPinned}};
    case Point::kOpenProc: return {{FactSet::kWant}, {}};
    case Point::kWrite: return {{}, {Fact::kGrows, Fact::kBadBuffer}};
    case Point::kTruncate: return {{}, {Fact::kGrows, Fact::kShrinks}};
    case Point::kFallocate: return {{}, {Fact::kGrows, Fact::kPunch}};
    case Point::kMmap: return {mapping.sets, {Fact::kShared, Fact::kMerges}};
    case Point::kBackingMmap:
    case Point::kMprotect:
    case Point::kMremap:
    case Point::kFork: return mapping;
    case Point::kRemove:
    case Point::kMemWrite: return mapping;
    case Point::kSupport: return {{FactSet::kFeature}, {}};
    case Point::kSetAcl:
    case Point::kChmod: return {{}, {Fact::kChangesExec}};
    case Point::kUdmabuf:
    case Point::kDmabufMmap:
    case Point::kDup:
    case Point::kRead:
    case Point::kSend: return {};
    default: return {{FactSet::kArg, FactSet::kAdding}, {Fact::kUnknownSeal}};
  }
}

// What every call sees of the inode, and of the file it goes through.
View CommonView(int point) {
  if (point == static_cast<int>(Point::kSupport)) return {};
  View view = {{FactSet::kSeals, FactSet::kMask}, {Fact::kExecutable, Fact::kMemfd, Fact::kOwner}};
  if (point == static_cast<int>(Point::kCreate)) return view;
  view.sets.push_back(FactSet::kFile);
  view.facts.push_back(Fact::kMapped);
  view.facts.push_back(Fact::kMappedWritable);
  return view;
}

constexpr std::string_view kModeBits[] = {"READ", "WRITE", "PATH", "PWRITE"};
constexpr std::string_view kWantBits[] = {"READ", "WRITE", "TRUNC", "PATH"};
constexpr std::string_view kProtBits[] = {"READ", "WRITE", "EXEC"};
constexpr std::string_view kFlagBits[] = {"CLOEXEC",     "ALLOW_SEALING", "HUGETLB",
                                          "NOEXEC_SEAL", "EXEC",          "OTHER"};

constexpr std::string_view kFeatureNames[] = {
    "POPULATE",         "MSEAL",           "NOAPPEND",        "DONTUNMAP",       "LOCKED",
    "NOSIGNAL",         "CHATTR",          "DIRECT",          "SEVERAL",         "ROUNDED",
    "ZOMBIE",           "HOLES",           "RANGE_CLOEXEC",   "EMPTYPATH",       "UNMAPPED",
    "SENDFILE",         "MEMFD_NOEXEC",    "LOWER",           "HUGE_PARTS",      "SEVERAL_FILES",
    "EXECVE_CHECK",     "HUGE_LEASE",      "UFFD_BEYOND",     "UDMABUF",         "URING_LEFT",
    "UNCLEARED",        "DELEGATION",      "PASSTHROUGH",     "PIPE_FAULT",      "ON_FAULT",
    "UNLOCKS_PART",     "READS_HOLES",     "GUARD",           "UFFD_GUARD",      "HUGE_DONTNEED",
    "HUGE_DOFORK",      "HUGE_FORCE",      "HUGE_FORCE_PROT", "HUGE_MREMAP",     "FALLOC_MODES",
    "WRITE_ZEROES",     "LATE_NAME",       "OPENAT2",         "OPENAT2_26",      "OPENAT2_25",
    "FCHMODAT2",        "FILE_SETATTR",    "XFLAGS_MASK",     "XFLAG_VERITY",    "XFLAG_CASEFOLD",
    "PROCESS_MADVISE",  "SELF_ADVICE",     "SELF_NICE",       "OTHERS_WILLNEED", "EMPTY_ADVICE",
    "BACKING_ATTR",     "VECTOR_MODE",     "COPY_OF_NOTHING", "HANDLE_MOUNT",    "NOEXEC_FILES",
    "CREATE_DIRECTORY", "DUPFD_QUERY",     "CREATED_QUERY",   "FADVISE_OFFSET",  "SPLICE_RANGE",
    "SPLICE_CUT",       "NOTHING_OF_HUGE", "MREMAP_ALIGNED",  "MREMAP_OVERLAP",  "GUARDS_AGREE",
    "URING_SIGNED",     "URING_LONG",      "LINK_OWN"};
static_assert(std::size(kFeatureNames) == static_cast<size_t>(kLastFeature) + 1);
static_assert(std::size(kFeatureNames) <=
              size_t{1} << kFactLayout[static_cast<int>(FactSet::kFeature)].width);
static_assert(kFactLayout[static_cast<int>(FactSet::kScope)].shift >
              static_cast<int>(Fact::kBadBuffer));
constexpr std::string_view kScopeBits[] = {"NOEXEC_SEAL", "ENFORCED"};

template <size_t N>
std::vector<std::string_view> List(const std::string_view (&names)[N]) {
  return {std::begin(names), std::end(names)};
}

const FactSetSpec& SpecOfSet(FactSet set) { return FactSets()[static_cast<int>(set)]; }

}  // namespace

absl::Span<const FactSetSpec> FactSets() {
  static const std::vector<FactSetSpec> sets = {{FactSet::kSeals, "seals", {}},
                                                {FactSet::kAdding, "adding", {}},
                                                {FactSet::kFile, "file", List(kModeBits)},
                                                {FactSet::kWant, "want", List(kWantBits)},
                                                {FactSet::kProt, "prot", List(kProtBits)},
                                                {FactSet::kMay, "may", List(kProtBits)},
                                                {FactSet::kMask, "mask", List(kProtBits)},
                                                {FactSet::kArg, "arg", List(kProtBits)},
                                                {FactSet::kFlags, "flags", List(kFlagBits)},
                                                {FactSet::kFeature, "feature", List(kFeatureNames)},
                                                {FactSet::kScope, "scope", List(kScopeBits)}};
  return sets;
}

absl::Span<const FactSpec> SingleFacts() {
  static constexpr FactSpec kFacts[] = {{Fact::kShared, "shared"},
                                        {Fact::kGrows, "grows"},
                                        {Fact::kShrinks, "shrinks"},
                                        {Fact::kPunch, "punch"},
                                        {Fact::kMapped, "mapped-shared"},
                                        {Fact::kMappedWritable, "mapped-writable"},
                                        {Fact::kExecutable, "executable"},
                                        {Fact::kChangesExec, "changes-exec"},
                                        {Fact::kUnknownSeal, "unknown-seal"},
                                        {Fact::kMemfd, "memfd"},
                                        {Fact::kOwner, "owner"},
                                        {Fact::kMerges, "merges"},
                                        {Fact::kPinned, "pinned"},
                                        {Fact::kBadBuffer, "bad-buffer"}};
  return kFacts;
}

std::string_view PointName(Point point) {
  const auto index = static_cast<size_t>(point);
  return index < std::size(kPointNames) ? kPointNames[index] : "extension";
}

std::vector<BitName> SealBits(const Semantics& semantics) {
  std::vector<BitName> names;
  for (const SealName& seal : semantics.seals)
    names.push_back({seal.name.substr(kSealPrefix.size()), seal.bits});
  return names;
}

std::vector<BitName> BitsOfSet(FactSet set, const Semantics& semantics) {
  if (set == FactSet::kSeals || set == FactSet::kAdding) return SealBits(semantics);
  std::vector<BitName> names;
  for (std::string_view name : SpecOfSet(set).bits)
    names.push_back(
        {std::string(name), set == FactSet::kFeature ? names.size() : uint64_t{1} << names.size()});
  return names;
}

Vocabulary VocabularyAt(int point, const Semantics& semantics) {
  Vocabulary vocabulary;
  for (const View& view : {CommonView(point), ViewAt(point)}) {
    for (FactSet set : view.sets) {
      const FactLayout at = kFactLayout[static_cast<int>(set)];
      vocabulary.sets.push_back({std::string(SpecOfSet(set).name), at.shift,
                                 BitsOfSet(set, semantics),
                                 set == FactSet::kFeature ? LowBits(at.width) : 0});
    }
    for (Fact fact : view.facts)
      for (const FactSpec& spec : SingleFacts())
        if (spec.fact == fact)
          vocabulary.facts.push_back({std::string(spec.name), static_cast<int>(fact)});
  }
  return vocabulary;
}

std::vector<std::string> PointNames(const Semantics& semantics) {
  std::vector<std::string> names(std::begin(kPointNames), std::end(kPointNames));
  for (const Extension& extension : semantics.extensions) names.push_back(extension.name);
  return names;
}

int PointByName(std::string_view name, const Semantics& semantics) {
  const std::vector<std::string> names = PointNames(semantics);
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<int>(i);
  return -1;
}

// Where an effect is listed, the call's file in model/ gives it something to
// act on and keeps what it did.
std::vector<EffectSpec> EffectSpecs() {
  using P = Point;
  using K = EffectKind;
  using O = Operand;
  const std::vector<P> inode = {P::kCreate,    P::kAddSeals, P::kRead,  P::kWrite, P::kTruncate,
                                P::kFallocate, P::kMmap,     P::kChmod, P::kSend,  P::kExtension};
  const std::vector<P> file = {P::kAddSeals, P::kOpenProc, P::kDup,       P::kRead,
                               P::kWrite,    P::kTruncate, P::kFallocate, P::kMmap,
                               P::kChmod,    P::kSend,     P::kExtension};
  return {
      {K::kRefuse, "refuse", O::kErrno, {}, {}},
      {K::kAccept, "accept", O::kNone, {}, {}},
      {K::kClearFile, "clear file", O::kBits, FactSet::kFile, file},
      {K::kSetSeals, "set seals", O::kBits, FactSet::kSeals, inode},
      {K::kAddAdding, "set adding", O::kBits, FactSet::kAdding, {P::kAddSeals, P::kExtension}},
      {K::kClearMay,
       "clear may",
       O::kBits,
       FactSet::kMay,
       {P::kMmap, P::kMprotect, P::kFork, P::kBackingMmap}},
      {K::kClearMode, "clear mode", O::kMode, {}, inode},
      {K::kSetMask, "set mask", O::kBits, FactSet::kMask, inode},
      {K::kClearMask, "clear mask", O::kBits, FactSet::kMask, inode},
      {K::kKeepMask, "keep mask arg", O::kNone, {}, {P::kExtension}},
      {K::kNewFile, "new file", O::kBits, FactSet::kFile, {P::kExtension}},
      {K::kFreshInode, "fresh inode", O::kNone, {}, {P::kOpenProc}},
      {K::kUnmap, "unmap", O::kNone, {}, {P::kMmap}},
      {K::kClearPrivileges, "clear privileges", O::kNone, {}, {P::kFallocate}},
      {K::kExtend, "extend", O::kNone, {}, {P::kWrite}},
      {K::kSetFlags, "set flags", O::kBits, FactSet::kFlags, {P::kCreate}},
  };
}

std::vector<std::string> PointsOf(const EffectSpec& effect) {
  std::vector<std::string> names;
  for (Point point : effect.points)
    names.emplace_back(point == Point::kExtension ? "a call of its own" : PointName(point));
  return names;
}

std::string_view SetName(FactSet set) { return SpecOfSet(set).name; }

bool ActsAt(const EffectSpec& effect, int point) {
  if (effect.points.empty()) return true;
  const Point known = static_cast<Point>(std::min(point, static_cast<int>(Point::kExtension)));
  return std::find(effect.points.begin(), effect.points.end(), known) != effect.points.end();
}

}  // namespace selkie
