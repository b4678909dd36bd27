#include "traces/strace_scan.h"

#include <algorithm>
#include <cctype>

namespace selkie {
namespace {

// Past the string whose opening quote is at `at`.
size_t SkipQuoted(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return text.size();
}

// Past `<...>`, in which there may be another one, strings, and the arrow of a connection; or
// past the '<' alone if nothing closes it.
size_t SkipAngles(std::string_view text, size_t at) {
  const size_t begin = at;
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\\') {  // of a file's name, in which a quote may stand alone
      at += 2;
      continue;
    }
    if (c == '"') {
      at = SkipQuoted(text, at);
      continue;
    }
    if (c == '<') ++depth;
    if (c == '>' && text[at - 1] != '-' && --depth == 0) return at + 1;
    ++at;
  }
  return begin + 1;
}

size_t SkipComment(std::string_view text, size_t at) {
  const size_t end = text.find("*/", at + 2);
  return end == text.npos ? text.size() : end + 2;
}

}  // namespace

bool IsStraceBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool IsStraceDigit(char c) { return c >= '0' && c <= '9'; }
bool IsStraceWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

std::string_view StraceTrimmed(std::string_view text) {
  while (!text.empty() && IsStraceBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsStraceBlank(text.back())) text.remove_suffix(1);
  return text;
}

size_t SkipStraceUnit(std::string_view text, size_t at) {
  const char c = text[at];
  if (c == '"') return SkipQuoted(text, at);
  if (text.substr(at).starts_with("/*")) return SkipComment(text, at);
  if (text.substr(at).starts_with("<<")) return at + 2;
  // After a number or a name only: elsewhere it is less-than.
  if (c == '<' && at > 0 && IsStraceWord(text[at - 1])) return SkipAngles(text, at);
  return at + 1;
}

StraceList SplitStrace(std::string_view text, size_t at) {
  StraceList list;
  int depth = 0;
  size_t begin = at;
  auto take = [&](size_t end) {
    const std::string_view item = StraceTrimmed(text.substr(begin, end - begin));
    if (!item.empty() || !list.items.empty()) list.items.push_back(item);
    begin = end + 1;
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') {
      if (depth-- == 0) {
        take(at);
        list.closed = true;
        list.end = at;
        return list;
      }
    }
    if (c == ',' && depth == 0) {
      take(at);
      at = begin;
      continue;
    }
    at = SkipStraceUnit(text, at);
  }
  begin = std::min(begin, text.size());
  take(text.size());
  list.end = text.size();
  return list;
}

}  // namespace selkie
