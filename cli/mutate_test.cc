#include <nlohmann/json.hpp>

#include "cli/command_testing.h"
#include "gmock/gmock.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A net with so few calls that much goes through.
std::vector<std::string> Words(std::vector<std::string> more) {
  more.insert(more.begin(), {"mutate", "linux-3.17", "--random", "0", "--errno", "-1"});
  return more;
}

TEST(Mutate, WhatWasNotComparedIsNotCountedAsMissed) {
  const Outcome outcome = RunSelkie(Words({}));
  EXPECT_EQ(outcome.code, kBroken);
  EXPECT_THAT(outcome.out, HasSubstr(" 0 missed, "));
  EXPECT_THAT(outcome.out, HasSubstr("not noticed, not compared; --prove compares them"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\n  missed: ")));
  const nlohmann::json json = nlohmann::json::parse(RunSelkie(Words({"--json"})).out);
  EXPECT_EQ(json["semantics"][0]["missed"], 0);
  EXPECT_GT(json["semantics"][0]["not_compared"], 0);
}

}  // namespace
}  // namespace selkie
