#include "kernel/conform.h"

#include <unistd.h>

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/observe.h"

namespace selkie {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ConformReport Sample() {
  ConformReport report;
  report.release = "6.18";
  report.semantics = "linux-6.18";
  report.semantics_digest = "cbf29ce484222325";
  report.scenarios = 1;
  report.sequences = 2;
  report.calls = 30;
  report.succeeded = 20;
  report.state_facts = 4;
  report.pairs = {1, uint64_t{1} << 63};
  report.states = 5;
  report.tried = 60;
  report.confirmed = 59;
  report.beyond = {{"no room", 3}};
  report.differing = 2;
  report.hangs = 1;
  report.by_op[static_cast<int>(Op::kAddSeals)] = {5, 4};
  report.divergences = {{"origin", "summary", "text\n", "kind", 3, 20}};
  report.not_run = {"x"};
  report.wrong_texts = {"y"};
  report.seconds = 0.5;
  report.complete = true;
  return report;
}

TEST(ConformReportTest, SurvivesJson) {
  absl::StatusOr<ConformReport> back = ReportFromJson(ReportToJson(Sample()));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, Sample());
}

TEST(ConformReportTest, BadJsonIsAnError) {
  for (const char* text : {"", "{}", "[]", R"({"release":1})"})
    EXPECT_FALSE(ReportFromJson(text).ok()) << text;
}

TEST(ConformReportTest, MergingListsEachKindOnce) {
  ConformReport whole;
  Merge(Sample(), &whole);
  Merge(Sample(), &whole);
  EXPECT_EQ(whole.calls, 60);
  EXPECT_EQ(whole.differing, 4);
  EXPECT_EQ(whole.hangs, 2);
  EXPECT_EQ(whole.divergences.size(), 1u);
  EXPECT_EQ(whole.wrong_texts.size(), 2u);
  EXPECT_EQ(whole.by_op[static_cast<int>(Op::kAddSeals)].calls, 10);
}

// A folder of one test's own.
class ConformTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/selkie-conform-test-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    for (const std::string& file : files_) unlink(file.c_str());
    rmdir(folder_.c_str());
  }
  std::string Write(const std::string& name, const std::string& text) {
    files_.push_back(folder_ + "/" + name);
    std::ofstream(files_.back()) << text;
    return files_.back();
  }
  // The running kernel's semantics, and one more rule.
  std::string WithRule(const std::string& rule) {
    absl::StatusOr<std::string> base = SemanticsForRelease(library_, RunningRelease());
    EXPECT_TRUE(base.ok()) << base.status();
    return Write("broken.sem",
                 "semantics broken extends " + *base + "\n  \"Wrong.\"\n" + rule + "\n");
  }
  ConformReport Run(const ConformRequest& request) {
    absl::StatusOr<ConformReport> report = Conform(library_, request, {});
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : ConformReport{};
  }

  const Library library_ = Library::Default();
  std::string folder_;
  std::vector<std::string> files_;
};

TEST_F(ConformTest, AWrongRuleIsFoundAndShrunk) {
  ConformRequest request;
  request.semantics = WithRule("rule wrong write: refuse EPERM if seals has SHRINK");
  request.random = 4000;
  request.workers = 1;
  const ConformReport report = Run(request);
  EXPECT_GT(report.calls, 4000);
  bool found = false;
  for (const Divergence& d : report.divergences) {
    if (d.summary.find("rule wrong") == std::string::npos) continue;
    // The write family asks the rule; some of its calls need more to be set up.
    found |= d.calls <= 4 && d.scenario.find("A: write(fd, ") != std::string::npos;
  }
  EXPECT_TRUE(found);
}

TEST_F(ConformTest, ATextThatExpectsWhatNeitherKernelNorModelGivesIsNoDivergence) {
  ConformRequest request;
  request.paths = {Write("wrong.scn",
                         "scenario wrong\n"
                         "A: fd = memfd_create(\"x\", 0)\n"
                         "A: fcntl(fd, F_GET_SEALS) = F_SEAL_GROW\n")};
  const ConformReport report = Run(request);
  EXPECT_EQ(report.differing, 0);
  EXPECT_TRUE(report.divergences.empty());
  ASSERT_EQ(report.wrong_texts.size(), 1u);
  EXPECT_THAT(report.wrong_texts[0], AllOf(HasSubstr("wrong.scn:3 (of scenario wrong): "),
                                           HasSubstr("it expects F_SEAL_GROW, model and kernel"),
                                           HasSubstr("agree on F_SEAL_SEAL")));
}

// The kernel waits for the lease to end, 45 s by default; a rule makes the model refuse before it.
constexpr char kWrongOpen[] =
    "rule wrong open_proc: refuse EIO if want has WRITE and seals has SHRINK and seals has SEAL";

std::string Waits(const std::string& name) {
  return "scenario " + name +
         "\nA: fd = memfd_create(\"x\", MFD_ALLOW_SEALING)\n"
         "A: fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_SEAL) = 0\n"
         "A: fcntl(fd, F_SETLEASE, F_RDLCK) = 0\n"
         "A: open(\"/proc/self/fd/{fd}\", O_RDWR) = -1 EIO\n\n";
}

// As above, and the task is no process of the harness's own.
std::string WaitsElsewhere(const std::string& name) {
  std::string text = Waits(name);
  return text.insert(text.find("A: fd"), "task A as uid 1000\n");
}

std::string Ends(const std::string& name) {
  return "scenario " + name + "\nA: r, w = pipe2(fds, 0) = [r, w]\n";
}

TEST_F(ConformTest, ACallThatDoesNotComeBackIsADivergenceAndTheRestGoesOn) {
  ConformRequest request;
  request.semantics = WithRule(kWrongOpen);
  request.paths = {Write("waits.scn", Ends("first") + Waits("waits") + Ends("last"))};
  request.random = 50;
  request.workers = 1;
  request.hang_seconds = 1;
  const ConformReport report = Run(request);
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(report.scenarios, 3);
  EXPECT_EQ(report.sequences, 50);
  EXPECT_EQ(report.hangs, 1);
  ASSERT_GE(report.divergences.size(), 1u);
  const Divergence& found = report.divergences[0];
  EXPECT_THAT(found.origin, HasSubstr("scenario waits ("));
  EXPECT_THAT(found.summary, HasSubstr("did not come back from call 4 within 1 s; model broken: -1 "
                                       "EIO by rule wrong"));
  EXPECT_THAT(found.scenario, HasSubstr("= -1 EIO"));
  EXPECT_EQ(found.calls, 4);
}

TEST_F(ConformTest, ATaskThatDoesNotComeBackIsADivergence) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  ConformRequest request;
  request.semantics = WithRule(kWrongOpen);
  request.paths = {Write("waits.scn", WaitsElsewhere("waits") + Ends("last"))};
  request.workers = 1;
  request.hang_seconds = 1;
  const ConformReport report = Run(request);
  EXPECT_EQ(report.scenarios, 2);
  EXPECT_EQ(report.hangs, 1);
  ASSERT_EQ(report.divergences.size(), 1u);
  EXPECT_THAT(report.divergences[0].summary, HasSubstr("did not come back from call 4 within 1 s"));
}

TEST_F(ConformTest, ManyCallsThatDoNotComeBackEndTheRun) {
  ConformRequest request;
  request.semantics = WithRule(kWrongOpen);
  std::string text;
  for (int i = 0; i < 20; ++i) text += Waits(std::string("waits-") + static_cast<char>('a' + i));
  request.paths = {Write("waits.scn", text)};
  request.workers = 1;
  request.hang_seconds = 1;
  const ConformReport report = Run(request);
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.hangs, kMaxHangs);
  EXPECT_EQ(report.differing, kMaxHangs);
  EXPECT_EQ(report.divergences.size(), 1u);  // of one kind
}

TEST_F(ConformTest, ALineThatTheModelDoesNotAnswerIsNamed) {
  ConformRequest request;
  request.paths = {Write("waits.scn",
                         "scenario waits\nA: r, w = pipe2(fds, 0) = [r, w]\n"
                         "A: write(w, \"x\", 0x100000) = 0\nA: close(r) = 0\n")};
  const ConformReport report = Run(request);
  ASSERT_EQ(report.not_run.size(), 1u);
  EXPECT_THAT(report.not_run[0], HasSubstr("waits.scn:3 (of scenario waits): "));
  EXPECT_EQ(report.calls, 2);
}

TEST_F(ConformTest, RandomSequencesDependOnSeedAndNumberAlone) {
  ConformRequest request;
  request.random = 200;
  request.workers = 1;
  const ConformReport whole = Run(request);
  request.random = 100;
  ConformReport parts = Run(request);
  request.first = 100;
  Merge(Run(request), &parts);
  EXPECT_EQ(whole.calls, parts.calls);
  EXPECT_EQ(whole.by_op, parts.by_op);
}

TEST_F(ConformTest, SlicesTogetherAreTheWholeRun) {
  ConformRequest request;
  request.random = 50;
  request.first = 3;
  request.paths = {library_.root() + "/scenarios/seal"};
  request.workers = 2;
  const ConformReport whole = Run(request);
  ConformReport parts;
  request.slices = 3;
  for (request.slice = 0; request.slice < 3; ++request.slice) Merge(Run(request), &parts);
  EXPECT_EQ(parts.sequences, 50);
  EXPECT_EQ(parts.scenarios, whole.scenarios);
  EXPECT_EQ(parts.by_op, whole.by_op);
  EXPECT_EQ(parts.pairs, whole.pairs);
  EXPECT_EQ(parts.state_facts, whole.state_facts);
}

TEST_F(ConformTest, BadInputIsAnErrorWithItsPlace) {
  ConformRequest request;
  request.paths = {Write("bad.scn", "scenario bad\nA: fly(1)\n")};
  EXPECT_THAT(std::string(Conform(library_, request, {}).status().message()),
              HasSubstr("bad.scn:2:"));
  request.paths = {folder_ + "/nothing"};
  EXPECT_TRUE(absl::IsNotFound(Conform(library_, request, {}).status()));
}

TEST_F(ConformTest, AnInterruptGivesWhatIsKnown) {
  std::atomic<bool> interrupted{true};
  ConformRequest request;
  request.random = 1000000;
  ConformHooks hooks;
  hooks.interrupted = &interrupted;
  absl::StatusOr<ConformReport> report = Conform(library_, request, hooks);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->complete);
  EXPECT_LT(report->sequences, 1000000);
}

}  // namespace
}  // namespace selkie
