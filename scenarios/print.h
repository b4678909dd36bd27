// A trace as a scenario that parses back and runs.
#ifndef SELKIE_SCENARIOS_PRINT_H_
#define SELKIE_SCENARIOS_PRINT_H_

#include <string>
#include <vector>

#include "model/call_text.h"
#include "model/semantics.h"
#include "model/trace.h"

namespace selkie {

struct PrintOptions {
  std::string name = "trace";  // of the scenario; other characters than letters,
                               // digits, '-', '_' and '.' become '-'
  std::string doc;             // its doc string, may be empty
  bool rules = false;          // ends each line with `# what decided it`
  // The same calls under other semantics: results that differ follow as alternatives,
  // `= 0 | linux-5.1, linux-6.1: -1 EPERM`.
  std::vector<const Trace*> others = {};
  std::string only = {};  // which semantics the scenario is for; empty: those of the traces
};

// The trace as scenario text, with names for descriptors, addresses and tasks
// and an exact result on every line: it passes on `semantics` and makes the
// same calls.  `only NAME` is printed if the trace names its semantics.  Calls
// beyond the limits (Result::Kind::kBound) become comments.  `semantics` gives
// seals and declared calls their names; it may be null.
std::string PrintScenario(const Trace& trace, const Semantics* semantics,
                          const PrintOptions& options);

// A's letter for 0, and so on; empty if there is no such task.
std::string TaskLetter(int64_t task);

// The names that PrintScenario gives: what a call at each point of the trace
// would be printed with.
class TraceNames {
 public:
  // Names what the call's result made, for that task and its later children.
  void Learn(const Call& call, const Result& result);
  // The name of a value in the eyes of `task`, or empty.
  std::string NameOf(NameKind kind, int64_t value, int task) const;
  // Names for the call's own results, empty if it makes nothing that has one:
  // "fd2", "map", "B".  To be asked before Learn.
  std::vector<std::string> ResultNames(const Call& call, const Result& result) const;

 private:
  struct Known {
    NameKind kind;
    int64_t value;
    std::string name;
  };
  std::vector<Known> known_[kMaxTasks];
  int made_[2] = {0, 0};  // descriptors and addresses named so far
};

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_PRINT_H_
