// A lock for what takes less time than to put a thread to sleep.  Internal to checker/.
#ifndef SELKIE_CHECKER_SPIN_LOCK_H_
#define SELKIE_CHECKER_SPIN_LOCK_H_

#include <atomic>
#include <thread>

namespace selkie {

// For std::lock_guard and std::unique_lock.
class SpinLock {
 public:
  void lock() {
    for (int tries = 1; held_.exchange(true, std::memory_order_acquire); ++tries)
      while (held_.load(std::memory_order_relaxed))
        if (++tries % kTries == 0) std::this_thread::yield();  // who holds it may not be running
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  static constexpr int kTries = 256;
  std::atomic<bool> held_ = false;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_SPIN_LOCK_H_
