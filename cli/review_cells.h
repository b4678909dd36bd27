// The score-card: every semantics asked for every promise.
#ifndef SELKIE_CLI_REVIEW_CELLS_H_
#define SELKIE_CLI_REVIEW_CELLS_H_

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/check.h"
#include "cli/questions.h"
#include "kernel/observe.h"

namespace selkie {

// What one real kernel says about a cell's sequence.
struct Evidence {
  enum class Kind : uint8_t {
    kConfirmed,     // every call gave there what the model says
    kPartly,        // a proposal's rule, or another kernel's, makes some differ
    kContradicted,  // the model of this very kernel says something else
    kNotRun,        // no call could be run, or the kernel could not
  };
  Kind kind = Kind::kNotRun;
  std::string kernel;              // "6.12.117+deb12-cloud-amd64 (QEMU)"
  std::string summary;             // one line
  std::vector<std::string> calls;  // by call: what differs there, or empty
};

struct Cell {
  std::optional<Verdict> verdict;  // none: see `error`, or never asked
  bool proved = false;             // it is so for any number of objects: see checker/prove.h
  std::string not_proved;          // why what rests on all states within bounds is not
  std::optional<Bounds> least;     // if there is a witness: see checker/least_bounds.h
  std::string error;
  std::vector<Evidence> evidence;  // one for each kernel, if there is a witness
};

struct ScoreCard {
  std::vector<Semantics> semantics;        // rows
  std::vector<Property> properties;        // columns
  std::vector<std::vector<Cell>> cells;    // [semantics][property]
  std::vector<std::string> kernels;        // asked for evidence, as named
  std::vector<std::string> kernel_errors;  // by kernel: why it did not run, or empty
  bool interrupted = false;
  bool bad_properties = false;  // some of the tree cannot be read, and have no column
};

struct ReviewOptions {
  // Names; empty: every design, and of the kernels those that `kernels` are, this
  // machine's own, and what any of these extends.
  std::vector<std::string> semantics;
  std::vector<std::string> properties;  // names; empty: all of the tree
  std::vector<std::string> kernels = {"native", "6.1", "6.12"};
  int threads = 2;  // cells asked at the same time
  const std::atomic<bool>* interrupted = nullptr;
  std::function<void(const std::string&)> progress;  // one line of what is done
};

// Loads everything and asks every cell, proves what holds if it can, finds the least bounds of what
// does not, then runs each sequence found on each kernel.  A cell or a kernel that fails is
// reported in its place and does not lose the others, nor does a property of the tree that cannot
// be read, of which it complains. Errors only if another text cannot be loaded.
absl::StatusOr<ScoreCard> MakeScoreCard(const Library& library, const ReviewOptions& options);

// What `observation` of the sequence says about `cell`; `kernel` as it is to be
// shown.
Evidence Weigh(const Cell& cell, const Semantics& semantics, const Observation& observation,
               const ObservedTrace& seen, const std::string& kernel);

}  // namespace selkie

#endif  // SELKIE_CLI_REVIEW_CELLS_H_
