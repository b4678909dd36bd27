// How much of a search is left, by the sizes of its levels so far.
//
//   SearchForecast forecast;
//   forecast.Note(stats.states, stats.depth);   // again and again
//   if (std::optional<uint64_t> left = forecast.StatesLeft()) ...
//
// The sizes of the levels of a search in breadth first order rise and fall like a bell: each
// level is a smaller multiple of the one before than that was of the one before it.  The
// forecast goes on with the multiple, and with how it shrinks.  Before it shrinks there is
// none; at the widest level it is right within a factor of two or so.
#ifndef SELKIE_CLI_SEARCH_FORECAST_H_
#define SELKIE_CLI_SEARCH_FORECAST_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace selkie {

class SearchForecast {
 public:
  // So many states are known, and the farthest of them is at that depth.  (A search in a folder
  // that runs out of memory knows less of the level at hand than before.)  A depth that is less
  // than the one before is that of another search, which has begun.
  void Note(uint64_t states, int depth);

  // States still to be found; empty where nothing can be said.
  std::optional<uint64_t> StatesLeft() const;

 private:
  uint64_t states_ = 0;
  int depth_ = 0;
  uint64_t before_ = 0;         // states when the level at hand began
  std::vector<double> levels_;  // sizes of the last levels that are complete
};

}  // namespace selkie

#endif  // SELKIE_CLI_SEARCH_FORECAST_H_
