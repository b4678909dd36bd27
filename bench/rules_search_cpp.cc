// The model and the checker once more, with model/rules.cc replaced by the rules of
// bench/memfd-seals.sem as a programmer would write them.  As in checker/traced_model.cc, what
// does not speak of a State is included first, and then the name stands for a namespace.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "bench/rules_search.h"
#include "checker/machine_parts.h"
#include "checker/property.h"
#include "checker/stored_fields.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/call.h"
#include "model/condition.h"
#include "model/limits.h"
#include "model/result.h"
#include "model/semantics.h"

#define selkie selkie::written
#include "bench/rules_search_run.h"  // before a function of the model has the name of a class
#include "checker/canonical.cc"
#include "checker/machine.cc"
#include "checker/machine_make.cc"
#include "checker/objects.cc"
#include "checker/packing.cc"
#include "model/address_space.cc"
#include "model/advice.cc"
#include "model/copy.cc"
#include "model/create.cc"
#include "model/descriptor.cc"
#include "model/execute.cc"
#include "model/extension.cc"
#include "model/hugetlb.cc"
#include "model/inode.cc"
#include "model/io_uring.cc"
#include "model/lease.cc"
#include "model/map.cc"
#include "model/memory.cc"
#include "model/message.cc"
#include "model/mlock.cc"
#include "model/mprotect.cc"
#include "model/mremap.cc"
#include "model/open.cc"
#include "model/other.cc"
#include "model/pipe.cc"
#include "model/process.cc"
#include "model/read_write.cc"
#include "model/remote.cc"
#include "model/ruling.cc"
#include "model/seal.cc"
#include "model/size.cc"
#include "model/state.cc"
#include "model/step.cc"
#include "model/sync.cc"
#include "model/udmabuf.cc"
#include "model/vmsplice.cc"

namespace selkie {
namespace {

constexpr uint64_t kSealSeal = 1, kSealWrite = 8, kSealFutureWrite = 16;

const Rule& RefusesWith(int error) {
  static const Rule eperm = [] {
    Rule rule;
    rule.bits = EPERM;
    return rule;
  }();
  static const Rule ebusy = [] {
    Rule rule;
    rule.bits = EBUSY;
    return rule;
  }();
  return error == EPERM ? eperm : ebusy;
}

bool Is(const Facts& facts, Fact fact) { return (facts.word >> static_cast<int>(fact) & 1) != 0; }

}  // namespace

Facts FactsOf(const State&, int, const Inode& inode, bool, const File* file, const Semantics&,
              int) {
  Facts facts;
  facts.Set(FactSet::kSeals, inode.seals);
  if (file != nullptr) facts.Set(FactSet::kFile, file->mode);
  return facts;
}

const Rule* DecideWith(const State& s, int node, const Semantics&, int point, Facts& facts,
                       Targets& targets, const Rule**) {
  const uint64_t seals = facts.Get(FactSet::kSeals);
  if (point == static_cast<int>(Point::kAddSeals)) {
    if ((facts.Get(FactSet::kFile) & kModeWrite) == 0) return &RefusesWith(EPERM);
    if ((seals & kSealSeal) != 0) return &RefusesWith(EPERM);
    if ((facts.Get(FactSet::kAdding) & kSealWrite) != 0 && HasWritableMapping(s, node, true))
      return &RefusesWith(EBUSY);
  } else if (point == static_cast<int>(Point::kMmap)) {
    if (!Is(facts, Fact::kShared) || (seals & (kSealWrite | kSealFutureWrite)) == 0) return nullptr;
    if ((facts.Get(FactSet::kProt) & kProtWrite) != 0) return &RefusesWith(EPERM);
    targets.mapping->may &= static_cast<uint8_t>(~kProtWrite);
  }
  return nullptr;
}

const Rule* NotSupported(const Semantics&, Feature) { return nullptr; }

}  // namespace selkie

#undef selkie

namespace selkie {

RulesSearch SearchWithCpp(const Property& property, const Semantics& semantics,
                          const Bounds& bounds) {
  return written::RunRulesSearch(property, semantics, bounds);
}

}  // namespace selkie
