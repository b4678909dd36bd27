// Memory of another task: process_vm_writev (mm/process_vm_access.c) and a write
// to /proc/PID/mem (fs/proc/base.c mem_rw), each of one byte; and PTRACE_POKEDATA
// (kernel/ptrace.c) of a word of eight like it.
//
// All find the page as get_user_pages does (mm/gup.c): the first as the task
// itself could write it, the others with FOLL_FORCE, which a private mapping obeys
// even where it is read-only.
#include "model/families.h"

namespace selkie {
namespace {

// The running task, or -1 with *error.
int FindTask(const State& s, const Call& c, Result* error) {
  const int64_t target = c.arg[0];
  if (target >= 0 && target < s.limits.tasks && s.tasks[target].state == TaskState::kRunning)
    return static_cast<int>(target);
  *error = Bound("the task whose memory it is does not run");
  return -1;
}

// One byte, as the other task would store it.
Result Poke(State& s, const Call& c, bool force, int error, const char* check,
            const Semantics& semantics) {
  Call store = c;
  store.task = static_cast<uint8_t>(c.arg[0]);
  store.arg = {c.arg[1], c.arg[2]};
  const Result poked = StoreByte(s, store, force, semantics);
  if (poked.kind == Result::Kind::kSignal) return Fail(error, check);
  Result result = poked;
  if (result.ok()) result.value = 1;
  return result;
}

// A write with FOLL_FORCE at c.arg[1]; `rules` says whether the semantics has a say where the
// task itself could not write.
Result ForcePoke(State& s, const Call& c, bool rules, const char* io, const Semantics& semantics) {
  const int64_t addr = c.arg[1];
  if (addr == kNull) return Fail(EIO, io);
  const int page = ArenaPageOf(s, addr);
  if (page < 0) return Bound("the address is not in the arena");
  const int target = static_cast<int>(c.arg[0]);
  const int j = MappingAt(s, target, page);
  if (j < 0) return Fail(EIO, io);
  Mapping& m = s.mms[s.tasks[target].mm][j];
  const bool forced = (m.prot & kProtWrite) == 0;
  if (forced) {
    const int f = m.file - 1;
    Ruling ruling(s, c, s.files[f].inode - 1, f, semantics, Point::kMemWrite);
    ruling.LookAt(m);
    const Rule* const rule = rules ? ruling.Refuses() : nullptr;
    if (rule != nullptr) return Refused(rule);
    // is_cow_mapping: VM_MAYWRITE without VM_SHARED.
    if (m.vm_shared || (m.may & kProtWrite) == 0)
      return Fail(EIO, "mm/gup.c check_vma_flags: FOLL_FORCE needs is_cow_mapping");
    const Rule* const no_force = NotSupported(semantics, Feature::kHugeForce);
    if (no_force != nullptr && IsHugePage(m.start)) return Refused(no_force);
  }
  Result result = Poke(s, c, true, EIO, io, semantics);
  // hugetlb_cow of 5.10: the page in the page tables is writable, whatever the mapping is.
  const Rule* const opens = NotSupported(semantics, Feature::kHugeForceProt);
  if (!result.ok() || !forced || !IsHugePage(m.start) || opens == nullptr) return result;
  const auto bit = static_cast<uint8_t>(1u << (page - m.start));
  result.changed |= (m.opened & bit) == 0;
  m.opened |= bit;
  result.rule = opens;
  return result;
}

}  // namespace

Result ProcessVmWritev(State& s, const Call& c, const Semantics& semantics) {
  constexpr const char* kFault = "mm/gup.c check_vma_flags: VM_WRITE, or no page";
  Result error;
  const int target = FindTask(s, c, &error);
  if (target < 0) return error;
  if (s.tasks[target].mm != s.tasks[c.task].mm && !MayTrace(s, c.task, target))
    return Fail(EPERM, "mm/process_vm_access.c process_vm_rw_core: mm_access");
  return Poke(s, c, false, EFAULT, kFault, semantics);
}

Result MemWrite(State& s, const Call& c, const Semantics& semantics) {
  Result error;
  const int target = FindTask(s, c, &error);
  if (target < 0) return error;
  if (s.tasks[target].nondumpable != 0 && s.tasks[c.task].uid != 0)  // its own, too
    return Fail(EACCES, "fs/proc/base.c task_dump_owner: the file is root's");
  if (!MayTrace(s, c.task, target)) return Fail(EACCES, "fs/proc/base.c mem_open: proc_mem_open");
  return ForcePoke(s, c, true, "fs/proc/base.c mem_rw: access_remote_vm", semantics);
}

// PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_POKEDATA of eight bytes, PTRACE_DETACH.
Result PtracePoke(State& s, const Call& c, const Semantics& semantics) {
  constexpr int64_t kWord = 8;
  Result error;
  const int target = FindTask(s, c, &error);
  if (target < 0) return error;
  if (target == c.task) return Fail(EPERM, "kernel/ptrace.c ptrace_attach: same_thread_group");
  if (!MayTrace(s, c.task, target))
    return Fail(EPERM, "kernel/ptrace.c ptrace_attach: __ptrace_may_access");
  if (WaitsInVfork(s, target))
    return Bound("a task that waits in vfork does not stop before it goes on");
  if (c.arg[1] > 0 && c.arg[1] % kSampleStride > kSampleStride - kWord)
    return Bound("a word over the end of half a page");
  Result result = ForcePoke(s, c, false, "kernel/ptrace.c generic_ptrace_pokedata", semantics);
  if (result.ok()) result.value = 0;
  return result;
}

// userfaultfd, UFFDIO_REGISTER of the page for missing pages, UFFDIO_COPY of a page full of the
// byte, and close (fs/userfaultfd.c, mm/userfaultfd.c).  No seal is asked.
Result UffdCopy(State& s, const Call& c, const Semantics& semantics) {
  const int64_t addr = c.arg[0];
  if (addr == kNull) return Bound("userfaultfd at NULL is not modelled");
  if (addr % kPageSize != 0) return Fail(EINVAL, "fs/userfaultfd.c validate_range");
  if (addr < 0 || addr >= int64_t{s.limits.arena} * kPageSize)
    return Bound("the address is not in the arena");
  const auto page = static_cast<int>(addr / kPageSize);
  const int j = MappingAt(s, c.task, page);
  if (j < 0) return Fail(EINVAL, "fs/userfaultfd.c userfaultfd_register: no mapping");
  const Mapping m = SpaceOf(s, c)[j];
  if ((m.flags & kMapSealed) != 0) return Bound("userfaultfd of a sealed mapping");
  if ((m.may & kProtWrite) == 0)
    return Fail(EPERM, "fs/userfaultfd.c userfaultfd_register: VM_MAYWRITE");
  if (!m.shared) return Bound("which pages a private mapping has is not known");
  if (s.limits.buffers == 0) return Bound("which pages are holes is not known within these bounds");

  const int node = s.files[m.file - 1].inode - 1, at = m.pgoff + page - m.start;
  Inode& inode = s.inodes[node];
  const bool beyond = int64_t{at} * kPageSize >= inode.size;
  const bool present = !beyond && ((inode.present >> at) & 1) != 0;
  const bool hole = !beyond && ((inode.touched >> at) & 1) == 0;
  if (!beyond && !present && !hole) return Bound("whether the page is a hole is not known");
  const bool guarded = IsGuarded(m, page - m.start);
  const Rule* const heals = guarded ? NotSupported(semantics, Feature::kUffdGuard) : nullptr;
  Result result = Unchanged(kPageSize);
  const AddressSpace before = SpaceOf(s, c);
  for (Mapping& each : SpaceOf(s, c))  // vma_modify_flags, there and back, merges at both ends
    if (each.start == page || each.start == page + 1) ClearUnmerged(each);
  SpreadGuarded(SpaceOf(s, c));
  result.changed = before != SpaceOf(s, c);
  if (!hole || (guarded && heals == nullptr)) {
    const Rule* const rule = beyond ? NotSupported(semantics, Feature::kUffdBeyond) : nullptr;
    Result error = rule != nullptr ? Refused(rule)
                   : beyond        ? Fail(EFAULT, "mm/shmem.c shmem_mfill_atomic_pte: max_off")
                   : !hole         ? Fail(EEXIST, "mm/shmem.c shmem_add_to_page_cache")
                           : Fail(EEXIST, "mm/userfaultfd.c mfill_atomic_install_pte: marker");
    error.changed = result.changed;
    return error;
  }
  result.rule = heals;
  SpaceOf(s, c)[j].guards &= static_cast<uint8_t>(~(1u << (page - m.start)));
  NotePresent(s, inode, at, at + 1);
  LosesProgram(inode, int64_t{at} * kPageSize, int64_t{at + 1} * kPageSize);
  for (Field<uint8_t>& byte : inode.bytes[at]) byte = static_cast<uint8_t>(c.arg[1]);
  result.changed = true;
  result.effect = StoreEffect(s, s.tasks[c.task].mm, j);
  return result;
}

}  // namespace selkie
