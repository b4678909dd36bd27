// Traces as JSON, the machine form of a scenario with its results.
//
// The format is docs/trace-format.md and, for programs, trace.schema.json in
// this folder.  Arguments have the names, and flags the texts, of the one table
// of calls (model/call.h).
#ifndef SELKIE_TRACES_JSON_H_
#define SELKIE_TRACES_JSON_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/semantics.h"
#include "model/trace.h"

namespace selkie {

// What a trace is about; each may be empty.
struct TraceAbout {
  std::string title;         // for people: the scenario's name, the question asked
  std::string property;      // the property that the trace decides, by name
  std::string verdict = "";  // in the words of `selkie check`: BROKEN if the
                             // last call breaks it

  bool broken() const { return verdict == "BROKEN"; }

  friend bool operator==(const TraceAbout&, const TraceAbout&) = default;
};

// The whole trace, one call a line, ending in a newline.  `trace.results` is
// either one for each call or empty (a sequence that has not been run).
std::string TraceToJson(const Trace& trace, const Semantics& semantics,
                        const TraceAbout& about = {});

// Why a call gave what it gave, as a file says it: a rule, or the kernel's own
// check, or neither.
struct Reason {
  std::string rule;  // name
  std::string file;  // where the rule stands
  int line = 0;      // 1 ..
  std::string check;

  friend bool operator==(const Reason&, const Reason&) = default;
};

// A trace as it was read.  Its results have no Result::rule and no
// Result::check, since those point into a semantics; Replay under the trace's
// semantics gives them again.
struct StoredTrace {
  Trace trace;                  // results empty if the file has none
  std::vector<Reason> reasons;  // one for each result
  TraceAbout about;
};

// The name of the semantics that a JSON trace was made under.  `file` is for
// messages.  `which` and errors as TraceFromJson.
absl::StatusOr<std::string> SemanticsOfJson(std::string_view text, const std::string& file,
                                            std::string_view which = {});

// Reads what TraceToJson writes, alone or as the member "trace" of what
// `selkie check --json` prints; if that holds several, `which` names the
// property whose trace is meant.  `semantics` gives the names of seals and
// extension calls their meaning.  Any text whatever gives a trace or an
// InvalidArgumentError "file:line:column: /json/pointer: ..." that says what
// was found and what was expected.
absl::StatusOr<StoredTrace> TraceFromJson(std::string_view text, const std::string& file,
                                          const Semantics& semantics, std::string_view which = {});

// The JSON Schema of the format, generated from the table of calls: the text
// that trace.schema.json must have.
std::string TraceSchema();

}  // namespace selkie

#endif  // SELKIE_TRACES_JSON_H_
