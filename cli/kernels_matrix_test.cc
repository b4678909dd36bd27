#include "cli/kernels_matrix.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using testing::HasSubstr;
using testing::Not;

Semantics Parse(const std::string& rules) {
  const std::string text = "semantics linux-9 \"Made up.\"\nseal F_SEAL_WRITE 0x8\n" + rules;
  absl::StatusOr<Semantics> semantics = ParseSemantics({"linux-9.sem", text}, nullptr);
  EXPECT_TRUE(semantics.ok()) << semantics.status();
  return semantics.ok() ? *std::move(semantics) : Semantics{};
}

MatrixColumn Column(const std::string& release, const std::string& rules,
                    const std::map<std::string, int64_t>& decided,
                    const std::vector<std::string>& evidence) {
  MatrixColumn column;
  column.release = release;
  column.fit.semantics = Parse(rules);
  column.conform.by_rule = decided;
  for (const std::string& rule : evidence)
    column.evidence.push_back({rule, "linux-8", "some-sequence", "call()", "0", "-1 EPERM"});
  return column;
}

constexpr char kWrite[] = "rule w write: refuse EPERM if seals has WRITE\n";
constexpr char kWriteToo[] = "rule w write: refuse EACCES if seals has WRITE\n";

TEST(KernelsMatrix, ARuleThatDecidedACallIsThere) {
  EXPECT_THAT(MatrixText({Column("9.1", kWrite, {{"w", 3}}, {})}), HasSubstr("\n| w | a |\n"));
}

TEST(KernelsMatrix, ARuleThatDecidedNothingIsNotAsked) {
  EXPECT_THAT(MatrixText({Column("9.1", kWrite, {{"w", 0}}, {})}), HasSubstr("\n| w | ? |\n"));
}

TEST(KernelsMatrix, WhereThereIsNoRuleACallSaysSoOrNothingIsSaid) {
  const std::string text = MatrixText({Column("9.1", kWrite, {{"w", 3}}, {}),
                                       Column("9.2", "", {}, {"w"}), Column("9.3", "", {}, {})});
  EXPECT_THAT(text, HasSubstr("\n| w | a | . | ? |\n"));
  EXPECT_THAT(text, HasSubstr("- not there: 9.2.\n"));
  EXPECT_THAT(text, HasSubstr("- not asked: 9.3.\n"));
}

// The rule decided calls, but none that another variant would have decided otherwise.
TEST(KernelsMatrix, WhichOfTwoVariantsTakesEvidence) {
  const std::string text = MatrixText(
      {Column("9.1", kWrite, {{"w", 3}}, {"w"}), Column("9.2", kWriteToo, {{"w", 3}}, {})});
  EXPECT_THAT(text, HasSubstr("\n| w | a | ? |\n"));
  EXPECT_THAT(text, HasSubstr("by its source alone"));
  EXPECT_THAT(text, HasSubstr("- not asked: 9.2.\n"));
  EXPECT_THAT(text, Not(HasSubstr("9.1 to 9.2")));
}

}  // namespace
}  // namespace selkie
