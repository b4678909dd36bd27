// Arguments of calls as JSON, by their kind in the table of calls.  Internal to
// traces/json*.
#ifndef SELKIE_TRACES_JSON_ARGUMENT_H_
#define SELKIE_TRACES_JSON_ARGUMENT_H_

#include <limits>
#include <string_view>

#include "model/call.h"
#include "model/semantics.h"
#include "traces/json_reader.h"

namespace selkie {

// The members of "args": one for each argument that takes a word.
Json ArgumentsToJson(const Call& call, const Semantics& semantics);

// Fills call.arg by call.op.
void ReadArguments(JsonReader& reader, const Node& args, const Semantics& semantics, Call* call);

// Every integer of a trace is one of 64 bits.
inline constexpr int64_t kLeastInteger = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kMostInteger = std::numeric_limits<int64_t>::max();

// A definition of the schema, by name.
Json Reference(std::string_view name);

// The schema of "args" of one row.
Json ArgumentsSchema(const CallSpec& spec);

// "A" .. for tasks that can exist, else the number.
Json TaskToJson(int64_t task);
int64_t ReadTask(JsonReader& reader, const Node& node);

}  // namespace selkie

#endif  // SELKIE_TRACES_JSON_ARGUMENT_H_
