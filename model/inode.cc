// fstat, the calls that change owner, mode, attributes, ACL or times, and linkat: fs/stat.c,
// fs/open.c, fs/attr.c, fs/utimes.c, fs/posix_acl.c, mm/shmem.c.
#include "model/families.h"

namespace selkie {
namespace {

constexpr const char* kWaits = "it would wait for a delegation to end";
constexpr const char* kFixed = "fs/attr.c may_setattr: IS_IMMUTABLE, IS_APPEND";

// The inode of the ruling gets the mode, through file `f` or, if that is -1, by its name.
Result NewMode(State& s, Ruling& ruling, int f, int node, uint16_t mode) {
  Result result = Unchanged(0);
  if (((mode ^ ruling.inode.mode) & 0111) != 0) {
    result.effect.exec = static_cast<uint8_t>(node + 1);
    result.effect.file = static_cast<uint8_t>(f + 1);
  }
  ruling.inode.mode = mode;
  ruling.Commit(s, &result);
  return result;
}

// chmod_common: `f` is the file through which it is done, or -1.
Result ChangeMode(State& s, const Call& c, int f, int node, int64_t wanted,
                  const Semantics& semantics) {
  if (!IsMemfd(s, node)) return Bound("the two ends of a socket pair have a mode each");
  if (s.inodes[node].attrs != 0) return Fail(EPERM, kFixed);
  if (HasDelegation(s, node)) return Bound(kWaits);
  const uint16_t uid = s.tasks[c.task].uid;
  if (uid != 0 && uid != s.inodes[node].uid)
    return Fail(EPERM, "fs/attr.c setattr_prepare: inode_owner_or_capable");
  auto mode = static_cast<uint16_t>(wanted & 07777);
  if (uid != 0 && uid != s.inodes[node].gid) mode &= static_cast<uint16_t>(~kSetGid);

  Ruling ruling(s, c, node, f, semantics, Point::kChmod);
  ruling.facts.Set(Fact::kChangesExec, ((mode ^ ruling.inode.mode) & 0111) != 0);
  if (!IsHugetlb(s.inodes[node]))  // hugetlbfs_setattr does not ask
    if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  return NewMode(s, ruling, f, node, mode);
}

// vfs_set_acl (before 6.2 vfs_setxattr and set_posix_acl), then simple_set_acl: an ACL of owner,
// group and others alone is the mode (posix_acl_update_mode), and F_SEAL_EXEC is not asked.
Result ChangeAcl(State& s, const Call& c, int f, int node, int64_t wanted,
                 const Semantics& semantics) {
  constexpr const char* kNone = "fs/posix_acl.c set_posix_acl: IS_POSIXACL";
  const Inode& inode = s.inodes[node];
  if (inode.attrs != 0) return Fail(EPERM, "fs/xattr.c xattr_permission: IS_IMMUTABLE, IS_APPEND");
  if (HasDelegation(s, node)) return Bound(kWaits);
  if (!IsMemfd(inode) || IsHugetlb(inode)) return Fail(EOPNOTSUPP, kNone);
  const uint16_t uid = s.tasks[c.task].uid;
  if (uid != 0 && uid != inode.uid)
    return Fail(EPERM, "fs/posix_acl.c set_posix_acl: inode_owner_or_capable");
  auto mode = static_cast<uint16_t>((inode.mode & ~0777) | (wanted & 0777));
  if (uid != 0 && uid != inode.gid) mode &= static_cast<uint16_t>(~kSetGid);

  Ruling ruling(s, c, node, f, semantics, Point::kSetAcl);
  ruling.facts.Set(Fact::kChangesExec, ((mode ^ inode.mode) & 0111) != 0);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  return NewMode(s, ruling, f, node, mode);
}

// chown_common of the owner alone; -1 changes none, but takes the set-user-id bits
// all the same.
Result ChangeOwner(State& s, const Call& c, int node, int64_t owner) {
  if (!IsMemfd(s, node)) return Bound("the two ends of a socket pair have an owner each");
  if (owner < -1 || owner > 0xfffe) return Bound("the user is beyond the bounds");
  Inode inode = s.inodes[node];
  if (owner != -1 && inode.attrs != 0) return Fail(EPERM, kFixed);
  if (HasDelegation(s, node)) return Bound(kWaits);
  const uint16_t uid = s.tasks[c.task].uid;
  const uint16_t mode = WithoutSetIds(inode.mode, uid == 0 || uid == inode.gid);
  if (owner != -1 && uid != 0 && (uid != inode.uid || owner != uid))
    return Fail(EPERM, "fs/attr.c setattr_prepare: chown_ok");
  if (mode != inode.mode && uid != 0 && uid != inode.uid)
    return Fail(EPERM, "fs/attr.c setattr_prepare: inode_owner_or_capable");
  inode.mode = mode;
  if (owner != -1) inode.uid = static_cast<uint16_t>(owner);
  Result result = Unchanged(0);
  result.changed = !(inode == s.inodes[node]);
  s.inodes[node] = inode;
  return result;
}

// vfs_utimes (fs/utimes.c) of no times: both become now. Who may write the file may do it, too, and
// no seal is asked.
Result Touch(State& s, const Call& c, int node) {
  const Inode& inode = s.inodes[node];
  const uint16_t uid = s.tasks[c.task].uid;
  if ((inode.attrs & kAttrImmutable) != 0)
    return Fail(EPERM, "fs/attr.c may_setattr: IS_IMMUTABLE");
  if (uid != 0 && uid != inode.uid && !InodePermission(s, c.task, inode, kModeWrite))
    return Fail(EACCES, "fs/attr.c may_setattr: inode_permission");
  if (HasDelegation(s, node)) return Bound(kWaits);
  Result result = Unchanged(0);
  if (IsMemfd(inode)) result.effect.modified = ModifiedBit(node);
  return result;
}

// Of a call that takes AT_EMPTY_PATH with "": the file of its first argument, or *error. `check` is
// where flags that it does not know are refused.
bool FindAtEmptyPath(const State& s, const Call& c, int64_t flags, const char* check, int* f,
                     Result* error) {
  if ((flags & ~(abi::kAtSymlinkNofollow | abi::kAtEmptyPath)) != 0) {
    *error = Fail(EINVAL, check);
    return false;
  }
  if ((flags & abi::kAtEmptyPath) == 0) {
    *error = Fail(ENOENT, "fs/namei.c getname_flags: empty path");
    return false;
  }
  if (c.arg[0] == abi::kAtFdcwd) {
    *error = Bound("the working directory is not modelled");
    return false;
  }
  return FdgetRaw(s, c, c.arg[0], f, error);  // path_init
}

constexpr const char* kNoAttributes = "fs/file_attr.c vfs_fileattr_set: fileattr_set";
constexpr int64_t kNoatimeFlag = 0x80;  // FS_NOATIME_FL

// i_op->fileattr_set: of tmpfs, not of hugetlbfs, pipes and sockets.
bool HasAttributes(const State& s, int node) {
  return IsMemfd(s, node) && !IsHugetlb(s.inodes[node]);
}

// What is to be set of an inode's attributes.
struct Attributes {
  int64_t flags = 0;      // FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL and FS_NOATIME_FL
  bool projects = false;  // FS_XFLAG_PROJINHERIT
  bool inherits = false;  // FS_XFLAG_EXTSZINHERIT, which only a directory can have
  bool others = false;    // what no tmpfs has
};

// vfs_fileattr_set (fs/file_attr.c), shmem_fileattr_set.
Result ChangeAttributes(State& s, const Call& c, int node, const Attributes& to) {
  const uint16_t uid = s.tasks[c.task].uid;
  if (uid != 0 && uid != s.inodes[node].uid)
    return Fail(EPERM, "fs/file_attr.c vfs_fileattr_set: inode_owner_or_capable");
  const auto attrs = static_cast<uint16_t>(to.flags & (abi::kFsImmutable | abi::kFsAppend));
  if (uid != 0 && attrs != s.inodes[node].attrs)
    return Fail(EPERM, "fs/file_attr.c fileattr_set_prepare: CAP_LINUX_IMMUTABLE");
  if (to.projects) return Bound("FS_XFLAG_PROJINHERIT: EINVAL in another user namespace");
  if (to.inherits) return Fail(EINVAL, "fs/file_attr.c fileattr_set_prepare: S_ISDIR");
  if ((to.flags & kNoatimeFlag) != 0) return Bound("FS_NOATIME_FL is not modelled");
  if (to.others) return Fail(EOPNOTSUPP, "mm/shmem.c shmem_fileattr_set: SHMEM_FL_USER_MODIFIABLE");
  Result result = Unchanged(0);
  result.changed = s.inodes[node].attrs != attrs;
  s.inodes[node].attrs = attrs;
  return result;
}

// FS_XFLAG_* (include/uapi/linux/fs.h).
constexpr int64_t kXflagNoatime = 0x40, kXflagProjinherit = 0x200, kXflagCowextsize = 0x10000;
constexpr int64_t kXflagsCasefold = 0xc0000;  // and FS_XFLAG_CASENONPRESERVING
// FS_XFLAG_RDONLY_MASK: told, not set.
constexpr int64_t kXflagsTold =
    abi::kXflagPrealloc | abi::kXflagHasattr | abi::kXflagVerity | kXflagsCasefold;
constexpr int64_t kXflagsKnown = 0x1fffb | kXflagsTold;  // FS_XFLAGS_MASK

// A word of flags is an int; these are unsigned.
int64_t XflagsOf(int64_t word) { return static_cast<uint32_t>(word); }

// Flags beyond FS_XFLAGS_MASK; *rule: the one that a kernel's mask lacks, if others have it.
bool HasUnknownXflags(const Semantics& semantics, int64_t xflags, const Rule** rule) {
  if ((xflags & ~kXflagsKnown) != 0) return true;
  for (const auto& [feature, bits] : {std::pair(Feature::kXflagVerity, abi::kXflagVerity),
                                      {Feature::kXflagCasefold, kXflagsCasefold}})
    if (*rule == nullptr && (xflags & bits) != 0) *rule = NotSupported(semantics, feature);
  return *rule != nullptr;
}

// fileattr_fill_xflags, fileattr_set_prepare and fileattr_has_fsx, of flags without sizes.
Attributes OfXflags(int64_t xflags, bool masked) {
  constexpr int64_t kSizes = abi::kXflagExtsize | kXflagCowextsize;  // of zero they mean nothing
  constexpr int64_t kKept = abi::kXflagImmutable | abi::kXflagAppend | abi::kXflagNodump;
  if (masked) xflags &= ~kXflagsTold;
  return {.flags = ((xflags & abi::kXflagImmutable) != 0 ? abi::kFsImmutable : 0) |
                   ((xflags & abi::kXflagAppend) != 0 ? abi::kFsAppend : 0) |
                   ((xflags & kXflagNoatime) != 0 ? kNoatimeFlag : 0),
          .projects = (xflags & kXflagProjinherit) != 0,
          .inherits = (xflags & abi::kXflagExtszinherit) != 0,
          .others = (xflags & ~(kKept | kXflagNoatime | kSizes)) != 0};
}

// file_setattr up to its path: true with *error if it is refused.
bool BadFileAttr(int64_t xflags, int64_t size, int64_t at_flags, const Semantics& semantics,
                 Result* error) {
  constexpr int64_t kFirstSize = 24;  // FILE_ATTR_SIZE_VER0
  const auto fail = [error](const Result& result) {
    *error = result;
    return true;
  };
  if (const Rule* rule = NotSupported(semantics, Feature::kFileSetattr)) return fail(Refused(rule));
  if ((at_flags & ~(abi::kAtSymlinkNofollow | abi::kAtEmptyPath)) != 0)
    return fail(Fail(EINVAL, "fs/file_attr.c file_setattr: at_flags"));
  if (size < 0 || size > kPageSize)
    return fail(Fail(E2BIG, "fs/file_attr.c file_setattr: PAGE_SIZE"));
  if (size < kFirstSize)
    return fail(Fail(EINVAL, "fs/file_attr.c file_setattr: FILE_ATTR_SIZE_VER0"));
  Result unknown = Fail(EINVAL, "fs/file_attr.c file_attr_to_fileattr: FS_XFLAGS_MASK");
  return HasUnknownXflags(semantics, XflagsOf(xflags), &unknown.rule) && fail(unknown);
}

// vfs_fileattr_set by file_setattr.
Result ChangeByXflags(State& s, const Call& c, int node, int64_t xflags) {
  if (!HasAttributes(s, node)) return Fail(EOPNOTSUPP, kNoAttributes);
  return ChangeAttributes(s, c, node, OfXflags(XflagsOf(xflags), true));
}

}  // namespace

Result Fstat(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;
  const Inode& inode = s.inodes[s.files[f].inode - 1];
  Result result = Unchanged(inode.size);
  result.extra = inode.mode;
  return result;
}

Result Fchmod(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return ChangeMode(s, c, f, s.files[f].inode - 1, c.arg[1], semantics);
}

Result Chmod(State& s, const Call& c, const Semantics& semantics) {
  int link;
  Result error;
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  return ChangeMode(s, c, -1, s.files[link].inode - 1, c.arg[2], semantics);
}

Result FsetAcl(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return ChangeAcl(s, c, f, s.files[f].inode - 1, c.arg[1], semantics);
}

Result SetAcl(State& s, const Call& c, const Semantics& semantics) {
  int link;
  Result error;
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  return ChangeAcl(s, c, -1, s.files[link].inode - 1, c.arg[2], semantics);
}

Result Fchown(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return ChangeOwner(s, c, s.files[f].inode - 1, c.arg[1]);
}

// fchownat(dirfd, "", owner, -1, flags): by the path of the descriptor, O_PATH's as well.
Result Fchownat(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!FindAtEmptyPath(s, c, c.arg[2], "fs/open.c do_fchownat: flag", &f, &error)) return error;
  return ChangeOwner(s, c, s.files[f].inode - 1, c.arg[1]);
}

Result Chown(State& s, const Call& c, const Semantics& semantics) {
  int link;
  Result error;
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  return ChangeOwner(s, c, s.files[link].inode - 1, c.arg[2]);
}

// do_utimes_fd of no times.
Result Futimens(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (c.arg[0] == abi::kAtFdcwd) return Bound("the working directory is not modelled");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return Touch(s, c, s.files[f].inode - 1);
}

// do_utimes_path of no times.
Result Utimensat(State& s, const Call& c, const Semantics& semantics) {
  int link;
  Result error;
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  return Touch(s, c, s.files[link].inode - 1);
}

// FS_IOC_SETFLAGS (fs/file_attr.c ioctl_setflags).
Result SetAttr(State& s, const Call& c, const Semantics& semantics) {
  constexpr int64_t kKnown = abi::kFsImmutable | abi::kFsAppend | abi::kFsNodump | kNoatimeFlag;
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const int node = s.files[f].inode - 1;
  if (!HasAttributes(s, node)) return Fail(ENOTTY, kNoAttributes);
  if (const Rule* rule = NotSupported(semantics, Feature::kChattr)) return Refused(rule);
  return ChangeAttributes(s, c, node,
                          {.flags = c.arg[1] & kKnown, .others = (c.arg[1] & ~kKnown) != 0});
}

// FS_IOC_FSSETXATTR (fs/file_attr.c ioctl_fssetxattr), of flags alone.
Result SetXattr(State& s, const Call& c, const Semantics& semantics) {
  const int64_t xflags = XflagsOf(c.arg[1]);
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const int node = s.files[f].inode - 1;
  const Rule* const unmasked = NotSupported(semantics, Feature::kXflagsMask);
  Result unknown = Fail(EOPNOTSUPP, "fs/file_attr.c copy_fsxattr_from_user: FS_XFLAGS_MASK");
  if (unmasked == nullptr && HasUnknownXflags(semantics, xflags, &unknown.rule)) return unknown;
  if (!HasAttributes(s, node)) return Fail(ENOTTY, kNoAttributes);
  if (const Rule* rule = NotSupported(semantics, Feature::kChattr)) return Refused(rule);
  Result result = ChangeAttributes(s, c, node, OfXflags(xflags, unmasked == nullptr));
  const bool told = (xflags & kXflagsTold) != 0 && result.value == EOPNOTSUPP;
  if (unmasked != nullptr && (told || (xflags & ~kXflagsKnown) != 0)) result.rule = unmasked;
  return result;
}

// file_setattr(dfd, "", ...): the descriptor's own file, but not O_PATH's.
Result FileSetattr(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (BadFileAttr(c.arg[1], c.arg[2], c.arg[3], semantics, &error)) return error;
  if ((c.arg[3] & abi::kAtEmptyPath) == 0)
    return Fail(ENOENT, "fs/namei.c getname_flags: empty path");
  if (c.arg[0] == abi::kAtFdcwd) return Bound("the working directory is not modelled");
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return ChangeByXflags(s, c, s.files[f].inode - 1, c.arg[1]);
}

Result FileSetattrAt(State& s, const Call& c, const Semantics& semantics) {
  int link;
  Result error;
  if (BadFileAttr(c.arg[2], c.arg[3], c.arg[4], semantics, &error)) return error;
  if ((c.arg[4] & abi::kAtSymlinkNofollow) != 0)
    return Bound("the attributes of a link of procfs are not modelled");
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  return ChangeByXflags(s, c, s.files[link].inode - 1, c.arg[2]);
}

// fchmodat2(dirfd, "", mode, flags): by the path of the descriptor, O_PATH's as well.
Result Fchmodat2(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (const Rule* rule = NotSupported(semantics, Feature::kFchmodat2)) return Refused(rule);
  if (!FindAtEmptyPath(s, c, c.arg[2], "fs/open.c do_fchmodat: flags", &f, &error)) return error;
  return ChangeMode(s, c, -1, s.files[f].inode - 1, c.arg[1], semantics);
}

// linkat(olddirfd, "", AT_FDCWD, newpath, flags), where newpath is a name that does not exist in
// the file system of the root directory.
Result Linkat(State& s, const Call& c, const Semantics& semantics) {
  const int64_t flags = c.arg[1];
  int f;
  Result error;
  if ((flags & ~(abi::kAtSymlinkFollow | abi::kAtEmptyPath)) != 0)
    return Fail(EINVAL, "fs/namei.c do_linkat: flags");
  if ((flags & abi::kAtEmptyPath) == 0) return Fail(ENOENT, "fs/namei.c getname_flags: empty path");
  const bool root = s.tasks[c.task].uid == 0;
  if (!root)
    if (const Rule* rule = NotSupported(semantics, Feature::kLinkOwn)) return Refused(rule);
  if (c.arg[0] == abi::kAtFdcwd) return Bound("the working directory is not modelled");
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;  // path_init
  if (!root) return Bound("whether the credentials are still those of who opened the file");
  return Fail(EXDEV, "fs/namei.c do_linkat: old_path.mnt != new_path.mnt");
}

}  // namespace selkie
