// Successors of encoded states, without making a State.
//
//   Encoding encoding(machine.layout(), Encoding::Kind::kDense);
//   Successors<1> successors(machine, encoding, SampleOf(machine, 2000, 1));
//   Tally tally;
//   successors.Expand(successors.Initial(), tally, [](const auto& next) { ... });
//
// Every candidate of the machine's alphabet is tried with tracked fields once for each value
// of the bits on which it depends (checker/traced_machine.h).  What that gave is kept: which
// bits of the state become what.  Candidates are put into groups whose bits overlap; a group
// has a table from the value of its bits to the edits of all its candidates.  So a state's
// successors cost one look-up for each group and one edit for each successor; no rule is written
// here.
//
// What is kept is bounded: a table that grows beyond its share is emptied.
#ifndef SELKIE_CHECKER_SUCCESSORS_H_
#define SELKIE_CHECKER_SUCCESSORS_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "checker/encoding.h"
#include "checker/machine.h"
#include "checker/traced_machine.h"

namespace selkie {

// What the moves from some states did; counts are those of SearchStats.
struct Tally {
  uint64_t tried = 0;
  uint64_t transitions = 0;
  uint64_t beyond = 0;
  uint64_t seals = 0;
  bool hit = false;     // a move hits, or a state that was expanded is one after a step that hits
  bool failed = false;  // see Successors::Failure

  void Add(const Tally& other) {
    tried += other.tried;
    transitions += other.transitions;
    beyond += other.beyond;
    seals += other.seals;
    hit |= other.hit;
    failed |= other.failed;
  }
};

// Packed states on `count` random ways through the machine; the same for the same seed.
std::vector<PackedWords> SampleOf(const Machine& machine, int count, uint64_t seed);

// W: words of an encoded state.
template <int W>
class Successors {
 public:
  using Words = std::array<uint64_t, W>;

  enum class Failure : uint8_t {
    kNone,
    kDictionaryFull,  // Encoding::Widen, and all begins anew
    kMisfit,          // a state does not fit its layout: a fault of the checker
  };

  // Both must outlive this; `sample` decides how candidates are grouped, and nothing else.
  // `blind` is for tests that a wrong cache is noticed: reads of these packed bits are not seen.
  Successors(const Machine& machine, Encoding& encoding, const std::vector<PackedWords>& sample,
             const PackedWords& blind = {});

  // A group's table has at most so many entries, and a candidate's so many answers; it is emptied
  // then.
  void Limit(size_t entries, size_t answers) {
    most_entries_ = entries;
    most_answers_ = answers;
  }

  std::optional<Words> Initial();
  // For a state of the machine, as its layout packs it; nothing if a dictionary is full.
  std::optional<Words> WordsOf(const PackedWords& packed);
  PackedWords Unpacked(const Words& words) const;

  // Calls enter(next) for each move that changes a state, for states from the end of `states`,
  // which are taken away, and adds to `tally`; stops before a state if stop() is true.  Moves
  // that do the same are entered once.  If a move hits, tally.hit is set, and what was entered
  // is any part of the successors.
  template <typename Enter, typename Stop>
  void Expand(std::vector<Words>& states, Tally& tally, const Enter& enter, const Stop& stop);

  // True if Expand finds for `state` what the machine finds by trying every move in it.  Slow:
  // the judge of all of the above.
  bool AgreesWithMachine(const Words& state);

  Failure failure() const { return failure_; }
  // Operations that were made in an expanded state in which the promise is in force.
  const OpSet& ops_after_seal() const { return ops_after_seal_; }
  // How many moves were made in full so far, and how many groups there are.
  uint64_t traced() const { return traced_; }
  size_t groups() const { return groups_.size(); }
  // One line a group, for people who measure.
  std::string Describe() const;
  // Bytes that are kept.
  uint64_t bytes() const;

 private:
  // What is asked of a state.  The last two are no moves.
  struct Question {
    enum class Kind : uint8_t { kMove, kStateHits, kInForce } kind = Kind::kMove;
    CandidateMove candidate;
  };
  struct Answer {
    Words written{}, value{};
    uint16_t times = 0;
    Op op = Op::kMemfdCreate;
    bool made = false, bound = false, enters = false, hit = false, finished = false;
    bool yes = false;  // of what is no move
  };
  // Values of the bits in `mask`, each with a number.
  class Table {
   public:
    Words mask{};
    static constexpr uint32_t kNone = ~uint32_t{0};
    uint32_t Find(const Words& state) const {
      Words key = state;
      for (int i = 0; i < W; ++i) key[i] &= mask[i];
      for (uint64_t at = Hash(key) >> shift_;; at = (at + 1) & (slots_.size() - 1)) {
        const Slot& slot = slots_[at];
        if (slot.number == kNone || Same(slot.key, key)) return slot.number;
      }
    }
    void Prefetch(const Words& state) const {
      Words key = state;
      for (int i = 0; i < W; ++i) key[i] &= mask[i];
      __builtin_prefetch(&slots_[Hash(key) >> shift_]);
    }
    explicit Table(const Words& bits) : mask(bits) {}
    Table() = default;
    void Add(const Words& state, uint32_t number);
    void Clear();
    uint64_t size() const { return size_; }
    uint64_t bytes() const { return slots_.size() * sizeof(Slot); }

   private:
    struct Slot {
      Words key{};
      uint32_t number = kNone;
    };
    static bool Same(const Words& a, const Words& b) {
      uint64_t difference = 0;
      for (int i = 0; i < W; ++i) difference |= a[i] ^ b[i];
      return difference == 0;
    }
    static uint64_t Hash(const Words& key) {
      uint64_t h = 0;
      for (int i = 0; i < W; ++i) h = (h ^ key[i] ^ (h >> 32)) * 0x9e3779b97f4a7c15u;
      return h ^ (W > 1 ? h >> 31 : 0);
    }
    void Insert(const Words& key, uint32_t number);
    static constexpr int kFirstBits = 4;
    std::vector<Slot> slots_ = std::vector<Slot>(size_t{1} << kFirstBits);
    int shift_ = 64 - kFirstBits;
    uint64_t size_ = 0;
  };
  // One table for each set of bits that the question was found to depend on: it may end early.
  struct Learned {
    Question question;
    std::vector<Table> tables;
    std::vector<Answer> answers;
    Words mask{};  // of all tables
  };
  // What a group's candidates do for one value of its bits: these words and then the edits.
  struct Entry {
    uint16_t edits = 0;
    uint16_t tried = 0, transitions = 0, beyond = 0;
    uint16_t seals = 0;
    uint8_t hit = 0, in_force = 0;
    uint32_t ops = 0;  // of the moves that are made: an index into op_sets_
  };
  struct Edit {
    Words keep, set;
  };
  struct Group {
    Table table;
    std::vector<uint64_t> pool;  // Entry, its edits, Entry, ...: hardly two are alike
    absl::flat_hash_map<uint64_t, uint32_t> place_of;  // in the pool, by the hash of both
    std::vector<int> members;                          // indices into learned_
  };
  static constexpr size_t kEntryWords = sizeof(Entry) / 8, kEditWords = sizeof(Edit) / 8;
  static_assert(sizeof(Entry) == 16 && sizeof(Edit) == 16 * W);

  static constexpr size_t kMaxGroups = 64;
  static constexpr size_t kMostMembers = 512;  // so that an entry's counts fit

  static Entry EntryAt(const Group& group, uint32_t at) {
    Entry entry;
    std::memcpy(static_cast<void*>(&entry), &group.pool[at], sizeof(entry));
    return entry;
  }

  void MakeGroups(const std::vector<PackedWords>& sample);
  const Answer* Ask(Learned& learned, const Words& state);
  bool Learn(const Learned& learned, const Words& state, Answer* answer, Words* read);
  // Where the groups' entries of one state are, or kNone.
  struct Found {
    std::array<uint32_t, kMaxGroups> at;
    uint64_t clears;  // of clears_ when they were found
  };
  void PrefetchSlots(const Words& state) const;
  void Find(const Words& state, Found& found) const;
  template <typename Enter>
  bool ExpandFound(const Words& state, Found& found, Tally& tally, const Enter& enter);

  uint32_t FindOrCompose(Group& group, const Words& state) {
    const uint32_t at = group.table.Find(state);
    return at != Table::kNone ? at : Compose(group, state);
  }
  uint32_t Compose(Group& group, const Words& state);
  static uint32_t PlaceOf(Group& group, const std::vector<uint64_t>& words);
  uint32_t NumberOf(const OpSet& ops);

  const Machine& machine_;
  Encoding& encoding_;
  TracedMachine traced_machine_;
  const PackedWords blind_;
  std::vector<Learned> learned_;
  std::vector<Group> groups_;
  std::vector<OpSet> op_sets_;
  std::vector<uint8_t> op_set_counted_;  // by number: it is in the tally of this object
  OpSet ops_after_seal_;
  Failure failure_ = Failure::kNone;
  uint64_t traced_ = 0;
  size_t most_entries_ = size_t{1} << 20, most_answers_ = size_t{1} << 18;
  uint64_t clears_ = 0;  // how often a group's table was emptied
};

// Look-ups of a state wait for memory; so they are begun while the states before it are
// expanded: its slots two states ahead, the entries that they name one ahead.
template <int W>
template <typename Enter, typename Stop>
void Successors<W>::Expand(std::vector<Words>& states, Tally& tally, const Enter& enter,
                           const Stop& stop) {
  if (states.empty()) return;
  PrefetchSlots(states.back());
  std::array<Found, 2> found;
  found[0].clears = clears_ - 1;  // nothing was found yet
  for (size_t turn = 0; !states.empty() && !stop(); turn ^= 1) {
    const Words state = states.back();
    states.pop_back();
    Found& here = found[turn];
    if (here.clears != clears_) Find(state, here);
    if (!states.empty()) {
      Find(states.back(), found[turn ^ 1]);
      if (states.size() > 1) PrefetchSlots(states[states.size() - 2]);
    }
    if (!ExpandFound(state, here, tally, enter)) return;
  }
}

template <int W>
void Successors<W>::PrefetchSlots(const Words& state) const {
  for (const Group& group : groups_) group.table.Prefetch(state);
}

template <int W>
void Successors<W>::Find(const Words& state, Found& found) const {
  found.clears = clears_;
  for (size_t g = 0; g < groups_.size(); ++g) {
    found.at[g] = groups_[g].table.Find(state);
    if (found.at[g] == Table::kNone) continue;
    __builtin_prefetch(&groups_[g].pool[found.at[g]]);
    __builtin_prefetch(&groups_[g].pool[found.at[g]] + 8);
  }
}

template <int W>
template <typename Enter>
bool Successors<W>::ExpandFound(const Words& state, Found& found, Tally& tally,
                                const Enter& enter) {
  const size_t count = groups_.size();
  bool in_force = false;
  for (size_t g = 0; g < count; ++g) {
    if (found.at[g] == Table::kNone &&
        (found.at[g] = FindOrCompose(groups_[g], state)) == Table::kNone) {
      tally.failed = true;
      return false;
    }
    const Entry entry = EntryAt(groups_[g], found.at[g]);
    tally.hit |= entry.hit != 0;
    in_force |= entry.in_force != 0;
  }
  for (size_t g = 0; g < count; ++g) {
    const uint64_t* words = &groups_[g].pool[found.at[g]];
    const Entry entry = EntryAt(groups_[g], found.at[g]);
    tally.tried += entry.tried;
    tally.transitions += entry.transitions;
    tally.beyond += entry.beyond;
    tally.seals += entry.seals;
    if (in_force && op_set_counted_[entry.ops] == 0) {
      op_set_counted_[entry.ops] = 1;
      ops_after_seal_ |= op_sets_[entry.ops];
    }
    words += kEntryWords;
    for (int i = 0; i < entry.edits; ++i, words += kEditWords) {
      Words next;
      for (int k = 0; k < W; ++k) next[k] = (state[k] & words[k]) | words[W + k];
      enter(next);
    }
  }
  return true;
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_SUCCESSORS_H_
