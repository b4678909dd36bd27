// fork, clone, exec, exit and wait.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstring>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"
#include "kernel/executor_task.h"

// clone(2) of a task that shares this address space: it starts on a stack of its
// own by calling entry(argument), which does not return.
asm(R"(
.text
.p2align 4
.globl SelkieCloneOntoStack
SelkieCloneOntoStack:
  subq $16, %rsi
  movq %rcx, 8(%rsi)
  movq %rdx, (%rsi)
  xorl %edx, %edx
  xorl %r10d, %r10d
  xorl %r8d, %r8d
  movl $56, %eax
  syscall
  testq %rax, %rax
  jz 1f
  ret
1:
  xorl %ebp, %ebp
  popq %rax
  popq %rdi
  call *%rax
  hlt
)");

namespace selkie {
namespace {

// The slot that a new task gets: the model's, else the lowest that is free.
int SlotForChild(const Env& env) {
  if (env.expected.ok()) return static_cast<int>(env.expected.value);
  for (int task = 0; task < kMaxTasks; ++task)
    if (env.control.tasks[task].pid == 0) return task;
  return -1;
}

int FreeStack(const Control& control) {
  for (int stack = 0; stack < kMaxTasks; ++stack) {
    bool used = false;
    for (const TaskRecord& task : control.tasks) used |= task.running && task.stack == stack;
    if (!used) return stack;
  }
  return -1;
}

void StartClone(int64_t task) { LiveAsTask(TheControl(), static_cast<int>(task)); }

// The parent does not come back before this task has ended or executed a program, so it is here
// that its call is finished and the turn passed on.
void StartVfork(int64_t task) {
  Control& control = TheControl();
  const Call& call = control.calls[control.next];
  if (!control.expected[control.next].ok()) RawSyscall(SYS_exit_group, 0);
  control.tasks[task].pid = static_cast<int32_t>(RawSyscall(SYS_getpid));
  FinishCall(control, call.task, FromRaw(task));
  PassTurn(control, NextTask(control));
  LiveAsTask(control, static_cast<int>(task));
}

// A child whose stack is a copy of this one goes on right here.
int64_t CloneOntoCopy(int64_t flags, int child, void (*start)(int64_t)) {
  const int64_t raw = RawSyscall(SYS_clone, flags | SIGCHLD);
  if (raw == 0) start(child);
  return raw;
}

Result CloneAs(const Env& env, int64_t flags) {
  const int child = SlotForChild(env);
  if (child < 0) return NotRun(NotRunReason::kNoSlot);
  const bool shares = (flags & CLONE_VM) != 0;
  env.control.made_tasks = true;
  env.control.aio[static_cast<size_t>(child)] = AioRecord{};
  env.control.rings[static_cast<size_t>(child)] = RingRecord{};
  env.control.programs[static_cast<size_t>(child)] = 0;
  TaskRecord record = env.control.tasks[env.task];
  if (shares) record.stack = static_cast<int8_t>(FreeStack(env.control));
  env.control.tasks[child] = record;
  const bool waits = (flags & CLONE_VFORK) != 0;
  const auto start = waits ? StartVfork : StartClone;
  const int64_t raw =
      shares ? SelkieCloneOntoStack(flags | SIGCHLD, kStackBase + (record.stack + 1) * kStackBytes,
                                    start, child)
             : CloneOntoCopy(flags, child, start);
  if (waits && raw > 0 && env.expected.ok()) LiveAsTask(env.control, env.task);
  Result r = FromRaw(raw);
  if (!r.ok()) {
    env.control.tasks[child] = TaskRecord{};
    return r;
  }
  if (!env.expected.ok()) RawSyscall(SYS_kill, raw, SIGKILL);  // nobody would know of it
  env.control.tasks[child].pid = static_cast<int32_t>(raw);
  r.value = child;
  return r;
}

// Runs before main in every program that links the executor: a task that has
// executed this program anew goes on with its calls instead.
__attribute__((constructor(101))) void ResumeTask(int argc, char** argv) {
  if (argc != 2 || std::strcmp(argv[0], kTaskProgramName) != 0) return;
  RawSyscall(SYS_mmap, kControlBase, sizeof(Control), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_FIXED_NOREPLACE, kControlFd, 0);
  Control& control = TheControl();
  const int task = argv[1][0] - '0';
  control.tasks[task].stack = -1;
  control.aio[static_cast<size_t>(task)] = AioRecord{};
  control.rings[static_cast<size_t>(task)] = RingRecord{};
  PrepareTask(control);
  FinishCall(control, task, FromRaw(0));
  MakeCalls(control, task);
  PassTurn(control, NextTask(control));
  LiveAsTask(control, task);
}

}  // namespace

Result RealFork(const Call&, const Env& env) { return CloneAs(env, 0); }

Result RealClone(const Call& c, const Env& env) {
  constexpr int64_t kKnown =
      abi::kCloneVm | abi::kCloneFiles | abi::kCloneVfork | abi::kCloneNewpid;
  if ((c.arg[0] & ~kKnown) != 0) return NotRun(NotRunReason::kCloneFlags);
  return CloneAs(env, c.arg[0]);
}

// Needs descriptors for a moment if the program is linked dynamically, so the
// limit is raised until the new image sets it again.
Result RealExec(const Call&, const Env& env) {
  char number[2] = {static_cast<char>('0' + env.task), '\0'};
  char name[sizeof(kTaskProgramName)];
  std::memcpy(name, kTaskProgramName, sizeof(name));
  char* argv[] = {name, number, nullptr};
  char* envp[] = {nullptr};
  SetNofile(0);
  const int64_t raw =
      RawSyscall(SYS_execveat, kProgramFd, Raw(""), Raw(argv), Raw(envp), AT_EMPTY_PATH);
  SetNofile(env.control.nofile);
  return FromRaw(raw);
}

// The harness waits until the kernel has really ended the task before anybody
// makes the next call.
Result RealExit(const Call&, const Env& env) {
  Control& control = env.control;
  KillProgram(control, env.task);
  control.exiting_pid = control.tasks[env.task].pid;
  control.exiting_task = env.task;
  control.tasks[env.task].running = false;
  FinishCall(control, env.task, FromRaw(0));
  PassTurn(control, kHarness);
  for (;;) RawSyscall(SYS_exit_group, 0);
}

Result RealWait(const Call& c, const Env& env) {
  if (!HasPid(env, c.arg[0])) return NotRun(NotRunReason::kNoSuchTask);
  const int64_t raw = RawSyscall(SYS_wait4, env.control.tasks[c.arg[0]].pid, 0, __WALL, 0);
  return FromRaw(raw > 0 ? 0 : raw);
}

}  // namespace selkie
