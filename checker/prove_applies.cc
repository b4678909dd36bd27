// To which calls and rules the prover's argument applies: docs/proof.md, "Side conditions".
// What is not known to be covered is refused.
#include <algorithm>
#include <iterator>

#include "checker/prove.h"
#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

// Calls that act on one inode, through one descriptor or one mapping of one page.  One that is
// added to the model is refused until it is named here.
constexpr Op kOfOneInode[] = {Op::kMemfdCreate,
                              Op::kAddSeals,
                              Op::kGetSeals,
                              Op::kGetFl,
                              Op::kSetFl,
                              Op::kDupFd,
                              Op::kDupFdCloexec,
                              Op::kGetFd,
                              Op::kSetFd,
                              Op::kOpen,
                              Op::kOpenat,
                              Op::kClose,
                              Op::kDup,
                              Op::kDup2,
                              Op::kDup3,
                              Op::kRead,
                              Op::kPread,
                              Op::kPwrite,
                              Op::kLseek,
                              Op::kFtruncate,
                              Op::kTruncate,
                              Op::kFallocate,
                              Op::kMmap,
                              Op::kMunmap,
                              Op::kMprotect,
                              Op::kMremap,
                              Op::kMadvise,
                              Op::kMsync,
                              Op::kMseal,
                              Op::kLoad,
                              Op::kRemapFilePages,
                              Op::kStore,
                              Op::kMemWrite,
                              Op::kFstat,
                              Op::kFchmod,
                              Op::kProcessVmWritev,
                              Op::kChmod,
                              Op::kFchown,
                              Op::kFork,
                              Op::kExec,
                              Op::kExit,
                              Op::kSendFd,
                              Op::kRecvFd,
                              Op::kPidfdGetfd,
                              Op::kOpenByHandle,
                              Op::kSetAttr,
                              Op::kSetXattr,
                              Op::kFileSetattr,
                              Op::kFileSetattrAt,
                              Op::kFchmodat2,
                              Op::kOpenEmptyPath,
                              Op::kPtracePoke,
                              Op::kOpenat2,
                              Op::kLinkat,
                              Op::kFsetAcl,
                              Op::kSetAcl,
                              Op::kFuseMmap,
                              Op::kExtension,
                              Op::kUringRegister,
                              Op::kUringUnregister,
                              Op::kUringReadFixed,
                              Op::kUdmabufCreate,
                              Op::kDmabufStore,
                              Op::kWriteProgram,
                              Op::kRunProgram,
                              Op::kEndProgram,
                              Op::kOpenExe,
                              Op::kReadv,
                              Op::kPreadv,
                              Op::kPreadv2,
                              Op::kPwritev,
                              Op::kFchownat,
                              Op::kChown,
                              Op::kCreatedQuery,
                              Op::kFsync,
                              Op::kFdatasync,
                              Op::kSyncFileRange,
                              Op::kFadvise,
                              Op::kReadahead,
                              Op::kFutimens,
                              Op::kUtimensat};

// Calls between whose steps the protocol's descriptors stay those of one inode.
constexpr Op kOfProtocols[] = {Op::kAddSeals, Op::kDupFd,     Op::kDupFdCloexec, Op::kClose,
                               Op::kDup,      Op::kDup2,      Op::kDup3,         Op::kOpen,
                               Op::kFchmod,   Op::kFtruncate, Op::kExtension};

template <size_t N>
bool Has(const Op (&ops)[N], Op op) {
  return std::find(std::begin(ops), std::end(ops), op) != std::end(ops);
}

// A range of more than one page may be of several mappings.
bool SeveralPages(const CallTemplate& line) {
  switch (line.call.op) {
    case Op::kMunmap:
    case Op::kMprotect:
    case Op::kMadvise:
    case Op::kMsync:
    case Op::kMseal:
    case Op::kRemapFilePages:
    case Op::kUringRegister:
    case Op::kMremap:
      return static_cast<uint64_t>(line.call.arg[1]) > static_cast<uint64_t>(kPageSize) ||
             (line.call.op == Op::kMremap && line.call.arg[2] > kPageSize);
    default: return false;
  }
}

const char* WhyNotCall(const CallTemplate& line) {
  const Op op = line.call.op;
  if (!Has(kOfOneInode, op))
    return "it may relate two inodes, or depends on what the argument does not keep (file "
           "positions, shared tables, sockets, pipes)";
  if (MakesHugetlb(line.call)) return "it makes a memfd of huge pages, whose size mmap changes";
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(op))) {
    const bool wild = WordsOf(arg.kind) > 0 && line.wild[word] != Wild::kNone;
    const int64_t value = line.call.arg[word];
    if (arg.kind == ArgKind::kFd && !wild) return "it names a descriptor by number";
    if (arg.kind == ArgKind::kTask && !wild) return "it names a task by number";
    if (arg.kind == ArgKind::kAddress && !wild && value != kNull)
      return "it names an address by number";
    if (wild && value != 0) return "it names a place beside a mapping";
    if (arg.kind == ArgKind::kPath &&
        ((!wild && !IsOwnPath(value)) || line.wild[word + 1] == Wild::kNone))
      return "it names a descriptor or task by number";
    word += WordsOf(arg.kind);
  }
  if (SeveralPages(line)) return "it is about more than one page, perhaps of several mappings";
  if ((op == Op::kDupFd || op == Op::kDupFdCloexec) && line.call.arg[1] > kFirstFd)
    return "it asks for a descriptor by number";
  if (line.words[1] >= 0 && op != Op::kDup2 && op != Op::kDup3) return "it names two objects";
  return nullptr;
}

}  // namespace

std::string WhyNotProvable(const Property& property, const Semantics& semantics,
                           const std::vector<CallTemplate>& alphabet) {
  for (const CallTemplate& line : alphabet)
    if (const char* why = WhyNotCall(line))
      return fmt::format("{}: {}: {}", property.file, line.text, why);
  for (const Rule& rule : semantics.rules)
    if (rule.point == Point::kDup && rule.effect == EffectKind::kClearFile)
      return fmt::format("{}:{}: rule {}: it changes a file even if the call then fails", rule.file,
                         rule.line, rule.name);
  const auto fresh =
      std::find_if(semantics.rules.begin(), semantics.rules.end(),
                   [](const Rule& rule) { return rule.effect == EffectKind::kFreshInode; });
  for (const ProtocolStep& step : semantics.protocol.steps) {
    if (!Has(kOfProtocols, step.call.op))
      return fmt::format("{}: protocol step '{}': it may lead to another inode", semantics.name,
                         step.text);
    if (step.call.op == Op::kOpen && fresh != semantics.rules.end())
      return fmt::format("{}:{}: rule {} gives the protocol's '{}' another inode", fresh->file,
                         fresh->line, fresh->name, step.text);
  }
  return "";
}

}  // namespace selkie
