#include "bench/rules_search.h"
#include "bench/rules_search_run.h"

namespace selkie {

RulesSearch SearchWithText(const Property& property, const Semantics& semantics,
                           const Bounds& bounds) {
  return RunRulesSearch(property, semantics, bounds);
}

}  // namespace selkie
