// Calls that a semantics declares: they do what its rules say, and nothing
// else.
#include "model/families.h"

namespace selkie {
namespace {

uint8_t OpenFlagsOf(uint8_t mode) {
  if ((mode & kModeWrite) == 0) return 0;
  return (mode & kModeRead) != 0 ? kFlagRdwr : kFlagWronly;
}

// kNewFile: a new open file description on the same inode.
Result MakeFile(State& s, const Call& c, Ruling& ruling) {
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  const int slot = FreeFile(s);
  if (slot < 0) return Bound("no free file within the bounds");
  File file;
  file.inode = ruling.file.inode;
  file.mode = ruling.targets.new_file;
  file.flags = OpenFlagsOf(file.mode);
  if ((file.mode & kModePath) == 0) file.mode |= kModePwrite;  // do_dentry_open
  file.writer = (file.mode & kModeWrite) != 0;
  s.files[slot] = file;
  s.fds[s.tasks[c.task].fds][fd - kFirstFd] = Fd{static_cast<uint8_t>(slot + 1), 0, 0};
  Result result = Changed(fd);
  ruling.Commit(s, &result);
  return result;
}

}  // namespace

Result Extend(State& s, const Call& c, const Semantics& semantics) {
  const int64_t index = c.arg[1];
  if (index < 0 || index >= kMaxExtensions ||
      index >= static_cast<int64_t>(semantics.extensions.size()))
    return Bound("the semantics declares no such call");
  const Extension& extension = semantics.extensions[index];
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;  // ioctl, and fcntl's check_fcntl_cmd
  const int node = s.files[f].inode - 1;
  const bool seals = extension.arg == ArgKind::kSeals;
  auto adding = static_cast<uint8_t>(seals ? c.arg[2] : 0);

  Ruling ruling(s, c, node, f, semantics,
                static_cast<int>(Point::kExtension) + static_cast<int>(index));
  ruling.facts.Set(FactSet::kArg, static_cast<uint64_t>(c.arg[2]));
  ruling.facts.Set(FactSet::kAdding, adding);
  ruling.facts.Set(Fact::kUnknownSeal, seals && (c.arg[2] & ~int64_t{semantics.known_seals}) != 0);
  ruling.targets.arg = static_cast<uint8_t>(c.arg[2]);
  ruling.targets.adding = &adding;
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  if (!IsMemfd(s, node))
    return extension.function == "ioctl" ? Fail(ENOTTY, "fs/ioctl.c: not a memfd")
                                         : Fail(EINVAL, "fs/fcntl.c: not a memfd");
  ruling.inode.seals |= adding;
  if (ruling.targets.new_file != 0) return MakeFile(s, c, ruling);
  Result result = Unchanged(0);
  ruling.Commit(s, &result);
  return result;
}

}  // namespace selkie
