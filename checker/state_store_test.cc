#include "checker/state_store.h"

#include <set>

#include "gtest/gtest.h"

namespace selkie {
namespace {

// A sequence in which most values come several times.
uint64_t Value(uint64_t i) { return i * i % 50'021 * 0x9e3779b97f4a7c15u; }

TEST(StateStore, EachStateIsKeptOnceInTheOrderInWhichItCame) {
  StateStore<2> store;
  std::vector<StateStore<2>::Words> expected;
  std::vector<uint32_t> parents;
  std::set<uint64_t> seen;
  for (uint32_t i = 0; i < 200'000; ++i) {
    const StateStore<2>::Words words = {Value(i), ~Value(i)};
    store.Enter(words, i);
    if (!seen.insert(words[0]).second) continue;
    expected.push_back(words);
    parents.push_back(i);
  }
  store.Flush();
  ASSERT_EQ(store.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(store[i], expected[i]) << i;
    ASSERT_EQ(store.parent(i), parents[i]) << i;
  }
}

TEST(StateStore, BytesCountTheTableAsWell) {
  StateStore<1> store;
  const uint64_t empty = store.bytes();
  for (uint64_t i = 0; i < 10'000; ++i) store.Enter({i}, 0);
  store.Flush();
  EXPECT_EQ(store.size(), 10'000u);
  EXPECT_GE(store.bytes(), empty + 10'000 * (8 + 4));
}

}  // namespace
}  // namespace selkie
