// Tasks that end while the next sequence runs already.
//
// A process with a context for asynchronous writes waits at its end for a grace period of RCU
// (fs/aio.c: exit_aio, from mmput in exit_mm), some 30 ms: longer than a thousand calls take.
#ifndef SELKIE_KERNEL_ENDING_TASKS_H_
#define SELKIE_KERNEL_ENDING_TASKS_H_

#include <cstdint>
#include <vector>

namespace selkie {

class EndingTasks {
 public:
  // Leaves the child `pid`, to which SIGKILL was sent, to end by itself: it has let go of its
  // memory, so it runs no code any more, and it is in a process group of its own, so wait4(0) does
  // not wait for it.  Its descriptors may stay open for a while; a table of them that it shares
  // with this process it gets for itself, so that it keeps nothing open of what comes later.  False
  // if that cannot be had, and the caller has to wait: it is no child of this process, it does not
  // let go, or the kernel has no process_vm_readv.
  bool Leave(int32_t pid);

  // Reaps those that have ended, and waits for the oldest where they are many.
  void Reap();

 private:
  std::vector<int32_t> pids_;
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_ENDING_TASKS_H_
