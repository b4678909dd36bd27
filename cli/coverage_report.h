// How `selkie check --coverage` says what was exercised.
#ifndef SELKIE_CLI_COVERAGE_REPORT_H_
#define SELKIE_CLI_COVERAGE_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checker/coverage.h"

namespace selkie {

// Lines for people: first what decided nothing, calls and then rules.
std::vector<std::string> CoverageLines(const SearchCoverage& coverage);

// states, complete, and by call and by rule the counts of SearchCoverage.
nlohmann::ordered_json CoverageJson(const SearchCoverage& coverage);

}  // namespace selkie

#endif  // SELKIE_CLI_COVERAGE_REPORT_H_
