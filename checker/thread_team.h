// Threads that do one thing after another together.  Internal to checker/.
#ifndef SELKIE_CHECKER_THREAD_TEAM_H_
#define SELKIE_CHECKER_THREAD_TEAM_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace selkie {

// A search has so many rounds that to make threads for each of them is what it would do most.
class ThreadTeam {
 public:
  // Of `size` threads with the caller; they are made when Run first needs them.
  explicit ThreadTeam(size_t size) : size_(size) {}
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  // Calls run(i) once for each i below `count`, at most size(): run(0) here, the others in
  // threads of their own.  Returns when all have.
  void Run(size_t count, const std::function<void(size_t)>& run);
  size_t size() const { return size_; }

 private:
  void Follow(size_t number);
  // Waits a short time for what is about to happen: the next round mostly begins before a thread
  // is put to sleep.
  template <typename Happened>
  static void Spin(const Happened& happened) {
    constexpr int kTries = 20'000;
    for (int i = 0; i < kTries && !happened(); ++i) {
    }
  }

  const size_t size_;
  std::mutex mutex_;  // of all changes to what follows
  std::condition_variable begins_, ended_;
  std::atomic<uint64_t> round_ = 0;
  std::atomic<bool> ends_ = false;
  std::atomic<size_t> running_ = 0;
  size_t count_ = 0;
  const std::function<void(size_t)>* run_ = nullptr;
  std::vector<std::thread> threads_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_THREAD_TEAM_H_
