// The net in which a mutant of a semantics has to be caught: the calls that conform makes
// on a kernel, made on the original and on the mutant.
//
// A sequence on which the two differ is one that conform notices on a kernel that does
// what the original says.
#ifndef SELKIE_SCENARIOS_MUTANT_NET_H_
#define SELKIE_SCENARIOS_MUTANT_NET_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/semantics.h"
#include "model/trace.h"
#include "scenarios/library.h"

namespace selkie {

struct NetOptions {
  int64_t random = 10000;  // random sequences
  int length = 60;         // calls of each, at most
  uint64_t seed = 1;
  int errors = 2;  // of the errno oracle, combinations of up to so many; -1: none
};

// Where a mutant was caught.
struct Catch {
  enum class By : uint8_t { kScenario, kCorpus, kErrno, kRandom };
  By by = By::kScenario;
  std::string origin;  // "scenario x (file:line)", "random sequence 17 of seed 1"
  Sequence sequence;
  int call = -1;  // whose results differ; -1: the states after the last one, or what the
                  // model says of a call's effect
};
std::string_view TextOf(Catch::By by);

class MutantNet {
 public:
  // Gathers the sequences: the tree's scenarios that are meant for the semantics, the
  // corpus, the errno oracle's, and random ones.  The semantics must outlive it.  Errors
  // of reading the scenarios.
  static absl::StatusOr<MutantNet> Make(const Library& library, const Semantics& semantics,
                                        const NetOptions& options);

  // The first sequence on which the mutant differs, or nothing: then all were made, unless
  // *interrupted (may be null) was set.
  std::optional<Catch> Notice(const Semantics& mutant, const std::atomic<bool>* interrupted) const;

  int64_t sequences() const { return static_cast<int64_t>(all_.size()); }

 private:
  struct Known {
    Catch::By by;
    std::string origin;
    Trace trace;       // under the original
    std::string last;  // the state after it, as bytes; empty if the calls tell all
  };

  explicit MutantNet(const Semantics& semantics) : semantics_(&semantics) {}
  absl::Status AddScenarios(const Library& library);
  absl::Status AddCorpus(const Library& library);
  void AddErrnos(int most);
  void AddRandom(const NetOptions& options);
  void Add(Catch::By by, std::string origin, const Sequence& sequence);

  const Semantics* semantics_;
  std::vector<Known> all_;
};

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_MUTANT_NET_H_
