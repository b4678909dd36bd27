#include "checker/thread_team.h"

namespace selkie {

ThreadTeam::~ThreadTeam() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  begins_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadTeam::Run(size_t count, const std::function<void(size_t)>& run) {
  if (count <= 1) {
    if (count == 1) run(0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    while (threads_.size() + 1 < size_)
      threads_.emplace_back([this, number = threads_.size() + 1] { Follow(number); });
    run_ = &run;
    count_ = count;
    running_ = threads_.size();
    ++round_;
  }
  begins_.notify_all();
  run(0);
  Spin([this] { return running_ == 0; });
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return running_ == 0; });
}

void ThreadTeam::Follow(size_t number) {
  for (uint64_t done = 0;; ++done) {
    const auto begins = [&] { return ends_ || round_ > done; };
    Spin(begins);
    std::unique_lock lock(mutex_);
    begins_.wait(lock, begins);
    if (ends_) return;
    const bool runs = number < count_;
    lock.unlock();
    if (runs) (*run_)(number);
    lock.lock();
    if (--running_ == 0) ended_.notify_one();
  }
}

}  // namespace selkie
