// A recursive descent that needs no syntax tree: each function is told whether
// a "not" stands around it, and gives the terms of what it read.
#include "model/condition.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "fmt/format.h"

namespace selkie {
namespace {

using Terms = std::vector<Term>;

// ---- Terms ----

// `a` holds wherever `b` does.
bool Covers(const Term& a, const Term& b) {
  return (a.mask & ~b.mask) == 0 && (b.want & a.mask) == a.want;
}

void Insert(Terms& terms, const Term& added) {
  for (const Term& term : terms)
    if (Covers(term, added)) return;
  std::erase_if(terms, [&](const Term& term) { return Covers(added, term); });
  terms.push_back(added);
}

Terms Or(Terms a, const Terms& b) {
  for (const Term& term : b) Insert(a, term);
  return a;
}

Terms And(const Terms& a, const Terms& b) {
  Terms both;
  for (const Term& x : a) {
    for (const Term& y : b) {
      if (((x.want ^ y.want) & x.mask & y.mask) != 0) continue;  // they contradict
      Insert(both, {x.mask | y.mask, x.want | y.want});
      if (both.size() > kMaxTerms) return both;  // refused by the caller
    }
  }
  return both;
}

// One of the bits has the value `on`.
Terms AnyBit(uint64_t bits, bool on) {
  Terms terms;
  for (int i = 0; i < 64; ++i)
    if (const uint64_t bit = bits & (uint64_t{1} << i); bit != 0)
      terms.push_back({bit, on ? bit : 0});
  return terms;
}

// All of the bits have the value `on`.
Terms AllBits(uint64_t bits, bool on) { return {{bits, on ? bits : 0}}; }

// The bits of `mask` are `number`, or (not `is`) one of them differs.
Terms IsNumber(uint64_t mask, uint64_t number, bool is) {
  if (is) return {{mask, number}};
  Terms terms = AnyBit(mask & ~number, true);
  for (const Term& term : AnyBit(number, false)) terms.push_back(term);
  return terms;
}

// ---- Text ----

bool BeginsName(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

bool InName(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}

bool IsKeyword(std::string_view word) {
  return word == "has" || word == "any" || word == "not" || word == "and" || word == "or";
}

class Parser {
 public:
  Parser(std::string_view text, const Vocabulary& vocabulary)
      : text_(text), vocabulary_(vocabulary) {}

  ParsedCondition Parse() {
    Terms terms = Disjunction(false);
    SkipGap();
    if (at_ < text_.size()) Fail("expected 'and', 'or' or the end");
    if (error_) return {{}, error_};
    return {std::move(terms), std::nullopt};
  }

 private:
  Terms Disjunction(bool negated) {
    Terms terms = Conjunction(negated);
    while (Eat("or")) terms = Combine(terms, Conjunction(negated), negated);
    return terms;
  }

  Terms Conjunction(bool negated) {
    Terms terms = Factor(negated);
    while (Eat("and")) terms = Combine(terms, Factor(negated), !negated);
    return terms;
  }

  Terms Factor(bool negated) {
    if (++depth_ > kMaxNesting)
      Fail(fmt::format("nested more than {} deep; split it into several", kMaxNesting));
    Terms terms = Nested(negated);
    --depth_;
    return terms;
  }

  Terms Nested(bool negated) {
    if (Eat("not")) return Factor(!negated);
    if (AtUnion()) return Test(Union(), negated);
    if (Eat("(")) {
      Terms terms = Disjunction(negated);
      Expect(")");
      return terms;
    }
    return NamedTest(negated);
  }

  // A fact, or a test of one set.
  Terms NamedTest(bool negated) {
    const std::string_view name = PeekName();
    if (name.empty()) return Fail("expected a fact, a set of bits, 'not' or '('");
    for (const SingleFact& fact : vocabulary_.facts) {
      if (fact.name != name) continue;
      Advance(name);
      return AllBits(uint64_t{1} << fact.bit, !negated);
    }
    if (FindSet(name) == nullptr) return Fail(fmt::format("expected {}", OneOf(TestableNames())));
    return Test({TakeSet()}, negated);
  }

  // After "(": a set and "|" come next, so this is no nested condition.
  bool AtUnion() {
    const size_t start = at_;
    const bool found = Eat("(") && !PeekName().empty() && (Advance(PeekName()), Eat("|"));
    at_ = start;
    return found;
  }

  std::vector<const BitSet*> Union() {
    Expect("(");
    std::vector<const BitSet*> sets = {TakeSet()};
    while (Eat("|")) sets.push_back(TakeSet());
    Expect(")");
    return sets;
  }

  const BitSet* TakeSet() {
    const std::string_view name = PeekName();
    const BitSet* set = FindSet(name);
    if (set == nullptr)
      Fail(fmt::format("expected a set of bits: {}", OneOf(SetNames())));
    else
      Advance(name);
    return set;
  }

  Terms Test(const std::vector<const BitSet*>& sets, bool negated) {
    Expect("has");
    const bool any = Eat("any");
    Terms terms = OneName(sets, any, negated);
    while (Eat("|")) terms = Combine(terms, OneName(sets, any, negated), any == negated);
    return terms;
  }

  // The name in one of the sets; not negated, they are alternatives.
  Terms OneName(const std::vector<const BitSet*>& sets, bool any, bool negated) {
    const std::string_view name = PeekName();
    Terms terms;
    for (size_t i = 0; i < sets.size() && !error_; ++i) {
      const Terms in_set = InSet(*sets[i], BitsOf(*sets[i], name), any, negated);
      terms = i == 0 ? in_set : Combine(terms, in_set, negated);
    }
    if (!error_) Advance(name);
    return terms;
  }

  static Terms InSet(const BitSet& set, uint64_t bits, bool any, bool negated) {
    if (set.number != 0) return IsNumber(set.number << set.shift, bits, !negated);
    return any == negated ? AllBits(bits, !negated) : AnyBit(bits, !negated);
  }

  uint64_t BitsOf(const BitSet& set, std::string_view name) {
    std::vector<std::string> names;
    for (const BitName& bit : set.bits) {
      if (bit.name == name) return bit.bits << set.shift;
      names.push_back(bit.name);
    }
    Fail(fmt::format("expected a {} of {}: {}", set.number != 0 ? "value" : "bit", set.name,
                     OneOf(names)));
    return 0;
  }

  Terms Combine(const Terms& a, const Terms& b, bool both) {
    if (error_) return {};
    Terms terms = both ? And(a, b) : Or(a, b);
    if (terms.size() > kMaxTerms)
      return Fail(fmt::format("more than {} combinations; split it into several", kMaxTerms));
    return terms;
  }

  const BitSet* FindSet(std::string_view name) const {
    for (const BitSet& set : vocabulary_.sets)
      if (set.name == name) return &set;
    return nullptr;
  }

  std::vector<std::string> SetNames() const {
    std::vector<std::string> names;
    for (const BitSet& set : vocabulary_.sets) names.push_back(set.name);
    return names;
  }

  std::vector<std::string> TestableNames() const {
    std::vector<std::string> names = SetNames();
    for (const SingleFact& fact : vocabulary_.facts) names.push_back(fact.name);
    return names;
  }

  // ---- Tokens ----

  void SkipGap() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0)
        ++at_;
      else
        return;
    }
  }

  // The word, symbol or nothing that comes next.
  std::string_view Peek() {
    SkipGap();
    size_t end = at_;
    if (end < text_.size() && BeginsName(text_[end]))
      while (end < text_.size() && InName(text_[end])) ++end;
    else if (end < text_.size())
      do ++end;  // a symbol, or a run of bytes beyond ASCII
      while (end < text_.size() && (text_[end - 1] & text_[end] & 0x80) != 0);
    return text_.substr(at_, end - at_);
  }

  std::string_view PeekName() {
    const std::string_view word = Peek();
    return word.empty() || !BeginsName(word[0]) || IsKeyword(word) ? std::string_view() : word;
  }

  void Advance(std::string_view token) { at_ += token.size(); }

  // After an error nothing more is read.
  bool Eat(std::string_view token) {
    if (error_ || Peek() != token) return false;
    Advance(token);
    return true;
  }

  void Expect(std::string_view token) {
    if (!Eat(token)) Fail(fmt::format("expected '{}'", token));
  }

  Terms Fail(std::string_view why) {
    if (error_) return {};
    const std::string found(Peek());
    const std::string shown = found.empty() ? "the condition ends" : QuotedFound(found);
    error_ = ConditionError{at_, found, fmt::format("{}: {}", shown, why)};
    return {};
  }

  std::string_view text_;
  const Vocabulary& vocabulary_;
  size_t at_ = 0;
  int depth_ = 0;
  std::optional<ConditionError> error_;
};

}  // namespace

ParsedCondition ParseCondition(std::string_view text, const Vocabulary& vocabulary) {
  return Parser(text, vocabulary).Parse();
}

uint64_t BitsRead(const std::vector<Term>& terms) {
  uint64_t bits = 0;
  for (const Term& term : terms) bits |= term.mask;
  return bits;
}

std::string QuotedFound(std::string_view text) {
  constexpr size_t kMaxShown = 40;
  std::string out = "'";
  for (char c : text.substr(0, kMaxShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::iscntrl(byte) != 0)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out + (text.size() > kMaxShown ? "...'" : "'");
}

std::string OneOf(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out.empty() ? "nothing (there are none)" : out;
}

}  // namespace selkie
