#include "scenarios/tell_apart.h"

#include "scenarios/generate.h"
#include "scenarios/shrink.h"

namespace selkie {
namespace {

// Few objects, so that calls meet; now and then a second task or another user.
Limits LimitsOf(uint64_t index) {
  Limits limits;
  limits.fds = 4;
  limits.files = 4;
  limits.inodes = 1 + index % 8 / 7;
  limits.tasks = static_cast<uint8_t>(1 + index % 2);
  return limits;
}

std::vector<int> UidsOf(uint64_t index) {
  if (index % 4 == 1) return {1000, 1001};
  return {index % 8 == 2 ? 0 : 1000};
}

// Index of the first call with a wanted difference, or -1.
int FirstWanted(const Sequence& sequence, const Semantics& first, const Semantics& second,
                const Wanted& wanted) {
  const Contrast contrast = ReplayBoth(sequence, first, second);
  for (const Difference& difference : contrast.differences)
    if (wanted(contrast, difference)) return difference.call;
  return -1;
}

bool EndsWanted(const Sequence& sequence, const Semantics& first, const Semantics& second,
                const Wanted& wanted) {
  const Contrast contrast = ReplayBoth(sequence, first, second);
  if (contrast.differences.empty()) return false;
  const Difference& last = contrast.differences.back();
  return last.call + 1 == static_cast<int>(sequence.calls.size()) && wanted(contrast, last);
}

}  // namespace

std::optional<Sequence> ShortestThat(const Sequence& sequence, const Semantics& first,
                                     const Semantics& second, const Wanted& wanted) {
  const int at = FirstWanted(sequence, first, second, wanted);
  if (at < 0) return std::nullopt;
  const auto ends_wanted = [&](const Sequence& s) { return EndsWanted(s, first, second, wanted); };
  Sequence cut = sequence;
  cut.calls.resize(static_cast<size_t>(at) + 1);
  Sequence free = cut;
  free.limits = Limits{};
  if (ends_wanted(free)) cut = free;
  if (!ends_wanted(cut)) return std::nullopt;
  return Shrink(cut, ends_wanted);
}

void TellApart(const Semantics& first, const Semantics& second, const TellApartOptions& options,
               const Wanted& wanted, const std::function<void(const Sequence&)>& found) {
  for (int64_t i = 0; i < options.sequences; ++i) {
    if (options.interrupted != nullptr && options.interrupted->load()) return;
    const auto index = static_cast<uint64_t>(i);
    // Calls are chosen in view of one side's states and then of the other's.
    const Sequence sequence =
        RandomSequence(SequenceSeed(options.seed, index), options.length, LimitsOf(index),
                       UidsOf(index), index / 8 % 2 == 0 ? first : second);
    const std::optional<Sequence> shortest = ShortestThat(sequence, first, second, wanted);
    if (shortest) found(*shortest);
  }
}

}  // namespace selkie
