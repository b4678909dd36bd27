#include "kernel/lockstep_probe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "fmt/format.h"
#include "kernel/executor.h"
#include "kernel/executor_proc.h"
#include "kernel/executor_raw.h"
#include "model/call_text.h"

namespace selkie {
namespace {

// One comparison of a task's view with a state.
class Prober {
 public:
  Prober(Control& control, int task, const State& state)
      : control_(control), task_(task), state_(state) {}

  // A task that is nondumpable may not open all of its own files in /proc.
  void Run(ProbeKind kind) {
    const int64_t dumpable = RawSyscall(SYS_prctl, PR_GET_DUMPABLE);
    Compare(StateField::kDumpable, 0, 0, state_.tasks[task_].nondumpable == 0, dumpable);
    if (dumpable == 0) RawSyscall(SYS_prctl, PR_SET_DUMPABLE, 1);
    Look(kind);
    if (dumpable == 0) RawSyscall(SYS_prctl, PR_SET_DUMPABLE, 0);
  }

 private:
  void Look(ProbeKind kind) {
    Descriptors();
    const AddressSpace& mm = state_.mms[state_.tasks[task_].mm];
    Vmas(mm);
    for (const Mapping& mapping : mm) {
      if (mapping.file == 0) break;
      Contents(mapping);
    }
    if (kind != ProbeKind::kFinal) return;
    for (const Mapping& mapping : mm)
      if (mapping.file != 0) MayWrite(mapping);
  }

  void Compare(StateField field, int object, int64_t offset, int64_t expected, int64_t got) {
    ++control_.state_checks;
    if (expected == got || control_.differs || !control_.stop_at_difference) return;
    control_.differs = true;
    control_.difference =
        StateDifference{field, static_cast<uint8_t>(task_), object, offset, expected, got};
  }

  void Descriptors() {
    const FdTable& table = state_.fds[state_.tasks[task_].fds];
    for (int slot = 0; slot < state_.limits.fds; ++slot) Descriptor(kFirstFd + slot, table[slot]);
  }

  void Descriptor(int fd, const Fd& expected) {
    const int64_t cloexec = RawSyscall(SYS_fcntl, fd, F_GETFD);
    Compare(StateField::kDescriptorOpen, fd, 0, expected.file != 0, cloexec >= 0);
    if (expected.file == 0 || cloexec < 0) return;
    Compare(StateField::kDescriptorCloexec, fd, 0, expected.cloexec, cloexec);
    OpenFile(fd, expected);
  }

  void OpenFile(int fd, const Fd& expected) {
    const File& file = state_.files[expected.file - 1];
    const Inode& inode = state_.inodes[file.inode - 1];
    if (inode.kind == InodeKind::kOther) return;
    const bool path = (file.mode & kModePath) != 0;
    Compare(StateField::kStatusFlags, fd, 0, StatusFlagsOf(file, inode),
            RawSyscall(SYS_fcntl, fd, F_GETFL));
    if (!IsMemfd(inode) || file.dmabuf != 0) return;
    if (!path)
      Compare(StateField::kPosition, fd, 0, file.pos, RawSyscall(SYS_lseek, fd, 0, SEEK_CUR));
    struct stat status;
    RawSyscall(SYS_fstat, fd, Raw(&status));
    SameInode(fd, file.inode - 1, static_cast<int64_t>(status.st_ino));
    if (path) return;
    if (control_.thorough) Fdinfo(fd, expected.cloexec, file, inode);
    InodeOnce(fd, file.inode - 1, status);
    if ((file.mode & kModeRead) != 0) ContentsOnce(fd, file.inode - 1);
  }

  // What /proc says of the descriptor.
  void Fdinfo(int fd, bool cloexec, const File& file, const Inode& inode) {
    RealFdinfo real{-1, -1};  // what cannot be read is a difference
    ReadFdinfo(control_, fd, &real);
    Compare(StateField::kFdinfoPosition, fd, 0, file.pos, real.position);
    Compare(StateField::kFdinfoFlags, fd, 0, StatusFlagsOf(file, inode) | (cloexec ? O_CLOEXEC : 0),
            real.flags);
  }

  // Two descriptors or mappings are one inode in the kernel iff they are in the model.
  int64_t NumberInModel(int index, int64_t number) {
    if (numbers_[index] == 0) numbers_[index] = number;
    return std::find(numbers_.begin(), numbers_.end(), number) - numbers_.begin();
  }

  void SameInode(int fd, int index, int64_t number) {
    Compare(StateField::kSameInode, fd, 0, index, NumberInModel(index, number));
  }

  void InodeOnce(int fd, int index, const struct stat& status) {
    if (seen_[index]) return;
    seen_[index] = true;
    const Inode& inode = state_.inodes[index];
    Compare(StateField::kSeals, fd, 0, inode.seals, RawSyscall(SYS_fcntl, fd, F_GET_SEALS));
    Compare(StateField::kSize, fd, 0, inode.size, status.st_size);
    Blocks(fd, inode, status.st_blocks);
    Compare(StateField::kMode, fd, 0, inode.mode, status.st_mode & 07777);
    Compare(StateField::kOwner, fd, 0, inode.uid, status.st_uid);
    Compare(StateField::kLinks, fd, 0, 0, static_cast<int64_t>(status.st_nlink));
  }

  // The pages that the file has.
  void Blocks(int fd, const Inode& inode, int64_t blocks) {
    if (state_.limits.buffers == 0 || (inode.touched & kTouchedBeyond) != 0) return;
    const int64_t each = PageSizeOf(inode) / 512;
    const int64_t least =
        std::popcount(static_cast<uint8_t>(inode.present | inode.uncleared)) * each;
    const int64_t most = IsHugetlb(inode) ? least : std::popcount(inode.touched) * each;
    Compare(StateField::kBlocks, fd, 0, std::clamp(blocks, least, most), blocks);
  }

  // As far as the last sample: a copy of whole pages takes a guest long.
  void ContentsOnce(int fd, int index) {
    if (read_[index]) return;
    read_[index] = true;
    const Inode& inode = state_.inodes[index];
    if (inode.size == 0) return;
    if (IsHugetlb(inode)) return HugeContents(fd, inode);
    const uint32_t last = (inode.size - 1) / kSampleStride * kSampleStride;
    uint8_t* bytes = control_.buffer.data();
    for (uint32_t at = 0; at <= last; at += kSampleStride) bytes[at] = ~SampleAt(inode, at);
    RawSyscall(SYS_pread64, fd, Raw(bytes), last + 1, 0);
    for (uint32_t at = 0; at <= last; at += kSampleStride)
      Compare(StateField::kFileByte, fd, at, SampleAt(inode, at), bytes[at]);
  }

  void HugeContents(int fd, const Inode& inode) {
    for (int64_t page = 0; page < inode.size; page += kHugePageSize) {
      for (int64_t at = page; at < std::min<int64_t>(inode.size, page + kPageSize);
           at += kSampleStride) {
        uint8_t byte = ~SampleAt(inode, at);
        RawSyscall(SYS_pread64, fd, Raw(&byte), 1, at);
        Compare(StateField::kFileByte, fd, at, SampleAt(inode, at), byte);
      }
    }
  }

  // Where mappings are and what they are, as /proc/self/maps or smaps has it.  The
  // model keeps apart what the kernel merges, and the kernel some of what could be
  // merged (private mappings with copied pages): neighbours that continue each other
  // are taken as one on both sides.
  void Vmas(const AddressSpace& mm) {
    const bool own = control_.here == task_;
    const VmaSource source = control_.thorough ? VmaSource::kWithFlags
                             : own             ? VmaSource::kOwnMaps
                                               : VmaSource::kMaps;
    RealVmas real, model;
    Compare(StateField::kVmas, 0, 0, true, ReadVmas(control_, source, &real));
    for (const Mapping& mapping : mm) {
      if (mapping.file == 0) break;
      if (control_.thorough) Flags(mapping, real);
      model.vma[static_cast<size_t>(model.count++)] = AsVma(mapping);
    }
    for (int i = 0; i < real.count; ++i) {
      const int index = InodeAt(model, real.vma[i].start);
      real.vma[i].inode = index == kOfFuse ? kOfFuse : NumberInModel(index, real.vma[i].inode);
    }
    Join(model);
    Join(real);
    int next = 0;
    for (int i = 0; i < model.count; ++i) {
      const bool there = next < real.count && real.vma[next].start == model.vma[i].start;
      Compare(StateField::kMapped, 0, model.vma[i].start, true, there);
      if (there) Vma(model.vma[i], real.vma[next++]);
    }
    if (next < real.count) Compare(StateField::kMapped, 0, real.vma[next].start, false, true);
    if (control_.thorough && control_.counts_locked) LockedPages(mm);
  }

  static constexpr int kOfFuse = kMaxInodes;  // /proc shows FUSE's file, of which no more is known

  RealVma AsVma(const Mapping& mapping) const {
    RealVma vma;
    vma.start = AddressOfPage(mapping.start);
    vma.end = vma.start + mapping.pages * SizeOfPage(mapping.start);
    vma.prot = mapping.prot;
    vma.shared = mapping.shared != 0;
    vma.offset = mapping.pgoff * SizeOfPage(mapping.start);
    const File& file = state_.files[mapping.file - 1];
    vma.inode = (file.flags & kFlagBacking) != 0 ? kOfFuse : file.inode - 1;
    return vma;
  }

  // The model's inode there, so that the kernel's number becomes known; 0 if none.
  static int InodeAt(const RealVmas& vmas, int64_t at) {
    for (int i = 0; i < vmas.count; ++i)
      if (vmas.vma[i].start <= at && at < vmas.vma[i].end)
        return static_cast<int>(vmas.vma[i].inode);
    return 0;
  }

  static void Join(RealVmas& vmas) {
    int kept = 0;
    for (int i = 0; i < vmas.count; ++i) {
      const RealVma& next = vmas.vma[i];
      RealVma* last = kept == 0 ? nullptr : &vmas.vma[kept - 1];
      const bool joins = last != nullptr && last->end == next.start && last->prot == next.prot &&
                         last->shared == next.shared && last->inode == next.inode &&
                         last->offset + (last->end - last->start) == next.offset;
      if (joins)
        last->end = next.end;
      else
        vmas.vma[kept++] = next;
    }
    vmas.count = kept;
  }

  void Vma(const RealVma& model, const RealVma& real) {
    const int64_t at = model.start;
    Compare(StateField::kMapEnd, 0, at, model.end, real.end);
    Compare(StateField::kMapProt, 0, at, model.prot, real.prot);
    Compare(StateField::kMapShared, 0, at, model.shared, real.shared);
    Compare(StateField::kMapOffset, 0, at, model.offset, real.offset);
    Compare(StateField::kMapInode, 0, at, model.inode, real.inode);
  }

  void LockedPages(const AddressSpace& mm) {
    int pages = 0;
    for (const Mapping& mapping : mm)
      if ((mapping.flags & kMapLocked) != 0) pages += mapping.pages;
    Compare(StateField::kVmLck, 0, 0, pages * (kPageSize / 1024), ReadVmLck(control_));
  }

  void Flags(const Mapping& mapping, const RealVmas& real) {
    const RealVma model = AsVma(mapping);
    for (int i = 0; i < real.count; ++i) {
      const RealVma& vma = real.vma[i];
      if (vma.start >= model.end || vma.end <= model.start) continue;
      Compare(StateField::kMapMay, 0, model.start, mapping.may, vma.may);
      Compare(StateField::kVmShared, 0, model.start, mapping.vm_shared, vma.vm_shared);
      Compare(StateField::kVmDontcopy, 0, model.start, (mapping.flags & kMapDontcopy) != 0,
              vma.dontcopy);
      // "lf" is younger than MLOCK_ONFAULT: 5.10 does not show it.
      const int shown = vma.locked | kMapLocked;
      Compare(StateField::kVmLocked, 0, model.start, mapping.flags & shown, vma.locked);
      // "gu" is younger than guard regions: 6.18 does not show it.
      if (vma.guarded)
        Compare(StateField::kVmGuarded, 0, model.start, (mapping.flags & kMapGuarded) != 0, true);
    }
  }

  // A page of a file that was read through a descriptor is not loaded as well: in
  // a guest a fault takes as long as a hundred simple calls.
  void Contents(const Mapping& mapping) {
    if (mapping.prot == kProtExec) return;  // readable or not, as the processor has it
    const bool was_read = read_[state_.files[mapping.file - 1].inode - 1];
    if ((mapping.flags & kMapGuarded) != 0) Guards(mapping);
    for (int page = 0; page < mapping.pages; ++page)
      if ((control_.thorough || !was_read || HasCopy(mapping, page)) && !MakesPage(mapping, page))
        MappedPage(mapping, page);
  }

  // Which of its pages have a guard marker, without a load that would make a page elsewhere.
  void Guards(const Mapping& mapping) {
    const uint8_t real =
        GuardMarkers(control_, kArenaBase + AddressOfPage(mapping.start), mapping.pages);
    for (int page = 0; page < mapping.pages; ++page)
      Compare(StateField::kGuardMarker, 0, AddressOfPage(mapping.start + page),
              IsGuarded(mapping, page), (real >> page) & 1);
  }

  // To load from a hole makes a page, which others would see.  Of huge pages, whether one beyond
  // the end can be loaded from depends on the kernel.
  bool MakesPage(const Mapping& mapping, int page) const {
    const Inode& inode = state_.inodes[state_.files[mapping.file - 1].inode - 1];
    const int in_file = mapping.pgoff + page;
    if (HasCopy(mapping, page) || IsGuarded(mapping, page)) return false;
    const bool present = ((inode.present >> in_file) & 1) != 0;
    if (IsHugetlb(inode))
      return present != (in_file < static_cast<int>(inode.size / kHugePageSize));
    const bool within = in_file * kPageSize < static_cast<int>(inode.size);
    return state_.limits.buffers > 0 && mapping.prot != 0 && within && !present;
  }

  void MappedPage(const Mapping& mapping, int page) {
    const int64_t start = AddressOfPage(mapping.start + page);
    int seen = 0;  // a page that faults at its start faults everywhere
    for (int sample = 0; sample < kSamplesPerPage && seen >= 0; ++sample) {
      const int64_t at = start + int64_t{sample} * kSampleStride;
      const int expected = ExpectedByte(mapping, page, sample);
      const bool faults = expected < 0 && !CanBeRead(kArenaBase + at);
      seen = faults ? expected : LoadByte(kArenaBase + at);
      Compare(StateField::kMappedByte, 0, at, expected, seen);
    }
  }

  int ExpectedByte(const Mapping& mapping, int page, int sample) const {
    if (mapping.prot == 0 || IsGuarded(mapping, page)) return -SIGSEGV;
    if (HasCopy(mapping, page)) return mapping.copy[page][sample];
    const int in_file = mapping.pgoff + page;
    const Inode& inode = state_.inodes[state_.files[mapping.file - 1].inode - 1];
    // Where a huge page that is there is not looked at, see MakesPage.
    if (IsHugetlb(inode) && ((inode.present >> in_file) & 1) == 0) return -SIGBUS;
    if (in_file * PageSizeOf(inode) >= inode.size) return -SIGBUS;
    return inode.bytes[in_file][sample];
  }

  static bool MayBecomeWritable(const Mapping& mapping) {
    return (mapping.may & kProtWrite) != 0 && (mapping.flags & kMapSealed) == 0;
  }

  // What may be written now has shown that it may.  Memory that is locked would be brought in, and
  // others would see the file's new pages.
  void MayWrite(const Mapping& mapping) {
    const int64_t offset = AddressOfPage(mapping.start);
    if ((mapping.flags & kMapLocked) != 0)
      RawSyscall(SYS_munlock, kArenaBase + offset, mapping.pages * SizeOfPage(mapping.start));
    const bool may = ((mapping.prot & kProtWrite) != 0 && (mapping.flags & kMapSealed) == 0) ||
                     RawSyscall(SYS_mprotect, kArenaBase + offset, SizeOfPage(mapping.start),
                                PROT_READ | PROT_WRITE) == 0;
    Compare(StateField::kMayWrite, 0, offset, MayBecomeWritable(mapping), may);
  }

  Control& control_;
  const int task_;
  const State& state_;
  std::array<int64_t, kMaxInodes> numbers_{};
  std::array<bool, kMaxInodes> seen_{};
  std::array<bool, kMaxInodes> read_{};
};

std::string YesNo(int64_t value) { return value != 0 ? "yes" : "no"; }
std::string Decimal(int64_t value) { return fmt::format("{}", value); }
std::string Octal(int64_t value) { return fmt::format("0{:o}", value); }
std::string Hex(int64_t value) { return fmt::format("0x{:x}", value); }
std::string Byte(int64_t value) {
  return value < 0 ? SignalName(-value) : fmt::format("0x{:02x}", value);
}

enum class Where { kDescriptor, kDescriptorOffset, kAddress, kTask };

struct FieldText {
  StateField field;
  const char* what;
  Where where;
  std::string (*value)(int64_t);
};

constexpr FieldText kFieldTexts[] = {
    {StateField::kDescriptorOpen, "is open", Where::kDescriptor, YesNo},
    {StateField::kDescriptorCloexec, "has FD_CLOEXEC", Where::kDescriptor, YesNo},
    {StateField::kStatusFlags, "F_GETFL", Where::kDescriptor, Hex},
    {StateField::kPosition, "position", Where::kDescriptor, Decimal},
    {StateField::kSameInode, "number of its inode", Where::kDescriptor, Decimal},
    {StateField::kSeals, "F_GET_SEALS", Where::kDescriptor, Hex},
    {StateField::kSize, "size", Where::kDescriptor, Decimal},
    {StateField::kBlocks, "st_blocks", Where::kDescriptor, Decimal},
    {StateField::kMode, "mode", Where::kDescriptor, Octal},
    {StateField::kOwner, "owner", Where::kDescriptor, Decimal},
    {StateField::kLinks, "number of links", Where::kDescriptor, Decimal},
    {StateField::kFileByte, "byte of the file", Where::kDescriptorOffset, Byte},
    {StateField::kVmas, "/proc/self/maps can be read", Where::kAddress, YesNo},
    {StateField::kMapped, "a mapping begins there", Where::kAddress, YesNo},
    {StateField::kMapEnd, "end of the mapping", Where::kAddress, Decimal},
    {StateField::kMapProt, "PROT_* of the mapping", Where::kAddress, Hex},
    {StateField::kMapShared, "is MAP_SHARED", Where::kAddress, YesNo},
    {StateField::kMapOffset, "offset of the mapping in its file", Where::kAddress, Decimal},
    {StateField::kMapInode, "number of its inode", Where::kAddress, Decimal},
    {StateField::kMapMay, "VmFlags mr mw me", Where::kAddress, Hex},
    {StateField::kVmShared, "VmFlags sh", Where::kAddress, YesNo},
    {StateField::kVmDontcopy, "VmFlags dc", Where::kAddress, YesNo},
    {StateField::kVmLocked, "VmFlags lo lf", Where::kAddress, Hex},
    {StateField::kVmGuarded, "VmFlags gu", Where::kAddress, YesNo},
    {StateField::kGuardMarker, "pagemap: a guard region", Where::kAddress, YesNo},
    {StateField::kDumpable, "PR_GET_DUMPABLE", Where::kTask, Decimal},
    {StateField::kVmLck, "kB that are locked (VmLck)", Where::kAddress, Decimal},
    {StateField::kMappedByte, "load", Where::kAddress, Byte},
    {StateField::kMayWrite, "mprotect(PROT_WRITE) works", Where::kAddress, YesNo},
    {StateField::kModified, "the call sets st_mtime", Where::kDescriptor, YesNo},
    {StateField::kFdinfoPosition, "fdinfo pos", Where::kDescriptor, Decimal},
    {StateField::kFdinfoFlags, "fdinfo flags", Where::kDescriptor, Octal},
};

std::string PlaceOf(const StateDifference& d, Where where) {
  const std::string task = fmt::format("task {}", static_cast<char>('A' + d.task));
  if (where == Where::kTask) return task;
  if (where == Where::kAddress) return fmt::format("{}, address {}", task, d.offset);
  if (where == Where::kDescriptor) return fmt::format("{}, descriptor {}", task, d.object);
  return fmt::format("{}, descriptor {}, offset {}", task, d.object, d.offset);
}

}  // namespace

void Probe(Control& control, int task, const State& state, ProbeKind kind) {
  Prober(control, task, state).Run(kind);
}

std::string ToString(const StateDifference& d) {
  for (const FieldText& text : kFieldTexts) {
    if (text.field != d.field) continue;
    return fmt::format("{}: {}: model {}, kernel {}", PlaceOf(d, text.where), text.what,
                       text.value(d.expected), text.value(d.got));
  }
  return "";
}

}  // namespace selkie
