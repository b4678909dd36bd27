#include "checker/thread_team.h"

#include <array>
#include <atomic>
#include <set>

#include "gtest/gtest.h"

namespace selkie {
namespace {

TEST(ThreadTeam, RunsEachNumberOnceAndWaitsForAll) {
  ThreadTeam team(3);
  for (size_t count = 0; count <= 3; ++count)
    for (int round = 0; round < 200; ++round) {
      std::array<std::atomic<int>, 3> times{};
      team.Run(count, [&](size_t number) { ++times[number]; });
      for (size_t i = 0; i < 3; ++i) ASSERT_EQ(times[i], i < count ? 1 : 0) << count << " " << i;
    }
}

// Each waits until all have begun, which one thread after another never would.
TEST(ThreadTeam, RunsAllAtATime) {
  ThreadTeam team(4);
  std::atomic<size_t> begun = 0;
  team.Run(4, [&](size_t) {
    ++begun;
    while (begun < 4) std::this_thread::yield();
  });
  EXPECT_EQ(begun, 4u);
}

TEST(ThreadTeam, KeepsItsThreads) {
  ThreadTeam team(2);
  std::set<std::thread::id> others;
  for (int round = 0; round < 10; ++round)
    team.Run(2, [&](size_t number) {
      if (number == 1) others.insert(std::this_thread::get_id());
    });
  EXPECT_EQ(others.size(), 1u);
  EXPECT_FALSE(others.contains(std::this_thread::get_id()));
}

}  // namespace
}  // namespace selkie
