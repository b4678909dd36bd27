// Namespaces of its own for a process that runs calls for real.
//
// vm.memfd_noexec belongs to a pid namespace: a worker that has one can set it, and neither the
// machine nor another worker is under it.  The worker is process 1 there and sees its own /proc.
#ifndef SELKIE_KERNEL_WORKER_NAMESPACE_H_
#define SELKIE_KERNEL_WORKER_NAMESPACE_H_

#include <sys/types.h>

#include <string>

namespace selkie {

// What was found by a trial.
struct WorkerNamespaces {
  bool own = false;        // a worker can have a pid and a mount namespace of its own
  std::string why_no_set;  // why calls that set vm.memfd_noexec cannot be made in a worker, or
                           // empty
};

// Tries once in this process, in a child that then ends: it takes privileges that a container
// may not have.
const WorkerNamespaces& FindWorkerNamespaces();

// fork(), with the child in a pid namespace of its own if `own`: getpid() is 1 and getppid() 0
// there, and signals without a handler are not delivered unless they come from outside.
pid_t ForkInto(bool own);

// Whether this process is root whose rights reach as far as the model's: not one of a container,
// who lacks some capabilities, nor of a user namespace.
bool IsRootOfAll();

// Of that child: /proc shows its namespace, and nobody else's mounts change.  False with errno
// if it is refused.
bool MountOwnProc();

}  // namespace selkie

#endif  // SELKIE_KERNEL_WORKER_NAMESPACE_H_
