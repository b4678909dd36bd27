// What holds of every sequence of calls, whatever it is: RapidCheck generates
// sequences and shrinks what breaks a property to a minimal one, printed as a
// scenario.  A failure prints the RC_PARAMS that reproduce it.  Each property is
// also walked over a campaign of random sequences.
#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/step.h"
#include "rapidcheck.h"
#include "scenarios/library.h"
#include "scenarios/sequence_properties.h"
#include "scenarios/sequence_testing.h"

namespace selkie {
namespace {

constexpr int kSequences = 1000;
// Where what is looked for takes several calls that must fit together.
constexpr int kManySequences = 40 * kSequences;
constexpr int kLength = 40;

template <typename Property>
MakeProperty Make() {
  return [] { return std::make_unique<Property>(); };
}

// RapidCheck's sequences and a campaign, for one property and one semantics.
void ExpectHolds(std::string_view name, const MakeProperty& make) {
  const Semantics semantics = LoadForTest(name);
  for (const std::vector<int>& uids : {std::vector<int>{0}, TwoUsers()}) {
    const bool holds = rc::check([&] {
      const Sequence sequence = *SequenceGen(Limits{}, uids, semantics).as("sequence");
      const std::string wrong = FirstViolation(sequence, semantics, make);
      if (!wrong.empty()) RC_FAIL(wrong + "\n" + ShowSequence(sequence, semantics));
    });
    EXPECT_TRUE(holds) << "under " << name;
  }
  EXPECT_EQ(ViolationInCampaign(1, kSequences, kLength, semantics, make), "") << "under " << name;
}

std::vector<std::string> Names(bool kernels_only) {
  std::vector<std::string> names;
  const Library library = Library::Default();
  for (const std::string& name : library.SemanticsNames().value_or(names)) {
    const absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
    if (semantics.ok() && (semantics->is_kernel || !kernels_only)) names.push_back(name);
  }
  return names;
}

std::string TestName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

// ---- What holds whatever the rules are ----

class UnderEverySemantics : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(SequenceProperty, UnderEverySemantics, ::testing::ValuesIn(Names(false)),
                         TestName);

TEST_P(UnderEverySemantics, StatesStayValid) { ExpectHolds(GetParam(), Make<StatesStayValid>()); }

TEST_P(UnderEverySemantics, FailedCallsLeaveTheStateUnchanged) {
  ExpectHolds(GetParam(), Make<FailuresChangeNothing>());
}

TEST_P(UnderEverySemantics, ChangedIsFalseOnlyIfNothingChanged) {
  ExpectHolds(GetParam(), Make<ChangedIsExact>());
}

TEST_P(UnderEverySemantics, EffectNamesWhatChanged) {
  ExpectHolds(GetParam(), Make<EffectIsComplete>());
}

TEST_P(UnderEverySemantics, SealsStayWhileTheInodeLives) {
  ExpectHolds(GetParam(), Make<SealsStay>());
}

TEST_P(UnderEverySemantics, FilePositionsMoveByWhatWasTransferred) {
  ExpectHolds(GetParam(), Make<PositionsMatchReference>());
}

// ---- What holds on every kernel ----

class OnEachKernel : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(SequenceProperty, OnEachKernel, ::testing::ValuesIn(Names(true)),
                         TestName);

bool HasRuleNamed(const Semantics& semantics, std::string_view name) {
  return std::any_of(semantics.rules.begin(), semantics.rules.end(),
                     [&](const Rule& rule) { return rule.name == name; });
}

// They do on kernels that do not ask for mappings when F_SEAL_EXEC implies
// F_SEAL_WRITE (docs/kernel-facts.md, section 6).
TEST_P(OnEachKernel, WriteSealedContentsNeverChange) {
  const Semantics semantics = LoadForTest(GetParam());
  if (!HasRuleNamed(semantics, "add-exec-unasked"))
    return ExpectHolds(GetParam(), Make<WriteSealedIsConstant>());
  EXPECT_THAT(
      ViolationInCampaign(1, kManySequences, kLength, semantics, Make<WriteSealedIsConstant>()),
      testing::HasSubstr("F_SEAL_EXEC"));
}

TEST_P(OnEachKernel, ContentsReadBackAreWhatWasWrittenLast) {
  ExpectHolds(GetParam(), Make<ContentsMatchReference>());
}

// Trivially on linux-4.20, which has no F_SEAL_FUTURE_WRITE.
TEST_P(OnEachKernel, FutureWriteLeavesOnlyOldMappingsToWrite) {
  ExpectHolds(GetParam(), Make<OnlyOldMappingsWrite>());
}

// The same call in the same state gives the same state and result, rule and all.
TEST_P(UnderEverySemantics, StepIsDeterministic) {
  const Semantics semantics = LoadForTest(GetParam());
  EXPECT_TRUE(rc::check([&] {
    const Sequence sequence = *SequenceGen(Limits{}, TwoUsers(), semantics);
    std::vector<State> states, again;
    const Trace first = Replay(sequence, semantics, &states);
    const Trace second = Replay(sequence, semantics, &again);
    RC_ASSERT(states == again);
    for (size_t i = 0; i < first.results.size(); ++i) {
      RC_ASSERT(SameOutcome(first.results[i], second.results[i]));
      RC_ASSERT(first.results[i].rule == second.results[i].rule);
    }
  }));
}

// Programs that never ask for F_SEAL_FUTURE_WRITE cannot tell 5.1 from 4.20.
TEST(SequencePropertyTest, WithoutTheNewSealNothingDiffers) {
  const Semantics before = LoadForTest("linux-4.20"), after = LoadForTest("linux-5.1");
  constexpr int64_t kFutureWrite = 0x10;
  EXPECT_TRUE(rc::check([&] {
    Sequence sequence = *SequenceGen(Limits{}, TwoUsers(), before);
    for (Call& call : sequence.calls)
      if (call.op == Op::kAddSeals) call.arg[1] &= ~kFutureWrite;
    const Trace old_trace = Replay(sequence, before), new_trace = Replay(sequence, after);
    for (size_t i = 0; i < sequence.calls.size(); ++i)
      if (!SameOutcome(old_trace.results[i], new_trace.results[i]))
        RC_FAIL(ShowSequence(sequence, before) + "but:\n" + ShowSequence(sequence, after));
  }));
}

// ---- The properties can fail: rules taken out of the semantics ----

// Without the rules at a decision point.
Semantics Without(Semantics semantics, Point point) {
  std::erase_if(semantics.rules, [&](const Rule& rule) { return rule.point == point; });
  IndexRules(semantics);
  return semantics;
}

std::string Walk(const Semantics& semantics, const MakeProperty& make) {
  // It ends at the first violation.
  return ViolationInCampaign(1, 4 * kManySequences, kLength, semantics, make);
}

TEST(PropertyCanFailTest, WriteSealedIsConstantNeedsTheRulesOfWriteAndMmap) {
  const Semantics semantics = LoadForTest("linux-4.20");
  EXPECT_NE(Walk(Without(semantics, Point::kWrite), Make<WriteSealedIsConstant>()), "");
  EXPECT_NE(Walk(Without(semantics, Point::kMmap), Make<WriteSealedIsConstant>()), "");
  EXPECT_NE(Walk(Without(semantics, Point::kFallocate), Make<WriteSealedIsConstant>()), "");
}

TEST(PropertyCanFailTest, OnlyOldMappingsWriteNeedsTheRulesOfWriteAndMmap) {
  const Semantics semantics = LoadForTest("linux-5.1");
  EXPECT_NE(Walk(Without(semantics, Point::kWrite), Make<OnlyOldMappingsWrite>()), "");
  EXPECT_NE(Walk(Without(semantics, Point::kMmap), Make<OnlyOldMappingsWrite>()), "");
}

}  // namespace
}  // namespace selkie
