#include "cli/review_report.h"

#include <algorithm>

#include "cli/progress.h"
#include "fmt/format.h"

namespace selkie {
namespace {

bool IsAnswered(const Cell& cell) {
  return cell.verdict.has_value() && (cell.verdict->kind == Verdict::Kind::kHolds ||
                                      cell.verdict->kind == Verdict::Kind::kBroken);
}
bool HasWitness(const Cell& cell) { return cell.verdict.has_value() && cell.verdict->has_witness; }

Colour ColourOf(const Cell& cell) {
  if (!cell.verdict.has_value()) return Colour::kYellow;
  if (cell.verdict->kind == Verdict::Kind::kHolds) return Colour::kGreen;
  return cell.verdict->kind == Verdict::Kind::kBroken ? Colour::kRed : Colour::kYellow;
}

constexpr std::string_view kStar = "*: not confirmed on a kernel, but written from its source";

// A semantics in a table.
std::string Starred(const Semantics& semantics) {
  return semantics.unconfirmed ? semantics.name + "*" : semantics.name;
}

size_t NameWidth(const ScoreCard& card) {
  size_t width = 0;
  for (const Semantics& semantics : card.semantics)
    width = std::max(width, Starred(semantics).size());
  return width;
}

bool AnyUnconfirmed(const ScoreCard& card) {
  return std::any_of(card.semantics.begin(), card.semantics.end(),
                     [](const Semantics& semantics) { return semantics.unconfirmed; });
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
    out += fmt::format("{:<{}}", Starred(card.semantics[row]), name);
    for (const Cell& cell : card.cells[row]) {
      const std::string word = CellWord(cell);
      out += std::string(kColumn - std::min(kColumn, word.size()), ' ') +
             Paint(word, ColourOf(cell), colour);
    }
    out += "\n";
  }
  if (AnyUnconfirmed(card)) out += fmt::format("{}\n", kStar);
  return out;
}

// How far the answer reaches, in words.
std::string Extent(const Cell& cell) {
  if (cell.proved) return "for any number of objects";
  if (cell.least.has_value()) return fmt::format("least bounds {}", ToString(*cell.least));
  return fmt::format("within {}", ToString(cell.verdict->bounds));
}

std::string CellText(const ScoreCard& card, size_t row, size_t column, bool colour) {
  const Cell& cell = card.cells[row][column];
  const Verdict& verdict = *cell.verdict;
  std::string out =
      fmt::format("\n{}  {}: {}\n", NameOf(card.semantics[row]), card.properties[column].name,
                  Paint(VerdictWord(verdict), ColourOf(cell), colour));
  for (const std::string& line : WitnessLines(verdict, card.semantics[row], colour))
    out += fmt::format("  {}\n", line);
  for (const Evidence& evidence : cell.evidence) out += fmt::format("  {}\n", evidence.summary);
  return out + fmt::format("  {}\n  {}\n", Describe(verdict.stats), Extent(cell));
}

// A cell without a sequence that is not simply "holds".
std::string Remark(const ScoreCard& card, size_t row, size_t column) {
  const Cell& cell = card.cells[row][column];
  if (!cell.error.empty())
    return fmt::format("\n{}  {}: error: {}\n", NameOf(card.semantics[row]),
                       card.properties[column].name, cell.error);
  if (!cell.verdict.has_value()) return "";
  const std::string& why = cell.verdict->why.empty() ? cell.not_proved : cell.verdict->why;
  if (why.empty()) return "";
  return fmt::format("\n{}  {}: {} ({}{})\n", NameOf(card.semantics[row]),
                     card.properties[column].name, VerdictWord(*cell.verdict),
                     cell.verdict->why.empty() ? Extent(cell) + "; not proved for more: " : "",
                     why);
}

bool IsBroken(const Cell& cell) {
  return HasWitness(cell) && cell.verdict->kind == Verdict::Kind::kBroken;
}

std::string MarkdownCell(const ScoreCard& card, size_t row, size_t column) {
  const Cell& cell = card.cells[row][column];
  std::string out = fmt::format("\n### {}: {}: {}\n\n```\n", NameOf(card.semantics[row]),
                                card.properties[column].name, VerdictWord(*cell.verdict));
  for (const std::string& line : WitnessLines(*cell.verdict, card.semantics[row], false))
    out += line + "\n";
  out += "```\n\n";
  for (const Evidence& evidence : cell.evidence) out += fmt::format("- {}\n", evidence.summary);
  out += fmt::format("- {}; bounds {}; {}\n", Describe(cell.verdict->stats),
                     ToString(cell.verdict->bounds), Extent(cell));
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
  out["proved"] = cell.proved;
  if (!cell.not_proved.empty()) out["not_proved"] = cell.not_proved;
  if (cell.least.has_value()) out["least_bounds"] = ToString(*cell.least);
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
    case Verdict::Kind::kHolds:
      return verdict.has_witness ? fmt::format("yes {}", calls) : cell.proved ? "PROVED" : "holds";
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
  int confirmed = 0, partly = 0, contradicted = 0, modelled = 0, proved = 0, sequences = 0;
  int unanswered = 0;
  for (const Cell& cell : card.cells[row]) {
    if (!IsAnswered(cell)) {
      ++unanswered;
      continue;
    }
    if (!HasWitness(cell)) {
      ++modelled;
      proved += cell.proved;
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
  out += fmt::format(
      "; {} promises that hold (or states that are not reachable) rest on the model, {} of "
      "them PROVED, the others within its bounds, and on its agreement with kernels (selkie "
      "conform)",
      modelled, proved);
  if (unanswered > 0)
    out += fmt::format("; {} have no answer (not applicable, vacuous, stopped)", unanswered);
  return out;
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
    out += fmt::format("{}: {}\n", NameOf(card.semantics[row]), ConfirmedSentence(card, row));
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

std::string ExtentMarkdown(const ScoreCard& card) {
  std::string out;
  for (size_t column = 0; column < card.properties.size(); ++column) {
    std::vector<std::pair<std::string, std::vector<std::string>>> answers;  // as they are met
    for (size_t row = 0; row < card.semantics.size(); ++row) {
      const Cell& cell = card.cells[row][column];
      const bool extends = cell.proved || cell.least.has_value() || !cell.not_proved.empty();
      const std::string answer =
          fmt::format("{} | {}", CellWord(cell), extends ? Extent(cell) : "");
      auto same = std::find_if(answers.begin(), answers.end(),
                               [&](const auto& each) { return each.first == answer; });
      if (same == answers.end()) same = answers.insert(same, {answer, {}});
      same->second.push_back(Starred(card.semantics[row]));
    }
    out += fmt::format("\n### {}\n\n| answer | | semantics |\n|---|---|---|\n",
                       card.properties[column].name);
    for (const auto& [answer, names] : answers)
      out += fmt::format("| {} | {} |\n", answer, fmt::join(names, ", "));
  }
  if (AnyUnconfirmed(card)) out += fmt::format("\n{}\n", kStar);
  return out;
}

std::string ScoreCardMarkdown(const ScoreCard& card) {
  std::string out = "# Score-card\n\n|  |";
  for (const Property& property : card.properties) out += fmt::format(" {} |", property.name);
  out += "\n|---|";
  for (size_t i = 0; i < card.properties.size(); ++i) out += "---|";
  out += "\n";
  for (size_t row = 0; row < card.semantics.size(); ++row) {
    out += fmt::format("| **{}** |", NameOf(card.semantics[row]));
    for (const Cell& cell : card.cells[row]) out += fmt::format(" {} |", CellWord(cell));
    out += "\n";
  }
  for (const Property& property : card.properties)
    out += fmt::format("\n- **{}**: {}", property.name, property.doc);
  out += "\n\n## Within which bounds\n" + ExtentMarkdown(card);
  for (size_t row = 0; row < card.semantics.size(); ++row) {
    out += fmt::format("\n## {}\n\n{}\n\nConfirmed: {}.\n", NameOf(card.semantics[row]),
                       card.semantics[row].doc, ConfirmedSentence(card, row));
    for (size_t column = 0; column < card.properties.size(); ++column) {
      out += Remark(card, row, column);
      if (HasWitness(card.cells[row][column])) out += MarkdownCell(card, row, column);
    }
  }
  return out;
}

}  // namespace selkie
