#include "cli/discriminating.h"

#include <algorithm>
#include <map>
#include <set>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/call_text.h"
#include "scenarios/print.h"
#include "scenarios/scenario.h"

namespace selkie {
namespace {

std::vector<Rule>::iterator RuleNamed(std::vector<Rule>& rules, std::string_view name) {
  return std::find_if(rules.begin(), rules.end(),
                      [&](const Rule& rule) { return rule.name == name; });
}

// Puts `rule` into `rules` behind the nearest rule before it in `order` that is there
// too, else before the nearest after it, else at the end.
void Insert(const Rule& rule, const std::vector<Rule>& order, std::vector<Rule>& rules) {
  auto place = rules.end();
  bool passed = false;
  for (const Rule& each : order) {
    if (each.point != rule.point) continue;
    const auto found = RuleNamed(rules, each.name);
    if (each.name == rule.name) {
      passed = true;
    } else if (found != rules.end() && found->point == rule.point) {
      if (passed && place != rules.end()) break;
      place = passed ? found : found + 1;
      if (passed) break;
    }
  }
  rules.insert(place, rule);
}

// Two sequences that get the same answers from each kernel and from `other`, and end in
// the same call, say the same.
std::string SignatureOf(const Sequence& sequence, const std::vector<Semantics>& kernels,
                        const Semantics& other) {
  std::string signature(ShortName(sequence.calls.back().op));
  const auto add = [&](const Semantics& semantics) {
    const Trace trace = Replay(sequence, semantics);
    for (size_t i = 0; i < trace.results.size(); ++i)
      signature +=
          fmt::format(" {}", PrintResult(sequence.calls[i], trace.results[i], nullptr, nullptr));
    signature += ';';
  };
  for (const Semantics& kernel : kernels) add(kernel);
  add(other);
  return signature;
}

// Each behaviour once.
std::vector<Semantics> Distinct(const std::vector<Semantics>& kernels) {
  std::vector<Semantics> distinct;
  for (const Semantics& kernel : kernels)
    if (std::none_of(distinct.begin(), distinct.end(), [&](const Semantics& other) {
          return RulesThatDiffer(kernel, other).empty();
        }))
      distinct.push_back(kernel);
  return distinct;
}

class Finder {
 public:
  Finder(const Library& library, std::vector<Semantics> kernels, const DifferenceOptions& options)
      : library_(library), kernels_(std::move(kernels)), options_(options) {}

  absl::StatusOr<std::vector<NamedSequence>> Run() {
    for (size_t i = 0; i < kernels_.size(); ++i)
      for (size_t j = i + 1; j < kernels_.size(); ++j)
        if (absl::Status status = Between(kernels_[i], kernels_[j]); !status.ok()) return status;
    for (const Semantics& kernel : kernels_)
      for (const Neighbour& neighbour : NeighboursOf(kernel, kernels_))
        if (!AreToldApart(kernel, neighbour.semantics, found_))
          if (absl::Status status = Between(kernel, neighbour.semantics); !status.ok())
            return status;
    return std::move(found_);
  }

  // Those of `known`, and what is found for a rule that they tell from its variant in no kernel,
  // and for kernels that they do not tell apart.
  absl::StatusOr<std::vector<NamedSequence>> Complete(std::vector<NamedSequence> known) {
    found_ = std::move(known);
    for (const NamedSequence& each : found_) names_.insert(each.name);
    std::map<std::string, bool> told = RulesTold(kernels_, found_);
    for (const Semantics& kernel : kernels_) {
      for (const Neighbour& neighbour : NeighboursOf(kernel, kernels_)) {
        if (told[neighbour.rule]) continue;
        if (absl::Status status = Between(kernel, neighbour.semantics); !status.ok()) return status;
        told[neighbour.rule] = AreToldApart(kernel, neighbour.semantics, found_);
      }
    }
    for (size_t i = 0; i < kernels_.size(); ++i)
      for (size_t j = i + 1; j < kernels_.size(); ++j)
        if (!AreToldApart(kernels_[i], kernels_[j], found_))
          if (absl::Status status = Between(kernels_[i], kernels_[j]); !status.ok()) return status;
    return std::move(found_);
  }

 private:
  absl::Status Between(const Semantics& first, const Semantics& second) {
    if (options_.interrupted != nullptr && options_.interrupted->load())
      return absl::CancelledError("interrupted: nothing is written");
    absl::StatusOr<DifferenceReport> report = FindDifferences(library_, first, second, options_);
    if (!report.ok()) return report.status();
    for (const FoundDifference& found : report->found) Add(found, second);
    return absl::OkStatus();
  }

  void Add(const FoundDifference& found, const Semantics& other) {
    const Sequence& sequence = found.contrast.first.sequence;
    const auto [place, is_new] = signatures_.try_emplace(SignatureOf(sequence, kernels_, other), 0);
    if (!is_new) return;
    // Named for what decides, and numbered where that is not enough.
    const std::string base = fmt::format("{}-{}", ShortName(sequence.calls.back().op),
                                         found.rules.empty() ? "check" : found.rules.front());
    std::string name = base;
    for (int number = 2; !names_.insert(name).second; ++number)
      name = fmt::format("{}-{}", base, number);
    found_.push_back({std::move(name), sequence});
  }

  const Library& library_;
  const std::vector<Semantics> kernels_;
  const DifferenceOptions& options_;
  std::vector<NamedSequence> found_;
  std::map<std::string, int> signatures_;
  std::set<std::string> names_;
};

}  // namespace

absl::StatusOr<std::vector<Semantics>> KernelSemantics(const Library& library) {
  absl::StatusOr<std::vector<std::string>> names = library.SemanticsNames();
  if (!names.ok()) return names.status();
  std::vector<Semantics> kernels;
  for (const std::string& name : *names) {
    absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
    if (!semantics.ok()) return semantics.status();
    if (semantics->is_kernel) kernels.push_back(*std::move(semantics));
  }
  return kernels;
}

Semantics Adopt(const Semantics& kernel, const RuleDifference& difference, const Semantics& other) {
  Semantics out = kernel;
  if (difference.point >= 0) {
    std::erase_if(out.rules, [&](const Rule& rule) { return rule.name == difference.name; });
    if (difference.second != nullptr) Insert(*difference.second, other.rules, out.rules);
    IndexRules(out);
  } else if (difference.seal != 0) {
    out.known_seals ^= difference.seal;
    std::erase_if(out.seals, [&](const SealName& seal) { return seal.name == difference.name; });
    if ((out.known_seals & difference.seal) != 0)
      out.seals.push_back({difference.name, difference.seal});
  } else if (difference.name == "write chunk") {
    out.write_chunk = other.write_chunk;
  } else {
    out.initial_mask = other.initial_mask;
  }
  return out;
}

std::vector<Neighbour> NeighboursOf(const Semantics& kernel,
                                    const std::vector<Semantics>& kernels) {
  std::vector<Neighbour> neighbours;
  for (const Semantics& other : kernels)
    for (const RuleDifference& difference : RulesThatDiffer(kernel, other)) {
      // Rules that speak of a seal come with it.
      const bool seal = difference.point < 0 && difference.seal != 0;
      if (seal && (kernel.known_seals & difference.seal) != 0) continue;
      Semantics adopted = Adopt(kernel, difference, other);
      const bool known =
          RulesThatDiffer(kernel, adopted).empty() ||
          std::any_of(neighbours.begin(), neighbours.end(), [&](const Neighbour& neighbour) {
            return neighbour.rule == difference.name &&
                   RulesThatDiffer(neighbour.semantics, adopted).empty();
          });
      if (!known) neighbours.push_back({std::move(adopted), difference.name, other.name});
    }
  return neighbours;
}

absl::StatusOr<std::vector<NamedSequence>> LoadDiscriminating(
    const Library& library, const std::vector<Semantics>& kernels) {
  absl::StatusOr<std::vector<Scenario>> scenarios =
      ScenariosUnder(library.root() + "/scenarios/discriminating");
  if (!scenarios.ok()) return scenarios.status();
  std::vector<NamedSequence> out;
  for (const Scenario& scenario : *scenarios) {
    // Where a call gives no descriptor the calls on it are not made: the longest is whole.
    Sequence longest;
    for (const Semantics& kernel : kernels) {
      absl::StatusOr<ScenarioRun> run = RunScenario(scenario, kernel);
      if (!run.ok()) return run.status();
      if (run->trace.sequence.calls.size() > longest.calls.size()) longest = run->trace.sequence;
    }
    out.push_back({scenario.name, std::move(longest)});
  }
  return out;
}

bool AreToldApart(const Semantics& first, const Semantics& second,
                  const std::vector<NamedSequence>& sequences) {
  return std::any_of(sequences.begin(), sequences.end(), [&](const NamedSequence& each) {
    return !ReplayBoth(each.sequence, first, second).differences.empty();
  });
}

std::map<std::string, bool> RulesTold(const std::vector<Semantics>& kernels,
                                      const std::vector<NamedSequence>& sequences) {
  std::map<std::string, bool> told;
  for (const Semantics& kernel : kernels) {
    for (const Neighbour& neighbour : NeighboursOf(kernel, kernels)) {
      bool& is_told = told[neighbour.rule];
      is_told = is_told || AreToldApart(kernel, neighbour.semantics, sequences);
    }
  }
  return told;
}

absl::StatusOr<std::vector<NamedSequence>> FindDiscriminating(const Library& library,
                                                              const std::vector<Semantics>& kernels,
                                                              const DifferenceOptions& options) {
  return Finder(library, Distinct(kernels), options).Run();
}

absl::StatusOr<std::vector<NamedSequence>> FindMissing(const Library& library,
                                                       const std::vector<Semantics>& kernels,
                                                       const DifferenceOptions& options,
                                                       std::vector<NamedSequence> known) {
  return Finder(library, Distinct(kernels), options).Complete(std::move(known));
}

std::string PrintDiscriminating(const std::vector<NamedSequence>& sequences,
                                const std::vector<Semantics>& kernels) {
  // Seals are written by name only if all have them.
  const Semantics& fewest = *std::min_element(
      kernels.begin(), kernels.end(),
      [](const Semantics& a, const Semantics& b) { return a.seals.size() < b.seals.size(); });
  std::string out =
      "# Made by `selkie diff --kernels`: calls by which kernels are told apart, and what each\n"
      "# kernel's rules answer.  `selkie kernels probe` runs them.\n";
  for (const NamedSequence& each : sequences) {
    std::vector<Trace> traces;
    for (const Semantics& kernel : kernels) traces.push_back(Replay(each.sequence, kernel));
    PrintOptions options{.name = each.name, .doc = "", .rules = false};
    options.only = kAllKernels;
    for (size_t i = 0; i + 1 < traces.size(); ++i) options.others.push_back(&traces[i]);
    out += "\n" + PrintScenario(traces.back(), &fewest, options);
  }
  return out;
}

}  // namespace selkie
