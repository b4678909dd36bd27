// Reads results.
#include <algorithm>

#include "fmt/format.h"
#include "model/call_text_scan.h"

namespace selkie {
namespace {

constexpr int kLastSignal = 31;  // the standard signals

struct ResultReader {
  Scanner& in;
  const Semantics* semantics;
  const NameResolver& resolve;
  ParsedResult& out;

  int64_t Named(NameKind kind) {
    return in.Expression(
        [&](std::string_view name) { return resolve ? resolve(kind, name) : std::nullopt; });
  }
  int64_t Address() { return in.Eat("NULL") ? kNull : Named(NameKind::kAddress); }

  int64_t Flags(absl::Span<const FlagName> names) {
    return in.Flags([&](std::string_view name) { return BitsOf(names, name); },
                    fmt::format("-1 and an errno, a number or {}", NamesOf(names)));
  }

  void Pair() {
    if (!in.Eat("[")) in.Fail("two descriptors, such as [3, 4]");
    out.result.value = Named(NameKind::kFd);
    if (!in.Eat(",")) in.Fail("',' and the second descriptor");
    out.result.extra = Named(NameKind::kFd);
    if (!in.Eat("]")) in.Fail("']' after the two descriptors");
    out.extra_given = true;
  }

  void Data() {
    out.result.value = in.Expression(nullptr);
    if (in.AtEnd()) return;
    const int column = in.Column();
    const std::string bytes = in.Quoted();
    if (bytes.size() > out.result.data.size())
      in.FailAt(column, fmt::format("{} bytes are too many, expected one for each sampled offset",
                                    bytes.size()));
    const size_t count = std::min(bytes.size(), out.result.data.size());
    out.result.num_data = static_cast<uint8_t>(count);
    for (size_t i = 0; i < count; ++i) out.result.data[i] = static_cast<uint8_t>(bytes[i]);
    out.data_given = true;
  }

  void Byte() {
    const int column = in.Column();
    const std::string text = in.Quoted();
    if (text.size() != 1) in.FailAt(column, "expected a string of one byte, such as \"x\"");
    out.result.value = text.empty() ? 0 : static_cast<uint8_t>(text[0]);
  }

  void Stat() {
    if (!in.Eat("0") || !in.Eat("{") || !in.Eat("st_size") || !in.Eat("="))
      in.Fail("0 {st_size=4096, st_mode=0777}");
    out.result.value = in.Expression(nullptr);
    if (in.Eat(",")) {
      if (!in.Eat("st_mode") || !in.Eat("=")) in.Fail("st_mode=");
      out.result.extra = in.Expression(nullptr);
      out.extra_given = true;
    }
    if (!in.Eat("}")) in.Fail("'}'");
  }

  void Ok() {
    const int column = in.Column();
    if (in.Word() != "ok")
      in.FailAt(column, "expected 'ok', a signal such as SIGBUS, or -1 and an errno");
  }

  void Value(ReturnKind returns) {
    switch (returns) {
      case ReturnKind::kFd:
        out.result.value = Named(NameKind::kFd);
        in.SkipAdded('<', '>');
        break;
      case ReturnKind::kTask: out.result.value = Named(NameKind::kTask); break;
      case ReturnKind::kAddress: out.result.value = Address(); break;
      case ReturnKind::kFdPair: Pair(); break;
      case ReturnKind::kCountData: Data(); break;
      case ReturnKind::kSeals: out.result.value = Flags(SealNames(semantics)); break;
      case ReturnKind::kOpenFlags:
      case ReturnKind::kLease:
      case ReturnKind::kFdFlags: out.result.value = Flags(ResultFlagNames(returns)); break;
      case ReturnKind::kByte: Byte(); break;
      case ReturnKind::kOk: Ok(); break;
      case ReturnKind::kStat: Stat(); break;
      case ReturnKind::kZero:
      case ReturnKind::kBool:
      case ReturnKind::kCount:
      case ReturnKind::kOffset: out.result.value = in.Expression(nullptr); break;
    }
  }
};

// "-1 EPERM" in any notation of blanks.
bool ReadErrno(Scanner& in, ParsedResult& out) {
  if (!in.Eat("-1 ") && !in.Eat("-1\t")) return false;
  out.result.kind = Result::Kind::kErrno;
  const int column = in.Column();
  if (in.Eat("E#")) {  // an errno without a name
    out.result.value = in.Expression(nullptr);
    return true;
  }
  const std::string_view name = in.Word();
  std::optional<int64_t> value = ErrnoByName(name);
  if (name.empty())
    in.Fail("an errno after -1, such as EPERM");
  else if (!value)
    in.FailAt(column, fmt::format("'{}' is no errno, expected one such as EPERM", name));
  out.result.value = value.value_or(0);
  return true;
}

std::optional<int64_t> SignalByName(std::string_view name) {
  for (int64_t signal = 1; signal <= kLastSignal; ++signal)
    if (SignalName(signal) == name) return signal;
  return std::nullopt;
}

bool ReadSignal(Scanner& in, std::string_view text, ParsedResult& out) {
  std::optional<int64_t> signal = SignalByName(Trimmed({text, 0}).text);
  if (!signal) return false;
  in.Word();
  out.result.kind = Result::Kind::kSignal;
  out.result.value = *signal;
  return true;
}

// An errno as it stands in a C program.
bool IsBareErrno(Scanner& in, std::string_view text) {
  const std::string_view word = Trimmed({text, 0}).text;
  const std::string_view name = word.substr(word.starts_with('-') ? 1 : 0);
  if (!ErrnoByName(name)) return false;
  in.FailAt(in.Column(), fmt::format("'{}' is an error, expected it as '-1 {}'", word, name));
  return true;
}

}  // namespace

ParsedResult ParseResult(std::string_view text, Op op, const Semantics* semantics,
                         const NameResolver& resolve) {
  ParsedResult out;
  Scanner in({text, 0});
  if (in.AtEnd()) in.Fail("a result, such as 0 or -1 EPERM");
  if (!ReadErrno(in, out) && !ReadSignal(in, text, out) && !IsBareErrno(in, text))
    ResultReader{in, semantics, resolve, out}.Value(SpecOf(op).returns);
  in.SkipAdded('(', ')');
  if (!in.AtEnd()) in.Fail("the end of the result");
  out.error = in.error();
  return out;
}

}  // namespace selkie
