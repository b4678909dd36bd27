#include "checker/compact_set.h"

#include "gtest/gtest.h"

namespace selkie {
namespace {

CompactSet::Words CompactState(uint64_t i, int bits) {
  return {(i * 0x9e3779b97f4a7c15u >> 3) & ((uint64_t{1} << bits) - 1)};
}

// True if it was new.
bool InsertCompact(CompactSet& set, const CompactSet::Words& words) {
  while (true) {
    const auto made = set.Insert(words, set.HashOf(words));
    if (made == CompactSet::Inserted::kNew) set.Count(1);
    if (made != CompactSet::Inserted::kFull) return made == CompactSet::Inserted::kNew;
    EXPECT_TRUE(set.Grow());
  }
}

TEST(CompactSet, HasEveryStateOnceAndNoOther) {
  for (const int bits : {20, 33, 45, 57, 63}) {
    CompactSet set(bits, uint64_t{1} << 30);
    StateSet<1> judge(uint64_t{1} << 30);
    uint64_t fresh = 0;
    for (uint64_t i = 0; i < 600'000; ++i) {
      const auto words = CompactState(i % 400'000, bits);
      const bool is_new = InsertCompact(set, words);
      StateSet<1>::Inserted expected;
      while ((expected = judge.Insert(words, StateSet<1>::Hash(words))) ==
             StateSet<1>::Inserted::kFull)
        ASSERT_TRUE(judge.Grow());
      judge.Count(expected == StateSet<1>::Inserted::kNew);
      ASSERT_EQ(is_new, expected == StateSet<1>::Inserted::kNew) << bits << " " << i;
      fresh += is_new;
    }
    EXPECT_EQ(set.count(), fresh);
  }
}

TEST(CompactSet, TakesFourBytesAStateOfFortyBits) {
  CompactSet set(40, uint64_t{1} << 30);
  constexpr uint64_t kStates = 3'000'000;
  for (uint64_t i = 0; i < kStates; ++i) InsertCompact(set, CompactState(i, 40));
  EXPECT_LT(set.bytes(), kStates * 6);
}

TEST(CompactSet, ThatMayNotGrowSaysThatItIsFull) {
  CompactSet set(40, 1 << 20);
  uint64_t i = 0;
  while (true) {
    const auto words = CompactState(i++, 40);
    const auto made = set.Insert(words, set.HashOf(words));
    if (made == CompactSet::Inserted::kFull && !set.Grow()) break;
    set.Count(made == CompactSet::Inserted::kNew);
  }
  EXPECT_GT(i, 10'000u);
}

}  // namespace
}  // namespace selkie
