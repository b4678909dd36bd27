#include "checker/state_set.h"

#include <thread>

#include "gtest/gtest.h"

namespace selkie {
namespace {

template <int W>
std::array<uint64_t, W> StateNumber(uint64_t i) {
  std::array<uint64_t, W> words{};
  for (int k = 0; k < W; ++k) words[k] = (i * (2 * k + 1)) & ~(uint64_t{1} << 63);
  return words;
}

template <int W>
class StateSetTest : public testing::Test {};

// Inserts and grows when it must; true if the state was new.
template <int W>
bool Insert(StateSet<W>& set, uint64_t i) {
  const auto words = StateNumber<W>(i);
  while (true) {
    const auto made = set.Insert(words, StateSet<W>::Hash(words));
    if (made == StateSet<W>::Inserted::kNew) set.Count(1);
    if (made != StateSet<W>::Inserted::kFull) return made == StateSet<W>::Inserted::kNew;
    EXPECT_TRUE(set.Grow());
  }
}

template <int W>
void EveryStateIsNewOnce() {
  StateSet<W> set(uint64_t{1} << 30);
  constexpr uint64_t kStates = 300'000;
  for (uint64_t i = 0; i < kStates; ++i) EXPECT_TRUE(Insert(set, i));
  for (uint64_t i = 0; i < kStates; ++i) EXPECT_FALSE(Insert(set, i));
  EXPECT_EQ(set.count(), kStates);
  EXPECT_LE(set.bytes(), kStates * 8 * W * 2);
}

TEST(StateSet, HasEveryStateOnceThroughAllItsGrowth) {
  EveryStateIsNewOnce<1>();
  EveryStateIsNewOnce<2>();
  EveryStateIsNewOnce<4>();
}

TEST(StateSet, ThatMayNotGrowSaysThatItIsFull) {
  StateSet<1> set(8 * 1024);
  uint64_t i = 0;
  while (set.Insert(StateNumber<1>(i), StateSet<1>::Hash(StateNumber<1>(i))) ==
         StateSet<1>::Inserted::kNew) {
    set.Count(1);
    ++i;
  }
  EXPECT_GT(i, 512u);
  EXPECT_FALSE(set.Grow());
}

template <int W>
void OneThreadOfManyHasIt() {
  StateSet<W> set(uint64_t{1} << 30);
  constexpr uint64_t kStates = 40'000;
  std::atomic<uint64_t> fresh = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kStates; ++i) {
        const auto words = StateNumber<W>(t % 2 == 0 ? i : kStates - 1 - i);
        const bool is_new =
            set.Insert(words, StateSet<W>::Hash(words)) == StateSet<W>::Inserted::kNew;
        fresh += is_new;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fresh, kStates);
}

TEST(StateSet, GivesEachStateToOneOfSeveralThreads) {
  OneThreadOfManyHasIt<1>();
  OneThreadOfManyHasIt<3>();
}

}  // namespace
}  // namespace selkie
