// What a TracedMachine is made of: plain numbers that mean the same to both representations of
// a State.  Internal to checker/traced_*.
#ifndef SELKIE_CHECKER_TRACED_SETUP_H_
#define SELKIE_CHECKER_TRACED_SETUP_H_

#include <array>
#include <cstdint>
#include <vector>

#include "checker/machine_parts.h"
#include "checker/stored_fields.h"

namespace selkie {

class Machine;

struct TracedSetup {
  struct Place {
    uint16_t bit;   // of the packed state
    uint8_t width;  // bits
  };
  struct TaskFields {
    uint8_t state, fds, mm, parent, mark;
    uint16_t uid;
  };
  MachineParts parts;
  FieldWidths widths;
  std::vector<Place> places;                // by number: the order of VisitStored
  std::array<TaskFields, kMaxTasks> tasks;  // of a state in which all that is stored is zero
  uint8_t live_mask = 0;                    // of a memfd, where they are not stored
  uint16_t live_mode = 0, live_uid = 0, live_gid = 0;
};

TracedSetup TracedSetupOf(const Machine& machine);

}  // namespace selkie

#endif  // SELKIE_CHECKER_TRACED_SETUP_H_
