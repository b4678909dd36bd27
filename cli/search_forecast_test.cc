#include "cli/search_forecast.h"

#include "gtest/gtest.h"

namespace selkie {
namespace {

// States known when each depth was reached: bench/memfd-seals at 2 2 2 2, from depth 9 on.
constexpr uint64_t kReached[] = {871'453,    2'097'582,  4'366'763,  7'787'793, 11'205'984,
                                 14'757'967, 17'384'117, 19'341'420, 20'530'000};
constexpr int kFirstDepth = 9;
constexpr uint64_t kAll = 21'552'833;

TEST(SearchForecast, SaysNothingBeforeLevelsGrowMoreSlowly) {
  SearchForecast forecast;
  uint64_t states = 1;
  for (int depth = 0; depth < 12; ++depth, states *= 4) {
    forecast.Note(states, depth);
    EXPECT_EQ(forecast.StatesLeft(), std::nullopt);
  }
}

TEST(SearchForecast, FromTheWidestLevelOnIsRightWithinAFactorOfTwo) {
  SearchForecast forecast;
  int told = 0;
  for (size_t i = 0; i < std::size(kReached); ++i) {
    forecast.Note(kReached[i], kFirstDepth + static_cast<int>(i));
    const std::optional<uint64_t> left = forecast.StatesLeft();
    if (i < 5) continue;
    ASSERT_TRUE(left.has_value()) << i;
    EXPECT_GT(*left, (kAll - kReached[i]) / 2) << i;
    EXPECT_LT(*left, (kAll - kReached[i]) * 2) << i;
    ++told;
  }
  EXPECT_EQ(told, 4);
}

TEST(SearchForecast, WhatIsFoundOfALevelIsNoLongerLeft) {
  SearchForecast forecast;
  for (size_t i = 0; i < 6; ++i) forecast.Note(kReached[i], kFirstDepth + static_cast<int>(i));
  const uint64_t left = *forecast.StatesLeft();
  forecast.Note(kReached[5] + 1'000'000, kFirstDepth + 5);
  EXPECT_EQ(*forecast.StatesLeft(), left - 1'000'000);
}

TEST(SearchForecast, ALevelWithMoreThanIsForecastSaysNothing) {
  SearchForecast forecast;
  for (size_t i = 0; i < 6; ++i) forecast.Note(kReached[i], kFirstDepth + static_cast<int>(i));
  forecast.Note(kReached[5] + *forecast.StatesLeft(), kFirstDepth + 5);
  EXPECT_EQ(forecast.StatesLeft(), std::nullopt);
}

TEST(SearchForecast, LevelsThatEndedUnseenCountForNothing) {
  SearchForecast forecast;
  for (size_t i = 0; i < 6; ++i) forecast.Note(kReached[i], kFirstDepth + static_cast<int>(i));
  forecast.Note(kReached[7], kFirstDepth + 7);
  EXPECT_EQ(forecast.StatesLeft(), std::nullopt);
}

TEST(SearchForecast, ASearchThatBeginsAnewIsForecastAnew) {
  SearchForecast forecast, fresh;
  for (const uint64_t states : {1, 10, 80, 400, 1600, 5000, 9000})
    forecast.Note(states, static_cast<int>(states % 7));  // whatever came before
  forecast.Note(9000, 40);
  for (size_t i = 0; i < std::size(kReached); ++i) {
    const int depth = kFirstDepth + static_cast<int>(i);
    forecast.Note(kReached[i], depth);
    fresh.Note(kReached[i], depth);
  }
  EXPECT_EQ(forecast.StatesLeft(), fresh.StatesLeft());
}

TEST(SearchForecast, ALevelThatIsForgottenIsStillToBeFound) {
  SearchForecast forecast;
  for (size_t i = 0; i < 7; ++i) forecast.Note(kReached[i], kFirstDepth + static_cast<int>(i));
  const std::optional<uint64_t> left = forecast.StatesLeft();
  forecast.Note(kReached[5], kFirstDepth + 6);
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(forecast.StatesLeft(), left);
}

}  // namespace
}  // namespace selkie
