// The states seen, in fewer bytes than their words have (Cleary's table), in parts.
//
// A state's first word is mixed to another number of as many bits, one to one (Mix, Unmix).
// Which part of the table it belongs to, and which bucket there, follows from that number's
// place among all; so only its last bits are stored, and how many buckets further on it
// had to go because its own was full; the few that would have to go far are kept as they are.
// Exact, as the number can be had back.  57 bits and 20 million states are 5 bytes a state.
//
// A bucket is a line of the processor's cache, or a few where states are wide:
//   4 bytes of each slot, which all are compared at once; the other bytes of each; the number of
//   slots taken (last byte).  Nothing is ever taken out, so that slots fill in order.
// Each part grows by itself, in place, from its end to its beginning, in memory that was
// reserved for it: there are never two copies, and a part is small enough for the processor's
// cache if what is to be inserted comes part by part.  Several threads may insert into different
// parts.
#ifndef SELKIE_CHECKER_STATE_TABLE_H_
#define SELKIE_CHECKER_STATE_TABLE_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "checker/reserved_memory.h"
#include "checker/words_hash.h"

namespace selkie {

enum class Inserted : uint8_t { kNew, kKnown, kFull };

// W: words of a state; bit 63 of word 0 is 0 in all of them, mixed or not.
template <int W>
class StateTable {
 public:
  using Words = std::array<uint64_t, W>;
  static constexpr int kPartBits = 8;
  static constexpr unsigned kParts = 1u << kPartBits;

  // How it grows: in steps that take little time, or in steps that waste little memory.
  enum class Growth : uint8_t { kFast, kSmall };

  // For states of which only the first `bits` bits may be set, and of bit 63 none.  Never takes
  // more than `most_bytes`.
  StateTable(int bits, uint64_t most_bytes, Growth growth = Growth::kFast);

  // The state as it is asked for below, and back.
  Words Mix(Words words) const {
    uint64_t h = words[0] ^ (HashOfRest(words) & first_mask_);
    h = h * kOdd[0] & first_mask_;
    h ^= h >> half_;
    h = h * kOdd[1] & first_mask_;
    h ^= h >> half_;
    words[0] = h * kOdd[2] & first_mask_;
    return words;
  }
  Words Unmix(Words mixed) const {
    uint64_t h = mixed[0] * kInverse[2] & first_mask_;
    h ^= h >> half_;
    h = h * kInverse[1] & first_mask_;
    h ^= h >> half_;
    h = h * kInverse[0] & first_mask_;
    mixed[0] = h ^ (HashOfRest(mixed) & first_mask_);
    return mixed;
  }

  unsigned PartOf(const Words& mixed) const {
    return static_cast<unsigned>(mixed[0] >> place_bits_);
  }

  // Its part grows if it must.  kFull: it may not, and the table is of no use any more.
  Inserted Insert(const Words& mixed) {
    Part& part = parts_[PartOf(mixed)];
    return InsertAt(part, HomeOf(part, mixed), mixed);
  }

  // Inserts states that are all of this part, and calls is_new(state) for those that are new.
  // False: the table is full.
  template <typename IsNew>
  bool InsertAll(unsigned number, std::span<Words> states, const IsNew& is_new) {
    Part& part = parts_[number];
    std::array<uint64_t, kAhead> homes;  // of the states that come next: they are being fetched
    const auto begin_fetch = [&](size_t i) {
      homes[i % kAhead] = HomeOf(part, states[i]);
      __builtin_prefetch(BucketAt(part, homes[i % kAhead]));
    };
    const size_t size = states.size();
    for (size_t i = 0; i < std::min(kAhead, size); ++i) begin_fetch(i);
    for (size_t i = 0; i < size; ++i) {
      const uint64_t home = homes[i % kAhead], buckets = part.buckets;
      if (i + kAhead < size) begin_fetch(i + kAhead);
      const Inserted inserted = InsertAt(part, home, states[i]);
      if (inserted == Inserted::kFull) return false;
      if (inserted == Inserted::kNew) is_new(states[i]);
      if (part.buckets == buckets) continue;
      for (size_t k = i + 1; k < std::min(i + 1 + kAhead, size); ++k) begin_fetch(k);
    }
    return true;
  }

  uint64_t count() const {
    uint64_t count = 0;
    for (const Part& part : parts_) count += part.count;
    return count;
  }
  uint64_t bytes() const {
    uint64_t buckets = 0;
    uint64_t far = 0;
    for (const Part& part : parts_) {
      buckets += part.buckets + kBeyond;
      far += part.far.capacity();
    }
    return buckets * kBucketBytes + far * (sizeof(Words) + 1);
  }

 private:
  static constexpr int kFurtherBits = 3;                            // how far a state may go
  static constexpr uint64_t kBeyond = uint64_t{1} << kFurtherBits;  // buckets behind the last
  static constexpr uint64_t kMostFar = 64;                          // of so many states one is far
  static constexpr size_t kAhead = 16;                              // states that are fetched
  static constexpr uint64_t kFirstBuckets = 16;                     // of a part
  static constexpr unsigned kLanes = 16;  // slots of a bucket at most, and one more
  static constexpr size_t kLine = 64;
  // Of at least five slots.
  static constexpr size_t kBucketBytes = (5 * 8 * W + 1 + kLine - 1) / kLine * kLine;
  static constexpr uint64_t kPage = 4096;
  static constexpr int kLeastBits = 24;  // of a first word as it is mixed
  static constexpr std::array<uint64_t, 3> kOdd = {0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u,
                                                   0xff51afd7ed558ccdu};
  static constexpr uint64_t InverseOf(uint64_t odd) {
    uint64_t inverse = odd;  // right in three bits; each turn doubles them
    for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;
    return inverse;
  }
  static constexpr std::array<uint64_t, 3> kInverse = {InverseOf(kOdd[0]), InverseOf(kOdd[1]),
                                                       InverseOf(kOdd[2])};

  struct alignas(kLine) Part {
    uint8_t* data = nullptr;
    uint64_t number = 0;
    uint64_t buckets = 0;
    uint64_t keep = 0;  // of a mixed first word: what is stored
    unsigned slots = 0;
    unsigned more_bytes = 0;  // of a stored first word, after four
    uint64_t count = 0, most = 0;
    absl::flat_hash_set<Words> far;  // of which all buckets were full
  };

  static uint64_t HashOfRest(const Words& words) {
    if constexpr (W == 1) return 0;
    std::array<uint64_t, W> rest = words;
    rest[0] = 0;
    return HashOfWords(rest);
  }
  // Bytes of a part of so many buckets; a look-up reads a little more than its bucket.
  uint64_t StrideFor(uint64_t buckets) const {
    return ((buckets + kBeyond) * kBucketBytes + kLine + kPage - 1) / kPage * kPage;
  }
  static uint64_t LowMask(int bits) { return (uint64_t{1} << bits) - 1; }

  // A state's place in its part, times the buckets.
  uint64_t HomeOf(const Part& part, const Words& mixed) const {
    const uint64_t place = mixed[0] << (64 - place_bits_);
    return static_cast<uint64_t>(static_cast<unsigned __int128>(place) * part.buckets >> 64);
  }
  // The first place of a bucket.
  uint64_t BeginOf(const Part& part, uint64_t bucket) const {
    const auto wide = (static_cast<unsigned __int128>(bucket) << place_bits_) + part.buckets - 1;
    return static_cast<uint64_t>(wide / part.buckets);
  }
  uint8_t* BucketAt(const Part& part, uint64_t bucket) const {
    return part.data + bucket * kBucketBytes;
  }
  uint8_t& TakenOf(uint8_t* bucket) const { return bucket[kBucketBytes - 1]; }

  // Where the bytes of a slot are that are not compared at once.
  size_t MoreAt(const Part& part, unsigned slot) const {
    return 4 * part.slots + slot * (part.more_bytes + rest_bytes_);
  }

  // Bit i: the four bytes of slot i are these.  Without a branch, four at a time: where in a
  // bucket a state stands is what no processor can predict.
  static unsigned LanesWith(const uint8_t* bucket, uint32_t low) {
    using Four [[gnu::vector_size(16)]] = uint32_t;
    using Two [[gnu::vector_size(16)]] = uint64_t;
    static constexpr Four kBits[kLanes / 4] = {
        {1, 2, 4, 8},
        {1 << 4, 2 << 4, 4 << 4, 8 << 4},
        {1 << 8, 2 << 8, 4 << 8, 8 << 8},
        {1 << 12, 2 << 12, 4 << 12, 8 << 12},
    };
    Four same{};
    for (unsigned i = 0; i < kLanes / 4; ++i) {
      Four stored;
      std::memcpy(&stored, bucket + i * sizeof(stored), sizeof(stored));
      same |= reinterpret_cast<Four>(stored == low) & kBits[i];
    }
    const auto halves = reinterpret_cast<Two>(same);
    const uint64_t both = halves[0] | halves[1];
    return static_cast<unsigned>(both | both >> 32);
  }

  bool MoreIs(const Part& part, const uint8_t* bucket, unsigned slot, uint64_t first,
              const Words& mixed) const {
    const uint8_t* more = bucket + MoreAt(part, slot);
    uint64_t high = 0;
    std::memcpy(&high, more, 4);
    if (((high ^ (first >> 32)) & LowMask(8 * static_cast<int>(part.more_bytes))) != 0)
      return false;
    if constexpr (W == 1) return true;
    return std::memcmp(more + part.more_bytes, &mixed[W > 1], rest_bytes_) == 0;
  }

  bool Has(const Part& part, const uint8_t* bucket, unsigned taken, uint64_t first,
           const Words& mixed) const {
    unsigned same = LanesWith(bucket, static_cast<uint32_t>(first));
    for (same &= (1u << taken) - 1; same != 0; same &= same - 1)
      if (MoreIs(part, bucket, static_cast<unsigned>(std::countr_zero(same)), first, mixed))
        return true;
    return false;
  }

  void Append(const Part& part, uint8_t* bucket, uint64_t first, const Words& mixed) {
    const unsigned slot = TakenOf(bucket)++;
    const auto low = static_cast<uint32_t>(first);
    std::memcpy(bucket + size_t{4} * slot, &low, sizeof(low));
    uint8_t* more = bucket + MoreAt(part, slot);
    for (unsigned i = 0; i < part.more_bytes; ++i)
      more[i] = static_cast<uint8_t>(first >> (32 + 8 * i));
    if constexpr (W > 1) std::memcpy(more + part.more_bytes, &mixed[1], rest_bytes_);
  }

  Inserted InsertAt(Part& part, uint64_t home, const Words& mixed) {
    Inserted inserted = TryInsert(part, home, mixed);
    while (inserted == Inserted::kFull && Grow(part))
      inserted = TryInsert(part, HomeOf(part, mixed), mixed);
    return inserted;
  }

  Inserted TryInsert(Part& part, uint64_t home, const Words& mixed) {
    const uint64_t first = (mixed[0] & part.keep) << kFurtherBits;
    uint8_t* bucket = BucketAt(part, home);
    for (uint64_t further = 0; further < kBeyond; ++further, bucket += kBucketBytes) {
      const unsigned taken = TakenOf(bucket);
      if (Has(part, bucket, taken, first | further, mixed)) return Inserted::kKnown;
      if (taken == part.slots) continue;
      if (part.count >= part.most) return Inserted::kFull;
      Append(part, bucket, first | further, mixed);
      ++part.count;
      return Inserted::kNew;
    }
    return InsertFar(part, mixed);
  }

  // A state for which there is no room in the buckets to which it may go.
  Inserted InsertFar(Part& part, const Words& mixed) {
    if (part.far.contains(mixed)) return Inserted::kKnown;
    if (part.count >= part.most || part.far.size() >= part.most / kMostFar) return Inserted::kFull;
    part.far.insert(mixed);
    ++part.count;
    return Inserted::kNew;
  }

  // Writes to new buckets before they are read: memory that is read first is mapped twice, and
  // the second time all threads are stopped for it.
  void Empty(Part& part, uint64_t begin, uint64_t end) {
    for (uint64_t bucket = begin; bucket < end; ++bucket) TakenOf(BucketAt(part, bucket)) = 0;
  }
  // How states are stored among so many buckets.
  void SetBuckets(Part& part, uint64_t buckets);
  // What a slot of a bucket holds, as a mixed state; `copy`: of the bucket.
  Words StateAt(const Part& part, uint64_t bucket, const uint8_t* copy, unsigned slot) const;
  uint64_t LargerThan(const Part& part) const;
  bool Grow(Part& part);

  const Growth growth_;
  int first_bits_;  // of a mixed first word
  int half_;
  int place_bits_;  // of a place in a part
  uint64_t first_mask_;
  size_t rest_bytes_;  // of the words after the first
  ReservedMemory memory_;
  uint64_t most_buckets_;  // of a part
  std::array<Part, kParts> parts_;
};

template <int W>
StateTable<W>::StateTable(int bits, uint64_t most_bytes, Growth growth)
    : growth_(growth),
      first_bits_(std::clamp(bits, kLeastBits, 63)),
      half_((first_bits_ + 1) / 2),
      place_bits_(first_bits_ - kPartBits),
      first_mask_(LowMask(first_bits_)),
      rest_bytes_(W == 1 ? 0 : std::clamp((bits - 64 + 7) / 8, 1, 8 * (W - 1))),
      memory_(most_bytes + kParts * kPage, kParts * StrideFor(kFirstBuckets)) {
  const uint64_t stride = memory_.bytes() / kParts / kPage * kPage;
  most_buckets_ = std::max(std::min(stride - kLine, most_bytes / kParts / 32 * 31) / kBucketBytes,
                           kFirstBuckets + kBeyond) -
                  kBeyond;
  for (unsigned i = 0; i < kParts; ++i) {
    parts_[i].data = static_cast<uint8_t*>(memory_.data()) + i * stride;
    parts_[i].number = i;
    SetBuckets(parts_[i], kFirstBuckets);
    Empty(parts_[i], 0, kFirstBuckets + kBeyond);
  }
}

template <int W>
void StateTable<W>::SetBuckets(Part& part, uint64_t buckets) {
  const int told_by_bucket = static_cast<int>(std::bit_width(buckets)) - 1;
  const int kept = std::max(place_bits_ - told_by_bucket, 0);
  const unsigned bytes = std::max((kept + kFurtherBits + 7) / 8, 4);
  part.buckets = buckets;
  part.keep = LowMask(kept);
  part.more_bytes = bytes - 4;
  part.slots = static_cast<unsigned>(
      std::min<size_t>((kBucketBytes - 1) / (bytes + rest_bytes_), kLanes - 1));
  const uint64_t slots = buckets * part.slots;
  part.most = growth_ == Growth::kFast ? slots * 29 / 32 : slots * 15 / 16;
}

// Coarse steps while it is small.
template <int W>
uint64_t StateTable<W>::LargerThan(const Part& part) const {
  constexpr uint64_t kSmallPart = 256;
  const uint64_t old = part.buckets;
  const uint64_t step = old < kSmallPart ? old : growth_ == Growth::kFast ? old * 2 / 5 : old / 8;
  return std::min(old + step, most_buckets_);
}

template <int W>
typename StateTable<W>::Words StateTable<W>::StateAt(const Part& part, uint64_t bucket,
                                                     const uint8_t* copy, unsigned slot) const {
  uint32_t low = 0, high = 0;
  std::memcpy(&low, copy + size_t{4} * slot, sizeof(low));
  const uint8_t* more = copy + MoreAt(part, slot);
  std::memcpy(&high, more, part.more_bytes);
  const uint64_t first = uint64_t{high} << 32 | low;
  const uint64_t begin = BeginOf(part, bucket - (first & (kBeyond - 1)));
  Words mixed{};
  mixed[0] = part.number << place_bits_ | (begin + (((first >> kFurtherBits) - begin) & part.keep));
  if constexpr (W > 1) std::memcpy(&mixed[1], more + part.more_bytes, rest_bytes_);
  return mixed;
}

// A state goes to where it belongs among more buckets, which is not before where it is; but for
// those that had gone further, which wait until all have moved.
template <int W>
bool StateTable<W>::Grow(Part& part) {
  const uint64_t larger = LargerThan(part);
  if (larger <= part.buckets + part.buckets / 16) return false;
  std::vector<Words> waiting(part.far.begin(), part.far.end());
  part.far = {};
  const Part old = part;
  SetBuckets(part, larger);
  part.count = 0;
  Empty(part, old.buckets + kBeyond, larger + kBeyond);
  std::array<uint8_t, kBucketBytes> copy;
  for (uint64_t at = old.buckets + kBeyond; at-- > 0;) {
    uint8_t* bucket = BucketAt(part, at);
    const unsigned taken = TakenOf(bucket);
    if (taken == 0) continue;
    std::memcpy(copy.data(), bucket, kBucketBytes);
    TakenOf(bucket) = 0;
    for (unsigned slot = 0; slot < taken; ++slot) {
      const Words mixed = StateAt(old, at, copy.data(), slot);
      const uint64_t home = HomeOf(part, mixed);
      if (home < at || TryInsert(part, home, mixed) != Inserted::kNew) waiting.push_back(mixed);
    }
  }
  for (const Words& mixed : waiting)
    if (Insert(mixed) == Inserted::kFull) return false;
  return true;
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_STATE_TABLE_H_
