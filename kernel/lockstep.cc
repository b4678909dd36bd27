#include "kernel/lockstep.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fmt/format.h"
#include "kernel/executor.h"
#include "kernel/executor_raw.h"
#include "kernel/executor_task.h"
#include "kernel/lockstep_probe.h"
#include "model/call_text.h"
#include "model/step.h"
#include "scenarios/generate.h"

namespace selkie {
namespace {

template <typename Predicate>
bool AnyCall(const Control& control, Predicate predicate) {
  return std::any_of(control.calls.begin(), control.calls.begin() + control.count, predicate);
}

// mremap with MREMAP_DONTUNMAP of a part of what is locked unlocks the rest and goes on counting it
// (docs/findings.md 40), until the process ends.
bool LosesCount(const Control& control) {
  return AnyCall(control, Locks) && AnyCall(control, [](const Call& call) {
           return call.op == Op::kMremap && (call.arg[3] & abi::kMremapDontunmap) != 0;
         });
}

// Whether this process can be task A: it stays root, and what it does to itself
// can be undone.  It is also the reaper of orphans, so that a wait for a task
// which is not A's child would not fail.
bool CanBeHere(const Control& control, const std::vector<int>& uids) {
  if (uids[0] != 0 || LosesCount(control)) return false;
  for (int i = 0; i < control.count; ++i) {
    const Op op = control.calls[i].op;
    if (op == Op::kMseal) return false;  // the mapping could never be unmapped
    if (control.calls[i].task != 0) continue;
    if (op == Op::kExec || op == Op::kExit || IsVfork(control.calls[i])) return false;
    if (op == Op::kWait && !control.expected[i].ok()) return false;
  }
  return true;
}

// Makes, replaces or ends a process, or leaves what only the end of one removes.
bool NeedsProcess(Op op) { return SpecOf(op).family == Family::kProcess || op == Op::kMseal; }

// MAP_FIXED at NULL.
bool IsMmapAtNull(const Call& call) {
  return call.op == Op::kMmap && call.arg[0] == kNull &&
         (call.arg[3] & (abi::kMapFixed | abi::kMapFixedNoreplace)) != 0;
}

// Asks for a capability in the initial user namespace, or names a user that another one
// has not.
bool NeedsInitialNamespace(const Call& call) {
  constexpr int64_t kSetId = 06000;
  constexpr int64_t kXflagsFixed = abi::kXflagImmutable | abi::kXflagAppend;
  switch (call.op) {
    case Op::kOpenMapFile:   // CAP_CHECKPOINT_RESTORE
    case Op::kOpenByHandle:  // CAP_DAC_READ_SEARCH
    case Op::kLinkat:
    case Op::kProcessMadvise:            // CAP_SYS_NICE
    case Op::kSetDumpable: return true;  // CAP_SYS_PTRACE where the program was executed
    case Op::kFchmodat2:
    case Op::kFchmod: return (call.arg[1] & kSetId) != 0;  // CAP_FSETID, by the next write
    case Op::kChmod: return (call.arg[2] & kSetId) != 0;
    case Op::kSetAttr:  // CAP_LINUX_IMMUTABLE
      return (call.arg[1] & (abi::kFsImmutable | abi::kFsAppend)) != 0;
    case Op::kSetXattr:
    case Op::kFileSetattr: return (call.arg[1] & kXflagsFixed) != 0;
    case Op::kFileSetattrAt: return (call.arg[2] & kXflagsFixed) != 0;
    case Op::kFchownat:
    case Op::kFchown: return call.arg[1] != 0 && call.arg[1] != -1;
    case Op::kChown: return call.arg[2] != 0 && call.arg[2] != -1;
    default: return false;
  }
}

// By a path; its task is the first word.
bool HasPath(const Call& call) {
  const auto args = ArgsOf(SpecOf(call.op));
  return std::any_of(args.begin(), args.end(),
                     [](const ArgSpec& arg) { return arg.kind == ArgKind::kPath; });
}

bool NamesAnother(const Call& call) { return HasPath(call) && !IsOwnPath(call.arg[0]); }

bool IsByDevFd(const Call& call) { return HasPath(call) && call.arg[0] == kDevFd; }

// Calls drawn for one process that would need another, at most.
constexpr int kMaxRefused = 1000;

bool HasProcessCalls(const Control& control) {
  return AnyCall(control, [](const Call& call) { return NeedsProcess(call.op); }) ||
         LosesCount(control);
}

bool Has(const Control& control, Op op) {
  return AnyCall(control, [op](const Call& call) { return call.op == op; });
}

// Becomes the user; root's capabilities go with it.  The task stays as visible
// to others of that user as a program that was started by them.
bool BecomeUser(int uid) {
  if (uid == 0) return true;
  if (RawSyscall(SYS_setgroups, 0, 0) != 0) return false;
  if (RawSyscall(SYS_setresgid, uid, uid, uid) != 0) return false;
  if (RawSyscall(SYS_setresuid, uid, uid, uid) != 0) return false;
  return RawSyscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

[[noreturn]] void StartAsTask(Control& control, int task, int uid) {
  if (!BecomeUser(uid)) RawSyscall(SYS_kill, RawSyscall(SYS_getpid), SIGABRT);
  RawSyscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (uid != 0) PassTurn(control, kHarness);  // until then others may not look into it
  LiveAsTask(control, task);
}

// A task has ended for all others to see once its pidfd is readable: its
// descriptors are closed and its mappings gone.
absl::Status AwaitEnd(int32_t pid, int seconds) {
  SetNofile(0);  // this process may be a task with a full table
  const auto pidfd = static_cast<int>(RawSyscall(SYS_pidfd_open, pid, 0));
  SetNofile(TheControl().nofile);
  if (pidfd < 0) return absl::InternalError(fmt::format("pidfd_open: errno {}", -pidfd));
  pollfd wanted = {pidfd, POLLIN, 0};
  const int ready = poll(&wanted, 1, seconds * 1000);
  close(pidfd);
  if (ready == 1) return absl::OkStatus();
  return absl::DeadlineExceededError(
      fmt::format("a task that called exit did not end within {} s", seconds));
}

// Some task has a context for asynchronous writes, and none has anything that the next sequence
// could miss: a huge page, or what FUSE serves.
bool EndsSlowly(const Control& control) {
  return !control.maps_huge && !Has(control, Op::kFuseMmap) &&
         std::any_of(control.aio.begin(), control.aio.end() - 1,
                     [](const AioRecord& record) { return record.pid != 0; });
}

std::string CallAt(const Control& control) {
  const int index = std::min(control.next, control.count - 1);
  const Call& call = control.calls[index];
  return fmt::format("call {} `{}: {}`", index + 1, static_cast<char>('A' + call.task),
                     PrintCall(call, nullptr, nullptr));
}

absl::Status Hung(const Control& control, int seconds) {
  return absl::DeadlineExceededError(
      fmt::format("no answer within {} s from {}", seconds, CallAt(control)));
}

absl::Status Crashed(const Control& control) {
  return absl::InternalError(fmt::format("task {} of the harness died of {} at {}",
                                         static_cast<char>('A' + control.crash_task.load()),
                                         SignalName(control.crash_signal.load()), CallAt(control)));
}

}  // namespace

std::string Lockstep::WhyNot(const Sequence& sequence) const {
  if (sequence.calls.size() > kMaxCalls)
    return fmt::format("it has {} calls, and {} is the most that run for real",
                       sequence.calls.size(), kMaxCalls);
  for (int uid : sequence.uids)
    if (uid != 0 && !means_.root)
      return fmt::format("it needs the user {}: run as root with all capabilities", uid);
  bool ended = false;  // some task
  for (const Call& call : sequence.calls) {
    if (const std::string_view why = WhyNotCall(call, ended); !why.empty()) return std::string(why);
    ended |= call.op == Op::kExit;
  }
  return "";
}

std::string_view Lockstep::WhyNotCall(const Call& call, bool after_exit) const {
  if (call.op == Op::kSetNoexec) return means_.why_no_set;
  if (MakesHugetlb(call) && !means_.huge_pages)
    return "it needs huge pages, and too few are free (vm.nr_hugepages)";
  if (IsMmapAtNull(call) && !means_.null_kept) return "it needs vm.mmap_min_addr, which is 0 here";
  if (call.op == Op::kOpenTmpfile && !means_.tmpfs)
    return "it needs a tmpfs, which only root may mount";
  if (call.op == Op::kUffdCopy && !means_.userfaultfd)
    return "it needs userfaultfd, which this kernel does not have or a filter forbids";
  if (SpecOf(call.op).family == Family::kUdmabuf && !means_.udmabuf)
    return "it needs /dev/udmabuf, which this kernel does not have or only root may open";
  if (call.op == Op::kFuseMmap && !means_.fuse)
    return "it needs FUSE, which this kernel does not have or only root may mount";
  if (call.op == Op::kOpenOther && call.arg[0] == abi::kOtherSecret && !means_.secret)
    return "it needs memfd_secret, which this kernel does not have";
  if (call.op == Op::kOpenOther && call.arg[0] == abi::kOtherRegular && !means_.regular)
    return "it needs a regular file that is of no tmpfs, and none can be made here";
  if (IsByDevFd(call) && !means_.dev_fd) return "it needs /dev/fd, which is not here";
  const bool ring = SpecOf(call.op).family == Family::kIoUring || call.op == Op::kUringPwrite;
  if ((Locks(call) || ring) && !means_.memlock) return "it needs an RLIMIT_MEMLOCK of 1 MiB";
  if (ring && !means_.rings)
    return "it needs io_uring, which a filter or kernel.io_uring_disabled forbids";
  if (!means_.root && (NeedsInitialNamespace(call) || (after_exit && NamesAnother(call))))
    return "it needs what root of a user namespace may not: run as root with all capabilities";
  return "";
}

void Lockstep::Load(const Sequence& sequence, const Semantics& semantics) {
  Control& c = control();
  limits_ = sequence.limits;
  uids_ = sequence.uids;
  c.count = static_cast<int32_t>(sequence.calls.size());
  c.probe.fill(false);
  State state = InitialState(limits_, uids_);
  c.states[0] = state;
  for (int i = 0; i < c.count; ++i) {
    c.calls[i] = sequence.calls[i];
    c.expected[i] = Step(state, sequence.calls[i], semantics);
    c.states[i + 1] = state;
  }
}

PairsOfSequence Lockstep::LoadRandom(const RandomPlan& plan, const Semantics& semantics) {
  Control& c = control();
  limits_ = plan.start.limits;
  uids_ = plan.start.uids;
  c.count = 0;
  c.probe.fill(false);
  Random random(plan.seed);
  const Focus focus = DrawFocus(random);
  PairsOfSequence pairs;
  State state = InitialState(limits_, uids_);
  c.states[0] = state;
  bool ended = false;  // some task
  const auto take = [&](const Call& call, const Result& result) {
    pairs.Add(DeciderOf(call, result));
    ended |= call.op == Op::kExit;
    c.calls[c.count] = call;
    c.expected[c.count] = result;
    c.states[++c.count] = state;
  };
  for (size_t i = 0; i < plan.start.calls.size() && c.count < plan.length; ++i) {
    if (!WhyNotCall(plan.start.calls[i], ended).empty()) continue;
    const Result result = Step(state, plan.start.calls[i], semantics);
    if (result.kind != Result::Kind::kBound) take(plan.start.calls[i], result);
  }
  int refused = 0;
  while (c.count < plan.length && refused < kMaxRefused) {
    const Made made = MakeCall(state, semantics, random, &pairs, focus);
    if (made.result.kind == Result::Kind::kBound) break;
    if ((plan.one_process && NeedsProcess(made.call.op)) || !WhyNotCall(made.call, ended).empty()) {
      state = c.states[c.count];
      ++refused;
      continue;
    }
    take(made.call, made.result);
  }
  return pairs;
}

Sequence Lockstep::Loaded() const {
  const Control& c = control();
  return Sequence{limits_, uids_, {c.calls.begin(), c.calls.begin() + c.count}};
}

absl::Status Lockstep::Run(const RunOptions& options) {
  Control& c = control();
  hang_seconds_ = c.hang_seconds = options.hang_seconds;
  c.nofile = kFirstFd + limits_.fds;
  c.stop_at_difference = options.stop_at_difference;
  c.probe_each = options.probe_each;
  c.thorough = options.thorough;
  c.next = 0;
  c.at = -1;
  c.beat.fetch_add(1, std::memory_order_relaxed);
  c.differs = false;
  c.difference = StateDifference{};
  c.executed = c.succeeded = c.state_checks = 0;
  c.num_strays = 0;
  c.exiting_pid = 0;
  c.limits_size = Has(c, Op::kSetFsize);
  c.sets_dumpable = Has(c, Op::kSetDumpable);
  c.sets_noexec = Has(c, Op::kSetNoexec);
  c.maps_huge = AnyCall(c, MakesHugetlb);
  c.counts_locked = AnyCall(c, Locks) && !LosesCount(c);
  c.command = Command::kRun;
  c.crash_signal = 0;
  c.ran.fill(false);
  SetNofile(c.nofile);
  absl::Status status = StartTasks();
  if (status.ok()) status = Turns();
  if (status.ok()) status = ProbeTasks();
  EndTasks(status.ok());
  if (c.sets_noexec && status.ok()) status = ResetNoexec();
  return status;
}

// The next sequence begins with vm.memfd_noexec 0, as the model does.
absl::Status Lockstep::ResetNoexec() {
  const int64_t raw = WriteNoexec(0, control().nofile);
  if (raw == 0 || raw == -ENOENT) return absl::OkStatus();
  return absl::InternalError(fmt::format("vm.memfd_noexec was not set back: errno {}", -raw));
}

absl::Status Lockstep::StartTasks() {
  Control& c = control();
  for (auto& go : c.go) go = 0;
  const Kept wanted{true, uids_, c.nofile, CanBeHere(c, uids_) ? 0 : -1};
  if (kept_ == wanted) return absl::OkStatus();
  if (kept_.any) KillTasks();
  c.here = wanted.here;
  c.tasks.fill(TaskRecord{});
  std::fill(c.aio.begin(), c.aio.end() - 1, AioRecord{});
  c.made_tasks = false;
  if (c.here == 0) c.tasks[0] = TaskRecord{c.harness_pid, -1, true};
  for (int task = c.here + 1; task < static_cast<int>(uids_.size()); ++task) {
    c.made_tasks = true;
    c.rings[static_cast<size_t>(task)] = RingRecord{};
    const int64_t pid = RawSyscall(SYS_clone, SIGCHLD);
    if (pid == 0) StartAsTask(c, task, uids_[task]);
    if (IsRawError(pid)) return absl::InternalError(fmt::format("fork: errno {}", -pid));
    c.tasks[task] = TaskRecord{static_cast<int32_t>(pid), -1, true};
    if (uids_[task] != 0 && !AwaitTurn(c, kHarness, hang_seconds_))
      return absl::DeadlineExceededError(
          fmt::format("a task did not become user {} within {} s", uids_[task], hang_seconds_));
  }
  return absl::OkStatus();
}

// Unless a process was made, replaced or ended, or may be where nobody knows.
bool Lockstep::MayKeep() const {
  const Control& c = control();
  return !c.differs && c.stop_at_difference && !HasProcessCalls(c);
}

absl::Status Lockstep::Turns() {
  Control& c = control();
  for (;;) {
    if (c.exiting_pid != 0) {
      if (absl::Status status = AwaitEnd(c.exiting_pid, hang_seconds_); !status.ok()) {
        if (absl::IsDeadlineExceeded(status)) c.at = c.next - 1;  // exit has not done its work
        return status;
      }
      DrainChannel(c.exiting_task);
      c.exiting_pid = 0;
    }
    const int task = NextTask(c);
    if (task == kHarness) return absl::OkStatus();
    if (task == c.here) {
      MakeCalls(c, task);
      continue;
    }
    if (absl::Status status = GiveTurn(task); !status.ok()) return status;
  }
}

absl::Status Lockstep::GiveTurn(int task) {
  Control& c = control();
  PassTurn(c, task);
  for (int64_t beat = c.beat; !AwaitTurn(c, kHarness, hang_seconds_);) {
    if (beat == c.beat) return Hung(c, hang_seconds_);
    beat = c.beat;  // many slow calls are no hang
  }
  return c.crash_signal == 0 ? absl::OkStatus() : Crashed(c);
}

// A task that made no call is as it was, if it came from a sequence before this one.
absl::Status Lockstep::ProbeTasks() {
  Control& c = control();
  c.command = Command::kProbe;
  c.keep = MayKeep();
  for (int task = 0; task < kMaxTasks && !c.differs; ++task) {
    if (!c.tasks[task].running || (c.keep && !c.ran[task])) continue;
    if (WaitsInVfork(c.states[c.next], task)) continue;
    if (task == c.here) {
      ProbeAtEnd(c, task);
    } else if (absl::Status status = GiveTurn(task); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

// Orphans have become children of this process, which is their reaper.
void Lockstep::KillTasks() {
  Control& c = control();
  for (int task = 0; task < kMaxTasks; ++task)
    if (task != c.here && c.tasks[task].running) RawSyscall(SYS_kill, c.tasks[task].pid, SIGKILL);
  ending_.Reap();
  const bool slowly = EndsSlowly(c);
  for (int task = 0; task < kMaxTasks && slowly; ++task)
    if (task != c.here && c.tasks[task].running) ending_.Leave(c.tasks[task].pid);
  if (c.here >= 0) KillProgram(c, c.here);
  for (int32_t& program : c.programs) {  // PR_SET_PDEATHSIG would do, unless an exec has cleared it
    if (program != 0) RawSyscall(SYS_kill, program, SIGKILL);
    program = 0;
  }
  // All of this process group: the server of a FUSE file is in another.
  while (c.made_tasks && !IsRawError(RawSyscall(SYS_wait4, 0, 0, __WALL, 0))) {
  }
  kept_ = Kept{};
}

void Lockstep::EndTasks(bool keep) {
  Control& c = control();
  if (keep && c.keep && !c.differs)
    kept_ = Kept{true, uids_, c.nofile, c.here};
  else
    KillTasks();
  const bool unread = c.differs || !c.stop_at_difference || c.states[c.next].messages[0].file != 0;
  for (int task = 0; task < limits_.tasks && unread && Has(c, Op::kSendFd); ++task)
    DrainChannel(task);
  CleanUp(c, c.here);
}

}  // namespace selkie
