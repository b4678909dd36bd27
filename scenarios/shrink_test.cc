#include "scenarios/shrink.h"

#include <algorithm>
#include <cerrno>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/call_text.h"
#include "model/step.h"
#include "scenarios/generate.h"
#include "scenarios/sequence_testing.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;

// True if some call of the sequence is this operation and gives this errno.
StillFails Gives(const Semantics& semantics, Op op, int error) {
  return [&semantics, op, error](const Sequence& sequence) {
    const Trace trace = Replay(sequence, semantics);
    for (size_t i = 0; i < trace.results.size(); ++i) {
      if (sequence.calls[i].op != op) continue;
      const Result& r = trace.results[i];
      if (error == 0 ? r.ok() : r.kind == Result::Kind::kErrno && r.value == error) return true;
    }
    return false;
  };
}

std::vector<std::string> Texts(const Sequence& sequence, const Semantics& semantics) {
  std::vector<std::string> texts;
  for (const Call& call : sequence.calls)
    texts.push_back(std::string(1, static_cast<char>('A' + call.task)) + ": " +
                    PrintCall(call, &semantics, nullptr));
  return texts;
}

// The first of many random sequences for which the predicate is true.
Sequence Find(const StillFails& fails, const Semantics& semantics, int length,
              const std::vector<int>& uids) {
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    const Sequence s = RandomSequence(seed, length, Limits{}, uids, semantics);
    if (fails(s)) return s;
  }
  ADD_FAILURE() << "no random sequence does it";
  return {};
}

TEST(ShrinkTest, KeepsASequenceThatDoesNotFail) {
  Sequence sequence;
  sequence.calls = {Call{Op::kExit}, Call{Op::kExit}};
  ShrinkReport report;
  EXPECT_EQ(Shrink(
                sequence, [](const Sequence&) { return false; }, {}, &report),
            sequence);
  EXPECT_EQ(report.tries, 1);
}

TEST(ShrinkTest, RemovesEverythingIfNothingMatters) {
  const Semantics semantics = LoadForTest("linux-5.1");
  const Sequence sequence = RandomSequence(1, 50, Limits{}, TwoUsers(), semantics);
  const Sequence small = Shrink(sequence, [](const Sequence&) { return true; });
  EXPECT_TRUE(small.calls.empty());
  EXPECT_EQ(small.uids, std::vector<int>{0});
}

TEST(ShrinkTest, KeepsTheOneCallThatMatters) {
  const Semantics semantics = LoadForTest("linux-5.1");
  Sequence sequence = RandomSequence(2, 60, Limits{}, {0}, semantics);
  sequence.calls.insert(sequence.calls.begin() + 37, Call{Op::kLseek, 0, {9, 5000, 2}});
  const auto has_lseek = [](const Sequence& s) {
    return std::any_of(s.calls.begin(), s.calls.end(),
                       [](const Call& c) { return c.op == Op::kLseek && c.arg[1] >= 4097; });
  };
  const Sequence small = Shrink(sequence, has_lseek);
  EXPECT_THAT(Texts(small, semantics), ElementsAre("A: lseek(3, 8192, SEEK_SET)"));
}

TEST(ShrinkTest, FindsTheShortestWayToEpermOfWrite) {
  const Semantics semantics = LoadForTest("linux-4.20");
  const StillFails fails = Gives(semantics, Op::kWrite, EPERM);
  const Sequence small = Shrink(Find(fails, semantics, 40, {0}), fails);
  ASSERT_EQ(small.calls.size(), 3u) << ShowSequence(small, semantics);
  EXPECT_EQ(small.calls[0], (Call{Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}}));
  EXPECT_EQ(small.calls[1].op, Op::kAddSeals);
  EXPECT_EQ(small.calls[1].arg[0], kFirstFd);
  EXPECT_EQ(small.calls[2].arg[0], kFirstFd);
  EXPECT_EQ(small.calls[2].arg[2], 1);
}

// The descriptor that matters is a late one: numbers move down as calls go.
TEST(ShrinkTest, MovesDescriptorsDown) {
  const Semantics semantics = LoadForTest("linux-5.1");
  Sequence sequence;
  for (int i = 0; i < 3; ++i)
    sequence.calls.push_back(Call{Op::kMemfdCreate, 0, {kOrdinaryName, 0}});
  sequence.calls.push_back(Call{Op::kDup, 0, {5}});
  sequence.calls.push_back(Call{Op::kFtruncate, 0, {6, 8192}});
  sequence.calls.push_back(Call{Op::kLseek, 0, {5, 0, abi::kSeekEnd}});
  const auto seeks = [&](const Sequence& s) {
    const Trace trace = Replay(s, semantics);
    return !s.calls.empty() && s.calls.back().op == Op::kLseek && trace.results.back().ok() &&
           trace.results.back().value == 8192;
  };
  EXPECT_THAT(Texts(Shrink(sequence, seeks), semantics),
              ElementsAre("A: memfd_create(\"region\", 0)", "A: ftruncate(3, 8192)",
                          "A: lseek(3, 0, SEEK_END)"));
}

// A socketpair takes two numbers, a mapping at a hint moves what is mapped after it.
TEST(ShrinkTest, MovesOverPairsAndMappings) {
  const Semantics semantics = LoadForTest("linux-5.1");
  constexpr int64_t kHint = 5 * kPageSize;
  Sequence sequence;
  sequence.calls = {Call{Op::kSocketpair},
                    Call{Op::kMemfdCreate, 0, {kOrdinaryName, 0}},
                    Call{Op::kFtruncate, 0, {5, 3 * kPageSize}},
                    Call{Op::kMmap, 0, {kHint, 2 * kPageSize, 3, abi::kMapShared, 5, 0}},
                    Call{Op::kStore, 0, {kHint, 'q'}},
                    Call{Op::kLoad, 0, {kHint}}};
  const auto loads = [&](const Sequence& s) {
    const Trace trace = Replay(s, semantics);
    return !s.calls.empty() && s.calls.back().op == Op::kLoad && trace.results.back().ok() &&
           trace.results.back().value != 0;
  };
  EXPECT_THAT(Texts(Shrink(sequence, loads), semantics),
              ElementsAre("A: memfd_create(\"region\", 0)", "A: ftruncate(3, 1)",
                          "A: mmap(NULL, 1, PROT_WRITE, MAP_SHARED, 3, 0)", "A: store(0x0, \"x\")",
                          "A: load(0x0)"));
}

TEST(ShrinkTest, MovesCallsToTheFirstTask) {
  const Semantics semantics = LoadForTest("linux-5.1");
  Sequence sequence;
  sequence.uids = {1000, 1001, 1002};
  for (uint8_t task = 0; task < 3; ++task)
    sequence.calls.push_back(Call{Op::kMemfdCreate, task, {kOrdinaryName, abi::kMfdCloexec}});
  sequence.calls.push_back(Call{Op::kGetFd, 2, {3}});
  const auto cloexec = [&](const Sequence& s) {
    const Trace trace = Replay(s, semantics);
    return !s.calls.empty() && s.calls.back().op == Op::kGetFd && trace.results.back().ok() &&
           trace.results.back().value == 1;
  };
  const Sequence small = Shrink(sequence, cloexec);
  EXPECT_EQ(small.uids, std::vector<int>{0});
  EXPECT_THAT(Texts(small, semantics),
              ElementsAre("A: memfd_create(\"region\", MFD_CLOEXEC)", "A: fcntl(3, F_GETFD)"));
}

TEST(ShrinkTest, IsDeterministic) {
  const Semantics semantics = LoadForTest("linux-5.1");
  const StillFails fails = Gives(semantics, Op::kMprotect, EACCES);
  const Sequence found = Find(fails, semantics, 40, {0});
  EXPECT_EQ(Shrink(found, fails), Shrink(found, fails));
}

TEST(ShrinkTest, StopsWhenOutOfTries) {
  const Semantics semantics = LoadForTest("linux-5.1");
  const Sequence sequence = RandomSequence(3, 60, Limits{}, {0}, semantics);
  int asked = 0;
  ShrinkReport report;
  const Sequence small = Shrink(
      sequence, [&](const Sequence& s) { return ++asked, s.calls.size() > 5; }, {.max_tries = 10},
      &report);
  EXPECT_EQ(asked, 10);
  EXPECT_EQ(report.tries, 10);
  EXPECT_FALSE(report.complete);
  EXPECT_GT(small.calls.size(), 5u);
}

// What is left when a random sequence shows an errno is short, whatever it is.
TEST(ShrinkTest, ResultsAreShortAndStillFail) {
  const Semantics semantics = LoadForTest("linux-5.1");
  const std::pair<Op, int> cases[] = {{Op::kAddSeals, EBUSY},  {Op::kMmap, EPERM},
                                      {Op::kMprotect, EACCES}, {Op::kOpen, EACCES},
                                      {Op::kFallocate, EPERM}, {Op::kRecvmsg, 0}};
  for (const auto& [op, error] : cases) {
    const StillFails fails = Gives(semantics, op, error);
    ShrinkReport report;
    const Sequence small = Shrink(Find(fails, semantics, 40, TwoUsers()), fails, {}, &report);
    EXPECT_TRUE(fails(small));
    EXPECT_TRUE(report.complete);
    EXPECT_LE(small.calls.size(), 6u) << ShowSequence(small, semantics);
  }
}

}  // namespace
}  // namespace selkie
