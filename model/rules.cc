// Rules at work: facts from the state, effects on copies of its objects.
#include "model/families.h"

namespace selkie {
namespace {

uint64_t FactBit(Fact fact) { return uint64_t{1} << static_cast<int>(fact); }

void ApplyToInode(const Rule& rule, Targets& t, Facts& facts) {
  Inode& inode = *t.inode;
  const auto bits = static_cast<uint16_t>(rule.bits);
  if (rule.effect == EffectKind::kSetSeals) inode.seals |= static_cast<uint8_t>(bits);
  if (rule.effect == EffectKind::kClearMode) inode.mode &= ~bits;
  if (rule.effect == EffectKind::kSetMask) inode.mask |= static_cast<uint8_t>(bits);
  if (rule.effect == EffectKind::kClearMask) inode.mask &= static_cast<uint8_t>(~bits);
  if (rule.effect == EffectKind::kKeepMask) inode.mask &= t.arg;
  facts.Set(FactSet::kSeals, inode.seals);
  facts.Set(FactSet::kMask, inode.mask);
  facts.Set(Fact::kExecutable, (inode.mode & 0111) != 0);
}

void Apply(const Rule& rule, Targets& t, Facts& facts) {
  switch (rule.effect) {
    case EffectKind::kRefuse:
    case EffectKind::kAccept: return;
    case EffectKind::kClearFile:
      if (t.file == nullptr) return;
      t.file->mode &= static_cast<uint8_t>(~rule.bits);
      facts.Set(FactSet::kFile, t.file->mode);
      return;
    case EffectKind::kAddAdding:
      if (t.adding == nullptr) return;
      *t.adding |= static_cast<uint8_t>(rule.bits);
      facts.Set(FactSet::kAdding, *t.adding);
      return;
    case EffectKind::kSetFlags:
      facts.Set(FactSet::kFlags, facts.Get(FactSet::kFlags) | static_cast<uint64_t>(rule.bits));
      return;
    case EffectKind::kClearMay:
      if (t.mapping == nullptr) return;
      t.mapping->may &= static_cast<uint8_t>(~rule.bits);
      facts.Set(FactSet::kMay, t.mapping->may);
      return;
    case EffectKind::kNewFile: t.new_file = static_cast<uint8_t>(rule.bits); return;
    case EffectKind::kFreshInode: t.fresh_inode = true; return;
    case EffectKind::kUnmap: t.unmapped = true; return;
    case EffectKind::kClearPrivileges: t.privileges = &rule; return;
    case EffectKind::kExtend: t.extended = true; return;
    default:
      if (t.inode != nullptr) ApplyToInode(rule, t, facts);
      return;
  }
}

}  // namespace

Facts FactsOf(const State& s, int task, const Inode& inode, bool exists, const File* file,
              const Semantics& semantics, int point) {
  // Only what rules at this point read is looked at, so that a call depends on no more.
  Facts read;
  read.word = semantics.facts_read[point];
  const auto reads = [&](Fact fact) { return (read.word & FactBit(fact)) != 0; };
  const auto bits = [&](FactSet set) { return static_cast<int>(read.Get(set)); };
  Facts facts;
  facts.Set(FactSet::kSeals, static_cast<uint64_t>(inode.seals & bits(FactSet::kSeals)));
  facts.Set(FactSet::kMask, static_cast<uint64_t>(inode.mask & bits(FactSet::kMask)));
  if (file != nullptr)
    facts.Set(FactSet::kFile, static_cast<uint64_t>(file->mode & bits(FactSet::kFile)));
  if (reads(Fact::kExecutable)) facts.Set(Fact::kExecutable, (inode.mode & 0111) != 0);
  if (reads(Fact::kMemfd)) facts.Set(Fact::kMemfd, IsMemfd(inode));
  if (reads(Fact::kOwner)) {
    const uint16_t uid = s.tasks[task].uid;
    facts.Set(Fact::kOwner, uid == 0 || uid == inode.uid);
  }
  if (exists)
    facts.unknown =
        semantics.facts_read[point] & (FactBit(Fact::kMapped) | FactBit(Fact::kMappedWritable));
  return facts;
}

const Rule* DecideWith(const State& s, int node, const Semantics& semantics, int point,
                       Facts& facts, Targets& targets, const Rule** last) {
  const auto look_up = [&](Facts& looked_up) {
    for (Fact fact : {Fact::kMapped, Fact::kMappedWritable})
      if ((looked_up.unknown & FactBit(fact)) != 0)
        looked_up.Set(fact, HasWritableMapping(s, node, fact == Fact::kMappedWritable));
  };
  return Decide(semantics, point, facts, *last, look_up,
                [&](const Rule& rule) { Apply(rule, targets, facts); });
}

const Rule* NotSupported(const Semantics& semantics, Feature feature) {
  if (!HasRules(semantics, Point::kSupport)) return nullptr;
  Facts facts;
  facts.Set(FactSet::kFeature, static_cast<uint64_t>(feature));
  const Rule* last = nullptr;
  return Decide(
      semantics, static_cast<int>(Point::kSupport), facts, last, [](Facts&) {}, [](const Rule&) {});
}

}  // namespace selkie
