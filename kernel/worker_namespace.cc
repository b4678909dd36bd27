#include "kernel/worker_namespace.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

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
             "root with all capabilities";
  }
}

WorkerNamespaces Try() {
  const pid_t pid = ForkInto(true);
  if (pid == 0) TryAll();
  int status = 0, outcome = kNoMount;
  if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
    outcome = WEXITSTATUS(status);
  if (outcome == kNoMount && access(kNoexecFile, F_OK) != 0) return {false, WhyNoSet(kNoFile)};
  // In a user namespace of its own the worker is not root of the pid namespace.
  return {outcome != kNoMount, WhyNoSet(IsRootOfAll() ? outcome : kNoMount)};
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

bool IsRootOfAll() {
  constexpr uint64_t kNeeded = uint64_t{1} << CAP_CHOWN | uint64_t{1} << CAP_DAC_OVERRIDE |
                               uint64_t{1} << CAP_DAC_READ_SEARCH | uint64_t{1} << CAP_FOWNER |
                               uint64_t{1} << CAP_FSETID | uint64_t{1} << CAP_KILL |
                               uint64_t{1} << CAP_SETGID | uint64_t{1} << CAP_SETUID |
                               uint64_t{1} << CAP_LINUX_IMMUTABLE | uint64_t{1} << CAP_IPC_LOCK |
                               uint64_t{1} << CAP_SYS_PTRACE | uint64_t{1} << CAP_SYS_ADMIN |
                               uint64_t{1} << CAP_SYS_NICE | uint64_t{1} << CAP_LEASE;
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (geteuid() != 0 || RawSyscall(SYS_capget, Raw(&header), Raw(data)) != 0) return false;
  const uint64_t has = data[0].effective | static_cast<uint64_t>(data[1].effective) << 32;
  if ((has & kNeeded) != kNeeded) return false;
  FILE* const file = std::fopen("/proc/self/uid_map", "re");
  if (file == nullptr) return true;  // a kernel without user namespaces, or no /proc
  unsigned long inside = 0, outside = 0, count = 0;
  const bool all = std::fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
                   inside == 0 && outside == 0 && count == 0xffffffff;
  std::fclose(file);
  return all;
}

bool MountOwnProc() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

}  // namespace selkie
