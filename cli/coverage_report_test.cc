#include "cli/coverage_report.h"

#include "gmock/gmock.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;

Rule RuleAt(const std::string& name, Point point) {
  Rule rule;
  rule.name = name;
  rule.point = point;
  rule.file = "a.sem";
  rule.line = 7;
  return rule;
}

TEST(CoverageReport, WhatNoCallAsksOfTheKernelIsOneLine) {
  const std::vector<Rule> rules = {
      RuleAt("no-mseal", Point::kSupport), RuleAt("write-sealed", Point::kWrite),
      RuleAt("no-guard", Point::kSupport), RuleAt("no-direct", Point::kSupport)};
  SearchCoverage coverage;
  coverage.states = 2;
  for (const Rule& rule : rules) coverage.rules.push_back({&rule, 0});
  coverage.rules[3].decided = 5;
  EXPECT_THAT(
      CoverageLines(coverage),
      ElementsAre(
          "coverage of 2 states", "  rule decided nothing: write-sealed (a.sem:7)",
          "  2 rules of what the kernel does not know decided nothing, as no call needs it: "
          "no-mseal, no-guard",
          "  1 of 4 rules decided some call"));
}

}  // namespace
}  // namespace selkie
