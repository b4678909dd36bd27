#include "cli/coverage_report.h"

#include <algorithm>

#include "cli/questions.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

// Why a call decided nothing.
std::string WhyNothing(const CallCoverage& call) {
  if (call.tried == 0) return "never tried";
  if (call.succeeded == 0) return fmt::format("failed all {} times", Grouped(call.tried));
  return fmt::format("changed nothing in {} calls", Grouped(call.tried));
}

}  // namespace

std::vector<std::string> CoverageLines(const SearchCoverage& coverage) {
  std::vector<std::string> lines = {
      fmt::format("coverage of {} states{}", Grouped(coverage.states),
                  coverage.complete ? "" : ", not all: it was stopped")};
  size_t deciding = 0;
  for (const CallCoverage& call : coverage.calls) {
    if (call.decided_nothing())
      lines.push_back(fmt::format("  call decided nothing: {} ({})", call.text, WhyNothing(call)));
    else if (call.after_seal == 0)
      lines.push_back(fmt::format("  call never tried after the seal: {}", call.text));
  }
  for (const RuleCoverage& covered : coverage.rules) deciding += covered.decided != 0;
  std::vector<std::string_view> unasked;
  for (const RuleCoverage& covered : coverage.rules) {
    if (covered.decided != 0) continue;
    if (covered.rule->point == Point::kSupport)
      unasked.push_back(covered.rule->name);
    else
      lines.push_back(fmt::format("  rule decided nothing: {} ({}:{})", covered.rule->name,
                                  covered.rule->file, covered.rule->line));
  }
  // An old kernel has some forty of these, and a property asks for few.
  if (!unasked.empty())
    lines.push_back(fmt::format(
        "  {} rules of what the kernel does not know decided nothing, as no call needs it: {}",
        unasked.size(), fmt::join(unasked, ", ")));
  lines.push_back(
      fmt::format("  {} of {} rules decided some call", deciding, coverage.rules.size()));
  return lines;
}

nlohmann::ordered_json CoverageJson(const SearchCoverage& coverage) {
  nlohmann::ordered_json out = {{"states", coverage.states}, {"complete", coverage.complete}};
  out["calls"] = nlohmann::ordered_json::array();
  for (const CallCoverage& call : coverage.calls)
    out["calls"].push_back({{"call", call.text},
                            {"tried", call.tried},
                            {"succeeded", call.succeeded},
                            {"changed", call.changed},
                            {"after_seal", call.after_seal}});
  out["rules"] = nlohmann::ordered_json::array();
  for (const RuleCoverage& covered : coverage.rules)
    out["rules"].push_back({{"rule", covered.rule->name},
                            {"file", covered.rule->file},
                            {"line", covered.rule->line},
                            {"decided", covered.decided}});
  return out;
}

}  // namespace selkie
