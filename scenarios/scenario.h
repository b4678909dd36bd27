// The scenario language: what strace prints, with names for results and what
// each call is expected to give.
//
//   scenario reopen-through-proc
//     "v3 clears the mode of one struct file; /proc/self/fd opens another."
//   A: fd  = memfd_create("region", MFD_ALLOW_SEALING)
//   A: fd2 = open("/proc/self/fd/{fd}", O_RDWR)          = fd2
//   A: write(fd2, "x", 1)                                = -1 EPERM | fw-v3: 1
//
// docs/scenario-language.md defines it for people.  The same text runs on the
// model (RunScenario) and, as a Sequence, on a real kernel.
#ifndef SELKIE_SCENARIOS_SCENARIO_H_
#define SELKIE_SCENARIOS_SCENARIO_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/call_text.h"
#include "model/limits.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/trace.h"

namespace selkie {

// The selector of every kernel, and of no design that extends one.
inline constexpr std::string_view kAllKernels = "kernels";

// Which semantics something is about: one name (`fw-v3`), all `kernels`, or a range of
// kernels by version (`linux-4.20..linux-6.1`), either end of which may be
// left open.
struct Selector {
  std::string first;
  std::string last;    // ranges only
  bool range = false;  // `first..last`, both ends included; an empty end is open
  int line = 0;        // where it stands, 1-based
  int column = 0;
};

// A result as written, and for which semantics: all that no other expectation
// of the line names if `selectors` is empty.
struct Expectation {
  std::vector<Selector> selectors;
  std::string text;
  int column = 0;  // 1-based, of the text

  // `?`: nothing is expected, the model's answer is asked for.
  bool Asks() const { return text == "?"; }
};

// One call of a scenario.
struct ScenarioLine {
  int line = 0;    // 1-based, in the file
  int column = 0;  // 1-based, of the call
  int task_column = 0;
  std::string task;                   // who makes the call, as written
  std::vector<std::string> names;     // what its results are named: 0, 1 or 2
  std::string call;                   // as written
  std::vector<Expectation> expected;  // none: any success
};

struct Scenario {
  std::string file;
  int line = 0;  // 1-based, of `scenario NAME`
  std::string name;
  std::string doc;
  std::vector<int> uids = {0};  // of the tasks that run at the start
  Limits limits;
  std::vector<Selector> only;      // the semantics it makes sense for; empty: all
  std::vector<Selector> excluded;  // and those it makes no sense for
  std::vector<ScenarioLine> lines;
};

// Reads all scenarios of one file.  `file` is for messages.  Checks all that
// can be known without a semantics: calls, names that no earlier line made,
// tasks, results.  On bad text returns InvalidArgumentError: for each place that
// is wrong, up to 20, a line "file:line:column: message" with the offending text
// and what was expected.
absl::StatusOr<std::vector<Scenario>> ParseScenarios(std::string_view file, std::string_view text);

// Every .scn under `path`, or the file `path` (FilesUnder).  InvalidArgumentError if a folder has
// none.
absl::StatusOr<std::vector<std::string>> ScenarioFilesUnder(const std::string& path);

// The scenarios of the files of ScenarioFilesUnder, in their order.  Its errors, those of reading,
// and those of ParseScenarios.
absl::StatusOr<std::vector<Scenario>> ScenariosUnder(const std::string& path);

// True if a selector names the semantics, or one that it inherits from: its
// bases up to and including the first kernel.  A kernel inherits nothing.
bool Selects(const std::vector<Selector>& selectors, const Semantics& semantics);

// True if the scenario is meant for the semantics (`only`, `not`).
bool AppliesTo(const Scenario& scenario, const Semantics& semantics);

// The expectation that counts for the semantics: the one that names it, else
// the one that names the nearest of its bases, else the one without selectors.
// Null: any success will do.
const Expectation* ExpectationFor(const ScenarioLine& line, const Semantics& semantics);

// What one line gave.
struct LineOutcome {
  enum class Kind {
    kPassed,
    kFailed,
    kSkipped,   // uses a name that has no value: its call failed before, as is
                // expected under this semantics, so that a program would have
                // stopped there
    kAnswered,  // `= ?`: what the model gives is asked for, whatever it is
  };
  Kind kind = Kind::kPassed;
  const ScenarioLine* line = nullptr;
  int call = -1;         // index in ScenarioRun::sequence, or -1: not made
  std::string expected;  // as written for this semantics; "success" if nothing is
  std::string got;       // what the call gave; why it was not made
  ParsedResult want;     // what `expected` says, if `any_success` is false
  bool any_success = false;
};

// A scenario under one semantics.  Pointers into the scenario and (rules of
// results) into the semantics: both must outlive it.
struct ScenarioRun {
  const Scenario* scenario = nullptr;
  bool passed = true;
  std::vector<LineOutcome> lines;  // one for each line
  Trace trace;                     // the calls made, with concrete arguments, and
                                   // what the model gave
};

// Runs the scenario on the model.  Names stand for what the model's results
// were.  All lines are run, also after one that failed.  InvalidArgumentError
// "file:line:column: ..." if a line means nothing under this semantics, such
// as a call that it does not declare.
absl::StatusOr<ScenarioRun> RunScenario(const Scenario& scenario, const Semantics& semantics);

// True if `got` (from a model or from a kernel) is what the line expects.
bool Meets(const LineOutcome& line, const Result& got);

// What decided a result: "rule NAME (file:line)", the kernel's check, or empty.
std::string DecidedBy(const Result& result);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_SCENARIO_H_
