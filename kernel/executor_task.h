// The life of a task: wait for the turn, make calls, pass the turn on.
#ifndef SELKIE_KERNEL_EXECUTOR_TASK_H_
#define SELKIE_KERNEL_EXECUTOR_TASK_H_

#include <cstdint>

#include "absl/types/span.h"
#include "kernel/executor_control.h"

namespace selkie {

// argv[0] of a task that has executed this program anew; argv[1] is its number.
inline constexpr char kTaskProgramName[] = "selkie:task";

// Prepares this process to be a task: maps stacks, catches faults, and sets
// RLIMIT_NOFILE.  The control block must be mapped.
void PrepareTask(const Control& control);

// Makes calls for as long as the next call is by `task`, which this process is.
void MakeCalls(Control& control, int task);

// Whether there is nothing left to do: all calls made, or one that differs.
bool IsFinished(const Control& control);

// Skips calls that cannot be made; then the task that makes the next one, or
// kHarness if there is none or the harness has to wait for a task's end first.
int NextTask(Control& control);

// Compares the last state with what this process, which is `task`, sees.
void ProbeAtEnd(Control& control, int task);

// Unmaps and closes what calls of `task`, which this process is, have left.
void CleanUp(Control& control, int task);

// Gives the turn to a task or to the harness (kHarness).
void PassTurn(Control& control, int to);

// Waits for the turn of `who`, at most `seconds`.  False if the time has passed.
bool AwaitTurn(Control& control, int who, int seconds);

// What a task does until it ends: exit, a kill by the harness.
[[noreturn]] void LiveAsTask(Control& control, int task);

// Notes what call `control.next` gave, compares, and goes on to the next.
void FinishCall(Control& control, int task, const Result& got);

}  // namespace selkie

#endif  // SELKIE_KERNEL_EXECUTOR_TASK_H_
