// One boot of a guest, watched to its end.
#ifndef SELKIE_KERNEL_QEMU_RUN_H_
#define SELKIE_KERNEL_QEMU_RUN_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "kernel/guest_frame.h"
#include "kernel/qemu.h"
#include "kernel/qemu_process.h"

namespace selkie {

// How a boot ended, in the order in which they are looked for.
enum class GuestEnd {
  kPanic,         // the console shows a panic, an oops or a BUG
  kDamaged,       // the report is not made of frames
  kInitFailed,    // init said that it could not do its work
  kCommandEnded,  // the only good one
  kInterrupted,
  kNoReport,  // QEMU ended first
  kSilent,    // nothing for too long
  kTimeout,   // the command took too long
};

// The first line of a console that tells of a panic, an oops or a BUG; "" if
// none does.
std::string_view FindPanic(std::string_view console);

// The last lines of a console, without control characters, each indented by two.
std::string LastLines(std::string_view console, size_t count);

class GuestRun {
 public:
  // The paths are those of `settings`; `request` outlives this object.
  GuestRun(const GuestRequest& request, const QemuSettings& settings, QemuProcess qemu);

  // Reads, and calls request.on_line, until the boot ends, and stops QEMU.
  GuestEnd Watch();

  // What came; boots is not filled in.
  const GuestOutcome& outcome() const { return outcome_; }
  bool begun() const { return begun_.has_value(); }
  // The end in words, with the console's and QEMU's last lines where they help.
  std::string Explain(GuestEnd end) const;

 private:
  using Clock = std::chrono::steady_clock;

  void ReadReport();
  void Take(const Frame& frame);
  void Print(GuestStream stream, std::string_view bytes);
  void PrintLine(GuestStream stream, std::string_view line) const;
  void ReadConsole();
  std::optional<GuestEnd> Ended(bool qemu_ended) const;
  std::optional<GuestEnd> TooLong() const;

  const GuestRequest& request_;
  QemuProcess qemu_;
  GrowingFile report_;
  GrowingFile console_;
  GrowingFile log_;
  FrameReader frames_;
  LineSplitter lines_[2];
  std::string console_text_;
  std::string log_text_;
  std::string failure_;  // init's own words
  absl::Status damage_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_sign_ = start_;
  std::optional<Clock::time_point> begun_;
  std::optional<Clock::time_point> ended_;     // the command
  std::optional<Clock::time_point> panicked_;  // seen here
  GuestOutcome outcome_;
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_QEMU_RUN_H_
