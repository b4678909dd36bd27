#include "kernel/conform.h"

#include <algorithm>

namespace selkie {
namespace {

bool IsListed(const ConformReport& report, const Divergence& divergence) {
  return std::any_of(report.divergences.begin(), report.divergences.end(),
                     [&](const Divergence& d) { return d.kind == divergence.kind; });
}

}  // namespace

void Merge(const ConformReport& part, ConformReport* whole) {
  if (whole->release.empty()) whole->release = part.release;
  if (whole->semantics.empty()) whole->semantics = part.semantics;
  if (whole->semantics_digest.empty()) whole->semantics_digest = part.semantics_digest;
  whole->scenarios += part.scenarios;
  whole->sequences += part.sequences;
  whole->pairs.insert(part.pairs.begin(), part.pairs.end());
  whole->calls += part.calls;
  whole->succeeded += part.succeeded;
  whole->state_facts += part.state_facts;
  whole->states += part.states;
  whole->tried += part.tried;
  whole->confirmed += part.confirmed;
  for (const auto& [reason, count] : part.beyond) whole->beyond[reason] += count;
  for (const auto& [call, counts] : part.outcomes)
    for (const auto& [outcome, count] : counts) whole->outcomes[call][outcome] += count;
  whole->differing += part.differing;
  whole->hangs += part.hangs;
  for (int op = 0; op < kNumOps; ++op) {
    whole->by_op[op].calls += part.by_op[op].calls;
    whole->by_op[op].succeeded += part.by_op[op].succeeded;
  }
  for (const auto& [rule, calls] : part.by_rule) whole->by_rule[rule] += calls;
  for (const Divergence& divergence : part.divergences)
    if (!IsListed(*whole, divergence)) whole->divergences.push_back(divergence);
  whole->wrong_texts.insert(whole->wrong_texts.end(), part.wrong_texts.begin(),
                            part.wrong_texts.end());
  std::sort(whole->wrong_texts.begin(), whole->wrong_texts.end());
  whole->not_run.insert(whole->not_run.end(), part.not_run.begin(), part.not_run.end());
  std::sort(whole->not_run.begin(), whole->not_run.end());  // whoever was the first to say so
  whole->seconds = std::max(whole->seconds, part.seconds);
}

absl::StatusOr<ConformReport> Conform(const Library& library, const ConformRequest& request,
                                      const ConformHooks& hooks, ConformReport* partial) {
  if (request.kernel == "native") return ConformNative(library, request, hooks, partial);
  return ConformInGuests(library, request, hooks, partial);
}

}  // namespace selkie
