// The text of properties: grammar and compilation.
#include <algorithm>
#include <cctype>
#include <tao/pegtl.hpp>

#include "checker/property.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

namespace pegtl = tao::pegtl;

// What the actions fill.  Conditions wait until all roles are known.
struct Builder {
  struct Pending {
    bool assume = false;
    Clause clause;
    int column = 0;
  };
  Property property;
  const CallsLoader* loader = nullptr;
  bool only_calls = false;  // an included list of calls
  uint8_t calls_roles = 0xff;
  int statements = 0;  // never, reach and same-as: there must be exactly one
  std::string word;    // the last name, number or sort that was read
  std::vector<Pending> conditions;
  Pending pending;
  Role role;
};

// ---- Grammar: one statement a line ----

namespace grammar {
using namespace tao::pegtl;  // NOLINT: the grammar is written in PEGTL's names

struct comment : seq<one<'#'>, until<at<eolf>>> {};
struct rest_of_line_end : seq<star<blank>, opt<comment>, eolf> {};
struct skip : star<sor<space, comment>> {};
struct name_text : seq<alpha, star<sor<alnum, one<'-', '_', '.'>>>> {};
struct name : name_text {};
struct number : plus<digit> {};
struct end_of_statement : sor<at<seq<star<blank>, sor<eolf, one<'#'>>>>, eof> {};
struct phrase : plus<not_at<seq<star<blank>, sor<eolf, one<'#'>>>>, any> {};

template <typename Keyword>
struct word_end : seq<Keyword, not_at<sor<alnum, one<'-', '_', '('>>>, star<blank>> {};

struct property_name : name_text {};
struct property_line : if_must<word_end<string<'p', 'r', 'o', 'p', 'e', 'r', 't', 'y'>>,
                               property_name, end_of_statement> {};
// Goes on over lines that are indented.
struct doc_text : star<sor<not_one<'"', '\n'>, seq<one<'\n'>, at<blank>>>> {};
struct doc_close : one<'"'> {};
struct doc_line : if_must<one<'"'>, doc_text, doc_close> {};
struct bounds_text : phrase {};
struct bounds_line : if_must<word_end<TAO_PEGTL_STRING("bounds")>, bounds_text> {};
struct role_name : name_text {};
struct role_uid_word : word_end<TAO_PEGTL_STRING("uid")> {};
struct role_uid : number {};
struct role_seal : seq<plus<blank>, TAO_PEGTL_STRING("may seal")> {};
struct role_line : if_must<word_end<TAO_PEGTL_STRING("role")>, role_name, star<blank>,
                           role_uid_word, role_uid, opt<role_seal>, end_of_statement> {};
struct start_number : number {};
struct start_line : if_must<word_end<TAO_PEGTL_STRING("start")>, start_number, end_of_statement> {};
struct calls_role : name_text {};
struct calls_begin : word_end<TAO_PEGTL_STRING("calls")> {};
struct calls_line : if_must<calls_begin, opt<calls_role>, end_of_statement> {};
struct call_text : phrase {};
struct call_line : seq<at<plus<sor<alnum, one<'_'>>>, one<'('>>, call_text> {};
struct extensions_line : seq<word_end<TAO_PEGTL_STRING("extensions")>, end_of_statement> {};
struct include_name : name_text {};
struct include_line
    : if_must<word_end<TAO_PEGTL_STRING("include")>, include_name, end_of_statement> {};
struct needs_text : phrase {};
struct needs_line : if_must<word_end<TAO_PEGTL_STRING("needs")>, needs_text> {};
struct same_as_name : name_text {};
struct same_as_line
    : if_must<word_end<TAO_PEGTL_STRING("same-as")>, same_as_name, end_of_statement> {};
struct sort_name : name_text {};
struct colon : one<':'> {};
struct continuation : seq<rest_of_line_end, star<blank>,
                          at<sor<TAO_PEGTL_STRING("and "), TAO_PEGTL_STRING("or ")>>> {};
struct condition_text : seq<phrase, star<seq<continuation, phrase>>> {};
struct condition : seq<sort_name, star<blank>, must<colon>, star<blank>, must<condition_text>> {};
struct assume_word : word_end<TAO_PEGTL_STRING("assume")> {};
struct never_word : word_end<TAO_PEGTL_STRING("never")> {};
struct reach_word : word_end<TAO_PEGTL_STRING("reach")> {};
struct condition_line : if_must<sor<assume_word, never_word, reach_word>, condition> {};
struct statement
    : sor<property_line, doc_line, bounds_line, role_line, start_line, calls_line, extensions_line,
          include_line, needs_line, same_as_line, condition_line, call_line> {};
struct file : until<eof, seq<skip, sor<eof, must<statement>>, skip>> {};

template <typename Rule>
inline constexpr const char* kExpected = nullptr;
template <>
inline constexpr auto kExpected<property_name> = "expected the name of the property";
template <>
inline constexpr auto kExpected<end_of_statement> = "expected the end of the line";
template <>
inline constexpr auto kExpected<doc_text> = "expected the text of the description";
template <>
inline constexpr auto kExpected<doc_close> = "the description has no closing quote";
template <>
inline constexpr auto kExpected<bounds_text> = "expected bounds such as processes=2 fds=3";
template <>
inline constexpr auto kExpected<role_name> = "expected the name of a role";
template <>
inline constexpr auto kExpected<role_uid_word> = "expected 'uid' and a number";
template <>
inline constexpr auto kExpected<role_uid> = "expected a user id, 0 to 65535";
template <>
inline constexpr auto kExpected<opt<role_seal>> = "expected 'may seal' or the end of the line";
template <>
inline constexpr auto kExpected<opt<calls_role>> = "expected a role or the end of the line";
template <>
inline constexpr auto kExpected<star<blank>> = "expected a blank";
template <>
inline constexpr auto kExpected<start_number> = "expected a number of tasks";
template <>
inline constexpr auto kExpected<include_name> = "expected the name of a list of calls";
template <>
inline constexpr auto kExpected<needs_text> = "expected names of calls";
template <>
inline constexpr auto kExpected<same_as_name> = "expected the name of a semantics";
template <>
inline constexpr auto kExpected<condition> =
    "expected what the condition is about: change, mapping, seal or pass";
template <>
inline constexpr auto kExpected<colon> = "expected ':'";
template <>
inline constexpr auto kExpected<condition_text> = "expected a condition";
template <>
inline constexpr auto kExpected<statement> =
    "expected property, a description, bounds, role, start, calls, extensions, include, needs, "
    "same-as, assume, never, reach or a call such as dup(fd)";

struct Errors {
  template <typename Rule>
  static constexpr auto message = kExpected<Rule>;
};
template <typename Rule>
using Control = must_if<Errors>::control<Rule>;

}  // namespace grammar

// ---- Actions ----

template <typename Input>
[[noreturn]] void Refuse(const Input& in, const std::string& message) {
  throw pegtl::parse_error(message, in);
}

template <typename Input>
void CheckNotInList(const Input& in, const Builder& b) {
  if (b.only_calls) Refuse(in, "a list of calls holds nothing but calls");
}

uint8_t RoleMask(const Builder& b, std::string_view name) {
  for (size_t i = 0; i < b.property.roles.size(); ++i)
    if (b.property.roles[i].name == name) return static_cast<uint8_t>(1u << i);
  return 0;
}

template <typename Rule>
struct Action : pegtl::nothing<Rule> {};

template <>
struct Action<grammar::property_name> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    CheckNotInList(in, b);
    if (!b.property.name.empty()) Refuse(in, "a file holds one property");
    b.property.name = in.string();
  }
};

template <>
struct Action<grammar::doc_text> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    CheckNotInList(in, b);
    std::string& doc = b.property.doc;
    for (char c : in.string_view()) {  // line ends and indentation become one blank
      const bool is_space = std::isspace(static_cast<unsigned char>(c)) != 0;
      if (!is_space)
        doc.push_back(c);
      else if (!doc.empty() && doc.back() != ' ')
        doc.push_back(' ');
    }
  }
};

template <>
struct Action<grammar::bounds_text> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    CheckNotInList(in, b);
    absl::Status status = ApplyBounds(in.string_view(), b.property.bounds);
    if (!status.ok()) Refuse(in, std::string(status.message()));
  }
};

template <>
struct Action<grammar::role_name> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    CheckNotInList(in, b);
    if (RoleMask(b, in.string_view()) != 0)
      Refuse(in, fmt::format("role '{}' is declared already", in.string_view()));
    if (b.property.roles.size() == kMaxTasks)
      Refuse(in, fmt::format("at most {} roles", kMaxTasks));
    b.role = Role{in.string(), 0, false};
  }
};

template <typename Input>
int SmallNumber(const Input& in, int highest, const char* what) {
  const std::string text = in.string();
  const int value = text.size() > 6 ? highest + 1 : std::stoi(text);
  if (value > highest) Refuse(in, fmt::format("{} is at most {}, not {}", what, highest, text));
  return value;
}

template <>
struct Action<grammar::role_uid> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    b.role.uid = SmallNumber(in, 65535, "a user id");
    b.property.roles.push_back(b.role);
  }
};

template <>
struct Action<grammar::role_seal> {
  template <typename Input>
  static void apply(const Input&, Builder& b) {
    b.property.roles.back().may_seal = true;
  }
};

template <>
struct Action<grammar::start_number> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    CheckNotInList(in, b);
    b.property.start = SmallNumber(in, kMaxTasks, "the number of tasks");
    if (b.property.start == 0) Refuse(in, "at least one task runs at the start");
  }
};

template <>
struct Action<grammar::calls_begin> {
  template <typename Input>
  static void apply(const Input&, Builder& b) {
    b.calls_roles = 0xff;
  }
};

template <>
struct Action<grammar::calls_role> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    b.calls_roles = RoleMask(b, in.string_view());
    if (b.calls_roles == 0)
      Refuse(in, fmt::format("no role is named '{}'; roles are declared before calls",
                             in.string_view()));
  }
};

template <>
struct Action<grammar::call_text> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    const auto at = in.position();
    b.property.calls.push_back(AlphabetLine{in.string(), at.source, static_cast<int>(at.line),
                                            static_cast<int>(at.column), b.calls_roles});
  }
};

template <>
struct Action<grammar::extensions_line> {
  template <typename Input>
  static void apply(const Input&, Builder& b) {
    b.property.extensions = true;
  }
};

std::vector<AlphabetLine> LoadCalls(const PropertySource& source, uint8_t roles);

template <>
struct Action<grammar::include_name> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    CheckNotInList(in, b);
    absl::StatusOr<PropertySource> source = (*b.loader)(in.string_view());
    if (!source.ok()) Refuse(in, std::string(source.status().message()));
    for (AlphabetLine& line : LoadCalls(*source, b.calls_roles))
      b.property.calls.push_back(std::move(line));
  }
};

template <>
struct Action<grammar::needs_text> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    std::string word;
    for (char c : in.string() + " ") {
      if (c != ' ' && c != ',') {
        word.push_back(c);
        continue;
      }
      if (word.empty()) continue;
      const absl::Span<const CallSpec> table = CallTable();
      if (std::none_of(table.begin(), table.end(),
                       [&](const CallSpec& spec) { return ShortName(spec.op) == word; }))
        Refuse(in, fmt::format("no call is named '{}' (docs/property-language.md)", word));
      b.property.needs.push_back(word);
      word.clear();
    }
  }
};

template <>
struct Action<grammar::same_as_name> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    CheckNotInList(in, b);
    if (++b.statements > 1) Refuse(in, "a property has one never, reach or same-as");
    b.property.kind = Property::Kind::kSameAs;
    b.property.same_as = in.string();
    const auto at = in.position();
    b.property.same_as_place = fmt::format("{}:{}:{}", at.source, at.line, at.column);
  }
};

template <typename Input>
void BeginCondition(const Input& in, Builder& b, bool assume) {
  CheckNotInList(in, b);
  b.pending = Builder::Pending{};
  b.pending.assume = assume;
  if (!assume && ++b.statements > 1) Refuse(in, "a property has one never, reach or same-as");
}

template <>
struct Action<grammar::assume_word> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    BeginCondition(in, b, true);
  }
};

template <>
struct Action<grammar::never_word> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    BeginCondition(in, b, false);
    b.property.kind = Property::Kind::kNever;
  }
};

template <>
struct Action<grammar::reach_word> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    BeginCondition(in, b, false);
    b.property.kind = Property::Kind::kReach;
  }
};

constexpr std::string_view kSortNames[] = {"change", "mapping", "seal", "pass"};

template <>
struct Action<grammar::sort_name> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    const auto* found = std::find(std::begin(kSortNames), std::end(kSortNames), in.string_view());
    if (found == std::end(kSortNames))
      Refuse(in, fmt::format("'{}' is nothing that a condition is about, expected {}",
                             in.string_view(), fmt::join(kSortNames, ", ")));
    b.pending.clause.sort = static_cast<Sort>(found - std::begin(kSortNames));
    if ((b.pending.clause.sort == Sort::kPass) != b.pending.assume)
      Refuse(in, "assume is about pass; never and reach are about change, mapping or seal");
  }
};

template <>
struct Action<grammar::condition_text> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    const auto at = in.position();
    b.pending.clause.text = in.string();
    b.pending.clause.line = static_cast<int>(at.line);
    b.pending.column = static_cast<int>(at.column);
    b.conditions.push_back(b.pending);
  }
};

// ---- After the grammar ----

// Line and column of a byte of `text` that begins at line:column.
std::string PlaceOf(const std::string& file, int line, int column, std::string_view text,
                    size_t offset) {
  for (char c : text.substr(0, offset)) {
    column = c == '\n' ? 1 : column + 1;
    line += c == '\n';
  }
  return fmt::format("{}:{}:{}", file, line, column);
}

absl::Status CompileConditions(Builder& b) {
  for (Builder::Pending& pending : b.conditions) {
    Clause& clause = pending.clause;
    ParsedCondition parsed =
        ParseCondition(clause.text, PropertyVocabulary(clause.sort, b.property.roles));
    if (parsed.error.has_value())
      return absl::InvalidArgumentError(fmt::format(
          "{}: {}",
          PlaceOf(b.property.file, clause.line, pending.column, clause.text, parsed.error->offset),
          parsed.error->message));
    if (parsed.terms.empty())
      return absl::InvalidArgumentError(
          fmt::format("{}: the condition contradicts itself: expected one that can hold",
                      PlaceOf(b.property.file, clause.line, pending.column, clause.text, 0)));
    clause.terms = std::move(parsed.terms);
    if (pending.assume)
      b.property.assumes.push_back(clause);
    else
      b.property.clause = clause;
  }
  return absl::OkStatus();
}

absl::Status RunGrammar(const PropertySource& source, Builder& builder) {
  try {
    pegtl::memory_input in(source.text, source.file);
    pegtl::parse<grammar::file, Action, grammar::Control>(in, builder);
  } catch (const pegtl::parse_error& error) {
    const pegtl::position& at = error.positions().front();
    std::string_view line(source.text);
    line = line.substr(std::min(at.byte, line.size()));
    line = line.substr(0, line.find('\n'));
    return absl::InvalidArgumentError(fmt::format(
        "{}:{}:{}: {}, found {}", source.file, at.line, at.column, std::string(error.message()),
        line.empty() ? "the end of the line" : fmt::format("'{}'", line)));
  }
  return absl::OkStatus();
}

std::vector<AlphabetLine> LoadCalls(const PropertySource& source, uint8_t roles) {
  Builder builder;
  builder.only_calls = true;
  builder.calls_roles = roles;
  if (absl::Status status = RunGrammar(source, builder); !status.ok())
    throw pegtl::parse_error(std::string(status.message()), pegtl::position(0, 1, 1, source.file));
  return builder.property.calls;
}

absl::Status Incomplete(const Property& property, const char* what) {
  return absl::InvalidArgumentError(fmt::format("{}:1:1: {}", property.file, what));
}

}  // namespace

absl::StatusOr<Property> ParseProperty(const PropertySource& source, const CallsLoader& loader) {
  Builder b;
  b.loader = &loader;
  b.property.file = source.file;
  b.property.text = source.text;
  if (absl::Status status = RunGrammar(source, b); !status.ok()) return status;
  if (b.property.name.empty()) return Incomplete(b.property, "expected 'property NAME'");
  if (b.property.roles.empty()) b.property.roles.push_back(Role{"any", 1000, true});
  if (b.property.calls.empty()) return Incomplete(b.property, "the property has no calls");
  if (b.statements == 0) return Incomplete(b.property, "expected one of never, reach and same-as");
  if (absl::Status status = CompileConditions(b); !status.ok()) return status;
  return std::move(b.property);
}

}  // namespace selkie
