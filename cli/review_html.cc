// One page, no network: styles, pictures, programs and traces are all in it.
#include "absl/strings/str_replace.h"
#include "cli/review_report.h"
#include "fmt/format.h"
#include "traces/export.h"

namespace selkie {
namespace {

constexpr std::string_view kStyle = R"(
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 76em; padding: 0 1em;
       color: #1c1e21; background: #fff; }
table { border-collapse: collapse; }
th, td { border: 1px solid #d0d4da; padding: .3em .6em; text-align: center; font-size: 13px; }
th.row { text-align: left; white-space: nowrap; }
td.good { background: #e3f4e5; } td.bad { background: #fbe1e0; } td.odd { background: #fdf3d3; }
td a { color: inherit; }
pre { background: #f5f6f8; padding: .8em 1em; overflow-x: auto; font-size: 13px; }
section { border-top: 1px solid #d0d4da; margin-top: 2em; }
.evidence li.confirmed::marker { content: "\2713  "; color: #1a7f37; }
.evidence li.contradicted { color: #b42318; font-weight: bold; }
.steps { display: flex; flex-wrap: wrap; gap: 1em; }
.steps svg { max-width: 100%; height: auto; border: 1px solid #e2e5ea; }
summary { cursor: pointer; }
.bad-word { color: #b42318; } .good-word { color: #1a7f37; }
)";

std::string Escape(std::string_view text) {
  return absl::StrReplaceAll(std::string(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

const char* ClassOf(const Cell& cell) {
  if (!cell.verdict.has_value()) return "odd";
  if (cell.verdict->kind == Verdict::Kind::kHolds) return "good";
  return cell.verdict->kind == Verdict::Kind::kBroken ? "bad" : "odd";
}

std::string TableHtml(const ScoreCard& card) {
  std::string out = "<table><tr><th></th>";
  for (const Property& property : card.properties)
    out += fmt::format("<th title=\"{}\">{}</th>", Escape(property.doc), Escape(property.name));
  out += "</tr>\n";
  for (size_t row = 0; row < card.semantics.size(); ++row) {
    out += fmt::format("<tr><th class=\"row\"><a href=\"#{}\">{}</a></th>",
                       Escape(card.semantics[row].name), Escape(NameOf(card.semantics[row])));
    for (size_t column = 0; column < card.properties.size(); ++column) {
      const Cell& cell = card.cells[row][column];
      const std::string word = Escape(CellWord(cell));
      const bool linked = cell.verdict.has_value() && cell.verdict->has_witness;
      out += fmt::format("<td class=\"{}\">", ClassOf(cell));
      out +=
          linked ? fmt::format("<a href=\"#{}\">{}</a>", CellName(card, row, column), word) : word;
      out += "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

std::string EvidenceHtml(const Cell& cell) {
  std::string out = "<ul class=\"evidence\">\n";
  for (const Evidence& evidence : cell.evidence) {
    const char* kind = evidence.kind == Evidence::Kind::kConfirmed      ? "confirmed"
                       : evidence.kind == Evidence::Kind::kContradicted ? "contradicted"
                                                                        : "partly";
    out += fmt::format("<li class=\"{}\">{}</li>\n", kind, Escape(evidence.summary));
  }
  return out + "</ul>\n";
}

std::string Details(std::string_view title, std::string_view text) {
  return fmt::format("<details><summary>{}</summary><pre>{}</pre></details>\n", title,
                     Escape(text));
}

absl::StatusOr<std::string> CellHtml(const ScoreCard& card, size_t row, size_t column) {
  const Cell& cell = card.cells[row][column];
  const Verdict& verdict = *cell.verdict;
  const Semantics& semantics = card.semantics[row];
  const Property& property = card.properties[column];
  const bool broken = verdict.kind == Verdict::Kind::kBroken;
  PictureOptions picture;
  if (broken) picture.broken_step = static_cast<int>(verdict.witness.results.size()) - 1;
  absl::StatusOr<std::vector<std::string>> steps =
      TraceToSvgSteps(verdict.witness, semantics, picture);
  if (!steps.ok()) return steps.status();

  std::string out = fmt::format(
      "<section id=\"{}\"><h3>{}: {}: <span class=\"{}\">{}</span></h3>\n<p>{}</p>\n<pre>",
      CellName(card, row, column), Escape(semantics.name), Escape(property.name),
      broken ? "bad-word" : "good-word", VerdictWord(verdict), Escape(property.doc));
  for (const std::string& line : WitnessLines(verdict, semantics, false))
    out += Escape(line) + "\n";
  out += "</pre>\n" + EvidenceHtml(cell) + "<div class=\"steps\">\n";
  for (const std::string& svg : *steps) out += svg + "\n";
  out += "</div>\n";
  out += fmt::format("<p>{}; bounds {}{}</p>\n", Escape(Describe(verdict.stats)),
                     ToString(verdict.bounds),
                     cell.least.has_value() ? "; least bounds " + ToString(*cell.least) : "");
  const TraceAbout about{property.doc, property.name, std::string(VerdictWord(verdict))};
  out += Details("C program", TraceToC(verdict.witness, semantics, about));
  out += Details("JSON trace", TraceToJson(verdict.witness, semantics, about));
  return out + "</section>\n";
}

absl::StatusOr<std::string> RowHtml(const ScoreCard& card, size_t row) {
  const Semantics& semantics = card.semantics[row];
  std::string out = fmt::format(
      "<section id=\"{}\"><h2>{}</h2>\n<p>{}</p>\n<p>Confirmed: {}.</p>\n", Escape(semantics.name),
      Escape(NameOf(semantics)), Escape(semantics.doc), Escape(ConfirmedSentence(card, row)));
  out += Details("The rules", semantics.text);
  for (size_t column = 0; column < card.properties.size(); ++column) {
    const Cell& cell = card.cells[row][column];
    if (!cell.error.empty())
      out += fmt::format("<p>{}: error: {}</p>\n", Escape(card.properties[column].name),
                         Escape(cell.error));
    if (!cell.not_proved.empty())
      out += fmt::format("<p>{}: {} within {}; not proved for more: {}</p>\n",
                         Escape(card.properties[column].name), VerdictWord(*cell.verdict),
                         ToString(cell.verdict->bounds), Escape(cell.not_proved));
    if (!cell.verdict.has_value() || !cell.verdict->has_witness) continue;
    absl::StatusOr<std::string> html = CellHtml(card, row, column);
    if (!html.ok()) return html.status();
    out += *html;
  }
  return out + "</section>\n";
}

}  // namespace

absl::StatusOr<std::string> ScoreCardHtml(const ScoreCard& card) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<title>Selkie: which sealing rule keeps which promise</title>\n<style>{}</style></head>\n"
      "<body><h1>Which sealing rule keeps which promise</h1>\n"
      "<p>PROVED is for any number of processes, descriptors, files and mappings; holds is within "
      "the promise's bounds.  A number is the length of the shortest sequence of calls; follow it "
      "to the calls, the "
      "rule that decided each, pictures, a C program and what real kernels answered. "
      "Everything was computed in this run.</p>\n",
      kStyle);
  out += TableHtml(card);
  for (size_t row = 0; row < card.semantics.size(); ++row) {
    absl::StatusOr<std::string> html = RowHtml(card, row);
    if (!html.ok()) return html.status();
    out += *html;
  }
  return out + "</body></html>\n";
}

}  // namespace selkie
