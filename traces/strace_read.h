// Reads what strace(1) prints, of any program and with any of its options.
//
//   [pid  1965] 15:49:07.213920 fcntl(3</memfd:x>(deleted), F_GET_SEALS) = 0 <0.000008>
//
// A line is a prefix (process, time, instruction pointer: -f -o -t -r -i -n and
// the like), then a call with its result, a signal, or the end of a process.
// Calls that strace cut in two (`<unfinished ...>`, `<... NAME resumed>`) are put
// together again; the log keeps both places, as what the call did happened between them.
// What is no line of strace's is reported and left out.
#ifndef SELKIE_TRACES_STRACE_READ_H_
#define SELKIE_TRACES_STRACE_READ_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace selkie {

// How a call came back.
enum class StraceReturn {
  kValue,    // `= 3`, `= 0x7f0000000000`, `= 0xf (seals ...)`
  kErrno,    // `= -1 EPERM (...)`
  kUnknown,  // `= ?`: it did not return, or is to be restarted
  kNever,    // the log ends, or the process does, before it is resumed
};

struct StraceCall {
  int64_t pid = 0;                     // 0: the log does not say; one process
  std::string_view name;               // as printed: pread64, newfstatat
  std::vector<std::string_view> args;  // each as printed, without blanks around it
  StraceReturn returned = StraceReturn::kNever;
  int64_t value = 0;        // kValue
  std::string_view error;   // kErrno: "EPERM"; kUnknown: "ERESTARTSYS" or empty
  std::string_view result;  // the result as printed, without time and explanation
  bool injected = false;    // the result is strace's own (-e inject)
  int line = 0;             // where it begins, 1 ..
  int last_line = 0;        // where its result stands
};

// What happened, in the order of the log.  A call that is printed whole has one
// event, kCall; one that is cut has kEnter and, if it is resumed, kCall.
struct StraceEvent {
  enum class Kind { kEnter, kCall, kSignal, kExited };
  Kind kind = Kind::kCall;
  size_t call = 0;  // kEnter and kCall: index into StraceLog::calls
  int64_t pid = 0;
  int line = 0;
  std::string_view text;  // kSignal: "SIGBUS {si_signo=SIGBUS, ...}"
};

struct StraceLog {
  std::string file;               // for messages
  std::vector<StraceCall> calls;  // in the order of their first lines
  std::vector<StraceEvent> events;
  // Made by strace-log-merge of the files of `strace -ff`: a call stands whole where it
  // began, and ended any time before the next line of its process.
  bool merged = false;
  int lines = 0;                      // lines that are not empty
  std::vector<std::string> problems;  // "file:line:column: ...", in order
  std::deque<std::string> storage;    // text that the views above point into
};

// Reads the whole of `text`.  Never fails: what cannot be read is in `problems`.
// A log without any call or event is no strace log.
StraceLog ReadStrace(std::string file, std::string text);

}  // namespace selkie

#endif  // SELKIE_TRACES_STRACE_READ_H_
