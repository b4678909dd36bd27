#include "traces/strace_value.h"

#include <charconv>

#include "traces/strace_scan.h"

namespace selkie {
namespace {

constexpr int64_t kAtFdcwd = -100;

// Without a comment at its end.
std::string_view Bare(std::string_view text) {
  text = StraceTrimmed(text);
  for (size_t at = 0; at < text.size(); at = SkipStraceUnit(text, at))
    if (text.substr(at).starts_with("/*")) return StraceTrimmed(text.substr(0, at));
  return text;
}

struct Digits {
  std::optional<int64_t> value;
  std::string_view rest;
};

// The number at the beginning.
Digits Leading(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0' && IsStraceDigit(text[1])) {
    base = 8;
    text.remove_prefix(1);
  }
  uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (code != std::errc()) return {};
  return {static_cast<int64_t>(negative ? ~value + 1 : value), text.substr(end - text.data())};
}

std::optional<int64_t> BitsByName(std::string_view name, absl::Span<const FlagName> names) {
  for (const FlagName& flag : names)
    if (flag.name == name) return flag.bits;
  return LinuxConstant(name);
}

// One of what '|' joins: a name, a number, or one shifted by the other.
std::optional<int64_t> TermValue(std::string_view text, absl::Span<const FlagName> names) {
  text = StraceTrimmed(text);
  if (const size_t shift = text.find("<<"); shift != text.npos) {
    const auto value = TermValue(text.substr(0, shift), names);
    const auto by = TermValue(text.substr(shift + 2), names);
    if (!value || !by || *by < 0 || *by > 63) return std::nullopt;
    return static_cast<int64_t>(static_cast<uint64_t>(*value) << *by);
  }
  const Digits digits = Leading(text);
  if (digits.value) return digits.rest.empty() ? digits.value : std::nullopt;
  return BitsByName(text, names);
}

int HexValue(char c) {
  if (IsStraceDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The byte of the escape after the backslash at `*at`, which is moved past it.
char Escape(std::string_view text, size_t* at) {
  const char c = ++*at < text.size() ? text[*at] : '\\';
  ++*at;
  switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case 'v': return '\v';
    case 'f': return '\f';
    case 'a': return '\a';
    case 'b': return '\b';
    default: break;
  }
  const bool hex = c == 'x';
  if (!hex && (c < '0' || c > '7')) return c;
  int value = hex ? 0 : c - '0';
  for (int digits = hex ? 0 : 1; digits < (hex ? 2 : 3) && *at < text.size(); ++digits, ++*at) {
    const int digit = HexValue(text[*at]);
    if (digit < 0 || (!hex && digit > 7)) break;
    value = value * (hex ? 16 : 8) + digit;
  }
  return static_cast<char>(value);
}

std::string Unescaped(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\\')
      out += Escape(text, &at);
    else
      out += text[at++];
  }
  return out;
}

}  // namespace

std::optional<int64_t> StraceNumber(std::string_view text) {
  text = Bare(text);
  if (text == "NULL") return 0;
  const Digits digits = Leading(text);
  if (!digits.value || (!digits.rest.empty() && digits.rest[0] != '<')) return std::nullopt;
  return digits.value;
}

std::optional<int64_t> StraceFlags(std::string_view text, absl::Span<const FlagName> names) {
  text = Bare(text);
  if (text.empty()) return std::nullopt;
  uint64_t bits = 0;
  while (true) {
    const size_t bar = text.find('|');
    const auto term = TermValue(text.substr(0, bar), names);
    if (!term) return std::nullopt;
    bits |= static_cast<uint64_t>(*term);
    if (bar == text.npos) return static_cast<int64_t>(bits);
    text.remove_prefix(bar + 1);
  }
}

bool IsStraceConstant(std::string_view text, std::string_view name) {
  if (Bare(text) == name) return true;
  const auto number = StraceNumber(text), value = LinuxConstant(name);
  return number && value && static_cast<uint32_t>(*number) == static_cast<uint32_t>(*value);
}

std::optional<StraceString> StraceQuoted(std::string_view text) {
  text = Bare(text);
  if (!text.starts_with('"')) return std::nullopt;
  const size_t end = SkipStraceUnit(text, 0);
  if (end < 2 || text[end - 1] != '"') return std::nullopt;
  return StraceString{Unescaped(text.substr(1, end - 2)), !text.substr(end).starts_with("...")};
}

std::optional<StraceFd> StraceDescriptor(std::string_view text) {
  text = Bare(text);
  StraceFd out;
  std::string_view rest;
  if (text.starts_with("AT_FDCWD")) {
    out.fd = kAtFdcwd;
    rest = text.substr(8);
  } else {
    const Digits digits = Leading(text);
    if (!digits.value) return std::nullopt;
    out.fd = static_cast<int32_t>(*digits.value);
    rest = digits.rest;
  }
  if (rest.empty()) return out;
  if (rest[0] != '<') return std::nullopt;
  const std::string whole = "0" + std::string(rest);  // as behind a number
  const size_t end = SkipStraceUnit(whole, 1);
  if (end <= 2 || whole[end - 1] != '>') return out;
  std::string path = Unescaped(std::string_view(whole).substr(2, end - 3));
  constexpr std::string_view kDeleted = "(deleted)";
  out.deleted = std::string_view(whole).substr(end).starts_with(kDeleted);
  // strace before 5.16 writes it inside; where it stands outside, it is part of the name.
  if (!out.deleted && path.ends_with(kDeleted)) {
    out.deleted = true;
    path.resize(path.size() - kDeleted.size());
    while (path.ends_with(' ')) path.pop_back();
  }
  out.path = std::move(path);
  return out;
}

std::optional<std::string_view> StraceField(std::string_view text, std::string_view name) {
  text = StraceTrimmed(text);
  std::vector<std::string_view> items;
  if (text.starts_with('{'))
    items = SplitStrace(text, 1).items;
  else
    items = {text};
  for (std::string_view item : items) {
    if (!item.starts_with(name)) continue;
    std::string_view rest = StraceTrimmed(item.substr(name.size()));
    if (rest.starts_with('=')) return StraceTrimmed(rest.substr(1));
  }
  return std::nullopt;
}

std::vector<std::string_view> StraceElements(std::string_view text) {
  text = StraceTrimmed(text);
  if (!text.starts_with('[')) return {};
  std::vector<std::string_view> items = SplitStrace(text, 1).items;
  while (!items.empty() && (items.back() == "..." || items.back().empty())) items.pop_back();
  return items;
}

}  // namespace selkie
