// All states seen, in the order in which they were found.
//
// States stand one after the other in an array, each with the number of the
// state that it was found from; an open-addressed table of numbers finds them
// again.  The bits of a slot that its number leaves free hold part of the
// state's hash, so that a state is looked at only if it is very likely the right
// one.  A look-up is two cache misses, so look-ups wait in a ring: when a
// state enters, its table slot is prefetched; half a ring later the state that
// the slot names; and when it leaves, both are there.  Order of entry is kept.
#ifndef SELKIE_CHECKER_STATE_STORE_H_
#define SELKIE_CHECKER_STATE_STORE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "checker/packing.h"

namespace selkie {

// An array that grows without moving, and so without a peak of twice its size.
template <typename T>
class GrowingArray {
 public:
  T& operator[](uint64_t i) { return chunks_[i >> kChunkBits][i & (kChunk - 1)]; }
  const T& operator[](uint64_t i) const { return chunks_[i >> kChunkBits][i & (kChunk - 1)]; }
  void PushBack(const T& value) {
    if ((size_ & (kChunk - 1)) == 0) chunks_.push_back(std::make_unique<T[]>(kChunk));
    (*this)[size_++] = value;
  }
  uint64_t size() const { return size_; }
  uint64_t bytes() const { return chunks_.size() * kChunk * sizeof(T); }

 private:
  static constexpr int kChunkBits = 14;
  static constexpr uint64_t kChunk = uint64_t{1} << kChunkBits;
  std::vector<std::unique_ptr<T[]>> chunks_;
  uint64_t size_ = 0;
};

// W: 64-bit words of a packed state.
template <int W>
class StateStore {
 public:
  using Words = std::array<uint64_t, W>;

  StateStore() { Resize(12); }

  // Looks `words` up, some time before the next Flush returns; a new state is
  // appended with `parent`.
  void Enter(const Words& words, uint32_t parent) {
    Waiting& waiting = ring_[entered_ % kRing];
    waiting.words = words;
    waiting.parent = parent;
    waiting.hash = Hash(words);
    __builtin_prefetch(&slots_[static_cast<uint32_t>(waiting.hash) & mask_]);
    ++entered_;
    if (entered_ - left_ > kRing / 2) PrefetchState(ring_[(entered_ - kRing / 2 - 1) % kRing]);
    if (entered_ - left_ == kRing) Leave();
  }

  // Looks up everything that waits.
  void Flush() {
    while (left_ < entered_) Leave();
  }

  uint64_t size() const { return states_.size(); }
  const Words& operator[](uint64_t i) const { return states_[i]; }
  uint32_t parent(uint64_t i) const { return parents_[i]; }
  uint64_t bytes() const {
    return states_.bytes() + parents_.bytes() + slots_.size() * sizeof(uint32_t);
  }
  // True if no further state can be numbered.
  bool full() const { return states_.size() >= kMostStates; }

 private:
  static constexpr uint64_t kRing = 32;
  static constexpr uint64_t kMostStates = 0xdfffffffu;  // seven eighths of 2^32
  struct Waiting {
    Words words;
    uint64_t hash;
    uint32_t parent;
  };

  static uint64_t Hash(const Words& words) {
    uint64_t h = 0x9e3779b97f4a7c15u;
    for (uint64_t w : words) {
      h = (h ^ w) * 0xff51afd7ed558ccdu;
      h ^= h >> 32;
    }
    h *= 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
  }

  // std::array's own comparison calls memcmp.
  static bool Same(const Words& a, const Words& b) {
    uint64_t difference = 0;
    for (int i = 0; i < W; ++i) difference |= a[i] ^ b[i];
    return difference == 0;
  }

  // The part of a slot that comes from the hash; the lower half of the hash says
  // where it stands.
  uint32_t TagOf(uint64_t hash) const { return static_cast<uint32_t>(hash >> 32) & ~mask_; }

  // The number + 1 of the state in a slot that has this tag, or 0.
  uint32_t Named(uint32_t slot, uint32_t tag) const {
    return slot != 0 && (slot & ~mask_) == tag ? slot & mask_ : 0;
  }

  void PrefetchState(const Waiting& waiting) const {
    const uint32_t tag = TagOf(waiting.hash);
    uint32_t at = static_cast<uint32_t>(waiting.hash) & mask_;
    while (slots_[at] != 0 && Named(slots_[at], tag) == 0) at = (at + 1) & mask_;
    if (slots_[at] != 0) __builtin_prefetch(&states_[(slots_[at] & mask_) - 1]);
  }

  void Leave() {
    const Waiting& waiting = ring_[left_++ % kRing];
    const uint32_t tag = TagOf(waiting.hash);
    uint32_t at = static_cast<uint32_t>(waiting.hash) & mask_;
    for (; slots_[at] != 0; at = (at + 1) & mask_) {
      const uint32_t named = Named(slots_[at], tag);
      if (named != 0 && Same(states_[named - 1], waiting.words)) return;
    }
    if (full()) return;
    states_.PushBack(waiting.words);
    parents_.PushBack(waiting.parent);
    slots_[at] = tag | static_cast<uint32_t>(states_.size());
    if (states_.size() * 8 > slots_.size() * 7) Resize(bits_ + 1);
  }

  // The table is made anew from the array, after the old one is gone.
  void Resize(int bits) {
    bits_ = bits;
    mask_ = static_cast<uint32_t>((uint64_t{1} << bits) - 1);
    std::vector<uint32_t>().swap(slots_);
    slots_.resize(uint64_t{1} << bits, 0);
    for (uint64_t i = 0; i < states_.size(); ++i) {
      const uint64_t hash = Hash(states_[i]);
      uint32_t at = static_cast<uint32_t>(hash) & mask_;
      while (slots_[at] != 0) at = (at + 1) & mask_;
      slots_[at] = TagOf(hash) | static_cast<uint32_t>(i + 1);
    }
  }

  GrowingArray<Words> states_;
  GrowingArray<uint32_t> parents_;
  std::vector<uint32_t> slots_;  // 0, or part of a hash and the number of a state plus one
  int bits_ = 0;                 // of a number; there are as many slots as numbers
  uint32_t mask_ = 0;            // those bits
  std::array<Waiting, kRing> ring_{};
  uint64_t entered_ = 0, left_ = 0;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_STATE_STORE_H_
