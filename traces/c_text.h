// Pieces of C text.  Internal to traces/c_*.
#ifndef SELKIE_TRACES_C_TEXT_H_
#define SELKIE_TRACES_C_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "model/call.h"
#include "traces/variables.h"

namespace selkie {

// A constant of 64 bits that no compiler warns about.
std::string CNumber(int64_t value);

// One that the call takes as an int.
std::string CInt(int64_t value);

// The inside of a character constant.
std::string CByte(int64_t value);

// `A | B`; `as_int`: the call takes it as one.
std::string CFlags(int64_t bits, absl::Span<const FlagName> names, bool as_int);

// The one name that the value has, or the number.
std::string COneFlag(int64_t value, absl::Span<const FlagName> names);

// `check(got, expected, "text");`, broken where it is long.
std::string CCheck(const std::string& got, const std::string& expected, const std::string& text);

// A C string literal, with what KTAP would take for a directive escaped.
std::string CString(const std::string& text);

// TASK_A for 0, and so on.
inline std::string CTask(int64_t task) { return std::string("TASK_") + TaskLetterOf(task); }

}  // namespace selkie

#endif  // SELKIE_TRACES_C_TEXT_H_
