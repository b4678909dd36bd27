// Sequences that are worth starting from: they have many pairs of rules that decide consecutive
// calls (rule_pairs.h) and that are rare in other sequences.
//
// A file holds one sequence, for any semantics: `limits` and `uids`, then a call a line with the
// numbers that a run sees.
//
//   fds 8
//   uids 0 1000
//   A: memfd_create("region", MFD_ALLOW_SEALING)
#ifndef SELKIE_SCENARIOS_CORPUS_H_
#define SELKIE_SCENARIOS_CORPUS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/semantics.h"
#include "model/trace.h"
#include "scenarios/library.h"

namespace selkie {

// The sequence as text, and back.  InvalidArgumentError "file:line: ..." for other text.
std::string CorpusText(const Sequence& sequence, const Semantics& semantics);
absl::StatusOr<Sequence> ParseCorpusText(const std::string& file, std::string_view text,
                                         const Semantics& semantics);

// Those in scenarios/corpus, in the order of their names.  Calls that `semantics` does
// not know end a sequence early.
absl::StatusOr<std::vector<Sequence>> LoadCorpus(const Library& library,
                                                 const Semantics& semantics);

struct CorpusRequest {
  uint64_t seed = 1;
  int candidates = 100000;  // sequences tried
  int length = 60;
  int most = 32;  // sequences kept
};

struct Corpus {
  std::vector<Sequence> sequences;
  int64_t pairs = 0;  // that they have
};

// Of random sequences keeps those with most pairs that hardly any other has.  The same for the same
// request and semantics on every machine, unless interrupted.
Corpus GrowCorpus(const CorpusRequest& request, const Semantics& semantics,
                  const std::atomic<bool>* interrupted);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_CORPUS_H_
