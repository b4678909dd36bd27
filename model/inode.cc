// fstat, fchmod, chmod, fchown, ACLs and linkat: fs/stat.c, fs/open.c, fs/attr.c,
// fs/posix_acl.c, mm/shmem.c.
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

// chown_common of the owner alone; -1 changes none, but takes the set-user-id bits
// all the same.
Result Fchown(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const int node = s.files[f].inode - 1;
  if (!IsMemfd(s, node)) return Bound("the two ends of a socket pair have an owner each");
  const int64_t owner = c.arg[1];
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

// FS_IOC_SETFLAGS: vfs_fileattr_set (fs/file_attr.c), shmem_fileattr_set.
Result SetAttr(State& s, const Call& c, const Semantics& semantics) {
  constexpr int64_t kFixedBits = abi::kFsImmutable | abi::kFsAppend, kNoatime = 0x80;
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const int node = s.files[f].inode - 1;
  if (!IsMemfd(s, node) || IsHugetlb(s.inodes[node]))
    return Fail(ENOTTY, "fs/ioctl.c vfs_fileattr_set: fileattr_set");
  if (const Rule* rule = NotSupported(semantics, Feature::kChattr)) return Refused(rule);
  const uint16_t uid = s.tasks[c.task].uid;
  if (uid != 0 && uid != s.inodes[node].uid)
    return Fail(EPERM, "fs/ioctl.c vfs_fileattr_set: inode_owner_or_capable");
  const auto attrs = static_cast<uint16_t>(c.arg[1] & kFixedBits);
  if (uid != 0 && attrs != s.inodes[node].attrs)
    return Fail(EPERM, "fs/ioctl.c fileattr_set_prepare: CAP_LINUX_IMMUTABLE");
  if ((c.arg[1] & kNoatime) != 0) return Bound("FS_NOATIME_FL is not modelled");
  if ((c.arg[1] & ~(kFixedBits | abi::kFsNodump)) != 0)
    return Fail(EOPNOTSUPP, "mm/shmem.c shmem_fileattr_set: SHMEM_FL_USER_MODIFIABLE");
  Result result = Unchanged(0);
  result.changed = s.inodes[node].attrs != attrs;
  s.inodes[node].attrs = attrs;
  return result;
}

// linkat(olddirfd, "", AT_FDCWD, newpath, flags), where newpath is a name that does not exist in
// the file system of the root directory.
Result Linkat(State& s, const Call& c, const Semantics&) {
  const int64_t flags = c.arg[1];
  int f;
  Result error;
  if ((flags & ~(abi::kAtSymlinkFollow | abi::kAtEmptyPath)) != 0)
    return Fail(EINVAL, "fs/namei.c do_linkat: flags");
  if ((flags & abi::kAtEmptyPath) == 0) return Fail(ENOENT, "fs/namei.c getname_flags: empty path");
  if (s.tasks[c.task].uid != 0)
    return Bound("CAP_DAC_READ_SEARCH, or from 6.10 on the credentials of who opened it");
  if (c.arg[0] == abi::kAtFdcwd) return Bound("the working directory is not modelled");
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;  // path_init
  return Fail(EXDEV, "fs/namei.c do_linkat: old_path.mnt != new_path.mnt");
}

}  // namespace selkie
