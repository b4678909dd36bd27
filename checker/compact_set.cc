#include "checker/compact_set.h"

#include <algorithm>

namespace selkie {
namespace {

constexpr uint64_t kFirstBytes = uint64_t{1} << 26;  // of a table without states, at most

constexpr uint64_t kBehind = uint64_t{1} << 16;  // for the buckets behind the last, at least

}  // namespace

// The fewest bytes a slot with which the first table is small.
CompactSet::CompactSet(int bits, uint64_t most_bytes)
    : bits_(bits),
      half_((bits + 1) / 2),
      mask_((uint64_t{1} << bits) - 1),
      slot_mask_(0),
      buckets_(uint64_t{1} << 8),
      most_buckets_(0),
      memory_(most_bytes + kBehind, kFirstBytes + kBehind) {
  for (slot_bytes_ = 2; slot_bytes_ < 8; ++slot_bytes_) {
    while (BitsWith(buckets_) >= 8 * slot_bytes_ && buckets_ * kBucket * slot_bytes_ <= kFirstBytes)
      buckets_ *= 2;
    if (BitsWith(buckets_) < 8 * slot_bytes_ && buckets_ * kBucket * slot_bytes_ <= kFirstBytes)
      break;
    buckets_ = uint64_t{1} << 8;
  }
  slot_mask_ = slot_bytes_ == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * slot_bytes_)) - 1;
  most_buckets_ = std::min(most_bytes, memory_.bytes() - kBehind) / (kBucket * slot_bytes_);
  bytes_ = static_cast<uint8_t*>(memory_.data());
}

CompactSet::Inserted CompactSet::InsertHash(uint64_t hash) {
  const uint64_t home = BucketOf(hash);
  const uint64_t rest = hash - BeginOf(home);
  for (uint64_t further = 0; further < kBeyond; ++further) {
    const uint64_t value = (rest << kFurtherBits | further) + 1;
    const uint64_t begin = (home + further) * kBucket;
    for (uint64_t slot = begin; slot < begin + kBucket; ++slot) {
      const uint64_t seen = Get(slot);
      if (seen == value) return Inserted::kKnown;
      if (seen != 0) continue;
      if (buckets_ > most_buckets_ || count_ >= buckets_ * kBucket * 29 / 32)
        return Inserted::kFull;
      Put(slot, value);
      return Inserted::kNew;
    }
  }
  return Inserted::kFull;  // it would have to go too far
}

// As in StateSet: from the end to the beginning, what would go back waits.
bool CompactSet::Grow() {
  const uint64_t old = buckets_;
  const uint64_t larger = old + old / (old * kBucket < (uint64_t{1} << 22) ? 1 : 8) + 1;
  if (larger > most_buckets_) return false;
  std::vector<uint64_t> waiting;
  for (uint64_t slot = (old + kBeyond) * kBucket; slot-- > 0;) {
    const uint64_t value = Get(slot);
    if (value == 0) continue;
    buckets_ = old;
    const uint64_t hash = HashAt(slot, value);
    Put(slot, 0);
    buckets_ = larger;
    const uint64_t count = count_;
    count_ = 0;
    if (BucketOf(hash) * kBucket < slot || InsertHash(hash) != Inserted::kNew)
      waiting.push_back(hash);
    count_ = count;
  }
  buckets_ = larger;
  const uint64_t count = count_;
  count_ = 0;
  bool all = true;
  for (const uint64_t hash : waiting) all &= InsertHash(hash) == Inserted::kNew;
  count_ = count;
  return all;
}

}  // namespace selkie
