// What the grammar of semantics finds, before anything is looked up.
// Internal to model/semantics*.cc.
#ifndef SELKIE_MODEL_SEMANTICS_TEXT_H_
#define SELKIE_MODEL_SEMANTICS_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "model/error_list.h"
#include "model/semantics.h"

namespace selkie {

// A piece of the text and where it begins, in bytes from the start.
struct Token {
  std::string text;
  size_t offset = 0;
};

enum class StatementKind {
  kKernel,       // kernel
  kUnconfirmed,  // unconfirmed
  kSeal,         // seal NAME NUMBER
  kRule,         // rule NAME POINT [before NAME|after NAME]: EFFECT [if CONDITION]
  kReplace,      // replace rule NAME POINT: EFFECT [if CONDITION]
  kDrop,         // drop NAME
  kCall,         // call FUNCTION(fd, NAME [, prot|seals])
  kInitialMask,  // initial mask BITS
  kWriteChunk,   // write chunk NUMBER
  kProtocol,     // protocol "TITLE", then a step a line
};

struct StepText {
  Token variable;  // before "=", or after "hand out"; may be empty
  Token call;      // empty for "hand out"
};

struct Statement {
  StatementKind kind = StatementKind::kKernel;
  Token whole;
  Token name;                // of the seal, rule or call; the title of a protocol
  Token point;               // kRule, kReplace
  Token anchor;              // the rule after `before` or `after`, or empty
  bool before = false;       // which of the two
  std::vector<Token> words;  // of an effect, or of a setting: names and "|"
  std::optional<Token> condition;
  Token number;    // of a seal or setting
  Token function;  // kCall
  Token argument;  // kCall: prot, seals or empty
  std::vector<StepText> steps;
  std::string source;  // comment lines right before it, without "#"
};

struct SemanticsText {
  Token name;
  Token base;  // empty if it extends nothing
  std::string doc;
  std::vector<Statement> statements;
};

// Reads the grammar alone.  Errors as in ParseSemantics.
absl::Status ReadSemanticsText(const SemanticsSource& source, SemanticsText* out);

// InvalidArgumentError "file:line:column: message".
absl::Status ErrorAt(const SemanticsSource& source, size_t offset, std::string_view message);

// Notes what `status` says, if it is an error, of the statement.
void Note(const absl::Status& status, const SemanticsSource& source, const Statement& statement,
          ErrorsByLine* errors);

// 1-based line of an offset.
int LineOf(const SemanticsSource& source, size_t offset);

// On one line, without comments: how a statement is shown.
std::string OneLine(std::string_view text);

// ---- Steps of compiling, in their order; `semantics` holds what is inherited.  Each goes on after
// a statement that is wrong, as if it were not there.

// Declares seals and calls, and applies settings.
void CompileDeclarations(const SemanticsSource& source, const SemanticsText& text,
                         Semantics* semantics, ErrorsByLine* errors);
// Adds, replaces and drops rules.  What names a rule that is wrong is not told.
void CompileRules(const SemanticsSource& source, const SemanticsText& text, Semantics* semantics,
                  ErrorsByLine* errors);
// Reads the protocol, if the text has one.
void CompileProtocol(const SemanticsSource& source, const SemanticsText& text, Semantics* semantics,
                     ErrorsByLine* errors);

// ---- Words ----

// Seals as conditions name them: without F_SEAL_.
std::vector<BitName> SealBits(const Semantics& semantics);

// The names of a set's bits; those of seals come from the semantics.
std::vector<BitName> BitsOfSet(FactSet set, const Semantics& semantics);

// What a condition at `point` may speak about.
Vocabulary VocabularyAt(int point, const Semantics& semantics);

// The point of this name, with the calls that the semantics declares; or -1.
int PointByName(std::string_view name, const Semantics& semantics);
std::vector<std::string> PointNames(const Semantics& semantics);

// How an effect is written: `words`, then what `operand` says.
enum class Operand { kNone, kErrno, kBits, kMode };
struct EffectSpec {
  EffectKind kind;
  std::string_view words;  // "clear file"
  Operand operand;
  FactSet bits;               // kBits: whose
  std::vector<Point> points;  // where it acts; empty: everywhere
};
std::vector<EffectSpec> EffectSpecs();
bool ActsAt(const EffectSpec& effect, int point);
// Names of the points where it acts, for messages.
std::vector<std::string> PointsOf(const EffectSpec& effect);
// The set's name: "seals".
std::string_view SetName(FactSet set);

// Reads `A|B` out of words[begin ..].  `what` says whose bits they are, and
// `end` where an error stands if there are no words.
absl::Status ReadBits(const SemanticsSource& source, const std::vector<Token>& words, size_t begin,
                      size_t end, std::string_view what, const std::vector<BitName>& names,
                      int64_t* bits);

}  // namespace selkie

#endif  // SELKIE_MODEL_SEMANTICS_TEXT_H_
