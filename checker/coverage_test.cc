#include "checker/coverage.h"

#include <algorithm>

#include "checker/checker_testing.h"

namespace selkie {
namespace {

uint64_t DecidedBy(const SearchCoverage& coverage, const std::string& rule) {
  for (const RuleCoverage& covered : coverage.rules)
    if (covered.rule->name == rule) return covered.decided;
  ADD_FAILURE() << "no rule is named " << rule;
  return 0;
}

TEST(Coverage, SaysWhichCallsAndRulesDecidedNothing) {
  const Property property = PropertyNamed("fixed-size");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  absl::StatusOr<SearchCoverage> coverage = Cover(property, semantics, property.bounds, {});
  ASSERT_TRUE(coverage.ok()) << coverage.status();
  EXPECT_TRUE(coverage->complete);
  EXPECT_GT(DecidedBy(*coverage, "resize-grows"), 0u);
  EXPECT_EQ(DecidedBy(*coverage, "write-faults-first"), 0u);  // no call writes a bad buffer
  for (const CallCoverage& call : coverage->calls) {
    const bool names_a_task = call.text.find("{task}") != std::string::npos;  // there is one
    EXPECT_EQ(call.decided_nothing(), names_a_task) << call.text;
    EXPECT_EQ(call.tried == 0, names_a_task) << call.text;
  }
}

TEST(Coverage, VisitsTheStatesOfTheSearch) {
  const Property property = PropertyNamed("no-writable-reopen");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  absl::StatusOr<SearchCoverage> coverage = Cover(property, semantics, property.bounds, {});
  ASSERT_TRUE(coverage.ok()) << coverage.status();
  EXPECT_EQ(coverage->states, Ask(property, semantics, property.bounds).stats.states);
}

TEST(Coverage, StopsAtTheMemoryLimitAndSaysSo) {
  const Property property = PropertyNamed("no-writable-reopen");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  SearchOptions options;
  options.most_bytes = 1000;
  absl::StatusOr<SearchCoverage> coverage = Cover(property, semantics, property.bounds, options);
  ASSERT_TRUE(coverage.ok()) << coverage.status();
  EXPECT_FALSE(coverage->complete);
}

}  // namespace
}  // namespace selkie
