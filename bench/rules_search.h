// One search by the ordinary engine, with the rules of bench/memfd-seals.sem read as text or
// written in C++: what the freedom of rules as text costs.  See rules_cost.cc.
#ifndef SELKIE_BENCH_RULES_SEARCH_H_
#define SELKIE_BENCH_RULES_SEARCH_H_

#include <cstdint>

#include "checker/property.h"
#include "model/semantics.h"

namespace selkie {

struct RulesSearch {
  uint64_t states = 0;
  uint64_t transitions = 0;
  double cpu_seconds = 0;
};

// Both explore all states without symmetries, each move made by the model.
RulesSearch SearchWithText(const Property& property, const Semantics& semantics,
                           const Bounds& bounds);
RulesSearch SearchWithCpp(const Property& property, const Semantics& semantics,
                          const Bounds& bounds);

}  // namespace selkie

#endif  // SELKIE_BENCH_RULES_SEARCH_H_
