// The values that the errno oracle gives an argument: right ones and wrong ones.
#ifndef SELKIE_SCENARIOS_ERRNO_ARGUMENTS_H_
#define SELKIE_SCENARIOS_ERRNO_ARGUMENTS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "model/call.h"
#include "model/semantics.h"
#include "scenarios/errno_world.h"

namespace selkie {

struct ErrnoChoice {
  std::array<int64_t, 2> words{};  // as many as the argument has (WordsOf)
  bool wrong = false;              // else one more way to make the call
  bool foreign = false;            // a descriptor of what is no memfd
};

// The choices for argument `index` of the row in the world, each once, right ones
// first.  None for an argument without a word.
std::vector<ErrnoChoice> ErrnoChoicesFor(const CallSpec& spec, int index, const ErrnoWorld& world,
                                         const Semantics& semantics);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_ERRNO_ARGUMENTS_H_
