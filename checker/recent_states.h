// States that were met a short time ago.  Internal to checker/.
#ifndef SELKIE_CHECKER_RECENT_STATES_H_
#define SELKIE_CHECKER_RECENT_STATES_H_

#include <array>
#include <cstdint>
#include <vector>

namespace selkie {

// Two of three successors of a search by levels are among those of the last moments, so that
// this small table spares them a look-up, a canonical form or a message.
template <int W>
class RecentStates {
 public:
  using Words = std::array<uint64_t, W>;

  // True if the state was met a short time ago; from now on it was.
  bool Has(const Words& words) {
    Words& recent = table_[PlaceOf(words)];
    uint64_t difference = 0;  // std::array's own comparison calls memcmp
    for (int i = 0; i < W; ++i) difference |= recent[i] ^ words[i];
    recent = words;
    return difference == 0;
  }

 private:
  static constexpr int kBits = 14;
  static constexpr uint64_t kStates = uint64_t{1} << kBits;
  // A cheap hash: a state that is forgotten is only looked up.
  static uint64_t PlaceOf(const Words& words) {
    uint64_t h = words[0];
    for (int i = 1; i < W; ++i) h = (h ^ h >> 32) * 0xd6e8feb86659fd93u + words[i];
    return h * 0x9e3779b97f4a7c15u >> (64 - kBits);
  }
  static Words NoState() {
    Words words;
    words.fill(~uint64_t{0});
    return words;
  }

  std::vector<Words> table_ = std::vector<Words>(kStates, NoState());
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_RECENT_STATES_H_
