#include "checker/state_table.h"

#include <set>
#include <thread>

#include "gtest/gtest.h"

namespace selkie {
namespace {

// Different words for different numbers, all of whose bits are among the first `bits`, without 63.
template <int W>
std::array<uint64_t, W> StateOf(uint64_t number, int bits) {
  std::array<uint64_t, W> words{};
  for (int k = 0; k < W; ++k) {
    const int own = std::min(bits - 64 * k, k == 0 ? 63 : 64);
    words[k] = number * (2 * k + 0x9e3779b97f4a7c15u);
    if (own < 64) words[k] &= (uint64_t{1} << own) - 1;
  }
  return words;
}

template <int W>
void MixingIsUndone(int bits) {
  const StateTable<W> table(bits, 1 << 20);
  std::set<std::array<uint64_t, W>> mixed;
  for (uint64_t i = 0; i < 10'000; ++i) {
    const auto words = StateOf<W>(i, bits);
    const auto of = table.Mix(words);
    mixed.insert(of);
    ASSERT_EQ(of[0] >> 63, 0u);
    ASSERT_EQ(table.Unmix(of), words) << i;
  }
  EXPECT_EQ(mixed.size(), 10'000u);
}

TEST(StateTable, MixesOneToOne) {
  for (const int bits : {20, 24, 33, 45, 57, 63}) MixingIsUndone<1>(bits);
  MixingIsUndone<2>(64);
  MixingIsUndone<2>(127);
  MixingIsUndone<4>(255);
}

template <int W>
void EveryStateIsNewOnce(int bits, typename StateTable<W>::Growth growth) {
  SCOPED_TRACE(testing::Message() << W << " words, " << bits << " bits");
  StateTable<W> table(bits, uint64_t{1} << 30, growth);
  std::set<std::array<uint64_t, W>> judge;
  for (uint64_t i = 0; i < 300'000; ++i) {
    const auto words = StateOf<W>(i % 200'000, bits);
    const Inserted expected = judge.insert(words).second ? Inserted::kNew : Inserted::kKnown;
    ASSERT_EQ(table.Insert(table.Mix(words)), expected) << i;
  }
  EXPECT_EQ(table.count(), judge.size());
}

TEST(StateTable, HasEveryStateOnceThroughAllItsGrowth) {
  for (const int bits : {20, 33, 45, 57, 63})
    EveryStateIsNewOnce<1>(bits, StateTable<1>::Growth::kFast);
  EveryStateIsNewOnce<1>(48, StateTable<1>::Growth::kSmall);
  EveryStateIsNewOnce<2>(80, StateTable<2>::Growth::kFast);
  EveryStateIsNewOnce<2>(127, StateTable<2>::Growth::kSmall);
  EveryStateIsNewOnce<3>(191, StateTable<3>::Growth::kFast);
  EveryStateIsNewOnce<4>(255, StateTable<4>::Growth::kSmall);
  EveryStateIsNewOnce<8>(511, StateTable<8>::Growth::kFast);
}

// All in one bucket of one part: the table must grow until they have room.
TEST(StateTable, HasStatesThatWouldAllGoToOnePlace) {
  StateTable<1> table(57, uint64_t{1} << 28);
  for (const Inserted expected : {Inserted::kNew, Inserted::kKnown})
    for (uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(table.Insert({i << 33}), expected) << i;
}

// As Insert does, also where the part grows on the way.
TEST(StateTable, InsertsAllOfAPart) {
  StateTable<1> table(57, uint64_t{1} << 30);
  for (uint64_t first = 0; first < 40'000; first += 10'000) {
    std::vector<StateTable<1>::Words> states, expected, found;
    for (uint64_t i = first; i < first + 20'000; ++i) {
      states.push_back({uint64_t{7} << 49 | (i * 0x9e3779b97f4a7c15u >> 15)});
      if (i >= first + 10'000 || first == 0) expected.push_back(states.back());
    }
    EXPECT_TRUE(table.InsertAll(7, states, [&](const auto& mixed) { found.push_back(mixed); }));
    EXPECT_EQ(found, expected);
  }
  EXPECT_EQ(table.count(), 50'000u);
}

TEST(StateTable, TakesFewBytes) {
  constexpr uint64_t kStates = 1'000'000;
  StateTable<1> fast(57, uint64_t{1} << 30),
      small(48, uint64_t{1} << 30, StateTable<1>::Growth::kSmall);
  for (uint64_t i = 0; i < kStates; ++i) {
    fast.Insert(fast.Mix(StateOf<1>(i, 57)));
    small.Insert(small.Mix(StateOf<1>(i, 48)));
  }
  EXPECT_LT(fast.bytes(), kStates * 11);
  EXPECT_LT(small.bytes(), kStates * 13 / 2);
}

TEST(StateTable, ThatMayNotGrowSaysThatItIsFull) {
  StateTable<1> table(40, 1 << 20);
  uint64_t i = 0;
  while (table.Insert(table.Mix(StateOf<1>(i, 40))) == Inserted::kNew) ++i;
  EXPECT_EQ(table.Insert(table.Mix(StateOf<1>(i, 40))), Inserted::kFull);
  EXPECT_GT(i, 100'000u);
  EXPECT_LE(table.bytes(), 1u << 20);
}

TEST(StateTable, TakesFromSeveralThreadsWhatIsOfDifferentParts) {
  StateTable<1> table(57, uint64_t{1} << 30);
  constexpr unsigned kThreads = 4;
  constexpr uint64_t kStates = 200'000;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([&table, t] {
      for (uint64_t i = 0; i < kStates; ++i) {
        const auto mixed = table.Mix(StateOf<1>(i, 57));
        if (table.PartOf(mixed) % kThreads == t) table.Insert(mixed);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table.count(), kStates);
}

}  // namespace
}  // namespace selkie
