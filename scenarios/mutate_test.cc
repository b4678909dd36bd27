#include "scenarios/mutate.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "scenarios/mutant_net.h"
#include "scenarios/sequence_testing.h"

namespace selkie {
namespace {

const Mutant& Find(const std::vector<Mutant>& mutants, std::string_view change) {
  const auto found = std::find_if(mutants.begin(), mutants.end(),
                                  [&](const Mutant& m) { return m.change == change; });
  EXPECT_NE(found, mutants.end()) << change;
  return found == mutants.end() ? mutants.front() : *found;
}

TEST(MutateTest, EachRuleIsDroppedOnceAndEachRefusalHasAnotherErrno) {
  const Semantics semantics = LoadForTest("linux-6.18");
  const std::vector<Mutant> mutants = MutantsOf(semantics);
  const auto of = [&](MutationKind kind) {
    return std::count_if(mutants.begin(), mutants.end(),
                         [&](const Mutant& m) { return m.kind == kind; });
  };
  const auto refusals = std::count_if(semantics.rules.begin(), semantics.rules.end(),
                                      [](auto& r) { return r.effect == EffectKind::kRefuse; });
  EXPECT_EQ(of(MutationKind::kDropRule), static_cast<int64_t>(semantics.rules.size()));
  EXPECT_EQ(of(MutationKind::kErrno), refusals);
  EXPECT_EQ(of(MutationKind::kDropSeal), static_cast<int64_t>(semantics.seals.size()));
}

TEST(MutateTest, TwoRefusalsWithTheSameErrnoMayStandInAnyOrder) {
  const Semantics semantics = LoadForTest("linux-6.18");
  const std::vector<Mutant> mutants = MutantsOf(semantics);
  EXPECT_TRUE(SameByLogic(semantics, Find(mutants, "write-sealed: after write-grows")).has_value());
}

TEST(MutateTest, AWeakerConditionIsNoEquivalentOne) {
  const Semantics semantics = LoadForTest("linux-6.18");
  const std::vector<Mutant> mutants = MutantsOf(semantics);
  for (const char* change : {"write-sealed: the rule is gone", "write-grows: without `grows`",
                             "add-sealed: EPERM becomes EINVAL"})
    EXPECT_FALSE(SameByLogic(semantics, Find(mutants, change)).has_value()) << change;
}

TEST(MutateTest, ARuleAboutFeaturesHasTwoMutantsForEachOfThem) {
  const absl::StatusOr<Semantics> semantics = ParseSemantics(
      {"t.sem", "semantics t\nrule both support: refuse EINVAL if feature has any MSEAL|GUARD\n"},
      nullptr);
  ASSERT_TRUE(semantics.ok()) << semantics.status();
  const std::vector<Mutant> mutants = MutantsOf(*semantics);
  const auto lacks = [](const Mutant& mutant, Feature feature) {
    Facts facts;
    facts.Set(FactSet::kFeature, static_cast<uint64_t>(feature));
    const std::vector<Term>& terms = mutant.semantics.rules.at(0).terms;
    return Satisfies(terms, facts.word);
  };
  const Mutant& all = Find(mutants, "both: without `feature has GUARD`");
  EXPECT_TRUE(lacks(all, Feature::kPopulate));
  const Mutant& other = Find(mutants, "both: the opposite of `feature has GUARD`");
  EXPECT_TRUE(lacks(other, Feature::kPopulate));
  EXPECT_TRUE(lacks(other, Feature::kMseal)) << "the other alternative stays";
  EXPECT_FALSE(lacks(other, Feature::kGuard));
  const Mutant& one = Find(mutants, "both: without alternative 1");
  EXPECT_FALSE(lacks(one, Feature::kMseal));
  EXPECT_TRUE(lacks(one, Feature::kGuard));
}

TEST(MutantNetTest, CatchesADroppedRuleAndNotTheOriginal) {
  const Semantics semantics = LoadForTest("linux-6.18");
  const absl::StatusOr<MutantNet> net =
      MutantNet::Make(Library::Default(), semantics, {.random = 50, .length = 30, .errors = 0});
  ASSERT_TRUE(net.ok()) << net.status();
  EXPECT_FALSE(net->Notice(semantics, nullptr).has_value());
  const std::vector<Mutant> mutants = MutantsOf(semantics);
  const std::optional<Catch> caught =
      net->Notice(Find(mutants, "write-sealed: the rule is gone").semantics, nullptr);
  ASSERT_TRUE(caught.has_value());
  EXPECT_EQ(caught->by, Catch::By::kScenario);
  EXPECT_GE(caught->call, 0);
}

}  // namespace
}  // namespace selkie
