// The words of the JSON format that are not in the table of calls.  Internal to
// traces/json*.
#ifndef SELKIE_TRACES_JSON_NAMES_H_
#define SELKIE_TRACES_JSON_NAMES_H_

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "model/limits.h"
#include "model/result.h"

namespace selkie {

inline constexpr std::string_view kTraceFormat = "selkie-trace";
inline constexpr int kTraceVersion = 1;

// "value", "errno", "signal" and "bound", in the order of Result::Kind.
absl::Span<const std::string_view> KindNames();
std::string_view KindName(Result::Kind kind);

// Members of Limits, with the capacity that each may have.
struct LimitField {
  std::string_view name;
  uint8_t Limits::*member;
  int capacity;
};
absl::Span<const LimitField> LimitFields();

// Members of Effect; in JSON they are indices from 0 and stand only if set.
struct EffectField {
  std::string_view name;
  uint8_t Effect::*member;
  int capacity;
};
absl::Span<const EffectField> EffectFields();

}  // namespace selkie

#endif  // SELKIE_TRACES_JSON_NAMES_H_
