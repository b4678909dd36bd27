// Descriptors in flight: socketpair, sendmsg and recvmsg with SCM_RIGHTS
// (net/socket.c, net/unix/af_unix.c, net/core/scm.c), and the harness's own
// channel between tasks.
//
// A socket pair is one inode with two files, its ends.  Inode::mask has a bit
// for each end whose socket has ECONNRESET pending (sk_err).
#include "model/families.h"

namespace selkie {
namespace {

int FreeMessage(const State& s) {
  for (int i = 0; i < s.limits.messages; ++i)
    if (s.messages[i].file == 0) return i;
  return -1;
}

// The first message to this end of a socket pair, or to this task if `inode`
// (index + 1) is 0; or -1.
int FirstMessage(const State& s, int inode, int end) {
  for (int i = 0; i < s.limits.messages && s.messages[i].file != 0; ++i)
    if (s.messages[i].inode == inode && s.messages[i].end == end) return i;
  return -1;
}

Message TakeMessage(State& s, int index) {
  const Message taken = s.messages[index];
  for (int i = index; i + 1 < kMaxMessages; ++i) s.messages[i] = s.messages[i + 1];
  s.messages[kMaxMessages - 1] = Message{};
  return taken;
}

// sockfd_lookup_light.
bool FindSocket(const State& s, const Call& c, int64_t fd, int* file, Result* error) {
  if (!Fdget(s, c, fd, file, error)) return false;
  if (s.inodes[s.files[*file].inode - 1].kind == InodeKind::kSocketPair) return true;
  *error = Fail(ENOTSOCK, "net/socket.c sockfd_lookup_light: not a socket");
  return false;
}

// sock_error: reports a pending error once.
bool PendingError(State& s, int socket, Result* error) {
  const File& file = s.files[socket];
  Inode& inode = s.inodes[file.inode - 1];
  const auto bit = static_cast<uint8_t>(1u << file.end);
  if ((inode.mask & bit) == 0) return false;
  inode.mask &= static_cast<uint8_t>(~bit);
  *error = Fail(ECONNRESET, "net/unix/af_unix.c: the peer closed with messages unread");
  error->changed = true;
  return true;
}

// Queues file `f` for `to`, if the rules allow.
Result Queue(State& s, const Call& c, int f, Message to, const Semantics& semantics) {
  Ruling ruling(s, c, s.files[f].inode - 1, f, semantics, Point::kSend);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  const int slot = FreeMessage(s);
  if (slot < 0) return Bound("no free message within the bounds");
  to.file = static_cast<uint8_t>(f + 1);
  s.messages[slot] = to;
  Result result = Changed(0);
  ruling.Commit(s, &result);
  return result;
}

// scm_detach_fds: the message's file gets the lowest free descriptor.
Result Receive(State& s, const Call& c, int message) {
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Bound("no free descriptor: the message would be lost");
  const Message taken = TakeMessage(s, message);
  s.fds[s.tasks[c.task].fds][fd - kFirstFd] = Fd{taken.file, 0, 0};
  return Changed(fd);
}

}  // namespace

Result Socketpair(State& s, const Call& c, const Semantics&) {
  const File end{.mode = kModeRead | kModeWrite, .flags = kFlagRdwr};
  const Inode inode{.kind = InodeKind::kSocketPair, .mode = 0777};  // sock_alloc: S_IRWXUGO
  return InstallPair(s, c, inode, {end, end}, false);
}

Result Sendmsg(State& s, const Call& c, const Semantics& semantics) {
  int socket, f;
  Result error;
  if (!FindSocket(s, c, c.arg[0], &socket, &error)) return error;
  if (FdgetRaw(s, c, c.arg[1], &f, &error) &&
      s.inodes[s.files[f].inode - 1].kind == InodeKind::kSocketPair)
    return Bound("a socket in flight in a socket may become garbage");
  if (error.kind == Result::Kind::kBound) return error;
  if (Result reset; PendingError(s, socket, &reset)) return reset;  // unix_seqpacket_sendmsg
  if (error.kind != Result::Kind::kValue) return error;             // scm_fp_copy: fget_raw
  const File& file = s.files[socket];
  const auto peer = static_cast<uint8_t>(1 - file.end);
  if (!EndIsOpen(s, file.inode - 1, peer))
    return Fail(EPIPE, "net/unix/af_unix.c unix_dgram_sendmsg: the peer is closed");
  return Queue(s, c, f, Message{.inode = file.inode, .end = peer}, semantics);
}

Result Recvmsg(State& s, const Call& c, const Semantics&) {
  int socket;
  Result error;
  if (!FindSocket(s, c, c.arg[0], &socket, &error)) return error;
  if (PendingError(s, socket, &error)) return error;  // __skb_try_recv_datagram
  const File& file = s.files[socket];
  const int message = FirstMessage(s, file.inode, file.end);
  if (message >= 0) return Receive(s, c, message);
  if (!EndIsOpen(s, file.inode - 1, 1 - file.end))
    return Bound("recvmsg at the end of the messages brings no descriptor");
  if ((file.flags & kFlagNonblock) == 0) return Bound("recvmsg would block");
  return Fail(EAGAIN, "net/unix/af_unix.c unix_dgram_recvmsg: no message");
}

Result SendFd(State& s, const Call& c, const Semantics& semantics) {
  const int64_t to = c.arg[0];
  if (to < 0 || to >= s.limits.tasks || s.tasks[to].state != TaskState::kRunning)
    return Bound("the task that is to receive does not run");
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[1], &f, &error)) return error;
  return Queue(s, c, f, Message{.end = static_cast<uint8_t>(to)}, semantics);
}

Result RecvFd(State& s, const Call& c, const Semantics&) {
  const int message = FirstMessage(s, 0, c.task);
  if (message < 0) return Bound("recv_fd would block");
  return Receive(s, c, message);
}

}  // namespace selkie
