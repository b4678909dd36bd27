// A decision about one inode and the file through which it is reached: its facts are gathered,
// the rules are asked (rules.cc), and what they have changed is put into the state.
#include "model/families.h"

namespace selkie {

Ruling::Ruling(const State& s, const Call& c, int node, int f, const Semantics& semantics,
               int point)
    : inode(s.inodes[node]),
      state_(s),
      semantics_(semantics),
      point_(point),
      node_(node),
      file_(f) {
  if (f >= 0) file = s.files[f];
  targets.inode = &inode;
  if (f >= 0) targets.file = &file;
  if (!semantics.at[point].empty())
    facts = FactsOf(s, c.task, inode, true, targets.file, semantics, point);
}

void Ruling::LookAt(const Mapping& m) {
  facts.Set(FactSet::kProt, m.prot);
  facts.Set(FactSet::kMay, m.may);
  facts.Set(Fact::kShared, m.vm_shared);
}

const Rule* Ruling::Refuses() {
  return DecideWith(state_, node_, semantics_, point_, facts, targets, &last);
}

void Ruling::Commit(State& s, Result* result) const {
  result->rule = last;
  if (!(inode == s.inodes[node_])) {
    s.inodes[node_] = inode;
    result->changed = true;
  }
  if (file_ >= 0 && !(file == s.files[file_])) {
    s.files[file_] = file;
    result->changed = true;
  }
}

}  // namespace selkie
