// fcntl F_ADD_SEALS and F_GET_SEALS: mm/memfd.c.
#include "model/families.h"

namespace selkie {

Result AddSeals(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;

  // memfd_add_seals: all of its checks are rules, in the order of the text.
  Ruling ruling(s, c, s.files[f].inode - 1, f, semantics, Point::kAddSeals);
  auto adding = static_cast<uint8_t>(c.arg[1]);
  ruling.facts.Set(FactSet::kAdding, adding);
  ruling.facts.Set(Fact::kUnknownSeal, (c.arg[1] & ~int64_t{semantics.known_seals}) != 0);
  ruling.facts.Set(Fact::kPinned, PinnedPages(s, s.files[f].inode - 1) != 0);
  ruling.targets.adding = &adding;
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  if (ruling.last == nullptr && (ruling.inode.seals & adding) == adding) return Unchanged(0);
  ruling.inode.seals |= adding;
  Result result = Unchanged(0);
  ruling.Commit(s, &result);
  return result;
}

Result GetSeals(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  const Inode& inode = s.inodes[s.files[f].inode - 1];
  if (!IsMemfd(inode)) return Fail(EINVAL, "mm/memfd.c memfd_get_seals: not a memfd");
  return Unchanged(inode.seals);
}

}  // namespace selkie
