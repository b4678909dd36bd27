// Calls that change an inode's owner, mode, attributes or times, but for those by descriptor, which
// are as they are written.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>

#include <array>

#include "kernel/executor.h"
#include "kernel/executor_proc.h"
#include "kernel/executor_raw.h"

namespace selkie {
namespace {

// struct file_attr, and zeroes up to the largest size that is read.
struct FileAttr {
  explicit FileAttr(int64_t xflags) : fa_xflags(static_cast<uint32_t>(xflags)) {}
  uint64_t fa_xflags;
  std::array<uint64_t, kPageSize / sizeof(uint64_t) - 1> rest{};
};
constexpr int kFileSetattr = 469;

// struct posix_acl_xattr_header and its entries: those of owner, group and others, as setfacl
// writes them.
struct AclOfMode {
  explicit AclOfMode(int64_t mode)
      : entries{{1, static_cast<uint16_t>(mode >> 6 & 7), -1},
                {4, static_cast<uint16_t>(mode >> 3 & 7), -1},
                {0x20, static_cast<uint16_t>(mode & 7), -1}} {}
  uint32_t version = 2;
  struct {
    uint16_t tag, permissions;
    int32_t id;
  } entries[3];
};
constexpr char kAccessAcl[] = "system.posix_acl_access";

}  // namespace

Result RealSetAttr(const Call& c, const Env&) {
  const int64_t flags = c.arg[1];
  return FromRaw(RawSyscall(SYS_ioctl, c.arg[0], FS_IOC_SETFLAGS, Raw(&flags)));
}

Result RealSetXattr(const Call& c, const Env&) {
  fsxattr attributes{};
  attributes.fsx_xflags = static_cast<uint32_t>(c.arg[1]);
  return FromRaw(RawSyscall(SYS_ioctl, c.arg[0], FS_IOC_FSSETXATTR, Raw(&attributes)));
}

Result RealFileSetattr(const Call& c, const Env&) {
  const FileAttr attr(c.arg[1]);
  return FromRaw(RawSyscall(kFileSetattr, c.arg[0], Raw(""), Raw(&attr), c.arg[2], c.arg[3]));
}

Result RealFileSetattrAt(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  const FileAttr attr(c.arg[2]);
  return FromRaw(RawSyscall(kFileSetattr, AT_FDCWD, path.raw(), Raw(&attr), c.arg[3], c.arg[4]));
}

Result RealFchmodat2(const Call& c, const Env&) {
  constexpr int kFchmodat2 = 452;
  return FromRaw(RawSyscall(kFchmodat2, c.arg[0], Raw(""), c.arg[1], c.arg[2]));
}

Result RealFchownat(const Call& c, const Env&) {
  return FromRaw(RawSyscall(SYS_fchownat, c.arg[0], Raw(""), c.arg[1], -1, c.arg[2]));
}

Result RealChown(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  return FromRaw(RawSyscall(SYS_chown, path.raw(), c.arg[2], -1));
}

// No path: the file of the descriptor.
Result RealFutimens(const Call& c, const Env&) {
  return FromRaw(RawSyscall(SYS_utimensat, c.arg[0], 0, 0, 0));
}

Result RealUtimensat(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  return FromRaw(RawSyscall(SYS_utimensat, AT_FDCWD, path.raw(), 0, 0));
}

Result RealFsetAcl(const Call& c, const Env&) {
  const AclOfMode acl(c.arg[1]);
  return FromRaw(RawSyscall(SYS_fsetxattr, c.arg[0], Raw(kAccessAcl), Raw(&acl), sizeof(acl), 0));
}

Result RealSetAcl(const Call& c, const Env& env) {
  const AclOfMode acl(c.arg[2]);
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  return FromRaw(RawSyscall(SYS_setxattr, path.raw(), Raw(kAccessAcl), Raw(&acl), sizeof(acl), 0));
}

}  // namespace selkie
