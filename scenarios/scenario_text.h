// The two halves of ParseScenarios.  Internal to scenarios/.
#ifndef SELKIE_SCENARIOS_SCENARIO_TEXT_H_
#define SELKIE_SCENARIOS_SCENARIO_TEXT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "model/error_list.h"
#include "scenarios/scenario.h"

namespace selkie {

// Errors are "file:line:column: what, what was expected", by the line where it is or where its
// scenario begins.

// Reads the text by its grammar alone: calls and results stay text.  Goes on after a line that it
// cannot read, kMostErrors times, unless it stands before all scenarios or begins one; the
// scenarios are without those lines.
std::vector<Scenario> ReadScenarioText(std::string_view file, std::string_view text,
                                       ErrorsByLine* errors);

// Checks what can be known of a scenario without a semantics.  Goes on after a line that is wrong,
// unless later ones may name its result, or be of the task that it makes.
void CheckScenario(const Scenario& scenario, ErrorsByLine* errors);

// "file:line:column: message" as InvalidArgumentError.
absl::Status ErrorAt(std::string_view file, int line, int column, std::string_view message);

// The task that a letter stands for (A is 0), or nothing.
std::optional<int> TaskByLetter(std::string_view word);

// What the results of the operation are, if they can have names; how many
// there are is 0, 1 or 2.
struct Nameable {
  int count = 0;
  NameKind kind = NameKind::kFd;
};
Nameable NameableResults(Op op);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_SCENARIO_TEXT_H_
