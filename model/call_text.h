// Calls and results as strace writes them.
//
//   fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW) = -1 EPERM
//
// Descriptors, addresses and tasks may be numbers or names; the caller says
// what the names mean.
#ifndef SELKIE_MODEL_CALL_TEXT_H_
#define SELKIE_MODEL_CALL_TEXT_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/call.h"
#include "model/result.h"
#include "model/semantics.h"

namespace selkie {

// What a name in a call stands for.
enum class NameKind { kFd, kAddress, kTask };
using NameResolver = std::function<std::optional<int64_t>(NameKind kind, std::string_view name)>;
// The name to print for a value, or empty to print the number.
using Namer = std::function<std::string(NameKind kind, int64_t value, int task)>;

// A parse error: `column` is a 0-based offset into the text that was parsed.
struct TextError {
  int column = 0;
  std::string message;  // with the offending text and what was expected
};

// A call as text, without task and result: `pwrite(fd, "x", 1, 0)`.
// `call.task` is left 0.  `semantics` gives seals and extensions their names; if it is null the
// kernel's own seals are known and no extension is.
struct ParsedCall {
  Call call;
  std::optional<TextError> error;
  // The function is known, but not what follows it (`fcntl(fd, F_OTHER)`): a
  // call that another semantics may declare.
  bool unknown_request = false;
};
ParsedCall ParseCall(std::string_view text, const Semantics* semantics,
                     const NameResolver& resolve);

// The inverse.  Numbers are printed where `name` gives an empty string; it may be null.
std::string PrintCall(const Call& call, const Semantics* semantics, const Namer& name);

// A result as text: "3", "-1 EPERM", "SIGBUS", "ok", "F_SEAL_WRITE",
// "O_RDWR|O_LARGEFILE", "1 \"x\"", "0 {st_size=4096, st_mode=0777}".
std::string PrintResult(const Call& call, const Result& result, const Semantics* semantics,
                        const Namer& name);

// The inverse for values, errnos and signals.  `op` says how to read a value.
struct ParsedResult {
  Result result;
  bool data_given = false;   // the text stated the bytes read
  bool extra_given = false;  // the text stated Result::extra
  std::optional<TextError> error;
};
ParsedResult ParseResult(std::string_view text, Op op, const Semantics* semantics,
                         const NameResolver& resolve);

// A name whose word is `length`: "region", or one of as many bytes as that (at most 4096).
std::string NameOfLength(int64_t length);

// "EPERM" for 1 and back; numbers that have no name are printed as "E#123".
std::string ErrnoName(int64_t value);
std::optional<int64_t> ErrnoByName(std::string_view name);
std::string SignalName(int64_t value);

// Flags joined by "|": unknown bits as hex at the end; "0" or the name of
// zero for none.
std::string PrintFlags(int64_t bits, absl::Span<const FlagName> names);

}  // namespace selkie

#endif  // SELKIE_MODEL_CALL_TEXT_H_
