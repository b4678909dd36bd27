#include "checker/check.h"

#include "checker/checker_testing.h"
#include "checker/naive.h"
#include "gmock/gmock.h"
#include "model/call_text.h"

namespace selkie {
namespace {

std::vector<std::string> CallsOf(const Verdict& verdict, const Semantics& semantics) {
  std::vector<std::string> calls;
  for (const Call& call : verdict.witness.sequence.calls)
    calls.push_back(PrintCall(call, &semantics, nullptr));
  return calls;
}

// The mail that started it: ../shared/thread.txt.
TEST(Check, VersionThreeIsBrokenByTheThreadsOwnCallsAndNoFewer) {
  const Semantics v3 = SemanticsNamed("fw-v3");
  const Property property = PropertyNamed("no-writable-reopen");
  const Verdict verdict = Ask(property, v3, property.bounds);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kBroken);
  EXPECT_THAT(
      CallsOf(verdict, v3),
      testing::ElementsAre("memfd_create(\"region\", MFD_ALLOW_SEALING)", "ftruncate(3, 4096)",
                           "fcntl(3, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_FUTURE_WRITE)",
                           "open(\"/proc/self/fd/3\", O_RDWR)", "pwrite(4, \"x\", 1, 0)"));
  EXPECT_THAT(verdict.protocol, testing::ElementsAre(false, false, true, false, false));
}

TEST(Check, TheMergedSealHolds) {
  const Property property = PropertyNamed("no-writable-reopen");
  const Verdict verdict = Ask(property, SemanticsNamed("linux-5.1"), property.bounds);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kHolds);
  EXPECT_FALSE(verdict.has_witness);
}

// Daniel Colascione: "this approach doesn't work in the case that the old FD has
// already leaked to some other context (e.g., another dup, SCM_RIGHTS)".
TEST(Check, Dup2OverLeavesCopiesThatLeaked) {
  const Property property = PropertyNamed("every-copy-sealed");
  const Semantics semantics = SemanticsNamed("dup2-over");
  const Verdict verdict = Ask(property, semantics, property.bounds);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kBroken);
  EXPECT_THAT(CallsOf(verdict, semantics), testing::Contains(testing::HasSubstr("dup2(")));
}

TEST(Check, SealWriteRefusesWhileMapped) {
  const Property property = PropertyNamed("seals-while-mapped");
  EXPECT_EQ(Ask(property, SemanticsNamed("linux-4.20"), property.bounds).kind,
            Verdict::Kind::kBroken);
  EXPECT_EQ(Ask(property, SemanticsNamed("linux-5.1"), property.bounds).kind,
            Verdict::Kind::kHolds);
}

TEST(Check, AComparisonGivesBothAnswersToTheFirstCallThatDiffers) {
  const Property property = PropertyNamed("abi-kept");
  const Verdict verdict = Ask(property, SemanticsNamed("no-proc-upgrade"), property.bounds);
  ASSERT_EQ(verdict.kind, Verdict::Kind::kBroken);
  EXPECT_TRUE(verdict.baseline.back().ok());
  EXPECT_FALSE(verdict.witness.results.back().ok());
}

TEST(Check, APromiseThatNothingTestedIsVacuousAndDoesNotHold) {
  Property property = PropertyNamed("no-write-call");
  property.needs = {"read"};
  const Verdict verdict = Ask(property, SemanticsNamed("linux-5.1"), property.bounds);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kVacuous);
  EXPECT_THAT(verdict.why, testing::HasSubstr("read"));
}

TEST(Check, ASealThatIsNeverSetMakesAPromiseVacuous) {
  Property property = PropertyNamed("no-write-call");
  for (Role& role : property.roles) role.may_seal = false;
  const Verdict verdict = Ask(property, SemanticsNamed("linux-5.1"), property.bounds);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kVacuous);
  EXPECT_THAT(verdict.why, testing::HasSubstr("never set"));
}

TEST(Check, APromiseAboutSealsThatADesignDoesNotHaveIsNotApplicable) {
  const Property property = PropertyNamed("fixed-size");
  const Verdict verdict = Ask(property, SemanticsNamed("ashmem"), property.bounds);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kNotApplicable);
}

TEST(Check, MemoryThatRunsOutStopsTheSearchAndSaysSo) {
  const Property property = PropertyNamed("no-write-call");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  SearchOptions options;
  options.most_bytes = 1;
  absl::StatusOr<Verdict> verdict = Check(property, semantics, nullptr, property.bounds, options);
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->kind, Verdict::Kind::kStopped);
}

TEST(Check, CallsThatTheSemanticsDoesNotKnowAreRefusedWithTheirPlace) {
  Property property = PropertyNamed("no-write-call");
  property.calls.push_back({"frobnicate(fd)", "x.prop", 7, 3, 0xff});
  absl::StatusOr<Verdict> verdict =
      Check(property, SemanticsNamed("linux-5.1"), nullptr, property.bounds, {});
  EXPECT_THAT(std::string(verdict.status().message()), testing::HasSubstr("x.prop:7:3"));
}

// ---- The search itself ----

// Five independent encodings agree on these counts: bench/README.md.
TEST(Search, CountsOfTheBenchmarkProblemEqualTheTable) {
  const Property property = PropertyAt("bench/memfd-seals.prop");
  const Semantics semantics = SemanticsNamed(InTree("bench/memfd-seals.sem"));
  const Verdict verdict =
      Ask(property, semantics, BoundsOf(property, "processes=2,fds=2,files=2,maps=1"), false);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kHolds);
  EXPECT_EQ(verdict.stats.states, 421'313u);
  EXPECT_EQ(verdict.stats.transitions, 4'143'586u);
  EXPECT_EQ(verdict.stats.depth, 19);
}

// Found by the random sequences of conform on Debian's 6.1, not in kernel-facts: the
// kernel merges a new mapping with an older one beside it and asks the file nothing.
TEST(Check, BeforeSixTwelveAMappingBesideAnOldOneIsWritableAfterTheSeal) {
  const Property property = PropertyNamed("no-merged-mapping");
  EXPECT_EQ(Ask(property, SemanticsNamed("linux-6.1"), property.bounds).kind,
            Verdict::Kind::kBroken);
  EXPECT_EQ(Ask(property, SemanticsNamed("linux-6.12"), property.bounds).kind,
            Verdict::Kind::kHolds);
}

struct Question {
  const char* property;
  const char* semantics;
  const char* bounds;
};

class AgainstNaive : public testing::TestWithParam<Question> {};

TEST_P(AgainstNaive, StatesTransitionsAndDepthAreEqual) {
  const Property property = PropertyNamed(GetParam().property);
  const Semantics semantics = SemanticsNamed(GetParam().semantics);
  const Bounds bounds = BoundsOf(property, GetParam().bounds);
  absl::StatusOr<Machine> machine = Machine::Make(property, semantics, bounds, Alike::kEach);
  ASSERT_TRUE(machine.ok()) << machine.status();
  const NaiveCounts naive = ExploreNaively(*machine);
  const Verdict verdict = Ask(property, semantics, bounds, false);
  if (naive.first_hit >= 0) {  // the search stops there: its length is what compares
    EXPECT_EQ(static_cast<int>(verdict.witness.sequence.calls.size()), naive.first_hit);
    return;
  }
  EXPECT_EQ(verdict.stats.states, naive.states);
  EXPECT_EQ(verdict.stats.transitions, naive.transitions);
  EXPECT_EQ(verdict.stats.depth, naive.depth);
}

INSTANTIATE_TEST_SUITE_P(
    SmallBounds, AgainstNaive,
    testing::Values(Question{"no-write-call", "linux-5.1", "processes=1,fds=2,files=2,maps=1"},
                    Question{"no-write-call", "fw-v3", "processes=1,fds=2,files=2,maps=1"},
                    Question{"no-copied-mapping", "linux-4.20", "fds=1,files=1,maps=1"},
                    Question{"receiver-cannot-write", "linux-5.1", "fds=1,files=1,maps=1"},
                    Question{"every-copy-sealed", "dup2-over", "processes=1,fds=2,files=2"},
                    Question{"fixed-size", "linux-6.12", "processes=1,fds=1,files=1,maps=1"}));

// Finding 4: the memfd that mmap makes longer, in spite of its seals.
TEST(Check, AMemfdOfHugePagesGrowsByMmap) {
  const Property property = PropertyNamed("fixed-size-huge");
  const Semantics semantics = SemanticsNamed("linux-6.1");
  const Verdict verdict = Ask(property, semantics, property.bounds);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kBroken);
  ASSERT_EQ(verdict.witness.sequence.calls.size(), 3u);
  EXPECT_EQ(verdict.witness.sequence.calls.back().op, Op::kMmap);
}

// A promise would hold because nothing could happen.
TEST(Check, BoundsWithoutRoomForACallAreRefused) {
  const Semantics semantics = SemanticsNamed("linux-6.1");
  for (const auto& [name, bound, call] :
       {std::tuple("fixed-size-huge", "huge", "memfd_create"),
        std::tuple("no-pinned-write", "buffers", "io_uring_register_buffers")}) {
    const Property property = PropertyNamed(name);
    const Bounds none = BoundsOf(property, std::string(bound) + "=0");
    const absl::Status status = Machine::Make(property, semantics, none).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), testing::HasSubstr(std::string(bound) + "=1 or more"));
    EXPECT_THAT(status.message(), testing::HasSubstr(call));
  }
}

// Symmetry may not change what is true, nor the length of what shows it.
TEST(Search, VerdictsAgreeWithSymmetryOnAndOff) {
  const char* const properties[] = {
      "receiver-cannot-write", "no-write-call",      "no-new-writable-mapping",
      "no-copied-mapping",     "no-writable-reopen", "no-late-upgrade",
      "every-copy-sealed",     "old-mapping-writes", "seals-while-mapped",
      "reader-can-map",        "fixed-size",         "abi-kept",
      "no-merged-mapping"};
  absl::StatusOr<std::vector<std::string>> names = Library::Default().SemanticsNames();
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    const Semantics semantics = SemanticsNamed(name);
    for (const char* const property_name : properties) {
      const Property property = PropertyNamed(property_name);
      const Bounds bounds = BoundsOf(property, "fds=1,files=2,maps=1,pages=1");
      const Verdict on = Ask(property, semantics, bounds, true);
      const Verdict off = Ask(property, semantics, bounds, false);
      EXPECT_EQ(on.kind, off.kind) << name << " " << property_name;
      EXPECT_EQ(on.witness.results.size(), off.witness.results.size())
          << name << " " << property_name;
      EXPECT_LE(on.stats.states, off.stats.states);
    }
  }
}

TEST(Check, EachKindOfStepThatBreaksAPromiseHasItsShortestCalls) {
  const Property property = PropertyNamed("no-writable-reopen");
  const Semantics v3 = SemanticsNamed("fw-v3");
  absl::StatusOr<std::vector<Verdict>> all = CheckAll(property, v3, nullptr, property.bounds, {});
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_GT(all->size(), 1u);
  const Verdict one = Ask(property, v3, property.bounds);
  EXPECT_EQ((*all)[0].witness.sequence.calls.size(), one.witness.sequence.calls.size());
  std::set<Op> last;
  for (const Verdict& verdict : *all) {
    EXPECT_EQ(verdict.kind, Verdict::Kind::kBroken);
    EXPECT_GE(verdict.witness.sequence.calls.size(), one.witness.sequence.calls.size());
    last.insert(verdict.witness.sequence.calls.back().op);
  }
  EXPECT_GT(last.size(), 1u);
  all = CheckAll(property, SemanticsNamed("linux-5.1"), nullptr, property.bounds, {});
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ((*all)[0].kind, Verdict::Kind::kHolds);
}

}  // namespace
}  // namespace selkie
