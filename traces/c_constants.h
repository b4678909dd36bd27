// Constants that an exported C program defines for itself, and header files.  Internal to
// traces/c_*.
#ifndef SELKIE_TRACES_C_CONSTANTS_H_
#define SELKIE_TRACES_C_CONSTANTS_H_

#include <string>
#include <vector>

#include "model/semantics.h"

namespace selkie {

// Definitions of the names in `code` that older header files do not have, and of one that they
// have wrong for this purpose; empty if there are none.  Seals have the semantics' names.
std::string CConstants(const std::string& code, const Semantics& semantics);

// Header files that a call of this operation needs, besides those of its helper.
std::vector<std::string> HeadersOf(Op op);

}  // namespace selkie

#endif  // SELKIE_TRACES_C_CONSTANTS_H_
