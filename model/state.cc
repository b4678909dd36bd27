#include "model/state.h"

#include <algorithm>

#include "model/call.h"

namespace selkie {
namespace {

// Bits of File::flags and the flags of open that they stand for.
constexpr struct {
  uint8_t bit;
  int64_t flag;
} kFileFlags[] = {{kFlagWronly, abi::kOWronly},  {kFlagRdwr, abi::kORdwr},
                  {kFlagAppend, abi::kOAppend},  {kFlagNonblock, abi::kONonblock},
                  {kFlagDirect, abi::kODirect},  {kFlagEmptypath, abi::kOEmptypath},
                  {kFlagTmpfile, abi::kOTmpfile}};

// One bit for each file that a descriptor, a mapping, a message or a program holds.
uint32_t ReferencedFiles(const State& s) {
  uint32_t held = 0;
  for (int i = 0; i < s.limits.tasks; ++i) {
    for (int j = 0; j < s.limits.fds; ++j) held |= 1u << s.fds[i][j].file;
    for (int j = 0; j < s.limits.maps; ++j) held |= 1u << s.mms[i][j].file;
    held |= 1u << s.tasks[i].program;
  }
  for (int i = 0; i < s.limits.messages; ++i) held |= 1u << s.messages[i].file;
  return held;
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

}  // namespace

uint32_t ReferencedInodes(const State& s) {
  uint32_t held = 0;
  for (int i = 0; i < s.limits.files; ++i) held |= 1u << s.files[i].inode;
  return held;
}

bool CanBeReceived(const State& s, const Message& message) {
  if (message.inode == 0) return s.tasks[message.end].state == TaskState::kRunning;
  return EndIsOpen(s, message.inode - 1, message.end);
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

int FileReferences(const State& s, int file) {
  int count = 0;
  const uint8_t id = static_cast<uint8_t>(file + 1);
  for (const FdTable& table : s.fds)
    for (const Fd& fd : table) count += fd.file == id;
  for (const AddressSpace& mm : s.mms)
    for (const Mapping& m : mm) count += m.file == id;
  for (const Message& m : s.messages) count += m.file == id;
  for (const Task& task : s.tasks) count += task.program == id;
  return count;
}

bool WaitsInVfork(const State& s, int task) {
  for (int i = 0; i < s.limits.tasks; ++i)
    if (s.tasks[i].vfork != 0 && s.tasks[i].parent == task + 1) return true;
  return false;
}

// What is most often false is asked first, and of which inode a mapping is only if there can be
// several: the checker counts the bits on which a call depends.
bool HasWritableMapping(const State& s, int inode, bool need_maywrite) {
  for (int i = 0; i < s.limits.tasks; ++i) {
    for (int j = 0; j < s.limits.maps; ++j) {
      const Mapping& m = s.mms[i][j];
      if (m.vm_shared == 0 || (need_maywrite && (m.may & kProtWrite) == 0)) continue;
      if (s.limits.inodes == 1 || s.files[m.file - 1].inode == inode + 1) return true;
    }
  }
  return false;
}

uint8_t FileFlagsOf(int64_t flags) {
  uint8_t bits = 0;
  for (const auto& each : kFileFlags)
    if ((flags & each.flag) == each.flag) bits |= each.bit;
  return bits;
}

int64_t StatusFlagsOf(const File& file, const Inode& inode) {
  const bool path = (file.mode & kModePath) != 0;
  const bool regular = IsMemfd(inode) && file.dmabuf == 0;
  int64_t flags = path ? abi::kOPath : regular ? abi::kOLargefile : 0;
  for (const auto& each : kFileFlags)
    if ((file.flags & each.bit) != 0) flags |= each.flag;
  if (file.lease != 0) flags |= abi::kOAsync;  // fasync_insert_entry, for SIGIO
  return flags;
}

int WritersOf(const State& s, int inode) {
  int writers = 0;
  for (int i = 0; i < s.limits.files; ++i) {
    if (s.files[i].inode != inode + 1) continue;
    writers += s.files[i].writer != 0;
    writers -= (s.files[i].mode & kModeExec) != 0;
  }
  return writers;
}

bool HasDelegation(const State& s, int inode) {
  for (int i = 0; i < s.limits.files; ++i)
    if (s.files[i].inode == inode + 1 && (s.files[i].lease & kLeaseDelegation) != 0) return true;
  return false;
}

uint8_t PinnedPages(const State& s, int inode) {
  uint8_t pages = 0;
  for (int i = 0; i < s.limits.buffers && s.buffers[i].pipe != 0; ++i) {
    const PipeBuffer& b = s.buffers[i];
    if (b.inode == inode + 1) pages |= PageBits(b.page, b.page + 1);
  }
  for (int i = 0; i < s.limits.files; ++i)
    if (s.files[i].pinned != 0 && s.files[i].inode == inode + 1) pages |= s.files[i].pinned;
  return pages;
}

bool HasRegisteredBuffers(const State& s, int task) {
  for (int i = 0; i < s.limits.buffers && s.buffers[i].pipe != 0; ++i)
    if (s.buffers[i].pipe == RingOf(task)) return true;
  return false;
}

void DropBuffersOf(State& s, int holder) {
  int kept = 0;
  for (int i = 0; i < s.limits.buffers; ++i) {
    const PipeBuffer b = s.buffers[i];
    s.buffers[i] = PipeBuffer{};
    if (b.pipe != 0 && b.pipe != holder) s.buffers[kept++] = b;
  }
}

bool DetachPages(State& s, int inode, int first, int end) {
  bool any = false;
  for (int i = 0; i < s.limits.buffers && s.buffers[i].pipe != 0; ++i) {
    PipeBuffer& b = s.buffers[i];
    if (b.inode != inode + 1 || b.page < first || b.page >= end) continue;
    b.bytes = s.inodes[inode].bytes[b.page];
    b.inode = b.page = 0;
    any = true;
  }
  const uint8_t gone = PageBits(first, end);
  for (int i = 0; i < s.limits.files; ++i) {
    File& file = s.files[i];
    if ((file.pinned & gone) == 0 || file.inode != inode + 1) continue;
    file.pinned &= static_cast<uint8_t>(~gone);
    any = true;
  }
  return any;
}

namespace {

// An inode goes: pipes keep the pages of a file, a pipe's own buffers go with it.
void DropInodePages(State& s, int inode) {
  DetachPages(s, inode, 0);
  DropBuffersOf(s, inode + 1);
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
