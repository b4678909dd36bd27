#include "cli/kernel_fit.h"

#include <algorithm>

#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

struct FitCandidate {
  Semantics semantics;
  std::string base;
  size_t mismatches = 0;
};

std::vector<size_t> MismatchesOf(const Semantics& semantics,
                                 const std::vector<SeenSequence>& seen) {
  std::vector<size_t> out;
  for (size_t i = 0; i < seen.size(); ++i)
    if (FirstMismatch(semantics, seen[i]) >= 0) out.push_back(i);
  return out;
}

// Candidates one rule further than these, the best first; no more than `width`.
std::vector<FitCandidate> OneRuleFurther(const std::vector<FitCandidate>& from,
                                         const std::vector<Semantics>& kernels,
                                         const std::vector<SeenSequence>& seen, size_t width) {
  std::vector<FitCandidate> next;
  for (const FitCandidate& candidate : from)
    for (Neighbour& neighbour : NeighboursOf(candidate.semantics, kernels)) {
      const size_t mismatches = MismatchesOf(neighbour.semantics, seen).size();
      next.push_back({std::move(neighbour.semantics), candidate.base, mismatches});
    }
  std::stable_sort(next.begin(), next.end(), [](const FitCandidate& a, const FitCandidate& b) {
    return a.mismatches < b.mismatches;
  });
  if (next.size() > width) next.resize(width);
  return next;
}

// What the rule says, without its name and point.
std::string SaysOf(const Rule& rule) {
  const size_t colon = rule.text.find(": ");
  return colon == std::string::npos ? rule.text : rule.text.substr(colon + 2);
}

std::string EvidenceLine(const RuleEvidence& e) {
  return fmt::format("{}: {} = {}, and not {} as by the rules of {}", e.sequence, e.call, e.answer,
                     e.instead, e.other);
}

// The rules of `semantics` at a point, in order.
std::vector<const Rule*> RulesAt(const Semantics& semantics, Point point) {
  std::vector<const Rule*> rules;
  for (const Rule& rule : semantics.rules)
    if (rule.point == point) rules.push_back(&rule);
  return rules;
}

// The statement that adds a rule: before the one after it, which is there already.
std::string RuleStatement(const Semantics& semantics, const Rule& rule) {
  const std::vector<const Rule*> rules = RulesAt(semantics, rule.point);
  const auto place = std::find_if(rules.begin(), rules.end(),
                                  [&](const Rule* each) { return each->name == rule.name; });
  const std::string before =
      place + 1 == rules.end() ? "" : fmt::format(" before {}", (*(place + 1))->name);
  return fmt::format("rule {} {}{}: {}\n", rule.name, PointName(rule.point), before, SaysOf(rule));
}

}  // namespace

int FirstMismatch(const Semantics& semantics, const SeenSequence& seen) {
  const Trace trace = Replay(seen.named.sequence, semantics);
  for (size_t i = 0; i < trace.results.size() && i < seen.results.size(); ++i) {
    if (trace.results[i].kind == Result::Kind::kBound || !seen.results[i]) return -1;
    if (PlacedApart(trace.sequence.calls[i], trace.results[i], *seen.results[i])) return -1;
    if (!SameOutcome(trace.results[i], *seen.results[i])) return static_cast<int>(i);
  }
  return -1;
}

KernelFit FitKernel(const std::vector<Semantics>& kernels, const std::vector<SeenSequence>& seen,
                    std::string_view preferred) {
  constexpr size_t kWidth = 40;
  constexpr int kMostRules = 6;
  KernelFit fit;
  std::vector<FitCandidate> candidates;
  for (const Semantics& kernel : kernels) {
    candidates.push_back({kernel, kernel.name, MismatchesOf(kernel, seen).size()});
    if (candidates.back().mismatches == 0) fit.agreeing.push_back(kernel.name);
  }
  const auto better = [&](const FitCandidate& a, const FitCandidate& b) {
    if (a.mismatches != b.mismatches) return a.mismatches < b.mismatches;
    return (a.base == preferred) > (b.base == preferred);
  };
  FitCandidate best = *std::min_element(candidates.begin(), candidates.end(), better);
  for (int rules = 1; best.mismatches > 0 && rules <= kMostRules; ++rules) {
    candidates = OneRuleFurther(candidates, kernels, seen, kWidth);
    if (candidates.empty()) break;
    const FitCandidate& next = *std::min_element(candidates.begin(), candidates.end(), better);
    if (next.mismatches < best.mismatches) best = next;
  }
  fit.semantics = best.semantics;
  fit.base = best.base;
  fit.mismatches = MismatchesOf(best.semantics, seen);
  return fit;
}

std::vector<RuleEvidence> EvidenceOf(const KernelFit& fit, const std::vector<Semantics>& kernels,
                                     const std::vector<SeenSequence>& seen) {
  std::vector<RuleEvidence> out;
  for (const Neighbour& neighbour : NeighboursOf(fit.semantics, kernels)) {
    const bool known = std::any_of(out.begin(), out.end(), [&](const RuleEvidence& evidence) {
      return evidence.rule == neighbour.rule;
    });
    if (known) continue;
    for (const SeenSequence& each : seen) {
      const int at = FirstMismatch(neighbour.semantics, each);
      if (at < 0 || FirstMismatch(fit.semantics, each) >= 0) continue;
      const Call& call = each.named.sequence.calls[at];
      const Trace instead = Replay(each.named.sequence, neighbour.semantics);
      out.push_back({neighbour.rule, neighbour.other, each.named.name,
                     PrintCall(call, &fit.semantics, nullptr),
                     PrintResult(call, *each.results[at], &fit.semantics, nullptr),
                     PrintResult(call, instead.results[at], &fit.semantics, nullptr)});
      break;
    }
  }
  return out;
}

std::string SemanticsTextOf(const KernelFit& fit, const Semantics& base, std::string_view name,
                            std::string_view heading, const std::vector<RuleEvidence>& evidence) {
  std::string out = fmt::format(
      "# {}\n# By rule: the calls of scenarios/discriminating that decide, and what they gave.\n",
      heading);
  for (const RuleEvidence& each : evidence)
    out += fmt::format("#   {}\n#     {}\n", each.rule, EvidenceLine(each));
  out += fmt::format("semantics {} extends {}\n  \"As probed.\"\n\nkernel\n", name, base.name);
  const std::vector<RuleDifference> differences = RulesThatDiffer(base, fit.semantics);
  for (const RuleDifference& each : differences) {
    if (each.point >= 0 && each.first != nullptr) out += fmt::format("\ndrop {}\n", each.name);
    if (each.seal != 0 && (base.known_seals & each.seal) == 0)
      out += fmt::format("\nseal {} {:#x}\n", each.name, each.seal);
    if (each.name == "write chunk")
      out += fmt::format("\nwrite chunk {}\n", fit.semantics.write_chunk);
  }
  // From the last to the first, so that the rule after each is there.
  for (auto rule = fit.semantics.rules.rbegin(); rule != fit.semantics.rules.rend(); ++rule) {
    const auto differs =
        std::find_if(differences.begin(), differences.end(), [&](const RuleDifference& each) {
          return each.point >= 0 && each.second != nullptr && each.name == rule->name;
        });
    if (differs == differences.end()) continue;
    out += '\n';
    for (const RuleEvidence& each : evidence)
      if (each.rule == rule->name) out += fmt::format("# {}\n", EvidenceLine(each));
    out += RuleStatement(fit.semantics, *rule);
  }
  return out;
}

}  // namespace selkie
