// fork, clone, exec, exit, wait and unshare: kernel/fork.c, fs/exec.c, kernel/exit.c.
#include <algorithm>

#include "model/families.h"

namespace selkie {
namespace {

bool Runs(const Task& task) { return task.state == TaskState::kRunning; }

// Another running task than `except` uses the descriptor table, or the address
// space.
bool TableShared(const State& s, int table, int except) {
  for (int i = 0; i < s.limits.tasks; ++i)
    if (i != except && Runs(s.tasks[i]) && s.tasks[i].fds == table) return true;
  return false;
}
bool SpaceShared(const State& s, int mm, int except) {
  for (int i = 0; i < s.limits.tasks; ++i)
    if (i != except && Runs(s.tasks[i]) && s.tasks[i].mm == mm) return true;
  return false;
}

// A table that no running task uses: there are as many as tasks, and the task
// that asks has none of its own.
uint8_t FreeTable(const State& s) {
  uint8_t i = 0;
  while (i + 1 < kMaxTasks && TableShared(s, i, -1)) ++i;
  return i;
}
uint8_t FreeSpace(const State& s) {
  uint8_t i = 0;
  while (i + 1 < kMaxTasks && SpaceShared(s, i, -1)) ++i;
  return i;
}

int FreeTask(const State& s) {
  for (int i = 0; i < s.limits.tasks; ++i)
    if (s.tasks[i].state == TaskState::kFree) return i;
  return -1;
}

// As it is in an initial state.
void Clear(State& s, int i) {
  s.tasks[i] = Task{};
  s.tasks[i].fds = s.tasks[i].mm = static_cast<uint8_t>(i);
}

// dup_mmap: all but what has VM_DONTCOPY, and nothing is locked.
AddressSpace Copyable(const AddressSpace& from) {
  AddressSpace mm{};
  int kept = 0;
  for (const Mapping& m : from) {
    if (Empty(m) || (m.flags & kMapDontcopy) != 0) continue;
    mm[kept] = m;
    mm[kept].opened = 0;
    ClearLocked(mm[kept++]);
  }
  return mm;
}

// The rules about each mapping that the child is to get (dup_mmap); false with
// *error if one refuses.
bool MayCopy(const State& s, const Call& c, AddressSpace* mm, const Semantics& semantics,
             Result* error) {
  if (!HasRules(semantics, Point::kFork)) return true;
  for (Mapping& m : *mm) {
    if (Empty(m)) break;
    const int f = m.file - 1;
    Ruling ruling(s, c, s.files[f].inode - 1, f, semantics, Point::kFork);
    ruling.LookAt(m);
    ruling.targets.mapping = &m;
    if (const Rule* rule = ruling.Refuses()) {
      *error = Refused(rule);
      return false;
    }
    m.prot &= m.may;
  }
  return true;
}

// copy_hugetlb_page_range write-protects private pages on both sides; true if that changes one.
bool CloseOpened(AddressSpace& mm) {
  bool closes = false;
  for (Mapping& m : mm) {
    if ((m.flags & kMapDontcopy) != 0 || m.opened == 0) continue;
    m.opened = 0;
    closes = true;
  }
  return closes;
}

Result MakeTask(State& s, const Call& c, int64_t flags, const Semantics& semantics) {
  const int child = FreeTask(s);
  if (child < 0) return Bound("no free task within the bounds");
  const Task& parent = s.tasks[c.task];
  const bool share_mm = (flags & abi::kCloneVm) != 0;
  AddressSpace mm = share_mm ? s.mms[parent.mm] : Copyable(s.mms[parent.mm]);
  Result error;
  if (!share_mm && !MayCopy(s, c, &mm, semantics, &error)) return error;
  const bool closes = !share_mm && CloseOpened(s.mms[parent.mm]);
  const bool newpid = (flags & abi::kCloneNewpid) != 0;
  if (newpid && parent.uid != 0) {
    error = Fail(EPERM, "kernel/nsproxy.c copy_namespaces: CAP_SYS_ADMIN");
    error.changed = closes;
    return error;
  }

  Task task = parent;  // with its mark: what a child knows, it was told
  task.parent = static_cast<uint8_t>(c.task + 1);
  task.vfork = (flags & abi::kCloneVfork) != 0;
  if (newpid) task.own_noexec = static_cast<uint8_t>(s.noexec + 1);  // create_pid_namespace
  task.program = task.program_nondumpable = 0;                       // the parent's child
  if ((flags & abi::kCloneFiles) == 0) {                             // copy_files
    task.fds = FreeTable(s);
    s.fds[task.fds] = s.fds[parent.fds];
  }
  if (!share_mm) {  // copy_mm
    task.mm = FreeSpace(s);
    s.mms[task.mm] = mm;
  }
  s.tasks[child] = task;
  return Changed(child);
}

// The children of a task that ends: the harness adopts those that run, and
// reaps those that have ended.
void GiveAwayChildren(State& s, int parent) {
  for (int i = 0; i < s.limits.tasks; ++i) {
    if (s.tasks[i].parent != parent + 1) continue;
    s.tasks[i].parent = 0;
    if (s.tasks[i].state == TaskState::kZombie) Clear(s, i);
  }
}

bool HasEnded(const Task& task) { return task.state == TaskState::kZombie; }

}  // namespace

Result Fork(State& s, const Call& c, const Semantics& semantics) {
  return MakeTask(s, c, 0, semantics);
}

// vfork() is CLONE_VM|CLONE_VFORK.  With CLONE_VFORK the parent goes on once the child has left
// the address space that it began with (mm_release).
Result Clone(State& s, const Call& c, const Semantics& semantics) {
  constexpr int64_t kKnown =
      abi::kCloneVm | abi::kCloneFiles | abi::kCloneVfork | abi::kCloneNewpid;
  if ((c.arg[0] & ~kKnown) != 0) return Bound("these flags of clone are not modelled");
  if ((c.arg[0] & abi::kCloneVfork) != 0 && (c.arg[0] & abi::kCloneNewpid) != 0)
    return Bound("CLONE_VFORK with CLONE_NEWPID is not modelled");
  return MakeTask(s, c, c.arg[0], semantics);
}

// ksys_unshare of the descriptor table; CLONE_FS is of no concern here.
Result Unshare(State& s, const Call& c, const Semantics&) {
  if ((c.arg[0] & ~(abi::kCloneFiles | abi::kCloneFs)) != 0)
    return Bound("these flags of unshare are not modelled");
  if ((c.arg[0] & abi::kCloneFiles) == 0 || !UnshareFiles(s, c.task)) return Unchanged(0);
  return Changed(0);
}

bool UnshareFiles(State& s, int task) {
  if (!TableShared(s, s.tasks[task].fds, task)) return false;
  const uint8_t own = FreeTable(s);
  s.fds[own] = s.fds[s.tasks[task].fds];
  s.tasks[task].fds = own;
  return true;
}

Result Exec(State& s, const Call& c, const Semantics&) {
  if (HasRegisteredBuffers(s, c.task)) return Bound("a ring lets its pages go some time later");
  const State& before = s;
  Task& task = s.tasks[c.task];
  bool changed = UnshareFiles(s, c.task) || task.nondumpable != 0;  // begin_new_exec
  task.nondumpable = 0;
  if (task.vfork != 0) {
    task.vfork = 0;
    changed = true;
  }
  for (Fd& fd : s.fds[task.fds]) {  // do_close_on_exec
    if (fd.cloexec == 0) continue;
    fd = Fd{};
    changed = true;
  }
  if (SpaceShared(before, task.mm, c.task)) {  // exec_mmap: a new address space
    task.mm = FreeSpace(s);
    changed = true;
  } else if (!Empty(s.mms[task.mm][0])) {
    s.mms[task.mm] = AddressSpace{};
    changed = true;
  }
  if (!changed) return Unchanged(0);
  ReleaseUnreferenced(s);
  return Changed(0);
}

Result Exit(State& s, const Call& c, const Semantics&) {
  if (HasRegisteredBuffers(s, c.task)) return Bound("a ring lets its pages go some time later");
  const Task task = s.tasks[c.task];
  GiveAwayChildren(s, c.task);
  if (!SpaceShared(s, task.mm, c.task)) s.mms[task.mm] = AddressSpace{};  // exit_mm
  if (!TableShared(s, task.fds, c.task)) s.fds[task.fds] = FdTable{};     // exit_files
  Clear(s, c.task);
  if (task.parent != 0) {  // exit_notify: until the parent waits
    s.tasks[c.task].state = TaskState::kZombie;
    s.tasks[c.task].parent = task.parent;
    s.tasks[c.task].uid = task.uid;
    s.tasks[c.task].nondumpable = task.nondumpable;  // task_exec_state, from 7.2 on
  }
  ReleaseUnreferenced(s);
  return Changed(0);
}

Result Wait(State& s, const Call& c, const Semantics&) {
  const int64_t child = c.arg[0];
  if (child < 0 || child >= s.limits.tasks || s.tasks[child].state == TaskState::kFree)
    return Bound("there is no such task to wait for");
  if (s.tasks[child].parent != c.task + 1)
    return Fail(ECHILD, "kernel/exit.c do_wait: not a child");
  if (Runs(s.tasks[child])) return Bound("the wait would not end");
  Clear(s, static_cast<int>(child));
  return Changed(0);
}

// kernel/sys.c prctl: mm->flags, and from 7.2 on task_exec_state, which all have in common that
// share the address space.
Result SetDumpable(State& s, const Call& c, const Semantics&) {
  if (c.arg[0] != abi::kSuidDumpDisable && c.arg[0] != abi::kSuidDumpUser)
    return Fail(EINVAL, "kernel/sys.c prctl: PR_SET_DUMPABLE");
  const uint8_t nondumpable = c.arg[0] == abi::kSuidDumpDisable;
  const Task& own = s.tasks[c.task];
  if (own.nondumpable == nondumpable) return Unchanged(0);
  if (std::any_of(s.tasks.begin(), s.tasks.end(), HasEnded))
    return Bound("whether a task that has ended shared its task_exec_state is not known");
  for (Task& task : s.tasks)
    if (Runs(task) && task.mm == own.mm) task.nondumpable = nondumpable;
  return Changed(0);
}

}  // namespace selkie
