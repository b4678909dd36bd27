#include "cli/search_forecast.h"

#include <algorithm>
#include <cmath>

namespace selkie {
namespace {

constexpr size_t kLevels = 4;       // from which the multiples are taken
constexpr double kShrinks = 0.995;  // the multiple, from level to level, at least so much

}  // namespace

void SearchForecast::Note(uint64_t states, int depth) {
  if (depth < depth_) *this = SearchForecast();
  if (depth > depth_ + 1) levels_.clear();  // several ended unseen
  if (depth == depth_ + 1 && states > before_)
    levels_.push_back(static_cast<double>(states - before_));
  if (depth > depth_) before_ = states;
  if (levels_.size() > kLevels) levels_.erase(levels_.begin());
  states_ = states;
  depth_ = depth;
}

std::optional<uint64_t> SearchForecast::StatesLeft() const {
  if (levels_.size() < kLevels) return std::nullopt;
  const double older = levels_[1] / levels_[0];
  double multiple = levels_[3] / levels_[2];
  const double shrinks = std::sqrt(multiple / older);  // two levels lie between
  if (shrinks > kShrinks) return std::nullopt;
  double level = levels_.back(), left = -static_cast<double>(states_ - std::min(states_, before_));
  do {
    multiple *= shrinks;
    level *= multiple;
    left += level;
  } while (level >= 1);
  if (left < 1) return std::nullopt;  // this level has more already
  return static_cast<uint64_t>(left);
}

}  // namespace selkie
