// fstat and fchmod: fs/stat.c, fs/open.c, fs/attr.c, mm/shmem.c.
#include "model/families.h"

namespace selkie {

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
  const int node = s.files[f].inode - 1;
  if (!IsMemfd(s, node)) return Bound("the two ends of a socket pair have a mode each");
  const uint16_t uid = s.tasks[c.task].uid;
  if (uid != 0 && uid != s.inodes[node].uid)
    return Fail(EPERM, "fs/attr.c setattr_prepare: inode_owner_or_capable");

  const auto mode = static_cast<uint16_t>(c.arg[1] & 07777);
  Ruling ruling(s, c, node, f, semantics, Point::kChmod);
  ruling.facts.Set(Fact::kChangesExec, ((mode ^ ruling.inode.mode) & 0111) != 0);
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  Result result = Unchanged(0);
  ruling.inode.mode = mode;
  ruling.Commit(s, &result);
  return result;
}

}  // namespace selkie
