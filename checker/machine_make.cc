// How a Machine is made: calls compiled for the semantics, and from them the
// layout of packed states and what is interchangeable.
#include <algorithm>
#include <set>

#include "checker/machine.h"
#include "fmt/format.h"

namespace selkie {
namespace {

OpSet OpBit(Op op) { return OpSet().set(static_cast<size_t>(op)); }
static_assert(static_cast<size_t>(Op::kExtension) < OpSet().size());

template <typename... Ops>
OpSet OpBits(Ops... ops) {
  return (OpBit(ops) | ...);
}

bool HasEffect(const Semantics& semantics, std::initializer_list<EffectKind> kinds) {
  return std::any_of(semantics.rules.begin(), semantics.rules.end(), [&](const Rule& rule) {
    return std::find(kinds.begin(), kinds.end(), rule.effect) != kinds.end();
  });
}

Limits LimitsOf(const Bounds& b) {
  Limits limits;
  limits.tasks = static_cast<uint8_t>(b.processes);
  limits.fds = static_cast<uint8_t>(b.fds);
  limits.files = static_cast<uint8_t>(b.files);
  limits.inodes = static_cast<uint8_t>(b.inodes);
  limits.maps = static_cast<uint8_t>(b.maps);
  limits.pages = static_cast<uint8_t>(b.pages);
  limits.arena = static_cast<uint8_t>(std::min(b.maps * b.pages, kArenaPages));
  limits.messages = static_cast<uint8_t>(b.messages);
  limits.buffers = static_cast<uint8_t>(b.buffers);
  limits.huge = static_cast<uint8_t>(b.huge);
  return limits;
}

State InitialOf(const Property& property, const Limits& limits) {
  const int last = static_cast<int>(property.roles.size()) - 1;
  std::vector<int> uids;
  const int start = std::min<int>(property.start, limits.tasks);
  for (int i = 0; i < start; ++i) uids.push_back(property.roles[std::min(i, last)].uid);
  State state = InitialState(limits, uids);
  for (int i = 0; i < limits.tasks; ++i) {
    state.tasks[i].uid = static_cast<uint16_t>(property.roles[std::min(i, last)].uid);
    state.tasks[i].mark = static_cast<uint8_t>(std::min(i, last) << mark::kRoleShift);
  }
  return state;
}

bool OpensWith(const CallTemplate& line, int64_t flag) {
  const Op op = line.call.op;
  if (op == Op::kOpenByHandle || op == Op::kOpenEmptyPath || op == Op::kOpenExe)
    return (line.call.arg[1] & flag) != 0;
  return (OpensPath(op) || op == Op::kOpenMapFile) && (line.call.arg[2] & flag) != 0;
}

bool MakesHuge(const CallTemplate& line) { return MakesHugetlb(line.call); }

bool KeepsPages(const CallTemplate& line) {
  const Op op = line.call.op;
  return op == Op::kUringRegister || op == Op::kSplice || op == Op::kVmsplice || op == Op::kTee;
}

// A call that could never be made would make a promise hold.
absl::Status CheckRoom(const std::vector<CallTemplate>& templates, const Limits& limits) {
  for (const CallTemplate& line : templates) {
    if (KeepsPages(line) && limits.buffers == 0)
      return absl::InvalidArgumentError(fmt::format(
          "bounds: {} keeps pages of a file, and there is no room for them: buffers=1 or more",
          line.text));
    if (MakesHuge(line) && limits.huge == 0)
      return absl::InvalidArgumentError(fmt::format(
          "bounds: {} makes a memfd of huge pages, and there are none: huge=1 or more", line.text));
  }
  return absl::OkStatus();
}

// True if what the call does depends on which mappings stand side by side.
bool DependsOnPlaces(const CallTemplate& line) {
  switch (line.call.op) {
    case Op::kMmap:  // whether it merges with its neighbour, or replaces several
      return line.call.arg[5] != 0 ||
             ((line.call.arg[3] & abi::kMapFixed) != 0 && line.call.arg[1] > kPageSize);
    case Op::kUringRegister: return true;  // it keeps the address
    case Op::kVmsplice: return line.call.arg[2] > kPageSize;
    case Op::kRemapFilePages: return true;  // that, and over how many it goes
    case Op::kMremap:                       // whether it can grow where it is
      if (line.call.arg[1] != 0 && line.call.arg[2] > line.call.arg[1]) return true;
      if ((line.call.arg[3] & abi::kMremapFixed) != 0 && line.call.arg[2] > kPageSize) return true;
      [[fallthrough]];
    case Op::kMunmap:
    case Op::kMprotect:
    case Op::kMadvise:
      if (AdviceOf(line.call) == abi::kMadvGuardInstall) return true;
      [[fallthrough]];
    case Op::kMsync:
    case Op::kMlock:
    case Op::kMlock2:
    case Op::kMunlock:
    case Op::kMseal: return line.call.arg[1] > kPageSize;  // over more than one
    case Op::kProcessMadvise:
      return AdviceOf(line.call) == abi::kMadvGuardInstall || line.call.arg[2] > kPageSize ||
             line.call.arg[4] > kPageSize;
    default: return false;
  }
}

// True if the template names an object of this kind by number.
bool NamesByNumber(const CallTemplate& line, ArgKind kind) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(line.call.op))) {
    if (arg.kind == kind && line.wild[word] == Wild::kNone && line.call.arg[word] != kNull)
      return true;
    word += WordsOf(arg.kind);
  }
  return false;
}

bool NamesSlot(const CallTemplate& line) {
  return NamesByNumber(line, ArgKind::kFd) || line.call.op == Op::kDupFd ||
         line.call.op == Op::kDupFdCloexec || line.call.op == Op::kCloseRange;
}

// The marks of mappings that every term of the clause asks for.
uint8_t MarksNeeded(const Clause& clause) {
  uint64_t wanted = clause.terms.empty() ? 0 : ~uint64_t{0};
  for (const Term& term : clause.terms) wanted &= term.want;
  uint8_t marks = 0;
  if ((wanted >> fact::kMapAfter & 1) != 0) marks |= mark::kMapAfter;
  if ((wanted >> fact::kMapCopied & 1) != 0) marks |= mark::kMapCopied;
  if ((wanted >> fact::kMapOldWritable & 1) != 0) marks |= mark::kMapOldWritable;
  if ((wanted >> fact::kMapOldReadonly & 1) != 0) marks |= mark::kMapOldReadonly;
  return marks;
}

bool MakesInode(Op op) {
  return op == Op::kMemfdCreate || op == Op::kOpenTmpfile || op == Op::kSocketpair ||
         op == Op::kPipe2;
}

// User ids of the tasks that may make inodes.
std::set<int> OwnersOf(const Property& property, const Semantics& semantics,
                       const std::vector<CallTemplate>& templates) {
  uint8_t makers = HasEffect(semantics, {EffectKind::kFreshInode}) ? 0xff : 0;
  for (const CallTemplate& line : templates)
    if (MakesInode(line.call.op)) makers |= line.roles;
  std::set<int> uids;
  for (size_t i = 0; i < property.roles.size(); ++i)
    if (((makers >> i) & 1) != 0) uids.insert(property.roles[i].uid);
  return uids;
}

}  // namespace

absl::StatusOr<Machine> Machine::Make(const Property& property, const Semantics& semantics,
                                      const Bounds& bounds, Alike alike, Stored stored) {
  Machine machine(property, semantics);
  if (absl::Status status = machine.Compile(bounds, alike, stored); !status.ok()) return status;
  return machine;
}

absl::Status Machine::CompileCalls() {
  for (const AlphabetLine& line : property_->calls) {
    auto compiled = CompileLine(line, *semantics_, semantics_->seals);
    if (!compiled.ok()) return compiled.status();
    for (CallTemplate& one : *compiled) templates_.push_back(std::move(one));
  }
  if (property_->extensions)
    for (CallTemplate& one : ExtensionTemplates(*semantics_)) templates_.push_back(std::move(one));
  for (const CallTemplate& line : templates_) ops_ |= OpBit(line.call.op);
  for (const ProtocolStep& step : semantics_->protocol.steps) ops_ |= OpBit(step.call.op);
  return absl::OkStatus();
}

absl::Status Machine::Compile(const Bounds& bounds, Alike alike, Stored stored) {
  if (bounds.maps * bounds.pages > kArenaPages)
    return absl::InvalidArgumentError(
        fmt::format("bounds: maps * pages is {}, at most {} fit the arena",
                    bounds.maps * bounds.pages, kArenaPages));
  reads_ = BitsRead(property_->clause.terms);
  needed_marks_ = MarksNeeded(property_->clause);
  seals_only_ =
      std::all_of(semantics_->rules.begin(), semantics_->rules.end(), [](const Rule& rule) {
        return rule.point != Point::kAddSeals || rule.effect == EffectKind::kRefuse ||
               rule.effect == EffectKind::kAccept;
      });
  for (const Clause& clause : property_->assumes) reads_ |= BitsRead(clause.terms);
  if ((reads_ & fact::kNeedSeal) != 0 && semantics_->protocol.steps.empty())
    return absl::InvalidArgumentError(
        fmt::format("semantics {} has no protocol, so property {} has no seal to speak of",
                    semantics_->name, property_->name));
  if (semantics_->protocol.variables.size() > kMaxFds)
    return absl::InvalidArgumentError(
        fmt::format("semantics {}: its protocol has {} variables, at most {} fit", semantics_->name,
                    semantics_->protocol.variables.size(), kMaxFds));
  if (absl::Status status = CompileCalls(); !status.ok()) return status;

  Limits limits = LimitsOf(bounds);
  if (stored == Stored::kYes)
    if (absl::Status status = CheckRoom(templates_, limits); !status.ok()) return status;
  if (std::none_of(templates_.begin(), templates_.end(), MakesHuge)) limits.huge = 0;
  if ((ops_ & OpBits(Op::kUringRegister, Op::kPipe2)).none()) limits.buffers = 0;
  Inode live;
  live.mode = 0777;
  live.mask = semantics_->initial_mask;
  const std::set<int> owners = OwnersOf(*property_, *semantics_, templates_);
  if (!owners.empty()) live.uid = live.gid = static_cast<uint16_t>(*owners.begin());
  layout_ = MakeLayout(limits, UseOf(), InitialOf(*property_, limits), live);
  if (stored == Stored::kYes && layout_.bits() > 64 * kMaxPackedWords)
    return absl::InvalidArgumentError(fmt::format("bounds: a state takes {} bits, at most {} fit",
                                                  layout_.bits(), 64 * kMaxPackedWords));
  symmetry_ = SymmetryOf();
  // Answers are compared between two states, which may differ in what is alike.
  one_of_alike_ = alike == Alike::kOne && property_->kind != Property::Kind::kSameAs;
  moves_ = MoveTable(templates_, limits, one_of_alike_);
  return absl::OkStatus();
}

FieldUse Machine::UseOf() const {
  auto any = [this](const OpSet& ops) { return (ops_ & ops).any(); };
  auto any_line = [this](auto holds) {
    return std::any_of(templates_.begin(), templates_.end(), holds);
  };
  auto opens_with = [&](int64_t flag) {
    return any_line([&](const CallTemplate& line) { return OpensWith(line, flag); });
  };
  std::set<int> uids;
  for (const Role& role : property_->roles) uids.insert(role.uid);
  const bool forks = any(OpBits(Op::kFork, Op::kClone));
  const bool several_roles = property_->roles.size() > 1;
  const auto steps = static_cast<int>(semantics_->protocol.steps.size());
  const bool same_as = property_->kind == Property::Kind::kSameAs;

  FieldUse use;
  use.tasks = forks || any(OpBits(Op::kExit, Op::kWait));
  use.vfork = any_line([](const CallTemplate& line) { return IsVfork(line.call); });
  use.parents = use.vfork || any(OpBits(Op::kWait, Op::kExit));
  use.threads = any(OpBits(Op::kClone, Op::kUnshare));
  use.task_uids = forks && uids.size() > 1;
  use.fsize = any(OpBit(Op::kSetFsize));
  use.newpid = any_line([](const CallTemplate& line) {
    return line.call.op == Op::kClone && (line.call.arg[0] & abi::kCloneNewpid) != 0;
  });
  use.dumpable = any(OpBit(Op::kSetDumpable));
  use.noexec = any(OpBit(Op::kSetNoexec));
  use.cloexec = any(OpBits(Op::kExec, Op::kGetFd));
  use.flags = any(OpBits(Op::kGetFl, Op::kSetFl)) || opens_with(abi::kOAppend) ||
              (any(OpBit(Op::kFuseMmap)) && any(OpBit(Op::kOpenMapFile)));
  const OpSet copies = OpBits(Op::kSendfile, Op::kCopyFileRange);
  const OpSet writes =
      OpBits(Op::kWrite, Op::kWritev, Op::kPwritev2, Op::kAioPwrite, Op::kUringPwrite) | copies;
  use.pos = any(OpBits(Op::kRead, Op::kReadv, Op::kPreadv2, Op::kLseek) | writes);
  use.size = any(OpBits(Op::kFtruncate, Op::kTruncate, Op::kFallocate, Op::kPwrite, Op::kPwritev,
                        Op::kWriteProgram) |
                 writes) ||
             opens_with(abi::kOTrunc) || any_line(MakesHuge);  // mmap makes those longer
  use.contents =
      (same_as &&
       any(OpBits(Op::kRead, Op::kPread, Op::kReadv, Op::kPreadv, Op::kPreadv2, Op::kLoad))) ||
      (any(OpBit(Op::kWriteProgram)) && any(OpBits(Op::kRunProgram, Op::kExecve, Op::kExecveat)));
  use.mode = any(OpBits(Op::kFchmod, Op::kFchmodat2, Op::kChmod, Op::kFsetAcl, Op::kSetAcl,
                        Op::kFchown, Op::kFchownat, Op::kChown, Op::kOpenTmpfile)) ||
             HasEffect(*semantics_, {EffectKind::kClearMode});
  use.mask =
      HasEffect(*semantics_, {EffectKind::kSetMask, EffectKind::kClearMask, EffectKind::kKeepMask});
  use.owners = any(OpBits(Op::kFchown, Op::kFchownat, Op::kChown)) ||
               OwnersOf(*property_, *semantics_, templates_).size() > 1;
  use.attrs = any(OpBits(Op::kSetAttr, Op::kSetXattr, Op::kFileSetattr, Op::kFileSetattrAt));
  const auto gives = [&any_line](int64_t advice) {
    return any_line([advice](const CallTemplate& line) { return AdviceOf(line.call) == advice; });
  };
  const bool locks = any_line([](const CallTemplate& line) { return Locks(line.call); });
  use.map_flags = static_cast<uint8_t>((any(OpBit(Op::kMseal)) ? kMapSealed | kMapUnmerged : 0) |
                                       (locks ? kMapLockedMask | kMapUnmerged : 0) |
                                       (gives(abi::kMadvGuardInstall) ? kMapGuarded : 0) |
                                       (gives(abi::kMadvDontfork) ? kMapDontcopy : 0));
  use.inode_flags = static_cast<uint8_t>((any(OpBit(Op::kOpenTmpfile)) ? kInodeMounted : 0) |
                                         (any(OpBit(Op::kWriteProgram)) ? kInodeProgram : 0));
  use.programs = any(OpBit(Op::kRunProgram));
  use.writers =
      use.programs || any(OpBits(Op::kExecve, Op::kExecveat, Op::kSetLease, Op::kSetDeleg));
  use.leases = any(OpBits(Op::kSetLease, Op::kSetDeleg));
  use.dmabufs = any(OpBit(Op::kUdmabufCreate));
  use.sockets = any(OpBits(Op::kSocketpair, Op::kPipe2));
  use.mode |= use.sockets;  // another than a memfd's
  use.pipe_slots = any(OpBit(Op::kSetPipeSize));
  use.others = any(OpBit(Op::kOpenOther));
  use.remaps = any(OpBit(Op::kMremap));
  use.messages = any(OpBits(Op::kSendFd, Op::kSendmsg));
  use.seals = semantics_->known_seals;
  if (same_as) return use;
  use.inode_mark = steps > 0;
  if (steps > 1 || (forks && several_roles))
    use.task_mark = static_cast<uint8_t>((property_->roles.size() - 1) << mark::kRoleShift |
                                         static_cast<size_t>(steps));
  if (steps > 1) use.fd_mark = static_cast<uint8_t>(semantics_->protocol.variables.size());
  if (Reads(fact::kFileAfter)) use.file_mark |= mark::kFileAfter;
  if (Reads(fact::kFileCopy)) use.file_mark |= mark::kFileCopy;
  if (Reads(fact::kFileHanded)) use.file_mark |= mark::kFileHanded;
  if (Reads(fact::kMapAfter)) use.map_mark |= mark::kMapAfter;
  if (Reads(fact::kMapOldWritable)) use.map_mark |= mark::kMapOldWritable;
  if (Reads(fact::kMapOldReadonly)) use.map_mark |= mark::kMapOldReadonly;
  if (Reads(fact::kMapCopied)) use.map_mark |= mark::kMapCopied;
  return use;
}

Symmetry Machine::SymmetryOf() const {
  Symmetry symmetry;
  symmetry.parents = layout_.task_parent != 0;
  for (const CallTemplate& line : templates_) {
    if (NamesSlot(line)) symmetry.fds = false;
    if (NamesByNumber(line, ArgKind::kAddress) || DependsOnPlaces(line) || MakesHuge(line))
      symmetry.mappings = false;
    if (NamesByNumber(line, ArgKind::kTask) || line.call.op == Op::kClone) symmetry.tasks = false;
  }
  const bool roles_move =
      (ops_ & OpBits(Op::kFork, Op::kClone)).any() && property_->roles.size() > 1;
  for (int i = 0; i < kMaxTasks && !roles_move; ++i)
    symmetry.role[i] = static_cast<uint8_t>(RoleOf(layout_.initial.tasks[i]));
  return symmetry;
}

}  // namespace selkie
