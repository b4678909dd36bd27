// The programs are compiled by gcc and run on this machine's own kernel.
#include "traces/c_export.h"

#include <stdlib.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scenarios/scenario.h"
#include "traces/trace_testing.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCompile = "gcc -std=gnu11 -Wall -Wextra -Werror -O2";

std::string SemanticsOfThisKernel() {
  utsname system;
  EXPECT_EQ(uname(&system), 0);
  const auto name = SemanticsForRelease(Library::Default(), system.release);
  EXPECT_TRUE(name.ok()) << name.status();
  return name.value_or("");
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/selkie-c-export-XXXXXX";
    path_ = mkdtemp(name);
    // Tasks of other users execute the programs anew.
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Outcome {
  int exit_code = -1;
  std::string out;
};

Outcome Shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return outcome;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) outcome.out.append(buffer, n);
  const int status = pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

Outcome CompileAndRun(const std::string& program, const std::string& options = "") {
  static int number = 0;
  const Folder folder;
  const std::string base = fmt::format("{}/t{}", folder.path(), number++);
  EXPECT_TRUE(WriteTextFile(base + ".c", program).ok());
  Outcome compiled = Shell(fmt::format("{} {} -o {} {}.c", kCompile, options, base, base));
  EXPECT_EQ(compiled.exit_code, 0) << compiled.out << program;
  return compiled.exit_code == 0 ? Shell(base) : compiled;
}

int CountOf(const std::string& text, const std::string& what) {
  int count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

int TestsOf(const Trace& trace) {
  int tests = 0;
  for (const Result& result : trace.results) tests += result.kind != Result::Kind::kBound;
  return tests;
}

void ExpectAllOk(const Trace& trace, const Semantics& semantics, const std::string& what) {
  const std::string program = TraceToC(trace, semantics);
  const Outcome outcome = CompileAndRun(program);
  const bool no_huge_pages = CountOf(outcome.out, "# SKIP no 16 huge pages are free") == 1;
  const bool no_tmpfs = CountOf(outcome.out, "# SKIP /dev/shm is no tmpfs") == 1;
  const bool no_udmabuf = CountOf(outcome.out, "# SKIP there is no ") == 1;
  const bool skipped =
      outcome.exit_code == 4 && (geteuid() != 0 || no_huge_pages || no_tmpfs || no_udmabuf);
  EXPECT_TRUE(outcome.exit_code == 0 || skipped) << what << "\n" << outcome.out << program;
  if (skipped) return;
  EXPECT_EQ(CountOf("\n" + outcome.out, "\nok "), TestsOf(trace)) << what << "\n" << outcome.out;
}

TEST(CExportTest, RandomTracesRunOnThisKernelAsTheModelSays) {
  const Semantics semantics = LoadSemanticsForTest(SemanticsOfThisKernel());
  Limits limits;
  limits.huge = 0;  // of which this machine may have none
  for (int i = 0; i < 16; ++i)
    ExpectAllOk(Replay(RandomSequenceForTest(i, 40, semantics, limits), semantics), semantics,
                fmt::format("sequence {}", i));
}

TEST(CExportTest, MemfdsOfHugePagesRunWhereSuchPagesAreFree) {
  const Semantics semantics = LoadSemanticsForTest(SemanticsOfThisKernel());
  constexpr int64_t kFlags = abi::kMfdHugetlb | abi::kMfdAllowSealing;
  Sequence sequence;
  sequence.calls = {MakeCall(Op::kMemfdCreate, 0, {kOrdinaryName, kFlags}),
                    MakeCall(Op::kMmap, 0, {kNull, kPageSize, 3, abi::kMapShared, 3, 0}),
                    MakeCall(Op::kStore, 0, {kHugeArena, 'y'}),
                    MakeCall(Op::kMunmap, 0, {kHugeArena, kPageSize}),
                    MakeCall(Op::kFtruncate, 0, {3, kPageSize})};
  const Trace trace = Replay(sequence, semantics);
  ExpectAllOk(trace, semantics, "huge pages");
}

// Whether the scenario makes a call that none before it made.
bool AddsACall(const Scenario& scenario, std::set<std::string>* seen) {
  bool adds = false;
  for (const ScenarioLine& line : scenario.lines)
    adds |= seen->insert(line.call.substr(0, line.call.find('('))).second;
  return adds;
}

// Compiling all of them takes minutes: every eighth, and each that has a call of its own.
TEST(CExportTest, ScenariosRunOnThisKernelAsTheModelSays) {
  const Library library = Library::Default();
  const Semantics semantics = LoadSemanticsForTest(SemanticsOfThisKernel());
  const auto files = FilesUnder(library.root() + "/scenarios", ".scn");
  ASSERT_TRUE(files.ok()) << files.status();
  std::set<std::string> seen;
  int number = 0;
  for (const std::string& file : *files) {
    const auto scenarios = ParseScenarios(file, ReadTextFile(file).value());
    ASSERT_TRUE(scenarios.ok()) << scenarios.status();
    for (const Scenario& scenario : *scenarios) {
      if (!AppliesTo(scenario, semantics)) continue;
      if (!AddsACall(scenario, &seen) && number++ % 8 != 0) continue;
      const auto run = RunScenario(scenario, semantics);
      ASSERT_TRUE(run.ok()) << run.status();
      ExpectAllOk(run->trace, semantics, scenario.name);
    }
  }
}

TEST(CExportTest, OneTaskIsOneMainWithoutAnythingThatItDoesNotUse) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  Sequence sequence = ReopenForTest();
  sequence.calls.pop_back();
  const std::string program =
      TraceToC(Replay(sequence, semantics), semantics, {"reopen", "no-writable-reopen", "BROKEN"});
  EXPECT_THAT(program, HasSubstr("\tint fd = result(memfd_create(\"region\", MFD_ALLOW_SEALING));\n"
                                 "\tcheck(fd, 3, \"fd = memfd_create("));
  EXPECT_THAT(program, HasSubstr("\tchar *map = mmap(arena, 4096, PROT_READ | PROT_WRITE, "
                                 "MAP_SHARED, fd, 0);\n"));
  EXPECT_THAT(program, HasSubstr("\tint rw = result(open(proc_self_fd(fd), O_RDWR));\n"));
  EXPECT_THAT(program, HasSubstr("The last call breaks the property no-writable-reopen."));
  for (const char* unused : {"fork", "socket", "sigaction", "shared", "buffer", "rlimit", "grp.h"})
    EXPECT_THAT(program, Not(HasSubstr(unused)));
}

TEST(CExportTest, APathStandsAsItWasWritten) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  Sequence sequence;
  sequence.calls = {MakeCall(Op::kMemfdCreate, 0, {kOrdinaryName, 0}),
                    MakeCall(Op::kOpen, 0, {kDevFd, 3, abi::kORdwr})};
  const std::string program = TraceToC(Replay(sequence, semantics), semantics, {"dev-fd", "", ""});
  EXPECT_THAT(program, HasSubstr("result(open(dev_fd(fd), O_RDWR))"));
  EXPECT_THAT(program, HasSubstr("\"/dev/fd/%d\""));
  EXPECT_THAT(program, Not(HasSubstr("proc_self_fd")));
}

TEST(CExportTest, ALimitOnDescriptorsIsSetOnlyWhereItShows) {
  const Semantics semantics = LoadSemanticsForTest(SemanticsOfThisKernel());
  Sequence sequence;
  sequence.limits.fds = 2;
  sequence.calls = {MakeCall(Op::kMemfdCreate, 0, {kOrdinaryName, 0}), MakeCall(Op::kDup, 0, {3})};
  EXPECT_THAT(TraceToC(Replay(sequence, semantics), semantics), Not(HasSubstr("limit_fds")));
  sequence.calls.push_back(MakeCall(Op::kDup, 0, {3}));
  const Trace trace = Replay(sequence, semantics);
  EXPECT_THAT(TraceToC(trace, semantics), HasSubstr("\tlimit_fds(5);\n"));
  ExpectAllOk(trace, semantics, "EMFILE");
}

TEST(CExportTest, AKernelThatDiffersIsNotOkAndExitsWithOne) {
  const Semantics semantics = LoadSemanticsForTest(SemanticsOfThisKernel());
  Trace trace = Replay(ReopenForTest(), semantics);
  trace.results[4].value = EBADF;  // it is EPERM
  trace.results[7].kind = Result::Kind::kSignal;
  trace.results[7].value = SIGBUS;  // it succeeds
  const Outcome outcome = CompileAndRun(TraceToC(trace, semantics));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("KTAP version 1\n1..8\nok 1 fd = memfd_create("));
  EXPECT_THAT(outcome.out, HasSubstr("\n# got -1 (Operation not permitted)\n"
                                     "not ok 5 write(fd, \"x\", 1) = -1 EBADF\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n# got 0\nnot ok 8 store(map, \"y\") = SIGBUS\n"));
}

// A fault where the trace has none is a result too, and no end of the program.
TEST(CExportTest, AFaultThatIsNotExpectedIsReported) {
  const Semantics semantics = LoadSemanticsForTest(SemanticsOfThisKernel());
  Trace trace = Replay(ReopenForTest(), semantics);
  trace.sequence.calls[7].arg[0] = 5 * kPageSize;
  const Outcome outcome = CompileAndRun(TraceToC(trace, semantics));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("# got signal 11\nnot ok 8 store(arena + 20480, \"y\") = ok"));
}

Sequence ReadonlyFd(int tasks) {
  Sequence sequence;
  sequence.uids.assign(static_cast<size_t>(tasks), 0);
  sequence.calls = {MakeCall(Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}),
                    MakeCall(Op::kExtension, 0, {3, 0, 0}), MakeCall(Op::kWrite, 0, {4, 'x', 1})};
  return sequence;
}

TEST(CExportTest, ACallThatNoKernelHasIsSkippedAndExitsWithFour) {
  const Semantics semantics = LoadSemanticsForTest("readonly-fd");
  ASSERT_FALSE(semantics.extensions.empty());
  const std::string& name = semantics.extensions[0].name;
  for (int tasks : {1, 2}) {
    const std::string program = TraceToC(Replay(ReadonlyFd(tasks), semantics), semantics);
    const Outcome outcome = CompileAndRun(program);
    EXPECT_EQ(outcome.exit_code, 4) << outcome.out;
    EXPECT_EQ(CountOf(outcome.out, fmt::format("# SKIP no kernel has {}", name)), 2);
    // A kernel that has it is told the number.  1030 is F_DUPFD_CLOEXEC, which
    // gives a descriptor that can write: the last line is not what is proposed.
    const Outcome with = CompileAndRun(program, fmt::format("-D{}=F_DUPFD_CLOEXEC", name));
    EXPECT_EQ(with.exit_code, 1) << with.out;
    EXPECT_EQ(CountOf(with.out, "# SKIP"), 0) << with.out;
  }
}

TEST(CExportTest, AnotherUserNeedsRoot) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  Sequence sequence = ReopenForTest();
  EXPECT_THAT(TraceToC(Replay(sequence, semantics), semantics), Not(HasSubstr("geteuid")));
  sequence.uids = {1000};
  EXPECT_THAT(TraceToC(Replay(sequence, semantics), semantics),
              HasSubstr("1..0 # SKIP only root can become another user"));
}

TEST(CExportTest, EveryCallOfTheTableCanBeExported) {
  const Semantics semantics = LoadSemanticsForTest(SemanticsOfThisKernel());
  std::vector<bool> seen(CallTable().size(), false);
  for (int i = 0; i < 600; ++i) {
    const Trace trace = Replay(RandomSequenceForTest(i, 40, semantics), semantics);
    for (const Call& call : trace.sequence.calls) seen[static_cast<size_t>(call.op)] = true;
    const std::string program = TraceToC(trace, semantics);
    EXPECT_EQ(program.find("= ? ("), program.npos);
  }
  for (size_t i = 0; i < seen.size(); ++i)
    EXPECT_TRUE(seen[i] || CallTable()[i].op == Op::kExtension) << ShortName(CallTable()[i].op);
}

}  // namespace
}  // namespace selkie
