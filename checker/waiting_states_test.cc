#include "checker/waiting_states.h"

#include "gtest/gtest.h"

namespace selkie {
namespace {

using Words = WaitingStates<1>::Words;

TEST(WaitingStates, GivesWhatIsNewInTheOrderInWhichItCame) {
  WaitingStates<1> waiting;
  waiting.BeginRound(size_t{100} * WaitingStates<1>::kParts);
  constexpr uint64_t kStates = 5000;
  for (uint64_t i = 0; i < kStates; ++i) waiting.Add(i * 7 % 97, {i});
  EXPECT_EQ(waiting.size(), kStates);
  EXPECT_FALSE(waiting.full());
  for (unsigned part = 0; part < WaitingStates<1>::kParts; ++part)
    for (Words& words : waiting.Of(part)) {
      EXPECT_EQ(words[0] * 7 % 97, part);
      if (words[0] % 3 == 0) WaitingStates<1>::MarkNew(words);
    }
  std::vector<uint64_t> found, expected;
  for (uint64_t i = 0; i < kStates; i += 3) expected.push_back(i);
  const auto put_if = [&](bool is_new, const Words& words) {
    if (is_new) found.push_back(words[0]);
  };
  waiting.EndRound(put_if);
  EXPECT_EQ(found, expected);
  EXPECT_EQ(waiting.size(), 0u);
}

TEST(WaitingStates, KeepsWhatCameToAFullPartForTheNextRound) {
  WaitingStates<1> waiting;
  waiting.BeginRound(size_t{10} * WaitingStates<1>::kParts);
  for (uint64_t i = 0; i < 10; ++i) waiting.Add(5, {i});
  EXPECT_FALSE(waiting.full());
  for (uint64_t i = 10; i < 13; ++i) waiting.Add(5, {i});
  EXPECT_TRUE(waiting.full());
  EXPECT_EQ(waiting.Of(5).size(), 10u);
  EXPECT_EQ(waiting.size(), 13u);
  for (const size_t room : {2, 100}) {  // the room that there is stays, then there is more
    waiting.EndRound([](bool is_new, const Words&) { EXPECT_FALSE(is_new); });
    EXPECT_EQ(waiting.size(), 3u);
    waiting.BeginRound(room * WaitingStates<1>::kParts);
    const std::span<Words> states = waiting.Of(5);
    EXPECT_EQ(std::vector<Words>(states.begin(), states.end()),
              (std::vector<Words>{{10}, {11}, {12}}));
    EXPECT_FALSE(waiting.full());
    for (uint64_t i = 0; room == 2 && i < 10; ++i) waiting.Add(5, {10 + (i + 2) % 3});
  }
}

}  // namespace
}  // namespace selkie
