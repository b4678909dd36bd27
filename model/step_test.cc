// Any call in any state: Step gives a result and leaves a valid state.
#include "model/step.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "model/model_fixture.h"

namespace selkie {
namespace {

// A small generator whose numbers are the same on every machine (splitmix64).
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  int64_t Below(int64_t n) { return static_cast<int64_t>(Next() % static_cast<uint64_t>(n)); }

 private:
  uint64_t state_;
};

// Mostly small and near what means something, sometimes any word at all.
int64_t Word(Numbers& numbers) {
  switch (numbers.Below(8)) {
    case 0: return static_cast<int64_t>(numbers.Next());
    case 1: return static_cast<int32_t>(numbers.Next());
    case 2: return std::numeric_limits<int64_t>::max() - numbers.Below(3);
    case 3: return std::numeric_limits<int64_t>::min() + numbers.Below(3);
    case 4:
    case 5: return numbers.Below(14) * kPageSize / 2 + numbers.Below(3) - 1;
    default: return numbers.Below(12) - 2;
  }
}

int RandomRunningTask(Numbers& numbers, const State& s) {
  for (int i = 0; i < 4; ++i) {
    const auto task = static_cast<int>(numbers.Below(s.limits.tasks));
    if (s.tasks[task].state == TaskState::kRunning) return task;
  }
  return 0;
}

int64_t OpenFd(Numbers& numbers, const State& s, int task) {
  for (int i = 0; i < 4; ++i) {
    const int64_t fd = kFirstFd + numbers.Below(s.limits.fds);
    if (FileOf(s, task, fd) >= 0) return fd;
  }
  return kFirstFd;
}

int64_t Address(Numbers& numbers, const State& s, int task) {
  const Mapping& m = s.mms[s.tasks[task].mm][numbers.Below(s.limits.maps)];
  if (m.file == 0) return numbers.Below(2) == 0 ? kNull : numbers.Below(9) * kPageSize;
  return (m.start + numbers.Below(m.pages)) * kPageSize;
}

// A word that often fits the argument, so that calls succeed.
int64_t Fitting(Numbers& numbers, const State& s, int task, const ArgSpec& spec) {
  int64_t bits = 0;
  switch (spec.kind) {
    case ArgKind::kFd:
    case ArgKind::kPath: return OpenFd(numbers, s, task);
    case ArgKind::kTask: return numbers.Below(kMaxTasks);
    case ArgKind::kAddress: return Address(numbers, s, task);
    case ArgKind::kSize: return numbers.Below(5) * kPageSize;
    case ArgKind::kSeals: return numbers.Below(4) == 0 ? 1 << numbers.Below(6) : 0;
    case ArgKind::kMode: return numbers.Below(010000);
    case ArgKind::kFlags:
      if (spec.one) return spec.names[numbers.Below(static_cast<int64_t>(spec.names.size()))].bits;
      for (const FlagName& flag : spec.names)
        if (numbers.Below(3) == 0) bits |= flag.bits;
      return bits;
    case ArgKind::kOffset: return numbers.Below(2) == 0 ? kNoOffset : numbers.Below(5) * kPageSize;
    default: return numbers.Below(4);
  }
}

Op RandomOp(Numbers& numbers) {
  if (numbers.Below(300) == 0) return static_cast<Op>(numbers.Below(256));
  if (numbers.Below(8) == 0) return numbers.Below(3) == 0 ? Op::kSocketpair : Op::kMemfdCreate;
  const auto op = static_cast<Op>(numbers.Below(static_cast<int64_t>(CallTable().size())));
  return op == Op::kExit && numbers.Below(4) != 0 ? Op::kMmap : op;
}

Call RandomCall(Numbers& numbers, const State& s) {
  Call call;
  call.op = RandomOp(numbers);
  const int task = RandomRunningTask(numbers, s);
  if (HasRegisteredBuffers(s, task) && numbers.Below(4) == 0)  // seldom otherwise
    call.op = numbers.Below(4) == 0 ? Op::kUringUnregister : Op::kUringReadFixed;
  const bool dmabuf = std::any_of(s.files.begin(), s.files.end(),
                                  [](const File& file) { return file.dmabuf != 0; });
  if (dmabuf && numbers.Below(4) == 0) call.op = Op::kDmabufStore;  // the same
  const bool program = std::any_of(s.tasks.begin(), s.tasks.end(),
                                   [](const Task& each) { return each.program != 0; });
  if (program && numbers.Below(4) == 0) call.op = Op::kOpenExe;
  call.task = static_cast<uint8_t>(numbers.Below(100) == 0 ? numbers.Below(256) : task);
  if (static_cast<size_t>(call.op) >= CallTable().size()) return call;
  int word = 0;
  for (const ArgSpec& spec : ArgsOf(SpecOf(call.op))) {
    for (int i = 0; i < WordsOf(spec.kind); ++i, ++word) {
      call.arg[word] = Fitting(numbers, s, task, spec);
      if (spec.kind == ArgKind::kPath && i == 0) call.arg[word] = kSelf;
      if (numbers.Below(12) == 0) call.arg[word] = Word(numbers);
    }
  }
  if (call.op == Op::kOpenat2 && numbers.Below(4) != 0) call.arg[3] = call.arg[4] = 0;
  return call;
}

Limits RandomLimits(Numbers& numbers) {
  Limits l;
  for (uint8_t* field :
       {&l.tasks, &l.fds, &l.files, &l.inodes, &l.maps, &l.pages, &l.arena, &l.messages})
    if (numbers.Below(2) == 0) *field = static_cast<uint8_t>(1 + numbers.Below(*field));
  return l;
}

bool MayChangeAndFail(Op op) {
  return op == Op::kMprotect || op == Op::kWrite || op == Op::kPwrite || op == Op::kSendmsg ||
         op == Op::kRecvmsg || op == Op::kMremap || op == Op::kWritev || op == Op::kPwritev ||
         op == Op::kPwritev2 || op == Op::kSendfile || op == Op::kCopyFileRange ||
         op == Op::kMadvise || op == Op::kRemapFilePages || op == Op::kAioPwrite ||
         op == Op::kSplice || op == Op::kUringPwrite || op == Op::kUringRegister ||
         op == Op::kUdmabufCreate || op == Op::kMlock || op == Op::kMlock2 || op == Op::kMunlock ||
         op == Op::kProcessMadvise || op == Op::kClone || op == Op::kMmap;
}

// What some errors leave, and nothing else: mappings that were split or merged, pages that were
// brought in, leases that are to end.
bool FailsAsItMay(const Result& result, const State& before, const State& after) {
  State restored = after;
  for (int i = 0; i < kMaxInodes; ++i) {
    restored.inodes[i].touched = before.inodes[i].touched;
    restored.inodes[i].uncleared = before.inodes[i].uncleared;
  }
  if (result.value == EAGAIN)
    for (int i = 0; i < kMaxFiles; ++i) restored.files[i].lease = before.files[i].lease;
  const bool split = result.value == EPERM || result.value == EEXIST || result.value == EFAULT;
  if (split) restored.mms = before.mms;
  return restored == before;
}

std::string Describe(const Call& call, const State& before) {
  std::string text = "op " + std::to_string(static_cast<int>(call.op)) + " of task " +
                     std::to_string(call.task) + " with";
  for (int64_t word : call.arg) text += " " + std::to_string(word);
  return text + " in\n" + ToString(before);
}

// What every sequence starts with, so that the calls have something to act on.
std::vector<Call> Prologue() {
  return {{Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}},
          {Op::kFtruncate, 0, {kFirstFd, 2 * kPageSize}},
          {Op::kMmap, 0, {kNull, 2 * kPageSize, 3, abi::kMapShared, kFirstFd, 0}},
          {Op::kMmap, 0, {kNull, 2 * kPageSize, 3, abi::kMapPrivate, kFirstFd, 0}},
          {Op::kSocketpair, 0, {}},
          {Op::kSendmsg, 0, {kFirstFd + 1, kFirstFd}},
          {Op::kSendFd, 0, {0, kFirstFd}},
          {Op::kFork, 0, {}}};
}

// One call, and what holds of each.
Result CheckedStep(State& s, const Call& call, const Semantics& semantics) {
  const State before = s;
  const Result result = Step(s, call, semantics);
  State again = before;
  EXPECT_TRUE(SameOutcome(result, Step(again, call, semantics))) << Describe(call, before);
  EXPECT_TRUE(again == s) << Describe(call, before);
  const absl::Status valid = Validate(s);
  EXPECT_TRUE(valid.ok()) << valid.message() << Describe(call, before);
  EXPECT_EQ(result.changed, !(s == before)) << Describe(call, before);
  if (!result.ok()) {
    EXPECT_TRUE(result.check != nullptr || result.rule != nullptr) << Describe(call, before);
    const bool may = result.kind == Result::Kind::kErrno &&
                     (MayChangeAndFail(call.op) || FailsAsItMay(result, before, s));
    EXPECT_TRUE(may || (!result.changed && result.effect == Effect{})) << Describe(call, before);
  }
  return result;
}

TEST(StepTest, AnyCallInAnyStateGivesAResultAndLeavesAValidState) {
  const Semantics semantics = TestSemantics();
  int64_t calls = 0, succeeded = 0;
  std::vector<int64_t> by_op(CallTable().size());
  for (uint64_t seed = 0; seed < 24000 && !testing::Test::HasFailure(); ++seed) {
    Numbers numbers(seed);
    State s = InitialState(RandomLimits(numbers), {0, static_cast<int>(numbers.Below(2)) * 1000});
    ASSERT_TRUE(Validate(s).ok());
    for (const Call& call : Prologue()) CheckedStep(s, call, semantics);
    for (int i = 0; i < 60 && !testing::Test::HasFailure(); ++i) {
      const Call call = RandomCall(numbers, s);
      const bool ok = CheckedStep(s, call, semantics).ok();
      ++calls;
      succeeded += ok;
      if (ok) ++by_op[static_cast<size_t>(call.op)];
    }
  }
  if (testing::Test::HasFailure()) return;
  // The test means something only if calls succeed, and each of them does (the
  // rules here declare no extension).
  EXPECT_GT(succeeded, calls / 5);
  for (const CallSpec& spec : CallTable()) {
    constexpr Op kNever[] = {Op::kExtension, Op::kExecve, Op::kLinkat};
    const bool never = std::find(std::begin(kNever), std::end(kNever), spec.op) != std::end(kNever);
    EXPECT_GT(by_op[static_cast<size_t>(spec.op)], never ? -1 : 5) << spec.name;
  }
}

TEST(StepTest, AnyWordsAtAllGiveAResult) {
  const Semantics semantics = TestSemantics();
  Numbers numbers(1);
  State s = InitialState(Limits{}, {0, 0, 0, 0});
  for (int i = 0; i < 100000 && !testing::Test::HasFailure(); ++i) {
    Call call;
    call.op = static_cast<Op>(numbers.Below(64));
    if (call.op == Op::kExit) continue;
    call.task = static_cast<uint8_t>(numbers.Below(5));
    for (int64_t& word : call.arg) word = Word(numbers);
    CheckedStep(s, call, semantics);
  }
}

TEST(StepTest, ATaskThatDoesNotRunAndAnUnknownCallAreBounds) {
  const Semantics semantics = TestSemantics();
  State s = InitialState(Limits{}, {0});
  EXPECT_EQ(Step(s, Call{Op::kFork, 1, {}}, semantics).kind, Result::Kind::kBound);
  EXPECT_EQ(Step(s, Call{Op::kFork, 200, {}}, semantics).kind, Result::Kind::kBound);
  EXPECT_EQ(Step(s, Call{static_cast<Op>(99), 0, {}}, semantics).kind, Result::Kind::kBound);
  EXPECT_EQ(Step(s, Call{Op::kClose, 0, {int64_t{1} << 32 | 3}}, semantics).kind,
            Result::Kind::kBound);
}

TEST(StepTest, FlagsOfOpenThatStayVisibleAreBounds) {
  const Semantics semantics = TestSemantics();
  for (const int64_t flag : {010000, 020000, 01000000, 04010000}) {  // O_DSYNC .. O_SYNC
    State s = InitialState(Limits{}, {0});
    Step(s, Call{Op::kMemfdCreate, 0, {kOrdinaryName, 0}}, semantics);
    EXPECT_EQ(Step(s, Call{Op::kOpen, 0, {kSelf, 3, flag}}, semantics).kind, Result::Kind::kBound);
    EXPECT_TRUE(Step(s, Call{Op::kOpen, 0, {kSelf, 3, flag | abi::kOPath}}, semantics).ok());
  }
  State s = InitialState(Limits{}, {0});
  Step(s, Call{Op::kMemfdCreate, 0, {kOrdinaryName, 0}}, semantics);
  EXPECT_EQ(Step(s, Call{Op::kSetFl, 0, {3, 01000000}}, semantics).kind, Result::Kind::kBound);
  EXPECT_TRUE(Step(s, Call{Op::kSetFl, 0, {3, 020000}}, semantics).ok());  // no fasync: ignored
}

TEST(StateTest, ValidateNamesWhatIsWrong) {
  const Semantics semantics = TestSemantics();
  State good = InitialState(Limits{}, {0});
  Step(good, Call{Op::kMemfdCreate, 0, {kOrdinaryName}}, semantics);
  ASSERT_TRUE(Validate(good).ok());
  auto broken = [&](auto change) {
    State s = good;
    change(s);
    return std::string(Validate(s).message());
  };
  EXPECT_THAT(broken([](State& s) { s.fds[0][0] = {}; }), testing::HasSubstr("unreferenced"));
  EXPECT_THAT(broken([](State& s) { s.fds[0][1].file = 9; }), testing::HasSubstr("free file"));
  EXPECT_THAT(broken([](State& s) { s.inodes[0].size = 1 << 20; }), testing::HasSubstr("larger"));
  EXPECT_THAT(broken([](State& s) { s.fds[2] = s.fds[0]; }), testing::HasSubstr("without a task"));
  EXPECT_THAT(broken([](State& s) { s.mms[0][1].file = 1; }), testing::HasSubstr("free slot"));
  EXPECT_THAT(broken([](State& s) { s.inodes[0].bytes[0][0] = 1; }), testing::HasSubstr("beyond"));
}

TEST(StateTest, ValidateKnowsEachFieldOfAMapping) {
  const Semantics semantics = TestSemantics();
  State good = InitialState(Limits{}, {0});
  Step(good, Call{Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}}, semantics);
  Step(good, Call{Op::kMmap, 0, {kNull, kPageSize, 3, abi::kMapShared, 3, 0}}, semantics);
  ASSERT_TRUE(Validate(good).ok());
  const Mapping fits = good.mms[0][0];
  auto accepts = [&](auto change) {
    State s = good;
    change(s.mms[0][0]);
    return Validate(s).ok();
  };
  EXPECT_TRUE(accepts([&](Mapping& m) { m = fits; }));
  EXPECT_FALSE(accepts([](Mapping& m) { m.pages = 0; }));
  EXPECT_FALSE(accepts([](Mapping& m) { m.start = kArenaPages; }));
  EXPECT_FALSE(accepts([](Mapping& m) { m.pgoff = kMaxMappedPages; }));
  EXPECT_FALSE(accepts([](Mapping& m) { m.may = kProtRead; }));
  EXPECT_FALSE(accepts([](Mapping& m) { m.shared = 0; }));
  EXPECT_FALSE(accepts([](Mapping& m) { m.copied = 1; }));
}

}  // namespace
}  // namespace selkie
