#include "checker/machine.h"

#include "fmt/format.h"
#include "model/step.h"

namespace selkie {
namespace {

const Inode* InodeOfFd(const State& s, int task, int64_t fd) {
  const int file = FileOf(s, task, fd);
  return file < 0 ? nullptr : &s.inodes[s.files[file].inode - 1];
}

bool IsSealed(const State& s, const File& file) {
  return (s.inodes[file.inode - 1].mark & mark::kInodeSealed) != 0;
}

bool AnySealed(const State& s) {
  for (int i = 0; i < s.limits.inodes; ++i)
    if ((s.inodes[i].mark & mark::kInodeSealed) != 0) return true;
  return false;
}

// Calls f(word index) for each word of the call that holds a descriptor.
template <typename F>
void ForEachFdWord(Op op, F f) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(op))) {
    if (arg.kind == ArgKind::kFd) f(word);
    if (arg.kind == ArgKind::kPath) f(word + 1);
    word += WordsOf(arg.kind);
  }
}

// The descriptor that holds a protocol's variable, or -1.
int64_t FdOfVariable(const State& s, int task, int variable) {
  const FdTable& table = s.fds[s.tasks[task].fds];
  for (int j = 0; j < s.limits.fds; ++j)
    if (table[j].mark == variable + 1) return kFirstFd + j;
  return -1;
}

Call ConcreteStep(const State& s, int task, const ProtocolStep& step, int64_t fd) {
  Call call = step.call;
  call.task = static_cast<uint8_t>(task);
  ForEachFdWord(call.op, [&](int word) {
    const auto variable = static_cast<int>(call.arg[word]);
    call.arg[word] = fd >= 0 && variable == 0 ? fd : FdOfVariable(s, task, variable);
  });
  return call;
}

// The descriptor that stands for variable 0 in a first step.
int64_t FirstFd(const ProtocolStep& step, const Call& call) {
  int64_t fd = -1;
  ForEachFdWord(call.op, [&](int word) {
    if (step.call.arg[word] == 0) fd = call.arg[word];
  });
  return fd;
}

void ClearVariables(State& s, int task) {
  for (Fd& fd : s.fds[s.tasks[task].fds]) fd.mark = 0;
}

void SetVariable(State& s, int task, int64_t fd, int variable) {
  if (FileOf(s, task, fd) >= 0)
    s.fds[s.tasks[task].fds][fd - kFirstFd].mark = static_cast<uint8_t>(variable + 1);
}

bool CanWriteNow(const Mapping& m) { return m.shared != 0 && (m.prot & kProtWrite) != 0; }

// MADV_REMOVE is fallocate of the range.
bool IsWriteCall(const Call& call) {
  const Family family = SpecOf(call.op).family;
  return family == Family::kReadWrite || family == Family::kCopy || call.op == Op::kFallocate ||
         AdviceOf(call) != -1;
}

// How many objects of the state this one stands for; 0: it does not exist, or another one
// stands for it.
int TimesOfObject(const State& s, const CandidateMove::Object& object) {
  const Task& owner = s.tasks[object.owner];
  if (owner.state != TaskState::kRunning) return 0;
  if (object.wild == Wild::kPinned) {
    for (int i = 0; i < s.limits.buffers; ++i)
      if (s.buffers[i].pipe == RingOf(object.owner) && HalfPageOf(s.buffers[i]) == object.number)
        return 1;
    return 0;
  }
  if (object.wild == Wild::kMap) {
    for (int i = 0; i < s.limits.maps; ++i) {
      const Mapping& m = s.mms[owner.mm][i];
      if (m.file == 0) return 0;
      if (m.start == object.number) return 1;
    }
    return 0;
  }
  const FdTable& table = s.fds[owner.fds];
  const int file = table[object.number].file;
  if (file == 0 || !object.merged) return file != 0;
  int times = 1;
  for (int i = 0; i < s.limits.fds; ++i) {
    if (i == object.number || table[i].file != file) continue;
    if (i < object.number) return 0;
    ++times;
  }
  return times;
}

bool TableIsShared(const State& s, int task) {
  for (int i = 0; i < s.limits.tasks; ++i)
    if (i != task && s.tasks[i].state == TaskState::kRunning && s.tasks[i].fds == s.tasks[task].fds)
      return true;
  return false;
}

// Hits are of one kind if the same call makes them through a file or mapping of the same kind:
// whatever other seals there are, and whoever makes it.
uint64_t KindOf(const Call& call, uint64_t word) {
  const uint64_t through =
      word & ~(uint64_t{0xff} << fact::kSeals) & ((uint64_t{1} << fact::kBy) - 1);
  return (static_cast<uint64_t>(call.op) + 1) << 56 ^ through;
}

uint64_t Bit(int bit, bool value) { return static_cast<uint64_t>(value) << bit; }

}  // namespace

// ---- Moves ----

bool Machine::ProtocolRuns(const State& s) {
  for (int i = 0; i < s.limits.tasks; ++i)
    if (s.tasks[i].state == TaskState::kRunning && StepsDone(s.tasks[i]) != 0) return true;
  return false;
}

// One protocol runs at a time, and once for an inode.
absl::InlinedVector<std::pair<Move, int>, kMaxFds> Machine::ProtocolMoves(
    const State& state, int task, const Objects& objects) const {
  absl::InlinedVector<std::pair<Move, int>, kMaxFds> moves;
  const std::vector<ProtocolStep>& steps = semantics_->protocol.steps;
  const int done = StepsDone(state.tasks[task]);
  if (done != 0) {
    moves.push_back({{ConcreteStep(state, task, steps[done], -1), true}, 1});
    return moves;
  }
  if (steps.empty() || property_->kind == Property::Kind::kSameAs) return moves;
  if (!property_->roles[RoleOf(state.tasks[task])].may_seal || ProtocolRuns(state)) return moves;
  const bool alike = OneForAFile();
  const Objects::List& list = alike ? objects.files[task] : objects.fds[task];
  for (int i = 0; i < list.count; ++i) {
    const int64_t fd = kFirstFd + list.item[i];
    const Inode* inode = InodeOfFd(state, task, fd);
    if (IsMemfd(*inode) && (inode->mark & mark::kInodeSealed) == 0)
      moves.push_back({{ConcreteStep(state, task, steps[0], fd), true}, alike ? list.times[i] : 1});
  }
  return moves;
}

std::vector<CandidateMove> Machine::Candidates() const {
  std::vector<CandidateMove> all;
  const size_t steps =
      property_->kind == Property::Kind::kSameAs ? 0 : semantics_->protocol.steps.size();
  const Limits& limits = moves_.limits();
  for (int task = 0; task < limits.tasks; ++task) {
    for (CandidateMove& one : moves_.Candidates(task)) all.push_back(std::move(one));
    for (size_t step = 0; step < steps; ++step) {
      for (int slot = 0; slot < (step == 0 ? limits.fds : 1); ++slot) {
        CandidateMove one;
        one.move.protocol = true;
        one.move.call = semantics_->protocol.steps[step].call;
        one.task = one.other = static_cast<uint8_t>(task);
        one.step = static_cast<int>(step);
        if (step == 0)
          one.objects[0] = {Wild::kFd, static_cast<uint8_t>(slot), static_cast<uint8_t>(task),
                            OneForAFile()};
        all.push_back(one);
      }
    }
  }
  return all;
}

// Between two steps the descriptor itself is remembered.
bool Machine::OneForAFile() const {
  const std::vector<ProtocolStep>& steps = semantics_->protocol.steps;
  return one_of_alike_ && steps.size() == 1 && ActsThroughFd(steps[0].call.op);
}

bool Machine::Fits(const State& s, const CallTemplate& line, int task) const {
  if (property_->kind == Property::Kind::kSameAs) return true;
  const Task& self = s.tasks[task];
  if (line.needs_fd && LowestFreeFd(s, task) < 0) return false;
  if (line.needs_mapping && s.mms[self.mm][s.limits.maps - 1].file != 0) return false;
  return !line.needs_file || FreeFile(s) >= 0;
}

int Machine::TimesOf(const State& s, const CandidateMove& candidate, Move* move) const {
  const int task = candidate.task;
  int times = 1;
  for (const CandidateMove::Object& object : candidate.objects)
    if (object.wild != Wild::kNone) times *= TimesOfObject(s, object);
  if (times == 0 || s.tasks[task].state != TaskState::kRunning) return 0;
  if (candidate.line == CandidateMove::kNoLine) return TimesOfStep(s, candidate, move) ? times : 0;
  const CallTemplate& line = templates_[candidate.line];
  if (StepsDone(s.tasks[task]) != 0 || ((line.roles >> RoleOf(s.tasks[task])) & 1) == 0) return 0;
  if (candidate.other != task && s.tasks[candidate.other].state != TaskState::kRunning) return 0;
  if (!Fits(s, line, task)) return 0;
  *move = candidate.move;
  const bool idle = line.call.op == Op::kAddSeals && property_->kind != Property::Kind::kSameAs &&
                    AddsNothing(s, move->call);
  return idle ? 0 : times;
}

// True if the task may make this step of the protocol now.
bool Machine::TimesOfStep(const State& s, const CandidateMove& candidate, Move* move) const {
  const int task = candidate.task;
  if (StepsDone(s.tasks[task]) != candidate.step) return false;
  int64_t fd = -1;
  if (candidate.step == 0) {
    if (!property_->roles[RoleOf(s.tasks[task])].may_seal || ProtocolRuns(s)) return false;
    fd = kFirstFd + candidate.objects[0].number;
    const Inode* inode = InodeOfFd(s, task, fd);
    if (!IsMemfd(*inode) || (inode->mark & mark::kInodeSealed) != 0) return false;
  }
  *move = {ConcreteStep(s, task, semantics_->protocol.steps[candidate.step], fd), true};
  return true;
}

bool Machine::Assumed(const State& s, const Move& move) const {
  const Call& call = move.call;
  if (call.op != Op::kSendFd && call.op != Op::kSendmsg) return true;
  const int file = FileOf(s, call.task, call.arg[1]);
  if (file < 0) return true;  // fails with EBADF
  uint64_t word = FileWord(s.files[file]) | Bit(fact::kSealed, IsSealed(s, s.files[file]));
  word |= uint64_t{1} << (fact::kBy + RoleOf(s.tasks[call.task]));
  if (call.op == Op::kSendFd && call.arg[0] >= 0 && call.arg[0] < s.limits.tasks)
    word |= uint64_t{1} << (fact::kTo + RoleOf(s.tasks[call.arg[0]]));
  for (const Clause& clause : property_->assumes)
    if (!Satisfies(clause.terms, word)) return false;
  return true;
}

// ---- Steps ----

// A clause that does not speak of the protocol is in force for an inode whose
// seals can satisfy it.
bool Machine::InForce(const State& s) const {
  if ((reads_ & fact::kNeedSeal) != 0 || reads_ == 0) return AnySealed(s);
  constexpr uint64_t kSealBits = 0xff << fact::kSeals;
  for (int i = 0; i < s.limits.inodes; ++i) {
    if (!IsMemfd(s.inodes[i])) continue;
    const uint64_t seals = static_cast<uint64_t>(s.inodes[i].seals & Asked(fact::kSeals, 0xff));
    for (const Term& term : property_->clause.terms)
      if (((seals ^ term.want) & term.mask & kSealBits) == 0) return true;
  }
  return false;
}

// Each function below makes one StepOutcome where its caller has it: there are
// more of them than there are states.
StepOutcome Machine::Apply(State& state, const Move& move) const {
  StepOutcome outcome = ApplyOnly(state, move);
  if (outcome.made && outcome.changed && JudgesMappings()) outcome.hit = SomeMappingHits(state);
  if (outcome.hit && outcome.kind == 0) outcome.kind = KindOf(move.call, 0);
  return outcome;
}

bool Machine::StateHits(const State& state) const {
  return JudgesMappings() && SomeMappingHits(state);
}

StepOutcome Machine::ApplyOnly(State& state, const Move& move) const {
  if (!property_->assumes.empty() && !Assumed(state, move)) return StepOutcome{};
  return move.protocol ? ApplyProtocol(state, move) : ApplyCall(state, move.call);
}

StepOutcome Machine::ApplyCall(State& state, const Call& call) const {
  StepOutcome outcome{.result = Step(state, call, *semantics_)};
  outcome.changed = outcome.result.changed;
  if (outcome.result.ok() && outcome.changed) Mark(state, call, outcome.result);
  Judge(state, call, outcome);
  return outcome;
}

// What a call has made gets its marks.
void Machine::Mark(State& s, const Call& call, const Result& result) const {
  switch (call.op) {
    case Op::kRemapFilePages: return MarkMapping(s, call, call.arg[0] & ~int64_t{kPageSize - 1});
    case Op::kUnshare:
    case Op::kCloseRange:
    case Op::kExec:  // a table copied while another thread is inside the protocol
      if (!TableIsShared(s, call.task)) ClearVariables(s, call.task);
      return;
    default: break;
  }
  switch (SpecOf(call.op).returns) {
    case ReturnKind::kFd: return MarkFile(s, call, result);
    case ReturnKind::kAddress: return MarkMapping(s, call, result.value);
    case ReturnKind::kTask: return MarkChild(s, call, result);
    default: return;
  }
}

// A new file of a sealed inode.
void Machine::MarkFile(State& s, const Call& call, const Result& result) const {
  const bool opens = SpecOf(call.op).family == Family::kOpen || call.op == Op::kExtension ||
                     call.op == Op::kUdmabufCreate;
  if (!opens || !Reads(fact::kFileAfter)) return;
  const int file = FileOf(s, call.task, result.value);
  if (file >= 0 && IsSealed(s, s.files[file]) && FileReferences(s, file) == 1)
    s.files[file].mark |= mark::kFileAfter;
}

// A new mapping of a sealed inode, at `address`; mremap that exposes more of the file,
// or makes a second mapping of it.
void Machine::MarkMapping(State& s, const Call& call, int64_t address) const {
  uint8_t bits = 0;
  const bool maps =
      call.op == Op::kMmap || call.op == Op::kRemapFilePages || call.op == Op::kFuseMmap;
  if (maps && Reads(fact::kMapAfter)) bits = mark::kMapAfter;
  const int64_t page = SizeOfPage(PageOfAddress(call.arg[0]));
  const bool copies = call.arg[1] == 0 || PagesOf(call.arg[2], page) > PagesOf(call.arg[1], page) ||
                      (call.arg[3] & abi::kMremapDontunmap) != 0;
  if (call.op == Op::kMremap && Reads(fact::kMapCopied) && copies) bits = mark::kMapCopied;
  if (bits == 0) return;
  const int index = MappingAt(s, call.task, PageOfAddress(address));
  Mapping& m = s.mms[s.tasks[call.task].mm][index];
  if (m.shared != 0 && IsSealed(s, s.files[m.file - 1])) m.mark |= bits;
}

void Machine::MarkChild(State& s, const Call& call, const Result& result) const {
  const auto child = static_cast<int>(result.value);
  const Task& parent = s.tasks[call.task];
  s.tasks[child].mark = static_cast<uint8_t>(RoleOf(parent) << mark::kRoleShift);
  if (s.tasks[child].fds != parent.fds) ClearVariables(s, child);
  if (s.tasks[child].mm == parent.mm || !Reads(fact::kMapCopied)) return;
  for (Mapping& m : s.mms[s.tasks[child].mm])
    if (m.file != 0 && m.shared != 0 && IsSealed(s, s.files[m.file - 1]))
      m.mark |= mark::kMapCopied;
}

StepOutcome Machine::ApplyProtocol(State& s, const Move& move) const {
  const Protocol& protocol = semantics_->protocol;
  const int task = move.call.task, done = StepsDone(s.tasks[task]);
  const ProtocolStep& step = protocol.steps[done];
  std::array<int64_t, kMaxFds> fd_of{};
  const int variables = static_cast<int>(protocol.variables.size());
  for (int v = 0; v < variables; ++v) fd_of[v] = FdOfVariable(s, task, v);
  if (done == 0) fd_of[0] = FirstFd(step, move.call);

  const int original = done == 0 ? FileOf(s, task, fd_of[0]) : -1;
  StepOutcome outcome{.result = Step(s, move.call, *semantics_)};
  if (outcome.result.kind == Result::Kind::kBound) {
    Judge(s, move.call, outcome);
    return outcome;
  }
  outcome.changed = outcome.result.changed || done != 0;
  Task& self = s.tasks[task];
  self.mark = static_cast<uint8_t>(self.mark & ~((1 << mark::kRoleShift) - 1));
  if (!outcome.result.ok()) {  // the library gives up
    ClearVariables(s, task);
    Judge(s, move.call, outcome);
    return outcome;
  }

  outcome.changed = true;
  if (step.result_variable >= 0) fd_of[step.result_variable] = outcome.result.value;
  if (original >= 0 && s.files[original].inode != 0 && Reads(fact::kFileCopy))
    s.files[original].mark |= mark::kFileCopy;
  if (done + 1 < static_cast<int>(protocol.steps.size())) {
    self.mark |= static_cast<uint8_t>(done + 1);
    for (int v = 0; v < variables; ++v) SetVariable(s, task, fd_of[v], v);
  } else {
    Finish(s, task, static_cast<int>(fd_of[protocol.hand_out]), outcome);
  }
  Judge(s, move.call, outcome);
  return outcome;
}

void Machine::Finish(State& s, int task, int hand_out_fd, StepOutcome& outcome) const {
  ClearVariables(s, task);
  const int file = FileOf(s, task, hand_out_fd);
  if (file < 0) return;
  outcome.finished = true;
  if (Reads(fact::kFileHanded)) s.files[file].mark |= mark::kFileHanded;
  const uint8_t inode = s.files[file].inode;
  s.inodes[inode - 1].mark |= mark::kInodeSealed;
  if (!Reads(fact::kMapOldWritable) && !Reads(fact::kMapOldReadonly)) return;
  for (AddressSpace& mm : s.mms) {
    for (Mapping& m : mm) {
      if (m.file == 0 || m.shared == 0 || s.files[m.file - 1].inode != inode) continue;
      const bool writable = CanWriteNow(m);
      if (writable && Reads(fact::kMapOldWritable)) m.mark |= mark::kMapOldWritable;
      if (!writable && Reads(fact::kMapOldReadonly)) m.mark |= mark::kMapOldReadonly;
    }
  }
}

// ---- The property's clause ----

// Only what is asked is read: what a step depends on is counted in bits.
uint64_t Machine::FileWord(const File& file) const {
  const int marks = (Reads(fact::kFileAfter) ? mark::kFileAfter : 0) |
                    (Reads(fact::kFileCopy) ? mark::kFileCopy : 0) |
                    (Reads(fact::kFileHanded) ? mark::kFileHanded : 0);
  const int mark = file.mark & marks;
  return static_cast<uint64_t>(file.mode & Asked(fact::kFile, 0xf)) << fact::kFile |
         Bit(fact::kFileAfter, (mark & mark::kFileAfter) != 0) |
         Bit(fact::kFileCopy, (mark & mark::kFileCopy) != 0) |
         Bit(fact::kFileHanded, (mark & mark::kFileHanded) != 0);
}

uint64_t Machine::MappingWord(const State& s, const Mapping& m) const {
  const File& file = s.files[m.file - 1];
  const int marks = (Reads(fact::kMapAfter) ? mark::kMapAfter : 0) |
                    (Reads(fact::kMapCopied) ? mark::kMapCopied : 0) |
                    (Reads(fact::kMapOldWritable) ? mark::kMapOldWritable : 0) |
                    (Reads(fact::kMapOldReadonly) ? mark::kMapOldReadonly : 0);
  const int mark = m.mark & marks;
  return FileWord(file) | static_cast<uint64_t>(m.prot & Asked(fact::kProt, 7)) << fact::kProt |
         static_cast<uint64_t>(m.may & Asked(fact::kMay, 7)) << fact::kMay |
         Bit(fact::kShared, Reads(fact::kShared) && m.shared != 0) |
         Bit(fact::kMapAfter, (mark & mark::kMapAfter) != 0) |
         Bit(fact::kMapCopied, (mark & mark::kMapCopied) != 0) |
         Bit(fact::kMapOldWritable, (mark & mark::kMapOldWritable) != 0) |
         Bit(fact::kMapOldReadonly, (mark & mark::kMapOldReadonly) != 0);
}

// The inode's part of a word.
uint64_t Machine::InodeWord(const Inode& inode) const {
  return static_cast<uint64_t>(inode.seals & Asked(fact::kSeals, 0xff)) << fact::kSeals |
         Bit(fact::kSealed, Reads(fact::kSealed) && (inode.mark & mark::kInodeSealed) != 0);
}

uint64_t Machine::ChangeWord(const State& s, const Call& call, const Result& result) const {
  const Effect& effect = result.effect;
  const int index = (effect.wrote != 0     ? effect.wrote
                     : effect.resized != 0 ? effect.resized
                                           : effect.exec) -
                    1;
  const Inode& inode = s.inodes[index];
  uint64_t word =
      InodeWord(inode) | Bit(fact::kByWriteCall, effect.wrote != 0 && IsWriteCall(call)) |
      Bit(fact::kByStore, effect.map != 0 || call.op == Op::kDmabufStore) |
      Bit(fact::kByPin, call.op == Op::kUringReadFixed) | Bit(fact::kResized, effect.resized != 0) |
      Bit(fact::kExecChanged, effect.exec != 0) |
      Bit(fact::kRuns, Reads(fact::kRuns) && WritersOf(s, index) < 0) |
      uint64_t{1} << (fact::kBy + RoleOf(s.tasks[call.task]));
  if (effect.map != 0)
    word |= MappingWord(s, s.mms[effect.mm - 1][effect.map - 1]);
  else if (effect.file != 0)
    word |= FileWord(s.files[effect.file - 1]);
  return word;
}

uint64_t Machine::SealWord(const State& s, const Call& call) const {
  uint64_t word = Bit(fact::kSealed, true) | uint64_t{1}
                                                 << (fact::kBy + RoleOf(s.tasks[call.task]));
  for (const AddressSpace& mm : s.mms)
    for (const Mapping& m : mm)
      if (m.file != 0 && CanWriteNow(m) && IsSealed(s, s.files[m.file - 1]))
        word |= Bit(fact::kMappedWritable, true);
  return word;
}

bool Machine::SomeMappingHits(const State& s) const {
  for (int t = 0; t < s.limits.tasks; ++t) {
    const Task& task = s.tasks[t];
    if (task.state != TaskState::kRunning) continue;
    for (const Mapping& m : s.mms[task.mm]) {
      if (m.file == 0) break;
      if ((m.mark & needed_marks_) != needed_marks_) continue;
      const Inode& inode = s.inodes[s.files[m.file - 1].inode - 1];
      const uint64_t word =
          MappingWord(s, m) | InodeWord(inode) | uint64_t{1} << (fact::kBy + RoleOf(task));
      if (Satisfies(property_->clause.terms, word)) return true;
    }
  }
  return false;
}

void Machine::Judge(const State& s, const Call& call, StepOutcome& outcome) const {
  outcome.bound = outcome.result.kind == Result::Kind::kBound;
  outcome.made = !outcome.bound;
  if (outcome.bound || property_->kind == Property::Kind::kSameAs) return;
  const Effect& effect = outcome.result.effect;
  switch (property_->clause.sort) {
    case Sort::kChange:
      if (effect.ChangedInode()) {
        const uint64_t word = ChangeWord(s, call, outcome.result);
        outcome.hit = Satisfies(property_->clause.terms, word);
        if (outcome.hit) outcome.kind = KindOf(call, word);
      }
      return;
    case Sort::kMapping: return;  // see StateHits
    case Sort::kSeal:
      if (outcome.finished) outcome.hit = Satisfies(property_->clause.terms, SealWord(s, call));
      return;
    case Sort::kPass: return;  // only assumed, never asked for
  }
}

}  // namespace selkie
