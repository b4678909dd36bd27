#include "kernel/qemu_run.h"

#include <algorithm>
#include <charconv>
#include <thread>
#include <vector>

#include "fmt/format.h"

namespace selkie {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kPollInterval(10);
// A panicking kernel prints for a moment, then ends QEMU (panic=-1, -no-reboot).
constexpr seconds kPanicPatience(3);
// From the exit report to power-off; after that QEMU is killed.
constexpr seconds kPowerOffPatience(5);
constexpr size_t kConsoleLines = 20;

double Seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::string Printable(std::string_view line) {
  std::string text;
  for (unsigned char c : line)
    if (c >= ' ' && c != 0x7f) text.push_back(static_cast<char>(c));
  return text;
}

}  // namespace

std::string_view FindPanic(std::string_view console) {
  constexpr std::string_view kMarks[] = {"Kernel panic", "Oops:", "BUG:", "kernel BUG at"};
  size_t first = std::string_view::npos;
  for (std::string_view mark : kMarks) first = std::min(first, console.find(mark));
  if (first == std::string_view::npos) return "";
  size_t start = console.rfind('\n', first);
  start = start == std::string_view::npos ? 0 : start + 1;
  std::string_view line = console.substr(start, console.find('\n', first) - start);
  while (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string LastLines(std::string_view console, size_t count) {
  LineSplitter splitter;
  std::vector<std::string> lines = splitter.Add(console);
  lines.push_back(splitter.Rest());
  std::vector<std::string> kept;
  for (const std::string& line : lines)
    if (std::string text = Printable(line); !text.empty()) kept.push_back(text);
  std::string text;
  for (size_t i = kept.size() - std::min(kept.size(), count); i < kept.size(); ++i)
    text += fmt::format("\n  {}", kept[i]);
  return text;
}

GuestRun::GuestRun(const GuestRequest& request, const QemuSettings& settings, QemuProcess qemu)
    : request_(request),
      qemu_(std::move(qemu)),
      report_(settings.report),
      console_(settings.console),
      log_(settings.log) {
  outcome_.kvm = settings.kvm;
}

void GuestRun::PrintLine(GuestStream stream, std::string_view line) const {
  if (request_.on_line) request_.on_line(stream, line);
}

void GuestRun::Print(GuestStream stream, std::string_view bytes) {
  bool is_error = stream == GuestStream::kStderr;
  (is_error ? outcome_.stderr_text : outcome_.stdout_text).append(bytes);
  for (const std::string& line : lines_[is_error].Add(bytes)) PrintLine(stream, line);
}

void GuestRun::Take(const Frame& frame) {
  last_sign_ = Clock::now();
  switch (frame.type) {
    case FrameType::kBegin:
      begun_ = last_sign_;
      outcome_.kernel_release = frame.payload;
      outcome_.boot_seconds = Seconds(*begun_ - start_);
      return;
    case FrameType::kStdout: return Print(GuestStream::kStdout, frame.payload);
    case FrameType::kStderr: return Print(GuestStream::kStderr, frame.payload);
    case FrameType::kAlive: return;
    case FrameType::kFailure: failure_ = frame.payload; return;
    case FrameType::kExit: {
      const char* end = frame.payload.data() + frame.payload.size();
      auto [stop, error] = std::from_chars(frame.payload.data(), end, outcome_.exit_code);
      if (error != std::errc() || stop != end) break;
      ended_ = last_sign_;
      if (begun_) outcome_.run_seconds = Seconds(*ended_ - *begun_);
      return;
    }
  }
  damage_ = absl::DataLossError(fmt::format("the guest sent a frame '{}' that makes no sense",
                                            Printable(std::string(1, char(frame.type)))));
}

void GuestRun::ReadReport() {
  frames_.Add(report_.ReadNew());
  while (damage_.ok()) {
    absl::StatusOr<std::optional<Frame>> frame = frames_.Next();
    if (!frame.ok()) damage_ = frame.status();
    if (!frame.ok() || !frame->has_value()) return;
    Take(**frame);
  }
}

void GuestRun::ReadConsole() {
  log_text_ += log_.ReadNew();
  std::string added = console_.ReadNew();
  if (added.empty()) return;
  console_text_ += added;
  if (!panicked_ && !FindPanic(console_text_).empty()) panicked_ = Clock::now();
}

std::optional<GuestEnd> GuestRun::TooLong() const {
  Clock::time_point now = Clock::now();
  int patience = begun_ ? request_.silence_seconds : request_.boot_seconds;
  if (now - last_sign_ > seconds(patience)) return GuestEnd::kSilent;
  if (begun_ && request_.timeout_seconds > 0 && now - *begun_ > seconds(request_.timeout_seconds))
    return GuestEnd::kTimeout;
  return std::nullopt;
}

std::optional<GuestEnd> GuestRun::Ended(bool qemu_ended) const {
  Clock::time_point now = Clock::now();
  if (panicked_) {
    if (qemu_ended || now - *panicked_ > kPanicPatience) return GuestEnd::kPanic;
    return std::nullopt;
  }
  if (!damage_.ok()) return GuestEnd::kDamaged;
  if (!failure_.empty()) return GuestEnd::kInitFailed;
  if (ended_) {
    if (qemu_ended || now - *ended_ > kPowerOffPatience) return GuestEnd::kCommandEnded;
    return std::nullopt;
  }
  if (request_.interrupted != nullptr && *request_.interrupted) return GuestEnd::kInterrupted;
  if (qemu_ended) return GuestEnd::kNoReport;
  return TooLong();
}

GuestEnd GuestRun::Watch() {
  while (true) {
    bool qemu_ended = qemu_.Ended();  // asked first: what it wrote last is still read
    ReadReport();
    ReadConsole();
    if (std::optional<GuestEnd> end = Ended(qemu_ended)) {
      qemu_.Kill();
      for (GuestStream stream : {GuestStream::kStdout, GuestStream::kStderr})
        if (std::string rest = lines_[stream == GuestStream::kStderr].Rest(); !rest.empty())
          PrintLine(stream, rest);
      outcome_.interrupted = *end == GuestEnd::kInterrupted;
      return *end;
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

std::string GuestRun::Explain(GuestEnd end) const {
  std::string console =
      fmt::format("; its console ends with:{}", LastLines(console_text_, kConsoleLines));
  std::string log = log_text_.empty() ? "" : fmt::format("; QEMU says:{}", LastLines(log_text_, 5));
  std::string_view when = begun_ ? "while the command ran" : "before the command started";
  switch (end) {
    case GuestEnd::kPanic:
      return fmt::format("the guest's kernel failed {}: {}{}", ended_ ? "after its end" : when,
                         Printable(FindPanic(console_text_)), console);
    case GuestEnd::kDamaged: return fmt::format("{}{}", std::string(damage_.message()), console);
    case GuestEnd::kInitFailed:
      return fmt::format("the guest's init failed: {}{}", failure_, console);
    case GuestEnd::kCommandEnded:
      return fmt::format("the command ended with {}", outcome_.exit_code);
    case GuestEnd::kInterrupted: return "interrupted";
    case GuestEnd::kNoReport:
      return fmt::format("the guest ended {} without a report of its end (QEMU: {}){}{}", when,
                         qemu_.HowEnded(), log, console);
    case GuestEnd::kSilent:
      return fmt::format("no sign of life from the guest for {} s, {}{}{}",
                         begun_ ? request_.silence_seconds : request_.boot_seconds, when, log,
                         console);
    case GuestEnd::kTimeout:
      return fmt::format("the command in the guest took more than {} s{}", request_.timeout_seconds,
                         console);
  }
  return "";
}

}  // namespace selkie
