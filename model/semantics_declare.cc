// Seals, calls and settings of a semantics.
#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "model/semantics_text.h"

namespace selkie {
namespace {

constexpr uint64_t kWriteChunkMax = 1u << 30;

// Decimal, or hexadecimal with 0x; nothing else.
std::optional<uint64_t> NumberOf(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, hex ? 16 : 10);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

absl::Status DeclareSeal(const SemanticsSource& source, const Statement& statement,
                         Semantics* semantics) {
  const Token& name = statement.name;
  if (!name.text.starts_with("F_SEAL_") || name.text == "F_SEAL_")
    return ErrorAt(source, name.offset,
                   fmt::format("'{}': expected a name that begins with F_SEAL_", name.text));
  const std::optional<uint64_t> bits = NumberOf(statement.number.text);
  if (!bits || *bits > 0x80 || !std::has_single_bit(*bits))
    return ErrorAt(source, statement.number.offset,
                   fmt::format("'{}': expected one bit from 0x1 to 0x80", statement.number.text));
  for (const SealName& seal : semantics->seals) {
    if (seal.name == name.text)
      return ErrorAt(source, name.offset,
                     fmt::format("'{}' is declared already: expected another name", name.text));
    if (seal.bits == *bits)
      return ErrorAt(source, statement.number.offset,
                     fmt::format("'{}' is the bit of {}: expected a free one",
                                 statement.number.text, seal.name));
  }
  semantics->seals.push_back({name.text, static_cast<uint8_t>(*bits)});
  semantics->known_seals |= static_cast<uint8_t>(*bits);
  return absl::OkStatus();
}

absl::Status DeclareCall(const SemanticsSource& source, const Statement& statement,
                         Semantics* semantics) {
  Extension call;
  call.name = statement.name.text;
  call.function = statement.function.text;
  if (call.function != "fcntl" && call.function != "ioctl")
    return ErrorAt(source, statement.function.offset,
                   fmt::format("'{}': expected fcntl or ioctl", call.function));
  if (PointByName(call.name, *semantics) >= 0)
    return ErrorAt(
        source, statement.name.offset,
        fmt::format("'{}' is a decision point already: expected another name", call.name));
  for (const CallSpec& spec : CallTable())
    if (ShortName(spec.op) == call.name)
      return ErrorAt(
          source, statement.name.offset,
          fmt::format("'{}' is a call of every kernel: expected another name", call.name));
  if (semantics->extensions.size() == kMaxExtensions)
    return ErrorAt(
        source, statement.whole.offset,
        fmt::format("'{}' is one call too many: expected at most {}", call.name, kMaxExtensions));
  const Token& argument = statement.argument;
  if (!argument.text.empty() && argument.text != "prot" && argument.text != "seals")
    return ErrorAt(source, argument.offset,
                   fmt::format("'{}': expected prot or seals", argument.text));
  if (argument.text == "prot") call.arg = ArgKind::kFlags;
  if (argument.text == "seals") call.arg = ArgKind::kSeals;
  semantics->extensions.push_back(std::move(call));
  return absl::OkStatus();
}

absl::Status SetInitialMask(const SemanticsSource& source, const Statement& statement,
                            Semantics* semantics) {
  int64_t bits = 0;
  const absl::Status status = ReadBits(source, statement.words, 0, statement.whole.offset,
                                       "the mask", BitsOfSet(FactSet::kMask, *semantics), &bits);
  semantics->initial_mask = static_cast<uint8_t>(bits);
  return status;
}

absl::Status SetWriteChunk(const SemanticsSource& source, const Statement& statement,
                           Semantics* semantics) {
  const std::optional<uint64_t> bytes = NumberOf(statement.number.text);
  if (!bytes || *bytes < kPageSize || *bytes > kWriteChunkMax || !std::has_single_bit(*bytes))
    return ErrorAt(source, statement.number.offset,
                   fmt::format("'{}': expected a power of two from {} to {}", statement.number.text,
                               kPageSize, kWriteChunkMax));
  semantics->write_chunk = static_cast<uint32_t>(*bytes);
  return absl::OkStatus();
}

absl::Status Declare(const SemanticsSource& source, const Statement& statement,
                     Semantics* semantics) {
  switch (statement.kind) {
    case StatementKind::kKernel: semantics->is_kernel = true; return absl::OkStatus();
    case StatementKind::kUnconfirmed: semantics->unconfirmed = true; return absl::OkStatus();
    case StatementKind::kSeal: return DeclareSeal(source, statement, semantics);
    case StatementKind::kCall: return DeclareCall(source, statement, semantics);
    case StatementKind::kInitialMask: return SetInitialMask(source, statement, semantics);
    case StatementKind::kWriteChunk: return SetWriteChunk(source, statement, semantics);
    default: return absl::OkStatus();
  }
}

}  // namespace

absl::Status ReadBits(const SemanticsSource& source, const std::vector<Token>& words, size_t begin,
                      size_t end, std::string_view what, const std::vector<BitName>& names,
                      int64_t* bits) {
  std::vector<std::string> known;
  for (const BitName& bit : names) known.push_back(bit.name);
  const std::string expected = fmt::format("expected a bit of {}: {}", what, OneOf(known));
  for (size_t i = begin; i < words.size(); ++i) {
    if ((i - begin) % 2 == 1) {
      if (words[i].text == "|") continue;
      return ErrorAt(source, words[i].offset,
                     fmt::format("'{}': expected '|' between bits, or the end", words[i].text));
    }
    const auto bit = std::find_if(names.begin(), names.end(),
                                  [&](const BitName& b) { return b.name == words[i].text; });
    if (bit == names.end())
      return ErrorAt(source, words[i].offset, fmt::format("'{}': {}", words[i].text, expected));
    *bits |= static_cast<int64_t>(bit->bits);
  }
  if (words.size() <= begin || words.back().text == "|")
    return ErrorAt(source, end, fmt::format("bits are missing here: {}", expected));
  return absl::OkStatus();
}

void CompileDeclarations(const SemanticsSource& source, const SemanticsText& text,
                         Semantics* semantics, ErrorsByLine* errors) {
  for (const Statement& statement : text.statements)
    Note(Declare(source, statement, semantics), source, statement, errors);
}

}  // namespace selkie
