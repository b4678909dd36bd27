#include "scenarios/generate.h"

#include <iterator>
#include <optional>

#include "model/step.h"
#include "scenarios/arguments.h"

namespace selkie {
namespace {

constexpr int kNumOps = static_cast<int>(Op::kExtension) + 1;

// ---- Which call ----

// How often a call is drawn, in proportion.  What makes and changes memory
// stands higher, what ends a task or wipes its mappings lower.
constexpr int WeightOf(Op op) {
  switch (op) {
    case Op::kMmap:
    case Op::kStore:
    case Op::kLoad:
    case Op::kMprotect:
    case Op::kMremap:
    case Op::kFtruncate:
    case Op::kAddSeals: return 32;
    case Op::kMemfdCreate:
    case Op::kOpen:
    case Op::kWrite:
    case Op::kPwrite:
    case Op::kFallocate:
    case Op::kSplice:
    case Op::kPipe2:  // one is enough: see IsPromising
    case Op::kMunmap:
    case Op::kRecvFd:
    case Op::kExtension: return 20;
    case Op::kRecvmsg:
    case Op::kSendmsg: return 25;
    case Op::kGetFl:
    case Op::kGetFd:
    case Op::kSetFd:
    case Op::kDupFd:
    case Op::kDupFdCloexec:
    case Op::kDup:
    case Op::kFork:
    case Op::kClone:
    case Op::kSocketpair: return 5;
    case Op::kVmsplice: return 15;
    case Op::kUringRegister:  // these need much to be so before they are tried
    case Op::kUringUnregister:
    case Op::kUringReadFixed: return 30;
    case Op::kUdmabufCreate:
    case Op::kDmabufStore: return 50;
    case Op::kWriteProgram: return 8;
    case Op::kRunProgram:  // a process, too, but what there is to run is rare
    case Op::kOpenExe: return 20;
    case Op::kFsync:  // what these answer depends on little, and they do nothing
    case Op::kFdatasync:
    case Op::kSyncFileRange:
    case Op::kFadvise:
    case Op::kReadahead:
    case Op::kCreatedQuery: return 2;
    case Op::kOpenOther:
    case Op::kFuseMmap:  // these need processes: in a guest, 20 to 50 times as long as others
    case Op::kUringPwrite:
    case Op::kExec: return 2;
    case Op::kSetFsize:
    case Op::kSetNoexec:
    case Op::kSetDumpable:
    case Op::kExit: return 3;
    default: return 10;
  }
}

constexpr int TotalWeight() {
  int total = 0;
  for (int op = 0; op < kNumOps; ++op) total += WeightOf(static_cast<Op>(op));
  return total;
}

// Each operation as many times as its weight.
constexpr std::array<Op, TotalWeight()> MakeLottery() {
  std::array<Op, TotalWeight()> lottery{};
  int at = 0;
  for (int op = 0; op < kNumOps; ++op)
    for (int i = 0; i < WeightOf(static_cast<Op>(op)); ++i) lottery[at++] = static_cast<Op>(op);
  return lottery;
}
constexpr std::array<Op, TotalWeight()> kLottery = MakeLottery();

// What a task has to make calls with.
struct Means {
  bool descriptors = false;
  bool sockets = false;
  bool pipes = false;
  bool dmabufs = false;
  bool dmabuf_source = false;  // a file of which one can be made
  bool mappings = false;
  bool pinnable = false;    // a mapping that io_uring can register
  bool registered = false;  // buffers with io_uring
  bool message = false;     // in the channel to this task: recv_fd
  bool ended_child = false;
  bool others_run = false;
  bool program = false;       // a file that is one
  bool runs_program = false;  // the task does
  bool open_exe = false;      // some task does
  bool filled = false;        // a memfd that is not empty
  bool pinned = false;        // a file of which a pipe or io_uring has a page
  bool locked = false;        // a mapping that is
};

Means MeansOf(const State& s, int task) {
  Means means;
  for (const Fd& fd : s.fds[s.tasks[task].fds]) {
    if (fd.file == 0) continue;
    means.descriptors = true;
    const File& file = s.files[fd.file - 1];
    const Inode& inode = s.inodes[file.inode - 1];
    means.dmabufs |= file.dmabuf != 0;
    means.program |= (inode.flags & kInodeProgram) != 0;
    means.dmabuf_source |= CanBecomeDmabuf(file, inode);
    means.sockets |= inode.kind == InodeKind::kSocketPair;
    means.pipes |= inode.kind == InodeKind::kPipe;
    means.filled |= IsMemfd(inode) && inode.size > 0;
    means.pinned |= PinnedPages(s, file.inode - 1) != 0;
  }
  means.registered = HasRegisteredBuffers(s, task);
  means.runs_program = s.tasks[task].program != 0;
  means.mappings = s.mms[s.tasks[task].mm][0].file != 0;
  for (const Mapping& map : s.mms[s.tasks[task].mm]) {
    means.pinnable |= map.shared && (map.prot & kProtWrite) != 0;
    means.locked |= (map.flags & kMapLocked) != 0;
  }
  for (const Message& message : s.messages)
    means.message |= message.file != 0 && message.inode == 0 && message.end == task;
  for (int i = 0; i < kMaxTasks; ++i) {
    const Task& other = s.tasks[i];
    means.ended_child |= other.state == TaskState::kZombie && other.parent == task + 1;
    means.others_run |= other.state == TaskState::kRunning && i != task;
    means.open_exe |= other.program != 0;
  }
  return means;
}

// True unless the call needs something that the task does not have, so that it
// could only fail, and always in the same way.
bool IsPromising(const CallSpec& spec, const Means& means) {
  if (spec.op == Op::kRecvFd) return means.message;
  if (spec.op == Op::kWait) return means.ended_child;
  if (spec.op == Op::kExit) return means.others_run;
  if (spec.family == Family::kPipe) return means.pipes == (spec.op != Op::kPipe2);
  if (spec.op == Op::kUringReadFixed || spec.op == Op::kUringUnregister) return means.registered;
  if (spec.op == Op::kDmabufStore) return means.dmabufs;
  if (spec.op == Op::kRunProgram) return means.program && !means.runs_program;
  if (spec.op == Op::kEndProgram) return means.runs_program;
  if (spec.op == Op::kOpenExe) return means.open_exe;
  if (spec.op == Op::kUdmabufCreate) return means.dmabuf_source;
  if (spec.op == Op::kUringRegister) return means.pinnable && !means.registered;
  bool address = false;
  for (const ArgSpec& arg : ArgsOf(spec)) {
    if (arg.kind == ArgKind::kFd && arg.name == "sockfd") return means.sockets;
    if (arg.kind == ArgKind::kFd || arg.kind == ArgKind::kPath) return means.descriptors;
    address |= arg.kind == ArgKind::kAddress;
  }
  return !address || means.mappings;
}

// ---- What is worth trying in a state that is rare ----

// It takes several calls to have a page pinned, memory locked or a program that runs, and calls
// about that are a few of a hundred: drawn by weight alone, they would come when it is over.
constexpr Op kOnPinned[] = {Op::kAddSeals,  Op::kAddSeals, Op::kMadvise,   Op::kMunmap,
                            Op::kFtruncate, Op::kStore,    Op::kFallocate, Op::kRead};
constexpr Op kOnLocked[] = {Op::kMremap, Op::kMremap, Op::kMadvise, Op::kMunlock, Op::kMprotect};
constexpr Op kOnProgram[] = {Op::kTruncate, Op::kSetAttr, Op::kOpen, Op::kTruncate,
                             Op::kEndProgram};
constexpr Op kOnMapped[] = {Op::kMadvise, Op::kStore, Op::kMremap,  Op::kLoad,
                            Op::kMlock2,  Op::kMlock, Op::kMprotect};

constexpr Op kOnOthers[] = {Op::kProcessVmWritev, Op::kMemWrite, Op::kPtracePoke};

// One that is about the state, in one of so many calls; else nothing.
std::optional<Op> DrawFollowUp(const Means& means, Choices& choices) {
  constexpr uint32_t kOneIn = 4;
  if (!means.pinned && !means.runs_program && !means.mappings) return std::nullopt;
  if (choices.Next(kOneIn) != kOneIn - 1) return std::nullopt;
  if (means.pinned && choices.Next(2) == 0) return kOnPinned[choices.Next(std::size(kOnPinned))];
  if (means.locked && choices.Next(2) == 0) return kOnLocked[choices.Next(std::size(kOnLocked))];
  if (means.mappings && means.others_run && choices.Next(4) == 0)
    return kOnOthers[choices.Next(std::size(kOnOthers))];
  if (means.runs_program) return kOnProgram[choices.Next(std::size(kOnProgram))];
  if (means.mappings) return kOnMapped[choices.Next(std::size(kOnMapped))];
  return std::nullopt;
}

constexpr Focus BitOf(Family family) { return Focus{1} << static_cast<int>(family); }
constexpr int kNumFamilies = static_cast<int>(Family::kExtension) + 1;
static_assert(kNumFamilies <= 32);

// What pins pages, and what is about pages that are pinned: seldom together by chance.
constexpr Focus kPinning = BitOf(Family::kCreate) | BitOf(Family::kSeal) |
                           BitOf(Family::kReadWrite) | BitOf(Family::kSize) | BitOf(Family::kMap) |
                           BitOf(Family::kPipe) | BitOf(Family::kIoUring);

// What is missing before a page can be pinned, and then what pins one.
Op StepTowardsPin(const Means& means, Choices& choices) {
  if (!means.descriptors) return Op::kMemfdCreate;
  if (!means.filled) return choices.Next(3) == 2 ? Op::kFtruncate : Op::kPwrite;
  if (!means.pipes) return Op::kPipe2;
  if (choices.Next(2) == 0) return Op::kSplice;
  if (!means.mappings) return Op::kMmap;
  return means.pinnable && choices.Next(2) == 0 ? Op::kUringRegister : Op::kVmsplice;
}

Op DrawOp(const Means& means, const Semantics& semantics, Focus focus, Choices& choices) {
  if (const auto op = DrawFollowUp(means, choices); op && IsPromising(SpecOf(*op), means))
    return *op;
  if (focus == kPinning && !means.pinned && choices.Next(4) != 0)
    return StepTowardsPin(means, choices);
  const int draws = focus == kAllFamilies ? 16 : 256;
  Op op = Op::kMemfdCreate;
  for (int i = 0; i < draws; ++i) {
    op = kLottery[choices.Next(kLottery.size())];
    if ((focus & BitOf(SpecOf(op).family)) == 0) continue;
    if (op == Op::kExtension && semantics.extensions.empty()) continue;
    if (IsPromising(SpecOf(op), means) || choices.Next(64) == 63) return op;
  }
  return Op::kMemfdCreate;
}

// ---- Which task ----

// A task that can make calls, more often a low one; -1 if there is none.
int DrawTask(const State& s, Choices& choices) {
  int running[kMaxTasks];
  uint32_t num = 0;
  for (int i = 0; i < s.limits.tasks; ++i)
    if (s.tasks[i].state == TaskState::kRunning && !WaitsInVfork(s, i)) running[num++] = i;
  if (num == 0) return -1;
  const uint32_t a = choices.Next(num), b = choices.Next(num);
  return running[a < b ? a : b];
}

Call DrawCall(const State& state, const Semantics& semantics, int task, Focus focus,
              Choices& choices) {
  Call call;
  call.task = static_cast<uint8_t>(task);
  call.op = DrawOp(MeansOf(state, task), semantics, focus, choices);
  DrawArguments(state, semantics, choices, call);
  return call;
}

uint64_t SplitMix(uint64_t& x) {
  x += 0x9e3779b97f4a7c15;
  uint64_t z = x;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

uint64_t RotateLeft(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix(seed);
}

uint32_t Random::Next(uint32_t n) {
  const uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = RotateLeft(state_[3], 45);
  return static_cast<uint32_t>(((result >> 32) * n) >> 32);
}

uint32_t Recorded::Next(uint32_t n) {
  if (next_ == numbers_.size()) return 0;
  return static_cast<uint32_t>((uint64_t{numbers_[next_++]} * n) >> 16);
}

Focus DrawFocus(Choices& choices) {
  if (choices.Next(2) == 0) return kAllFamilies;
  if (choices.Next(8) == 7) return kPinning;
  Focus focus = BitOf(Family::kCreate);
  if (choices.Next(4) != 0) focus |= BitOf(Family::kReadWrite);  // what shows the most
  for (uint32_t more = 1 + choices.Next(3); more > 0; --more)
    focus |= Focus{1} << choices.Next(kNumFamilies);
  if ((focus & BitOf(Family::kExecute)) != 0)  // write_program, open_exe
    focus |= BitOf(Family::kReadWrite) | BitOf(Family::kOpen);
  return focus;
}

Made MakeCall(State& state, const Semantics& semantics, Choices& choices,
              const PairsOfSequence* pairs, Focus focus) {
  constexpr int kMaxDraws = 64;
  constexpr int kMaxRepeats = 4;  // draws that would repeat a pair
  int repeats = 0;
  Made made;
  made.result.kind = Result::Kind::kBound;
  made.result.check = "no task runs";
  const int task = DrawTask(state, choices);
  if (task < 0) return made;
  State next;
  for (int i = 0; i < kMaxDraws; ++i) {
    next = state;
    made.call = DrawCall(state, semantics, task, focus, choices);
    made.result = Step(next, made.call, semantics);
    if (made.result.kind == Result::Kind::kBound) continue;
    if (pairs != nullptr && repeats < kMaxRepeats &&
        !pairs->IsNew(DeciderOf(made.call, made.result)) && choices.Next(8) != 0) {
      ++repeats;
      continue;
    }
    // Half of the failures are drawn again: see "at least half" in the header.
    if (made.result.ok() || choices.Next(2) == 0) break;
  }
  state = next;
  return made;
}

Call NextCall(const State& state, const Semantics& semantics, Choices& choices) {
  State scratch = state;
  return MakeCall(scratch, semantics, choices).call;
}

uint64_t SequenceSeed(uint64_t campaign_seed, uint64_t index) {
  uint64_t x = campaign_seed;
  x = SplitMix(x) ^ index;
  return SplitMix(x);
}

Sequence RandomSequence(uint64_t seed, int length, const Limits& limits,
                        const std::vector<int>& uids, const Semantics& semantics) {
  Sequence sequence;
  sequence.limits = limits;
  sequence.uids = uids;
  Random random(seed);
  const Focus focus = DrawFocus(random);
  PairsOfSequence pairs;
  State state = InitialState(limits, uids);
  for (int i = 0; i < length; ++i) {
    const Made made = MakeCall(state, semantics, random, &pairs, focus);
    if (made.result.kind == Result::Kind::kBound) break;
    pairs.Add(DeciderOf(made.call, made.result));
    sequence.calls.push_back(made.call);
  }
  return sequence;
}

}  // namespace selkie
