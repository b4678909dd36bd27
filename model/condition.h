// Conditions in text, compiled to tests on the bits of one 64-bit word.
//
//   adding has FUTURE_WRITE and not (seals | adding) has SHRINK|GROW
//
// The rules of a semantics and the properties of the checker share this parser.
// It knows nothing about either: the caller says which sets of bits and which
// single facts have names, and where they stand in the word.
//
//   Vocabulary v;
//   v.sets.push_back({"seals", 0, {{"SHRINK", 2}, {"GROW", 4}}});
//   v.facts.push_back({"shared", 42});
//   ParsedCondition c = ParseCondition("shared and seals has GROW", v);
//   // c.terms == {{mask 1<<42 | 4, want 1<<42 | 4}}
//
// The language (docs/semantics-language.md):
//
//   condition := conjunction { "or" conjunction }
//   conjunction := factor { "and" factor }
//   factor    := "not" factor | test | "(" condition ")" | FACT
//   test      := sets "has" [ "any" ] BIT { "|" BIT }
//   sets      := SET | "(" SET { "|" SET } ")"
//
// Of a set that is one number, `SET has A` holds if that is A, and no two names
// are there at once.
//
// `SET has A|B`: both bits are set.  `SET has any A|B`: at least one is.
// `(S | T) has A|B`: each of the names is in S or in T.  "not" binds closest,
// then "and", then "or".  Blanks, line ends and comments ("#" to the end of the
// line) may stand between words.
#ifndef SELKIE_MODEL_CONDITION_H_
#define SELKIE_MODEL_CONDITION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace selkie {

// One conjunction: it holds for a word iff (word & mask) == want.
struct Term {
  uint64_t mask = 0;
  uint64_t want = 0;  // a subset of mask

  friend bool operator==(const Term&, const Term&) = default;
};

// Name of one or more bits of a set, before the set's shift.  Two names may
// stand for the same bits.
struct BitName {
  std::string name;
  uint64_t bits = 0;  // not 0, but for a number; bits << shift fits in 64 bits
};

// A named range of the word.
struct BitSet {
  std::string name;
  int shift = 0;  // 0 .. 63: where bit 0 of the set stands in the word
  std::vector<BitName> bits;
  // Not 0: the set is one number in these bits (before the shift), and each name's `bits` is a
  // value of it, all different.
  uint64_t number = 0;
};

// A named bit of the word.
struct SingleFact {
  std::string name;
  int bit = 0;  // 0 .. 63
};

// What conditions may speak about.  Names are letters, digits, '-', '_' and '.'
// and begin with a letter; they are not `has`, `any`, `not`, `and`, `or`.
struct Vocabulary {
  std::vector<BitSet> sets;
  std::vector<SingleFact> facts;
};

// Why a condition was refused.
struct ConditionError {
  size_t offset = 0;    // of the offending text, bytes into the condition
  std::string found;    // the offending text; empty at the end
  std::string message;  // complete: the offending text and what was expected
};

struct ParsedCondition {
  std::vector<Term> terms;  // disjunctive form; see ParseCondition
  std::optional<ConditionError> error;
};

// The most terms that a condition may compile to.
inline constexpr size_t kMaxTerms = 128;
// The deepest nesting of parentheses and "not".
inline constexpr int kMaxNesting = 64;

// Compiles `text`.  The condition holds for a word iff the word satisfies one
// of `terms`; no term implies another one.  A condition that contradicts itself
// gives no terms.  An unknown name, bad grammar, nesting deeper than kMaxNesting and a condition of
// more than kMaxTerms terms set `error` and leave `terms` empty.  Never throws.
ParsedCondition ParseCondition(std::string_view text, const Vocabulary& vocabulary);

// True if `word` satisfies one of the terms.
inline bool Satisfies(const std::vector<Term>& terms, uint64_t word) {
  for (const Term& term : terms)
    if ((word & term.mask) == term.want) return true;
  return false;
}

// All bits that the terms look at.
uint64_t BitsRead(const std::vector<Term>& terms);

// `text` in quotes for a message: short, and without bytes that a terminal would
// act on.
std::string QuotedFound(std::string_view text);

// `names` as "a, b or c", for messages of what was expected.
std::string OneOf(const std::vector<std::string>& names);

}  // namespace selkie

#endif  // SELKIE_MODEL_CONDITION_H_
