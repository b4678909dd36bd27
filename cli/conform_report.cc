#include "cli/conform_report.h"

#include <iostream>
#include <map>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/output_path.h"
#include "cli/progress.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

using Json = nlohmann::ordered_json;

double PerSecond(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double Percent(int64_t part, int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// Which rules the kernel was seen to have.
void PrintRules(const ConformReport& r) {
  std::vector<std::string> never;
  for (const auto& [rule, calls] : r.by_rule)
    if (calls == 0) never.push_back(rule);
  fmt::print("{} of {} rules decided a call{}\n", r.by_rule.size() - never.size(), r.by_rule.size(),
             never.empty() ? "" : fmt::format("; none: {}", fmt::join(never, ", ")));
}

// "scenario NAME (FILE:LINE): WHY", or "line FILE:LINE (of scenario NAME): WHY".  Of many with one
// reason only the first is named; --json has all.
void PrintNotRun(const ConformReport& r) {
  constexpr size_t kMostNamed = 3;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> by_reason;
  for (const std::string& text : r.not_run) {
    const size_t at = text.find("): ");
    const std::string reason = at == text.npos ? text : text.substr(at + 3);
    by_reason[{text.substr(0, text.find(' ')), reason}].push_back(text);
  }
  for (const auto& [what, texts] : by_reason) {
    if (texts.size() > kMostNamed)
      fmt::print("not run: {} {}s, of which the first is {}\n", texts.size(), what.first, texts[0]);
    else
      for (const std::string& text : texts) fmt::print("not run: {}\n", text);
  }
}

void PrintCounts(const ConformReport& r, const ConformRequest& request) {
  fmt::print("kernel {} ({}), semantics {}\n", r.release, request.kernel, r.semantics);
  if (request.slices > 1) fmt::print("slice {} of what was asked\n", SliceText(request));
  fmt::print("{} scenarios", r.scenarios);
  if (request.random > 0)
    fmt::print(", {} random sequences of up to {} calls (seed {})", r.sequences, request.length,
               request.seed);
  if (!r.pairs.empty()) fmt::print("; {} pairs of rules decided consecutive calls", r.pairs.size());
  fmt::print(
      "\n{} calls compared ({:.1f} % of them succeeded), {:.0f} calls/s; "
      "{} facts of state compared\n",
      r.calls, Percent(r.succeeded, r.calls), PerSecond(r.calls, r.seconds), r.state_facts);
  PrintRules(r);
  PrintNotRun(r);
}

void PrintTransitions(const ConformReport& r, const GraphRequest& graph) {
  fmt::print("graph {}{}{}: {} states\n", graph.graph, graph.bounds.empty() ? "" : ", ",
             graph.bounds, Grouped(static_cast<uint64_t>(r.states)));
  for (const auto& [reason, count] : r.beyond)
    fmt::print("not made: {} ({})\n", Grouped(static_cast<uint64_t>(count)), reason);
  fmt::print("{} of {} transitions confirmed on {}\n", Grouped(static_cast<uint64_t>(r.confirmed)),
             Grouped(static_cast<uint64_t>(r.tried)), r.release);
}

void PrintErrnos(const ConformReport& r, const ConformRequest& request) {
  int64_t failed = 0;
  for (const auto& [call, counts] : r.outcomes)
    for (const auto& [outcome, count] : counts) failed += outcome == "success" ? 0 : count;
  for (const auto& [reason, count] : r.beyond) fmt::print("not made: {} ({})\n", count, reason);
  fmt::print(
      "{} of {} combinations of up to {} errors, of {} calls, agree with kernel {}; {} of them "
      "fail\n",
      r.confirmed, r.tried, request.errors, r.outcomes.size(), r.release, failed);
}

// The file that the scenario was written to, or "".
std::string Save(const Divergence& d, size_t number, const ConformReport& report,
                 const ConformRequest& request, const std::string& folder) {
  if (d.scenario.empty()) return "";
  const std::string slice =
      request.slices > 1 ? fmt::format("-slice-{}-of-{}", request.slice, request.slices) : "";
  const std::string file = fmt::format("{}/{}{}-{}.scn", folder, report.release, slice, number);
  const absl::Status status = WriteTextFile(file, d.scenario);
  if (status.ok()) return file;
  Report(status);
  return "";
}

// The command that runs a saved scenario as this run did.
std::string CommandFor(const std::string& file, const ConformRequest& request) {
  std::string command = fmt::format("selkie conform --kernel {}", request.kernel);
  for (const std::string& module : request.modules) command += fmt::format(" --modules {}", module);
  if (!request.semantics.empty()) command += fmt::format(" --semantics {}", request.semantics);
  return fmt::format("{} {}", command, file);
}

void PrintDivergence(const Divergence& d, size_t number, const std::string& file,
                     const ConformRequest& request, bool colour) {
  fmt::print("\n{} {}\n  {}\n", Paint(fmt::format("divergence {}:", number), Colour::kRed, colour),
             d.origin, d.summary);
  if (!d.scenario.empty())
    fmt::print("  {} calls, made from {}:\n\n{}\n", d.calls, d.calls_before, d.scenario);
  if (!file.empty()) fmt::print("  saved as {}; again: {}\n", file, CommandFor(file, request));
}

void PrintWrongTexts(const ConformReport& r, bool colour) {
  for (const std::string& text : r.wrong_texts)
    fmt::print("\n{} {}\n",
               Paint("the scenario's text is wrong for this kernel:", Colour::kRed, colour), text);
}

void PrintVerdict(const ConformReport& r, bool colour) {
  if (!r.wrong_texts.empty())
    fmt::print("{}\n", Paint(fmt::format("{} lines of scenarios are wrong for this kernel: model "
                                         "and kernel agree on something else",
                                         r.wrong_texts.size()),
                             Colour::kRed, colour));
  fmt::print(
      "{}{}\n",
      Paint(fmt::format("{} divergences", r.divergences.size()),
            r.divergences.empty() ? Colour::kGreen : Colour::kRed, colour),
      r.differing > 0 ? fmt::format(" of different kinds, in {} sequences", r.differing) : "");
  if (r.stopped_by_hangs())
    fmt::print(
        "stopped, as the kernel did not come back from {} calls: this is what is known so far\n",
        r.hangs);
  else if (!r.complete)
    fmt::print("interrupted: this is what is known so far\n");
}

ConformAsked AskedFrom(const Json& json) {
  ConformAsked asked;
  ConformRequest& request = asked.request;
  json.at("kernel").get_to(request.kernel);
  json.at("paths").get_to(request.paths);
  json.at("random").get_to(request.random);
  json.at("first").get_to(request.first);
  json.at("length").get_to(request.length);
  json.at("seed").get_to(request.seed);
  json.at("minutes").get_to(request.minutes);
  json.at("graph").get_to(asked.graph.graph);
  json.at("bounds").get_to(asked.graph.bounds);
  json.at("errors").get_to(request.errors);
  asked.transitions = !asked.graph.graph.empty();
  return asked;
}

}  // namespace

absl::Status SaveFolderCanBeMade(const ConformPrinting& printing) {
  if (printing.save == ConformPrinting{}.save) return absl::OkStatus();
  return FoldersCanBeMade("--save", printing.save);
}

std::string SliceText(const ConformRequest& request) {
  return fmt::format("{}/{}", request.slice, request.slices);
}

Json AskedJson(const ConformAsked& asked, std::string_view root) {
  const ConformRequest& request = asked.request;
  Json paths = Json::array();
  const std::string prefix = fmt::format("{}/", root);
  for (const std::string& path : request.paths)
    paths.push_back(path.starts_with(prefix) ? path.substr(prefix.size()) : path);
  return {{"kernel", request.kernel},     {"paths", paths},
          {"random", request.random},     {"first", request.first},
          {"length", request.length},     {"seed", request.seed},
          {"minutes", request.minutes},   {"graph", asked.transitions ? asked.graph.graph : ""},
          {"bounds", asked.graph.bounds}, {"errors", request.errors}};
}

std::string ConformFileToJson(const ConformReport& report, const ConformAsked& asked,
                              std::string_view root) {
  Json json = {{"version", Version()},
               {"asked", AskedJson(asked, root)},
               {"slice", asked.request.slice},
               {"slices", asked.request.slices}};
  json.update(Json::parse(ReportToJson(report)));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<ConformFile> ConformFileFromJson(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    ConformFile file;
    json.at("version").get_to(file.version);
    file.asked = AskedFrom(json.at("asked"));
    json.at("slice").get_to(file.asked.request.slice);
    json.at("slices").get_to(file.asked.request.slices);
    absl::StatusOr<ConformReport> report = ReportFromJson(text);
    if (!report.ok()) return report.status();
    file.report = *std::move(report);
    return file;
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(fmt::format("not a report of conform --json: {}", e.what()));
  }
}

void PrintConform(const ConformReport& report, const ConformAsked& asked, std::string_view root,
                  const ConformPrinting& printing) {
  if (printing.json) std::cout << ConformFileToJson(report, asked, root) << "\n";
  const bool told = !printing.json && report.calls > 0;
  if (!printing.json && !told) PrintNotRun(report);
  if (told) PrintCounts(report, asked.request);
  if (told && asked.transitions) PrintTransitions(report, asked.graph);
  if (told && asked.request.errors >= 0) PrintErrnos(report, asked.request);
  for (size_t i = 0; i < report.divergences.size(); ++i) {
    const Divergence& divergence = report.divergences[i];
    const std::string file = Save(divergence, i + 1, report, asked.request, printing.save);
    if (!printing.json) PrintDivergence(divergence, i + 1, file, asked.request, printing.colour);
  }
  if (!printing.json) PrintWrongTexts(report, printing.colour);
  if (told) PrintVerdict(report, printing.colour);
}

// No agreement without a call, nor before all is run.
int ConformCode(const ConformReport& report) {
  if (report.broken()) return kBroken;
  if (report.calls > 0) return report.complete ? kHolds : kCouldNotRun;
  return Report(absl::UnavailableError(
      Interrupted().load() ? "interrupted before a call was executed: nothing is known"
                           : "no call was executed: nothing is known"));
}

}  // namespace selkie
