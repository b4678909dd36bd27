// The model and the kernel in lockstep: one sequence of calls at a time.
//
//   absl::StatusOr<Lockstep> lockstep = Lockstep::Start(namespaces);  // in a worker process
//   lockstep->Load(sequence, semantics);
//   absl::Status status = lockstep->Run({});
//   if (lockstep->control().differs) ...                     // call next - 1
//
// Task A is this process itself, unless it becomes another user, executes a
// program or ends: no fork a sequence and, as long as it is alone, no switch of
// context a call; closing its descriptors and unmapping the arena is all the
// cleaning up.  Other tasks are processes of their own; the turn is passed from
// task to task (executor_task.h).
#ifndef SELKIE_KERNEL_LOCKSTEP_H_
#define SELKIE_KERNEL_LOCKSTEP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernel/ending_tasks.h"
#include "kernel/executor_control.h"
#include "kernel/worker_namespace.h"
#include "model/limits.h"
#include "model/semantics.h"
#include "model/trace.h"
#include "scenarios/rule_pairs.h"

namespace selkie {

struct RunOptions {
  bool stop_at_difference = true;  // else the kernel's answers are only collected
  bool probe_each = false;         // compare the state behind descriptors and mappings
                                   // after each call, not only at the end
  bool thorough = false;           // also load from every page that is mapped and read VmFlags:
                                   // what these say follows from what is compared anyway, unless
                                   // the kernel is at odds with itself
  int hang_seconds = 20;           // how long a call may take of a task that is no harness's own
                                   // process: far longer than any does
};

// How a random sequence is made.
struct RandomPlan {
  uint64_t seed = 0;
  int length = 20;           // calls, at most; 1 .. kMaxCalls
  Sequence start;            // limits, users, which must pass WhyNot, and the first calls
  bool one_process = false;  // without calls that need a process of their own
};

// A file for a Control, of its size, as the control block of a process and its tasks; -1 with errno
// if there can be none.
int NewControl();

class Lockstep {
 public:
  // Makes this process ready to run sequences: closes all descriptors from
  // kFirstFd to 99, maps the control block, opens the channels.  A process that
  // is not root becomes root of a user namespace of its own, if it may.  At most
  // once a process, which is to be a worker (lockstep_worker.h), forked into `namespaces` of its
  // own if there are.  `huge_pages`: kHugePagesOfWorker (huge_pages.h) are for it
  // alone.  `control_given`: kControlFd is open and has the size of a Control, for others to look
  // at what this process does.
  static absl::StatusOr<Lockstep> Start(const WorkerNamespaces& namespaces, bool huge_pages,
                                        bool control_given = false);

  // Why the sequence cannot be run by this process, or empty: it needs another
  // user, or a capability, that only root has outside a user namespace; io_uring, and that is
  // forbidden; it sets vm.memfd_noexec and has no pid namespace for it; it makes memfds of huge
  // pages and there are not enough; it opens a file of a tmpfs, and none could be mounted; or it
  // is longer than kMaxCalls.
  std::string WhyNot(const Sequence& sequence) const;

  // Runs the model and writes calls, results and states into the control block.
  // WhyNot(sequence) must be empty.
  void Load(const Sequence& sequence, const Semantics& semantics);

  // The state is to be compared after call `index` of what is loaded, by the task that
  // made it.
  void ProbeAfter(int index) { control().probe[static_cast<size_t>(index)] = true; }

  // The same for a random sequence (scenarios/generate.h), without calls for which there
  // would be a WhyNot.  Returns the pairs of what decided its calls.
  PairsOfSequence LoadRandom(const RandomPlan& plan, const Semantics& semantics);

  // The sequence that is loaded.
  Sequence Loaded() const;

  // Runs what is loaded for real and compares.  The outcome is in control().
  // InternalError if a task crashed in the harness's own code,
  // DeadlineExceededError if a task did not come back: from call control().at, or, if that is -1,
  // from what the harness did.
  absl::Status Run(const RunOptions& options);

  const Control& control() const { return TheControl(); }
  Control& control() { return TheControl(); }

 private:
  // What the process has, for calls that not every one can make.
  struct Means {
    bool root = false;        // in the namespace in which it was started
    bool rings = false;       // io_uring
    bool huge_pages = false;  // enough for any sequence
    bool memlock = false;     // RLIMIT_MEMLOCK is more than any sequence locks
    bool tmpfs = false;       // kTmpfsFd is open
    bool udmabuf = false;     // kUdmabufFd is open
    bool fuse = false;        // kFuseFd is open, or the kernel is older than passthrough
    bool secret = false;      // memfd_secret
    bool regular = false;     // kRegularFd is open
    bool userfaultfd = false;
    bool dev_fd = false;     // /dev/fd is there
    bool null_kept = false;  // vm.mmap_min_addr: page 0 is for root alone
    std::string why_no_set;  // vm.memfd_noexec
  };
  explicit Lockstep(Means means) : means_(std::move(means)) {}

  // Processes that are the tasks are kept for the next sequence, if nothing that they did is left
  // and it starts alike.
  struct Kept {
    bool any = false;
    std::vector<int> uids;
    int nofile = 0;
    int here = -1;
    friend bool operator==(const Kept&, const Kept&) = default;
  };

  // Why the call, or one after some task has ended, cannot be made by this process, or empty.
  // Another's descriptors are looked at with CAP_SYS_PTRACE in the initial user namespace, once
  // it has ended and has no memory of its own.
  std::string_view WhyNotCall(const Call& call, bool after_exit) const;
  bool MayKeep() const;
  void KillTasks();
  absl::Status StartTasks();
  absl::Status Turns();
  absl::Status GiveTurn(int task);
  absl::Status ProbeTasks();
  void EndTasks(bool keep);
  absl::Status ResetNoexec();

  Means means_;
  Limits limits_;
  std::vector<int> uids_ = {0};
  int hang_seconds_ = 0;
  Kept kept_;
  EndingTasks ending_;
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_LOCKSTEP_H_
