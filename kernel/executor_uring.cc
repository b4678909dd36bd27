// Buffers that are registered with io_uring, and reads into them; and writes.
//
// A ring for each process that is a task, made at its first call and kept.  What is read comes
// from a socket of the harness, which every kernel reads from at once: of a file it may be a
// thread that does so, which would hold the descriptors of the task for seconds.  A write is made
// by a process that shares memory and descriptors with the task: its threads are gone when it is.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"
#include "kernel/executor_task.h"

namespace selkie {
namespace {

RingRecord& RecordOf(const Env& env) { return env.control.rings[OwnRecord(env)]; }

std::atomic_ref<uint32_t> Word(const RingRecord& ring, uint32_t offset) {
  return std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(ring.base + offset));
}

int64_t MapRing(int64_t fd, int64_t bytes, int64_t what) {
  return RawSyscall(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                    what);
}

// 0, or minus errno.
int64_t OpenRing(const Control& control, RingRecord& ring) {
  io_uring_params params = {};
  const int64_t fd = DescriptorOutOfTheWay(control, SYS_io_uring_setup, 1, Raw(&params));
  if (IsRawError(fd)) return fd;
  const int64_t queue = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
  const int64_t events = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
  ring.base = MapRing(fd, queue > events ? queue : events, IORING_OFF_SQ_RING);
  ring.entries = MapRing(fd, params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
  if (IsRawError(ring.base) || IsRawError(ring.entries)) {
    RawSyscall(SYS_munmap, ring.base, kPageSize);
    RawSyscall(SYS_munmap, ring.entries, kPageSize);
    RawSyscall(SYS_close, fd);
    return -ENOMEM;
  }
  ring.tail = params.sq_off.tail;
  ring.array = params.sq_off.array;
  ring.event_head = params.cq_off.head;
  ring.event_tail = params.cq_off.tail;
  ring.events = params.cq_off.cqes;
  ring.event_mask = params.cq_entries - 1;
  ring.fd = static_cast<int32_t>(fd);
  ring.pid = static_cast<int32_t>(RawSyscall(SYS_getpid));
  ring.registered = false;
  return 0;
}

int64_t PrepareRing(const Env& env) {
  RingRecord& ring = RecordOf(env);
  return ring.pid == RawSyscall(SYS_getpid) ? 0 : OpenRing(env.control, ring);
}

// One entry at a time, so it is always the first of the queue's one.
int64_t Submit(const RingRecord& ring, const io_uring_sqe& entry) {
  *reinterpret_cast<io_uring_sqe*>(ring.entries) = entry;
  Word(ring, ring.array).store(0);
  Word(ring, ring.tail).fetch_add(1);
  const int64_t raw = RawSyscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0);
  if (IsRawError(raw)) return raw;
  const uint32_t head = Word(ring, ring.event_head).load();
  if (head == Word(ring, ring.event_tail).load()) return -EIO;  // no event
  const auto* const events = reinterpret_cast<const io_uring_cqe*>(ring.base + ring.events);
  const int64_t result = events[head & ring.event_mask].res;
  Word(ring, ring.event_head).store(head + 1);
  return result;
}

int64_t WriteByRing(const Control& control) {
  RingRecord ring;
  const int64_t made = OpenRing(control, ring);
  if (IsRawError(made)) return made;
  const RingWrite& write = control.ring_write;
  io_uring_sqe entry = {};
  entry.opcode = IORING_OP_WRITE;
  entry.fd = write.fd;
  entry.addr = static_cast<uint64_t>(write.buffer);
  entry.len = static_cast<uint32_t>(write.count);
  entry.off = static_cast<uint64_t>(write.offset);
  const int64_t result = Submit(ring, entry);
  RawSyscall(SYS_munmap, ring.base, kPageSize);
  RawSyscall(SYS_munmap, ring.entries, kPageSize);
  RawSyscall(SYS_close, ring.fd);
  return result;
}

void WriteAndEnd(int64_t) {
  RawSyscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // nobody else knows of it
  TheControl().ring_write.result = WriteByRing(TheControl());
  RawSyscall(SYS_exit_group, 0);
}

int64_t Unregister(RingRecord& ring) {
  ring.registered = false;
  return RawSyscall(SYS_io_uring_register, ring.fd, IORING_UNREGISTER_BUFFERS, 0, 0);
}

}  // namespace

bool RingsAllowed() {
  char disabled = '0';  // kernel.io_uring_disabled: with 1, for root alone
  const int64_t setting = RawSyscall(SYS_open, Raw("/proc/sys/kernel/io_uring_disabled"), O_RDONLY);
  if (setting >= 0) {
    RawSyscall(SYS_read, setting, Raw(&disabled), 1);
    RawSyscall(SYS_close, setting);
  }
  if (disabled != '0') return false;
  io_uring_params params = {};
  const int64_t fd = RawSyscall(SYS_io_uring_setup, 1, Raw(&params));
  if (IsRawError(fd)) return false;
  RawSyscall(SYS_close, fd);
  return true;
}

void DropRegisteredBuffers(Control& control, int task) {
  RingRecord& ring = RecordOf(Env{control, task, Result()});
  if (ring.registered && ring.pid == RawSyscall(SYS_getpid)) Unregister(ring);
}

Result RealUringRegister(const Call& c, const Env& env) {
  const int64_t made = PrepareRing(env);
  if (IsRawError(made)) return FromRaw(made);
  RingRecord& ring = RecordOf(env);
  const iovec range = {reinterpret_cast<void*>(AddressOf(c.arg[0])), static_cast<size_t>(c.arg[1])};
  const int64_t raw =
      RawSyscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, Raw(&range), 1);
  if (!IsRawError(raw)) ring.registered = true;
  return FromRaw(raw);
}

Result RealUringUnregister(const Call&, const Env& env) {
  const int64_t made = PrepareRing(env);
  return FromRaw(IsRawError(made) ? made : Unregister(RecordOf(env)));
}

Result RealUringReadFixed(const Call& c, const Env& env) {
  const int64_t made = PrepareRing(env);
  if (IsRawError(made)) return FromRaw(made);
  const auto byte = static_cast<uint8_t>(c.arg[1]);
  RawSyscall(SYS_sendto, kSourceEndFd, Raw(&byte), 1, 0, 0, 0);
  io_uring_sqe entry = {};
  entry.opcode = IORING_OP_READ_FIXED;
  entry.fd = kSourceFd;
  entry.addr = static_cast<uint64_t>(AddressOf(c.arg[0]));
  entry.len = 1;
  const int64_t raw = Submit(RecordOf(env), entry);
  uint8_t unread;
  if (raw != 1) RawSyscall(SYS_recvfrom, kSourceFd, Raw(&unread), 1, MSG_DONTWAIT, 0, 0);
  return FromRaw(raw);
}

Result RealUringPwrite(const Call& c, const Env& env) {
  env.control.ring_write = {static_cast<int32_t>(c.arg[0]), FilledBuffer(c, env), c.arg[2],
                            c.arg[3], -EIO};
  const int64_t pid = SelkieCloneOntoStack(CLONE_VM | CLONE_FILES,
                                           kStackBase + kStacks * kStackBytes, WriteAndEnd, 0);
  if (IsRawError(pid)) return FromRaw(pid);
  RawSyscall(SYS_wait4, pid, 0, __WALL, 0);
  return FromRaw(env.control.ring_write.result);
}

}  // namespace selkie
