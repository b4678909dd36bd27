// open(2), openat(2) and openat2(2) of /proc/PID/fd/N: fs/open.c, fs/namei.c, fs/proc/fd.c.
#include "model/families.h"

namespace selkie {
namespace {

struct OpenFlags {
  int acc = 0;        // kModeRead and kModeWrite of the new file
  int need = 0;       // the permissions that it takes
  bool path = false;  // O_PATH
  bool trunc = false;
};

OpenFlags Decode(int64_t flags) {
  if ((flags & abi::kOPath) != 0) return {.path = true};  // O_PATH_FLAGS
  OpenFlags out;
  constexpr int kAccess[] = {kModeRead, kModeWrite, kModeRead | kModeWrite, 0};  // OPEN_FMODE
  constexpr int kNeeds[] = {kModeRead, kModeWrite, kModeRead | kModeWrite,
                            kModeRead | kModeWrite};  // ACC_MODE
  out.acc = kAccess[flags & abi::kOAccMode];
  out.need = kNeeds[flags & abi::kOAccMode];
  out.trunc = (flags & abi::kOTrunc) != 0;
  if (out.trunc) out.need |= kModeWrite;  // may_open: O_TRUNC is MAY_WRITE
  return out;
}

File NewFile(int64_t flags, const OpenFlags& how) {
  File file;
  if (how.path) {
    file.mode = kModePath;
    if ((flags & abi::kOEmptypath) != 0) file.flags = kFlagEmptypath;
    return file;
  }
  file.mode = static_cast<uint8_t>(how.acc | kModePwrite);  // do_dentry_open
  file.writer = (how.acc & kModeWrite) != 0;
  file.flags = FileFlagsOf(flags);
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
  s.inodes[other] = NewInode(s, c, s.inodes[node].mode, semantics);
  return other;
}

}  // namespace

int PermissionBits(uint16_t uid, const Inode& inode) {
  return inode.mode >> (uid == inode.uid ? 6 : uid == inode.gid ? 3 : 0) & 7;
}

bool InodePermission(const State& s, int task, const Inode& inode, int want) {
  const uint16_t uid = s.tasks[task].uid;
  if (uid == 0) return true;  // CAP_DAC_OVERRIDE
  const int bits = PermissionBits(uid, inode);
  if ((want & kModeRead) != 0 && (bits & 4) == 0) return false;
  return (want & kModeWrite) == 0 || (bits & 2) != 0;
}

bool MayTrace(const State& s, int task, int target) {
  const uint16_t uid = s.tasks[task].uid;
  if (target == task || uid == 0) return true;
  const Task& other = s.tasks[target];
  return other.state == TaskState::kRunning && uid == other.uid && other.nondumpable == 0;
}

bool ResolveProcFd(const State& s, const Call& c, int64_t task, int64_t fd, int* file,
                   Result* error, const Semantics& semantics) {
  const int64_t target = IsOwnPath(task) ? c.task : task;
  if (target < 0 || target >= s.limits.tasks || s.tasks[target].state == TaskState::kFree) {
    *error = Bound("the path names a task that does not exist");
    return false;
  }
  const bool zombie = s.tasks[target].state == TaskState::kZombie;
  const bool own = s.tasks[c.task].uid == s.tasks[target].uid && s.tasks[target].nondumpable == 0;
  // A task that has ended has no mm; who may look at it then has changed.
  const Rule* const closed = zombie && own && s.tasks[c.task].uid != 0
                                 ? NotSupported(semantics, Feature::kZombie)
                                 : nullptr;
  if (closed != nullptr) {
    *error = Refused(closed);
    return false;
  }
  if (!(zombie && own) && !MayTrace(s, c.task, static_cast<int>(target))) {
    *error = Fail(EACCES, "fs/proc/fd.c proc_fd_permission: another user's task, or nondumpable");
    return false;
  }
  *file = zombie ? -1 : FileOf(s, static_cast<int>(target), fd);
  if (*file >= 0) return true;
  *error = BadFd(fd);  // kBound for the harness's own descriptors
  if (error->kind == Result::Kind::kErrno)
    *error = Fail(ENOENT, "fs/proc/fd.c proc_lookupfd_common: no such descriptor");
  return false;
}

namespace {

// may_open: attributes and permission bits.
bool MayNotOpen(const State& s, const Call& c, const Inode& inode, const OpenFlags& how,
                int64_t flags, Result* error) {
  auto fail = [error](int number, const char* check) {
    *error = Fail(number, check);
    return true;
  };
  if ((how.need & kModeWrite) != 0 && (inode.attrs & kAttrImmutable) != 0)
    return fail(EPERM, "fs/namei.c inode_permission: IS_IMMUTABLE");
  if (!InodePermission(s, c.task, inode, how.need))
    return fail(EACCES, "fs/namei.c may_open: inode_permission");
  const bool overwrites =
      how.trunc || ((flags & abi::kOAccMode) != 0 && (flags & abi::kOAppend) == 0);
  if (overwrites && (inode.attrs & kAttrAppend) != 0)
    return fail(EPERM, "fs/namei.c may_open: IS_APPEND");
  return false;
}

// Flags of open that are not modelled (fs/open.c build_open_flags), or null.
const char* UnknownOpenFlags(int64_t flags) {
  constexpr int64_t kTmpfile = abi::kOTmpfile & ~abi::kODirectory;
  if ((flags & kTmpfile) != 0) return "O_TMPFILE is not modelled";
  // They stay in f_flags, where F_GETFL sees them; O_PATH drops them.
  constexpr int64_t kShown = 010000 | abi::kOAsync | 01000000 | 04000000;
  if ((flags & kShown) != 0 && (flags & abi::kOPath) == 0)
    return "O_DSYNC, FASYNC, O_NOATIME and O_SYNC are not modelled";
  return nullptr;
}

// build_open_flags, where it comes first, then `open`.  O_CREAT with O_DIRECTORY, without O_PATH,
// which drops the first, is EINVAL; kernels that ask each for itself go on.
template <typename Open>
Result UnlessItMakesDirectory(int64_t flags, const Semantics& semantics, Open open) {
  constexpr int64_t kBoth = abi::kOCreat | abi::kODirectory;
  if ((flags & kBoth) != kBoth || (flags & abi::kOPath) != 0) return open();
  const Rule* const asks_each = NotSupported(semantics, Feature::kCreateDirectory);
  if (asks_each == nullptr)
    return Fail(EINVAL, "fs/open.c build_open_flags: O_DIRECTORY and O_CREAT");
  Result result = open();
  const bool differs = result.kind == Result::Kind::kErrno && result.value != EINVAL;
  if (differs && result.rule == nullptr) result.rule = asks_each;
  return result;
}

// What open says of its flags before it looks at the inode (fs/namei.c do_open), once
// the link is found.
bool BadOpenFlags(int64_t flags, Result* error) {
  constexpr int64_t kExclusive = abi::kOCreat | abi::kOExcl;
  auto end = [error](Result result) {
    *error = result;
    return true;
  };
  if ((flags & abi::kOPath) != 0) {
    if ((flags & abi::kONofollow) != 0) return end(Bound("O_PATH of the link itself"));
    if ((flags & abi::kODirectory) == 0) return false;
    return end(Fail(ENOTDIR, "fs/namei.c do_open: LOOKUP_DIRECTORY"));
  }
  if ((flags & kExclusive) == kExclusive) return end(Fail(EEXIST, "fs/namei.c do_open: O_EXCL"));
  if ((flags & abi::kODirectory) != 0)
    return end(Fail(ENOTDIR, "fs/namei.c do_open: LOOKUP_DIRECTORY"));
  if ((flags & abi::kONofollow) != 0) return end(Fail(ELOOP, "fs/namei.c may_open: S_ISLNK"));
  return false;
}

// Whether open goes on from the link that the path ends with to what it names (fs/namei.c
// open_last_lookups, step_into: LOOKUP_FOLLOW).
bool Follows(int64_t flags) {
  constexpr int64_t kExclusive = abi::kOCreat | abi::kOExcl;
  return (flags & abi::kONofollow) == 0 &&
         ((flags & kExclusive) != kExclusive || (flags & abi::kOPath) != 0);
}

// do_dentry_open of the inode of file `link`, reached through its /proc link (`proc`)
// or by a handle, for descriptor `fd`: permission, rules, O_TRUNC, and the new file.
Result OpenInode(State& s, const Call& c, int link, bool proc, int64_t flags, int fd,
                 const Semantics& semantics) {
  const OpenFlags how = Decode(flags);
  int node = s.files[link].inode - 1;
  Result error;
  if (!how.path && MayNotOpen(s, c, s.inodes[node], how, flags, &error)) return error;

  constexpr int kPoint = static_cast<int>(Point::kOpenProc);
  File file = NewFile(flags, how);
  if ((flags & abi::kOEmptypath) != 0 &&  // where it means nothing it is dropped
      NotSupported(semantics, Feature::kEmptypath) != nullptr)
    file.flags &= static_cast<uint8_t>(~kFlagEmptypath);
  Inode inode = s.inodes[node];
  Targets targets{.inode = &inode, .file = &file};
  const Rule* last = nullptr;
  if (proc) {
    Facts facts = FactsOf(s, c.task, inode, true, &s.files[link], semantics, kPoint);
    facts.Set(FactSet::kWant, WantFacts(how));
    if (const Rule* rule = DecideWith(s, node, semantics, kPoint, facts, targets, &last))
      return Refused(rule);
  }
  const int slot = FreeFile(s);
  if (slot < 0 || (targets.fresh_inode && FreeInode(s) < 0))
    return Bound("no free file or inode within the bounds");
  const bool runs = !targets.fresh_inode && WritersOf(s, node) < 0;
  if ((how.acc & kModeWrite) != 0 && runs)
    return Fail(ETXTBSY, "fs/open.c do_dentry_open: get_write_access");
  const bool writes = (flags & abi::kOAccMode) != 0;
  if (!how.path && WouldBreakLease(s, node, writes))
    return (flags & abi::kONonblock) != 0 ? BreakLeases(s, node, writes)
                                          : Bound("it would wait for a lease to end");

  const bool direct = (flags & abi::kODirect) != 0 && !how.path;
  if (direct && IsHugetlb(s.inodes[node]))
    return Fail(EINVAL, "fs/open.c do_dentry_open: FMODE_CAN_ODIRECT");
  if (direct)
    if (const Rule* rule = NotSupported(semantics, Feature::kDirect)) return Refused(rule);

  Result result = Changed(fd);
  if (how.trunc && !targets.fresh_inode) {  // handle_truncate
    if (runs) return Fail(ETXTBSY, "fs/namei.c handle_truncate: get_write_access");
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

// What is behind a /proc link that was found and followed.
Result OpenProcLink(State& s, const Call& c, int link, int64_t flags, int fd,
                    const Semantics& semantics) {
  Result error;
  if (BadOpenFlags(flags, &error)) return error;
  if (IsPipe(s, link)) return Bound("opening a pipe is not modelled");
  if (!IsMemfd(s, s.files[link].inode - 1)) {
    if ((flags & abi::kOPath) != 0) return Bound("O_PATH of a socket is not modelled");
    return Fail(ENXIO, "fs/open.c do_dentry_open: a socket has no open");
  }
  return OpenInode(s, c, link, true, flags, fd, semantics);
}

// FMODE_NONOTIFY, which openat2 strips of its flags before anything is asked, though a program can
// set its bit (fs/open.c build_open_flags).  The rule that takes a bit out, or null.
const Rule* StripFlags(const Semantics& semantics, int64_t* flags) {
  const Rule* taken = nullptr;
  for (const auto& [feature, bit] :
       {std::pair(Feature::kOpenat2Bit25, 1 << 25), {Feature::kOpenat2Bit26, 1 << 26}}) {
    const Rule* const rule = (*flags & bit) != 0 ? NotSupported(semantics, feature) : nullptr;
    if (rule == nullptr) continue;
    *flags &= ~int64_t{bit};
    taken = rule;
  }
  return taken;
}

// fs/open.c build_open_flags: what openat2 refuses of its struct open_how, where open and openat
// drop it.  EINVAL, and EAGAIN for RESOLVE_CACHED with what has to make or change a file.
bool BadOpenHow(int64_t flags, int64_t mode, int64_t resolve, const Semantics& semantics,
                Result* error) {
  const auto fail = [error](Result result) {
    *error = result;
    return true;
  };
  const bool has_emptypath = NotSupported(semantics, Feature::kEmptypath) == nullptr;
  const int64_t new_flags = has_emptypath ? abi::kOEmptypath : 0;
  // O_NOCTTY and, though they end as beyond the model, O_DSYNC, FASYNC, O_NOATIME and O_SYNC.
  constexpr int64_t kValid = abi::kOAccMode | abi::kOCreat | abi::kOExcl | 0400 | abi::kOTrunc |
                             abi::kOAppend | abi::kONonblock | 04010000 | abi::kOAsync |
                             abi::kODirect | abi::kOLargefile | abi::kODirectory | abi::kONofollow |
                             01000000 | abi::kOCloexec | abi::kOPath | abi::kOTmpfile;
  if ((flags & ~(kValid | new_flags)) != 0)
    return fail(Fail(EINVAL, "fs/open.c build_open_flags: VALID_OPEN_FLAGS"));
  constexpr int64_t kResolve = abi::kResolveNoXdev | abi::kResolveNoMagiclinks |
                               abi::kResolveNoSymlinks | abi::kResolveBeneath |
                               abi::kResolveInRoot | abi::kResolveCached;
  if ((resolve & ~kResolve) != 0)
    return fail(Fail(EINVAL, "fs/open.c build_open_flags: VALID_RESOLVE_FLAGS"));
  const bool cached = (resolve & abi::kResolveCached) != 0;
  constexpr int64_t kScoped = abi::kResolveBeneath | abi::kResolveInRoot;
  if ((resolve & kScoped) == kScoped)
    return fail(Fail(EINVAL, "fs/open.c build_open_flags: RESOLVE_BENEATH and RESOLVE_IN_ROOT"));
  const bool creates = (flags & abi::kOCreat) != 0;
  if (creates ? (mode & ~int64_t{07777}) != 0 : mode != 0)
    return fail(Fail(EINVAL, "fs/open.c build_open_flags: mode"));
  const int64_t path_flags = abi::kODirectory | abi::kONofollow | abi::kOPath | abi::kOCloexec;
  if ((flags & abi::kOPath) != 0 && (flags & ~(path_flags | new_flags)) != 0)
    return fail(Fail(EINVAL, "fs/open.c build_open_flags: O_PATH_FLAGS"));
  if (cached && (creates || (flags & abi::kOTrunc) != 0))
    return fail(Fail(EAGAIN, "fs/open.c build_open_flags: RESOLVE_CACHED"));
  return false;
}

// What RESOLVE_ flags make of "/proc/self/fd/", "/dev/fd/" or "/proc/TASK/fd/", on the way to the
// link.
bool StopsBeforeLink(const Call& c, int64_t resolve, Result* error) {
  const auto fail = [error](Result result) {
    *error = result;
    return true;
  };
  if ((resolve & abi::kResolveBeneath) != 0)
    return fail(Fail(EXDEV, "fs/namei.c nd_jump_root: LOOKUP_BENEATH"));
  if ((resolve & abi::kResolveInRoot) != 0)
    return fail(Bound("RESOLVE_IN_ROOT: what there is below the working directory"));
  // What /proc has is made when it is looked for.
  if (resolve == abi::kResolveCached && IsOwnPath(c.arg[0]))
    return fail(Fail(EAGAIN, "fs/namei.c path_init: LOOKUP_CACHED without LOOKUP_RCU"));
  if ((resolve & abi::kResolveCached) != 0)
    return fail(Bound("RESOLVE_CACHED: what of the path is cached decides which error is met"));
  if ((resolve & abi::kResolveNoXdev) != 0)
    return fail(Fail(EXDEV, "fs/namei.c handle_mounts: LOOKUP_NO_XDEV"));
  if ((resolve & abi::kResolveNoSymlinks) != 0 && IsOwnPath(c.arg[0]))
    return fail(Fail(ELOOP, "fs/namei.c pick_link: LOOKUP_NO_SYMLINKS, of /proc/self or /dev/fd"));
  return false;
}

// do_sys_openat2 of a path, after build_open_flags.
Result OpenPath(State& s, const Call& c, const Semantics& semantics) {
  const int fd = LowestFreeFd(s, c.task);  // allocated before the walk
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  int link;
  Result error;
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  return OpenProcLink(s, c, link, c.arg[2], fd, semantics);
}

}  // namespace

Result Open(State& s, const Call& c, const Semantics& semantics) {
  const int64_t flags = c.arg[2];
  if (const char* unknown = UnknownOpenFlags(flags)) return Bound(unknown);
  return UnlessItMakesDirectory(flags, semantics, [&] { return OpenPath(s, c, semantics); });
}

namespace {

Result OpenPathHow(State& s, const Call& c, const Semantics& semantics) {
  const int64_t resolve = c.arg[4];
  int64_t flags = c.arg[2];
  const Rule* const strips = StripFlags(semantics, &flags);
  Result error;
  if (BadOpenHow(flags, c.arg[3], resolve, semantics, &error)) return error;
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  if (StopsBeforeLink(c, resolve, &error)) return error;
  int link;
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  if (Follows(flags) && (resolve & abi::kResolveNoSymlinks) != 0)
    return Fail(ELOOP, "fs/namei.c pick_link: LOOKUP_NO_SYMLINKS");
  if (Follows(flags) && (resolve & abi::kResolveNoMagiclinks) != 0)
    return Fail(ELOOP, "fs/namei.c nd_jump_link: LOOKUP_NO_MAGICLINKS");
  Result result = OpenProcLink(s, c, link, flags, fd, semantics);
  if (result.ok() && result.rule == nullptr) result.rule = strips;
  return result;
}

}  // namespace

Result Openat2(State& s, const Call& c, const Semantics& semantics) {
  const int64_t flags = c.arg[2];
  if (const char* unknown = UnknownOpenFlags(flags)) return Bound(unknown);
  if (const Rule* rule = NotSupported(semantics, Feature::kOpenat2)) return Refused(rule);
  return UnlessItMakesDirectory(flags, semantics, [&] { return OpenPathHow(s, c, semantics); });
}

// name_to_handle_at of the descriptor, which is also the mount's; then
// open_by_handle_at.  No /proc link is followed.
Result OpenByHandle(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  const int64_t flags = c.arg[1];
  if (const char* unknown = UnknownOpenFlags(flags)) return Bound(unknown);
  if ((flags & abi::kONofollow) != 0) return Bound("O_NOFOLLOW stays in f_flags");
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  if (!IsMemfd(s, s.files[f].inode - 1)) return Bound("handles of sockets are not modelled");
  if (IsHugetlb(s.inodes[s.files[f].inode - 1]))
    return Fail(EOPNOTSUPP, "fs/fhandle.c do_sys_name_to_handle: exportfs_can_encode_fh");
  const bool path = (s.files[f].mode & kModePath) != 0, root = s.tasks[c.task].uid == 0;
  if (path && !root)
    if (const Rule* rule = NotSupported(semantics, Feature::kHandleMount)) return Refused(rule);
  if (path) return Fail(EBADF, "fs/fhandle.c get_path_from_fd: fdget of the mount's descriptor");
  if (!root) return Fail(EPERM, "fs/fhandle.c may_decode_fh: CAP_DAC_READ_SEARCH");
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  return UnlessItMakesDirectory(flags, semantics, [&] {
    return BadOpenFlags(flags, &error) ? error : OpenInode(s, c, f, false, flags, fd, semantics);
  });
}

// open of a directory of a tmpfs in which all may write, with O_TMPFILE: an ordinary file of
// tmpfs, which is as a memfd without MFD_ALLOW_SEALING but for how it is opened.
Result OpenTmpfile(State& s, const Call& c, const Semantics& semantics) {
  const int64_t flags = c.arg[0] | abi::kOTmpfile;
  const OpenFlags how = Decode(flags);
  if ((flags & (abi::kOPath | abi::kONofollow | abi::kOEmptypath)) != 0)
    return Bound(
        "O_PATH of the directory itself; O_NOFOLLOW and O_EMPTYPATH, which stay in f_flags");
  if (const char* unknown = UnknownOpenFlags(flags & ~abi::kOTmpfile)) return Bound(unknown);
  if ((flags & abi::kOCreat) != 0)
    return Fail(EINVAL, "fs/open.c build_open_flags: O_TMPFILE_MASK");
  if ((flags & abi::kOAccMode) == abi::kORdonly)
    return Fail(EINVAL, "fs/open.c build_open_flags: O_TMPFILE without MAY_WRITE");
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  if ((flags & abi::kODirect) != 0)
    if (const Rule* rule = NotSupported(semantics, Feature::kDirect)) return Refused(rule);
  const int slot = FreeFile(s), node = FreeInode(s);
  if (slot < 0 || node < 0) return Bound("no free file or inode within the bounds");

  Inode& inode = s.inodes[node];
  inode = NewInode(s, c, static_cast<uint16_t>(c.arg[1] & 07777), semantics);  // the umask is 0
  inode.flags = kInodeMounted;
  inode.seals = semantics.known_seals & abi::kFSealSeal;  // mm/shmem.c __shmem_get_inode
  s.files[slot] = NewFile(flags, how);
  s.files[slot].inode = static_cast<uint8_t>(node + 1);
  s.fds[s.tasks[c.task].fds][fd - kFirstFd] =
      Fd{static_cast<uint8_t>(slot + 1), (flags & abi::kOCloexec) != 0, 0};
  return Changed(fd);
}

namespace {

// The path, of the mapping of task `target` in which page `page` of the arena is.
Result OpenMapOf(State& s, const Call& c, int target, int page, const Semantics& semantics) {
  Result error;
  const int64_t flags = c.arg[2];
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  if (!MayTrace(s, c.task, target))
    return Fail(EACCES, "fs/proc/base.c proc_map_files_lookup: ptrace_may_access");
  const int j = MappingAt(s, target, page);
  if (j < 0) return Fail(ENOENT, "fs/proc/base.c proc_map_files_lookup: find_exact_vma");
  if (Follows(flags) && s.tasks[c.task].uid != 0)
    return Fail(EPERM, "fs/proc/base.c proc_map_files_get_link: CAP_CHECKPOINT_RESTORE");
  if (BadOpenFlags(flags, &error)) return error;
  const Mapping& m = s.mms[s.tasks[target].mm][j];
  if ((s.files[m.file - 1].flags & kFlagBacking) != 0) return Bound("it opens FUSE's file again");
  return OpenInode(s, c, m.file - 1, false, flags, fd, semantics);
}

// The path, of the program that task `runs` runs.
Result OpenExeOf(State& s, const Call& c, const Task& runs, const Semantics& semantics) {
  Result error;
  const int64_t flags = c.arg[1];
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  const uint16_t uid = s.tasks[c.task].uid;
  if (Follows(flags) && uid != 0 && (uid != runs.uid || runs.program_nondumpable != 0))
    return Fail(EACCES, "fs/proc/base.c proc_pid_get_link: proc_fd_access_allowed");
  if (BadOpenFlags(flags, &error)) return error;
  return OpenInode(s, c, runs.program - 1, true, flags, fd, semantics);
}

}  // namespace

// open of /proc/PID/map_files/START-END, where START and END are those of the mapping in
// which the address is (fs/proc/base.c).
Result OpenMapFile(State& s, const Call& c, const Semantics& semantics) {
  const int64_t target = c.arg[0], flags = c.arg[2];
  if (const char* unknown = UnknownOpenFlags(flags)) return Bound(unknown);
  if (target < 0 || target >= s.limits.tasks || s.tasks[target].state != TaskState::kRunning)
    return Bound("the task whose mapping it is does not run");
  const int page = ArenaPageOf(s, c.arg[1]);
  if (page < 0) return Bound("the address is not in the arena");
  return UnlessItMakesDirectory(
      flags, semantics, [&] { return OpenMapOf(s, c, static_cast<int>(target), page, semantics); });
}

// open of /proc/PID/exe of the program that `task` runs.
Result OpenExe(State& s, const Call& c, const Semantics& semantics) {
  const int64_t target = c.arg[0], flags = c.arg[1];
  if (const char* unknown = UnknownOpenFlags(flags)) return Bound(unknown);
  if (target < 0 || target >= s.limits.tasks || s.tasks[target].program == 0)
    return Bound("the task runs no program");
  return UnlessItMakesDirectory(flags, semantics,
                                [&] { return OpenExeOf(s, c, s.tasks[target], semantics); });
}

namespace {

Result OpenEmpty(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  const int64_t flags = c.arg[1];
  constexpr const char* kEmpty = "fs/namei.c getname_flags: empty path";
  constexpr const char* kNoFreeFd = "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE";
  const bool given = (flags & abi::kOEmptypath) != 0;
  if (const Rule* rule = NotSupported(semantics, Feature::kEmptypath)) {
    if (LowestFreeFd(s, c.task) < 0) {
      const Rule* const early = NotSupported(semantics, Feature::kLateName);
      return early != nullptr ? Refused(early) : Fail(EMFILE, kNoFreeFd);
    }
    return given ? Refused(rule) : Fail(ENOENT, kEmpty);
  }
  if (given && (flags & (abi::kOCreat | abi::kONofollow)) != 0)
    return Bound("O_EMPTYPATH with O_CREAT or O_NOFOLLOW is not modelled");
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, kNoFreeFd);
  if (!given) return Fail(ENOENT, kEmpty);
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  if (!IsMemfd(s, s.files[f].inode - 1)) return Bound("O_EMPTYPATH of a socket or pipe");
  if (BadOpenFlags(flags, &error)) return error;
  return OpenInode(s, c, f, false, flags, fd, semantics);
}

}  // namespace

// openat(fd, "", O_EMPTYPATH): the descriptor's own inode, and no /proc link.
Result OpenEmptyPath(State& s, const Call& c, const Semantics& semantics) {
  const int64_t flags = c.arg[1];
  if (const char* unknown = UnknownOpenFlags(flags)) return Bound(unknown);
  return UnlessItMakesDirectory(flags, semantics, [&] { return OpenEmpty(s, c, semantics); });
}

}  // namespace selkie
