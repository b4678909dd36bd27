// What the tests of following share.  For tests only.
#ifndef SELKIE_TRACES_FOLLOW_TESTING_H_
#define SELKIE_TRACES_FOLLOW_TESTING_H_

#include <algorithm>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/follow.h"
#include "traces/trace_testing.h"

namespace selkie {

inline constexpr std::string_view kMade =
    "1 prctl(1) = 0\n1 getrandom(1) = 0\n"  // a log without a filter
    "1 memfd_create(\"m\", MFD_ALLOW_SEALING) = 3\n"
    "1 ftruncate(3, 1000000) = 0\n";
inline constexpr std::string_view kNo = "-1 EPERM (Operation not permitted)";

inline FollowReport FollowText(std::string_view text, std::string_view semantics = "linux-6.18") {
  const StraceLog log = ReadStrace("log", std::string(text));
  EXPECT_THAT(log.problems, ::testing::IsEmpty());
  return Follow(log, LoadSemanticsForTest(semantics));
}

inline FollowReport FollowMade(std::string_view more, std::string_view semantics = "linux-6.18") {
  return FollowText(std::string(kMade) + std::string(more), semantics);
}

inline int64_t CountUnasked(const FollowReport& report, Unasked why) {
  int64_t sum = 0;
  if (const auto at = report.unasked.find(why); at != report.unasked.end())
    for (const auto& [name, count] : at->second) sum += count;
  return sum;
}

// Nothing differs in this log, in which each line is preceded by its process.
inline void ExpectAgrees(std::string_view more) {
  const FollowReport report = FollowMade(more);
  for (const FollowedDifference& d : report.differences)
    ADD_FAILURE() << d.line << ": " << d.call << ": the log " << d.logged << ", the model "
                  << d.modelled;
}

inline void ExpectDiffers(std::string_view more) {
  EXPECT_EQ(FollowMade(more).differences.size(), 1u) << more;
}

// The call in the last line gives what the model does, and nothing else does.
inline void ExpectDecides(std::string_view before, std::string_view call, std::string_view right,
                          std::string_view wrong, std::string_view semantics = "linux-6.18") {
  const std::string log = fmt::format("{}{}1 {} = ", kMade, before, call);
  const FollowReport good = FollowText(fmt::format("{}{}\n", log, right), semantics);
  EXPECT_THAT(good.differences, ::testing::IsEmpty())
      << call << ": model " << good.differences[0].modelled;
  EXPECT_EQ(CountUnasked(good, Unasked::kBound), 0) << call;
  const FollowReport bad = FollowText(fmt::format("{}{}\n", log, wrong), semantics);
  ASSERT_EQ(bad.differences.size(), 1u) << call;
  const int lines = static_cast<int>(std::count(log.begin(), log.end(), '\n'));
  EXPECT_EQ(bad.differences[0].line, lines + 1);
  EXPECT_EQ(bad.modelled, good.modelled);
}

}  // namespace selkie

#endif  // SELKIE_TRACES_FOLLOW_TESTING_H_
