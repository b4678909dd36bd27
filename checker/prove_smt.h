// A proof as SMT-LIB: three queries that a solver answers "unsat".
#ifndef SELKIE_CHECKER_PROVE_SMT_H_
#define SELKIE_CHECKER_PROVE_SMT_H_

#include <string>

#include "checker/prove.h"

namespace selkie {

// Initiation, consecution and safety of `proof`, which is closed and was made with
// ProveOptions::keep_steps, in the logic QF_BV.  The objects that stand by a call are symbolic
// there: what rules see of them, what the end of the protocol and a change of their file make of
// them.  The calls themselves are the prover's: tools/check_certificate makes its own.
std::string SmtOf(const Property& property, const Semantics& semantics, const Proof& proof);

}  // namespace selkie

#endif  // SELKIE_CHECKER_PROVE_SMT_H_
