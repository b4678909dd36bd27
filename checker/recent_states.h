// States that were met a short time ago.  Internal to checker/.
#ifndef SELKIE_CHECKER_RECENT_STATES_H_
#define SELKIE_CHECKER_RECENT_STATES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "checker/words_hash.h"

namespace selkie {

// Two of three successors of a search by levels are among those of the last moments, so that
// this small table spares them a look-up, a canonical form or a message.
template <int W>
class RecentStates {
 public:
  using Words = std::array<uint64_t, W>;

  // True if the state was met a short time ago; from now on it was.
  bool Has(const Words& words) {
    Words& recent = table_[HashOfWords(words) >> 20 & (kStates - 1)];
    uint64_t difference = 0;  // std::array's own comparison calls memcmp
    for (int i = 0; i < W; ++i) difference |= recent[i] ^ words[i];
    recent = words;
    return difference == 0;
  }

 private:
  static constexpr uint64_t kStates = uint64_t{1} << 14;
  static Words NoState() {
    Words words;
    words.fill(~uint64_t{0});
    return words;
  }

  std::vector<Words> table_ = std::vector<Words>(kStates, NoState());
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_RECENT_STATES_H_
