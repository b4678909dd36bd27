// A progress line on a terminal, and colour.
//
//   ProgressLine progress(context.err_is_terminal);
//   for (...) progress.Update([&] { return fmt::format("{} states", n); });
//   // the line is gone when `progress` goes
#ifndef SELKIE_CLI_PROGRESS_H_
#define SELKIE_CLI_PROGRESS_H_

#include <chrono>
#include <string>
#include <string_view>

namespace selkie {

// One line on stderr that is rewritten in place, at most ten times a second.
// Writes nothing at all if it is not enabled.
class ProgressLine {
 public:
  explicit ProgressLine(bool enabled) : enabled_(enabled) {}
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Calls `text()` and shows what it returns, if the line is due.  Cheap
  // enough for a loop of microseconds: one look at the clock.
  template <typename Text>
  void Update(Text text) {
    if (Due()) Show(text());
  }

  // Shows `text` at once, cut to the terminal's width.
  void Show(std::string_view text);

  // Removes the line, so that other output may follow.
  void Clear();

 private:
  bool Due() const { return enabled_ && std::chrono::steady_clock::now() >= next_; }

  bool enabled_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_{};
};

// The part of `text` that fits into `columns`, and an ellipsis if it was cut.
// Counts a UTF-8 sequence as one column; control characters become spaces.
std::string FitLine(std::string_view text, int columns);

enum class Colour { kRed, kGreen, kYellow, kBlue, kBold, kDim };

// `text` in that colour, or as it is if colour is not `enabled`.
std::string Paint(std::string_view text, Colour colour, bool enabled);

}  // namespace selkie

#endif  // SELKIE_CLI_PROGRESS_H_
