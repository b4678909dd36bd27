#include "scenarios/rule_pairs.h"

#include <algorithm>
#include <string_view>

#include "model/semantics.h"

namespace selkie {
namespace {

constexpr uint32_t kFnvStart = 2166136261u, kFnvPrime = 16777619u;

}  // namespace

uint32_t DeciderOf(const Call& call, const Result& result) {
  uint32_t hash = kFnvStart;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
  };
  add(ShortName(call.op));
  add(result.ok() ? "+" : "-");
  if (result.rule != nullptr)
    add(result.rule->name);
  else if (result.check != nullptr)
    add(result.check);
  return hash;
}

uint64_t PairOf(uint32_t first, uint32_t second) { return uint64_t{first} << 32 | second; }

bool PairsOfSequence::IsNew(uint32_t decider) const {
  return std::find(pairs_.begin(), pairs_.end(), PairOf(last_, decider)) == pairs_.end();
}

bool PairsOfSequence::Add(uint32_t decider) {
  const bool is_new = IsNew(decider);
  if (is_new) pairs_.push_back(PairOf(last_, decider));
  last_ = decider;
  return is_new;
}

}  // namespace selkie
