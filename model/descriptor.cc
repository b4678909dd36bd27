// Descriptors: fs/file.c and fs/fcntl.c.
#include "model/families.h"

namespace selkie {
namespace {

Fd& Slot(State& s, const Call& c, int64_t fd) { return s.fds[s.tasks[c.task].fds][fd - kFirstFd]; }

int64_t RlimitNofile(const State& s) { return kFirstFd + s.limits.fds; }

bool IsHarnessFd(int64_t fd) { return (fd >= 0 && fd < kFirstFd) || (fd >= 100 && fd < 200); }

const Rule* DecideDup(const State& s, const Call& c, int f, const Semantics& semantics,
                      File* file) {
  constexpr int kPoint = static_cast<int>(Point::kDup);
  if (!HasRules(semantics, Point::kDup)) return nullptr;
  const int node = s.files[f].inode - 1;
  Targets targets{.file = file};
  Facts facts = FactsOf(s, c.task, s.inodes[node], true, file, semantics, kPoint);
  const Rule* last = nullptr;
  return DecideWith(s, node, semantics, kPoint, facts, targets, &last);
}

// Puts file `f` at the lowest free descriptor >= min.
Result InstallDup(State& s, const Call& c, int f, int64_t min, bool cloexec,
                  const Semantics& semantics) {
  File file = s.files[f];
  if (const Rule* rule = DecideDup(s, c, f, semantics, &file)) return Refused(rule);
  const int fd = LowestFreeFd(s, c.task, min);
  if (fd < 0) return Fail(EMFILE, "fs/file.c alloc_fd: RLIMIT_NOFILE");
  s.files[f] = file;
  Slot(s, c, fd) = Fd{static_cast<uint8_t>(f + 1), cloexec, 0};
  return Changed(fd);
}

// do_dup2: what stood at newfd is closed.
Result Replace(State& s, const Call& c, int f, int64_t newfd, bool cloexec,
               const Semantics& semantics) {
  if (IsHarnessFd(newfd)) return BadFd(newfd);
  File file = s.files[f];
  if (const Rule* rule = DecideDup(s, c, f, semantics, &file)) return Refused(rule);
  Fd& slot = Slot(s, c, newfd);
  const Fd before = slot;
  const bool changes_file = !(file == s.files[f]);
  s.files[f] = file;
  slot = Fd{static_cast<uint8_t>(f + 1), cloexec, 0};
  if (before.file != 0) ReleaseUnreferenced(s);
  Result result = Unchanged(newfd);
  result.changed = changes_file || !(slot == before);
  return result;
}

// fcntl of a command that asks and that any descriptor may ask, O_PATH's too, where the kernel has
// `feature`; where it has not, O_PATH is looked at first.
bool MayQuery(const State& s, const Call& c, Feature feature, const Semantics& semantics, int* f,
              Result* error) {
  if (!FdgetRaw(s, c, c.arg[0], f, error)) return false;
  const Rule* const unknown = NotSupported(semantics, feature);
  if (unknown == nullptr) return true;
  *error = Refused(unknown);
  if ((s.files[*f].mode & kModePath) != 0) error->value = EBADF;  // check_fcntl_cmd
  return false;
}

bool InRange(const State& s, int64_t fd) { return fd >= 0 && fd < RlimitNofile(s); }

}  // namespace

Result BadFd(int64_t fd) {
  if (IsHarnessFd(fd)) return Bound("the descriptor belongs to the harness");
  return Fail(EBADF, "fs/file.c fdget: no such descriptor");
}

bool FdgetRaw(const State& s, const Call& c, int64_t fd, int* file, Result* error) {
  *file = FileOf(s, c.task, fd);
  if (*file >= 0) return true;
  *error = BadFd(fd);
  return false;
}

bool Fdget(const State& s, const Call& c, int64_t fd, int* file, Result* error) {
  if (!FdgetRaw(s, c, fd, file, error)) return false;
  if ((s.files[*file].mode & kModePath) == 0) return true;
  *error = Fail(EBADF, "fs/file.c fdget: FMODE_PATH");
  return false;
}

Result GetFl(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  return Unchanged(StatusFlagsOf(s.files[f], s.inodes[s.files[f].inode - 1]));
}

Result SetFl(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;  // check_fcntl_cmd: O_PATH
  const Inode& inode = s.inodes[s.files[f].inode - 1];
  const bool appends = (c.arg[1] & abi::kOAppend) != 0;
  const bool changes = appends != ((s.files[f].flags & kFlagAppend) != 0);
  if (changes && (inode.attrs & kAttrAppend) != 0)
    return Fail(EPERM, "fs/fcntl.c setfl: IS_APPEND");
  if ((c.arg[1] & abi::kODirect) != 0) return Bound("F_SETFL of O_DIRECT is not modelled");
  constexpr int64_t kNoatime = 01000000;  // of SETFL_MASK, too, and asks who owns the file
  if ((c.arg[1] & kNoatime) != 0) return Bound("F_SETFL of O_NOATIME is not modelled");
  uint8_t flags = s.files[f].flags & ~(kFlagAppend | kFlagNonblock | kFlagDirect);
  if ((c.arg[1] & abi::kOAppend) != 0) flags |= kFlagAppend;      // setfl: SETFL_MASK,
  if ((c.arg[1] & abi::kONonblock) != 0) flags |= kFlagNonblock;  // all else ignored
  Result result = Unchanged(0);
  result.changed = flags != s.files[f].flags;
  s.files[f].flags = flags;
  return result;
}

Result DupFd(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  if (!InRange(s, c.arg[1])) return Fail(EINVAL, "fs/file.c f_dupfd: minimum >= RLIMIT_NOFILE");
  return InstallDup(s, c, f, c.arg[1], c.op == Op::kDupFdCloexec, semantics);
}

Result GetFd(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  return Unchanged(Slot(s, c, c.arg[0]).cloexec);
}

Result SetFd(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  Fd& slot = Slot(s, c, c.arg[0]);
  const uint8_t cloexec = c.arg[1] & abi::kFdCloexec;
  Result result = Unchanged(0);
  result.changed = slot.cloexec != cloexec;
  slot.cloexec = cloexec;
  return result;
}

// Whether both descriptors are of one open file description.
Result DupFdQuery(State& s, const Call& c, const Semantics& semantics) {
  int f, other;
  Result error;
  if (!MayQuery(s, c, Feature::kDupfdQuery, semantics, &f, &error)) return error;
  if (!FdgetRaw(s, c, c.arg[1], &other, &error)) return error;
  return Unchanged(f == other);
}

// FMODE_CREATED: open made the file, under a name that there was not. What memfd_create, O_TMPFILE
// and the other calls here make has none.
Result CreatedQuery(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  return MayQuery(s, c, Feature::kCreatedQuery, semantics, &f, &error) ? Unchanged(0) : error;
}

Result Close(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  Slot(s, c, c.arg[0]) = Fd{};
  ReleaseUnreferenced(s);
  return Changed(0);
}

Result Dup(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  return InstallDup(s, c, f, kFirstFd, false, semantics);
}

// A descriptor of another task, taken without its help.  The descriptor of the
// process that the real call needs is the harness's.
Result PidfdGetfd(State& s, const Call& c, const Semantics&) {
  const int64_t target = c.arg[0];
  if (target < 0 || target >= s.limits.tasks || s.tasks[target].state != TaskState::kRunning)
    return Bound("the task that is asked does not run");
  if (!MayTrace(s, c.task, static_cast<int>(target)))
    return Fail(EPERM, "kernel/pid.c __pidfd_fget: ptrace_may_access");
  const int f = FileOf(s, static_cast<int>(target), c.arg[1]);
  if (f < 0) return BadFd(c.arg[1]);  // fget_task
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c receive_fd: RLIMIT_NOFILE");
  Slot(s, c, fd) = Fd{static_cast<uint8_t>(f + 1), 1, 0};  // always O_CLOEXEC
  return Changed(fd);
}

Result InstallPair(State& s, const Call& c, Inode inode, std::array<File, 2> ends, bool cloexec) {
  const int first = LowestFreeFd(s, c.task);
  const int second = first < 0 ? -1 : LowestFreeFd(s, c.task, first + 1);
  if (second < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  const int node = FreeInode(s);
  if (node < 0) return Bound("no free inode within the bounds");

  const int fds[] = {first, second};
  int files[2];
  for (uint8_t end = 0; end < 2; ++end) {
    files[end] = FreeFile(s);
    if (files[end] < 0) {
      if (end == 1) s.files[files[0]] = File{};
      return Bound("no free file within the bounds");
    }
    ends[end].inode = static_cast<uint8_t>(node + 1);
    ends[end].end = end;
    s.files[files[end]] = ends[end];
  }
  inode.uid = inode.gid = s.tasks[c.task].uid;
  s.inodes[node] = inode;
  for (int end = 0; end < 2; ++end)
    Slot(s, c, fds[end]) = Fd{static_cast<uint8_t>(files[end] + 1), cloexec, 0};
  Result result = Changed(first);
  result.extra = second;
  return result;
}

// __close_range; what is not open in the range is of no concern.
Result CloseRange(State& s, const Call& c, const Semantics& semantics) {
  constexpr int64_t kKnown = abi::kCloseRangeUnshare | abi::kCloseRangeCloexec;
  const auto first = static_cast<uint32_t>(c.arg[0]), last = static_cast<uint32_t>(c.arg[1]);
  if ((c.arg[2] & ~kKnown) != 0) return Fail(EINVAL, "fs/file.c __close_range: flags");
  if ((c.arg[2] & abi::kCloseRangeCloexec) != 0)
    if (const Rule* rule = NotSupported(semantics, Feature::kRangeCloexec)) return Refused(rule);
  if (first > last) return Fail(EINVAL, "fs/file.c __close_range: fd > max_fd");
  if (first < kFirstFd) return Bound("the range has descriptors of the harness");
  Result result = Unchanged(0);
  if ((c.arg[2] & abi::kCloseRangeUnshare) != 0) result.changed = UnshareFiles(s, c.task);
  for (uint32_t i = 0; i < s.limits.fds; ++i) {
    Fd& fd = s.fds[s.tasks[c.task].fds][i];
    const uint32_t number = kFirstFd + i;
    if (fd.file == 0 || number < first || number > last) continue;
    const Fd after = (c.arg[2] & abi::kCloseRangeCloexec) != 0 ? Fd{fd.file, 1, fd.mark} : Fd{};
    result.changed |= !(after == fd);
    fd = after;
  }
  if (result.changed) ReleaseUnreferenced(s);
  return result;
}

Result Dup2(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (c.arg[0] == c.arg[1])  // ksys_dup2: nothing is done, but oldfd must be open
    return FdgetRaw(s, c, c.arg[0], &f, &error) ? Unchanged(c.arg[1]) : error;
  if (!InRange(s, c.arg[1])) return Fail(EBADF, "fs/file.c ksys_dup3: newfd >= RLIMIT_NOFILE");
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  return Replace(s, c, f, c.arg[1], false, semantics);
}

Result Dup3(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if ((c.arg[2] & ~abi::kOCloexec) != 0) return Fail(EINVAL, "fs/file.c ksys_dup3: flags");
  if (c.arg[0] == c.arg[1]) return Fail(EINVAL, "fs/file.c ksys_dup3: oldfd == newfd");
  if (!InRange(s, c.arg[1])) return Fail(EBADF, "fs/file.c ksys_dup3: newfd >= RLIMIT_NOFILE");
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  return Replace(s, c, f, c.arg[1], c.arg[2] != 0, semantics);
}

}  // namespace selkie
