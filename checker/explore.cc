#include "checker/explore.h"

#include "checker/explore_engine.h"
#include "checker/single_system.h"

namespace selkie {

absl::StatusOr<Search> Explore(const Machine& machine, const SearchOptions& options) {
  return RunEngine(SingleSystem{machine}, options);
}

}  // namespace selkie
