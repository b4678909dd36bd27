#include "traces/c_text.h"

#include <limits>

#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

constexpr size_t kMaxLine = 90;

}  // namespace

std::string CNumber(int64_t value) {
  if (value == std::numeric_limits<int64_t>::min()) return fmt::format("({}L - 1)", value + 1);
  const bool is_int = value == static_cast<int32_t>(value);
  return fmt::format("{}{}", value, is_int ? "" : "L");
}

std::string CInt(int64_t value) {
  const bool is_int = value == static_cast<int32_t>(value);
  return is_int ? fmt::format("{}", value) : fmt::format("(int){}", CNumber(value));
}

std::string CByte(int64_t value) {
  const auto byte = static_cast<uint8_t>(value);
  if (byte == '\'' || byte == '"' || byte == '\\') return fmt::format("\\{}", char(byte));
  if (byte >= 0x20 && byte <= 0x7e) return std::string(1, static_cast<char>(byte));
  return fmt::format("\\{:03o}", byte);
}

std::string CFlags(int64_t bits, absl::Span<const FlagName> names, bool as_int) {
  std::string out;
  for (char c : PrintFlags(bits, names)) out += c == '|' ? std::string(" | ") : std::string(1, c);
  const bool wide = static_cast<uint64_t>(bits) >> 32 != 0;
  return wide && as_int ? fmt::format("(int)({})", out) : out;
}

std::string COneFlag(int64_t value, absl::Span<const FlagName> names) {
  for (const FlagName& name : names)
    if (name.bits == value) return std::string(name.name);
  return CInt(value);
}

std::string CString(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '#') out += "\\\\";  // KTAP takes what follows for a directive
    out += c;
  }
  return out + "\"";
}

std::string CCheck(const std::string& got, const std::string& expected, const std::string& text) {
  const std::string literal = CString(text);
  const bool fits = got.size() + expected.size() + literal.size() + 12 <= kMaxLine;
  return fmt::format("check({}, {},{}{});", got, expected, fits ? " " : "\n\t      ", literal);
}

}  // namespace selkie
