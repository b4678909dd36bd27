// A hash of a state's words, the same in every process.  Internal to checker/.
#ifndef SELKIE_CHECKER_WORDS_HASH_H_
#define SELKIE_CHECKER_WORDS_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace selkie {

template <size_t W>
uint64_t HashOfWords(const std::array<uint64_t, W>& words) {
  uint64_t h = 0;
  for (size_t i = 0; i < W; ++i) {
    h = (h ^ words[i]) * 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
  }
  return h * 0xd6e8feb86659fd93u;
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_WORDS_HASH_H_
