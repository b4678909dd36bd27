// The score-card as people read it: on a terminal, as Markdown, as one HTML
// page that needs no network.
#ifndef SELKIE_CLI_REVIEW_REPORT_H_
#define SELKIE_CLI_REVIEW_REPORT_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/review_cells.h"

namespace selkie {

// A cell in a table: "PROVED" (for any number of objects), "holds" (within the property's bounds),
// "BROKEN 5" (calls of the shortest sequence), "yes 4" and "NO" for what must be reachable,
// "error".
std::string CellWord(const Cell& cell);

// "fw-v3-no-writable-reopen": the stem of the files of a cell, and its anchor.
std::string CellName(const ScoreCard& card, size_t row, size_t column);

// Says what was confirmed on real kernels and what was only modelled, for one
// row: a sentence.
std::string ConfirmedSentence(const ScoreCard& card, size_t row);

// By property: which answers there are, within which bounds each is decided, and for which
// semantics.  docs/verdicts.md is that of all semantics and properties of the tree.
std::string ExtentMarkdown(const ScoreCard& card);

// The table and, below it, every sequence with its evidence.
std::string ScoreCardText(const ScoreCard& card, bool colour);
std::string ScoreCardMarkdown(const ScoreCard& card);

// Every cell with verdict, figures, calls and evidence, as one JSON object.
std::string ScoreCardJson(const ScoreCard& card);

// One self-contained page: the table, and for each sequence its strace-like
// lines, pictures, C program, JSON trace and evidence.  Errors as
// TraceToSvgSteps.
absl::StatusOr<std::string> ScoreCardHtml(const ScoreCard& card);

}  // namespace selkie

#endif  // SELKIE_CLI_REVIEW_REPORT_H_
