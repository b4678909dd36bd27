// What `selkie bisect` finds.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command_testing.h"
#include "cli/questions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/observe.h"
#include "model/trace.h"
#include "traces/json.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

Outcome Bisect(std::vector<std::string> args) {
  args.insert(args.begin(), "bisect");
  return RunSelkie(args);
}

// "older > newer" of each change.
std::vector<std::string> ChangesOf(const Outcome& bisected) {
  std::vector<std::string> changes;
  const Json report = Json::parse(bisected.out);
  for (const Json& change : report["changes"])
    changes.push_back(change["older"].get<std::string>() + " > " +
                      change["newer"].get<std::string>());
  return changes;
}

// By asking each kernel on its own.
TEST(Bisect, FindsEveryPlaceWhereTheVerdictChanges) {
  const Outcome bisected = Bisect({"no-merged-mapping", "--json"});
  EXPECT_EQ(bisected.code, kBroken) << bisected.err;
  const Library library = Library::Default();
  const Property property = *LoadProperty(library, "no-merged-mapping");
  std::vector<std::string> expected;
  std::string older;
  Verdict::Kind kind = Verdict::Kind::kHolds;
  const std::vector<std::string> names = *library.SemanticsNames();
  for (const std::string& name : names) {
    if (!KernelVersion(name)) continue;
    const Verdict verdict =
        *Ask(library, property, *library.LoadSemantics(name), property.bounds, {});
    if (!older.empty() && verdict.kind != kind) expected.push_back(older + " > " + name);
    older = name;
    kind = verdict.kind;
  }
  EXPECT_EQ(ChangesOf(bisected), expected);
  EXPECT_THAT(expected, testing::Contains("linux-6.12.90 > linux-6.12.94"));
}

// Both traces make the same calls, each has what its kernel answers, and the call that is named
// is the first where they differ.
TEST(Bisect, BothTracesAreThere) {
  const Outcome bisected =
      Bisect({"no-merged-mapping", "--over", "linux-6.12.90..linux-6.12", "--json"});
  ASSERT_THAT(ChangesOf(bisected), ElementsAre("linux-6.12.90 > linux-6.12.94")) << bisected.err;
  const Json change = Json::parse(bisected.out)["changes"][0];
  EXPECT_EQ(change["older_verdict"], "BROKEN");
  EXPECT_EQ(change["newer_verdict"], "holds");
  EXPECT_EQ(change["witness_of"], "older");
  const Library library = Library::Default();
  std::vector<Trace> traces;
  for (const char* side : {"older", "newer"}) {
    const Semantics semantics = *library.LoadSemantics(change[side].get<std::string>());
    const auto stored = TraceFromJson(change[std::string(side) + "_trace"].dump(), side, semantics);
    ASSERT_TRUE(stored.ok()) << stored.status();
    traces.push_back(stored->trace);
    const Trace again = Replay(stored->trace.sequence, semantics);
    for (size_t i = 0; i < again.results.size(); ++i)
      EXPECT_TRUE(SameOutcome(again.results[i], stored->trace.results[i])) << side << " " << i;
  }
  EXPECT_EQ(traces[0].sequence.calls, traces[1].sequence.calls);
  size_t differs = 0;
  while (SameOutcome(traces[0].results[differs], traces[1].results[differs])) ++differs;
  EXPECT_EQ(change["first_difference"]["call"], differs + 1);
  EXPECT_EQ(change["first_difference"]["newer"]["result"], "-1 EPERM");
  EXPECT_THAT(change["first_difference"]["newer"]["decided_by"].get<std::string>(),
              HasSubstr("rule "));
}

TEST(Bisect, AnAnswerThatNeverChangesIsZero) {
  const Outcome bisected = Bisect({"no-merged-mapping", "--over", "linux-6.1..linux-6.12.90"});
  EXPECT_EQ(bisected.code, kHolds) << bisected.err;
  EXPECT_THAT(bisected.out, testing::ContainsRegex("linux-6.12.90 +BROKEN, 4 calls\n"));
  EXPECT_THAT(bisected.out, HasSubstr("no-merged-mapping: the answer changes in 0 places"));
}

// A promise of a seal that came with 6.3.
class BisectExec : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WriteTextFile(file_,
                              "property no-seal-exec\n"
                              "  \"Nothing changes the size while the seal EXEC is set.\"\n"
                              "bounds processes=1 fds=2 files=2 maps=1\n"
                              "role any uid 1000 may seal\n"
                              "calls\n  include make\n  include seal\n"
                              "extensions\nneeds ftruncate\n"
                              "never change: resized and seals has EXEC\n")
                    .ok());
  }
  void TearDown() override { std::filesystem::remove(file_); }

  const std::string file_ = testing::TempDir() + "selkie-bisect-exec.prop";
};

TEST_F(BisectExec, ASealThatAppearsIsAChange) {
  const Outcome bisected = Bisect({file_, "--over", "linux-5.10..linux-6.7", "--json"});
  EXPECT_EQ(bisected.code, kBroken) << bisected.err;
  EXPECT_THAT(ChangesOf(bisected), ElementsAre("linux-6.1 > linux-6.3"));
}

TEST_F(BisectExec, WhereNoKernelDecidesNothingIsKnown) {
  const Outcome bisected = Bisect({file_, "--over", "linux-5.1..linux-6.1"});
  EXPECT_EQ(bisected.code, kCouldNotRun);
  EXPECT_THAT(bisected.out, HasSubstr("NOT APPLICABLE"));
  EXPECT_THAT(bisected.err, HasSubstr("no kernel of these decides it"));
}

TEST(Bisect, AnInterruptIsNoAnswer) {
  Interrupted() = true;
  const Outcome bisected = Bisect({"no-copied-mapping", "--over", "linux-6.12..newest"});
  Interrupted() = false;
  EXPECT_EQ(bisected.code, kCouldNotRun);
  EXPECT_THAT(bisected.out, HasSubstr("interrupted: this is what is known so far"));
}

TEST(Bisect, TheTextShowsTheCallsUnderBoth) {
  const Outcome bisected = Bisect({"old-mapping-writes", "--over", "linux-4.20..linux-5.1"});
  EXPECT_EQ(bisected.code, kBroken);
  EXPECT_THAT(bisected.out, HasSubstr("linux-4.20: NOT REACHABLE; linux-5.1: reachable\n"));
  EXPECT_THAT(bisected.out, HasSubstr("F_SEAL_FUTURE_WRITE) = -1 EINVAL"));
  EXPECT_THAT(bisected.out, HasSubstr("the first answer that differs is that of call "));
}

// The kernel that runs this test behaves as the side does on which its own rules are.
TEST(Bisect, ARealKernelIsToldFromItsAnswers) {
  const Outcome bisected = Bisect({"no-merged-mapping", "--over", "linux-6.12.90..linux-6.12",
                                   "--kernels", "native", "--json"});
  ASSERT_EQ(ChangesOf(bisected).size(), 1u) << bisected.err;
  const Json kernels = Json::parse(bisected.out)["changes"][0]["kernels"];
  ASSERT_EQ(kernels.size(), 1u) << bisected.err;
  EXPECT_EQ(kernels[0]["uname"], RunningRelease());
  const Library library = Library::Default();
  const Property property = *LoadProperty(library, "no-merged-mapping");
  const Semantics own = *library.LoadSemantics(*SemanticsForRelease(library, RunningRelease()));
  const Verdict verdict = *Ask(library, property, own, property.bounds, {});
  EXPECT_EQ(kernels[0]["behaves_as"], verdict.kind == Verdict::Kind::kBroken ? "older" : "newer");
}

TEST(Bisect, BadInputIsTwo) {
  const std::pair<std::vector<std::string>, const char*> kBad[] = {
      {{"no-such-property"}, "no property is named 'no-such-property'"},
      {{"no-write-call", "--over", "linux-5.1"}, "--over linux-5.1: no range"},
      {{"no-write-call", "--over", "linux-9.9..newest"}, "no kernel 'linux-9.9'"},
      {{"no-write-call", "--over", "linux-5.1..fw-v3"}, "no kernel 'fw-v3'"},
      {{"no-write-call", "--over", "newest..linux-5.1"}, "the first is newer than the last"},
      {{"no-write-call", "--bounds", "trolls=1"}, "trolls"},
      {{"no-write-call", "--kernels", "6.12,troll"}, "--kernels troll"}};
  for (const auto& [args, text] : kBad) {
    const Outcome bisected = Bisect(args);
    EXPECT_EQ(bisected.code, kBadInput) << text;
    EXPECT_THAT(bisected.err, HasSubstr(text));
    EXPECT_EQ(bisected.out, "") << text;
  }
}

}  // namespace
}  // namespace selkie
