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

#include "checker/reserved_memory.h"
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
    Room& room = rooms_[part];
    if (room.next == room.end) return late_.push_back({part, mixed});
    *room.next++ = mixed;
    order_[ordered_++] = PartNumber{static_cast<uint8_t>(part)};
  }

  // A part had no room left for what was added last.
  bool full() const { return !late_.empty(); }
  size_t size() const { return ordered_ + late_.size(); }
  uint64_t bytes() const {
    return stride_ * kParts * sizeof(Words) + room_ * kParts + late_.capacity() * sizeof(Late);
  }

  // Those of a part, to be looked up, and to be marked if new.
  std::span<Words> Of(unsigned part) { return {rooms_[part].begin, rooms_[part].next}; }
  static void MarkNew(Words& mixed) { mixed[0] |= kNew; }

  // Ends the round: calls put_if(is new, mixed) for all but the late ones, in the order in which
  // they were added.
  template <typename PutIf>
  void EndRound(const PutIf& put_if) {
    for (Room& room : rooms_) room.next = room.begin;
    for (size_t i = 0; i < ordered_; ++i) {
      Words mixed = *rooms_[static_cast<uint8_t>(order_[i])].next++;
      const bool is_new = (mixed[0] & kNew) != 0;
      mixed[0] &= ~kNew;
      put_if(is_new, mixed);
    }
    for (Room& room : rooms_) room.next = room.begin;
    ordered_ = 0;
  }

 private:
  static constexpr uint64_t kNew = uint64_t{1} << 63;
  static constexpr size_t kLineWords = 8;

  // Not uint8_t, which might be any other object.
  enum class PartNumber : uint8_t {};
  struct Room {
    Words *begin, *next, *end;
  };
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
    const uint64_t bytes = stride_ * kParts * sizeof(Words);
    states_ = std::make_unique<ReservedMemory>(bytes, bytes, ReservedMemory::Pages::kHuge);
    order_ = std::make_unique_for_overwrite<PartNumber[]>(room_ * kParts);
    for (unsigned part = 0; part < kParts; ++part) {
      Words* const begin = static_cast<Words*>(states_->data()) + part * stride_;
      rooms_[part] = {begin, begin, begin + room_};
    }
  }

  size_t room_ = 0, stride_ = 0;  // of a part, in states
  std::unique_ptr<ReservedMemory> states_;
  std::array<Room, kParts> rooms_{};
  std::unique_ptr<PartNumber[]> order_;  // as states were added
  size_t ordered_ = 0;
  std::vector<Late> late_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_WAITING_STATES_H_
