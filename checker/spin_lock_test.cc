#include "checker/spin_lock.h"

#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace selkie {
namespace {

TEST(SpinLock, LetsOneThreadInAtATime) {
  SpinLock lock;
  uint64_t number = 0;
  constexpr uint64_t kTimes = 20'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (uint64_t k = 0; k < kTimes; ++k) {
        const std::lock_guard guard(lock);
        ++number;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(number, 4 * kTimes);
}

}  // namespace
}  // namespace selkie
