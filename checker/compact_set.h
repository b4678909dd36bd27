// The states seen, in fewer bytes than their words have (Cleary's table).
//
// A state of b bits is mixed to another number of b bits, one to one.  Its bucket is the
// number's place among all of them; so only what is left within the bucket is stored, and how many
// buckets further on it had to go because its own was full.  With 45 bits and 25 million states
// that is 4 bytes a state.  Exact, as the number can be had back.  For one thread.
#ifndef SELKIE_CHECKER_COMPACT_SET_H_
#define SELKIE_CHECKER_COMPACT_SET_H_

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "checker/state_set.h"

namespace selkie {

class CompactSet {
 public:
  using Words = std::array<uint64_t, 1>;
  using Inserted = StateSet<1>::Inserted;

  // For states of `bits`, 1 .. 63.  Never grows beyond `most_bytes`.
  CompactSet(int bits, uint64_t most_bytes);

  // The mixed number: it stands for the state in what follows.
  uint64_t HashOf(const Words& words) const {
    uint64_t h = words[0];
    for (const uint64_t odd : {0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u}) {
      h = h * odd & mask_;
      h ^= h >> half_;
    }
    return h * 0xff51afd7ed558ccdu & mask_;
  }

  void Prefetch(uint64_t hash) const { __builtin_prefetch(SlotAt(BucketOf(hash) * kBucket)); }
  void PrefetchMore(uint64_t hash) const {
    __builtin_prefetch(SlotAt(BucketOf(hash) * kBucket) + 64);
  }

  // kFull: the table must Grow first.
  Inserted Insert(const Words&, uint64_t hash) { return InsertHash(hash); }

  void Count(uint64_t inserted) { count_ += inserted; }
  uint64_t count() const { return count_; }
  uint64_t bytes() const { return (buckets_ + kBeyond) * kBucket * slot_bytes_; }

  // False if the table may not grow any more.
  bool Grow();

 private:
  static constexpr uint64_t kBucket = 16;                           // slots
  static constexpr int kFurtherBits = 4;                            // how far a state may go
  static constexpr uint64_t kBeyond = uint64_t{1} << kFurtherBits;  // buckets behind the last

  uint64_t BucketOf(uint64_t hash) const {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(hash) * buckets_ >> bits_);
  }
  // The least number of a bucket.
  uint64_t BeginOf(uint64_t bucket) const {
    const auto wide = (static_cast<unsigned __int128>(bucket) << bits_) + buckets_ - 1;
    return static_cast<uint64_t>(wide / buckets_);
  }
  uint8_t* SlotAt(uint64_t slot) const { return bytes_ + slot * slot_bytes_; }
  uint64_t Get(uint64_t slot) const {
    uint64_t value;
    std::memcpy(&value, SlotAt(slot), sizeof(value));
    return value & slot_mask_;
  }
  void Put(uint64_t slot, uint64_t value) { std::memcpy(SlotAt(slot), &value, slot_bytes_); }

  Inserted InsertHash(uint64_t hash);
  uint64_t HashAt(uint64_t slot, uint64_t value) const {
    const uint64_t further = (value - 1) & (kBeyond - 1);
    return BeginOf(slot / kBucket - further) + ((value - 1) >> kFurtherBits);
  }
  // Bits of what is stored of a state among so many buckets, without the one that makes it not 0.
  int BitsWith(uint64_t buckets) const {
    return bits_ - static_cast<int>(std::bit_width(buckets) - 1) + 1 + kFurtherBits;
  }

  int bits_, half_;
  uint64_t mask_;
  int slot_bytes_ = 8;
  uint64_t slot_mask_;
  uint64_t buckets_;
  uint64_t most_buckets_;
  ReservedMemory memory_;
  uint8_t* bytes_;
  uint64_t count_ = 0;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_COMPACT_SET_H_
