// A State as bytes, and as text for people.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/state.h"

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

void AppendMapping(std::string& out, const Mapping& m) {
  auto bits = [](uint8_t b) {
    return absl::StrCat((b & kProtRead) ? "r" : "-", (b & kProtWrite) ? "w" : "-",
                        (b & kProtExec) ? "x" : "-");
  };
  absl::StrAppend(&out, " [page ", m.start, "+", m.pages, " file ", m.file - 1, " pgoff ", m.pgoff,
                  " ", bits(m.prot), " may ", bits(m.may), m.shared ? " shared" : " private",
                  m.vm_shared ? " VM_SHARED" : "", (m.flags & kMapSealed) ? " VM_SEALED" : "",
                  (m.flags & kMapDontcopy) ? " VM_DONTCOPY" : "",
                  (m.flags & kMapLocked) ? " VM_LOCKED" : "",
                  (m.flags & kMapLockOnFault) ? " VM_LOCKONFAULT" : "",
                  (m.flags & kMapGuarded) ? " VM_MAYBE_GUARD" : "",
                  (m.flags & kMapUnmerged) ? " unmerged" : "");
  if (m.guards != 0) absl::StrAppend(&out, " guards ", m.guards);
  if (m.opened != 0) absl::StrAppend(&out, " opened ", m.opened);
  if (m.mark != 0) absl::StrAppend(&out, " mark ", m.mark);
  out += "]";
}

void AppendTask(std::string& out, const State& s, int i) {
  const Task& task = s.tasks[i];
  absl::StrAppend(&out, "task ", std::string(1, static_cast<char>('A' + i)), " uid ", task.uid,
                  task.state == TaskState::kZombie ? " zombie\n" : "");
  if (task.state == TaskState::kZombie) return;
  if (task.vfork != 0) absl::StrAppend(&out, " CLONE_VFORK");
  if (task.own_noexec != 0) absl::StrAppend(&out, " own memfd_noexec ", task.own_noexec - 1);
  if (task.nondumpable != 0) absl::StrAppend(&out, " nondumpable");
  if (task.fsize != 0) absl::StrAppend(&out, " RLIMIT_FSIZE ", task.fsize - 1);
  if (task.program != 0)
    absl::StrAppend(&out, " program ", task.program - 1,
                    task.program_nondumpable ? " nondumpable" : "");
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
  if (kind == InodeKind::kOther) return " other";
  if (kind == InodeKind::kHugetlb) return " hugetlb memfd";
  return kind == InodeKind::kMemfd ? " memfd" : " socketpair";
}

}  // namespace

std::string State::ToBytes() const {
  std::string out;
  for (uint8_t v : {limits.tasks, limits.fds, limits.files, limits.inodes, limits.maps,
                    limits.pages, limits.arena, limits.messages, limits.buffers, limits.huge})
    Put(out, v, 1);
  Put(out, noexec, 1);
  for (const Inode& n : inodes) {
    Put(out, static_cast<uint8_t>(n.kind), 1);
    for (uint8_t v : {n.seals, n.mask, n.mark}) Put(out, v, 1);
    Put(out, n.mode, 2);
    Put(out, n.uid, 2);
    Put(out, n.gid, 2);
    Put(out, n.attrs, 1);
    Put(out, n.flags, 1);
    Put(out, n.present, 1);
    Put(out, n.touched, 1);
    Put(out, n.uncleared, 1);
    Put(out, n.undirtied, 1);
    Put(out, n.size, 4);
    PutSamples(out, n.bytes);
  }
  for (const File& f : files) {
    for (uint8_t v :
         {f.inode, f.mode, f.flags, f.end, f.writer, f.lease, f.dmabuf, f.pinned, f.mark})
      Put(out, v, 1);
    Put(out, f.pos, 4);
  }
  for (const Task& t : tasks) {
    Put(out, static_cast<uint8_t>(t.state), 1);
    for (uint8_t v : {t.fds, t.mm, t.parent, t.vfork, t.program, t.mark, t.program_nondumpable,
                      t.nondumpable, t.own_noexec})
      Put(out, v, 1);
    Put(out, t.uid, 2);
    Put(out, t.fsize, 4);
  }
  for (const FdTable& table : fds)
    for (const Fd& fd : table)
      for (uint8_t v : {fd.file, fd.cloexec, fd.mark}) Put(out, v, 1);
  for (const AddressSpace& mm : mms) {
    for (const Mapping& m : mm) {
      for (uint8_t v : {m.file, m.start, m.pages, m.pgoff, m.prot, m.may, m.shared, m.vm_shared,
                        m.mark, m.copied, m.guards, m.opened, m.flags})
        Put(out, v, 1);
      PutSamples(out, m.copy);
    }
  }
  for (const Message& m : messages)
    for (uint8_t v : {m.file, m.inode, m.end, m.mark}) Put(out, v, 1);
  for (const PipeBuffer& b : buffers) {
    for (uint8_t v : {b.pipe, b.inode, b.page, b.begin, b.end, b.merges, b.at}) Put(out, v, 1);
    for (uint8_t byte : b.bytes) Put(out, byte, 1);
  }
  return out;
}

std::string ToString(const State& s) {
  std::string out;
  if (s.noexec != 0) absl::StrAppend(&out, "vm.memfd_noexec ", s.noexec, "\n");
  for (int i = 0; i < kMaxTasks; ++i)
    if (s.tasks[i].state != TaskState::kFree) AppendTask(out, s, i);
  for (int i = 0; i < kMaxFiles; ++i) {
    const File& f = s.files[i];
    if (f.inode == 0) continue;
    absl::StrAppend(
        &out, "file ", i, " inode ", f.inode - 1, " mode ", (f.mode & kModeRead) ? "r" : "-",
        (f.mode & kModeWrite) ? "w" : "-", (f.mode & kModePath) ? " O_PATH" : "",
        (f.mode & kModeExec) ? " FMODE_EXEC" : "", (f.flags & kFlagAppend) ? " O_APPEND" : "",
        f.writer ? " FMODE_WRITER" : "", (f.lease & kLeaseRead) ? " read" : "",
        (f.lease & kLeaseWrite) ? " write" : "",
        f.lease == 0                   ? ""
        : (f.lease & kLeaseDelegation) ? " delegation"
                                       : " lease",
        (f.lease & (kLeaseUnlockPending | kLeaseDowngradePending)) ? " to be broken" : "",
        f.dmabuf != 0 ? absl::StrCat(" dmabuf of pages 0x", absl::Hex(f.dmabuf), ", has 0x",
                                     absl::Hex(f.pinned))
                      : "",
        " pos ", f.pos, "\n");
  }
  for (int i = 0; i < kMaxInodes; ++i) {
    const Inode& n = s.inodes[i];
    if (n.kind == InodeKind::kNone) continue;
    absl::StrAppend(&out, "inode ", i, KindName(n.kind), " size ", n.size, " seals 0x",
                    absl::Hex(n.seals), " mode 0", absl::StrFormat("%o", n.mode), " uid ", n.uid,
                    " gid ", n.gid, (n.attrs & kAttrImmutable) ? " immutable" : "",
                    (n.attrs & kAttrAppend) ? " append-only" : "",
                    (n.flags & kInodeMounted) ? " of a mount" : "",
                    (n.flags & kInodeProgram) ? " program" : "", "\n");
  }
  for (const Message& m : s.messages)
    if (m.file != 0)
      absl::StrAppend(&out, "message with file ", m.file - 1, " to ",
                      m.inode != 0 ? "end " : "task ", m.end, "\n");
  for (const PipeBuffer& b : s.buffers)
    if (b.pipe != 0)
      absl::StrAppend(&out, "buffer of ", b.at != 0 ? "the ring of task " : "pipe ",
                      b.pipe - (b.at != 0 ? RingOf(0) : 1), " inode ", b.inode - 1, " page ",
                      b.page, " halves ", b.begin, " to ", b.end, "\n");
  return out;
}

}  // namespace selkie
