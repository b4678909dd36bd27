// execve and execveat of a file that is no program: fs/exec.c.  What the model writes into files
// is none, so that a call that may execute one ends in ENOEXEC and the task goes on; `exec` in
// process.cc is an execve that succeeds.
#include "model/families.h"

namespace selkie {
namespace {

// inode_permission of MAY_EXEC; CAP_DAC_OVERRIDE needs one x bit of anybody's.
bool MayExecute(const State& s, int task, const Inode& inode) {
  const uint16_t uid = s.tasks[task].uid;
  return uid == 0 ? (inode.mode & 0111) != 0 : (PermissionBits(uid, inode) & 1) != 0;
}

// "#!" and "\177ELF": what the rest of the page says is not known.
bool MayBeProgram(const Inode& inode) {
  return inode.size > 0 && (inode.bytes[0][0] == '#' || inode.bytes[0][0] == 0x7f);
}

// From do_open_execat on; `check`: AT_EXECVE_CHECK.
Result ExecuteFile(State& s, const Call& c, int f, bool check, const Semantics& semantics) {
  const int node = s.files[f].inode - 1;
  Inode& inode = s.inodes[node];
  if (!IsMemfd(s, node)) return Fail(EACCES, "fs/namei.c may_open: MAY_EXEC of no regular file");
  if (!MayExecute(s, c.task, inode)) return Fail(EACCES, "fs/namei.c may_open: inode_permission");
  if (WouldBreakLease(s, node, false)) return Bound("it would wait for a lease to end");
  if (WritersOf(s, node) > 0) return Fail(ETXTBSY, "fs/exec.c do_open_execat: deny_write_access");
  if (check) return Unchanged(0);
  if (MayBeProgram(inode)) return Bound("whether these contents are a program is not modelled");
  Result error = Fail(ENOEXEC, "fs/exec.c search_binary_handler: no format");
  error.changed = inode.size > 0 && NoteKernelRead(s, inode, 0, 1, semantics);
  return error;
}

}  // namespace

// execveat(dirfd, "", argv, envp, flags): fexecve.
Result Execveat(State& s, const Call& c, const Semantics& semantics) {
  constexpr int64_t kKnown = abi::kAtEmptyPath | abi::kAtSymlinkNofollow | abi::kAtExecveCheck;
  const int64_t flags = c.arg[1];
  const bool check = (flags & abi::kAtExecveCheck) != 0;
  int f;
  Result error;
  const bool empty = (flags & abi::kAtEmptyPath) == 0;
  if (empty && (flags & ~(kKnown & ~abi::kAtExecveCheck)) != 0)
    return Bound("EINVAL of the flags or ENOENT of the path, by the kernel's version");
  if (empty) return Fail(ENOENT, "fs/namei.c getname_flags: empty path");
  if ((flags & ~kKnown) != 0) return Fail(EINVAL, "fs/exec.c do_open_execat: flags");
  if (check)
    if (const Rule* rule = NotSupported(semantics, Feature::kExecveCheck)) return Refused(rule);
  if (c.arg[0] == abi::kAtFdcwd) return Bound("the working directory is not modelled");
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;  // path_init
  return ExecuteFile(s, c, f, check, semantics);
}

// execve of /proc/PID/fd/N.
Result Execve(State& s, const Call& c, const Semantics& semantics) {
  int link;
  Result error;
  if (!ResolveProcFd(s, c, c.arg[0], c.arg[1], &link, &error, semantics)) return error;
  return ExecuteFile(s, c, link, false, semantics);
}

}  // namespace selkie
