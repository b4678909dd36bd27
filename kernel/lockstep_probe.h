// Compares what no call has returned: the state behind a task's descriptors and
// mappings, as the kernel shows it, with the model's.
#ifndef SELKIE_KERNEL_LOCKSTEP_PROBE_H_
#define SELKIE_KERNEL_LOCKSTEP_PROBE_H_

#include <string>

#include "kernel/executor_control.h"

namespace selkie {

enum class ProbeKind {
  kGentle,  // changes nothing that a call could see
  kFinal,   // and tries what each mapping may become: nothing may follow
};

// Compares, for the descriptors and the address space of `task`, which this
// process is: which descriptors are open, FD_CLOEXEC, F_GETFL, position, which
// of them are one inode; seals, size, st_blocks, mode, owner, links and contents of
// each inode; extent, protection, MAP_SHARED, offset and inode of each VMA; what a
// load gives from pages that are copies or that no descriptor reads
// (control.thorough: from each, and VmFlags), but from no hole, as that would make a
// page of it; and (kFinal) VM_MAYWRITE.
// Counts each fact in control.state_checks.  The first that differs is put into
// control.difference and sets control.differs, unless
// control.stop_at_difference is false.
void Probe(Control& control, int task, const State& state, ProbeKind kind);

// "A: fd 4 has the position 4096, the model 0".
std::string ToString(const StateDifference& difference);

}  // namespace selkie

#endif  // SELKIE_KERNEL_LOCKSTEP_PROBE_H_
