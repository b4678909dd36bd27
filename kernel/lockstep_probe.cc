#include "kernel/lockstep_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "fmt/format.h"
#include "kernel/executor.h"
#include "kernel/executor_raw.h"
#include "model/call_text.h"

namespace selkie {
namespace {

// One comparison of a task's view with a state.
class Prober {
 public:
  Prober(Control& control, int task, const State& state)
      : control_(control), task_(task), state_(state) {}

  void Run(ProbeKind kind) {
    Descriptors();
    const AddressSpace& mm = state_.mms[state_.tasks[task_].mm];
    int page = 0;
    for (const Mapping& mapping : mm) {
      if (mapping.file == 0) break;
      Gap(page, mapping.start);
      Mapped(mapping);
      page = mapping.start + mapping.pages;
    }
    Gap(page, kArenaPages);
    if (kind != ProbeKind::kFinal) return;
    for (const Mapping& mapping : mm)
      if (mapping.file != 0) MayWrite(mapping);
  }

 private:
  void Compare(StateField field, int object, int64_t offset, int64_t expected, int64_t got) {
    ++control_.state_checks;
    if (expected == got || control_.differs || !control_.stop_at_difference) return;
    control_.differs = true;
    control_.difference =
        StateDifference{field, static_cast<uint8_t>(task_), object, offset, expected, got};
  }

  // One poll says of all descriptors whether they are open; but an O_PATH
  // descriptor looks like a closed one to it.
  void Descriptors() {
    const FdTable& table = state_.fds[state_.tasks[task_].fds];
    pollfd all[kMaxFds];
    for (int slot = 0; slot < kMaxFds; ++slot) all[slot] = {kFirstFd + slot, POLLIN, 0};
    RawSyscall(SYS_poll, Raw(all), state_.limits.fds, 0);
    for (int slot = 0; slot < state_.limits.fds; ++slot) {
      const bool maybe = (all[slot].revents & POLLNVAL) == 0 || table[slot].file != 0;
      Descriptor(kFirstFd + slot, table[slot], maybe);
    }
  }

  void Descriptor(int fd, const Fd& expected, bool maybe_open) {
    const int64_t cloexec = maybe_open ? RawSyscall(SYS_fcntl, fd, F_GETFD) : -EBADF;
    Compare(StateField::kDescriptorOpen, fd, 0, expected.file != 0, cloexec >= 0);
    if (expected.file == 0 || cloexec < 0) return;
    Compare(StateField::kDescriptorCloexec, fd, 0, expected.cloexec, cloexec);
    OpenFile(fd, expected.file - 1);
  }

  void OpenFile(int fd, int index) {
    const File& file = state_.files[index];
    const Inode& inode = state_.inodes[file.inode - 1];
    const bool path = (file.mode & kModePath) != 0;
    Compare(StateField::kStatusFlags, fd, 0, FlagsOf(file, inode),
            RawSyscall(SYS_fcntl, fd, F_GETFL));
    if (inode.kind != InodeKind::kMemfd) return;
    if (!path)
      Compare(StateField::kPosition, fd, 0, file.pos, RawSyscall(SYS_lseek, fd, 0, SEEK_CUR));
    struct stat status;
    RawSyscall(SYS_fstat, fd, Raw(&status));
    SameInode(fd, file.inode - 1, static_cast<int64_t>(status.st_ino));
    if (path) return;
    InodeOnce(fd, file.inode - 1, status.st_size, status.st_mode & 07777);
    if ((file.mode & kModeRead) != 0) ContentsOnce(fd, file.inode - 1);
  }

  static int64_t FlagsOf(const File& file, const Inode& inode) {
    if ((file.mode & kModePath) != 0) return O_PATH;
    int64_t flags = inode.kind == InodeKind::kMemfd ? abi::kOLargefile : 0;
    if ((file.flags & kFlagWronly) != 0) flags |= O_WRONLY;
    if ((file.flags & kFlagRdwr) != 0) flags |= O_RDWR;
    if ((file.flags & kFlagDirect) != 0) flags |= O_DIRECT;
    if ((file.flags & kFlagAppend) != 0) flags |= O_APPEND;
    if ((file.flags & kFlagNonblock) != 0) flags |= O_NONBLOCK;
    return flags;
  }

  // Two descriptors are one inode in the kernel iff they are in the model.
  void SameInode(int fd, int index, int64_t number) {
    if (numbers_[index] == 0) numbers_[index] = number;
    const auto place = std::find(numbers_.begin(), numbers_.end(), number);
    Compare(StateField::kSameInode, fd, 0, index, place - numbers_.begin());
  }

  void InodeOnce(int fd, int index, int64_t size, int64_t mode) {
    if (seen_[index]) return;
    seen_[index] = true;
    const Inode& inode = state_.inodes[index];
    Compare(StateField::kSeals, fd, 0, inode.seals, RawSyscall(SYS_fcntl, fd, F_GET_SEALS));
    Compare(StateField::kSize, fd, 0, inode.size, size);
    Compare(StateField::kMode, fd, 0, inode.mode, mode);
  }

  void ContentsOnce(int fd, int index) {
    if (read_[index]) return;
    read_[index] = true;
    const Inode& inode = state_.inodes[index];
    uint8_t* bytes = control_.buffer.data();  // whole pages take a guest long
    for (uint32_t at = 0; at < inode.size; at += kSampleStride) {
      RawSyscall(SYS_pread64, fd, Raw(bytes), 1, at);
      Compare(StateField::kFileByte, fd, at,
              inode.bytes[at / kPageSize][at % kPageSize / kSampleStride], *bytes);
    }
  }

  // Pages [begin, end) of the arena, where nothing is mapped.
  void Gap(int begin, int end) {
    if (begin >= end) return;
    const int64_t at = int64_t{begin} * kPageSize;
    Compare(StateField::kMapped, 0, at, false,
            !IsUnmapped(kArenaBase + at, int64_t{end - begin} * kPageSize));
  }

  void Mapped(const Mapping& mapping) {
    const int64_t start = int64_t{mapping.start} * kPageSize;
    Compare(StateField::kMapped, 0, start, true,
            IsMapped(kArenaBase + start, int64_t{mapping.pages} * kPageSize));
    if (mapping.prot == kProtExec) return;  // readable or not, as the processor has it
    for (int page = 0; page < mapping.pages; ++page) MappedPage(mapping, page);
  }

  void MappedPage(const Mapping& mapping, int page) {
    const int64_t start = int64_t{mapping.start + page} * kPageSize;
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
    if (mapping.prot == 0) return -SIGSEGV;
    if (((mapping.copied >> page) & 1) != 0) return mapping.copy[page][sample];
    const int in_file = mapping.pgoff + page;
    const Inode& inode = state_.inodes[state_.files[mapping.file - 1].inode - 1];
    if (int64_t{in_file} * kPageSize >= inode.size) return -SIGBUS;
    return inode.bytes[in_file][sample];
  }

  static bool MayBecomeWritable(const Mapping& mapping) {
    return (mapping.may & kProtWrite) != 0 && (mapping.flags & kMapSealed) == 0;
  }

  void MayWrite(const Mapping& mapping) {
    const int64_t offset = int64_t{mapping.start} * kPageSize;
    const bool may =
        RawSyscall(SYS_mprotect, kArenaBase + offset, kPageSize, PROT_READ | PROT_WRITE) == 0;
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

enum class Where { kDescriptor, kDescriptorOffset, kAddress };

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
    {StateField::kMode, "mode", Where::kDescriptor, Octal},
    {StateField::kFileByte, "byte of the file", Where::kDescriptorOffset, Byte},
    {StateField::kMapped, "is mapped", Where::kAddress, YesNo},
    {StateField::kMappedByte, "load", Where::kAddress, Byte},
    {StateField::kMayWrite, "mprotect(PROT_WRITE) works", Where::kAddress, YesNo},
};

std::string PlaceOf(const StateDifference& d, Where where) {
  if (where == Where::kAddress) return fmt::format("address {}", d.offset);
  if (where == Where::kDescriptor) return fmt::format("descriptor {}", d.object);
  return fmt::format("descriptor {}, offset {}", d.object, d.offset);
}

}  // namespace

void Probe(Control& control, int task, const State& state, ProbeKind kind) {
  Prober(control, task, state).Run(kind);
}

std::string ToString(const StateDifference& d) {
  for (const FieldText& text : kFieldTexts) {
    if (text.field != d.field) continue;
    return fmt::format("task {}, {}: {}: model {}, kernel {}", static_cast<char>('A' + d.task),
                       PlaceOf(d, text.where), text.what, text.value(d.expected),
                       text.value(d.got));
  }
  return "";
}

}  // namespace selkie
