// Descriptors passed over sockets: the program's own, and the harness's channels.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {
namespace {

// A message of one byte with room for one descriptor.
class OneDescriptor {
 public:
  OneDescriptor() {
    header_.msg_iov = &vector_;
    header_.msg_iovlen = 1;
    header_.msg_control = control_;
    header_.msg_controllen = sizeof(control_);
  }
  OneDescriptor(const OneDescriptor&) = delete;
  OneDescriptor& operator=(const OneDescriptor&) = delete;

  void Hold(int fd) {
    cmsghdr* first = CMSG_FIRSTHDR(&header_);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(fd));
    std::memcpy(CMSG_DATA(first), &fd, sizeof(fd));
  }

  // The descriptor received, or -1 if there was none.
  int Held() {
    cmsghdr* first = CMSG_FIRSTHDR(&header_);
    if (first == nullptr || first->cmsg_type != SCM_RIGHTS) return -1;
    int fd;
    std::memcpy(&fd, CMSG_DATA(first), sizeof(fd));
    return fd;
  }

  int64_t raw() { return Raw(&header_); }

 private:
  char byte_ = 'm';
  iovec vector_{&byte_, 1};
  alignas(cmsghdr) char control_[CMSG_SPACE(sizeof(int))] = {};
  msghdr header_ = {};
};

// No more descriptors than RLIMIT_NOFILE may be in flight of one user (net/unix/scm.c
// too_many_unix_fds): the model never has so many, but there are other workers.
Result SendOver(const Env& env, int64_t socket, int64_t fd) {
  OneDescriptor message;
  message.Hold(static_cast<int>(fd));
  const auto send = [&] {
    return RawSyscall(SYS_sendmsg, socket, message.raw(), MSG_DONTWAIT | MSG_NOSIGNAL);
  };
  int64_t raw = send();
  if (raw == -ETOOMANYREFS) {
    SetNofile(0);
    raw = send();
    SetNofile(env.control.nofile);
  }
  return FromRaw(raw > 0 ? 0 : raw);
}

// A message whose descriptor did not fit into the table has lost it
// (net/core/scm.c scm_detach_fds): EMFILE is how the model says so.
Result ReceiveFrom(int64_t socket) {
  OneDescriptor message;
  const int64_t raw = RawSyscall(SYS_recvmsg, socket, message.raw(), MSG_DONTWAIT);
  if (raw <= 0) return FromRaw(raw);
  const int fd = message.Held();
  return FromRaw(fd < 0 ? -EMFILE : fd);
}

}  // namespace

Result RealSocketpair(const Call&, const Env&) {
  int ends[2] = {-1, -1};
  Result r = FromRaw(RawSyscall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET, 0, Raw(ends)));
  if (!r.ok()) return r;
  r.value = ends[0];
  r.extra = ends[1];
  return r;
}

Result RealSendmsg(const Call& c, const Env& env) { return SendOver(env, c.arg[0], c.arg[1]); }

Result RealRecvmsg(const Call& c, const Env&) { return ReceiveFrom(c.arg[0]); }

Result RealSendFd(const Call& c, const Env& env) {
  if (c.arg[0] < 0 || c.arg[0] >= kMaxTasks) return NotRun(NotRunReason::kNoSuchTask);
  return SendOver(env, kSendFdBase + c.arg[0], c.arg[1]);
}

Result RealRecvFd(const Call&, const Env& env) { return ReceiveFrom(kReceiveFdBase + env.task); }

Result RealPidfdGetfd(const Call& c, const Env& env) {
  if (c.arg[0] < 0 || c.arg[0] >= kMaxTasks) return NotRun(NotRunReason::kNoSuchTask);
  const int64_t pidfd =
      DescriptorOutOfTheWay(env.control, SYS_pidfd_open, env.control.tasks[c.arg[0]].pid, 0);
  const Result r = FromRaw(RawSyscall(SYS_pidfd_getfd, pidfd, c.arg[1], 0));
  RawSyscall(SYS_close, pidfd);
  return r;
}

void DrainChannel(int task) {
  for (;;) {
    OneDescriptor message;
    const int64_t socket = kReceiveFdBase + task;
    if (RawSyscall(SYS_recvmsg, socket, message.raw(), MSG_DONTWAIT) <= 0) return;
    const int fd = message.Held();
    if (fd >= 0) RawSyscall(SYS_close, fd);
  }
}

}  // namespace selkie
