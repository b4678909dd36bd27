#include "model/call_text_scan.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "fmt/format.h"

namespace selkie {
namespace {

constexpr int kMaxDepth = 64;  // nested brackets; more is not a program's text

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

bool Scanner::AtEnd() {
  while (at_ < piece_.text.size() && IsBlank(piece_.text[at_])) ++at_;
  return error_.has_value() || at_ >= piece_.text.size();
}

bool Scanner::Eat(std::string_view token) {
  if (AtEnd() || !piece_.text.substr(at_).starts_with(token)) return false;
  at_ += token.size();
  return true;
}

std::string_view Scanner::Word() {
  if (AtEnd() || !IsWordStart(piece_.text[at_])) return {};
  size_t end = at_;
  while (end < piece_.text.size() && IsWordPart(piece_.text[end])) ++end;
  std::string_view word = piece_.text.substr(at_, end - at_);
  at_ = end;
  return word;
}

int Scanner::Column() {
  AtEnd();
  return piece_.column + static_cast<int>(at_);
}

std::string_view Scanner::NextToken() {
  AtEnd();
  if (at_ >= piece_.text.size()) return {};
  size_t end = at_;
  while (end < piece_.text.size() && IsWordPart(piece_.text[end])) ++end;
  return piece_.text.substr(at_, std::max<size_t>(end - at_, 1));
}

void Scanner::Fail(std::string_view expected) {
  if (error_) return;
  const int column = Column();
  const std::string_view token = NextToken();
  if (token.empty()) {
    FailAt(column, fmt::format("the text ends here, expected {}", expected));
  } else {
    FailAt(column, fmt::format("'{}' is unexpected, expected {}", token, expected));
  }
}

void Scanner::FailAt(int column, std::string message) {
  if (!error_) error_ = TextError{column, std::move(message)};
}

// C's notation: 0x for hexadecimal, a leading 0 for octal.
std::optional<uint64_t> Scanner::Number() {
  if (AtEnd() || !IsDigit(piece_.text[at_])) return std::nullopt;
  const int column = Column();
  const std::string_view digits = NextToken();
  int base = 10;
  std::string_view rest = digits;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    rest.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
    rest.remove_prefix(1);
  }
  uint64_t value = 0;
  auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (code == std::errc::result_out_of_range)
    FailAt(column, fmt::format("'{}' does not fit in 64 bits", digits));
  else if (code != std::errc() || end != rest.data() + rest.size())
    FailAt(column, fmt::format("'{}' is not a number, expected digits of base {}", digits, base));
  at_ += digits.size();
  return value;
}

int64_t Scanner::Checked(bool overflow, int64_t value) {
  if (overflow) FailAt(Column(), "the value of this expression does not fit in 64 bits");
  return overflow ? 0 : value;
}

int64_t Scanner::Signed(uint64_t magnitude, bool negative) {
  const bool overflow = negative && magnitude > uint64_t{1} << 63;
  const uint64_t bits = negative ? ~magnitude + 1 : magnitude;
  return Checked(overflow, static_cast<int64_t>(bits));
}

int64_t Scanner::Factor(const Lookup& name) {
  if (++depth_ > kMaxDepth) FailAt(Column(), "brackets are nested too deeply");
  int64_t value = 0;
  if (error_) {
    // Nothing more is read.
  } else if (Eat("(")) {
    value = Expression(name);
    if (!Eat(")")) Fail("')'");
  } else if (Eat("-")) {
    if (std::optional<uint64_t> number = Number()) {
      value = Signed(*number, true);
    } else {
      const int64_t inner = Factor(name);
      const bool overflow = __builtin_sub_overflow(int64_t{0}, inner, &value);
      value = Checked(overflow, value);
    }
  } else if (std::optional<uint64_t> number = Number()) {
    value = Signed(*number, false);
  } else {
    const int column = Column();
    const std::string_view word = Word();
    std::optional<int64_t> known;
    if (!word.empty() && name) known = name(word);
    if (known)
      value = *known;
    else if (word.empty())
      Fail("a number");
    else
      FailAt(column, fmt::format("'{}' is not known here, expected {}", word,
                                 name ? "a number or the name of an earlier result" : "a number"));
  }
  --depth_;
  return value;
}

int64_t Scanner::Product(const Lookup& name) {
  int64_t value = Factor(name);
  while (Eat("*")) {
    const int64_t factor = Factor(name);
    const bool overflow = __builtin_mul_overflow(value, factor, &value);
    value = Checked(overflow, value);
  }
  return value;
}

int64_t Scanner::Expression(const Lookup& name) {
  int64_t value = Product(name);
  for (;;) {
    if (Eat("+")) {
      const int64_t term = Product(name);
      const bool overflow = __builtin_add_overflow(value, term, &value);
      value = Checked(overflow, value);
    } else if (Eat("-")) {
      const int64_t term = Product(name);
      const bool overflow = __builtin_sub_overflow(value, term, &value);
      value = Checked(overflow, value);
    } else {
      return value;
    }
  }
}

int64_t Scanner::Flags(const Lookup& lookup, std::string_view expected) {
  uint64_t bits = 0;
  do {
    const int column = Column();
    const std::string_view word = Word();
    if (word.empty()) {
      std::optional<uint64_t> number = Number();
      if (!number) Fail(expected);
      bits |= number.value_or(0);
      continue;
    }
    std::optional<int64_t> named = lookup(word);
    if (!named) FailAt(column, fmt::format("'{}' is no flag here, expected {}", word, expected));
    bits |= static_cast<uint64_t>(named.value_or(0));
  } while (Eat("|"));
  return static_cast<int64_t>(bits);
}

// After a backslash: the byte that is meant.
int Scanner::Escape() {
  const std::string_view rest = piece_.text.substr(at_);
  if (rest.empty()) return -1;
  constexpr std::string_view kNames = "0ntr\\\"", kBytes{"\0\n\t\r\\\"", 6};
  const size_t simple = kNames.find(rest[0]);
  if (simple != std::string_view::npos) {
    ++at_;
    return static_cast<unsigned char>(kBytes[simple]);
  }
  if (rest[0] >= '1' && rest[0] <= '7') {
    int value = 0;
    for (int i = 0; i < 3 && at_ < piece_.text.size(); ++i, ++at_) {
      const char c = piece_.text[at_];
      if (c < '0' || c > '7') break;
      value = value * 8 + (c - '0');
    }
    return value <= 0xff ? value : -1;
  }
  if (rest.size() < 3 || rest[0] != 'x') return -1;
  const int high = HexDigit(rest[1]), low = HexDigit(rest[2]);
  if (high < 0 || low < 0) return -1;
  at_ += 3;
  return high * 16 + low;
}

std::string Scanner::Quoted() {
  const int column = Column();
  if (!Eat("\"")) Fail("a string in double quotes");
  std::string out;
  while (!error_ && at_ < piece_.text.size() && piece_.text[at_] != '"') {
    char c = piece_.text[at_++];
    if (c == '\\') {
      const int byte = Escape();
      if (byte < 0)
        FailAt(piece_.column + static_cast<int>(at_) - 1,
               "'\\' begins no escape, expected \\0, \\n, \\t, \\r, \\\\, \\\", \\xNN or \\1 to "
               "\\377");
      c = static_cast<char>(byte);
    }
    out.push_back(c);
  }
  if (at_ >= piece_.text.size()) FailAt(column, "this string has no closing quote");
  ++at_;
  return out;
}

void Scanner::SkipAdded(char open, char close) {
  if (AtEnd() || piece_.text[at_] != open) return;
  const size_t end = piece_.text.rfind(close);
  if (end != std::string_view::npos && end > at_) at_ = end + 1;
}

Piece Trimmed(Piece piece) {
  while (!piece.text.empty() && IsBlank(piece.text.front())) {
    piece.text.remove_prefix(1);
    ++piece.column;
  }
  while (!piece.text.empty() && IsBlank(piece.text.back())) piece.text.remove_suffix(1);
  return piece;
}

std::optional<int> UnclosedQuote(Piece piece) {
  std::optional<int> open;
  for (size_t i = 0; i < piece.text.size(); ++i) {
    if (open && piece.text[i] == '\\') {
      ++i;
    } else if (piece.text[i] == '"') {
      open = open ? std::nullopt : std::optional<int>(piece.column + static_cast<int>(i));
    }
  }
  return open;
}

std::vector<Piece> SplitArguments(Piece list) {
  std::vector<Piece> pieces;
  if (Trimmed(list).text.empty()) return pieces;
  size_t begin = 0;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i <= list.text.size(); ++i) {
    const char c = i < list.text.size() ? list.text[i] : ',';
    const bool last = i == list.text.size();
    if (i + 1 < list.text.size() && quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '(' || c == '{' || c == '[')) {
      ++depth;
    } else if (!quoted && (c == ')' || c == '}' || c == ']')) {
      --depth;
    } else if (last || (!quoted && depth <= 0 && c == ',')) {
      pieces.push_back(
          Trimmed({list.text.substr(begin, i - begin), list.column + static_cast<int>(begin)}));
      begin = i + 1;
    }
  }
  return pieces;
}

std::optional<int64_t> BitsOf(absl::Span<const FlagName> names, std::string_view name) {
  for (const FlagName& flag : names)
    if (flag.name == name) return flag.bits;
  return std::nullopt;
}

std::string NamesOf(absl::Span<const FlagName> names) {
  std::string out;
  for (const FlagName& flag : names) out += fmt::format("{}{}", out.empty() ? "" : ", ", flag.name);
  return out;
}

std::vector<FlagName> SealNames(const Semantics* semantics) {
  // include/uapi/linux/fcntl.h of Linux 6.3 and later.
  static constexpr FlagName kKernel[] = {
      {"F_SEAL_SEAL", 1},  {"F_SEAL_SHRINK", 2},          {"F_SEAL_GROW", 4},
      {"F_SEAL_WRITE", 8}, {"F_SEAL_FUTURE_WRITE", 0x10}, {"F_SEAL_EXEC", 0x20}};
  std::vector<FlagName> names = {{"0", 0}};
  int64_t declared = 0;
  if (semantics != nullptr) {
    for (const SealName& seal : semantics->seals) {
      names.push_back({seal.name, seal.bits});
      declared |= seal.bits;
    }
  }
  for (const FlagName& seal : kKernel)
    if ((seal.bits & declared) == 0 && !BitsOf(names, seal.name)) names.push_back(seal);
  return names;
}

namespace {

// The flags of the first row that `matches`.
template <typename Matches>
absl::Span<const FlagName> FlagsOfRow(Matches matches) {
  for (const CallSpec& spec : CallTable())
    for (const ArgSpec& arg : ArgsOf(spec))
      if (arg.kind == ArgKind::kFlags && matches(spec, arg)) return arg.names;
  return {};
}

}  // namespace

absl::Span<const FlagName> ResultFlagNames(ReturnKind kind) {
  if (kind == ReturnKind::kFdFlags)
    return FlagsOfRow([](const CallSpec&, const ArgSpec& arg) {
      return BitsOf(arg.names, "FD_CLOEXEC").has_value();
    });
  if (kind == ReturnKind::kLease)
    return FlagsOfRow([](const CallSpec&, const ArgSpec& arg) {
      return BitsOf(arg.names, "F_UNLCK").has_value();
    });
  return FlagsOfRow([](const CallSpec&, const ArgSpec& arg) {
    return BitsOf(arg.names, "O_RDONLY").has_value();
  });
}

absl::Span<const FlagName> ProtectionNames() {
  return FlagsOfRow([](const CallSpec&, const ArgSpec& arg) {
    return BitsOf(arg.names, "PROT_READ").has_value();
  });
}

int ArgIndex(const CallSpec& spec, ArgKind kind) {
  for (int i = 0; i < spec.num_args; ++i)
    if (spec.args[i].kind == kind) return i;
  return -1;
}

int WordIndex(const CallSpec& spec, int index) {
  int word = 0;
  for (int i = 0; i < index; ++i) word += WordsOf(spec.args[i].kind);
  return word;
}

std::string EscapedByte(uint8_t byte) {
  switch (byte) {
    case 0: return "\\0";
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '\r': return "\\r";
    case '\\': return "\\\\";
    case '"': return "\\\"";
  }
  if (byte >= 0x20 && byte < 0x7f) return std::string(1, static_cast<char>(byte));
  return fmt::format("\\x{:02x}", byte);
}

}  // namespace selkie
