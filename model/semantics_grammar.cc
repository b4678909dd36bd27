// The grammar of a semantics: which words stand where.  What they mean is
// looked up later, so that an error here is always about form.  `kExpected` says
// what a rule wants where it is a must.
#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "model/semantics_text.h"
#include "tao/pegtl.hpp"

namespace selkie {
namespace {

namespace pegtl = tao::pegtl;

namespace grammar {

using namespace pegtl;  // NOLINT: a grammar is written in PEGTL's own words

// ---- Lines.  A statement begins in the first column and goes on over lines
// that are indented; comments and empty lines may stand between those.

struct Blank : one<' ', '\t'> {};
struct Rest : star<not_one<'\r', '\n'>> {};
struct Comment : seq<one<'#'>, Rest> {};
struct EmptyLines : star<seq<star<Blank>, opt<Comment>, eol>> {};
struct Continuation : seq<eol, EmptyLines, plus<Blank>, not_at<sor<one<'#'>, eolf>>> {};
struct NextLine : seq<star<Blank>, opt<Comment>, Continuation> {};
struct Gap : star<sor<Blank, seq<opt<Comment>, Continuation>>> {};
struct End : seq<star<Blank>, opt<Comment>, eolf> {
  static constexpr const char* kExpected = "the end of the line";
};

// ---- Words ----

struct NameRest : sor<alnum, one<'_', '-', '.'>> {};
struct Name : seq<sor<alnum, one<'_'>>, star<NameRest>> {};
template <typename Text>
struct Keyword : seq<Text, not_at<NameRest>, Gap> {};
template <char C>
struct Mark : seq<one<C>, Gap> {};
struct QuotedText : star<not_one<'"', '\r', '\n'>> {};
struct ClosingQuote : one<'"'> {
  static constexpr const char* kExpected = "'\"' at the end of the string";
};

struct SemanticsWord : Keyword<TAO_PEGTL_STRING("semantics")> {};
struct ExtendsWord : Keyword<TAO_PEGTL_STRING("extends")> {};
struct KernelWord : Keyword<TAO_PEGTL_STRING("kernel")> {};
struct UnconfirmedWord : Keyword<TAO_PEGTL_STRING("unconfirmed")> {};
struct SealWord : Keyword<TAO_PEGTL_STRING("seal")> {};
struct RuleWord : Keyword<TAO_PEGTL_STRING("rule")> {};
struct ReplaceWord : Keyword<TAO_PEGTL_STRING("replace")> {};
struct ReplacedRule : Keyword<TAO_PEGTL_STRING("rule")> {
  static constexpr const char* kExpected = "'rule' after 'replace'";
};
struct DropWord : Keyword<TAO_PEGTL_STRING("drop")> {};
struct CallWord : Keyword<TAO_PEGTL_STRING("call")> {};
struct InitialWord : Keyword<TAO_PEGTL_STRING("initial")> {};
struct MaskWord : Keyword<TAO_PEGTL_STRING("mask")> {
  static constexpr const char* kExpected = "'mask' after 'initial'";
};
struct WriteWord : Keyword<TAO_PEGTL_STRING("write")> {};
struct ChunkWord : Keyword<TAO_PEGTL_STRING("chunk")> {
  static constexpr const char* kExpected = "'chunk' after 'write'";
};
struct ProtocolWord : Keyword<TAO_PEGTL_STRING("protocol")> {};
struct BeforeWord : Keyword<TAO_PEGTL_STRING("before")> {};
struct AfterWord : Keyword<TAO_PEGTL_STRING("after")> {};
struct IfWord : Keyword<TAO_PEGTL_STRING("if")> {};
struct HandWord : seq<string<'h', 'a', 'n', 'd'>, plus<Blank>, string<'o', 'u', 't'>,
                      not_at<NameRest>, star<Blank>> {};

// ---- Statements ----

struct SemanticsName : Name {
  static constexpr const char* kExpected = "the name of the semantics";
};
struct BaseName : Name {
  static constexpr const char* kExpected = "the name of the semantics that it extends";
};
struct DocText : QuotedText {};
struct Doc : if_must<one<'"'>, DocText, ClosingQuote, Gap> {};
struct HeaderEnd : seq<star<Blank>, opt<Comment>, eolf> {
  static constexpr const char* kExpected = "'extends', a string or the end of the line";
};
struct Header : seq<SemanticsWord, must<SemanticsName>, Gap,
                    opt<if_must<ExtendsWord, BaseName, Gap>>, star<Doc>, must<HeaderEnd>> {
  static constexpr const char* kExpected = "'semantics NAME' as the first statement";
};

struct Kernel : if_must<KernelWord, End> {};
struct Unconfirmed : if_must<UnconfirmedWord, End> {};

struct SealName : Name {
  static constexpr const char* kExpected = "the name of a seal, such as F_SEAL_WRITE";
};
struct Number : Name {
  static constexpr const char* kExpected = "a number, such as 0x10 or 4096";
};
struct Seal : if_must<SealWord, SealName, Gap, Number, Gap, End> {};

struct RuleName : Name {
  static constexpr const char* kExpected = "the name of the rule";
};
struct RulePoint : Name {
  static constexpr const char* kExpected = "the decision point of the rule";
};
struct AnchorName : Name {
  static constexpr const char* kExpected = "the name of a rule that stands before";
};
struct Placement : sor<if_must<BeforeWord, AnchorName, Gap>, if_must<AfterWord, AnchorName, Gap>> {
};
struct Colon : Mark<':'> {
  static constexpr const char* kExpected = "':', 'before NAME' or 'after NAME'";
};
struct EffectWord : sor<one<'|'>, Name> {};
struct Words : plus<seq<not_at<IfWord>, EffectWord, Gap>> {
  static constexpr const char* kExpected = "an effect, such as refuse EPERM";
};
struct Condition : plus<sor<Comment, Continuation, not_one<'\r', '\n'>>> {
  static constexpr const char* kExpected = "a condition after 'if'";
};
struct RuleBody : seq<must<RuleName>, Gap, must<RulePoint>, Gap, opt<Placement>, must<Colon>,
                      must<Words>, opt<if_must<IfWord, Condition>>, must<End>> {};
struct Rule : seq<RuleWord, RuleBody> {};
struct Replace : seq<ReplaceWord, must<ReplacedRule>, RuleBody> {};

struct DroppedName : Name {
  static constexpr const char* kExpected = "the name of the rule to drop";
};
struct Drop : if_must<DropWord, DroppedName, Gap, End> {};

struct Function : Name {
  static constexpr const char* kExpected = "fcntl or ioctl";
};
struct Open : Mark<'('> {
  static constexpr const char* kExpected = "'('";
};
struct FdWord : Keyword<TAO_PEGTL_STRING("fd")> {
  static constexpr const char* kExpected = "'fd': such a call acts on a descriptor";
};
struct Comma : Mark<','> {
  static constexpr const char* kExpected = "','";
};
struct CallName : Name {
  static constexpr const char* kExpected = "the name of the call, such as F_DUP_READONLY";
};
struct CallArgument : Name {
  static constexpr const char* kExpected = "'prot' or 'seals'";
};
struct Close : Mark<')'> {
  static constexpr const char* kExpected = "',' or ')'";
};
struct CallDeclaration : if_must<CallWord, Function, Gap, Open, FdWord, Comma, CallName, Gap,
                                 opt<if_must<Comma, CallArgument, Gap>>, Close, End> {};

struct InitialMask : if_must<InitialWord, MaskWord, Words, End> {};
struct WriteChunk : if_must<WriteWord, ChunkWord, Number, Gap, End> {};

struct Title : QuotedText {};
struct TitleOpen : one<'"'> {
  static constexpr const char* kExpected = "a title in quotes";
};
struct Escaped : seq<one<'\\'>, not_one<'\r', '\n'>> {};
struct CallString : seq<one<'"'>, star<sor<Escaped, not_one<'"', '\r', '\n'>>>, one<'"'>> {};
struct StepCall : plus<sor<CallString, not_one<'#', '\r', '\n'>>> {
  static constexpr const char* kExpected = "a call, such as dup2(ro, fd)";
};
struct StepVariable : Name {};
struct HandedOut : Name {
  static constexpr const char* kExpected = "the variable that is handed out";
};
struct HandOut : seq<HandWord, must<HandedOut>> {};
struct AssignMark : seq<star<Blank>, one<'='>, star<Blank>> {};
struct Assignment : seq<at<Name, AssignMark>, StepVariable, AssignMark, must<StepCall>> {};
struct Step : sor<HandOut, Assignment, StepCall> {
  static constexpr const char* kExpected = "a call, 'NAME = CALL' or 'hand out NAME'";
};
struct Protocol
    : if_must<ProtocolWord, TitleOpen, Title, ClosingQuote, star<NextLine, must<Step>>, End> {};

// ---- The file ----

struct SourceLine : Rest {};
struct SourceComment : seq<star<Blank>, one<'#'>, SourceLine, eolf> {};
struct EmptyLine : sor<seq<star<Blank>, eol>, seq<plus<Blank>, eof>> {};
struct Item : sor<EmptyLine, SourceComment, Kernel, Unconfirmed, Seal, Rule, Replace, Drop,
                  CallDeclaration, InitialMask, WriteChunk, Protocol> {
  static constexpr const char* kExpected =
      "a statement: kernel, unconfirmed, seal, rule, replace rule, drop, call, initial mask, write "
      "chunk or "
      "protocol";
};
struct File : seq<EmptyLines, must<Header>, until<eof, must<Item>>> {};

}  // namespace grammar

// ---- Errors ----

template <typename Rule>
concept SaysWhatItExpects = requires {
  Rule::kExpected;
};

template <typename Rule>
constexpr const char* ExpectedBy() {
  if constexpr (SaysWhatItExpects<Rule>) return Rule::kExpected;
  return "more text";  // rules that may be empty: they never fail
}

struct Expectations {
  template <typename Rule>
  static constexpr const char* message = ExpectedBy<Rule>();
  template <typename Rule>
  static constexpr bool raise_on_failure = false;  // only where it is a must
};
template <typename Rule>
using Control = pegtl::must_if<Expectations>::control<Rule>;

// ---- Actions ----

// What has been read so far.
struct Draft {
  const char* begin = nullptr;
  SemanticsText text;
  std::string comment;  // lines since the last statement or empty line

  template <typename Input>
  Token TokenOf(const Input& in) const {
    return {in.string(), static_cast<size_t>(in.begin() - begin)};
  }
  Statement& Last() { return text.statements.back(); }
};

template <typename Rule>
struct Action : pegtl::nothing<Rule> {};

// A keyword begins a statement.
template <StatementKind kKind>
struct Begin {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    Statement& statement = draft.text.statements.emplace_back();
    statement.kind = kKind;
    statement.whole = draft.TokenOf(in);
    statement.source = std::exchange(draft.comment, {});
  }
};

// A word goes to a member of the statement.
template <Token Statement::*kMember>
struct Store {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    draft.Last().*kMember = draft.TokenOf(in);
  }
};

// A word goes to the last step of a protocol.
template <Token StepText::*kMember>
struct StoreInStep {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    draft.Last().steps.back().*kMember = draft.TokenOf(in);
  }
};

template <>
struct Action<grammar::KernelWord> : Begin<StatementKind::kKernel> {};
template <>
struct Action<grammar::UnconfirmedWord> : Begin<StatementKind::kUnconfirmed> {};
template <>
struct Action<grammar::SealWord> : Begin<StatementKind::kSeal> {};
template <>
struct Action<grammar::RuleWord> : Begin<StatementKind::kRule> {};
template <>
struct Action<grammar::ReplaceWord> : Begin<StatementKind::kReplace> {};
template <>
struct Action<grammar::DropWord> : Begin<StatementKind::kDrop> {};
template <>
struct Action<grammar::CallWord> : Begin<StatementKind::kCall> {};
template <>
struct Action<grammar::InitialWord> : Begin<StatementKind::kInitialMask> {};
template <>
struct Action<grammar::WriteWord> : Begin<StatementKind::kWriteChunk> {};
template <>
struct Action<grammar::ProtocolWord> : Begin<StatementKind::kProtocol> {};

template <>
struct Action<grammar::SealName> : Store<&Statement::name> {};
template <>
struct Action<grammar::RuleName> : Store<&Statement::name> {};
template <>
struct Action<grammar::DroppedName> : Store<&Statement::name> {};
template <>
struct Action<grammar::CallName> : Store<&Statement::name> {};
template <>
struct Action<grammar::Title> : Store<&Statement::name> {};
template <>
struct Action<grammar::Number> : Store<&Statement::number> {};
template <>
struct Action<grammar::RulePoint> : Store<&Statement::point> {};
template <>
struct Action<grammar::AnchorName> : Store<&Statement::anchor> {};
template <>
struct Action<grammar::Function> : Store<&Statement::function> {};
template <>
struct Action<grammar::CallArgument> : Store<&Statement::argument> {};

template <>
struct Action<grammar::BeforeWord> {
  static void apply0(Draft& draft) { draft.Last().before = true; }
};
template <>
struct Action<grammar::EffectWord> {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    draft.Last().words.push_back(draft.TokenOf(in));
  }
};
template <>
struct Action<grammar::Condition> {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    draft.Last().condition = draft.TokenOf(in);
  }
};
template <>
struct Action<grammar::NextLine> {
  static void apply0(Draft& draft) { draft.Last().steps.emplace_back(); }
};
template <>
struct Action<grammar::StepVariable> : StoreInStep<&StepText::variable> {};
template <>
struct Action<grammar::HandedOut> : StoreInStep<&StepText::variable> {};
template <>
struct Action<grammar::StepCall> : StoreInStep<&StepText::call> {};

template <>
struct Action<grammar::SemanticsName> {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    draft.text.name = draft.TokenOf(in);
  }
};
template <>
struct Action<grammar::BaseName> {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    draft.text.base = draft.TokenOf(in);
  }
};
template <>
struct Action<grammar::DocText> {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    draft.text.doc += (draft.text.doc.empty() ? "" : " ") + in.string();
  }
};

template <>
struct Action<grammar::SourceLine> {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    const std::string line = in.string();
    const size_t start = std::min(line.find_first_not_of(" \t"), line.size());
    draft.comment += (draft.comment.empty() ? "" : "\n") + line.substr(start);
  }
};
template <>
struct Action<grammar::EmptyLine> {
  static void apply0(Draft& draft) { draft.comment.clear(); }
};

// The end of a statement.
template <>
struct Action<grammar::End> {
  template <typename Input>
  static void apply(const Input& in, Draft& draft) {
    Token& whole = draft.Last().whole;
    whole.text = std::string(draft.begin + whole.offset, in.begin());
  }
};

// The word, the symbol or the end of a line that stands at `offset`.
std::string FoundAt(std::string_view text, size_t offset) {
  if (offset >= text.size()) return "the end of the text";
  const std::string_view rest = text.substr(offset);
  if (rest[0] == '\n' || rest[0] == '\r') return "the end of the line";
  const auto in_word = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c >= 0x80;
  };
  size_t end = 0;
  while (end < rest.size() && in_word(static_cast<unsigned char>(rest[end]))) ++end;
  return QuotedFound(rest.substr(0, std::max<size_t>(end, 1)));
}

}  // namespace

int LineOf(const SemanticsSource& source, size_t offset) {
  const std::string_view before = std::string_view(source.text).substr(0, offset);
  return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
}

absl::Status ErrorAt(const SemanticsSource& source, size_t offset, std::string_view message) {
  const std::string_view before = std::string_view(source.text).substr(0, offset);
  const size_t line_start = before.find_last_of('\n');  // npos + 1 is 0
  return absl::InvalidArgumentError(fmt::format("{}:{}:{}: {}", source.file, LineOf(source, offset),
                                                before.size() - (line_start + 1) + 1, message));
}

std::string OneLine(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#') i = std::min(text.find('\n', i), text.size() - 1);
    const bool blank = std::isspace(static_cast<unsigned char>(text[i])) != 0 || text[i] == '#';
    if (!blank)
      out += text[i];
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

absl::Status ReadSemanticsText(const SemanticsSource& source, SemanticsText* out) {
  pegtl::memory_input in(source.text.data(), source.text.data() + source.text.size(), "");
  Draft draft;
  draft.begin = source.text.data();
  try {
    pegtl::parse<grammar::File, Action, Control>(in, draft);
  } catch (const pegtl::parse_error& error) {
    // PEGTL reports by exception; none leaves this file.
    const size_t offset = error.positions().front().byte;
    return ErrorAt(source, offset,
                   fmt::format("{}: expected {}", FoundAt(source.text, offset), error.message()));
  }
  *out = std::move(draft.text);
  return absl::OkStatus();
}

}  // namespace selkie
