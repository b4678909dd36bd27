// What a property and a semantics compile to that does not depend on how a State is
// represented.
#ifndef SELKIE_CHECKER_MACHINE_PARTS_H_
#define SELKIE_CHECKER_MACHINE_PARTS_H_

#include <cstdint>
#include <vector>

#include "checker/move_table.h"
#include "checker/property.h"
#include "model/semantics.h"

namespace selkie {

struct MachineParts {
  const Property* property_ = nullptr;
  const Semantics* semantics_ = nullptr;
  std::vector<CallTemplate> templates_;
  MoveTable moves_;
  OpSet ops_;                 // operations in the alphabet and the protocol, by bit
  uint64_t reads_ = 0;        // bits that the property's conditions read
  bool one_of_alike_ = true;  // of calls that do the same one is tried
  bool seals_only_ = false;   // no rule of add_seals does more than to refuse
  uint8_t needed_marks_ = 0;  // a mapping without these cannot satisfy the clause
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_MACHINE_PARTS_H_
