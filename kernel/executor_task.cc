#include "kernel/executor_task.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"
#include "kernel/lockstep_probe.h"
#include "kernel/modification_time.h"
#include "model/step.h"

namespace selkie {
namespace {

// Slots that the model freed (a zombie that was waited for) are free.
void FreeSlots(Control& control, const State& state) {
  for (int task = 0; task < kMaxTasks; ++task)
    if (state.tasks[task].state == TaskState::kFree) control.tasks[task] = TaskRecord{};
}

void RunOneCall(Control& control, int task) {
  const Call call = control.calls[control.next];
  control.ran[task] = true;
  const Result expected = control.expected[control.next];
  if (control.probe_each || control.thorough) PutTimesBack(control, task);
  control.at = control.next;
  FinishCall(control, task, Execute(control, task, call, expected));
}

// How often a task that waits looks whether the harness is still there: a task
// whose parent has ended would outlive a harness that was killed.
constexpr int kLookSeconds = 30;

void EndIfAbandoned(const Control& control) {
  if (RawSyscall(SYS_kill, control.harness_pid, 0) == -ESRCH) RawSyscall(SYS_exit_group, 1);
}

}  // namespace

void PrepareTask(const Control& control) {
  RawSyscall(SYS_mmap, kStackBase, kStacks * kStackBytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  CatchFaults();
  for (int ignored : {SIGXFSZ, SIGPIPE, SIGIO}) signal(ignored, SIG_IGN);
  SetNofile(control.nofile);
}

bool IsFinished(const Control& control) { return control.differs || control.next >= control.count; }

void FinishCall(Control& control, int task, const Result& got) {
  control.at = -1;
  control.beat.fetch_add(1, std::memory_order_relaxed);
  const int index = control.next++;
  control.got[index] = got;
  const Result& expected = control.expected[index];
  const State& after = control.states[control.next];
  if (got.kind != Result::Kind::kBound) {
    ++control.executed;
    if (got.ok()) ++control.succeeded;
  }
  const bool skipped = got.kind == Result::Kind::kBound && !expected.ok();
  if (control.stop_at_difference && !skipped && !SameOutcome(expected, got)) control.differs = true;
  FreeSlots(control, after);
  const bool alive = control.tasks[task].running;
  if (alive && got.kind != Result::Kind::kBound) CompareTimes(control, task, index);
  control.aged = 0;
  if ((control.probe_each || control.probe[index]) && !control.differs && alive)
    Probe(control, task, after, ProbeKind::kGentle);
}

int NextTask(Control& control) {
  if (control.exiting_pid != 0) return kHarness;
  while (!IsFinished(control)) {
    const int index = control.next;
    const int task = control.calls[index].task;
    const bool bound = control.expected[index].kind == Result::Kind::kBound;
    if (!bound && control.tasks[task].running) return task;
    control.got[index] = NotRun(bound ? NotRunReason::kModel : NotRunReason::kTaskNotRunning);
    ++control.next;
  }
  return kHarness;
}

void MakeCalls(Control& control, int task) {
  while (NextTask(control) == task) RunOneCall(control, task);
}

// What a mapping may become is tried by the last task of its address space.
void ProbeAtEnd(Control& control, int task) {
  const State& state = control.states[control.next];
  bool last = true;
  for (int later = task + 1; later < kMaxTasks; ++later)
    last &= !control.tasks[later].running || state.tasks[later].mm != state.tasks[task].mm ||
            WaitsInVfork(state, later);
  Probe(control, task, state, last ? ProbeKind::kFinal : ProbeKind::kGentle);
}

void CleanUp(Control& control, int task) {
  if (task >= 0) DropRegisteredBuffers(control, task);
  if (task >= 0) KillProgram(control, task);
  RawSyscall(SYS_munmap, kArenaBase, 2 * kArenaBytes);
  if (control.maps_huge) RawSyscall(SYS_munmap, kArenaBase + kHugeArena, 2 * kHugeArenaBytes);
  for (int i = 0; i < control.num_strays; ++i) {
    const Stray& stray = control.strays[i];
    if (stray.task != task) continue;
    if (RawSyscall(SYS_munmap, stray.address, stray.length) == -EINVAL)  // a part of a huge page
      RawSyscall(SYS_munmap, stray.address, HugeAlign(stray.length));
  }
  RawSyscall(SYS_close_range, kFirstFd, kControlFd - 1, 0);
  if (control.limits_size) SetFsizeLimit(-1);
  if (control.sets_dumpable) RawSyscall(SYS_prctl, PR_SET_DUMPABLE, 1);
}

void PassTurn(Control& control, int to) {
  std::atomic<uint32_t>& go = control.go[to == control.here ? kHarness : to];
  go.store(1);
  RawSyscall(SYS_futex, Raw(&go), FUTEX_WAKE, 1);
}

bool AwaitTurn(Control& control, int who, int seconds) {
  std::atomic<uint32_t>& go = control.go[who];
  const timespec limit = {seconds, 0};
  while (go.load() == 0) {
    const int64_t raw = RawSyscall(SYS_futex, Raw(&go), FUTEX_WAIT, 0, Raw(&limit));
    if (raw == -ETIMEDOUT) return false;
  }
  go.store(0);
  return true;
}

void LiveAsTask(Control& control, int task) {
  for (;;) {
    while (!AwaitTurn(control, task, kLookSeconds)) EndIfAbandoned(control);
    if (control.command == Command::kRun) {
      MakeCalls(control, task);
      PassTurn(control, NextTask(control));
    } else {
      ProbeAtEnd(control, task);
      if (control.keep) CleanUp(control, task);
      PassTurn(control, kHarness);
    }
  }
}

}  // namespace selkie
