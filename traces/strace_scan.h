// Finds its way through one line of strace's: quotes, brackets, comments and what
// stands in <...> after a descriptor.  Internal to traces/strace_*.cc.
#ifndef SELKIE_TRACES_STRACE_SCAN_H_
#define SELKIE_TRACES_STRACE_SCAN_H_

#include <cstddef>
#include <string_view>
#include <vector>

namespace selkie {

bool IsStraceBlank(char c);
bool IsStraceDigit(char c);
bool IsStraceWord(char c);  // letter, digit, '_' or '$'

inline bool StraceHas(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

// `text` without blanks at both ends.
std::string_view StraceTrimmed(std::string_view text);

// Past the unit that begins at `at`: a string, a comment, what a descriptor stands
// for, or one character.  At most text.size().
size_t SkipStraceUnit(std::string_view text, size_t at);

// A list cut at commas that stand outside of strings, brackets and comments.
struct StraceList {
  std::vector<std::string_view> items;  // without blanks around them
  bool closed = false;                  // `end` is the closing bracket
  size_t end = 0;                       // else where the text ends
};

// The list that begins at `at`, after its opening bracket, and goes to the bracket
// that closes it.
StraceList SplitStrace(std::string_view text, size_t at);

}  // namespace selkie

#endif  // SELKIE_TRACES_STRACE_SCAN_H_
