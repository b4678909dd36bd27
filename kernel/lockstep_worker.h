// Worker processes: calls run for real in a process that may be lost.
//
//   WorkerPlan plan;
//   plan.body = [](Lockstep& lockstep, WorkerLink& link) {
//     ... link.Send("found this"); ... return absl::OkStatus();
//   };
//   plan.on_message = [](int worker, std::string_view text) { ... };
//   absl::Status status = RunWorkers(plan);
//
// A worker that crashes, or that makes no progress for a while, is an error and
// never an agreement.  But where it is a call that the kernel does not come back from, on_hang is
// told which, and another worker may take the place of the one that was lost.
#ifndef SELKIE_KERNEL_LOCKSTEP_WORKER_H_
#define SELKIE_KERNEL_LOCKSTEP_WORKER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "kernel/lockstep.h"

namespace selkie {

// Shared between a worker and the process that started it.
struct WorkerShared {
  std::atomic<int64_t> beat{0};  // grows while the worker makes progress
  std::atomic<int> stage{0};     // what it is at: numbers of the body's own
  std::atomic<int64_t> about{-1};
  std::atomic<bool> stop{false};  // the worker is to end early
};

// The worker's end of the connection.
class WorkerLink {
 public:
  WorkerLink(int index, int fd, WorkerShared* shared) : index_(index), fd_(fd), shared_(shared) {}

  int index() const { return index_; }

  // Says that there was progress, and what comes next.
  void Beat(int64_t about, int stage = 0) {
    shared_->beat.fetch_add(1, std::memory_order_relaxed);
    shared_->stage.store(stage, std::memory_order_relaxed);
    shared_->about.store(about, std::memory_order_relaxed);
  }
  // True if the worker is to end early with what it has.
  bool ShouldStop() const { return shared_->stop.load(std::memory_order_relaxed); }
  // Hands a text to plan.on_message.
  void Send(std::string_view text);

 private:
  int index_;
  int fd_;
  WorkerShared* shared_;
};

// A worker that was lost in a call.
struct WorkerHang {
  int worker = 0;
  int stage = 0;  // of its last Beat
  int64_t about = 0;
  int seconds = 0;                   // waited for in vain
  const Control* control = nullptr;  // the call is control->at; valid during on_hang
};

enum class AfterHang : uint8_t {
  kReplace,  // the body runs again, in a new worker of the same index
  kStop,     // the worker is not missed, and all others are to end early
};

struct WorkerPlan {
  int workers = 1;  // 1 .. 64
  // Runs in each worker, after Lockstep::Start.  Its status is the worker's.
  std::function<absl::Status(Lockstep&, WorkerLink&)> body;
  std::function<void(int worker, std::string_view text)> on_message;
  // If null, a worker that is lost in a call is an error.
  std::function<AfterHang(const WorkerHang&)> on_hang;
  // What a worker is at, for messages; if null, "sequence ABOUT".
  std::function<std::string(int stage, int64_t about)> describe;
  std::function<void()> on_tick;                   // about ten times a second; may be null
  const std::atomic<bool>* interrupted = nullptr;  // may be null
  int silence_seconds = 60;                        // without a beat, a run or a call for so long,
                                                   // a worker is stuck
};

// Starts the workers, serves them and waits for all.  Returns the first error:
// a body's own; UnavailableError if a worker could not start, InternalError if
// one crashed, DeadlineExceededError if one was stuck.  The others' messages
// have still been handed over.
absl::Status RunWorkers(const WorkerPlan& plan);

}  // namespace selkie

#endif  // SELKIE_KERNEL_LOCKSTEP_WORKER_H_
