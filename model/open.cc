// open(2) and openat(2) of /proc/PID/fd/N: fs/open.c, fs/namei.c, fs/proc/fd.c.
#include "model/families.h"

namespace selkie {
namespace {

struct OpenFlags {
  int acc = 0;        // kModeRead and kModeWrite asked for
  bool path = false;  // O_PATH
  bool trunc = false;
};

OpenFlags Decode(int64_t flags) {
  if ((flags & abi::kOPath) != 0) return {0, true, false};  // O_PATH_FLAGS
  OpenFlags out;
  const int64_t acc = flags & abi::kOAccMode;
  out.acc = acc == abi::kORdonly ? kModeRead
                                 : (acc == abi::kOWronly ? kModeWrite : kModeRead | kModeWrite);
  out.trunc = (flags & abi::kOTrunc) != 0;
  return out;
}

File NewFile(int64_t flags, const OpenFlags& how) {
  File file;
  if (how.path) {
    file.mode = kModePath;
    return file;
  }
  file.mode = static_cast<uint8_t>(how.acc | kModePwrite);  // do_dentry_open
  if ((flags & abi::kOAccMode) == abi::kOWronly) file.flags |= kFlagWronly;
  if ((flags & abi::kOAccMode) == abi::kORdwr) file.flags |= kFlagRdwr;
  if ((flags & abi::kOAppend) != 0) file.flags |= kFlagAppend;
  if ((flags & abi::kONonblock) != 0) file.flags |= kFlagNonblock;
  return file;
}

int WantFacts(const OpenFlags& how) {
  return how.acc | (how.trunc ? 4 : 0) | (how.path ? 8 : 0);  // READ WRITE TRUNC PATH
}

// The inode that the new file gets: the link's, or an empty one of its own.
int InodeForOpen(State& s, const Call& c, int node, const Semantics& semantics, bool fresh) {
  if (!fresh) return node;
  const int other = FreeInode(s);
  if (other < 0) return -1;
  s.inodes[other].kind = InodeKind::kMemfd;
  s.inodes[other].mode = s.inodes[node].mode;
  s.inodes[other].uid = s.tasks[c.task].uid;
  s.inodes[other].mask = semantics.initial_mask;
  return other;
}

}  // namespace

bool InodePermission(const State& s, int task, const Inode& inode, int want) {
  const uint16_t uid = s.tasks[task].uid;
  if (uid == 0) return true;  // CAP_DAC_OVERRIDE
  const int bits = uid == inode.uid ? inode.mode >> 6 : inode.mode;
  if ((want & kModeRead) != 0 && (bits & 4) == 0) return false;
  return (want & kModeWrite) == 0 || (bits & 2) != 0;
}

bool MayTrace(const State& s, int task, int target) {
  const uint16_t uid = s.tasks[task].uid;
  if (target == task || uid == 0) return true;
  return s.tasks[target].state == TaskState::kRunning && uid == s.tasks[target].uid;
}

bool ResolveProcFd(const State& s, const Call& c, int64_t task, int64_t fd, int* file,
                   Result* error) {
  const int64_t target = task == kSelf ? c.task : task;
  if (target < 0 || target >= s.limits.tasks || s.tasks[target].state == TaskState::kFree) {
    *error = Bound("the path names a task that does not exist");
    return false;
  }
  const bool zombie = s.tasks[target].state == TaskState::kZombie;
  if (!MayTrace(s, c.task, static_cast<int>(target))) {
    *error = Fail(EACCES, "fs/proc/fd.c proc_fd_permission: another user's task");
    return false;
  }
  *file = zombie ? -1 : FileOf(s, static_cast<int>(target), fd);
  if (*file >= 0) return true;
  *error = BadFd(fd);  // kBound for the harness's own descriptors
  if (error->kind == Result::Kind::kErrno)
    *error = Fail(ENOENT, "fs/proc/fd.c proc_lookupfd_common: no such descriptor");
  return false;
}

Result Open(State& s, const Call& c, const Semantics& semantics) {
  const int64_t flags = c.arg[2];
  if ((flags & abi::kOAccMode) == abi::kOAccMode && (flags & abi::kOPath) == 0)
    return Bound("access mode 3 is not modelled");
  const OpenFlags how = Decode(flags);

  const int fd = LowestFreeFd(s, c.task);  // do_sys_openat2 allocates before it walks
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  int link;
  Result error;
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error)) return error;
  int node = s.files[link].inode - 1;
  if (s.inodes[node].kind != InodeKind::kMemfd) {
    if (how.path) return Bound("O_PATH of a socket is not modelled");
    return Fail(ENXIO, "fs/open.c do_dentry_open: a socket has no open");
  }
  const int need = how.acc | (how.trunc ? kModeWrite : 0);  // may_open: O_TRUNC is MAY_WRITE
  if (!how.path && !InodePermission(s, c.task, s.inodes[node], need))
    return Fail(EACCES, "fs/namei.c may_open: inode_permission");

  constexpr int kPoint = static_cast<int>(Point::kOpenProc);
  File file = NewFile(flags, how);
  Inode inode = s.inodes[node];
  Facts facts = FactsOf(s, c.task, inode, true, &s.files[link], semantics, kPoint);
  facts.Set(FactSet::kWant, WantFacts(how));
  Targets targets{.inode = &inode, .file = &file};
  const Rule* last = nullptr;
  if (const Rule* rule = DecideWith(s, node, semantics, kPoint, facts, targets, &last))
    return Refused(rule);
  const int slot = FreeFile(s);
  if (slot < 0 || (targets.fresh_inode && FreeInode(s) < 0))
    return Bound("no free file or inode within the bounds");

  Result result = Changed(fd);
  if (how.trunc && !targets.fresh_inode) {  // handle_truncate
    Result truncated = SetSize(s, c, slot, node, 0, semantics);
    if (!truncated.ok()) return truncated;
    result.effect = truncated.effect;
  }
  node = InodeForOpen(s, c, node, semantics, targets.fresh_inode);
  file.inode = static_cast<uint8_t>(node + 1);
  s.files[slot] = file;
  s.fds[s.tasks[c.task].fds][fd - kFirstFd] =
      Fd{static_cast<uint8_t>(slot + 1), (flags & abi::kOCloexec) != 0, 0};
  result.rule = last;
  return result;
}

}  // namespace selkie
