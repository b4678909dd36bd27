// Does a semantics keep a promise, whatever the number of processes, descriptors, files and
// mappings?  docs/proof.md has the argument.
//
// For one inode a *configuration* is a situation and a set of kinds of objects, of each of
// which there may be any number.  As everything can be closed and unmapped, what is
// reachable is downward closed: one maximal configuration for each situation says it all.
// The prover makes these from the model itself, call by call, until no call leads out of
// them; the list is then an inductive invariant, and the certificate.
#ifndef SELKIE_CHECKER_PROVE_H_
#define SELKIE_CHECKER_PROVE_H_

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/check.h"
#include "checker/prove_scene.h"

namespace selkie {

using Configurations = std::map<Situation, std::set<Kind>>;

// One step as all calls are that do the same: from a configuration to another.
struct ProofStep {
  Situation from, to;
  int seen = 0;                                      // what was to be seen from afar: kSees* bits
  bool finish = false;                               // the protocol finishes
  FileKind through;                                  // of the object that the call names
  std::vector<std::pair<FileKind, FileKind>> files;  // file descriptions that change

  friend auto operator<=>(const ProofStep&, const ProofStep&) = default;
};
struct ProofStepGives {
  std::string call;  // one that does it
  std::set<std::pair<Situation, Kind>> kinds;
};

// What is seen of an object that the call does not name.  Rules ask for `mapped-shared`,
// `mapped-writable` and `pinned`; open, truncate and run_program for who is beside them (ETXTBSY),
// files that are open for writing and programs that run, which are never there together.
inline constexpr int kSeesShared = 1, kSeesWritable = 2, kSeesPinned = 4, kSeesWriter = 8,
                     kSeesProgram = 16;
inline constexpr int kSeesAll = 31;

struct ProofStats {
  size_t situations = 0, kinds = 0;  // kinds: in all situations
  uint64_t tried = 0;                // calls made in scenes
  double seconds = 0;
};

struct Proof {
  enum class Kind : uint8_t {
    kProved,   // never: no number of objects reaches it; reach: `verdict` shows it
    kBroken,   // never: `verdict` shows it; reach: no number of objects reaches it
    kUnknown,  // see `why`
  };
  Kind kind = Kind::kUnknown;
  std::string why;
  bool closed = false;   // no call leads out of `configurations`
  bool reached = false;  // one of them satisfies the clause: they are no certificate
  Configurations configurations;
  // With ProveOptions::keep_steps, what prove_smt.h needs:
  std::map<ProofStep, ProofStepGives> steps;
  std::set<std::pair<Situation, selkie::Kind>> initial;  // what makes an inode gives
  std::set<uint64_t> words;  // on which the clause was tested, but of mappings
  int sees = 0;              // what something asks for: kSees* bits
  bool one_file = false;     // no call makes an inode's second file description
  bool programs = false;     // some call runs one: FileKind::writer is kept
  bool has_verdict = false;
  Verdict verdict;  // of the bounded search that shows it
  ProofStats stats;
};

struct ProveOptions {
  size_t most_kinds = 200'000;  // in all configurations; UNKNOWN beyond
  bool keep_steps = false;
  bool find_witness = true;  // search for concrete calls where the abstract ones get there
  bool go_on = false;        // close `configurations` even so
  SearchOptions search;      // of that search
  std::function<void(const ProofStats&)> progress;
};

// `baseline` is the semantics that a same-as property names, and null for others.
// InvalidArgumentError as Check.
absl::StatusOr<Proof> Prove(const Property& property, const Semantics& semantics,
                            const Semantics* baseline, const ProveOptions& options);

// Why the argument does not apply to these calls under these rules, with the place of the call
// or rule; empty if it does.
std::string WhyNotProvable(const Property& property, const Semantics& semantics,
                           const std::vector<CallTemplate>& alphabet);

}  // namespace selkie

#endif  // SELKIE_CHECKER_PROVE_H_
