#include "model/contrast.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "model/step.h"

namespace selkie {
namespace {

// FNV-1a, which gives the same number everywhere.
class Hash {
 public:
  void Add(uint64_t number) {
    for (int i = 0; i < 8; ++i) Byte(static_cast<uint8_t>(number >> (8 * i)));
  }
  void Add(std::string_view text) {
    for (const char c : text) Byte(static_cast<uint8_t>(c));
    Byte(0);
  }
  uint64_t value() const { return value_; }

 private:
  void Byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3; }

  uint64_t value_ = 0xcbf29ce484222325;
};

void AddDecision(const Result& result, Hash& hash) {
  hash.Add(static_cast<uint64_t>(result.kind));
  hash.Add(result.ok() ? 0 : static_cast<uint64_t>(result.value));
  hash.Add(result.rule != nullptr    ? std::string_view(result.rule->name)
           : result.check != nullptr ? std::string_view(result.check)
                                     : std::string_view());
}

// By rule of `first`: where it stands in `second`, or -1.
std::vector<int> PlacesIn(const Semantics& second, const Semantics& first) {
  std::map<std::pair<std::string_view, Point>, int> places;
  for (size_t i = 0; i < second.rules.size(); ++i)
    places.emplace(std::pair(std::string_view(second.rules[i].name), second.rules[i].point),
                   static_cast<int>(i));
  std::vector<int> out;
  for (const Rule& rule : first.rules) {
    const auto found = places.find({rule.name, rule.point});
    out.push_back(found == places.end() ? -1 : found->second);
  }
  return out;
}

// True if some rule that both have stands behind rule `i` of `first` in one and before it in the
// other; `places` are those of PlacesIn.
bool OtherPlace(const Semantics& first, const std::vector<int>& places, size_t i) {
  for (size_t other = 0; other < places.size(); ++other) {
    if (places[other] < 0 || first.rules[other].point != first.rules[i].point) continue;
    if ((other < i) != (places[other] < places[i])) return true;
  }
  return false;
}

void AddDifferingRules(const Semantics& first, const Semantics& second,
                       std::vector<RuleDifference>* out) {
  const std::vector<int> places = PlacesIn(second, first);
  for (size_t i = 0; i < places.size(); ++i) {
    const Rule& rule = first.rules[i];
    const Rule* const other =
        places[i] < 0 ? nullptr : &second.rules[static_cast<size_t>(places[i])];
    if (other != nullptr && SameRule(rule, *other) && !OtherPlace(first, places, i)) continue;
    out->push_back({rule.name, static_cast<int>(rule.point), &rule, other});
  }
  const std::vector<int> in_first = PlacesIn(first, second);
  for (size_t i = 0; i < in_first.size(); ++i)
    if (const Rule& rule = second.rules[i]; in_first[i] < 0)
      out->push_back({rule.name, static_cast<int>(rule.point), nullptr, &rule});
}

void AddDeclaredSeals(const Semantics& one, const Semantics& other,
                      std::vector<RuleDifference>* out) {
  for (const SealName& seal : one.seals)
    if ((other.known_seals & seal.bits) == 0)
      out->push_back({seal.name, -1, nullptr, nullptr, seal.bits});
}

}  // namespace

bool SameRule(const Rule& a, const Rule& b) {
  const auto same_term = [](const Term& x, const Term& y) {
    return x.mask == y.mask && x.want == y.want;
  };
  return a.point == b.point && a.effect == b.effect && a.bits == b.bits &&
         std::equal(a.terms.begin(), a.terms.end(), b.terms.begin(), b.terms.end(), same_term);
}

std::vector<RuleDifference> RulesThatDiffer(const Semantics& first, const Semantics& second) {
  std::vector<RuleDifference> out;
  AddDifferingRules(first, second, &out);
  AddDeclaredSeals(first, second, &out);
  AddDeclaredSeals(second, first, &out);
  if (first.write_chunk != second.write_chunk) out.push_back({"write chunk", -1, nullptr, nullptr});
  if (first.initial_mask != second.initial_mask)
    out.push_back({"initial mask", -1, nullptr, nullptr});
  return out;
}

uint64_t DecisionKind(const Call& call, const Result& first, const Result& second) {
  Hash hash;
  hash.Add(static_cast<uint64_t>(call.op));
  AddDecision(first, hash);
  AddDecision(second, hash);
  return hash.value();
}

bool PlacedApart(const Call& call, const Result& first, const Result& second) {
  return SpecOf(call.op).returns == ReturnKind::kAddress && first.ok() && second.ok() &&
         first.value != second.value;
}

Contrast ReplayBoth(const Sequence& sequence, const Semantics& first, const Semantics& second) {
  Contrast out;
  out.first = {first.name, sequence, {}};
  out.second = {second.name, sequence, {}};
  State a = InitialState(sequence.limits, sequence.uids), b = a;
  int origin = -1;  // the call after which the states parted, or -1
  uint64_t origin_kind = 0;
  bool answered_apart = false;
  for (int i = 0; i < static_cast<int>(sequence.calls.size()); ++i) {
    const Call& call = sequence.calls[i];
    const Result& ra = out.first.results.emplace_back(Step(a, call, first));
    const Result& rb = out.second.results.emplace_back(Step(b, call, second));
    if (ra.kind == Result::Kind::kBound || rb.kind == Result::Kind::kBound) break;
    if (PlacedApart(call, ra, rb)) break;
    const bool apart = !SameOutcome(ra, rb);
    const bool parted = (ra.changed || rb.changed || origin >= 0) && !(a == b);
    if (apart) {
      const uint64_t here = DecisionKind(call, ra, rb);
      Difference difference{i, i, answered_apart, here, here};
      if (origin >= 0 && !answered_apart) {
        difference.origin = origin;
        difference.kind = ~origin_kind;
      }
      out.differences.push_back(difference);
      answered_apart = true;
    }
    if (!parted) origin = -1;
    if (parted && origin < 0) {
      origin = i;
      origin_kind = DecisionKind(call, ra, rb);
    }
  }
  return out;
}

Semantics Lacking(const Semantics& semantics, const RuleDifference& difference,
                  const Semantics& other) {
  Semantics lacking = semantics;
  if (difference.point >= 0) {
    std::erase_if(lacking.rules, [&](const Rule& rule) { return rule.name == difference.name; });
    IndexRules(lacking);
  } else if (difference.seal != 0) {
    lacking.known_seals &= static_cast<uint8_t>(~difference.seal);
  } else {
    lacking.write_chunk = other.write_chunk;
    lacking.initial_mask = other.initial_mask;
  }
  return lacking;
}

bool IsAtWork(const Contrast& contrast, const Difference& difference, const Semantics& first,
              const Semantics& second, const Semantics& first_lacking,
              const Semantics& second_lacking) {
  const auto changes = [](const Trace& trace, size_t calls, const Semantics& as_is,
                          const Semantics& lacking) {
    Sequence cut = trace.sequence;
    cut.calls.resize(calls);
    std::vector<State> states, others;
    const Trace again = Replay(cut, as_is, &states);
    const Trace other = Replay(cut, lacking, &others);
    if (!std::equal(again.results.begin(), again.results.end() - 1, other.results.begin(),
                    SameOutcome))
      return false;
    return !SameOutcome(again.results.back(), other.results.back()) ||
           (states[calls - 1] == others[calls - 1] && !(states[calls] == others[calls]));
  };
  for (const int i : {difference.call, difference.origin}) {
    const auto calls = static_cast<size_t>(i) + 1;
    if (changes(contrast.first, calls, first, first_lacking) ||
        changes(contrast.second, calls, second, second_lacking))
      return true;
  }
  return false;
}

}  // namespace selkie
