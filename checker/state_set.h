// The states seen, as an open-addressed table of the words themselves.
//
// 8 * W bytes a state and nothing else: no numbers, no parents.  In which bucket of eight a state
// stands follows from its hash as a fraction of the table, and if that is full it is the next
// one: mostly one line of the processor's cache is looked at.  So states are sorted by hash but
// for what was pushed on, and the table can grow in place, by any factor, from its end to its
// beginning.  The memory is reserved once and touched as it is needed.  Several threads may
// insert; growing is for one alone.
#ifndef SELKIE_CHECKER_STATE_SET_H_
#define SELKIE_CHECKER_STATE_SET_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace selkie {

// Memory of which only what was written to is taken; zero at first.
class ReservedMemory {
 public:
  // `bytes` of addresses, or as many as there are if there are fewer: see bytes().  Ends the
  // program if there are not even `least`.
  ReservedMemory(uint64_t bytes, uint64_t least);
  ~ReservedMemory();
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;
  void* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  uint64_t bytes_;
  void* data_;
};

// W: words of a state; bit 63 of word 0 is 0 in all of them.
template <int W>
class StateSet {
 public:
  using Words = std::array<uint64_t, W>;
  enum class Inserted : uint8_t { kNew, kKnown, kFull };

  // Never grows beyond `most_bytes`.
  explicit StateSet(uint64_t most_bytes)
      : memory_(most_bytes + kSlack * sizeof(Slot), 2 * kSlack * sizeof(Slot)),
        slots_(static_cast<Slot*>(memory_.data())),
        most_slots_((memory_.bytes() / sizeof(Slot) - kSlack) / kBucket * kBucket),
        capacity_(most_slots_ < kFirst ? most_slots_ : kFirst) {}

  static uint64_t Hash(const Words& words) {
    uint64_t h = 0;
    for (int i = 0; i < W; ++i) {
      h = (h ^ words[i]) * 0x9e3779b97f4a7c15u;
      h ^= h >> 32;
    }
    return h * 0xd6e8feb86659fd93u;
  }

  uint64_t HashOf(const Words& words) const { return Hash(words); }

  void Prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[HomeOf(hash)]); }

  // For a bucket that is there: if it is full, the next one is needed as well.
  void PrefetchMore(uint64_t hash) const {
    const Slot* bucket = &slots_[HomeOf(hash)];
    if (bucket[kBucket - 1].word[0].load(std::memory_order_relaxed) != 0)
      __builtin_prefetch(bucket + kBucket);
  }

  // `hash` is Hash(words).  kFull: the table must Grow first.
  Inserted Insert(const Words& words, uint64_t hash) {
    const uint64_t first = words[0] | kUsed;
    for (uint64_t at = HomeOf(hash);; at += kBucket) {
      // All of a bucket is compared before anything is decided: where in it a state stands is
      // what no processor can predict.
      unsigned same = 0, open = 0;
      for (unsigned i = 0; i < kBucket; ++i) {
        const uint64_t seen = slots_[at + i].word[0].load(std::memory_order_acquire);
        same |= static_cast<unsigned>(seen == first) << i;
        open |= static_cast<unsigned>(seen == 0 || (W > 1 && seen == kBusy)) << i;
      }
      if constexpr (W == 1) {
        if (same != 0) return Inserted::kKnown;
      } else {
        for (; same != 0; same &= same - 1)
          if (RestIs(at + std::countr_zero(same), words)) return Inserted::kKnown;
      }
      for (; open != 0; open &= open - 1) {
        const std::optional<Inserted> made = Take(at + std::countr_zero(open), first, words);
        if (made.has_value()) return *made;
      }
    }
  }

  // Threads add what they have inserted now and then.
  void Count(uint64_t inserted) { count_.fetch_add(inserted, std::memory_order_relaxed); }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  uint64_t bytes() const { return capacity_ * sizeof(Slot); }

  // False if the table may not grow any more.
  bool Grow();

  // For a search of one thread: Insert, after which what is new is counted, and the table has
  // grown if it had to.  kFull: it may not.
  Inserted InsertAndGrow(const Words& words) {
    const uint64_t hash = Hash(words);
    Inserted inserted = Insert(words, hash);
    if (inserted == Inserted::kFull && Grow()) inserted = Insert(words, hash);
    if (inserted == Inserted::kNew) Count(1);
    return inserted;
  }

 private:
  struct Slot {
    std::array<std::atomic<uint64_t>, W> word;  // word[0]: 0 is free
  };
  static_assert(sizeof(Slot) == 8 * W);
  static constexpr uint64_t kUsed = uint64_t{1} << 63, kBusy = 1;
  static constexpr uint64_t kBucket = 8;
  static constexpr uint64_t kFirst = uint64_t{1} << 16;  // slots at first
  static constexpr uint64_t kSlack = uint64_t{1} << 14;  // behind the last, for what is pushed on

  uint64_t HomeOf(uint64_t hash) const {
    return kBucket * static_cast<uint64_t>(
                         static_cast<unsigned __int128>(hash) * (capacity_ / kBucket) >> 64);
  }
  // Puts the state into a slot that was free or was being written to a moment ago; nothing: another
  // one is in it by now.
  std::optional<Inserted> Take(uint64_t at, uint64_t first, const Words& words) {
    std::atomic<uint64_t>& word = slots_[at].word[0];
    if (at >= capacity_ + kSlack - kBucket || count() >= most_states_) return Inserted::kFull;
    uint64_t seen = 0;
    if (word.compare_exchange_strong(seen, W == 1 ? first : kBusy, std::memory_order_acq_rel)) {
      for (int i = 1; i < W; ++i) slots_[at].word[i].store(words[i], std::memory_order_relaxed);
      if constexpr (W > 1) word.store(first, std::memory_order_release);
      return Inserted::kNew;
    }
    if constexpr (W > 1)
      while (seen == kBusy) seen = word.load(std::memory_order_acquire);
    if (seen == first && RestIs(at, words)) return Inserted::kKnown;
    return std::nullopt;
  }

  bool RestIs(uint64_t at, const Words& words) const {
    uint64_t difference = 0;
    for (int i = 1; i < W; ++i)
      difference |= slots_[at].word[i].load(std::memory_order_relaxed) ^ words[i];
    return difference == 0;
  }
  static uint64_t MostStates(uint64_t capacity) { return capacity - capacity / 8; }

  ReservedMemory memory_;
  Slot* slots_;
  uint64_t most_slots_;
  uint64_t capacity_;
  uint64_t most_states_ = MostStates(capacity_);
  std::atomic<uint64_t> count_ = 0;
};

// A state goes to where it belongs in the larger table, which is not before where it is; but
// for those that were pushed on near the beginning, which wait until all have moved.
template <int W>
bool StateSet<W>::Grow() {
  const uint64_t old = capacity_;
  // Coarse steps while it is small; fine ones when each slot counts.
  uint64_t larger = old < (uint64_t{1} << 22) ? old * 2 : old + old / 4;
  larger -= larger % kBucket;
  if (larger > most_slots_) larger = most_slots_;
  if (larger <= old + old / 16) return false;
  capacity_ = larger;
  most_states_ = MostStates(larger);
  std::vector<Words> waiting;
  for (uint64_t at = old + kSlack; at-- > 0;) {
    Words words;
    for (int i = 0; i < W; ++i) words[i] = slots_[at].word[i].load(std::memory_order_relaxed);
    if (words[0] == 0) continue;
    slots_[at].word[0].store(0, std::memory_order_relaxed);
    words[0] &= ~kUsed;
    uint64_t to = HomeOf(Hash(words));
    if (to < at) {
      waiting.push_back(words);
      continue;
    }
    while (slots_[to].word[0].load(std::memory_order_relaxed) != 0) ++to;
    for (int i = 1; i < W; ++i) slots_[to].word[i].store(words[i], std::memory_order_relaxed);
    slots_[to].word[0].store(words[0] | kUsed, std::memory_order_relaxed);
  }
  for (const Words& words : waiting) Insert(words, Hash(words));
  return true;
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_STATE_SET_H_
