// Loads and stores by the program itself: what the page fault decides
// (arch/x86/mm/fault.c, mm/memory.c, mm/shmem.c shmem_fault).
#include <csignal>

#include "model/families.h"

namespace selkie {
namespace {

struct Access {
  Mapping* mapping = nullptr;
  int mm = 0;      // index of the address space
  int map = 0;     // index of the mapping in it
  int node = 0;    // the file's inode
  int page = 0;    // page of the mapping
  int sample = 0;  // sample of the page, at which the byte stands if `sampled`, or behind it
  bool sampled = false;

  int file_page() const { return mapping->pgoff + page; }
};

// Finds the mapping and checks its protection unless `force`; false with *error
// otherwise.
bool Find(State& s, const Call& c, int64_t addr, bool write, bool force, Access* a, Result* error) {
  auto fail = [error](Result result) {
    *error = result;
    return false;
  };
  if (addr == kNull) return fail(Signal(SIGSEGV, "arch/x86/mm/fault.c: no mapping at NULL"));
  const int page = ArenaPageOf(s, addr);
  if (page < 0) return fail(Bound("the address is not in the arena"));
  const auto offset = static_cast<int>(addr - AddressOfPage(page));
  if (offset >= kPageSize && offset % kSampleStride == 0)
    return fail(Bound("contents of a huge page are known at its first two samples only"));
  a->map = MappingAt(s, c.task, page);
  if (a->map < 0) return fail(Signal(SIGSEGV, "arch/x86/mm/fault.c: no mapping"));
  a->mm = s.tasks[c.task].mm;
  Mapping& m = s.mms[a->mm][a->map];
  // By its page tables: process_vm_writev asks VM_WRITE first (check_vma_flags).
  const bool opened = c.op == Op::kStore && ((m.opened >> (page - m.start)) & 1) != 0;
  // x86 has no pages that can be written and not read; access_error.
  if (!force && (m.prot == 0 || (write && (m.prot & kProtWrite) == 0 && !opened)))
    return fail(Signal(SIGSEGV, "arch/x86/mm/fault.c access_error: protection"));
  if (!force && m.prot == kProtExec)
    return fail(Bound("execute-only memory can be read or not, as the processor has keys"));
  a->mapping = &m;
  a->node = s.files[m.file - 1].inode - 1;
  a->page = page - m.start;
  a->sample = offset / kSampleStride;
  a->sampled = offset % kSampleStride == 0;
  return true;
}

bool Copied(const Access& a) { return HasCopy(*a.mapping, a.page); }

// A guard marker; then shmem_fault: a page wholly beyond the end.  A private copy is in place
// already and causes no fault; none outlives the truncation of its page.
bool Faults(State& s, const Access& a, const Semantics& semantics, Result* error, bool* changed) {
  const Inode& inode = s.inodes[a.node];
  *error = Signal(SIGSEGV, "mm/memory.c handle_pte_marker: PTE_MARKER_GUARD");
  if (IsGuarded(*a.mapping, a.page)) return true;
  if (IsHugetlb(inode)) {
    if (FaultHugetlb(s, *a.mapping, a.page, semantics, changed)) return false;
    *error = Signal(SIGBUS, "mm/hugetlb.c hugetlb_no_page: beyond the end of the file");
    return true;
  }
  *error = Signal(SIGBUS, "mm/shmem.c shmem_fault: beyond the end of the file");
  return !Copied(a) && int64_t{a.file_page()} * kPageSize >= inode.size;
}

// What a fault that succeeds brings in; true if that is new.
bool Touch(State& s, const Access& a) {
  return !Copied(a) && NotePresent(s, s.inodes[a.node], a.file_page(), a.file_page() + 1);
}

Result StoreShared(State& s, const Access& a, uint8_t byte) {
  Inode& inode = s.inodes[a.node];
  Result result = Unchanged(0);
  result.changed = NoteDirty(inode, a.file_page(), a.file_page() + 1);
  result.effect = StoreEffect(s, a.mm, a.map);
  const int64_t at = int64_t{a.file_page()} * kPageSize + int64_t{a.sample} * kSampleStride;
  result.changed |= LosesProgram(inode, at, at + 1);
  if (!a.sampled) return result;
  Field<uint8_t>& old = inode.bytes[a.file_page()][a.sample];
  result.changed |= old != byte;
  old = byte;
  return result;
}

// do_wp_page: the first store to a page of a private mapping copies it.
Result StorePrivate(State& s, const Access& a, uint8_t byte) {
  Result result = Unchanged(0);
  Mapping& m = *a.mapping;
  if (!Copied(a)) {
    m.copied |= static_cast<uint8_t>(1u << a.page);
    m.copy[a.page] = s.inodes[a.node].bytes[a.file_page()];
    result.changed = true;
  }
  if (!a.sampled) return result;
  Field<uint8_t>& old = m.copy[a.page][a.sample];
  result.changed |= old != byte;
  old = byte;
  return result;
}

}  // namespace

Result Load(State& s, const Call& c, const Semantics& semantics) {
  Access a;
  Result error;
  bool changed = false;
  if (!Find(s, c, c.arg[0], false, false, &a, &error)) return error;
  constexpr const char* kUnknown = "contents are known at the sampled offsets only";
  if (!a.sampled && IsHugetlb(s.inodes[a.node])) return Bound(kUnknown);
  if (Faults(s, a, semantics, &error, &changed)) return error;
  if (!a.sampled) return Bound(kUnknown);
  changed |= Touch(s, a);
  Result result = Unchanged(Copied(a) ? a.mapping->copy[a.page][a.sample]
                                      : s.inodes[a.node].bytes[a.file_page()][a.sample]);
  result.changed = changed;
  return result;
}

Result Store(State& s, const Call& c, const Semantics& semantics) {
  return StoreByte(s, c, false, semantics);
}

Effect StoreEffect(const State& s, int mm, int map) {
  const Mapping& m = s.mms[mm][map];
  Effect effect;
  effect.wrote = s.files[m.file - 1].inode;
  effect.file = m.file;
  effect.mm = static_cast<uint8_t>(mm + 1);
  effect.map = static_cast<uint8_t>(map + 1);
  return effect;
}

Result StoreByte(State& s, const Call& c, bool force, const Semantics& semantics) {
  Access a;
  Result error;
  bool changed = false;
  if (!Find(s, c, c.arg[0], true, force, &a, &error)) return error;
  if (Faults(s, a, semantics, &error, &changed)) return error;
  changed |= Touch(s, a);
  const auto byte = static_cast<uint8_t>(c.arg[1]);
  Result result = a.mapping->shared ? StoreShared(s, a, byte) : StorePrivate(s, a, byte);
  result.changed |= changed;
  return result;
}

}  // namespace selkie
