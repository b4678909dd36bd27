#include "scenarios/mutate.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

constexpr int kFactBits = 64;
constexpr uint64_t kSealWrite = 8;  // in the word, too

// Bits that an effect of the kind may have; 0 if it has none.
uint64_t BitsOfEffect(EffectKind kind, const Semantics& semantics) {
  switch (kind) {
    case EffectKind::kClearFile: return 0xf;
    case EffectKind::kSetSeals:
    case EffectKind::kAddAdding: return semantics.known_seals;
    case EffectKind::kClearMay:
    case EffectKind::kSetMask:
    case EffectKind::kClearMask: return 7;
    case EffectKind::kClearMode: return 0111;
    case EffectKind::kNewFile: return 3;
    case EffectKind::kSetFlags: return 0x3f;
    default: return 0;
  }
}

// Another error that a caller could take for a right one.
int OtherErrno(int64_t error) { return error == EPERM ? EINVAL : EPERM; }

std::string NameOfBit(const Semantics& semantics, int point, int bit) {
  if (point == static_cast<int>(Point::kSupport))
    return fmt::format("bit {} of feature's number", bit);
  for (const FactSpec& fact : SingleFacts())
    if (static_cast<int>(fact.fact) == bit) return std::string(fact.name);
  for (const FactSetSpec& set : FactSets()) {
    const FactLayout at = kFactLayout[static_cast<int>(set.set)];
    if (set.set == FactSet::kFeature || bit < at.shift || bit >= at.shift + at.width) continue;
    const int index = bit - at.shift;
    if (index < static_cast<int>(set.bits.size()))
      return fmt::format("{} has {}", set.name, set.bits[static_cast<size_t>(index)]);
    for (const SealName& seal : semantics.seals)
      if (seal.bits == 1 << index)
        return fmt::format("{} has {}", set.name, std::string_view(seal.name).substr(7));
  }
  return fmt::format("bit {}", bit);
}

constexpr uint64_t kFeatureMask = LowBits(kFactLayout[static_cast<int>(FactSet::kFeature)].width);

// By number.
const std::vector<std::string_view>& FeatureNames() {
  return FactSets()[static_cast<size_t>(FactSet::kFeature)].bits;
}

class Mutator {
 public:
  explicit Mutator(const Semantics& semantics) : original_(semantics) {}

  std::vector<Mutant> All() {
    for (size_t i = 0; i < original_.rules.size(); ++i) OfRule(i);
    const uint32_t chunk = original_.write_chunk;
    for (uint32_t other : {chunk / 2, chunk * 2}) {
      Mutant mutant = Begin(MutationKind::kWriteChunk, -1);
      mutant.change = fmt::format("write chunk {} becomes {}", chunk, other);
      mutant.semantics.write_chunk = other;
      all_.push_back(std::move(mutant));
    }
    for (const SealName& seal : original_.seals) {
      Mutant mutant = Begin(MutationKind::kDropSeal, -1);
      mutant.change = fmt::format("{} is not known", seal.name);
      mutant.semantics.known_seals &= static_cast<uint8_t>(~seal.bits);
      all_.push_back(std::move(mutant));
    }
    return std::move(all_);
  }

 private:
  Mutant Begin(MutationKind kind, int point) const { return {kind, "", point, original_}; }

  template <typename Change>
  void Add(MutationKind kind, size_t rule, const std::string& what, Change change) {
    const Rule& of = original_.rules[rule];
    Mutant mutant = Begin(kind, static_cast<int>(of.point));
    mutant.change = fmt::format("{}: {}", of.name, what);
    change(mutant.semantics);
    IndexRules(mutant.semantics);
    all_.push_back(std::move(mutant));
  }

  void OfRule(size_t i) {
    const Rule& rule = original_.rules[i];
    Add(MutationKind::kDropRule, i, "the rule is gone",
        [i](Semantics& s) { s.rules.erase(s.rules.begin() + static_cast<std::ptrdiff_t>(i)); });
    for (size_t j = i + 1; j < original_.rules.size(); ++j) {
      if (original_.rules[j].point != rule.point) continue;
      Add(MutationKind::kSwapRules, i, fmt::format("after {}", original_.rules[j].name),
          [i, j](Semantics& s) { std::swap(s.rules[i], s.rules[j]); });
      break;
    }
    if (rule.effect == EffectKind::kRefuse) {
      const int other = OtherErrno(rule.bits);
      Add(MutationKind::kErrno, i,
          fmt::format("{} becomes {}", ErrnoName(rule.bits), ErrnoName(other)),
          [i, other](Semantics& s) { s.rules[i].bits = other; });
    }
    OfEffect(i);
    for (size_t term = 0; term < rule.terms.size(); ++term) OfTerm(i, term);
  }

  void OfEffect(size_t i) {
    const Rule& rule = original_.rules[i];
    const uint64_t possible = BitsOfEffect(rule.effect, original_);
    for (int bit = 0; bit < 16; ++bit) {
      const int64_t mask = int64_t{1} << bit;
      if ((possible & static_cast<uint64_t>(mask)) == 0) continue;
      const bool there = (rule.bits & mask) != 0;
      Add(MutationKind::kEffect, i,
          fmt::format("{} bit {:#x} of its effect", there ? "without" : "with", mask),
          [i, mask](Semantics& s) { s.rules[i].bits ^= mask; });
    }
  }

  // A term at `support` that is about one feature: without that test it is about all, with the
  // opposite about all others.
  void OfFeature(size_t i, size_t term) {
    const Term asked = original_.rules[i].terms[term];
    const std::string test = fmt::format("feature has {}", FeatureNames().at(asked.want));
    Add(MutationKind::kDropLiteral, i, fmt::format("without `{}`", test),
        [i, term](Semantics& s) { s.rules[i].terms[term] = Term{}; });
    Add(MutationKind::kNegate, i, fmt::format("the opposite of `{}`", test),
        [i, term, asked](Semantics& s) {
          std::vector<Term>& terms = s.rules[i].terms;
          terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(term));
          for (uint64_t bit = 1; (bit & asked.mask) != 0; bit <<= 1)
            terms.push_back({bit, bit & ~asked.want});
        });
  }

  void OfTerm(size_t i, size_t term) {
    const Rule& rule = original_.rules[i];
    if (rule.terms.size() > 1)
      Add(MutationKind::kDropTerm, i, fmt::format("without alternative {}", term + 1),
          [i, term](Semantics& s) {
            s.rules[i].terms.erase(s.rules[i].terms.begin() + static_cast<std::ptrdiff_t>(term));
          });
    if (rule.terms[term].mask == kFeatureMask && rule.point == Point::kSupport)
      return OfFeature(i, term);
    for (int bit = 0; bit < kFactBits; ++bit) {
      const uint64_t mask = uint64_t{1} << bit;
      if ((rule.terms[term].mask & mask) == 0) continue;
      const std::string name = NameOfBit(original_, static_cast<int>(rule.point), bit);
      const bool wanted = (rule.terms[term].want & mask) != 0;
      const std::string test = wanted ? name : fmt::format("not {}", name);
      const std::string where =
          rule.terms.size() > 1 ? fmt::format(", in alternative {}", term + 1) : "";
      Add(MutationKind::kDropLiteral, i, fmt::format("without `{}`{}", test, where),
          [i, term, mask](Semantics& s) {
            s.rules[i].terms[term].mask &= ~mask;
            s.rules[i].terms[term].want &= ~mask;
          });
      Add(MutationKind::kNegate, i, fmt::format("the opposite of `{}`{}", test, where),
          [i, term, mask](Semantics& s) { s.rules[i].terms[term].want ^= mask; });
    }
  }

  const Semantics& original_;
  std::vector<Mutant> all_;
};

// ---- Equality of decisions ----

uint64_t BitOf(Fact fact) { return uint64_t{1} << static_cast<int>(fact); }

// What a decision comes to.  A refusal undoes all effects but kUnmap.
struct Decision {
  int64_t refused = 0;
  std::array<uint64_t, 16> done{};  // bits, by EffectKind
  friend bool operator==(const Decision&, const Decision&) = default;
};

// What the effect changes; nothing if it is so already.
uint64_t Done(const Rule& rule, const Facts& facts) {
  const auto bits = static_cast<uint64_t>(rule.bits);
  switch (rule.effect) {
    case EffectKind::kSetSeals: return bits & ~facts.Get(FactSet::kSeals);
    case EffectKind::kAddAdding: return bits & ~facts.Get(FactSet::kAdding);
    // Only a write whose buffer cannot be read asks it (model/read_write.cc WriteChunks).
    case EffectKind::kExtend: return (facts.word & BitOf(Fact::kBadBuffer)) != 0;
    case EffectKind::kSetFlags: return 0;  // shows in what later rules do
    default: return bits == 0 ? 1 : bits;
  }
}

Decision DecisionOf(const Semantics& semantics, int point, uint64_t word) {
  Decision decision;
  Facts facts{word, 0};
  const Rule* last = nullptr;
  const Rule* const refused = Decide(
      semantics, point, facts, last, [](Facts&) {},
      [&](const Rule& rule) {
        const auto bits = static_cast<uint64_t>(rule.bits);
        decision.done[static_cast<size_t>(rule.effect)] |= Done(rule, facts);
        // Later rules see what an effect did (model/rules.cc).
        if (rule.effect == EffectKind::kSetSeals)
          facts.Set(FactSet::kSeals, facts.Get(FactSet::kSeals) | bits);
        if (rule.effect == EffectKind::kAddAdding)
          facts.Set(FactSet::kAdding, facts.Get(FactSet::kAdding) | bits);
        if (rule.effect == EffectKind::kSetFlags)
          facts.Set(FactSet::kFlags, facts.Get(FactSet::kFlags) | bits);
        if (rule.effect == EffectKind::kClearMay)
          facts.Set(FactSet::kMay, facts.Get(FactSet::kMay) & ~bits);
        if (rule.effect == EffectKind::kClearFile)
          facts.Set(FactSet::kFile, facts.Get(FactSet::kFile) & ~bits);
        if (rule.effect == EffectKind::kClearMode && (bits & 0111) == 0111)
          facts.Set(Fact::kExecutable, false);
      });
  if (refused == nullptr) {
    decision.done[static_cast<size_t>(EffectKind::kUnmap)] = 0;  // shows after a refusal only
    return decision;
  }
  const uint64_t unmapped = decision.done[static_cast<size_t>(EffectKind::kUnmap)];
  decision.done = {};
  decision.done[static_cast<size_t>(EffectKind::kUnmap)] = unmapped;
  decision.refused = refused->bits;
  return decision;
}

// True if `semantics` is asked for the feature of this number, by one call or another.
bool AsksFor(const Semantics& semantics, uint64_t number) {
  if (number >= FeatureNames().size()) return false;
  // What is asked only where another is there: holes matter to a known MADV_POPULATE_READ or _WRITE
  // alone (model/advice.cc), UFFDIO_COPY heals guard regions, and a write to huge pages that is
  // made may open them (model/remote.cc).
  constexpr std::pair<Feature, Feature> kNeeds[] = {{Feature::kHoles, Feature::kPopulate},
                                                    {Feature::kUffdGuard, Feature::kGuard},
                                                    {Feature::kHugeForceProt, Feature::kHugeForce}};
  for (const auto& [feature, needed] : kNeeds) {
    const auto word = static_cast<uint64_t>(needed);
    if (number == static_cast<uint64_t>(feature) &&
        DecisionOf(semantics, static_cast<int>(Point::kSupport), word).refused != 0)
      return false;
  }
  return true;
}

// The fact about mappings that each way to F_SEAL_WRITE asks for first; 0 if one does not.
// Where all do, a file with that seal has no such mapping, as none is made later; a mutant
// that decides alike in all states that the original reaches reaches the same ones.
uint64_t MappingsThatWriteSealExcludes(const Semantics& semantics) {
  constexpr uint64_t kEither = uint64_t{1} << static_cast<int>(Fact::kMapped) |
                               uint64_t{1} << static_cast<int>(Fact::kMappedWritable);
  uint64_t asked = 0;
  for (const Rule& rule : semantics.rules) {
    if (rule.point == Point::kAddSeals && rule.effect == EffectKind::kRefuse)
      asked |= BitsRead(rule.terms) & kEither;
    const bool sets = rule.effect == EffectKind::kAddAdding || rule.effect == EffectKind::kSetSeals;
    if (sets && (static_cast<uint64_t>(rule.bits) & kSealWrite) != 0 &&
        (asked != 0 || rule.point != Point::kAddSeals))
      return 0;
  }
  return asked;
}

// Facts that can be true together, of those in `read`.
bool Possible(const Semantics& semantics, int point, uint64_t word, uint64_t read) {
  if (point == static_cast<int>(Point::kSupport)) return AsksFor(semantics, word);
  const Facts facts{word, 0};
  const auto has = [&](Fact fact) { return (word & BitOf(fact)) != 0; };
  if ((facts.Get(FactSet::kSeals) & ~uint64_t{semantics.known_seals}) != 0) return false;
  if ((facts.Get(FactSet::kAdding) & ~uint64_t{semantics.known_seals}) != 0) return false;
  if (has(Fact::kMappedWritable) && !has(Fact::kMapped)) return false;
  // Only shmem files have seals (mm/memfd.c memfd_file_seals_ptr).
  const bool foreign = (read & BitOf(Fact::kMemfd)) != 0 && !has(Fact::kMemfd);
  if (foreign && facts.Get(FactSet::kSeals) != 0) return false;
  if ((word & kSealWrite) != 0) {
    const uint64_t excluded = MappingsThatWriteSealExcludes(semantics);
    if ((word & excluded) != 0) return false;
    // What mmap merges with is a mapping like the new one.
    if (excluded == BitOf(Fact::kMapped) && has(Fact::kMerges) && has(Fact::kShared)) return false;
  }
  if (facts.Get(FactSet::kScope) == 2) return false;  // what is enforced is asked for, too
  if (has(Fact::kGrows) && (has(Fact::kShrinks) || has(Fact::kPunch))) return false;
  return true;
}

}  // namespace

std::string_view TextOf(MutationKind kind) {
  switch (kind) {
    case MutationKind::kDropRule: return "rule dropped";
    case MutationKind::kSwapRules: return "neighbours swapped";
    case MutationKind::kErrno: return "other errno";
    case MutationKind::kDropLiteral: return "test dropped";
    case MutationKind::kNegate: return "test negated";
    case MutationKind::kDropTerm: return "alternative dropped";
    case MutationKind::kEffect: return "effect changed";
    case MutationKind::kWriteChunk: return "write chunk";
    case MutationKind::kDropSeal: return "seal unknown";
  }
  return "";
}

std::vector<Mutant> MutantsOf(const Semantics& semantics) { return Mutator(semantics).All(); }

std::optional<std::string> SameByLogic(const Semantics& original, const Mutant& mutant) {
  constexpr int kMostBits = 22;
  if (mutant.kind == MutationKind::kWriteChunk &&
      std::min(original.write_chunk, mutant.semantics.write_chunk) >= kMaxPages * kPageSize)
    return "within the model's limits a file is no longer than one chunk";
  if (mutant.point < 0) return std::nullopt;
  const auto point = static_cast<size_t>(mutant.point);
  uint64_t read = original.facts_read[point] | mutant.semantics.facts_read[point];
  if (mutant.point == static_cast<int>(Point::kSupport)) read = kFeatureMask;
  // What one of these says depends on the other.
  if ((read & BitOf(Fact::kMappedWritable)) != 0) read |= BitOf(Fact::kMapped);
  if (std::popcount(read) > kMostBits) return std::nullopt;
  int64_t compared = 0;
  for (uint64_t word = 0;;) {
    if (Possible(original, mutant.point, word, read)) {
      ++compared;
      if (!(DecisionOf(original, mutant.point, word) ==
            DecisionOf(mutant.semantics, mutant.point, word)))
        return std::nullopt;
    }
    word = (word - read) & read;  // the next subset of the bits
    if (word == 0) break;
  }
  return fmt::format("the same decision for each of {} combinations of the facts", compared);
}

}  // namespace selkie
