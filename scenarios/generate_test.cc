#include "scenarios/generate.h"

#include <cerrno>
#include <csignal>
#include <iostream>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/call_text.h"
#include "model/step.h"
#include "scenarios/sequence_testing.h"
#include "scenarios/statistics.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;

std::vector<uint32_t> Draws(Choices& choices, uint32_t n, int count) {
  std::vector<uint32_t> draws;
  for (int i = 0; i < count; ++i) draws.push_back(choices.Next(n));
  return draws;
}

CallStatistics StatisticsOf(const Semantics& semantics, const std::vector<int>& uids, int count) {
  CallStatistics statistics;
  for (int i = 0; i < count; ++i) {
    const Sequence sequence = RandomSequence(SequenceSeed(1, i), 40, Limits{}, uids, semantics);
    const Trace trace = Replay(sequence, semantics);
    for (size_t k = 0; k < trace.results.size(); ++k)
      statistics.Add(sequence.calls[k], trace.results[k]);
  }
  return statistics;
}

// Values from an implementation of xoshiro256** and splitmix64 of its own.
TEST(RandomTest, GivesTheSameNumbersOnEveryMachine) {
  Random zero(0), other(2018);
  EXPECT_THAT(Draws(zero, 1 << 24, 5), ElementsAre(10087519, 12545567, 1728388, 6989204, 12297645));
  EXPECT_THAT(Draws(other, 100, 8), ElementsAre(82, 93, 5, 21, 27, 10, 59, 88));
}

TEST(RandomTest, EveryNumberOccursAboutAsOften) {
  Random random(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[random.Next(7)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 400);
}

TEST(RecordedTest, ScalesItsNumbersAndThenGivesZero) {
  Recorded recorded({0, 65535, 32768});
  EXPECT_THAT(Draws(recorded, 10, 5), ElementsAre(0, 9, 5, 0, 0));
}

TEST(GenerateTest, TheSimplestChoicesMakeAMemfd) {
  const Semantics semantics = LoadForTest("linux-5.1");
  State state = InitialState(Limits{}, {0});
  Recorded nothing({});
  const Made made = MakeCall(state, semantics, nothing);
  EXPECT_EQ(PrintCall(made.call, &semantics, nullptr), "memfd_create(\"region\", 0)");
  EXPECT_EQ(FileOf(state, 0, kFirstFd), 0);
}

TEST(GenerateTest, NextCallIsWhatMakeCallExecutes) {
  const Semantics semantics = LoadForTest("linux-5.1");
  State state = InitialState(Limits{}, {0, 0});
  Random a(7), b(7);
  for (int i = 0; i < 200; ++i) {
    const Call next = NextCall(state, semantics, a);
    State stepped = state;
    const Made made = MakeCall(state, semantics, b);
    EXPECT_EQ(next, made.call);
    EXPECT_TRUE(SameOutcome(Step(stepped, next, semantics), made.result));
    EXPECT_TRUE(stepped == state);
  }
}

TEST(GenerateTest, ASequenceDependsOnSeedAndIndexAlone) {
  const Semantics semantics = LoadForTest("linux-5.1");
  const auto make = [&](uint64_t seed, uint64_t index) {
    return RandomSequence(SequenceSeed(seed, index), 20, Limits{}, {0}, semantics);
  };
  EXPECT_EQ(make(3, 17), make(3, 17));
  EXPECT_FALSE(make(3, 17) == make(3, 18));
  EXPECT_FALSE(make(3, 17) == make(4, 17));
  EXPECT_FALSE(make(3, 4) == make(4, 3));
}

TEST(GenerateTest, NoCallOfASequenceIsBeyondTheBounds) {
  for (const char* name : {"linux-4.20", "linux-5.1", "readonly-fd", "ashmem"}) {
    const Semantics semantics = LoadForTest(name);
    EXPECT_EQ(StatisticsOf(semantics, TwoUsers(), 2000).bounds(), 0) << name;
  }
}

TEST(GenerateTest, SequencesHaveTheLengthAskedFor) {
  const Semantics semantics = LoadForTest("linux-5.1");
  int short_ones = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const Sequence s = RandomSequence(seed, 20, Limits{}, {0}, semantics);
    if (s.calls.size() == 20) continue;
    ++short_ones;
    EXPECT_EQ(s.calls.back().op, Op::kExit);  // only when no task runs any more
  }
  EXPECT_LT(short_ones, 200);
}

TEST(GenerateTest, SmallLimitsAreRespected) {
  const Semantics semantics = LoadForTest("linux-5.1");
  const Limits one{.tasks = 1,
                   .fds = 1,
                   .files = 1,
                   .inodes = 1,
                   .maps = 1,
                   .pages = 1,
                   .arena = 1,
                   .messages = 1};
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const Sequence sequence = RandomSequence(seed, 30, one, {0}, semantics);
    std::vector<State> states;
    const Trace trace = Replay(sequence, semantics, &states);
    for (const Result& result : trace.results) EXPECT_NE(result.kind, Result::Kind::kBound);
    EXPECT_TRUE(Validate(states.back()).ok());
  }
}

TEST(GenerateTest, ExtensionCallsOfTheSemanticsAreMade) {
  const Semantics semantics = LoadForTest("readonly-fd");
  ASSERT_FALSE(semantics.extensions.empty());
  const CallStatistics statistics = StatisticsOf(semantics, {0}, 500);
  EXPECT_GT(statistics.SuccessesOf(Op::kExtension), 100);
}

// Drawn by weight alone they are one in ten thousand sequences and less (docs/design.md).
TEST(GenerateTest, WhatTakesSeveralCallsFirstIsNotRare) {
  const Semantics semantics = LoadForTest("linux-6.18");
  std::map<std::string, int> decided;
  int paged_out = 0, populated = 0;
  for (int i = 0; i < 6000; ++i) {
    State state = InitialState(Limits{}, {0});
    for (const Call& call :
         RandomSequence(SequenceSeed(1, i), 20, Limits{}, {0}, semantics).calls) {
      const bool pinned = state.buffers[0].pipe != 0;
      const Result result = Step(state, call, semantics);
      if (result.rule != nullptr) ++decided[result.rule->name];
      if (!result.ok()) continue;
      if (call.op == Op::kMadvise) {
        paged_out += pinned && call.arg[2] == abi::kMadvPageout;
        populated += call.arg[2] == abi::kMadvPopulateWrite;
      }
    }
  }
  EXPECT_GE(decided["add-write-pinned"], 3);
  EXPECT_GE(decided["dontunmap-unlocks-more"], 3);
  EXPECT_GE(paged_out, 3);
  EXPECT_GE(populated, 2);
}

// A plain uniform choice gives 90 % EBADF.
// The newest kernel has every call; open_by_handle_at, map_files and vm.memfd_noexec take root.
TEST(GenerateTest, HalfOfTheCallsSucceedAndEveryCallAndErrnoOccurs) {
  const Semantics semantics = LoadForTest("linux-7.2");
  const CallStatistics root = StatisticsOf(semantics, {0}, 30000);
  const CallStatistics users = StatisticsOf(semantics, TwoUsers(), 30000);
  std::cout << "one root task: " << root.ToString() << "two users: " << users.ToString();
  EXPECT_GE(root.SuccessShare(), 0.5);
  EXPECT_GE(users.SuccessShare(), 0.5);
  for (const CallSpec& spec : CallTable()) {
    if (spec.op == Op::kExtension) continue;  // needs a semantics that has one
    if (spec.op == Op::kExecve || spec.op == Op::kLinkat) continue;  // they never succeed
    const bool needs_root =
        spec.op == Op::kOpenByHandle || spec.op == Op::kOpenMapFile || spec.op == Op::kSetNoexec;
    const int least = spec.op == Op::kPtracePoke ? 5 : 15;  // it takes a child with a mapping
    EXPECT_GE(users.SuccessesOf(spec.op), needs_root ? 0 : least) << ShortName(spec.op);
    EXPECT_GE(root.SuccessesOf(spec.op), least) << ShortName(spec.op);
  }
  // Every errno that the model knows, but for ENOSYS, which only older kernels give.
  for (int error :
       {EPERM,  ENOENT, EIO,    ENXIO,     EBADF,    ECHILD,     EAGAIN,     ENOMEM, EACCES,
        EFAULT, EBUSY,  EEXIST, ENODEV,    ENOTDIR,  EINVAL,     EMFILE,     ENOTTY, EFBIG,
        ESPIPE, EPIPE,  ELOOP,  EOVERFLOW, ENOTSOCK, EOPNOTSUPP, ECONNRESET, EXDEV})
    EXPECT_GE(users.ErrnoCount(error), 3) << ErrnoName(error);
  EXPECT_GE(users.SignalCount(SIGSEGV), 100);
  EXPECT_GE(users.SignalCount(SIGBUS), 100);
}

}  // namespace
}  // namespace selkie
