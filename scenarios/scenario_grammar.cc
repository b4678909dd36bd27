// The grammar of scenario files (docs/scenario-language.md), in PEGTL.
#include <algorithm>
#include <charconv>

#include "fmt/format.h"
#include "scenarios/scenario_text.h"
#include "tao/pegtl.hpp"

namespace selkie {
namespace {
namespace grammar {

using namespace tao::pegtl;  // NOLINT: a grammar is written in its words

struct Ws : star<blank> {};
struct Comment : seq<one<'#'>, star<not_one<'\n'>>> {};
struct LineEnd : seq<Ws, opt<Comment>, eol> {};
struct BlankLine : LineEnd {};
template <char... Letters>
struct Keyword : seq<string<Letters...>, not_at<identifier_other>, Ws> {};

// A dot that is followed by another one is not part of a name but of a range.
struct NamePart : sor<alnum, one<'-', '_'>, seq<one<'.'>, not_at<one<'.'>>>> {};
struct Name : plus<NamePart> {};
struct Number : plus<digit> {};

struct SelectorFirst : Name {};
struct SelectorLast : Name {};
struct SelectorDots : string<'.', '.'> {};
struct Range : seq<SelectorDots, opt<SelectorLast>> {};
struct OpenRange : seq<SelectorDots, must<SelectorLast>> {};
struct Selector : sor<seq<SelectorFirst, opt<Range>>, OpenRange> {};
struct MoreSelectors : seq<Ws, one<','>, Ws, must<Selector>> {};
struct Selectors : seq<Selector, star<MoreSelectors>> {};
// The same without errors, to look ahead.
struct PlainSelector : sor<seq<Name, opt<SelectorDots, opt<Name>>>, seq<SelectorDots, Name>> {};
struct PlainSelectors : list<PlainSelector, one<','>, blank> {};

struct ScenarioName : Name {};
struct Header
    : seq<Keyword<'s', 'c', 'e', 'n', 'a', 'r', 'i', 'o'>, must<ScenarioName>, must<LineEnd>> {};

struct DocText : star<not_one<'"', '\n'>> {};
struct DocEnd : one<'"'> {};
struct Doc : seq<one<'"'>, DocText, must<DocEnd>, must<LineEnd>> {};

struct TaskLetter : identifier {};
struct Uid : Number {};
struct UidWord : Keyword<'u', 'i', 'd'> {};
struct AsUid : seq<Ws, Keyword<'a', 's'>, must<UidWord>, must<Uid>> {};
struct Task : seq<Keyword<'t', 'a', 's', 'k'>, must<TaskLetter>, opt<AsUid>, must<LineEnd>> {};

struct OnlyWord : Keyword<'o', 'n', 'l', 'y'> {};
struct NotWord : Keyword<'n', 'o', 't'> {};
struct Applies : seq<sor<OnlyWord, NotWord>, must<Selectors>, must<LineEnd>> {};

struct LimitName : identifier {};
struct LimitValue : Number {};
struct LimitIs : one<'='> {};
struct Limit : seq<LimitName, Ws, must<LimitIs>, Ws, must<LimitValue>> {};
struct MoreLimits : seq<plus<blank>, Limit> {};
struct LimitsLine
    : seq<Keyword<'l', 'i', 'm', 'i', 't', 's'>, must<Limit>, star<MoreLimits>, must<LineEnd>> {};

struct QuotedPart : sor<seq<one<'\\'>, not_one<'\n'>>, not_one<'"', '\n'>> {};
struct Quoted : seq<one<'"'>, star<QuotedPart>, one<'"'>> {};

struct Who : identifier {};
struct Colon : one<':'> {};
struct BoundName : identifier {};
struct SecondName : identifier {};
struct Bind : seq<BoundName, opt<Ws, one<','>, Ws, must<SecondName>>, Ws, one<'='>, Ws> {};
struct BindAhead : at<identifier, star<not_one<'(', '\n', '=', '"'>>, one<'='>> {};

// A call ends at the bracket after which a result, an alternative, a comment
// or the end of the line comes.
struct CallStop : seq<one<')'>, at<Ws, sor<eol, one<'=', '#', '|'>>>> {};
struct CallPart : sor<Quoted, not_one<'\n'>> {};
struct CallText : seq<identifier, Ws, one<'('>, until<CallStop, CallPart>> {};

struct AlternativeAhead : at<Ws, one<'|'>, Ws, PlainSelectors, Ws, one<':'>> {};
struct CommentAhead : at<plus<blank>, one<'#'>> {};
struct ResultStop : sor<at<Ws, eol>, CommentAhead, AlternativeAhead> {};
struct ResultPart : sor<Quoted, not_one<'\n'>> {};
struct ResultText : plus<not_at<ResultStop>, ResultPart> {};
struct Default : seq<Ws, one<'='>, Ws, must<ResultText>> {};
struct AlternativeBar : one<'|'> {};
struct Alternative
    : seq<Ws, AlternativeBar, Ws, must<Selectors>, Ws, must<Colon>, Ws, must<ResultText>> {};
struct CallLine : seq<Who, Ws, Colon, Ws, opt<BindAhead, Bind>, must<CallText>, opt<Default>,
                      star<Alternative>, must<LineEnd>> {};

struct Line : seq<Ws, sor<Header, Doc, Task, Applies, LimitsLine, must<CallLine>>> {};
struct File : until<eof, sor<BlankLine, Line>> {};

// What was expected where a rule failed.
template <typename>
inline constexpr const char* kExpected = nullptr;
template <>
inline constexpr auto kExpected<LineEnd> = "the end of the line";
template <>
inline constexpr auto kExpected<ScenarioName> = "the name of the scenario";
template <>
inline constexpr auto kExpected<DocEnd> = "the closing quote of this line's text";
template <>
inline constexpr auto kExpected<TaskLetter> = "the letter of a task, such as B";
template <>
inline constexpr auto kExpected<UidWord> = "'uid' as in 'task B as uid 1000'";
template <>
inline constexpr auto kExpected<Uid> = "a user id such as 1000";
template <>
inline constexpr auto kExpected<Selectors> =
    "names of semantics, such as fw-v3, or a range such as linux-4.20..linux-6.1";
template <>
inline constexpr auto kExpected<Selector> = kExpected<Selectors>;
template <>
inline constexpr auto kExpected<SelectorLast> = "the last kernel of the range, such as linux-6.1";
template <>
inline constexpr auto kExpected<Limit> = "a limit such as fds=2";
template <>
inline constexpr auto kExpected<LimitIs> = "'=' and a number, as in fds=2";
template <>
inline constexpr auto kExpected<LimitValue> = "the limit's number";
template <>
inline constexpr auto kExpected<SecondName> = "the name of the second result";
template <>
inline constexpr auto kExpected<CallText> =
    "a call such as write(fd, \"x\", 1), closed by ')', and then '= RESULT'";
template <>
inline constexpr auto kExpected<Colon> = "':' and the result under these semantics";
template <>
inline constexpr auto kExpected<ResultText> = "a result, such as 0 or -1 EPERM";
template <>
inline constexpr auto kExpected<CallLine> =
    "'TASK: CALL = RESULT', 'scenario NAME', 'task', 'only', 'not', 'limits', a text in quotes "
    "or a comment";

struct Expected {
  template <typename Rule>
  static constexpr auto message = kExpected<Rule>;
  // A rule that fails outside must<> is only tried.
  template <typename Rule>
  static constexpr bool raise_on_failure = false;
};
template <typename Rule>
using Control = must_if<Expected>::control<Rule>;

}  // namespace grammar

namespace pegtl = tao::pegtl;

// What has been read so far.
struct Builder {
  std::string_view file;
  std::vector<Scenario> scenarios;
  std::vector<Selector> selectors;  // of the list being read
  bool only = false;                // the list is of `only`, else of `not`
  bool alternative = false;         // the result being read follows a '|'
  int task = 0;
  std::string limit;
};

[[noreturn]] void Throw(std::string message, const pegtl::position& at) {
  throw pegtl::parse_error(std::move(message), at);
}

// The scenario being read; an error if there is none yet.
template <typename Input>
Scenario& Current(const Input& in, Builder& b) {
  if (b.scenarios.empty())
    Throw(
        fmt::format("'{}' stands before any scenario, expected 'scenario NAME' first", in.string()),
        in.position());
  return b.scenarios.back();
}

// The scenario being read, whose calls have not begun.
template <typename Input>
Scenario& Heading(const Input& in, Builder& b) {
  Scenario& scenario = Current(in, b);
  if (!scenario.lines.empty())
    Throw(fmt::format("'{}' stands after the first call, expected it before", in.string()),
          in.position());
  return scenario;
}

template <typename Input>
int ToInt(const Input& in, int low, int high) {
  const std::string text = in.string();
  int value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || value < low || value > high)
    Throw(fmt::format("'{}' is out of range, expected {} to {}", text, low, high), in.position());
  return value;
}

uint8_t* LimitByName(Limits& limits, std::string_view name, int* capacity) {
  struct Field {
    std::string_view name;
    uint8_t* value;
    int capacity;
  };
  const Field fields[] = {
      {"tasks", &limits.tasks, kMaxTasks},       {"fds", &limits.fds, kMaxFds},
      {"files", &limits.files, kMaxFiles},       {"inodes", &limits.inodes, kMaxInodes},
      {"maps", &limits.maps, kMaxMaps},          {"pages", &limits.pages, kMaxPages},
      {"arena", &limits.arena, kArenaPages},     {"messages", &limits.messages, kMaxMessages},
      {"buffers", &limits.buffers, kMaxBuffers}, {"huge", &limits.huge, kMaxHuge}};
  for (const Field& field : fields) {
    if (field.name != name) continue;
    *capacity = field.capacity;
    return field.value;
  }
  return nullptr;
}

template <typename Rule>
struct Action : pegtl::nothing<Rule> {};

template <>
struct Action<grammar::ScenarioName> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    Scenario scenario;
    scenario.file = b.file;
    scenario.line = static_cast<int>(in.position().line);
    scenario.name = in.string();
    b.scenarios.push_back(std::move(scenario));
  }
};

template <>
struct Action<grammar::DocText> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    std::string& doc = Heading(in, b).doc;
    doc += fmt::format("{}{}", doc.empty() ? "" : " ", in.string());
  }
};

template <>
struct Action<grammar::TaskLetter> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    Scenario& scenario = Heading(in, b);
    std::optional<int> task = TaskByLetter(in.string());
    const int next = static_cast<int>(scenario.uids.size());
    if (!task || *task > next)
      Throw(fmt::format("'{}' is no task that can be declared here, expected A or the next, {}",
                        in.string(), static_cast<char>('A' + std::min(next, kMaxTasks - 1))),
            in.position());
    if (*task == next) scenario.uids.push_back(0);
    b.task = *task;
  }
};

template <>
struct Action<grammar::Uid> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    b.scenarios.back().uids[b.task] = ToInt(in, 0, 65534);
  }
};

template <>
struct Action<grammar::LimitName> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    b.limit = in.string();
    int capacity;
    if (LimitByName(Heading(in, b).limits, b.limit, &capacity) == nullptr)
      Throw(fmt::format("'{}' is no limit, expected tasks, fds, files, inodes, maps, pages, arena "
                        "or messages",
                        b.limit),
            in.position());
  }
};

template <>
struct Action<grammar::LimitValue> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    int capacity = 1;
    uint8_t* limit = LimitByName(b.scenarios.back().limits, b.limit, &capacity);
    // A run without pages in pipes, or without huge ones.
    const int least = b.limit == "buffers" || b.limit == "huge" ? 0 : 1;
    *limit = static_cast<uint8_t>(ToInt(in, least, capacity));
  }
};

template <typename Input>
void NewSelector(const Input& in, Builder& b, Selector selector) {
  selector.line = static_cast<int>(in.position().line);
  selector.column = static_cast<int>(in.position().column);
  b.selectors.push_back(std::move(selector));
}

template <>
struct Action<grammar::SelectorFirst> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    NewSelector(in, b, {.first = in.string(), .last = "", .range = false});
  }
};

template <>
struct Action<grammar::Range> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    b.selectors.back().range = true;
    b.selectors.back().last = in.string().substr(2);
  }
};

template <>
struct Action<grammar::OpenRange> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    NewSelector(in, b, {.first = "", .last = in.string().substr(2), .range = true});
  }
};

template <>
struct Action<grammar::OnlyWord> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    Heading(in, b);
    b.only = true;
    b.selectors.clear();
  }
};

template <>
struct Action<grammar::NotWord> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    Heading(in, b);
    b.only = false;
    b.selectors.clear();
  }
};

template <>
struct Action<grammar::Applies> {
  template <typename Input>
  static void apply(const Input&, Builder& b) {
    std::vector<Selector>& list = b.only ? b.scenarios.back().only : b.scenarios.back().excluded;
    list.insert(list.end(), b.selectors.begin(), b.selectors.end());
  }
};

template <>
struct Action<grammar::BoundName> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    b.scenarios.back().lines.back().names.push_back(in.string());
  }
};
template <>
struct Action<grammar::SecondName> : Action<grammar::BoundName> {};

template <>
struct Action<grammar::Who> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    ScenarioLine line;
    line.line = static_cast<int>(in.position().line);
    line.task_column = static_cast<int>(in.position().column);
    line.task = in.string();
    Current(in, b).lines.push_back(std::move(line));
    b.alternative = false;
  }
};

template <>
struct Action<grammar::CallText> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    ScenarioLine& line = b.scenarios.back().lines.back();
    line.column = static_cast<int>(in.position().column);
    line.call = in.string();
  }
};

template <>
struct Action<grammar::AlternativeBar> {
  template <typename Input>
  static void apply(const Input&, Builder& b) {
    b.alternative = true;
    b.selectors.clear();
  }
};

template <>
struct Action<grammar::ResultText> {
  template <typename Input>
  static void apply(const Input& in, Builder& b) {
    Expectation expectation;
    if (b.alternative) expectation.selectors = b.selectors;
    expectation.text = in.string();
    expectation.column = static_cast<int>(in.position().column);
    b.scenarios.back().lines.back().expected.push_back(std::move(expectation));
  }
};

// The word, or the character, at which reading stopped.
std::string Offending(std::string_view text, size_t byte) {
  size_t end = byte;
  auto part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  while (end < text.size() && part(text[end])) ++end;
  if (end == byte && end < text.size() && text[end] != '\n' && text[end] != '\r') ++end;
  if (end == byte) return "the line ends here";
  return fmt::format("'{}' is unexpected", text.substr(byte, end - byte));
}

// Messages of actions are whole; those of rules say only what was expected.
std::string MessageOf(std::string_view file, std::string_view text,
                      const pegtl::parse_error& error) {
  const pegtl::position& at = error.positions().front();
  std::string message(error.message());
  if (message.find(", expected ") == std::string::npos)
    message = fmt::format("{}, expected {}", Offending(text, at.byte), message);
  return std::string(
      ErrorAt(file, static_cast<int>(at.line), static_cast<int>(at.column), message).message());
}

// The line in which this byte is, which is made blank.
std::string TakeLine(std::string& text, size_t byte) {
  const size_t end = std::min(text.find('\n', byte), text.size());
  const size_t before = byte == 0 ? text.npos : text.rfind('\n', byte - 1);
  const size_t begin = before == text.npos ? 0 : before + 1;
  std::string line = text.substr(begin, end - begin);
  text.replace(begin, end - begin, end - begin, ' ');
  return line;
}

bool BeginsScenario(std::string_view line) {
  constexpr std::string_view kWord = "scenario";
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == line.npos || !line.substr(begin).starts_with(kWord)) return false;
  const size_t end = begin + kWord.size();
  return end == line.size() || line.find_first_of(" \t\r", end) == end;
}

}  // namespace

std::vector<Scenario> ReadScenarioText(std::string_view file, std::string_view text,
                                       ErrorsByLine* errors) {
  std::string lines(text);
  if (!lines.ends_with('\n')) lines += '\n';
  for (;;) {
    Builder builder;
    builder.file = file;
    pegtl::memory_input input(lines, std::string(file));
    try {
      pegtl::parse<grammar::File, Action, grammar::Control>(input, builder);
    } catch (const pegtl::parse_error& error) {
      const pegtl::position& at = error.positions().front();
      errors->emplace(static_cast<int>(at.line), MessageOf(file, lines, error));
      const bool goes_on = !builder.scenarios.empty() && errors->size() < kMostErrors;
      if (!BeginsScenario(TakeLine(lines, at.byte)) && goes_on) continue;
    }
    return std::move(builder.scenarios);
  }
}

absl::Status ErrorAt(std::string_view file, int line, int column, std::string_view message) {
  return absl::InvalidArgumentError(fmt::format("{}:{}:{}: {}", file, line, column, message));
}

}  // namespace selkie
