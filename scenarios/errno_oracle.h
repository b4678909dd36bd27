// Every call of the table with every combination of up to three things that are wrong
// at once, so that a comparison with a kernel shows which error each of both names
// first.  Exhaustive, not random.
//
// What can be wrong is a circumstance (errno_world.h) or an argument, whose ways to be
// wrong follow from its kind and its name in the row: a call that is added to the table
// is tried without a line here.
//
//   ErrnoOracle oracle(semantics);
//   ErrnoTally tally;
//   for (int64_t unit = 0; unit < oracle.units(); ++unit)
//     oracle.Run(unit, [&](const ErrnoTrials& trials) { ...; return true; }, &tally);
#ifndef SELKIE_SCENARIOS_ERRNO_ORACLE_H_
#define SELKIE_SCENARIOS_ERRNO_ORACLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/semantics.h"
#include "model/trace.h"
#include "scenarios/errno_world.h"

namespace selkie {

// Calls that are tried in one state: the calls from `first` on.  All of them but the
// last leave the state as it is.
struct ErrnoTrials {
  Sequence sequence;
  size_t first = 0;
};

// Combinations that are no trial.
struct ErrnoTally {
  std::map<std::string, int64_t> beyond;  // by the model's reason not to make the call
};

class ErrnoOracle {
 public:
  // Combinations of up to `most` wrong things, 0 .. 3.  `longest`: calls of a sequence.
  // The semantics must outlive it.
  explicit ErrnoOracle(const Semantics& semantics, int most = 3, size_t longest = 256);

  // A unit is a set of circumstances and a call.
  int64_t units() const;

  // Hands out the trials of a unit, 0 .. units() - 1, until `take` returns false.  Adds
  // what is no trial to *tally.
  void Run(int64_t unit, const std::function<bool(const ErrnoTrials&)>& take,
           ErrnoTally* tally) const;

 private:
  struct Setting {
    bool mapped = false;
    const CallSpec* maker = nullptr;  // of descriptors that are of no memfd
    std::vector<Circumstance> circumstances;
  };

  const Semantics& semantics_;
  int most_;
  size_t longest_;
  std::vector<Setting> settings_;
};

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_ERRNO_ORACLE_H_
