#include "cli/review_cells.h"

#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "checker/least_bounds.h"
#include "checker/prove.h"
#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

bool Stopped(const ReviewOptions& options) {
  return options.interrupted != nullptr && options.interrupted->load();
}

// Every design, and of the kernels those that are asked for evidence, this machine's
// own, and what any of these extends.
absl::StatusOr<std::vector<std::string>> DefaultRows(const Library& library,
                                                     const ReviewOptions& options) {
  absl::StatusOr<std::vector<std::string>> names = library.SemanticsNames();
  if (!names.ok()) return names;
  std::map<std::string, Semantics> all;
  for (const std::string& name : *names) {
    absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
    if (!semantics.ok()) return semantics.status();
    all[name] = *std::move(semantics);
  }
  std::set<std::string> chosen;
  const auto choose = [&](std::string name) {
    while (!name.empty() && chosen.insert(name).second) name = all[name].extends;
  };
  for (const auto& [name, semantics] : all)
    if (!semantics.is_kernel) choose(name);
  std::vector<std::string> kernels = options.kernels;
  kernels.push_back("native");
  for (const std::string& kernel : kernels) {
    const std::string release = kernel == "native" ? RunningRelease() : kernel;
    if (absl::StatusOr<std::string> name = SemanticsForRelease(library, release); name.ok())
      choose(*name);
  }
  std::erase_if(*names, [&](const std::string& name) { return !chosen.contains(name); });
  return names;
}

absl::StatusOr<ScoreCard> LoadTexts(const Library& library, const ReviewOptions& options) {
  ScoreCard card;
  card.kernels = options.kernels;
  std::vector<std::string> names = options.semantics, properties = options.properties;
  if (names.empty()) {
    absl::StatusOr<std::vector<std::string>> rows = DefaultRows(library, options);
    if (!rows.ok()) return rows.status();
    names = *std::move(rows);
  }
  if (properties.empty()) {
    absl::StatusOr<AskedProperties> all = PropertiesAsked(library, {});
    if (!all.ok()) return all.status();
    ReportBad(*all);
    card.bad_properties = !all->bad.empty();
    properties = std::move(all->names);
  }
  for (const std::string& name : names) {
    absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
    if (!semantics.ok()) return semantics.status();
    card.semantics.push_back(*std::move(semantics));
  }
  for (const std::string& name : properties) {
    absl::StatusOr<Property> property = LoadProperty(library, name);
    if (!property.ok()) return property.status();
    card.properties.push_back(*std::move(property));
  }
  card.cells.assign(card.semantics.size(), std::vector<Cell>(card.properties.size()));
  return card;
}

// Whether no number of objects makes another answer.
absl::Status TryProof(const Property& property, const Semantics& semantics,
                      const Semantics* baseline, const SearchOptions& search, Cell& cell) {
  ProveOptions options;
  options.find_witness = false;
  options.search = search;
  absl::StatusOr<Proof> proof = Prove(property, semantics, baseline, options);
  if (!proof.ok()) return proof.status();
  cell.proved = proof->kind == (cell.verdict->kind == Verdict::Kind::kHolds ? Proof::Kind::kProved
                                                                            : Proof::Kind::kBroken);
  if (!cell.proved) cell.not_proved = proof->why;
  return absl::OkStatus();
}

// How far the answer reaches.  None does where nothing was tried.
absl::Status FindExtent(const Property& property, const Semantics& semantics,
                        const Semantics* baseline, const SearchOptions& search, Cell& cell) {
  if (cell.verdict->kind != Verdict::Kind::kHolds && cell.verdict->kind != Verdict::Kind::kBroken)
    return absl::OkStatus();
  if (!cell.verdict->has_witness) return TryProof(property, semantics, baseline, search, cell);
  absl::StatusOr<Bounds> least = LeastBounds(property, semantics, baseline, *cell.verdict, search);
  if (least.ok()) cell.least = *least;
  return least.status();
}

absl::Status FillCell(const Library& library, const Property& property, const Semantics& semantics,
                      const SearchOptions& search, Cell& cell) {
  const absl::StatusOr<std::optional<Semantics>> baseline = BaselineOf(library, property);
  if (!baseline.ok()) return baseline.status();
  const Semantics* const other = baseline->has_value() ? &**baseline : nullptr;
  absl::StatusOr<Verdict> verdict = Check(property, semantics, other, property.bounds, search);
  if (!verdict.ok()) return verdict.status();
  cell.verdict = *std::move(verdict);
  return FindExtent(property, semantics, other, search, cell);
}

void AskCell(const Library& library, const ReviewOptions& options, const ScoreCard& card,
             size_t row, size_t column, Cell& cell) {
  SearchOptions search;
  search.interrupted = options.interrupted;
  const absl::Status status =
      FillCell(library, card.properties[column], card.semantics[row], search, cell);
  if (!status.ok()) cell.error = std::string(status.message());
}

void AskAllCells(const Library& library, const ReviewOptions& options, ScoreCard& card) {
  const size_t columns = card.properties.size(), count = card.semantics.size() * columns;
  std::atomic<size_t> next = 0, done = 0;
  std::mutex mutex;
  auto work = [&] {
    for (size_t i = next++; i < count && !Stopped(options); i = next++) {
      const size_t row = i / columns, column = i % columns;
      AskCell(library, options, card, row, column, card.cells[row][column]);
      const std::lock_guard lock(mutex);
      if (options.progress)
        options.progress(fmt::format("{} of {} questions asked ({}, {})", ++done, count,
                                     card.semantics[row].name, card.properties[column].name));
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < options.threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

// The cells that have a sequence to run, in the order of the card.
std::vector<std::pair<size_t, size_t>> CellsWithWitness(const ScoreCard& card) {
  std::vector<std::pair<size_t, size_t>> out;
  for (size_t row = 0; row < card.cells.size(); ++row)
    for (size_t column = 0; column < card.cells[row].size(); ++column)
      if (const auto& verdict = card.cells[row][column].verdict;
          verdict.has_value() && verdict->has_witness)
        out.emplace_back(row, column);
  return out;
}

void AddEvidence(const Library& library, const ReviewOptions& options, const std::string& kernel,
                 ScoreCard& card) {
  const std::vector<std::pair<size_t, size_t>> cells = CellsWithWitness(card);
  std::vector<Sequence> sequences;
  for (const auto& [row, column] : cells)
    sequences.push_back(card.cells[row][column].verdict->witness.sequence);
  absl::StatusOr<Observation> seen = Observe(library, kernel, sequences, options.interrupted);
  card.kernel_errors.push_back(seen.ok() ? "" : std::string(seen.status().message()));
  for (size_t i = 0; i < cells.size(); ++i) {
    Cell& cell = card.cells[cells[i].first][cells[i].second];
    if (!seen.ok()) {
      cell.evidence.push_back(
          {Evidence::Kind::kNotRun,
           kernel,
           fmt::format("{}: could not run: {}", kernel, std::string(seen.status().message())),
           {}});
      continue;
    }
    const std::string shown =
        fmt::format("{} ({})", seen->release, kernel == "native" ? "this machine" : "QEMU");
    cell.evidence.push_back(
        Weigh(cell, card.semantics[cells[i].first], *seen, seen->traces[i], shown));
  }
}

// How the calls of a witness compare with what a kernel gave.
struct Comparison {
  int same = 0, differ = 0, not_run = 0;
  std::string first;  // the first difference, in words
  std::vector<std::string> calls;
};

Comparison Compare(const Trace& trace, const Semantics& semantics, const ObservedTrace& seen) {
  Comparison out;
  for (size_t i = 0; i < trace.results.size(); ++i) {
    const Call& call = trace.sequence.calls[i];
    const ObservedCall& real = seen.calls[i];
    std::string note;
    if (!real.result.has_value()) {
      ++out.not_run;
      note = fmt::format("not run: {}", real.not_run);
    } else if (SameOutcome(trace.results[i], *real.result)) {
      ++out.same;
    } else {
      ++out.differ;
      note = fmt::format("{} there", PrintResult(call, *real.result, &semantics, nullptr));
    }
    if (!note.empty() && out.first.empty())
      out.first = fmt::format("{} is {}", PrintCall(call, &semantics, nullptr), note);
    out.calls.push_back(std::move(note));
  }
  return out;
}

}  // namespace

Evidence Weigh(const Cell& cell, const Semantics& semantics, const Observation& observation,
               const ObservedTrace& seen, const std::string& kernel) {
  const Comparison compared = Compare(cell.verdict->witness, semantics, seen);
  const int calls = static_cast<int>(compared.calls.size());
  const bool own = observation.semantics == semantics.name;
  Evidence out;
  out.kernel = kernel;
  out.calls = compared.calls;
  if (compared.same == calls) {
    out.kind = Evidence::Kind::kConfirmed;
    out.summary = fmt::format("confirmed on {}: all {} calls gave the same", kernel, calls);
    return out;
  }
  out.kind = own && compared.differ > 0 ? Evidence::Kind::kContradicted
             : compared.same > 0        ? Evidence::Kind::kPartly
                                        : Evidence::Kind::kNotRun;
  const std::string agreed = fmt::format("{} of {} calls the same", compared.same, calls);
  if (out.kind == Evidence::Kind::kContradicted)
    out.summary = fmt::format("CONTRADICTED by {}, whose rules these are: {}; {}", kernel, agreed,
                              compared.first);
  else if (compared.not_run == calls)
    out.summary = fmt::format("not run on {}: {}", kernel, compared.first);
  else
    out.summary =
        fmt::format("not applicable to {} as a whole ({}): {}; {}", kernel,
                    semantics.is_kernel ? "it has other rules" : "this rule is no kernel's", agreed,
                    compared.first);
  return out;
}

absl::StatusOr<ScoreCard> MakeScoreCard(const Library& library, const ReviewOptions& options) {
  absl::StatusOr<ScoreCard> card = LoadTexts(library, options);
  if (!card.ok()) return card.status();
  AskAllCells(library, options, *card);
  for (const std::string& kernel : options.kernels) {
    if (Stopped(options)) break;
    if (options.progress) options.progress(fmt::format("running the sequences on {}", kernel));
    AddEvidence(library, options, kernel, *card);
  }
  card->interrupted = Stopped(options);
  return card;
}

}  // namespace selkie
