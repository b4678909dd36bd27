// Calls as the table of calls has them: one name for the variants of a call that the
// kernel decides alike.  Internal to traces/follow*.cc.
#ifndef SELKIE_TRACES_FOLLOW_NAMES_H_
#define SELKIE_TRACES_FOLLOW_NAMES_H_

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/call.h"
#include "traces/strace_read.h"

namespace selkie {

// A call of the log with the name and the arguments of the table's row.
struct FieldCall {
  const StraceCall* log = nullptr;
  std::string_view name;
  std::vector<std::string_view> args;
  std::deque<std::string> made;         // arguments that are not in the log's text
  std::shared_ptr<StraceCall> altered;  // what `log` is, if the result stands elsewhere

  std::string_view arg(size_t i) const { return i < args.size() ? args[i] : std::string_view(); }
  bool ok() const { return log->returned == StraceReturn::kValue; }
};

// pread64 as pread, newfstatat(3, "", st, AT_EMPTY_PATH) as fstat, writev as the write
// of all its bytes, and so on; others as they are.
FieldCall ToFieldCall(const StraceCall& call);

// Did a call on several buffers move as many bytes as the first of them have?
bool EndsBetweenBuffers(const StraceCall& call);

// The row whose name and fixed words fit, or null.
const CallSpec* RowOf(const FieldCall& call);

// A call whose first argument is a descriptor on which it acts, and that has no row.
bool TakesDescriptorFirst(std::string_view name);

// A call whose result is a new descriptor.
bool GivesDescriptor(std::string_view name);

// The call as in the log, without its result; the middle of a long one left out.
std::string CallText(const StraceCall& call);
std::string ResultText(const StraceCall& call);

}  // namespace selkie

#endif  // SELKIE_TRACES_FOLLOW_NAMES_H_
