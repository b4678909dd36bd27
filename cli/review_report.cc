#include "cli/review_report.h"

#include <algorithm>

#include "cli/progress.h"
#include "fmt/format.h"

namespace selkie {
namespace {

bool HasWitness(const Cell& cell) { return cell.verdict.has_value() && cell.verdict->has_witness; }

Colour ColourOf(const Cell& cell) {
  if (!cell.verdict.has_value()) return Colour::kYellow;
  if (cell.verdict->kind == Verdict::Kind::kHolds) return Colour::kGreen;
  return cell.verdict->kind == Verdict::Kind::kBroken ? Colour::kRed : Colour::kYellow;
}

size_t NameWidth(const ScoreCard& card) {
  size_t width = 0;
  for (const Semantics& semantics : card.semantics) width = std::max(width, semantics.name.size());
  return width;
}

std::string Header(const ScoreCard& card) {
  std::string out;
  for (size_t i = 0; i < card.properties.size(); ++i) {
    const Property& property = card.properties[i];
    const char* kind = property.kind == Property::Kind::kReach    ? "must be reachable"
                       : property.kind == Property::Kind::kSameAs ? "must give the same answers"
                                                                  : "must hold in every state";
    out += fmt::format("{:>3}  {:<24} {}\n", i + 1, property.name, kind);
  }
  return out;
}

std::string Table(const ScoreCard& card, bool colour) {
  constexpr size_t kColumn = 10;
  const size_t name = NameWidth(card);
  std::string out = fmt::format("{:<{}}", "", name);
  for (size_t i = 0; i < card.properties.size(); ++i) out += fmt::format("{:>{}}", i + 1, kColumn);
  out += "\n";
  for (size_t row = 0; row < card.semantics.size(); ++row) {
    out += fmt::format("{:<{}}", card.semantics[row].name, name);
    for (const Cell& cell : card.cells[row]) {
      const std::string word = CellWord(cell);
      out += std::string(kColumn - std::min(kColumn, word.size()), ' ') +
             Paint(word, ColourOf(cell), colour);
    }
    out += "\n";
  }
  return out;
}

std::string CellText(const ScoreCard& card, size_t row, size_t column, bool colour) {
  const Cell& cell = card.cells[row][column];
  const Verdict& verdict = *cell.verdict;
  std::string out =
      fmt::format("\n{}  {}: {}\n", card.semantics[row].name, card.properties[column].name,
                  Paint(VerdictWord(verdict), ColourOf(cell), colour));
  for (const std::string& line : WitnessLines(verdict, card.semantics[row], colour))
    out += fmt::format("  {}\n", line);
  for (const Evidence& evidence : cell.evidence) out += fmt::format("  {}\n", evidence.summary);
  return out + fmt::format("  {}\n", Describe(verdict.stats));
}

// A cell without a sequence that is not simply "holds".
std::string Remark(const ScoreCard& card, size_t row, size_t column) {
  const Cell& cell = card.cells[row][column];
  if (!cell.error.empty())
    return fmt::format("\n{}  {}: error: {}\n", card.semantics[row].name,
                       card.properties[column].name, cell.error);
  if (!cell.verdict.has_value() || cell.verdict->why.empty()) return "";
  return fmt::format("\n{}  {}: {} ({})\n", card.semantics[row].name, card.properties[column].name,
                     VerdictWord(*cell.verdict), cell.verdict->why);
}

bool IsBroken(const Cell& cell) {
  return HasWitness(cell) && cell.verdict->kind == Verdict::Kind::kBroken;
}

std::string MarkdownCell(const ScoreCard& card, size_t row, size_t column) {
  const Cell& cell = card.cells[row][column];
  std::string out = fmt::format("\n### {}: {}: {}\n\n```\n", card.semantics[row].name,
                                card.properties[column].name, VerdictWord(*cell.verdict));
  for (const std::string& line : WitnessLines(*cell.verdict, card.semantics[row], false))
    out += line + "\n";
  out += "```\n\n";
  for (const Evidence& evidence : cell.evidence) out += fmt::format("- {}\n", evidence.summary);
  out += fmt::format("- {}; bounds {}\n", Describe(cell.verdict->stats),
                     ToString(cell.verdict->bounds));
  const std::string stem = CellName(card, row, column);
  return out +
         fmt::format("- [C program]({0}.c), [JSON trace]({0}.json), [picture]({0}.svg)\n", stem);
}

nlohmann::ordered_json CellJson(const ScoreCard& card, size_t row, size_t column) {
  const Cell& cell = card.cells[row][column];
  nlohmann::ordered_json out = {{"semantics", card.semantics[row].name},
                                {"property", card.properties[column].name},
                                {"word", CellWord(cell)},
                                {"error", cell.error}};
  if (!cell.verdict.has_value()) return out;
  const Verdict& verdict = *cell.verdict;
  out["verdict"] = VerdictWord(verdict);
  out["why"] = verdict.why;
  out["bounds"] = ToString(verdict.bounds);
  out["stats"] = StatsJson(verdict.stats);
  if (verdict.has_witness) out["calls"] = WitnessLines(verdict, card.semantics[row], false);
  for (const Evidence& evidence : cell.evidence) out["evidence"].push_back(evidence.summary);
  return out;
}

}  // namespace

std::string CellWord(const Cell& cell) {
  if (!cell.error.empty()) return "error";
  if (!cell.verdict.has_value()) return "-";
  const Verdict& verdict = *cell.verdict;
  const size_t calls = verdict.witness.sequence.calls.size();
  switch (verdict.kind) {
    case Verdict::Kind::kHolds: return verdict.has_witness ? fmt::format("yes {}", calls) : "holds";
    case Verdict::Kind::kBroken:
      return verdict.has_witness ? fmt::format("BROKEN {}", calls) : "NO";
    case Verdict::Kind::kVacuous: return "vacuous";
    case Verdict::Kind::kNotApplicable: return "n/a";
    case Verdict::Kind::kStopped: return "stopped";
  }
  return "";
}

std::string CellName(const ScoreCard& card, size_t row, size_t column) {
  return fmt::format("{}-{}", card.semantics[row].name, card.properties[column].name);
}

std::string ConfirmedSentence(const ScoreCard& card, size_t row) {
  int confirmed = 0, partly = 0, contradicted = 0, modelled = 0, sequences = 0;
  for (const Cell& cell : card.cells[row]) {
    if (!HasWitness(cell)) {
      ++modelled;
      continue;
    }
    ++sequences;
    auto any = [&](Evidence::Kind kind) {
      return std::any_of(cell.evidence.begin(), cell.evidence.end(),
                         [kind](const Evidence& e) { return e.kind == kind; });
    };
    if (any(Evidence::Kind::kContradicted))
      ++contradicted;
    else if (any(Evidence::Kind::kConfirmed))
      ++confirmed;
    else if (any(Evidence::Kind::kPartly))
      ++partly;
  }
  std::string out = fmt::format(
      "of {} sequences {} ran on a real kernel with every answer the same, {} as far as real "
      "kernels have the rules",
      sequences, confirmed, partly);
  if (contradicted > 0) out += fmt::format(", {} CONTRADICTED", contradicted);
  return out + fmt::format(
                   "; {} promises that hold (or states that are not reachable) rest on the "
                   "model within its bounds, and on its agreement with kernels (selkie "
                   "conform)",
                   modelled);
}

std::string ScoreCardText(const ScoreCard& card, bool colour) {
  std::string out = Header(card) + "\n" + Table(card, colour);
  for (size_t row = 0; row < card.semantics.size(); ++row)
    for (size_t column = 0; column < card.properties.size(); ++column) {
      out += Remark(card, row, column);
      if (IsBroken(card.cells[row][column])) out += CellText(card, row, column, colour);
    }
  out += "\n";
  for (size_t row = 0; row < card.semantics.size(); ++row)
    out += fmt::format("{}: {}\n", card.semantics[row].name, ConfirmedSentence(card, row));
  return out;
}

std::string ScoreCardJson(const ScoreCard& card) {
  nlohmann::ordered_json cells = nlohmann::ordered_json::array();
  for (size_t row = 0; row < card.semantics.size(); ++row)
    for (size_t column = 0; column < card.properties.size(); ++column)
      cells.push_back(CellJson(card, row, column));
  return nlohmann::ordered_json{
      {"kernels", card.kernels}, {"interrupted", card.interrupted}, {"cells", std::move(cells)}}
      .dump(2);
}

std::string ScoreCardMarkdown(const ScoreCard& card) {
  std::string out = "# Score-card\n\n|  |";
  for (const Property& property : card.properties) out += fmt::format(" {} |", property.name);
  out += "\n|---|";
  for (size_t i = 0; i < card.properties.size(); ++i) out += "---|";
  out += "\n";
  for (size_t row = 0; row < card.semantics.size(); ++row) {
    out += fmt::format("| **{}** |", card.semantics[row].name);
    for (const Cell& cell : card.cells[row]) out += fmt::format(" {} |", CellWord(cell));
    out += "\n";
  }
  for (const Property& property : card.properties)
    out += fmt::format("\n- **{}**: {}", property.name, property.doc);
  out += "\n";
  for (size_t row = 0; row < card.semantics.size(); ++row) {
    out += fmt::format("\n## {}\n\n{}\n\nConfirmed: {}.\n", card.semantics[row].name,
                       card.semantics[row].doc, ConfirmedSentence(card, row));
    for (size_t column = 0; column < card.properties.size(); ++column) {
      out += Remark(card, row, column);
      if (HasWitness(card.cells[row][column])) out += MarkdownCell(card, row, column);
    }
  }
  return out;
}

}  // namespace selkie
