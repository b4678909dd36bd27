#include "scenarios/print.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scenarios/generate.h"
#include "scenarios/library.h"
#include "scenarios/scenario.h"
#include "scenarios/sequence_testing.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;

Trace TraceOf(const std::string& text, const Semantics& semantics) {
  const Scenario scenario = ParseForTest(text);
  return RunScenario(scenario, semantics)->trace;
}

// A sequence without the calls that are not to be executed.
std::vector<Call> MadeCalls(const Trace& trace) {
  std::vector<Call> calls;
  for (size_t i = 0; i < trace.results.size(); ++i)
    if (trace.results[i].kind != Result::Kind::kBound) calls.push_back(trace.sequence.calls[i]);
  return calls;
}

TEST(PrintScenario, ResultsGetNamesAndTheTextIsWhatAPersonWouldWrite) {
  const Semantics semantics = LoadForTest("fw-v3");
  const Trace trace = TraceOf(
      "scenario s\ntask B as uid 1000\nlimits files=5\n"
      "A: region = memfd_create(\"r\", MFD_ALLOW_SEALING) = 3\n"
      "A: ftruncate(region, 4096) = 0\n"
      "A: p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, region, 0) = p\n"
      "A: q = open(\"/proc/{A}/fd/{region}\", O_RDWR) = 4\n"
      "A: load(p+2048) = \"\\0\"\n"
      "A: t = fork() = C\n"
      "t: write(q, \"x\", 1) = 1\n",
      semantics);
  EXPECT_EQ(
      PrintScenario(trace, &semantics, {.name = "my trace", .doc = "A \"doc\"", .rules = false}),
      "scenario my-trace\n"
      "  \"A 'doc'\"\n"
      "only fw-v3\n"
      "limits files=5\n"
      "task B as uid 1000\n"
      "A: fd = memfd_create(\"region\", MFD_ALLOW_SEALING)       = 3\n"
      "A: ftruncate(fd, 4096)                                  = 0\n"
      "A: map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) = 0x0\n"
      "A: fd2 = open(\"/proc/{A}/fd/{fd}\", O_RDWR)              = 4\n"
      "A: load(map+2048)                                       = \"\\0\"\n"
      "A: C = fork()                                           = C\n"
      "C: write(fd2, \"x\", 1)                                   = 1\n");
}

TEST(PrintScenario, RulesAreCommentsAndCallsBeyondTheLimitsToo) {
  const Semantics semantics = LoadForTest("linux-5.1");
  Trace trace = TraceOf(
      "scenario s\nA: fd = memfd_create(\"r\", 0) = 3\n"
      "A: fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) = -1 EPERM\n",
      semantics);
  trace.sequence.calls.push_back(Call{.op = Op::kWait, .task = 0, .arg = {3}});
  trace = Replay(trace.sequence, semantics);
  const std::string text =
      PrintScenario(trace, &semantics, {.name = "s", .doc = "", .rules = true});
  EXPECT_THAT(text, HasSubstr("= -1 EPERM   # rule add-sealed (model/semantics/linux-4.20.sem:"));
  EXPECT_THAT(text, HasSubstr("\n# A: wait(D) was not made: "));
  EXPECT_EQ(MadeCalls(TraceOf(text, semantics)).size(), 2u);
}

// The printed text makes the same calls, and passes on the trace's semantics.
void ExpectRoundTrip(const Sequence& sequence, const Semantics& semantics) {
  const Trace trace = Replay(sequence, semantics);
  const std::string text =
      PrintScenario(trace, &semantics, {.name = "random", .doc = "", .rules = true});
  if (MadeCalls(trace).empty()) return;
  const Scenario scenario = ParseForTest(text);
  ASSERT_TRUE(AppliesTo(scenario, semantics));
  absl::StatusOr<ScenarioRun> run = RunScenario(scenario, semantics);
  ASSERT_TRUE(run.ok()) << MessageOf(run.status()) << "\n" << text;
  EXPECT_TRUE(run->passed) << text;
  EXPECT_EQ(run->trace.sequence.calls, MadeCalls(trace)) << text;
  EXPECT_EQ(run->trace.sequence.uids, sequence.uids);
  EXPECT_EQ(run->trace.sequence.limits, sequence.limits);
}

TEST(PrintScenario, RandomSequencesParseBackAndMakeTheSameCalls) {
  for (std::string_view name : {"linux-6.18", "fw-v3", "readonly-fd", "ashmem"}) {
    const Semantics semantics = LoadForTest(name);
    for (uint64_t seed = 0; seed < 300; ++seed) {
      const std::vector<int> uids = seed % 2 == 0 ? std::vector<int>{0} : std::vector<int>{0, 1000};
      Limits limits;
      if (seed % 3 == 0) limits.fds = 3;
      ExpectRoundTrip(RandomSequence(seed, 20, limits, uids, semantics), semantics);
      if (HasFailure()) return;
    }
  }
}

TEST(TraceNames, NamesOfOneTaskAreTheLaterChildsToo) {
  TraceNames names;
  Result made;
  made.value = 3;
  const Call create{.op = Op::kMemfdCreate, .task = 0, .arg = {kOrdinaryName, 0}};
  EXPECT_THAT(names.ResultNames(create, made), ::testing::ElementsAre("fd"));
  names.Learn(create, made);
  EXPECT_EQ(names.NameOf(NameKind::kFd, 3, 0), "fd");
  EXPECT_EQ(names.NameOf(NameKind::kFd, 3, 1), "");
  made.value = 1;
  names.Learn(Call{.op = Op::kFork, .task = 0, .arg = {}}, made);
  EXPECT_EQ(names.NameOf(NameKind::kFd, 3, 1), "fd");
  EXPECT_EQ(names.NameOf(NameKind::kTask, 1, 0), "B");
}

}  // namespace
}  // namespace selkie
