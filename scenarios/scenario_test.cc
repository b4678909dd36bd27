#include "scenarios/scenario.h"

#include <algorithm>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scenarios/library.h"
#include "scenarios/sequence_testing.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string ParseError(std::string_view text) {
  absl::StatusOr<std::vector<Scenario>> scenarios = ParseScenarios("t.scn", text);
  return scenarios.ok() ? "no error" : MessageOf(scenarios.status());
}

// What happened to each line: one letter (p, f, s) and what was got.
std::vector<std::string> Outcomes(const Scenario& scenario, const Semantics& semantics) {
  std::vector<std::string> out;
  absl::StatusOr<ScenarioRun> run = RunScenario(scenario, semantics);
  if (!run.ok()) return {MessageOf(run.status())};
  for (const LineOutcome& line : run->lines)
    out.push_back(fmt::format("{} {}", "pfs"[static_cast<int>(line.kind)], line.got));
  return out;
}

constexpr std::string_view kReopen = R"(# The thread's own.
scenario reopen
  "v3 clears the mode of one struct file;"
  "/proc/self/fd opens another."
only linux-5.1.., fw-v3
task A
task B as uid 1000   # not used
limits fds=4 pages=2

A: fd  = memfd_create("region", MFD_ALLOW_SEALING)
A: fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_FUTURE_WRITE) = 0
A: write(fd, "x", 1)   = -1 EPERM   | fw-v3: -1 EBADF   # one file
A: fd2 = open("/proc/self/fd/{fd}", O_RDWR) = fd2 | fw-inode, no-proc-upgrade: -1 EACCES
A: pwrite(fd2, "x", 0, 0) = 0
)";

TEST(Scenario, HeadingAndLinesAreRead) {
  const Scenario s = ParseForTest(kReopen);
  EXPECT_EQ(s.name, "reopen");
  EXPECT_EQ(s.doc, "v3 clears the mode of one struct file; /proc/self/fd opens another.");
  EXPECT_THAT(s.uids, ElementsAre(0, 1000));
  EXPECT_EQ(s.limits.fds, 4);
  EXPECT_EQ(s.limits.pages, 2);
  EXPECT_EQ(s.limits.files, kMaxFiles);
  ASSERT_EQ(s.lines.size(), 5u);
  EXPECT_EQ(s.lines[2].line, 12);
  EXPECT_EQ(s.lines[2].call, "write(fd, \"x\", 1)");
  ASSERT_EQ(s.lines[2].expected.size(), 2u);
  EXPECT_EQ(s.lines[2].expected[0].text, "-1 EPERM");
  EXPECT_EQ(s.lines[2].expected[1].text, "-1 EBADF");
  EXPECT_THAT(s.lines[3].names, ElementsAre("fd2"));
  EXPECT_THAT(s.lines[0].expected, IsEmpty());
}

TEST(Scenario, AlternativesAreChosenBySemanticsAndItsBases) {
  const Scenario s = ParseForTest(kReopen);
  EXPECT_THAT(Outcomes(s, LoadForTest("linux-5.1")),
              ElementsAre("p 3", "p 0", "p -1 EPERM", "p 4", "p 0"));
  EXPECT_THAT(Outcomes(s, LoadForTest("fw-v3")),
              ElementsAre("p 3", "p 0", "p -1 EBADF", "p 4", "p 0"));
  // no-proc-upgrade has no result of its own for write: v3's counts.
  EXPECT_THAT(Outcomes(s, LoadForTest("no-proc-upgrade")),
              ElementsAre("p 3", "p 0", "p -1 EBADF", "p -1 EACCES",
                          "s not made: 'fd2' has no value, its call failed"));
}

TEST(Scenario, KernelsInheritNoExpectationAndRangesIncludeTheirEnds) {
  const Scenario s = ParseForTest(
      "scenario s\n"
      "A: fd = memfd_create(\"r\", 0) = 3 | linux-4.20: 4 | linux-6.1..linux-6.12: 5 | fw-v3: 6\n");
  auto chosen = [&](std::string_view name) {
    return ExpectationFor(s.lines[0], LoadForTest(name))->text;
  };
  EXPECT_EQ(chosen("linux-4.20"), "4");
  EXPECT_EQ(chosen("linux-5.1"), "3") << "a kernel's base says nothing about it";
  EXPECT_EQ(chosen("linux-6.1"), "5");
  EXPECT_EQ(chosen("linux-6.12"), "5");
  EXPECT_EQ(chosen("linux-6.18"), "3");
  EXPECT_EQ(chosen("fw-v3"), "6");
  EXPECT_EQ(chosen("fw-inode"), "6");
  EXPECT_EQ(chosen("readonly-fd"), "4") << "a design inherits from the kernel it extends";
}

TEST(Scenario, OnlyAndNotSayWhereItMakesSense) {
  const Scenario s = ParseForTest(
      "scenario s\nonly linux-5.1.., fw-v3\nnot fw-inode, ..linux-5.1\n"
      "A: fork() = 1\n");
  EXPECT_TRUE(AppliesTo(s, LoadForTest("linux-6.1")));
  EXPECT_FALSE(AppliesTo(s, LoadForTest("linux-5.1")));
  EXPECT_FALSE(AppliesTo(s, LoadForTest("linux-4.20")));
  EXPECT_FALSE(AppliesTo(s, LoadForTest("fw-inode")));
  EXPECT_FALSE(AppliesTo(s, LoadForTest("ashmem")));
}

TEST(Scenario, ADifferenceIsSeenAndTheOtherLinesStillRun) {
  const Scenario s = ParseForTest(
      "scenario s\n"
      "A: fd = memfd_create(\"r\", 0)       = 4\n"
      "A: write(fd, \"x\", 4096)           = -1 EPERM\n"
      "A: pread(fd, buf, 4096, 0)        = 4096 \"xy\"\n"
      "A: pread(fd, buf, 4096, 0)        = 4096 \"xx\"\n"
      "A: pread(fd, buf, 4096, 0)        = 4096\n"
      "A: fstat(fd, st)                  = 0 {st_size=4096, st_mode=0666}\n"
      "A: map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, 9, 0) = map\n"
      "A: load(map)                      = \"x\"\n");
  EXPECT_THAT(Outcomes(s, LoadForTest("linux-5.1")),
              ElementsAre("f 3", "f 4096", "f 4096 \"xx\"", "p 4096 \"xx\"", "p 4096 \"xx\"",
                          "f 0 {st_size=4096, st_mode=0777}", "f -1 EBADF",
                          "s not made: 'map' has no value, its call failed"));
  EXPECT_FALSE(RunScenario(s, LoadForTest("linux-5.1"))->passed);
}

TEST(Scenario, TheTraceHoldsTheCallsThatWereMade) {
  const Scenario s = ParseForTest(kReopen);
  const Semantics v3 = LoadForTest("fw-inode");
  const ScenarioRun run = *RunScenario(s, v3);
  ASSERT_EQ(run.trace.sequence.calls.size(), 4u);
  EXPECT_EQ(run.lines[4].call, -1);
  EXPECT_EQ(run.lines[3].call, 3);
  EXPECT_EQ(run.trace.sequence.calls[2].arg[0], 3);
  EXPECT_EQ(run.trace.sequence.uids, s.uids);
  EXPECT_THAT(DecidedBy(run.trace.results[3]), HasSubstr("model/semantics/fw-inode.sem:"));
  EXPECT_TRUE(Meets(run.lines[3], run.trace.results[3]));
  EXPECT_FALSE(Meets(run.lines[3], run.trace.results[2]));
}

TEST(Scenario, TasksAreMadeAndNamed) {
  const Scenario s = ParseForTest(
      "scenario s\ntask B\n"
      "A: child = fork()                       = C\n"
      "child: fd = memfd_create(\"r\", 0)        = fd\n"
      "C: write(fd, \"x\", 1)                    = 1\n"
      "C: exit()                               = ok\n"
      "B: wait(child)                          = -1 ECHILD\n"
      "A: wait(child)                          = 0\n");
  EXPECT_THAT(Outcomes(s, LoadForTest("linux-5.1")),
              ElementsAre("p 2", "p 3", "p 1", "p ok", "p -1 ECHILD", "p 0"));
}

TEST(Scenario, ACallThatTheSemanticsDoesNotDeclareIsAnErrorOfTheRun) {
  const Scenario s = ParseForTest(
      "scenario s\nonly readonly-fd\n"
      "A: fd = memfd_create(\"r\", 0) = 3\nA: ro = fcntl(fd, F_DUP_READONLY) = 4\n");
  EXPECT_THAT(Outcomes(s, LoadForTest("readonly-fd")), ElementsAre("p 3", "p 4"));
  EXPECT_THAT(Outcomes(s, LoadForTest("linux-5.1")),
              ElementsAre(HasSubstr("t.scn:4:9: under linux-5.1: 'fcntl' is not followed by")));
}

struct BadText {
  std::string_view text;
  std::string_view message;
};

TEST(Scenario, AnErrorSaysWhereWhatAndWhatWasExpected) {
  const BadText bad[] = {
      {"", "t.scn:1:1: the file has no scenario, expected 'scenario NAME'"},
      {"A: fork() = 1\n",
       "t.scn:1:1: 'A' stands before any scenario, expected 'scenario NAME' first"},
      {"scenario\nA: fork() = 1\n",
       "t.scn:1:9: the line ends here, expected the name of the scenario"},
      {"scenario s\n", "t.scn:1:1: scenario 's' has no call, expected at least one"},
      {"scenario s t\n", "t.scn:1:12: 't' is unexpected, expected the end of the line"},
      {"scenario s\n\"doc\n", "t.scn:2:5: the line ends here, expected the closing quote"},
      {"scenario s\ntask E\n",
       "t.scn:2:6: 'E' is no task that can be declared here, expected A or the next, B"},
      {"scenario s\ntask C\n", "t.scn:2:6: 'C' is no task"},
      {"scenario s\ntask B as 1000\n", "t.scn:2:11: '1000' is unexpected, expected 'uid' as in"},
      {"scenario s\ntask B as uid 99999\n",
       "t.scn:2:15: '99999' is out of range, expected 0 to 65534"},
      {"scenario s\nonly\n", "t.scn:2:5: the line ends here, expected names of semantics"},
      {"scenario s\nonly fw-v3..linux-6.1\nA: fork() = 1\n",
       "t.scn:2:6: 'fw-v3' is no end of a range"},
      {"scenario s\nlimits socks=2\n", "t.scn:2:8: 'socks' is no limit, expected tasks, fds"},
      {"scenario s\nlimits fds=9\n", "t.scn:2:12: '9' is out of range, expected 1 to 8"},
      {"scenario s\nhello world\n",
       "t.scn:2:7: 'world' is unexpected, expected 'TASK: CALL = RESULT'"},
      {"scenario s\nB: fork() = 1\n",
       "t.scn:2:1: 'B' is no task, expected A, one that 'task' declares"},
      {"scenario s\nA: fork(\n", "t.scn:2:4: 'fork' is unexpected, expected a call such as"},
      {"scenario s\nA: fork()\n", "t.scn:2:10: the line ends here, expected '= RESULT'"},
      {"scenario s\nA: fork() =\n", "t.scn:2:12: the line ends here, expected a result"},
      {"scenario s\nA: fork() = 1 | fw-v3 2\n",
       "t.scn:2:15: '|' is unexpected, expected the end of the result"},
      {"scenario s\nA: fork() = 1 | : 2\n", "t.scn:2:15: '|' is unexpected"},
      {"scenario s\nA: x = close(3) = 0\n",
       "t.scn:2:1: 'x' names a result, but this call gives nothing that has a name"},
      {"scenario s\nA: a, b = dup(3) = 4\n",
       "t.scn:2:1: 'a' names 2 of what this call gives, expected 1"},
      {"scenario s\nA: B = dup(3)\n", "t.scn:2:1: 'B' has a meaning of its own"},
      {"scenario s\nA: x = dup(3)\nA: x = fork()\n",
       "t.scn:3:1: 'x' was the name of something else"},
      {"scenario s\nA: close(fd) = 0\n",
       "t.scn:2:10: 'fd' is no known descriptor, expected a number or the name"},
      {"scenario s\nA: close(3) = -1 EWHAT\n", "t.scn:2:18: 'EWHAT' is no errno"},
      {"scenario s\nA: close(3) = 0 | fw-v3: ok\n",
       "t.scn:2:26: 'ok' is not known here, expected a number"},
      {"scenario s\nA: fcntl(3, F_DUP_READONLY) = 4\n", "needs 'only' with its name"},
      {"scenario s\nA: fork() = 1\ntask B\n",
       "t.scn:3:6: 'B' stands after the first call, expected it before"},
      {"scenario s\nA: fork() = 1\nscenario s\nA: fork() = 1\n",
       "t.scn:3:1: scenario 's' stands in this file already"},
  };
  for (const BadText& b : bad)
    EXPECT_THAT(ParseError(b.text), HasSubstr(std::string(b.message))) << b.text;
}

TEST(Scenario, NoTextCrashesTheParser) {
  uint64_t seed = 3;
  auto next = [&seed] { return (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33; };
  for (int round = 0; round < 3000; ++round) {
    std::string text(kReopen);
    for (int i = 0; i < 3; ++i) {
      const size_t at = next() % text.size();
      if (next() % 2 == 0)
        text.erase(at, next() % 20);
      else
        text.insert(at, 1, static_cast<char>(next() % 256));
    }
    const std::string error = ParseError(text);
    EXPECT_THAT(error, ::testing::AnyOf("no error", ::testing::StartsWith("t.scn:")));
  }
  EXPECT_NE(ParseError("scenario s\nA: load(" + std::string(200000, '(') + ") = \"x\"\n"),
            "no error");
  EXPECT_NE(ParseError(std::string(300000, '"')), "no error");
}

// Every scenario of the tree, on every semantics that it is meant for.
TEST(ScenarioLibrary, EveryScenarioPassesWhereItIsMeantToAndNamesKnownSemantics) {
  const Library library = Library::Default();
  std::vector<Semantics> all;
  std::vector<std::string> names = *library.SemanticsNames();
  for (const std::string& name : names) all.push_back(LoadForTest(name));
  const std::vector<std::string> files = *FilesUnder(library.root() + "/scenarios", ".scn");
  int scenarios = 0;
  for (const std::string& file : files) {
    absl::StatusOr<std::vector<Scenario>> parsed = ParseScenarios(file, *ReadTextFile(file));
    ASSERT_TRUE(parsed.ok()) << MessageOf(parsed.status());
    for (const Scenario& scenario : *parsed) {
      ++scenarios;
      int ran = 0;
      for (const Semantics& semantics : all) {
        if (!AppliesTo(scenario, semantics)) continue;
        ++ran;
        absl::StatusOr<ScenarioRun> run = RunScenario(scenario, semantics);
        ASSERT_TRUE(run.ok()) << MessageOf(run.status());
        EXPECT_TRUE(run->passed) << file << ": " << scenario.name << " on " << semantics.name;
      }
      EXPECT_GT(ran, 0) << scenario.name << " is meant for no semantics of the tree";
      for (const ScenarioLine& line : scenario.lines)
        for (const Expectation& expected : line.expected) {
          EXPECT_FALSE(expected.Asks()) << file << ":" << line.line;
          for (const Selector& selector : expected.selectors)
            EXPECT_TRUE(selector.range ||
                        std::count(names.begin(), names.end(), selector.first) == 1)
                << file << ":" << selector.line << ": " << selector.first;
        }
    }
  }
  EXPECT_GE(scenarios, 50);
}

TEST(ScenarioText, WhatCouldNeverApplyIsRefused) {
  EXPECT_EQ(ParseError("scenario s\nA: close(3) = 0 | linux-6.1..linux-5.1: 1\n"),
            "t.scn:2:19: 'linux-6.1..linux-5.1' is no range, expected the older kernel first");
}

TEST(ScenarioText, EveryLineThatIsWrongIsToldOf) {
  EXPECT_EQ(
      ParseError("scenario one\n"
                 "A: close(99 = 0\n"  // no bracket: not checked further
                 "A: dup(nobody) = 3\n"
                 "scenario two\n"
                 "A: frob(1) = 0\n"
                 "A: dup(1) = EPERM\n"
                 "Q: close(3) = 0\n"
                 "A: x = open(\"/etc\", O_RDONLY) = x\n"  // what x is, is not known
                 "A: close(x) = 0\n"),
      "t.scn:2:4: 'close' is unexpected, expected a call such as write(fd, \"x\", 1), closed by "
      "')', and then '= RESULT'\n"
      "t.scn:5:4: 'frob' is no call, expected one of the table of calls, such as "
      "memfd_create\n"
      "t.scn:6:13: 'EPERM' is an error, expected it as '-1 EPERM'\n"
      "t.scn:7:1: 'Q' is no task, expected A, one that 'task' declares or one that an earlier "
      "fork or clone made\n"
      "t.scn:8:13: \"/etc\" is no path of a descriptor, expected \"/proc/self/fd/{fd}\", "
      "\"/dev/fd/{fd}\" or \"/proc/{task}/fd/{fd}\"");
}

}  // namespace
}  // namespace selkie
