#include "kernel/worker_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "kernel/executor.h"

namespace selkie {
namespace {

// How the child of the trial ends.
enum Outcome : int { kAll, kNoMount, kNoFile, kNoWrite, kNoWayBack };

// In a namespace that nobody uses afterwards, as there may be no way back.
[[noreturn]] void TryAll() {
  if (!MountOwnProc()) _exit(kNoMount);
  const int64_t raised = WriteNoexec(kMaxNoexec, 0);
  if (raised == -ENOENT) _exit(kNoFile);
  if (raised != 0) _exit(kNoWrite);
  _exit(WriteNoexec(0, 0) == 0 ? kAll : kNoWayBack);
}

std::string WhyNoSet(int outcome) {
  switch (outcome) {
    case kAll:
    case kNoFile: return "";  // a kernel that has none says so anywhere
    case kNoWrite: return "vm.memfd_noexec cannot be written here";
    case kNoWayBack: return "vm.memfd_noexec cannot be set back to 0 here";
    default:
      return "it sets vm.memfd_noexec, which takes a pid namespace and a /proc of its own: run as "
             "root";
  }
}

WorkerNamespaces Try() {
  const pid_t pid = ForkInto(true);
  if (pid == 0) TryAll();
  int status = 0, outcome = kNoMount;
  if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
    outcome = WEXITSTATUS(status);
  if (outcome == kNoMount && access(kNoexecFile, F_OK) != 0) return {false, WhyNoSet(kNoFile)};
  return {outcome != kNoMount, WhyNoSet(outcome)};
}

}  // namespace

const WorkerNamespaces& FindWorkerNamespaces() {
  static const WorkerNamespaces found = Try();
  return found;
}

// unshare(CLONE_NEWPID) is about the children that this thread makes from then on, so that it
// is taken back at once; glibc's fork takes no flags.
pid_t ForkInto(bool own) {
  if (!own) return fork();
  const int before = open("/proc/thread-self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
  if (before < 0) return -1;
  pid_t pid = -1;
  // Root of a user namespace may not go back to a pid namespace that is not of it.
  if (setns(before, CLONE_NEWPID) == 0 && unshare(CLONE_NEWPID) == 0) {
    pid = fork();
    if (pid != 0 && setns(before, CLONE_NEWPID) != 0) _exit(3);  // no process could be made now
  }
  const int error = errno;
  close(before);
  errno = error;
  return pid;
}

bool MountOwnProc() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

}  // namespace selkie
