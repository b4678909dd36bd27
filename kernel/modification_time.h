// Whether a call set the modification time of an inode.
//
// The kernel's clock for it is coarse: a call within the same tick leaves the time as it was.
// So the time is put far back before the call.
#ifndef SELKIE_KERNEL_MODIFICATION_TIME_H_
#define SELKIE_KERNEL_MODIFICATION_TIME_H_

#include "kernel/executor_control.h"

namespace selkie {

// Puts back the time of each inode that the task, which this process is, has open, if it may
// (its owner, or root; not +i or +a), and notes which in control.aged.
void PutTimesBack(Control& control, int task);

// Compares, after call `index`, what of these has a time of its own again with the model's
// Effect::modified, where the task still has a descriptor.  Counts in control.state_checks; the
// first that differs is put into control.difference, as Probe does.  Not after
// what depends on which pages are there: stores, and truncate to the same size.
void CompareTimes(Control& control, int task, int index);

}  // namespace selkie

#endif  // SELKIE_KERNEL_MODIFICATION_TIME_H_
