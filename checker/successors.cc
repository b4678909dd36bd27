#include "checker/successors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "fmt/format.h"

namespace selkie {
namespace {

// Tables of one candidate before they are emptied.
constexpr size_t kMostTables = 64;

uint64_t NextRandom(uint64_t& state) {  // splitmix64
  state += 0x9e3779b97f4a7c15u;
  uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

template <size_t W>
std::array<uint64_t, W> Both(const std::array<uint64_t, W>& a, const std::array<uint64_t, W>& b) {
  std::array<uint64_t, W> both;
  for (size_t i = 0; i < W; ++i) both[i] = a[i] | b[i];
  return both;
}

// How many different values the bits in `mask` have in the sample.
template <size_t W>
double ValuesOf(const std::vector<std::array<uint64_t, W>>& sample,
                const std::array<uint64_t, W>& mask) {
  constexpr int kBits = 12;
  std::vector<uint64_t> seen(size_t{1} << kBits, 0);
  double values = 0;
  for (const auto& state : sample) {
    uint64_t key = 0;
    for (size_t i = 0; i < W; ++i)
      key = (key ^ (state[i] & mask[i]) ^ key >> 32) * 0x9e3779b97f4a7c15u;
    key |= 1;
    size_t at = key >> (64 - kBits);
    while (seen[at] != 0 && seen[at] != key) at = (at + 1) % seen.size();
    values += seen[at] == 0;
    seen[at] = key;
  }
  return values;
}

// Nanoseconds that a look-up takes in a group whose bits have so many values, and to fill its
// table, spread over a search of a few million states.  Measured; that it is about right is
// enough.
double CostOf(double values, size_t members) {
  return 6 + 2.2 * std::log2(1 + values / 300) + values * static_cast<double>(members) * 1e-4;
}

}  // namespace

std::vector<PackedWords> SampleOf(const Machine& machine, int count, uint64_t seed) {
  constexpr int kWayLength = 40;
  std::vector<PackedWords> sample;
  State state = machine.Initial();
  int length = 0;
  for (int tries = 0; tries < 8 * count && static_cast<int>(sample.size()) < count; ++tries) {
    Move chosen;
    uint64_t seen = 0;
    machine.ForEachMove(state, [&](const Move& move, int) {
      if (NextRandom(seed) % ++seen == 0) chosen = move;
      return false;
    });
    if (seen == 0 || length == kWayLength) {
      state = machine.Initial();
      length = 0;
      continue;
    }
    const State before = state;
    const StepOutcome outcome = machine.Apply(state, chosen);
    PackedWords packed{};
    if (!outcome.changed || outcome.bound || outcome.hit ||
        Pack(machine.layout(), state, packed) < 0) {
      state = before;
      continue;
    }
    Unpack(machine.layout(), packed, state);
    ++length;
    sample.push_back(packed);
  }
  return sample;
}

// ---- Tables ----

template <int W>
void Successors<W>::Table::Insert(const Words& key, uint32_t number) {
  uint64_t at = Hash(key) >> shift_;
  while (slots_[at].number != kNone) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {key, number};
}

template <int W>
void Successors<W>::Table::Add(const Words& state, uint32_t number) {
  Words key = state;
  for (int i = 0; i < W; ++i) key[i] &= mask[i];
  if (++size_ * 2 > slots_.size()) {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    --shift_;
    for (const Slot& slot : old)
      if (slot.number != kNone) Insert(slot.key, slot.number);
  }
  Insert(key, number);
}

template <int W>
void Successors<W>::Table::Clear() {
  slots_.assign(size_t{1} << kFirstBits, Slot{});
  shift_ = 64 - kFirstBits;
  size_ = 0;
}

// ---- Making ----

template <int W>
Successors<W>::Successors(const Machine& machine, Encoding& encoding,
                          const std::vector<PackedWords>& sample, const PackedWords& blind)
    : machine_(machine), encoding_(encoding), traced_machine_(machine), blind_(blind) {
  for (const CandidateMove& candidate : machine.Candidates())
    learned_.push_back({{Question::Kind::kMove, candidate}, {}, {}, {}});
  learned_.push_back({{Question::Kind::kStateHits, {}}, {}, {}, {}});
  learned_.push_back({{Question::Kind::kInForce, {}}, {}, {}, {}});
  NumberOf(OpSet());
  MakeGroups(sample);
}

// Those that depend on the same bits first; then always the two of which it saves most.
template <int W>
void Successors<W>::MakeGroups(const std::vector<PackedWords>& packed_sample) {
  std::vector<Words> sample;
  for (const PackedWords& packed : packed_sample) {
    const std::optional<Words> words = WordsOf(packed);
    if (!words.has_value()) return;
    sample.push_back(*words);
  }
  constexpr size_t kAsked = 200;
  for (size_t i = 0; i < sample.size(); i += std::max<size_t>(sample.size() / kAsked, 1))
    for (Learned& learned : learned_)
      if (Ask(learned, sample[i]) == nullptr) return;

  // Objects are nearly independent of one another, so that the values of a mask are about the
  // product of those that it has in each.
  std::vector<Words> blocks;
  for (const PackedWords& bits : encoding_.Blocks()) {
    blocks.emplace_back();
    std::copy_n(bits.begin(), W, blocks.back().begin());
  }
  std::map<Words, double> values_of;  // of one block
  const auto values = [&](const Words& mask) {
    double product = 1;
    for (const Words& block : blocks) {
      Words part;
      for (int i = 0; i < W; ++i) part[i] = mask[i] & block[i];
      const auto [found, added] = values_of.try_emplace(part, 0);
      if (added) found->second = ValuesOf(sample, part);
      product *= found->second;
    }
    return product;
  };
  struct Draft {
    Words mask;
    std::vector<int> members;
    double cost;
  };
  std::vector<Draft> drafts;
  for (size_t i = 0; i < learned_.size(); ++i) {
    const Words& mask = learned_[i].mask;
    const auto same = std::find_if(drafts.begin(), drafts.end(), [&](const Draft& draft) {
      return draft.mask == mask && draft.members.size() < kMostMembers;
    });
    if (same == drafts.end())
      drafts.push_back({mask, {static_cast<int>(i)}, 0});
    else
      same->members.push_back(static_cast<int>(i));
  }
  for (Draft& draft : drafts) draft.cost = CostOf(values(draft.mask), draft.members.size());
  while (true) {
    double most = 0, cost = 0;
    size_t best_a = 0, best_b = 0;
    for (size_t a = 0; a < drafts.size(); ++a) {
      for (size_t b = a + 1; b < drafts.size(); ++b) {
        const size_t members = drafts[a].members.size() + drafts[b].members.size();
        if (members > kMostMembers) continue;
        const double together = CostOf(values(Both(drafts[a].mask, drafts[b].mask)), members);
        const double saved = drafts[a].cost + drafts[b].cost - together;
        if (saved <= most) continue;
        most = saved;
        cost = together;
        best_a = a;
        best_b = b;
      }
    }
    if (most <= 0) break;
    Draft& into = drafts[best_a];
    const Draft& from = drafts[best_b];
    into.mask = Both(into.mask, from.mask);
    into.members.insert(into.members.end(), from.members.begin(), from.members.end());
    std::sort(into.members.begin(), into.members.end());
    into.cost = cost;
    drafts.erase(drafts.begin() + static_cast<std::ptrdiff_t>(best_b));
  }
  while (drafts.size() > kMaxGroups) {  // the last ones have the fewest members as a rule
    Draft last = std::move(drafts.back());
    drafts.pop_back();
    Draft& into = drafts[drafts.size() - 1];
    into.mask = Both(into.mask, last.mask);
    into.members.insert(into.members.end(), last.members.begin(), last.members.end());
  }
  for (Draft& draft : drafts) {
    groups_.emplace_back();
    groups_.back().table.mask = draft.mask;
    groups_.back().members = std::move(draft.members);
  }
}

// ---- Asking ----

template <int W>
std::optional<std::array<uint64_t, W>> Successors<W>::WordsOf(const PackedWords& packed) {
  PackedWords encoded;
  if (!encoding_.Encode(packed, &encoded)) {
    failure_ = Failure::kDictionaryFull;
    return std::nullopt;
  }
  Words words;
  std::copy_n(encoded.begin(), W, words.begin());
  return words;
}

template <int W>
std::optional<std::array<uint64_t, W>> Successors<W>::Initial() {
  PackedWords packed{};
  if (Pack(machine_.layout(), machine_.Initial(), packed) < 0) {
    failure_ = Failure::kMisfit;
    return std::nullopt;
  }
  return WordsOf(packed);
}

template <int W>
PackedWords Successors<W>::Unpacked(const Words& words) const {
  PackedWords encoded{}, packed;
  std::copy_n(words.begin(), W, encoded.begin());
  encoding_.Decode(encoded, &packed);
  return packed;
}

// Finds out by making the move.  False: see failure().
template <int W>
bool Successors<W>::Learn(const Learned& learned, const Words& state, Answer* answer, Words* read) {
  const PackedWords packed = Unpacked(state);
  TracedStep step;
  ++traced_;
  *answer = Answer{};
  switch (learned.question.kind) {
    case Question::Kind::kMove:
      if (!traced_machine_.Try(packed, learned.question.candidate, &step)) {
        failure_ = Failure::kMisfit;
        return false;
      }
      break;
    case Question::Kind::kStateHits:
      answer->yes = traced_machine_.StateHits(packed, &step.read);
      break;
    case Question::Kind::kInForce: answer->yes = traced_machine_.InForce(packed, &step.read); break;
  }
  for (int i = 0; i < kMaxPackedWords; ++i) step.read[i] &= ~blind_[i];
  if (!encoding_.EncodeStep(packed, &step)) {
    failure_ = Failure::kDictionaryFull;
    return false;
  }
  std::copy_n(step.read.begin(), W, read->begin());
  std::copy_n(step.written.begin(), W, answer->written.begin());
  std::copy_n(step.value.begin(), W, answer->value.begin());
  answer->times = static_cast<uint16_t>(step.times);
  answer->op = step.op;
  answer->made = step.made;
  answer->bound = step.bound;
  answer->hit = step.hit;
  answer->finished = step.finished;
  answer->enters = step.changed && !step.bound && !step.hit;
  return true;
}

template <int W>
const typename Successors<W>::Answer* Successors<W>::Ask(Learned& learned, const Words& state) {
  for (const Table& table : learned.tables)
    if (const uint32_t known = table.Find(state); known != Table::kNone)
      return &learned.answers[known];
  Answer answer;
  Words read;
  if (!Learn(learned, state, &answer, &read)) return nullptr;
  if (learned.answers.size() >= most_answers_ || learned.tables.size() > kMostTables) {
    learned.tables.clear();
    learned.answers.clear();
  }
  auto table = std::find_if(learned.tables.begin(), learned.tables.end(),
                            [&](const Table& one) { return one.mask == read; });
  if (table == learned.tables.end()) table = learned.tables.emplace(table, read);
  table->Add(state, static_cast<uint32_t>(learned.answers.size()));
  learned.mask = Both(learned.mask, read);
  learned.answers.push_back(answer);
  return &learned.answers.back();
}

template <int W>
uint32_t Successors<W>::NumberOf(const OpSet& ops) {
  const auto found = std::find(op_sets_.begin(), op_sets_.end(), ops);
  if (found != op_sets_.end()) return static_cast<uint32_t>(found - op_sets_.begin());
  op_sets_.push_back(ops);
  op_set_counted_.push_back(0);
  return static_cast<uint32_t>(op_sets_.size() - 1);
}

// Where an entry with its edits is in the pool: it is put there if it is not there yet.
template <int W>
uint32_t Successors<W>::PlaceOf(Group& group, const std::vector<uint64_t>& words) {
  const auto end = static_cast<uint32_t>(group.pool.size());
  const auto [found, added] = group.place_of.try_emplace(absl::HashOf(words), end);
  if (!added && words.size() <= end - found->second &&
      std::equal(words.begin(), words.end(), group.pool.begin() + found->second))
    return found->second;
  found->second = end;
  group.pool.insert(group.pool.end(), words.begin(), words.end());
  return end;
}

// Makes the group's entry for a state; where it is, or kNone: see failure().
template <int W>
uint32_t Successors<W>::Compose(Group& group, const Words& state) {
  Entry entry;
  OpSet ops;
  std::vector<Edit> edits;
  Words mask = group.table.mask;
  for (const int member : group.members) {
    Learned& learned = learned_[member];
    const Answer* answer = Ask(learned, state);
    if (answer == nullptr) return Table::kNone;
    mask = Both(mask, learned.mask);
    if (learned.question.kind == Question::Kind::kStateHits) entry.hit |= answer->yes;
    if (learned.question.kind == Question::Kind::kInForce) entry.in_force |= answer->yes;
    if (answer->times == 0) continue;
    entry.tried = static_cast<uint16_t>(entry.tried + answer->times);
    if (answer->bound) entry.beyond = static_cast<uint16_t>(entry.beyond + answer->times);
    entry.seals = static_cast<uint16_t>(entry.seals + answer->finished);
    entry.hit |= answer->hit;
    if (answer->made) ops.set(static_cast<size_t>(answer->op));
    if (!answer->enters) continue;
    entry.transitions = static_cast<uint16_t>(entry.transitions + answer->times);
    Edit edit;
    bool changes = false;
    for (int i = 0; i < W; ++i) {
      edit.keep[i] = ~answer->written[i];
      edit.set[i] = answer->value[i];
      changes |= answer->written[i] != 0;
    }
    const bool again = std::any_of(edits.begin(), edits.end(), [&](const Edit& other) {
      return other.keep == edit.keep && other.set == edit.set;
    });
    if (changes && !again) edits.push_back(edit);
  }
  if (mask != group.table.mask || group.table.size() > most_entries_) {
    group.table.Clear();
    group.pool.clear();
    group.place_of.clear();
    group.table.mask = mask;
    ++clears_;
  }
  entry.edits = static_cast<uint16_t>(edits.size());
  entry.ops = NumberOf(ops);
  std::vector<uint64_t> words(kEntryWords + edits.size() * kEditWords);
  std::memcpy(words.data(), &entry, sizeof(entry));
  if (!edits.empty()) std::memcpy(&words[kEntryWords], edits.data(), edits.size() * sizeof(Edit));
  const uint32_t at = PlaceOf(group, words);
  group.table.Add(state, at);
  return at;
}

template <int W>
bool Successors<W>::AgreesWithMachine(const Words& state) {
  Tally found;
  std::set<Words> entered;
  std::vector<Words> states = {state};
  Expand(
      states, found, [&](const Words& next) { entered.insert(next); }, [] { return false; });
  if (found.failed) return true;  // nothing was said
  State before;
  Unpack(machine_.layout(), Unpacked(state), before);
  Tally expected;
  std::set<Words> successors;
  bool fits = true;
  expected.hit = machine_.StateHits(before);
  machine_.ForEachMove(before, [&](const Move& move, int times) {
    State after = before;
    const StepOutcome outcome = machine_.ApplyOnly(after, move);
    expected.tried += times;
    expected.seals += outcome.finished;
    expected.hit |= outcome.hit;
    if (outcome.bound) expected.beyond += times;
    if (!outcome.changed || outcome.bound || outcome.hit) return false;
    expected.transitions += times;
    PackedWords packed{};
    fits &= Pack(machine_.layout(), after, packed) >= 0;
    const std::optional<Words> words = WordsOf(packed);
    if (words.has_value()) successors.insert(*words);
    return false;
  });
  entered.erase(state);
  successors.erase(state);
  const auto counts = [](const Tally& t) {
    return std::tuple(t.tried, t.transitions, t.beyond, t.seals, t.hit);
  };
  return fits && (failure_ != Failure::kNone ||
                  (counts(found) == counts(expected) && entered == successors));
}

template <int W>
uint64_t Successors<W>::bytes() const {
  uint64_t bytes = 0;
  for (const Group& group : groups_)
    bytes += group.table.bytes() + group.pool.capacity() * sizeof(uint64_t) +
             group.place_of.capacity() * (sizeof(uint64_t) * 2 + 1);
  for (const Learned& learned : learned_)
    bytes += learned.tables.size() * sizeof(Table) + learned.answers.capacity() * sizeof(Answer);
  return bytes;
}

template <int W>
std::string Successors<W>::Describe() const {
  std::string out;
  for (const Group& group : groups_) {
    int bits = 0;
    for (const uint64_t word : group.table.mask) bits += std::popcount(word);
    size_t answers = 0;
    for (const int member : group.members) answers += learned_[member].answers.size();
    out += fmt::format("{} moves, {} bits, {} entries of {} KiB; {} answers\n",
                       group.members.size(), bits, group.table.size(),
                       (group.table.bytes() + group.pool.size() * 8) / 1024, answers);
  }
  return out + fmt::format("{} moves were made in full\n", traced_);
}

template class Successors<1>;
template class Successors<2>;
template class Successors<3>;
template class Successors<4>;

}  // namespace selkie
