#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "fmt/format.h"

namespace selkie {
namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr int kDefaultColumns = 80;

int TerminalColumns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
  return size.ws_col;
}

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::string_view Code(Colour colour) {
  switch (colour) {
    case Colour::kRed: return "31";
    case Colour::kGreen: return "32";
    case Colour::kYellow: return "33";
    case Colour::kBlue: return "34";
    case Colour::kBold: return "1";
    case Colour::kDim: return "2";
  }
  return "0";
}

}  // namespace

void ProgressLine::Show(std::string_view text) {
  if (!enabled_) return;
  // One column stays free: a full line would wrap on some terminals.
  fmt::print(stderr, "\r\033[K{}", FitLine(text, TerminalColumns() - 1));
  std::fflush(stderr);
  shown_ = true;
  next_ = std::chrono::steady_clock::now() + kInterval;
}

void ProgressLine::Clear() {
  if (!shown_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

std::string FitLine(std::string_view text, int columns) {
  if (columns <= 0) return "";
  std::string line;
  int used = 0;
  size_t last_start = 0;  // where the character in the last column begins
  for (char c : text) {
    if (StartsCharacter(c)) {
      if (used == columns) return line.substr(0, last_start) + "…";
      ++used;
      if (used == columns) last_start = line.size();
    }
    line += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return line;
}

std::string Paint(std::string_view text, Colour colour, bool enabled) {
  return enabled ? fmt::format("\033[{}m{}\033[0m", Code(colour), text) : std::string(text);
}

}  // namespace selkie
