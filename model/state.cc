#include "model/state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace selkie {
namespace {

void Put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

template <typename Samples>
void PutSamples(std::string& out, const Samples& samples) {
  for (const auto& page : samples)
    for (uint8_t byte : page) Put(out, byte, 1);
}

// One bit for each file that a descriptor, a mapping or a message holds.
uint32_t ReferencedFiles(const State& s) {
  uint32_t held = 0;
  for (int i = 0; i < s.limits.tasks; ++i) {
    for (int j = 0; j < s.limits.fds; ++j) held |= 1u << s.fds[i][j].file;
    for (int j = 0; j < s.limits.maps; ++j) held |= 1u << s.mms[i][j].file;
  }
  for (int i = 0; i < s.limits.messages; ++i) held |= 1u << s.messages[i].file;
  return held;
}

uint32_t ReferencedInodes(const State& s) {
  uint32_t held = 0;
  for (int i = 0; i < s.limits.files; ++i) held |= 1u << s.files[i].inode;
  return held;
}

// A message can be received while the socket at its end is open, or its task
// runs.
bool CanBeReceived(const State& s, const Message& message) {
  if (message.inode == 0) return s.tasks[message.end].state == TaskState::kRunning;
  return EndIsOpen(s, message.inode - 1, message.end);
}

void RemoveMessage(State& s, int index) {
  for (int i = index; i + 1 < kMaxMessages; ++i) s.messages[i] = s.messages[i + 1];
  s.messages[kMaxMessages - 1] = Message{};
}

// net/unix/af_unix.c unix_release_sock: a socket closed with messages unread
// leaves ECONNRESET to its peer.
void ResetPeer(State& s, const Message& unread) {
  if (unread.inode == 0) return;
  Inode& pair = s.inodes[unread.inode - 1];
  if (pair.kind == InodeKind::kSocketPair)
    pair.mask |= static_cast<uint8_t>(1u << (1 - unread.end));
}

bool DropUnreceivableMessage(State& s) {
  for (int i = 0; i < s.limits.messages; ++i) {
    if (s.messages[i].file == 0) break;
    if (CanBeReceived(s, s.messages[i])) continue;
    ResetPeer(s, s.messages[i]);
    RemoveMessage(s, i);
    return true;
  }
  return false;
}

void AppendMapping(std::string& out, const Mapping& m) {
  auto bits = [](uint8_t b) {
    return absl::StrCat((b & kProtRead) ? "r" : "-", (b & kProtWrite) ? "w" : "-",
                        (b & kProtExec) ? "x" : "-");
  };
  absl::StrAppend(&out, " [page ", m.start, "+", m.pages, " file ", m.file - 1, " pgoff ", m.pgoff,
                  " ", bits(m.prot), " may ", bits(m.may), m.shared ? " shared" : " private",
                  m.vm_shared ? " VM_SHARED" : "", (m.flags & kMapSealed) ? " VM_SEALED" : "",
                  (m.flags & kMapDontcopy) ? " VM_DONTCOPY" : "");
  if (m.mark != 0) absl::StrAppend(&out, " mark ", m.mark);
  out += "]";
}

void AppendTask(std::string& out, const State& s, int i) {
  const Task& task = s.tasks[i];
  absl::StrAppend(&out, "task ", std::string(1, static_cast<char>('A' + i)), " uid ", task.uid,
                  task.state == TaskState::kZombie ? " zombie\n" : "");
  if (task.state == TaskState::kZombie) return;
  if (task.fsize != 0) absl::StrAppend(&out, " RLIMIT_FSIZE ", task.fsize - 1);
  absl::StrAppend(&out, " fds {");
  for (int j = 0; j < kMaxFds; ++j) {
    const Fd& fd = s.fds[task.fds][j];
    if (fd.file == 0) continue;
    absl::StrAppend(&out, " ", kFirstFd + j, ":", fd.file - 1, fd.cloexec ? "c" : "");
  }
  out += " } maps {";
  for (const Mapping& m : s.mms[task.mm])
    if (m.file != 0) AppendMapping(out, m);
  out += " }\n";
}

const char* KindName(InodeKind kind) {
  if (kind == InodeKind::kPipe) return " pipe";
  return kind == InodeKind::kMemfd ? " memfd" : " socketpair";
}

absl::Status Broken(const char* what) {
  return absl::InternalError(absl::StrCat("invalid state: ", what));
}

// Private copies: of pages that the file has, and nothing where there is none.
absl::Status ValidateCopies(const State& s, const Mapping& m) {
  if ((m.copied >> m.pages) != 0) return Broken("a private copy beyond the mapping");
  const uint32_t size = s.inodes[s.files[m.file - 1].inode - 1].size;
  for (int i = 0; i < kMaxPages; ++i) {
    const bool copied = ((m.copied >> i) & 1) != 0;
    if (!copied && m.copy[i] != decltype(m.copy[i]){}) return Broken("a copy that was not made");
    if (copied && static_cast<uint32_t>((m.pgoff + i) * kPageSize) >= size)
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
    end = m.start + m.pages;
    if (end > s.limits.arena) return Broken("a mapping beyond the arena");
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
                      l.buffers <= most.buffers;
  const bool some = l.tasks > 0 && l.fds > 0 && l.files > 0 && l.inodes > 0 && l.maps > 0 &&
                    l.pages > 0 && l.arena > 0 && l.messages > 0;
  return within && some ? absl::OkStatus() : Broken("a limit is 0 or beyond its capacity");
}

absl::Status ValidateTasks(const State& s) {
  uint32_t tables = 0, spaces = 0;
  for (const Task& task : s.tasks) {
    if (task.fds >= kMaxTasks || task.mm >= kMaxTasks) return Broken("a task's tables");
    if (task.state != TaskState::kRunning) continue;
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
  }
  return absl::OkStatus();
}

bool EmptyBeyondEnd(const Inode& inode) {
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
    if (inode.size > static_cast<uint32_t>(s.limits.pages) * kPageSize)
      return Broken("an inode is larger than the limit");
    if ((inode.mode & ~07777) != 0) return Broken("an inode's mode");
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
    if (b.pipe > kMaxInodes || s.inodes[b.pipe - 1].kind != InodeKind::kPipe)
      return Broken("a pipe buffer of no pipe");
    if (b.begin >= b.end || b.end > kSamplesPerPage) return Broken("a pipe buffer's length");
    if (b.inode == 0) continue;
    if (b.inode > kMaxInodes || s.inodes[b.inode - 1].kind != InodeKind::kMemfd)
      return Broken("a pipe buffer of a page of no file");
    if (((s.inodes[b.inode - 1].present >> b.page) & 1) == 0)
      return Broken("a pipe buffer of a page that the file does not have");
  }
  return absl::OkStatus();
}

}  // namespace

std::string State::ToBytes() const {
  std::string out;
  for (uint8_t v : {limits.tasks, limits.fds, limits.files, limits.inodes, limits.maps,
                    limits.pages, limits.arena, limits.messages, limits.buffers})
    Put(out, v, 1);
  for (const Inode& n : inodes) {
    Put(out, static_cast<uint8_t>(n.kind), 1);
    for (uint8_t v : {n.seals, n.mask, n.mark}) Put(out, v, 1);
    Put(out, n.mode, 2);
    Put(out, n.uid, 2);
    Put(out, n.gid, 2);
    Put(out, n.attrs, 1);
    Put(out, n.present, 1);
    Put(out, n.size, 4);
    PutSamples(out, n.bytes);
  }
  for (const File& f : files) {
    for (uint8_t v : {f.inode, f.mode, f.flags, f.end, f.mark}) Put(out, v, 1);
    Put(out, f.pos, 4);
  }
  for (const Task& t : tasks) {
    Put(out, static_cast<uint8_t>(t.state), 1);
    for (uint8_t v : {t.fds, t.mm, t.parent, t.mark}) Put(out, v, 1);
    Put(out, t.uid, 2);
    Put(out, t.fsize, 4);
  }
  for (const FdTable& table : fds)
    for (const Fd& fd : table)
      for (uint8_t v : {fd.file, fd.cloexec, fd.mark}) Put(out, v, 1);
  for (const AddressSpace& mm : mms) {
    for (const Mapping& m : mm) {
      for (uint8_t v : {m.file, m.start, m.pages, m.pgoff, m.prot, m.may, m.shared, m.vm_shared,
                        m.mark, m.copied, m.flags})
        Put(out, v, 1);
      PutSamples(out, m.copy);
    }
  }
  for (const Message& m : messages)
    for (uint8_t v : {m.file, m.inode, m.end, m.mark}) Put(out, v, 1);
  for (const PipeBuffer& b : buffers) {
    for (uint8_t v : {b.pipe, b.inode, b.page, b.begin, b.end}) Put(out, v, 1);
    for (uint8_t byte : b.bytes) Put(out, byte, 1);
  }
  return out;
}

State InitialState(const Limits& limits, const std::vector<int>& uids) {
  State s;
  s.limits = limits;
  for (int i = 0; i < kMaxTasks; ++i) {
    s.tasks[i].fds = static_cast<uint8_t>(i);
    s.tasks[i].mm = static_cast<uint8_t>(i);
  }
  const int running = std::min<int>(static_cast<int>(uids.size()), limits.tasks);
  for (int i = 0; i < running; ++i) {
    s.tasks[i].state = TaskState::kRunning;
    s.tasks[i].uid = static_cast<uint16_t>(uids[i]);
  }
  return s;
}

absl::Status Validate(const State& state) {
  for (auto check : {ValidateLimits, ValidateTasks, ValidateFiles, ValidateInodes, ValidateMessages,
                     ValidateBuffers})
    if (absl::Status status = check(state); !status.ok()) return status;
  return absl::OkStatus();
}

std::string ToString(const State& s) {
  std::string out;
  for (int i = 0; i < kMaxTasks; ++i)
    if (s.tasks[i].state != TaskState::kFree) AppendTask(out, s, i);
  for (int i = 0; i < kMaxFiles; ++i) {
    const File& f = s.files[i];
    if (f.inode == 0) continue;
    absl::StrAppend(&out, "file ", i, " inode ", f.inode - 1, " mode ",
                    (f.mode & kModeRead) ? "r" : "-", (f.mode & kModeWrite) ? "w" : "-",
                    (f.mode & kModePath) ? " O_PATH" : "",
                    (f.flags & kFlagAppend) ? " O_APPEND" : "", " pos ", f.pos, "\n");
  }
  for (int i = 0; i < kMaxInodes; ++i) {
    const Inode& n = s.inodes[i];
    if (n.kind == InodeKind::kNone) continue;
    absl::StrAppend(&out, "inode ", i, KindName(n.kind), " size ", n.size, " seals 0x",
                    absl::Hex(n.seals), " mode 0", absl::StrFormat("%o", n.mode), " uid ", n.uid,
                    " gid ", n.gid, (n.attrs & kAttrImmutable) ? " immutable" : "",
                    (n.attrs & kAttrAppend) ? " append-only" : "", "\n");
  }
  for (const Message& m : s.messages)
    if (m.file != 0)
      absl::StrAppend(&out, "message with file ", m.file - 1, " to ",
                      m.inode != 0 ? "end " : "task ", m.end, "\n");
  for (const PipeBuffer& b : s.buffers)
    if (b.pipe != 0)
      absl::StrAppend(&out, "buffer of pipe ", b.pipe - 1, " inode ", b.inode - 1, " page ", b.page,
                      " halves ", b.begin, " to ", b.end, "\n");
  return out;
}

int FileReferences(const State& s, int file) {
  int count = 0;
  const uint8_t id = static_cast<uint8_t>(file + 1);
  for (const FdTable& table : s.fds)
    for (const Fd& fd : table) count += fd.file == id;
  for (const AddressSpace& mm : s.mms)
    for (const Mapping& m : mm) count += m.file == id;
  for (const Message& m : s.messages) count += m.file == id;
  return count;
}

bool HasWritableMapping(const State& s, int inode, bool need_maywrite) {
  for (int i = 0; i < s.limits.tasks; ++i) {
    for (int j = 0; j < s.limits.maps; ++j) {
      const Mapping& m = s.mms[i][j];
      if (m.file == 0) break;
      if (m.vm_shared && s.files[m.file - 1].inode == inode + 1 &&
          (!need_maywrite || (m.may & kProtWrite) != 0))
        return true;
    }
  }
  return false;
}

bool HasPagesInPipes(const State& s, int inode) {
  for (int i = 0; i < s.limits.buffers && s.buffers[i].pipe != 0; ++i)
    if (s.buffers[i].inode == inode + 1) return true;
  return false;
}

void DetachPages(State& s, int inode, int first, int end) {
  for (int i = 0; i < s.limits.buffers && s.buffers[i].pipe != 0; ++i) {
    PipeBuffer& b = s.buffers[i];
    if (b.inode != inode + 1 || b.page < first || b.page >= end) continue;
    b.bytes = s.inodes[inode].bytes[b.page];
    b.inode = b.page = 0;
  }
}

namespace {

// An inode goes: pipes keep the pages of a file, a pipe's own buffers go with it.
void DropInodePages(State& s, int inode) {
  DetachPages(s, inode, 0);
  int kept = 0;
  for (int i = 0; i < s.limits.buffers; ++i) {
    const PipeBuffer b = s.buffers[i];
    s.buffers[i] = PipeBuffer{};
    if (b.pipe != 0 && b.pipe != inode + 1) s.buffers[kept++] = b;
  }
}

}  // namespace

void ReleaseUnreferenced(State& s) {
  do {
    const uint32_t held = ReferencedFiles(s);
    for (int i = 0; i < s.limits.files; ++i)
      if (((held >> (i + 1)) & 1) == 0) s.files[i] = File{};
    const uint32_t inodes = ReferencedInodes(s);
    for (int i = 0; i < s.limits.inodes; ++i) {
      if (((inodes >> (i + 1)) & 1) != 0) continue;
      if (s.limits.buffers > 0 && s.inodes[i].kind != InodeKind::kNone) DropInodePages(s, i);
      s.inodes[i] = Inode{};
    }
  } while (DropUnreceivableMessage(s));
}

int LowestFreeFd(const State& s, int task, int64_t min) {
  const FdTable& table = s.fds[s.tasks[task].fds];
  for (int64_t i = std::max<int64_t>(min - kFirstFd, 0); i < s.limits.fds; ++i)
    if (table[i].file == 0) return static_cast<int>(i) + kFirstFd;
  return -1;
}

bool EndIsOpen(const State& s, int inode, int end) {
  for (int i = 0; i < s.limits.files; ++i)
    if (s.files[i].inode == inode + 1 && s.files[i].end == end) return true;
  return false;
}

int FreeFile(const State& s) {
  for (int i = 0; i < s.limits.files; ++i)
    if (s.files[i].inode == 0) return i;
  return -1;
}

int FreeInode(const State& s) {
  for (int i = 0; i < s.limits.inodes; ++i)
    if (s.inodes[i].kind == InodeKind::kNone) return i;
  return -1;
}

int MappingAt(const State& s, int task, int page) {
  const AddressSpace& mm = s.mms[s.tasks[task].mm];
  for (int j = 0; j < s.limits.maps; ++j) {
    const Mapping& m = mm[j];
    if (m.file == 0) break;
    if (page >= m.start && page < m.start + m.pages) return j;
  }
  return -1;
}

}  // namespace selkie
