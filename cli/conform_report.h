// What conform was asked, and its report: as people read it, and as the file that
// `selkie merge` adds up.
#ifndef SELKIE_CLI_CONFORM_REPORT_H_
#define SELKIE_CLI_CONFORM_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cli/graph_plan.h"
#include "kernel/conform.h"

namespace selkie {

struct ConformAsked {
  ConformRequest request;
  bool transitions = false;  // every call of `graph` in each of its states
  GraphRequest graph;
};

// How a report is printed.
struct ConformPrinting {
  bool json = false;
  bool colour = false;
  std::string save = "divergences";  // folder that the divergences are written to
};

// Of a folder that was asked for; the default one may lie where nobody means to write.
absl::Status SaveFolderCanBeMade(const ConformPrinting& printing);

// A report as `conform --json` prints it.
struct ConformFile {
  std::string version;  // of the program that made it
  ConformAsked asked;   // as far as the file says: no plan, no semantics, no workers
  ConformReport report;
};

// "1/4": the second of four.
std::string SliceText(const ConformRequest& request);

// What was asked, but for the slice: kernel, paths (those of the tree from its `root` on), random,
// first, length, seed, minutes, graph, bounds, errors.
nlohmann::ordered_json AskedJson(const ConformAsked& asked, std::string_view root);

// One line of JSON: version, asked, slice, slices, and what ReportToJson writes.
std::string ConformFileToJson(const ConformReport& report, const ConformAsked& asked,
                              std::string_view root);

// InvalidArgumentError for text that ConformFileToJson does not write, with the name of the field.
absl::StatusOr<ConformFile> ConformFileFromJson(std::string_view text);

// Prints the report to stdout, and writes each divergence's scenario as a file
// RELEASE-NUMBER.scn, of a slice RELEASE-slice-I-of-N-NUMBER.scn; complains of those that cannot be
// written.
void PrintConform(const ConformReport& report, const ConformAsked& asked, std::string_view root,
                  const ConformPrinting& printing);

// The exit code that a report is worth; complains if no call was executed.
int ConformCode(const ConformReport& report);

}  // namespace selkie

#endif  // SELKIE_CLI_CONFORM_REPORT_H_
