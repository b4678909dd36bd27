// fcntl F_ADD_SEALS and F_GET_SEALS: mm/memfd.c.
#include "model/families.h"

namespace selkie {

Result AddSeals(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;

  // memfd_add_seals: all of its checks are rules, in the order of the text.
  File file = s.files[f];
  const int node = file.inode - 1;
  Inode inode = s.inodes[node];
  auto adding = static_cast<uint8_t>(c.arg[1]);
  constexpr int kPoint = static_cast<int>(Point::kAddSeals);
  Facts facts = FactsOf(s, c.task, inode, node, &file, semantics, kPoint);
  facts.Set(FactSet::kAdding, adding);
  facts.Set(Fact::kUnknownSeal, (c.arg[1] & ~int64_t{semantics.known_seals}) != 0);
  Targets targets{.inode = &inode, .file = &file, .adding = &adding};
  const Rule* last = nullptr;
  if (const Rule* rule = DecideWith(semantics, kPoint, facts, targets, &last)) return Refused(rule);

  inode.seals |= adding;
  Result result = Unchanged(0);
  result.rule = last;
  result.changed = !(inode == s.inodes[node] && file == s.files[f]);
  s.inodes[node] = inode;
  s.files[f] = file;
  return result;
}

Result GetSeals(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const Inode& inode = s.inodes[s.files[f].inode - 1];
  if (inode.kind != InodeKind::kMemfd)
    return Fail(EINVAL, "mm/memfd.c memfd_get_seals: not a memfd");
  return Unchanged(inode.seals);
}

}  // namespace selkie
