// selkie review: every sealing rule asked for every promise, with evidence from
// real kernels.
#include <memory>

#include "cli/command.h"
#include "cli/output_path.h"
#include "cli/progress.h"
#include "cli/review_cells.h"
#include "cli/review_report.h"
#include "fmt/format.h"
#include "traces/export.h"

namespace selkie {
namespace {

struct ReviewArguments {
  ReviewOptions options;
  std::string folder;
  bool no_kernels = false;
  bool json = false;
};

constexpr const char* kReviewExample =
    "Example:\n"
    "  selkie review\n"
    "  selkie review --semantics fw-v3 --semantics linux-5.1 -o report\n"
    "  selkie review --property no-writable-reopen --kernels native\n"
    "A promise that a proposal breaks is a result, not a failure: exit 1 only if a real kernel\n"
    "contradicts the model of its own rules.";

absl::Status WriteCell(const ScoreCard& card, size_t row, size_t column, const std::string& stem) {
  const Verdict& verdict = *card.cells[row][column].verdict;
  const Semantics& semantics = card.semantics[row];
  const Property& property = card.properties[column];
  const TraceAbout about{property.doc, property.name, std::string(VerdictWord(verdict))};
  PictureOptions picture;
  if (verdict.kind == Verdict::Kind::kBroken)
    picture.broken_step = static_cast<int>(verdict.witness.results.size()) - 1;
  absl::StatusOr<std::string> svg = TraceToSvg(verdict.witness, semantics, picture);
  if (!svg.ok()) return svg.status();
  absl::Status status = WriteTextFile(stem + ".svg", *svg);
  if (status.ok())
    status = WriteTextFile(stem + ".json", TraceToJson(verdict.witness, semantics, about));
  if (status.ok()) status = WriteTextFile(stem + ".c", TraceToC(verdict.witness, semantics, about));
  return status;
}

// index.html, review.md, and for each sequence a C program, a JSON trace and a
// picture.
absl::Status WriteFolder(const ScoreCard& card, const std::string& folder) {
  absl::StatusOr<std::string> html = ScoreCardHtml(card);
  if (!html.ok()) return html.status();
  absl::Status status = WriteTextFile(folder + "/index.html", *html);
  if (status.ok()) status = WriteTextFile(folder + "/review.md", ScoreCardMarkdown(card));
  for (size_t row = 0; row < card.semantics.size(); ++row)
    for (size_t column = 0; column < card.properties.size() && status.ok(); ++column) {
      const Cell& cell = card.cells[row][column];
      if (!cell.verdict.has_value() || !cell.verdict->has_witness) continue;
      status =
          WriteCell(card, row, column, fmt::format("{}/{}", folder, CellName(card, row, column)));
    }
  return status;
}

bool CellContradicted(const Cell& cell) {
  for (const Evidence& evidence : cell.evidence)
    if (evidence.kind == Evidence::Kind::kContradicted) return true;
  return false;
}

int ExitCodeOf(const ScoreCard& card) {
  int code = kHolds;
  for (const std::string& error : card.kernel_errors)
    if (!error.empty()) code = kCouldNotRun;
  if (card.interrupted) code = kCouldNotRun;
  for (const std::vector<Cell>& row : card.cells) {
    for (const Cell& cell : row) {
      if (CellContradicted(cell)) return kBroken;
      if (!cell.error.empty() ||
          (cell.verdict.has_value() && cell.verdict->kind == Verdict::Kind::kVacuous))
        code = kCouldNotRun;
    }
  }
  return code;
}

int Review(Context& context, const ReviewArguments& arguments) {
  if (absl::Status status = FoldersCanBeMade("--output", arguments.folder); !status.ok())
    return Report(status);
  ReviewOptions options = arguments.options;
  if (arguments.no_kernels) options.kernels.clear();
  options.interrupted = &Interrupted();
  ProgressLine progress(context.err_is_terminal);
  options.progress = [&](const std::string& line) { progress.Show(line); };
  absl::StatusOr<ScoreCard> card = MakeScoreCard(context.library, options);
  progress.Clear();
  if (!card.ok()) return Report(card.status());
  if (arguments.json)
    fmt::print("{}\n", ScoreCardJson(*card));
  else
    fmt::print("{}", ScoreCardText(*card, context.out_is_terminal));
  for (size_t i = 0; i < card->kernel_errors.size(); ++i)
    if (!card->kernel_errors[i].empty())
      fmt::print(stderr, "selkie: {}: {}\n", card->kernels[i], card->kernel_errors[i]);
  if (card->interrupted) fmt::print(stderr, "selkie: interrupted; this is what was known\n");
  if (!arguments.folder.empty()) {
    if (absl::Status status = WriteFolder(*card, arguments.folder); !status.ok())
      return Report(status);
    fmt::print(stderr, "selkie: wrote {0}/index.html and {0}/review.md\n", arguments.folder);
  }
  return WorseOf(ExitCodeOf(*card), card->bad_properties ? kBadInput : kHolds);
}

}  // namespace

void AddReviewCommand(CLI::App& app, Context& context) {
  CLI::App* review = app.add_subcommand(
      "review",
      "The score-card: every sealing rule, every promise, the shortest calls that break "
      "it, and what real kernels say");
  auto arguments = std::make_shared<ReviewArguments>();
  ReviewOptions& options = arguments->options;
  review->add_option(
      "--semantics,-s", options.semantics,
      "Only these rules (repeatable) [every design, and the kernels that are compared with]");
  review->add_option("--property,-p", options.properties, "Only these promises (repeatable) [all]");
  review
      ->add_option("--kernels,-k", options.kernels,
                   "Kernels that run the sequences found: native, a series or a bzImage "
                   "[native 6.1 6.12]")
      ->delimiter(',');
  review->add_flag("--no-kernels", arguments->no_kernels, "Ask the model alone");
  review->add_option("-o,--output", arguments->folder,
                     "Write index.html, review.md, C programs, traces and pictures here");
  review->add_flag("--json", arguments->json, "Print the score-card as JSON");
  review->footer(kReviewExample);
  review->callback([&context, arguments] { context.exit_code = Review(context, *arguments); });
}

}  // namespace selkie
