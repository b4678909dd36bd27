// All states seen, in the order in which they were found.
//
// States stand one after the other in an array, each with the number of the
// state that it was found from; an open-addressed table of numbers finds them
// again.  A look-up is two cache misses, so look-ups wait in a ring: when a
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

  StateStore() : slots_(uint64_t{1} << 12, 0), mask_(slots_.size() - 1) {}

  // Looks `words` up, some time before the next Flush returns; a new state is
  // appended with `parent`.
  void Enter(const Words& words, uint32_t parent) {
    Waiting& waiting = ring_[entered_ % kRing];
    waiting.words = words;
    waiting.parent = parent;
    waiting.hash = Hash(words);
    __builtin_prefetch(&slots_[waiting.hash & mask_]);
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
  static constexpr uint64_t kMostStates = 0xffffff00u;
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
    return h * 0xc4ceb9fe1a85ec53u >> 8;
  }

  // std::array's own comparison calls memcmp.
  static bool Same(const Words& a, const Words& b) {
    uint64_t difference = 0;
    for (int i = 0; i < W; ++i) difference |= a[i] ^ b[i];
    return difference == 0;
  }

  void PrefetchState(const Waiting& waiting) const {
    const uint32_t slot = slots_[waiting.hash & mask_];
    if (slot != 0) __builtin_prefetch(&states_[slot - 1]);
  }

  void Leave() {
    const Waiting& waiting = ring_[left_++ % kRing];
    uint64_t at = waiting.hash & mask_;
    for (; slots_[at] != 0; at = (at + 1) & mask_)
      if (Same(states_[slots_[at] - 1], waiting.words)) return;
    if (full()) return;
    states_.PushBack(waiting.words);
    parents_.PushBack(waiting.parent);
    slots_[at] = static_cast<uint32_t>(states_.size());
    if (states_.size() * 5 > slots_.size() * 3) Grow();
  }

  // The table is made anew from the array, after the old one is gone.
  void Grow() {
    const uint64_t size = slots_.size() * 2;
    slots_ = {};
    slots_.shrink_to_fit();
    slots_.resize(size, 0);
    mask_ = size - 1;
    for (uint64_t i = 0; i < states_.size(); ++i) {
      uint64_t at = Hash(states_[i]) & mask_;
      while (slots_[at] != 0) at = (at + 1) & mask_;
      slots_[at] = static_cast<uint32_t>(i + 1);
    }
  }

  GrowingArray<Words> states_;
  GrowingArray<uint32_t> parents_;
  std::vector<uint32_t> slots_;  // number of a state plus one, or 0
  uint64_t mask_;
  std::array<Waiting, kRing> ring_{};
  uint64_t entered_ = 0, left_ = 0;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_STATE_STORE_H_
