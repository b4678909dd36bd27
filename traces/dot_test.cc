#include "traces/dot.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/trace_testing.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kYellow = "#ffec99";
constexpr const char* kRed = "#e03131";
constexpr const char* kBlue = "#1971c2";

std::vector<std::string> StepsUnder(const char* name, const Sequence& sequence,
                                    int broken_step = -1) {
  const Semantics semantics = LoadSemanticsForTest(name);
  PictureOptions options;
  options.broken_step = broken_step;
  return TraceToDotSteps(Replay(sequence, semantics), semantics, options);
}

TEST(DotTest, AStateShowsTheWayFromTheTaskToTheInode) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  std::vector<State> states;
  Replay(ReopenForTest(), semantics, &states);
  const std::string dot = StateToDot(states.back(), semantics);
  EXPECT_THAT(dot, HasSubstr("task A · uid 0"));
  EXPECT_THAT(dot, HasSubstr("fds0:f3:e -> file0:head:w"));
  EXPECT_THAT(dot, HasSubstr("file0:head:e -> inode0:head:w"));
  EXPECT_THAT(dot, HasSubstr("mm0:m0:e -> inode0:head"));
  EXPECT_THAT(dot, HasSubstr("f_mode READ WRITE"));
  EXPECT_THAT(dot, HasSubstr("SHRINK GROW FUTURE_WRITE"));
  EXPECT_THAT(dot, HasSubstr("may rwx"));
  EXPECT_THAT(dot, Not(HasSubstr(kYellow)));
}

TEST(DotTest, ADmabufAndAFileOfHugePagesAreDrawnAsWhatTheyAre) {
  const Semantics semantics = LoadSemanticsForTest("linux-6.18");
  const Sequence sequence{{},
                          {0},
                          {{Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdHugetlb}},
                           {Op::kFtruncate, 0, {3, int64_t{2} * kHugePageSize}},
                           {Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}},
                           {Op::kFtruncate, 0, {4, kPageSize}},
                           {Op::kAddSeals, 0, {4, 2}},  // F_SEAL_SHRINK
                           {Op::kUdmabufCreate, 0, {4, 0, kPageSize}},
                           {Op::kOpenOther, 0, {abi::kOtherEventfd}}}};
  std::vector<State> states;
  Replay(sequence, semantics, &states);
  const std::string dot = StateToDot(states.back(), semantics);
  EXPECT_THAT(dot, HasSubstr("dmabuf"));
  EXPECT_THAT(dot, HasSubstr("1 pages, 1 of them the file"));
  EXPECT_THAT(dot, HasSubstr("no memfd"));
}

TEST(DotTest, EachStepColoursWhatItsCallChanged) {
  const std::vector<std::string> steps = StepsUnder("fw-v3", ReopenForTest());
  ASSERT_EQ(steps.size(), 8u);
  EXPECT_THAT(steps[0], HasSubstr("1. A: fd = memfd_create(&quot;region&quot;"));
  EXPECT_THAT(steps[0], HasSubstr(kYellow));
  // v3 clears the mode of the one struct file.
  EXPECT_THAT(steps[3], HasSubstr("BGCOLOR=\"#ffec99\">f_mode READ<"));
  EXPECT_THAT(steps[4], Not(HasSubstr(kYellow)));  // refused: nothing changed
}

TEST(DotTest, TheWayOfAWriteIsBlueAndRedWhereItBreaksAPromise) {
  const Sequence sequence = ReopenForTest();
  const std::vector<std::string> kept = StepsUnder("fw-v3", sequence);
  EXPECT_THAT(kept[6], HasSubstr(kBlue));
  EXPECT_THAT(kept[6], Not(HasSubstr(kRed)));
  const std::vector<std::string> broken = StepsUnder("fw-v3", sequence, 6);
  EXPECT_THAT(broken[6], HasSubstr("fds0:f4:e -> file1:head:w [color=\"#e03131\", penwidth=2.6]"));
  EXPECT_THAT(broken[6],
              HasSubstr("file1:head:e -> inode0:head:w [color=\"#e03131\", penwidth=2.6]"));
  EXPECT_THAT(broken[7], HasSubstr("mm0:m0:e -> inode0:head [color=\"#1971c2\""));
  EXPECT_THAT(broken[7], Not(HasSubstr(kRed)));
}

TEST(DotTest, WhatIsGoneIsStruckOut) {
  Sequence sequence = ReopenForTest();
  sequence.calls.push_back(MakeCall(Op::kMunmap, 0, {0, kPageSize}));
  sequence.calls.push_back(MakeCall(Op::kClose, 0, {3}));
  const std::vector<std::string> steps = StepsUnder("linux-5.1", sequence);
  EXPECT_THAT(steps[8], HasSubstr("<S>page 0</S>"));
  EXPECT_THAT(steps[9], HasSubstr("<S><B>fd</B> 3</S>"));
}

TEST(DotTest, ThreadsShareTheirTables) {
  Sequence sequence = ReopenForTest();
  sequence.calls.push_back(MakeCall(Op::kClone, 0, {abi::kCloneVm | abi::kCloneFiles}));
  const std::vector<std::string> steps = StepsUnder("linux-5.1", sequence);
  EXPECT_THAT(steps[8], HasSubstr("shares descriptors"));
  EXPECT_THAT(steps[8], HasSubstr("shares memory"));
}

TEST(DotTest, GraphvizDrawsEveryStepOfRandomTraces) {
  const Semantics semantics = LoadSemanticsForTest("linux-6.18");
  for (int i = 0; i < 4; ++i) {
    const Trace trace = Replay(RandomSequenceForTest(i, 25, semantics), semantics);
    const auto steps = TraceToSvgSteps(trace, semantics);
    ASSERT_TRUE(steps.ok()) << steps.status();
    EXPECT_EQ(steps->size(), trace.results.size());
    for (const std::string& svg : *steps) EXPECT_THAT(svg, StartsWith("<svg"));
  }
}

TEST(DotTest, TextThatGraphvizRefusesIsAnErrorWithItsWords) {
  const auto svg = DotToSvg("digraph {");
  ASSERT_FALSE(svg.ok());
  EXPECT_TRUE(absl::IsInternal(svg.status()));
  EXPECT_THAT(std::string(svg.status().message()), HasSubstr("syntax error"));
}

TEST(DotTest, WithoutGraphvizTheErrorSaysWhatToInstall) {
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nonexistent", 1);
  const auto svg = DotToSvg("digraph {}");
  setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(svg.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(svg.status()));
  EXPECT_THAT(std::string(svg.status().message()), HasSubstr("apt-get install graphviz"));
}

TEST(DotTest, NoStepsAreNoPictures) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const auto steps = TraceToSvgSteps(Replay(Sequence{}, semantics), semantics);
  ASSERT_TRUE(steps.ok()) << steps.status();
  EXPECT_TRUE(steps->empty());
}

}  // namespace
}  // namespace selkie
