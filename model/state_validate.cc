// Validate: what holds in every state.
#include "absl/strings/str_cat.h"
#include "model/state.h"

namespace selkie {
namespace {

absl::Status Broken(const char* what) {
  return absl::InternalError(absl::StrCat("invalid state: ", what));
}

// Private copies: of pages that the file has, and nothing where there is none.
absl::Status ValidateCopies(const State& s, const Mapping& m) {
  if ((m.copied >> m.pages) != 0) return Broken("a private copy beyond the mapping");
  if ((m.guards >> m.pages) != 0) return Broken("a guard marker beyond the mapping");
  if ((m.opened & ~m.copied) != 0) return Broken("a page is opened that is no private copy");
  if ((m.guards & m.copied) != 0) return Broken("a private copy where a guard marker is");
  const Inode& inode = s.inodes[s.files[m.file - 1].inode - 1];
  const uint32_t size = inode.size;
  if (IsHugetlb(inode) != IsHugePage(m.start)) return Broken("a mapping in the wrong arena");
  for (int i = 0; i < kMaxPages; ++i) {
    const bool copied = HasCopy(m, i);
    if (!copied && m.copy[i] != decltype(m.copy[i]){}) return Broken("a copy that was not made");
    if (copied && !IsHugetlb(inode) && static_cast<uint32_t>((m.pgoff + i) * kPageSize) >= size)
      return Broken("a private copy beyond the end of the file");
  }
  return absl::OkStatus();
}

absl::Status ValidateMappings(const State& s, const AddressSpace& mm) {
  int end = 0;
  bool free_seen = false;
  for (int j = 0; j < kMaxMaps; ++j) {
    const Mapping& m = mm[j];
    if (m.file == 0) {
      if (m != Mapping{}) return Broken("a free mapping slot is not zero");
      free_seen = true;
      continue;
    }
    if (free_seen) return Broken("a mapping stands after a free slot");
    if (j >= s.limits.maps) return Broken("more mappings than the limit");
    if (m.file > kMaxFiles || s.files[m.file - 1].inode == 0)
      return Broken("a mapping refers to a free file");
    if (m.pages == 0 || m.pages > kMaxPages) return Broken("a mapping's length");
    if (m.start < end) return Broken("mappings overlap or are not sorted");
    if ((m.flags & kMapUnmerged) != 0 && (j == 0 || m.start != end))
      return Broken("a mapping unmerged with nothing");
    end = m.start + m.pages;
    if (end > ArenaEnd(s.limits, IsHugePage(m.start))) return Broken("a mapping beyond the arena");
    if ((m.prot & ~m.may) != 0) return Broken("a mapping has prot beyond its may-bits");
    if (m.vm_shared && !m.shared) return Broken("VM_SHARED on a private mapping");
    if (m.shared && m.copied != 0) return Broken("a shared mapping has private copies");
    if (m.pgoff + m.pages >= kMaxMappedPages) return Broken("a mapping's pages in the file");
    if (absl::Status status = ValidateCopies(s, m); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ValidateLimits(const State& s) {
  const Limits &l = s.limits, most;
  const bool within = l.tasks <= most.tasks && l.fds <= most.fds && l.files <= most.files &&
                      l.inodes <= most.inodes && l.maps <= most.maps && l.pages <= most.pages &&
                      l.arena <= most.arena && l.messages <= most.messages &&
                      l.buffers <= most.buffers && l.huge <= most.huge;
  const bool some = l.tasks > 0 && l.fds > 0 && l.files > 0 && l.inodes > 0 && l.maps > 0 &&
                    l.pages > 0 && l.arena > 0 && l.messages > 0;
  return within && some ? absl::OkStatus() : Broken("a limit is 0 or beyond its capacity");
}

absl::Status ValidateNamespace(const State& s) {
  return s.noexec <= kMaxNoexec ? absl::OkStatus() : Broken("vm.memfd_noexec");
}

// The file of a program is nobody else's, and it does not run beside writers.
absl::Status ValidateProgram(const State& s, const Task& task) {
  if (task.program == 0)
    return task.program_nondumpable == 0 ? absl::OkStatus() : Broken("a program that does not run");
  if (task.state != TaskState::kRunning) return Broken("a program of a task that has ended");
  const File& file = s.files[task.program - 1];
  if (file.inode == 0 || file.mode != (kModeRead | kModePwrite | kModeExec))
    return Broken("the file of a program");
  if (FileReferences(s, task.program - 1) != 1) return Broken("the file of a program is shared");
  if (WritersOf(s, file.inode - 1) >= 0) return Broken("a program that is open for writing");
  return absl::OkStatus();
}

absl::Status ValidateTasks(const State& s) {
  uint32_t tables = 0, spaces = 0;
  for (const Task& task : s.tasks) {
    if (task.state == TaskState::kFree && task.nondumpable != 0)
      return Broken("a task that does not exist is nondumpable");
    if (task.own_noexec > (task.state == TaskState::kRunning ? kMaxNoexec + 1 : 0))
      return Broken("vm.memfd_noexec of a task's own pid namespace");
    if (task.fds >= kMaxTasks || task.mm >= kMaxTasks) return Broken("a task's tables");
    const int parent = task.parent - 1;
    if (task.vfork != 0 && (parent < 0 || task.state != TaskState::kRunning ||
                            s.tasks[parent].state != TaskState::kRunning))
      return Broken("a task that nobody waits for in vfork");
    if (absl::Status status = ValidateProgram(s, task); !status.ok()) return status;
    if (task.state != TaskState::kRunning) continue;
    for (const Task& other : s.tasks)
      if (other.state == TaskState::kRunning && other.mm == task.mm &&
          other.nondumpable != task.nondumpable)
        return Broken("two tasks with one address space, one nondumpable");
    tables |= 1u << task.fds;
    spaces |= 1u << task.mm;
  }
  for (int i = 0; i < kMaxTasks; ++i) {
    if (((tables >> i) & 1) == 0 && s.fds[i] != FdTable{})
      return Broken("a descriptor table without a task is not empty");
    if (((spaces >> i) & 1) == 0 && s.mms[i] != AddressSpace{})
      return Broken("an address space without a task is not empty");
    for (int j = 0; j < kMaxFds; ++j) {
      const Fd& fd = s.fds[i][j];
      if (fd.file == 0 && fd.cloexec != 0) return Broken("a closed descriptor has FD_CLOEXEC");
      if (fd.file == 0) continue;
      if (j >= s.limits.fds) return Broken("a descriptor beyond RLIMIT_NOFILE");
      if (fd.file > kMaxFiles || s.files[fd.file - 1].inode == 0)
        return Broken("a descriptor refers to a free file");
    }
    if (absl::Status status = ValidateMappings(s, s.mms[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Of shmem, and no file of it.
bool IsDmabufFile(const File& file, const Inode& inode) {
  constexpr uint8_t kMode = kModeRead | kModeWrite;
  return inode.kind == InodeKind::kMemfd && file.mode == kMode && file.writer == 0 &&
         file.lease == 0 && file.pos == 0;
}

absl::Status ValidateFiles(const State& s) {
  for (int i = 0; i < kMaxFiles; ++i) {
    const File& file = s.files[i];
    if (file.inode == 0) {
      if (file != File{}) return Broken("a free file slot is not zero");
      continue;
    }
    if (i >= s.limits.files) return Broken("more files than the limit");
    if (file.inode > kMaxInodes || s.inodes[file.inode - 1].kind == InodeKind::kNone)
      return Broken("a file refers to a free inode");
    if (FileReferences(s, i) == 0) return Broken("a live file is unreferenced");
    if (file.pos > kMaxPos) return Broken("a file's position");
    constexpr uint8_t kTypes = kLeaseRead | kLeaseWrite;
    if (file.lease != 0 && (file.lease & kTypes) != kLeaseRead &&
        (file.lease & kTypes) != kLeaseWrite)
      return Broken("a lease of no one type");
    const bool may_lease = (file.mode & kModePath) == 0 && IsMemfd(s.inodes[file.inode - 1]);
    if ((file.lease != 0 || file.writer != 0) && !may_lease)
      return Broken("a lease or FMODE_WRITER of no regular file");
    if (file.writer > 1) return Broken("FMODE_WRITER");
    if ((file.pinned & ~file.dmabuf) != 0) return Broken("a page that the dmabuf does not have");
    if (file.dmabuf != 0 && !IsDmabufFile(file, s.inodes[file.inode - 1]))
      return Broken("a dmabuf");
  }
  return absl::OkStatus();
}

// A huge page beyond the end can be there, and written.
bool EmptyBeyondEnd(const Inode& inode) {
  if (IsHugetlb(inode)) return true;
  for (uint32_t i = (inode.size + kPageSize - 1) / kPageSize; i < kMaxPages; ++i)
    if (inode.bytes[i] != decltype(inode.bytes[i]){}) return false;
  return true;
}

absl::Status ValidateInodes(const State& s) {
  const uint32_t held = ReferencedInodes(s);
  for (int i = 0; i < kMaxInodes; ++i) {
    const Inode& inode = s.inodes[i];
    const bool live = inode.kind != InodeKind::kNone;
    if (!live && inode != Inode{}) return Broken("a free inode slot is not zero");
    if (live && i >= s.limits.inodes) return Broken("more inodes than the limit");
    if (live && ((held >> (i + 1)) & 1) == 0) return Broken("a live inode is unreferenced");
    if (inode.size > SizeLimit(s.limits, inode)) return Broken("an inode is larger than the limit");
    if ((inode.mode & ~07777) != 0) return Broken("an inode's mode");
    if (inode.flags != 0 && inode.kind != InodeKind::kMemfd) return Broken("an inode's flags");
    if ((inode.flags & kInodeProgram) != 0 && inode.size < kProgramBytes)
      return Broken("a program that the file is too short for");
    if (!IsHugetlb(inode) && (inode.present & ~inode.touched) != 0)
      return Broken("a page that is there and was not touched");
    if ((inode.uncleared & ~inode.touched) != 0 || (inode.uncleared & inode.present) != 0)
      return Broken("a page that is not cleared");
    if ((inode.undirtied & ~inode.touched) != 0) return Broken("a page that is not dirty");
    if (!EmptyBeyondEnd(inode)) return Broken("contents in pages beyond the end of an inode");
  }
  return absl::OkStatus();
}

absl::Status ValidateMessages(const State& s) {
  bool free_seen = false;
  for (const Message& m : s.messages) {
    if (m.file == 0) {
      if (m != Message{}) return Broken("a free message slot is not zero");
      free_seen = true;
      continue;
    }
    if (free_seen) return Broken("a message stands after a free slot");
    if (m.file > kMaxFiles || s.files[m.file - 1].inode == 0)
      return Broken("a message holds a free file");
    if (!CanBeReceived(s, m)) return Broken("a message that nobody can receive");
  }
  return absl::OkStatus();
}

absl::Status ValidateBuffers(const State& s) {
  bool free_seen = false;
  for (int i = 0; i < kMaxBuffers; ++i) {
    const PipeBuffer& b = s.buffers[i];
    if (b.pipe == 0) {
      if (b != PipeBuffer{}) return Broken("a free pipe buffer is not zero");
      free_seen = true;
      continue;
    }
    if (free_seen) return Broken("a pipe buffer stands after a free slot");
    if (i >= s.limits.buffers) return Broken("more pipe buffers than the limit");
    const bool ring = b.pipe > kMaxInodes;
    if (!ring && s.inodes[b.pipe - 1].kind != InodeKind::kPipe)
      return Broken("a pipe buffer of no pipe");
    if (ring && (b.pipe > RingOf(kMaxTasks - 1) ||
                 s.tasks[b.pipe - RingOf(0)].state != TaskState::kRunning))
      return Broken("a registered buffer of no task");
    if (ring != (b.at != 0)) return Broken("where a buffer was registered");
    const bool empty = b.begin == 0 && b.end == 0 && b.merges != 0;  // a write that failed left it
    if ((b.begin >= b.end && !empty) || b.end > kSamplesPerPage)
      return Broken("a pipe buffer's length");
    if (b.merges > 1 || (b.merges != 0 && (ring || b.inode != 0)))
      return Broken("a page of a file, or one of a ring, that a write to a pipe would go on in");
    if (b.inode == 0) continue;
    if (b.inode > kMaxInodes || !IsMemfd(s.inodes[b.inode - 1]))
      return Broken("a pipe buffer of a page of no file");
    if (((s.inodes[b.inode - 1].present >> b.page) & 1) == 0)
      return Broken("a pipe buffer of a page that the file does not have");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const State& state) {
  for (auto check : {ValidateLimits, ValidateNamespace, ValidateTasks, ValidateFiles,
                     ValidateInodes, ValidateMessages, ValidateBuffers})
    if (absl::Status status = check(state); !status.ok()) return status;
  return absl::OkStatus();
}

}  // namespace selkie
