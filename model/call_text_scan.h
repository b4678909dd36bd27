// Reads the pieces that calls and results are made of.  Internal to
// model/call_text*.cc.
#ifndef SELKIE_MODEL_CALL_TEXT_SCAN_H_
#define SELKIE_MODEL_CALL_TEXT_SCAN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/call_text.h"

namespace selkie {

// A piece of the text and the column at which it begins.
struct Piece {
  std::string_view text;
  int column = 0;
};

// Walks over one piece.  The first error is the one that counts: after it
// nothing more is read.
class Scanner {
 public:
  explicit Scanner(Piece piece) : piece_(piece) {}

  // Skips blanks; true at the end of the piece or after an error.
  bool AtEnd();
  // Skips blanks, then `token` if it comes next.
  bool Eat(std::string_view token);
  // An identifier, or empty without moving.
  std::string_view Word();
  // A sum of products of numbers in C's notation (10, 0x10, 010), with
  // parentheses and unary minus; names by `name`, which may be null.  Fails
  // beyond 64 bits; a number of 2^63 or more is the negative one of the same bits.
  int64_t Expression(const std::function<std::optional<int64_t>(std::string_view)>& name);
  // Names and numbers joined by '|'.  `lookup` gives the bits of a name.
  int64_t Flags(const std::function<std::optional<int64_t>(std::string_view)>& lookup,
                std::string_view expected);
  // A C string with the escapes \0 \n \t \r \\ \" \xNN and, from \1 on, octal ones of up to three
  // digits, without its quotes.
  std::string Quoted();

  // Skips what strace adds: "<...>" behind a descriptor (-y), "(...)" behind a result.
  void SkipAdded(char open, char close);

  // Records "'offending' ...: message" at the next token, or at `column` of
  // the whole text.
  void Fail(std::string_view expected);
  void FailAt(int column, std::string message);
  // Where the next token begins, in the whole text.
  int Column();

  const std::optional<TextError>& error() const { return error_; }

 private:
  using Lookup = std::function<std::optional<int64_t>(std::string_view)>;
  int64_t Product(const Lookup& name);
  int64_t Factor(const Lookup& name);
  std::optional<uint64_t> Number();
  int64_t Signed(uint64_t magnitude, bool negative);
  int64_t Checked(bool overflow, int64_t value);
  int Escape();
  std::string_view NextToken();

  Piece piece_;
  size_t at_ = 0;
  int depth_ = 0;
  std::optional<TextError> error_;
};

// The text between the brackets of a call, cut at commas that stand outside
// quotes, parentheses and braces.  No pieces if there is nothing but blanks.
std::vector<Piece> SplitArguments(Piece list);

// Where a string begins that does not end, in the whole text.
std::optional<int> UnclosedQuote(Piece piece);

// Text without blanks at its ends.
Piece Trimmed(Piece piece);

// The bits that a name of a flag stands for.
std::optional<int64_t> BitsOf(absl::Span<const FlagName> names, std::string_view name);
// "A, B, C" for messages.
std::string NamesOf(absl::Span<const FlagName> names);

// Seals that the semantics declares, then the kernel's own that it does not: a
// program can ask for any bit that its header names.
std::vector<FlagName> SealNames(const Semantics* semantics);

// Flags of a result: what F_GETFL and F_GETFD answer with.
absl::Span<const FlagName> ResultFlagNames(ReturnKind kind);

// PROT_* of the calls that take a protection.
absl::Span<const FlagName> ProtectionNames();

// The row's argument of this kind, or -1.
int ArgIndex(const CallSpec& spec, ArgKind kind);
// First word of Call::arg that argument `index` takes.
int WordIndex(const CallSpec& spec, int index);

// A character of a string in C's notation.
std::string EscapedByte(uint8_t byte);

}  // namespace selkie

#endif  // SELKIE_MODEL_CALL_TEXT_SCAN_H_
