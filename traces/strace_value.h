// What one argument of a line of strace's says: numbers, flags, strings,
// descriptors, structures.  Each function takes the argument as printed, with any of
// strace's notations (-X raw, abbrev and verbose, -y, -yy, -x), and gives nothing if it is not
// that.
#ifndef SELKIE_TRACES_STRACE_VALUE_H_
#define SELKIE_TRACES_STRACE_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "model/call.h"

namespace selkie {

// 10, 0x10, 010, -1, NULL (0), with `/* comment */` or `<path>` behind it.
std::optional<int64_t> StraceNumber(std::string_view text);

// Names and numbers joined by '|', as `21<<MFD_HUGE_SHIFT` too.  Names are looked for in
// `names`, then among Linux's own constants.
std::optional<int64_t> StraceFlags(std::string_view text, absl::Span<const FlagName> names = {});

// True if the argument is this constant, by name, by number or in a comment.
bool IsStraceConstant(std::string_view text, std::string_view name);

struct StraceString {
  std::string bytes;
  bool whole = true;  // false: cut by -s
};
std::optional<StraceString> StraceQuoted(std::string_view text);

// What -y says of a descriptor: "/memfd:x" with `deleted`, "socket:[1]", "/dev/null".
struct StraceFd {
  int64_t fd = 0;
  std::optional<std::string> path;
  bool deleted = false;

  // What a memfd's link says; the name behind it may be anything.
  bool is_memfd() const { return path && path->starts_with("/memfd:"); }
};
// AT_FDCWD is -100.
std::optional<StraceFd> StraceDescriptor(std::string_view text);

// The value of a member of `{...}`, or of an argument by name as in
// clone(child_stack=NULL, flags=...).
std::optional<std::string_view> StraceField(std::string_view text, std::string_view name);

// The elements of `[...]`, without `...` at the end.
std::vector<std::string_view> StraceElements(std::string_view text);

// A constant of Linux on x86-64 (O_NOFOLLOW, MAP_POPULATE, F_DUPFD ...) that may stand in a
// call on a memfd.
std::optional<int64_t> LinuxConstant(std::string_view name);

}  // namespace selkie

#endif  // SELKIE_TRACES_STRACE_VALUE_H_
