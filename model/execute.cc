// Files that are programs, or are not: fs/exec.c.  A task executes no program here: `exec` in
// process.cc is an execve that succeeds, and execve and execveat end in an error, mostly ENOEXEC,
// as what calls write is none.  But write_program writes one, and run_program lets a child run it.
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
  return inode.size > 0 && (inode.bytes[0][0] == '#' || inode.bytes[0][0] == kFirstOfElf);
}

// do_open_execat: true with *error if the inode is not opened to be executed.
bool MayNotOpenExec(const State& s, const Call& c, int node, Result* error) {
  auto refuse = [error](Result result) {
    *error = result;
    return true;
  };
  if (!IsMemfd(s, node))
    return refuse(Fail(EACCES, "fs/namei.c may_open: MAY_EXEC of no regular file"));
  if (!MayExecute(s, c.task, s.inodes[node]))
    return refuse(Fail(EACCES, "fs/namei.c may_open: inode_permission"));
  if (WouldBreakLease(s, node, false)) return refuse(Bound("it would wait for a lease to end"));
  if (WritersOf(s, node) > 0)
    return refuse(Fail(ETXTBSY, "fs/exec.c do_open_execat: deny_write_access"));
  return false;
}

// search_binary_handler of what is not known to be a program.
Result NoFormat(State& s, Inode& inode, const Semantics& semantics) {
  if (MayBeProgram(inode)) return Bound("whether these contents are a program is not modelled");
  Result error = Fail(ENOEXEC, "fs/exec.c search_binary_handler: no format");
  error.changed = inode.size > 0 && NoteKernelRead(s, inode, 0, 1, semantics);
  return error;
}

// From do_open_execat on; `check`: AT_EXECVE_CHECK.
Result ExecuteFile(State& s, const Call& c, int f, bool check, const Semantics& semantics) {
  const int node = s.files[f].inode - 1;
  Result error;
  if (MayNotOpenExec(s, c, node, &error)) return error;
  return check ? Unchanged(0) : NoFormat(s, s.inodes[node], semantics);
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
  if (empty)
    if (const Rule* early = NotSupported(semantics, Feature::kLateName)) return Refused(early);
  if ((flags & ~kKnown) != 0) return Fail(EINVAL, "fs/exec.c do_open_execat: flags");
  if (empty) return Fail(ENOENT, "fs/namei.c getname_flags: empty path");
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

// execveat(fd, "", argv, envp, AT_EMPTY_PATH) in a child, whose descriptors are all closed by it,
// and which has stopped when the call returns.
Result RunProgram(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;  // path_init
  const int node = s.files[f].inode - 1;
  if (MayNotOpenExec(s, c, node, &error)) return error;
  Inode& inode = s.inodes[node];
  if ((inode.flags & kInodeProgram) == 0) return NoFormat(s, inode, semantics);
  Task& task = s.tasks[c.task];
  if (task.program != 0) return Bound("a task runs one program at a time");
  const int exe = FreeFile(s);
  if (exe < 0) return Bound("no free file within the bounds");
  s.files[exe].inode = static_cast<uint8_t>(node + 1);
  s.files[exe].mode = kModeRead | kModePwrite | kModeExec;
  task.program = static_cast<uint8_t>(exe + 1);
  task.program_nondumpable = !InodePermission(s, c.task, inode, kModeRead);  // would_dump
  return Changed(0);
}

// kill(child, SIGKILL) and waitpid.
Result EndProgram(State& s, const Call& c, const Semantics&) {
  Task& task = s.tasks[c.task];
  if (task.program == 0) return Bound("there is no program to end");
  task.program = task.program_nondumpable = 0;
  ReleaseUnreferenced(s);  // allow_write_access, exe_file
  return Changed(0);
}

}  // namespace selkie
