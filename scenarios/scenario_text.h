// The two halves of ParseScenarios.  Internal to scenarios/.
#ifndef SELKIE_SCENARIOS_SCENARIO_TEXT_H_
#define SELKIE_SCENARIOS_SCENARIO_TEXT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scenarios/scenario.h"

namespace selkie {

// Reads the text by its grammar alone: calls and results stay text.
absl::StatusOr<std::vector<Scenario>> ReadScenarioText(std::string_view file,
                                                       std::string_view text);

// Checks what can be known of a scenario without a semantics.
absl::Status CheckScenario(const Scenario& scenario);

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
