// Successors that wait to be looked up, by the part of the table to which they belong.
// Internal to checker/.
//
// Looked up part by part, they find most of what they need in the processor's cache.  But what
// is new is given back in the order in which it was found: states that stand side by side in a
// level have many successors in common, which a small table of recent states then notices.
#ifndef SELKIE_CHECKER_WAITING_STATES_H_
#define SELKIE_CHECKER_WAITING_STATES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "checker/state_table.h"

namespace selkie {

// W: words of a state; they are mixed ones.
template <int W>
class WaitingStates {
 public:
  using Words = std::array<uint64_t, W>;
  static constexpr unsigned kParts = StateTable<W>::kParts;

  // Begins a round with room for about so many states; what came late to the last one is added.
  void BeginRound(size_t states) {
    Reserve(states / kParts);
    std::vector<Late> late;
    late.swap(late_);
    for (const Late& one : late) Add(one.part, one.mixed);
  }

  void Add(unsigned part, const Words& mixed) {
    uint32_t& size = sizes_[part];
    if (size == room_) return late_.push_back({part, mixed});
    states_[part * stride_ + size++] = mixed;
    order_[ordered_++] = static_cast<uint8_t>(part);
    full_ |= size == room_;
  }

  // Some part has no room left: what is added to it is late.
  bool full() const { return full_; }
  size_t size() const { return ordered_ + late_.size(); }
  uint64_t bytes() const {
    return stride_ * kParts * sizeof(Words) + room_ * kParts + late_.capacity() * sizeof(Late);
  }

  // Those of a part, to be looked up, and to be marked if new.
  std::span<Words> Of(unsigned part) { return {&states_[part * stride_], sizes_[part]}; }
  static void MarkNew(Words& mixed) { mixed[0] |= kNew; }

  // Ends the round: calls put_if(is new, mixed) for all but the late ones, in the order in which
  // they were added.
  template <typename PutIf>
  void EndRound(const PutIf& put_if) {
    std::array<uint32_t, kParts> taken{};
    for (size_t i = 0; i < ordered_; ++i) {
      Words mixed = states_[order_[i] * stride_ + taken[order_[i]]++];
      const bool is_new = (mixed[0] & kNew) != 0;
      mixed[0] &= ~kNew;
      put_if(is_new, mixed);
    }
    sizes_.fill(0);
    ordered_ = 0;
    full_ = false;
  }

 private:
  static constexpr uint64_t kNew = uint64_t{1} << 63;
  static constexpr size_t kLineWords = 8;

  struct Late {
    unsigned part;
    Words mixed;
  };

  // Not if there is not much less already: what was there before is not given back at once.
  void Reserve(size_t room) {
    if (room <= room_ + room_ / 4) return;
    room_ = room;
    // Parts begin in different sets of the processor's cache.
    stride_ = room / kLineWords * kLineWords + kLineWords;
    states_.reset();
    states_ = std::make_unique_for_overwrite<Words[]>(stride_ * kParts);
    order_ = std::make_unique_for_overwrite<uint8_t[]>(room_ * kParts);
  }

  size_t room_ = 0, stride_ = 0;  // of a part, in states
  std::unique_ptr<Words[]> states_;
  std::unique_ptr<uint8_t[]> order_;  // parts, as states were added
  size_t ordered_ = 0;
  std::array<uint32_t, kParts> sizes_{};
  bool full_ = false;
  std::vector<Late> late_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_WAITING_STATES_H_
