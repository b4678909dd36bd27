#include "model/contrast.h"

#include "gmock/gmock.h"
#include "model/model_fixture.h"

namespace selkie {
namespace {

Semantics Parsed(std::string text) {
  absl::StatusOr<Semantics> semantics = ParseSemantics(
      {"test.sem", std::move(text)},
      [](std::string_view) -> absl::StatusOr<SemanticsSource> { return absl::NotFoundError(""); });
  EXPECT_TRUE(semantics.ok()) << semantics.status();
  return *semantics;
}

const std::string kSeals = "seal F_SEAL_WRITE 0x8\n";
constexpr Call kCreate{Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}};
constexpr Call kSeal{Op::kAddSeals, 0, {kFirstFd, 8}};
constexpr Call kWrite{Op::kPwrite, 0, {kFirstFd, 'x', 1, 0}};

std::vector<std::string> NamesOf(const std::vector<RuleDifference>& rules) {
  std::vector<std::string> names;
  for (const RuleDifference& rule : rules) names.push_back(rule.name);
  return names;
}

TEST(Contrast, ARuleDiffersByConditionEffectPresenceOrPlace) {
  const std::string rules = "rule a write: refuse EPERM\nrule b write: refuse EACCES if grows\n";
  const Semantics base = Parsed("semantics s\n" + kSeals + rules);
  const auto differing = [&](const std::string& text) {
    return NamesOf(RulesThatDiffer(base, Parsed("semantics t\n" + text)));
  };
  EXPECT_THAT(differing(kSeals + rules), testing::IsEmpty());
  EXPECT_THAT(
      differing(kSeals + "rule b write: refuse EACCES if grows\nrule a write: refuse EPERM"),
      testing::ElementsAre("a", "b"));
  EXPECT_THAT(differing(kSeals + "rule a write: refuse EPERM\nrule b write: refuse EACCES"),
              testing::ElementsAre("b"));
  EXPECT_THAT(differing(kSeals + "rule a write: refuse EIO\nrule b write: refuse EACCES if grows"),
              testing::ElementsAre("a"));
  EXPECT_THAT(differing(kSeals + "rule a write: refuse EPERM"), testing::ElementsAre("b"));
  EXPECT_THAT(differing(rules), testing::ElementsAre("F_SEAL_WRITE"));
  EXPECT_THAT(differing(kSeals + rules + "write chunk 8192"), testing::ElementsAre("write chunk"));
}

TEST(Contrast, ADifferenceIsWhereAnswersDifferAndItsOriginWhereStatesParted) {
  const Semantics sets = Parsed("semantics s\n" + kSeals);
  const Semantics ignores = Parsed("semantics t\n" + kSeals +
                                   "rule early create: set seals WRITE\n"
                                   "rule refuse write: refuse EPERM if seals has WRITE\n");
  const Contrast contrast = ReplayBoth({Limits{}, {0}, {kCreate, kWrite}}, sets, ignores);
  ASSERT_EQ(contrast.differences.size(), 1u);
  EXPECT_EQ(contrast.differences[0].call, 1);
  EXPECT_EQ(contrast.differences[0].origin, 0);
  EXPECT_FALSE(contrast.differences[0].after_another);
}

TEST(Contrast, ARuleIsAtWorkIfTheAnswerIsAnotherWithoutIt) {
  const Semantics with = Parsed("semantics s\n" + kSeals +
                                "rule sealed write: refuse EPERM if seals has WRITE\n"
                                "rule grown write: refuse EIO if grows\n");
  const Semantics without = Parsed("semantics t\n" + kSeals);
  const Contrast contrast = ReplayBoth({Limits{}, {0}, {kCreate, kSeal, kWrite}}, with, without);
  ASSERT_EQ(contrast.differences.size(), 1u);
  const std::vector<RuleDifference> rules = RulesThatDiffer(with, without);
  ASSERT_THAT(NamesOf(rules), testing::ElementsAre("sealed", "grown"));
  const auto at_work = [&](const RuleDifference& rule) {
    return IsAtWork(contrast, contrast.differences[0], with, without, Lacking(with, rule, without),
                    Lacking(without, rule, with));
  };
  EXPECT_TRUE(at_work(rules[0]));
  EXPECT_FALSE(at_work(rules[1])) << "an earlier rule refuses, with or without it";
}

}  // namespace
}  // namespace selkie
