#include "traces/strace_read.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "fmt/format.h"
#include "traces/strace_scan.h"

namespace selkie {
namespace {

constexpr std::string_view kUnfinished = "<unfinished ...>", kDetached = "<detached ...>";
constexpr int kMostTornLines = 200;  // lines of its own that a program may write into a call

// ---- Prefix ----

struct Prefix {
  std::optional<int64_t> pid;
  size_t end = 0;      // where the event begins
  bool timed = false;  // it says when
};

// Walks over what may stand before an event.
class PrefixReader {
 public:
  explicit PrefixReader(std::string_view line) : line_(line) {}

  Prefix Read() {
    Blanks();
    while (Bracket() || Elapsed() || Time() || Pid()) Blanks();
    prefix_.end = at_;
    return prefix_;
  }

 private:
  char At(size_t i) const { return i < line_.size() ? line_[i] : '\0'; }
  void Blanks() {
    while (IsStraceBlank(At(at_))) ++at_;
  }
  size_t Digits(size_t from) const {
    while (IsStraceDigit(At(from))) ++from;
    return from;
  }
  // Past the name of the program in `1965<python3>`.
  size_t Comm(size_t from) const {
    if (At(from) != '<') return from;
    const size_t close = line_.find('>', from);
    return close == line_.npos ? from : close + 1;
  }
  void SetPid(size_t begin, size_t end) {
    int64_t value = 0;
    const auto [rest, code] = std::from_chars(line_.data() + begin, line_.data() + end, value);
    if (code == std::errc()) prefix_.pid = value;
  }

  // [pid  1965], [ 319], [00007f14e1797000], [????????????????]
  bool Bracket() {
    if (At(at_) != '[') return false;
    size_t from = at_ + 1;
    const bool pid = line_.substr(from).starts_with("pid");
    if (pid) from += 3;
    while (IsStraceBlank(At(from))) ++from;
    size_t to = from;
    while (std::isxdigit(static_cast<unsigned char>(At(to))) != 0 || At(to) == '?') ++to;
    const size_t close = pid ? Comm(to) : to;
    if (to == from || At(close) != ']') return false;
    if (pid) SetPid(from, to);
    at_ = close + 1;
    return true;
  }
  // (+     0.000123)
  bool Elapsed() {
    if (!line_.substr(at_).starts_with("(+")) return false;
    const size_t close = line_.find(')', at_);
    if (close == line_.npos) return false;
    at_ = close + 1;
    return true;
  }
  // 15:49:07, 15:49:07.213920, 1795621747.213920, 0.000123, 2026-11-25T15:49:07+0000
  bool Time() {
    size_t to = Digits(at_);
    if (to == at_ || (At(to) != ':' && At(to) != '.' && At(to) != '-')) return false;
    while (IsStraceDigit(At(to)) || At(to) == ':' || At(to) == '.' || At(to) == '-' ||
           At(to) == '+' || At(to) == 'T')
      ++to;
    if (!IsStraceBlank(At(to))) return false;
    at_ = to;
    prefix_.timed = true;
    return true;
  }
  bool Pid() {
    const size_t digits = Digits(at_), to = Comm(digits);
    if (prefix_.pid || digits == at_ || !IsStraceBlank(At(to))) return false;
    SetPid(at_, digits);
    at_ = to;
    return true;
  }

  std::string_view line_;
  size_t at_ = 0;
  Prefix prefix_;
};

// ---- A call that is whole ----

// The result after `= `.
bool ReadResult(std::string_view text, StraceCall* call) {
  text = StraceTrimmed(text);
  if (text.empty()) return false;
  call->injected = StraceHas(text, "(INJECTED");
  if (text[0] == '?') {
    call->returned = StraceReturn::kUnknown;
    text = StraceTrimmed(text.substr(1));
    size_t end = 0;
    while (end < text.size() && IsStraceWord(text[end])) ++end;
    call->error = text.substr(0, end);
    call->result = call->error.empty() ? "?" : call->error;
    return true;
  }
  // The number ends at a blank; a path in <...> may have one.
  size_t end = 0;
  while (end < text.size() && !IsStraceBlank(text[end])) end = SkipStraceUnit(text, end);
  call->result = text.substr(0, end);
  std::string_view number = call->result;
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  const bool hex = number.starts_with("0x");
  const bool octal = !hex && number.size() > 1 && number[0] == '0';
  if (hex) number.remove_prefix(2);
  uint64_t value = 0;
  const auto [rest, code] = std::from_chars(number.data(), number.data() + number.size(), value,
                                            hex ? 16 : (octal ? 8 : 10));
  if (code != std::errc() || rest == number.data()) return false;
  call->returned = StraceReturn::kValue;
  call->value = static_cast<int64_t>(negative ? ~value + 1 : value);
  if (!negative || value != 1) return true;
  std::string_view error = StraceTrimmed(text.substr(end));
  if (error.starts_with("(errno ")) {
    error.remove_prefix(7);
  } else if (!error.starts_with('E')) {
    return true;
  }
  end = 0;
  while (end < error.size() && IsStraceWord(error[end])) ++end;
  call->returned = StraceReturn::kErrno;
  call->error = error.substr(0, end);
  return true;
}

struct Parsed {
  bool ok = false;
  bool torn = false;  // it may go on in the next line
  size_t column = 0;  // where it went wrong, 0-based in the text
  std::string_view what;
};

// `NAME(ARGUMENTS) = RESULT`.
Parsed ReadWhole(std::string_view text, StraceCall* call) {
  size_t open = 0;
  while (open < text.size() && (IsStraceWord(text[open]) || text[open] == '?')) ++open;
  if (open == 0 || open >= text.size() || text[open] != '(')
    return {false, false, open, "expected a call: NAME(...) = RESULT"};
  call->name = text.substr(0, open);
  StraceList list = SplitStrace(text, open + 1);
  if (!list.closed) return {false, true, list.end, "the arguments do not end"};
  call->args = std::move(list.items);
  size_t at = list.end + 1;
  while (at < text.size() && IsStraceBlank(text[at])) ++at;
  if (at >= text.size()) return {false, true, at, "expected '= RESULT'"};
  if (text[at] != '=') return {false, false, at, "expected '= RESULT'"};
  if (!ReadResult(text.substr(at + 1), call)) return {false, false, at + 1, "no result"};
  return {true, false, 0, {}};
}

// ---- The log ----

class LogReader {
 public:
  LogReader(std::string file, std::string text) {
    log_.file = std::move(file);
    log_.storage.push_back(std::move(text));
  }

  StraceLog Read() {
    const std::string_view text = log_.storage.front();
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      ++line_;
      ReadLine(text.substr(at, end - at));
      at = end + 1;
    }
    DropTorn();
    NameTheUnnamed();
    const std::set<int64_t> processes(prefixed_.begin(), prefixed_.end());
    log_.merged = timed_ && !cut_ && processes.size() > 1;
    return std::move(log_);
  }

 private:
  // A call that the program's own output, or strace's, has torn in two.
  struct Torn {
    std::string text;
    int64_t pid = 0;
    int line = 0;
    int lines = 0;
    Parsed why;
    size_t offset = 0;  // column of the call in its line
  };

  void Problem(int line, size_t column, std::string_view what, std::string_view text) {
    text = text.substr(0, 60);
    log_.problems.push_back(
        fmt::format("{}:{}:{}: {}: '{}'", log_.file, line, column + 1, what, text));
  }

  void ReadLine(std::string_view line) {
    while (!line.empty() && (line.back() == '\r')) line.remove_suffix(1);
    if (StraceTrimmed(line).empty()) return;
    ++log_.lines;
    if (line.starts_with(" > ")) return;  // -k: where it was called from
    line = line.substr(0, Own(line));
    if (StraceTrimmed(line).empty()) return;
    const Prefix prefix = PrefixReader(line).Read();
    std::string_view text = line.substr(prefix.end);
    if (text.starts_with("[ Process ") || text.empty()) return;  // another personality
    timed_ &= prefix.timed;
    const int64_t pid = prefix.pid ? *prefix.pid : Sole();
    if (!Event(pid, text, prefix.end, prefix.pid.has_value())) return;
    if (prefix.pid && (prefixed_.empty() || prefixed_.back() != pid)) prefixed_.push_back(pid);
    if (prefix.pid && !children_.contains(pid)) alive_.erase(0);  // it is the one without a name
    if (prefix.pid || prefixed_.empty()) alive_.insert(pid);
  }

  // Where strace's own words begin: a line of them, or what tore a line of the log.
  size_t Own(std::string_view line) {
    const size_t at = line.starts_with("strace: ") ? 0 : line.find("strace: Process ");
    if (at == line.npos || (at > 0 && !line.ends_with("attached") && !line.ends_with("detached")))
      return line.size();
    Announced(line.substr(at));
    return at;
  }

  // Without -o the only process that is left has no prefix.
  int64_t Sole() const { return alive_.size() == 1 ? *alive_.begin() : 0; }

  // strace: Process 2007 attached
  void Announced(std::string_view text) {
    constexpr std::string_view kProcess = "strace: Process ";
    if (!text.starts_with(kProcess)) return;
    text.remove_prefix(kProcess.size());
    int64_t pid = 0;
    const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (code != std::errc()) return;
    if (!text.ends_with("attached")) return;
    children_.insert(pid);
    if (!prefixed_.empty() || alive_.contains(0)) alive_.insert(pid);
  }

  // False if it is no event of strace's.
  bool Event(int64_t pid, std::string_view text, size_t column, bool prefixed) {
    if (text.starts_with("+++ ")) return Ended(pid, text);
    if (text.starts_with("--- ")) {
      log_.events.push_back({StraceEvent::Kind::kSignal, 0, pid, line_, text.substr(4)});
      return true;
    }
    if (text.starts_with("<... ")) return Resumed(pid, text, column);
    if (!prefixed && torn_ && Continues(text)) return true;
    return Call(pid, text, column);
  }

  bool Ended(int64_t pid, std::string_view text) {
    log_.events.push_back({StraceEvent::Kind::kExited, 0, pid, line_, text});
    open_.erase(pid);
    // A thread that calls execve takes the number of its process.
    constexpr std::string_view kSuperseded = "superseded by execve in pid ";
    if (const size_t at = text.find(kSuperseded); at != text.npos) {
      int64_t thread = 0;
      std::from_chars(text.data() + at + kSuperseded.size(), text.data() + text.size(), thread);
      if (const auto open = open_.find(thread); open != open_.end()) {
        open_[pid] = open->second;
        open_.erase(thread);
      }
      alive_.erase(thread);
      return true;
    }
    alive_.erase(pid);
    return false;  // it is not alive
  }

  // What is left of a call after its torn line; true if it was used up.
  bool Continues(std::string_view text) {
    StraceCall probe;
    const bool begins = text[0] != ')' && text[0] != ',';
    const Parsed parsed = ReadWhole(text, &probe);
    if (begins && (parsed.ok || (parsed.torn && text.ends_with(kUnfinished)))) return false;
    torn_->text += text;
    if (++torn_->lines > kMostTornLines) {
      DropTorn();
      return true;
    }
    const Torn torn = *torn_;
    torn_.reset();
    const int last = line_;
    if (!Take(torn.pid, Keep(torn.text), torn.line, last, nullptr)) torn_ = torn;
    return true;
  }

  void DropTorn() {
    if (torn_)
      Problem(torn_->line, torn_->offset + torn_->why.column, torn_->why.what, torn_->text);
    torn_.reset();
  }

  std::string_view Keep(std::string text) {
    log_.storage.push_back(std::move(text));
    return log_.storage.back();
  }

  bool Call(int64_t pid, std::string_view text, size_t column) {
    Parsed why;
    if (Take(pid, text, line_, line_, &why)) {
      DropTorn();
      return true;
    }
    if (!why.torn) {
      Problem(line_, column + why.column, why.what, text);
      return false;
    }
    DropTorn();
    torn_ = Torn{std::string(text), pid, line_, 0, why, column};
    return true;
  }

  // A call from its beginning, whole or unfinished.
  bool Take(int64_t pid, std::string_view text, int first, int last, Parsed* why) {
    std::string_view begun = StraceTrimmed(text);
    if (begun.ends_with(kUnfinished) || begun.ends_with(kDetached) ||
        (begun.ends_with(" ...>") && begun.rfind("<pid changed to ") != begun.npos)) {
      begun = begun.substr(0, begun.rfind('<'));
      return Begin(pid, begun, first, why);
    }
    StraceCall call;
    const Parsed parsed = ReadWhole(text, &call);
    if (why != nullptr) *why = parsed;
    if (!parsed.ok) return false;
    call.pid = pid;
    call.line = first;
    call.last_line = last;
    open_.erase(pid);
    log_.events.push_back({StraceEvent::Kind::kCall, log_.calls.size(), pid, last, {}});
    NoteChild(call);
    log_.calls.push_back(std::move(call));
    return true;
  }

  bool Begin(int64_t pid, std::string_view text, int line, Parsed* why) {
    StraceCall call;
    const Parsed parsed = ReadWhole(text, &call);
    if (!parsed.torn) {
      if (why != nullptr)
        *why = {false, false, parsed.column, "expected NAME(... <unfinished ...>"};
      return false;
    }
    call.pid = pid;
    call.line = line;
    call.last_line = line;
    call.args = SplitStrace(text, call.name.size() + 1).items;
    cut_ = true;
    open_[pid] = {log_.calls.size(), text};
    log_.events.push_back({StraceEvent::Kind::kEnter, log_.calls.size(), pid, line, {}});
    log_.calls.push_back(std::move(call));
    return true;
  }

  // <... NAME resumed>, REST) = RESULT
  bool Resumed(int64_t pid, std::string_view text, size_t column) {
    const size_t close = text.find('>');
    const size_t word = text.find(" resumed");
    if (close == text.npos || word == text.npos || word > close) {
      Problem(line_, column, "expected '<... NAME resumed>'", text);
      return false;
    }
    const std::string_view name = StraceTrimmed(text.substr(5, word - 5));
    auto open = open_.find(pid);
    if (open == open_.end()) {
      // Begun when the process was the only one, and had no name, or ended so.
      open = std::find_if(open_.begin(), open_.end(), [&](const auto& entry) {
        return (entry.first == 0 || pid == 0) && log_.calls[entry.second.call].name == name;
      });
      if (open != open_.end() && pid == 0) pid = open->first;
    }
    if (open == open_.end() || log_.calls[open->second.call].name != name) {
      Problem(line_, column, "no call of this process is unfinished", text);
      return false;
    }
    StraceCall& call = log_.calls[open->second.call];
    std::string_view rest = text.substr(close + 1);
    if (StraceTrimmed(rest).ends_with(kUnfinished) || StraceTrimmed(rest).ends_with(kDetached)) {
      rest = rest.substr(0, rest.rfind('<'));
      open->second.text = Keep(std::string(open->second.text) + std::string(rest));
      return true;
    }
    StraceCall whole;
    const Parsed parsed =
        ReadWhole(Keep(std::string(open->second.text) + std::string(rest)), &whole);
    if (!parsed.ok) {
      Problem(line_, column, parsed.what, text);
      return false;
    }
    whole.pid = pid;
    whole.line = call.line;
    whole.last_line = line_;
    call = std::move(whole);
    log_.events.push_back({StraceEvent::Kind::kCall, open->second.call, pid, line_, {}});
    NoteChild(call);
    open_.erase(open);
    return true;
  }

  void NoteChild(const StraceCall& call) {
    if (call.returned == StraceReturn::kValue && call.value > 0 &&
        (call.name == "clone" || call.name == "clone3" || call.name == "fork" ||
         call.name == "vfork"))
      children_.insert(call.value);
  }

  // Lines without a process are of the first one: the one that nobody made.
  void NameTheUnnamed() {
    for (const int64_t pid : prefixed_) {
      if (pid == 0 || children_.contains(pid)) continue;
      for (StraceCall& call : log_.calls)
        if (call.pid == 0) call.pid = pid;
      for (StraceEvent& event : log_.events)
        if (event.pid == 0) event.pid = pid;
      return;
    }
  }

  struct Open {
    size_t call = 0;
    std::string_view text;
  };

  StraceLog log_;
  int line_ = 0;
  bool timed_ = true;  // each line says when it was
  bool cut_ = false;   // a call is unfinished in its line
  std::optional<Torn> torn_;
  std::map<int64_t, Open> open_;  // by process: its unfinished call
  std::set<int64_t> alive_, children_;
  std::vector<int64_t> prefixed_;  // processes of lines that name one, in order
};

}  // namespace

StraceLog ReadStrace(std::string file, std::string text) {
  return LogReader(std::move(file), std::move(text)).Read();
}

}  // namespace selkie
