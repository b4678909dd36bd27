// Rules: from words to tests on bits, and their order.
#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "model/call_text.h"
#include "model/semantics_text.h"

namespace selkie {
namespace {

// Enough for any kernel; Semantics::at holds 16 bits.
constexpr size_t kMaxRules = 1000;

std::vector<Rule>::iterator FindRule(Semantics* semantics, std::string_view name) {
  return std::find_if(semantics->rules.begin(), semantics->rules.end(),
                      [&](const Rule& rule) { return rule.name == name; });
}

// The rule of this name, or an error that lists those at `point` (-1: all).
absl::Status NeedRule(const SemanticsSource& source, const Token& name, int point,
                      Semantics* semantics, std::vector<Rule>::iterator* found) {
  *found = FindRule(semantics, name.text);
  const bool here =
      *found != semantics->rules.end() && (point < 0 || static_cast<int>((*found)->point) == point);
  if (here) return absl::OkStatus();
  std::vector<std::string> names;
  for (const Rule& rule : semantics->rules)
    if (point < 0 || static_cast<int>(rule.point) == point) names.push_back(rule.name);
  const std::string where =
      point < 0 ? "" : fmt::format(" at {}", PointNames(*semantics)[static_cast<size_t>(point)]);
  return ErrorAt(source, name.offset,
                 fmt::format("'{}' is no rule{}: expected {}", name.text, where, OneOf(names)));
}

// ---- Effects ----

// How many of the words the effect's own words are, or 0.
size_t MatchWords(const EffectSpec& effect, const std::vector<Token>& words) {
  std::string_view rest = effect.words;
  for (size_t i = 0; i < words.size(); ++i) {
    if (!rest.starts_with(words[i].text)) return 0;
    rest.remove_prefix(words[i].text.size());
    if (rest.empty()) return i + 1;
    if (rest[0] != ' ') return 0;
    rest.remove_prefix(1);
  }
  return 0;
}

std::string EffectNames() {
  constexpr std::string_view kOperands[] = {"", " ERRNO", " BITS", " MODE"};
  std::vector<std::string> names;
  for (const EffectSpec& effect : EffectSpecs())
    names.push_back(fmt::format("{}{}", effect.words, kOperands[static_cast<int>(effect.operand)]));
  return OneOf(names);
}

absl::Status ReadErrno(const SemanticsSource& source, const Token& word, Rule* rule) {
  const std::optional<int64_t> value = ErrnoByName(word.text);
  if (!value || !word.text.starts_with('E'))
    return ErrorAt(source, word.offset,
                   fmt::format("'{}': expected the name of an errno, such as EPERM", word.text));
  rule->bits = *value;
  return absl::OkStatus();
}

absl::Status ReadMode(const SemanticsSource& source, const Token& word, Rule* rule) {
  const char* end = word.text.data() + word.text.size();
  const auto result = std::from_chars(word.text.data(), end, rule->bits, 8);
  if (result.ec == std::errc() && result.ptr == end && word.text[0] == '0' && rule->bits > 0 &&
      rule->bits <= 07777)
    return absl::OkStatus();
  return ErrorAt(source, word.offset,
                 fmt::format("'{}': expected permission bits, such as 0111", word.text));
}

// What stands after the effect's own words.
absl::Status ReadOperand(const SemanticsSource& source, const Statement& statement,
                         const EffectSpec& effect, size_t used, const Semantics& semantics,
                         Rule* rule) {
  const Token& last = statement.words[used - 1];
  const size_t end = last.offset + last.text.size();
  if (effect.operand == Operand::kBits)
    return ReadBits(source, statement.words, used, end, SetName(effect.bits),
                    BitsOfSet(effect.bits, semantics), &rule->bits);
  const size_t wanted = effect.operand == Operand::kNone ? 0 : 1;
  if (statement.words.size() < used + wanted)
    return ErrorAt(
        source, end,
        fmt::format("'{}' ends here: expected {} after it", effect.words,
                    effect.operand == Operand::kErrno ? "the name of an errno, such as EPERM"
                                                      : "permission bits, such as 0111"));
  if (statement.words.size() > used + wanted) {
    const Token& extra = statement.words[used + wanted];
    return ErrorAt(source, extra.offset,
                   fmt::format("'{}': expected 'if' or the end of the rule", extra.text));
  }
  if (effect.operand == Operand::kErrno) return ReadErrno(source, statement.words[used], rule);
  if (effect.operand == Operand::kMode) return ReadMode(source, statement.words[used], rule);
  return absl::OkStatus();
}

absl::Status ReadEffect(const SemanticsSource& source, const Statement& statement,
                        const Semantics& semantics, Rule* rule) {
  for (const EffectSpec& effect : EffectSpecs()) {
    const size_t used = MatchWords(effect, statement.words);
    if (used == 0) continue;
    rule->effect = effect.kind;
    if (!ActsAt(effect, static_cast<int>(rule->point)))
      return ErrorAt(source, statement.words[0].offset,
                     fmt::format("'{}' has nothing to act on at {}: expected it at {}",
                                 effect.words, statement.point.text, OneOf(PointsOf(effect))));
    return ReadOperand(source, statement, effect, used, semantics, rule);
  }
  return ErrorAt(
      source, statement.words[0].offset,
      fmt::format("'{}' is no effect: expected {}", statement.words[0].text, EffectNames()));
}

// ---- One rule ----

absl::Status ReadCondition(const SemanticsSource& source, const Statement& statement,
                           const Semantics& semantics, Rule* rule) {
  if (!statement.condition) {
    rule->terms = {Term{}};  // always
    return absl::OkStatus();
  }
  const Token& text = *statement.condition;
  ParsedCondition parsed =
      ParseCondition(text.text, VocabularyAt(static_cast<int>(rule->point), semantics));
  if (parsed.error)
    return ErrorAt(source, text.offset + parsed.error->offset,
                   fmt::format("{} (at {})", parsed.error->message, statement.point.text));
  if (parsed.terms.empty())
    return ErrorAt(source, text.offset,
                   "the condition contradicts itself: expected one that can hold");
  rule->terms = std::move(parsed.terms);
  return absl::OkStatus();
}

absl::Status ReadRule(const SemanticsSource& source, const Statement& statement,
                      const Semantics& semantics, Rule* rule) {
  const int point = PointByName(statement.point.text, semantics);
  if (point < 0)
    return ErrorAt(source, statement.point.offset,
                   fmt::format("'{}' is no decision point: expected {}", statement.point.text,
                               OneOf(PointNames(semantics))));
  rule->name = statement.name.text;
  rule->point = static_cast<Point>(point);
  rule->text = OneLine(statement.whole.text);
  rule->file = source.file;
  rule->line = LineOf(source, statement.whole.offset);
  rule->source = statement.source;
  if (absl::Status status = ReadEffect(source, statement, semantics, rule); !status.ok())
    return status;
  return ReadCondition(source, statement, semantics, rule);
}

// ---- Their order ----

absl::Status AddRule(const SemanticsSource& source, const Statement& statement, Rule rule,
                     Semantics* semantics) {
  const auto same = FindRule(semantics, rule.name);
  if (same != semantics->rules.end())
    return ErrorAt(source, statement.name.offset,
                   fmt::format("'{}' is a rule already ({}:{}): expected another name, or "
                               "'replace rule'",
                               rule.name, same->file, same->line));
  if (semantics->rules.size() == kMaxRules)
    return ErrorAt(
        source, statement.whole.offset,
        fmt::format("'{}' is one rule too many: expected at most {}", rule.name, kMaxRules));
  auto position = semantics->rules.end();
  if (!statement.anchor.text.empty()) {
    absl::Status status =
        NeedRule(source, statement.anchor, static_cast<int>(rule.point), semantics, &position);
    if (!status.ok()) return status;
    if (!statement.before) ++position;
  }
  semantics->rules.insert(position, std::move(rule));
  return absl::OkStatus();
}

absl::Status ReplaceRule(const SemanticsSource& source, const Statement& statement, Rule rule,
                         Semantics* semantics) {
  if (!statement.anchor.text.empty())
    return ErrorAt(source, statement.anchor.offset,
                   fmt::format("'{}': a replaced rule keeps its place: expected neither 'before' "
                               "nor 'after'",
                               statement.anchor.text));
  std::vector<Rule>::iterator old;
  absl::Status status =
      NeedRule(source, statement.name, static_cast<int>(rule.point), semantics, &old);
  if (status.ok()) *old = std::move(rule);
  return status;
}

absl::Status DropRule(const SemanticsSource& source, const Statement& statement,
                      Semantics* semantics) {
  std::vector<Rule>::iterator old;
  absl::Status status = NeedRule(source, statement.name, -1, semantics, &old);
  if (status.ok()) semantics->rules.erase(old);
  return status;
}

absl::Status Apply(const SemanticsSource& source, const Statement& statement,
                   Semantics* semantics) {
  if (statement.kind == StatementKind::kDrop) return DropRule(source, statement, semantics);
  const bool replaces = statement.kind == StatementKind::kReplace;
  if (!replaces && statement.kind != StatementKind::kRule) return absl::OkStatus();
  Rule rule;
  if (absl::Status status = ReadRule(source, statement, *semantics, &rule); !status.ok())
    return status;
  return replaces ? ReplaceRule(source, statement, std::move(rule), semantics)
                  : AddRule(source, statement, std::move(rule), semantics);
}

// What the calls that are declared give back.
void SetReturns(Semantics* semantics) {
  for (const Rule& rule : semantics->rules)
    if (rule.effect == EffectKind::kNewFile)
      semantics->extensions[static_cast<int>(rule.point) - static_cast<int>(Point::kExtension)]
          .returns = ReturnKind::kFd;
}

}  // namespace

void CompileRules(const SemanticsSource& source, const SemanticsText& text, Semantics* semantics,
                  ErrorsByLine* errors) {
  std::set<std::string> wrong;
  for (const Statement& statement : text.statements) {
    const bool follows =
        wrong.contains(statement.anchor.text) ||
        (statement.kind != StatementKind::kRule && wrong.contains(statement.name.text));
    const absl::Status status = follows ? absl::OkStatus() : Apply(source, statement, semantics);
    Note(status, source, statement, errors);
    if (follows || !status.ok()) wrong.insert(statement.name.text);
  }
  IndexRules(*semantics);
  SetReturns(semantics);
}

}  // namespace selkie
