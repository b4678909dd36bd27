#include "checker/packing.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

int WidthOf(uint32_t highest) { return std::bit_width(highest); }

class Reader {
 public:
  Reader(const PackedWords& in, int at) : in_(in), at_(at) {}
  template <typename T>
  void operator()(T& field, int width) {
    if (width == 0) return;
    const int word = at_ / 64, shift = at_ % 64;
    uint64_t value = in_[word] >> shift;
    if (shift + width > 64) value |= in_[word + 1] << (64 - shift);
    field = static_cast<T>(value & ((uint64_t{1} << width) - 1));
    at_ += width;
  }
  int at() const { return at_; }

 private:
  const PackedWords& in_;
  int at_;
};

// The one description of what is stored, and in which order, for listing and
// reading.  S is State or const State.
template <typename Archive, typename S>
void VisitTasks(Archive& a, const Layout& l, S& s) {
  for (int i = 0; i < l.limits.tasks; ++i) {
    auto& task = s.tasks[i];
    if (l.task_state != 0) a(task.state, l.task_state);
    if (l.task_tables != 0) {
      a(task.fds, l.task_tables);
      a(task.mm, l.task_tables);
    }
    if (l.task_parent != 0) a(task.parent, l.task_parent);
    if (l.task_uid != 0) a(task.uid, l.task_uid);
    if (l.task_mark != 0) a(task.mark, l.task_mark);
    for (int j = 0; j < l.limits.fds; ++j) {
      auto& fd = s.fds[i][j];
      a(fd.file, l.fd_file);
      if (l.fd_cloexec != 0) a(fd.cloexec, l.fd_cloexec);
      if (l.fd_mark != 0) a(fd.mark, l.fd_mark);
    }
  }
}

template <typename Archive, typename S>
void VisitFiles(Archive& a, const Layout& l, S& s) {
  for (int i = 0; i < l.limits.files; ++i) {
    auto& file = s.files[i];
    a(file.inode, l.file_inode);
    a(file.mode, l.file_mode);
    if (l.file_flags != 0) a(file.flags, l.file_flags);
    if (l.file_end != 0) a(file.end, l.file_end);
    if (l.file_mark != 0) a(file.mark, l.file_mark);
    if (l.file_pos != 0) a(file.pos, l.file_pos);
  }
}

template <typename Archive, typename Samples>
void VisitBytes(Archive& a, const Layout& l, Samples& samples) {
  if (l.byte == 0) return;
  for (int page = 0; page < l.limits.pages; ++page)
    for (auto& byte : samples[page]) a(byte, l.byte);
}

template <typename Archive, typename S>
void VisitInodes(Archive& a, const Layout& l, S& s) {
  for (int i = 0; i < l.limits.inodes; ++i) {
    auto& inode = s.inodes[i];
    a(inode.kind, l.inode_kind);
    if (l.inode_seals != 0) a(inode.seals, l.inode_seals);
    if (l.inode_mask != 0) a(inode.mask, l.inode_mask);
    if (l.inode_mark != 0) a(inode.mark, l.inode_mark);
    if (l.inode_mode != 0) a(inode.mode, l.inode_mode);
    if (l.inode_uid != 0) a(inode.uid, l.inode_uid);
    if (l.inode_size != 0) a(inode.size, l.inode_size);
    VisitBytes(a, l, inode.bytes);
  }
}

template <typename Archive, typename S>
void VisitMappings(Archive& a, const Layout& l, S& s) {
  for (int i = 0; i < l.limits.tasks; ++i) {
    for (int j = 0; j < l.limits.maps; ++j) {
      auto& m = s.mms[i][j];
      a(m.file, l.map_file);
      if (l.map_start != 0) a(m.start, l.map_start);
      if (l.map_pages != 0) a(m.pages, l.map_pages);
      if (l.map_pgoff != 0) a(m.pgoff, l.map_pgoff);
      a(m.prot, 3);
      a(m.may, 3);
      a(m.shared, 1);
      a(m.vm_shared, 1);
      if (l.map_mark != 0) a(m.mark, l.map_mark);
      if (l.map_copied != 0) a(m.copied, l.map_copied);
      VisitBytes(a, l, m.copy);
    }
  }
}

template <typename Archive, typename S>
void Visit(Archive& a, const Layout& l, S& s) {
  VisitTasks(a, l, s);
  VisitFiles(a, l, s);
  VisitInodes(a, l, s);
  VisitMappings(a, l, s);
  if (l.message_file == 0) return;
  for (int i = 0; i < l.limits.messages; ++i) {
    auto& m = s.messages[i];
    a(m.file, l.message_file);
    if (l.message_inode != 0) a(m.inode, l.message_inode);
    a(m.end, l.message_end);
    if (l.message_mark != 0) a(m.mark, l.message_mark);
  }
}

// Notes where the stored fields of a State are.
struct ListFields {
  const State& state;
  std::vector<StoredField>& stored;
  template <typename T>
  void operator()(const T& field, int width) {
    constexpr int kSpan = sizeof(uint32_t);
    const auto offset = static_cast<int>(reinterpret_cast<const char*>(&field) -
                                         reinterpret_cast<const char*>(&state));
    const int from = std::min<int>(offset, sizeof(State) - kSpan);
    const uint32_t mask = sizeof(T) == kSpan ? ~0u : (1u << (8 * sizeof(T))) - 1;
    if (width != 0)
      stored.push_back({static_cast<uint16_t>(from), static_cast<uint8_t>(8 * (offset - from)),
                        static_cast<uint8_t>(width), mask});
  }
};

void FillLiveInode(const Layout& l, Inode& inode) {
  if (inode.kind != InodeKind::kMemfd) return;
  if (l.inode_mask == 0) inode.mask = l.live_inode.mask;
  if (l.inode_mode == 0) inode.mode = l.live_inode.mode;
  if (l.inode_uid == 0) inode.uid = l.live_inode.uid;
}

void FillTasks(const Layout& l, State& s) {
  for (int i = 0; i < kMaxTasks; ++i) {
    const Task stored = s.tasks[i];
    Task& task = s.tasks[i];
    task = l.initial.tasks[i];
    if (i >= l.limits.tasks) continue;
    if (l.task_state != 0) task.state = stored.state;
    if (l.task_tables != 0) {
      task.fds = stored.fds;
      task.mm = stored.mm;
    }
    if (l.task_parent != 0) task.parent = stored.parent;
    if (l.task_uid != 0) task.uid = stored.uid;
    if (l.task_mark != 0) task.mark = stored.mark;
  }
}

// A live mapping of one page has nothing stored of its length.
void FillMappings(const Layout& l, State& s) {
  if (l.map_pages != 0) return;
  for (int i = 0; i < l.limits.tasks; ++i)
    for (int j = 0; j < l.limits.maps; ++j) s.mms[i][j].pages = s.mms[i][j].file != 0;
}

}  // namespace

Layout MakeLayout(const Limits& limits, const FieldUse& use, const State& initial,
                  const Inode& live_inode) {
  Layout l;
  l.limits = limits;
  l.initial = initial;
  l.live_inode = live_inode;
  const int size_bits = WidthOf(limits.pages * kPageSize);
  if (use.tasks) l.task_state = 2;
  if (use.threads) l.task_tables = static_cast<uint8_t>(WidthOf(kMaxTasks - 1));
  if (use.parents) l.task_parent = static_cast<uint8_t>(WidthOf(limits.tasks));
  if (use.task_uids) l.task_uid = 16;
  l.task_mark = static_cast<uint8_t>(WidthOf(use.task_mark));
  l.fd_file = static_cast<uint8_t>(WidthOf(limits.files));
  l.fd_cloexec = use.cloexec;
  l.fd_mark = static_cast<uint8_t>(WidthOf(use.fd_mark));
  l.file_inode = static_cast<uint8_t>(WidthOf(limits.inodes));
  if (use.flags) l.file_flags = 4;
  l.file_end = use.sockets;
  l.file_mark = static_cast<uint8_t>(WidthOf(use.file_mark));
  if (use.pos) l.file_pos = static_cast<uint8_t>(size_bits);
  l.inode_kind = use.sockets ? 2 : 1;
  l.inode_seals = static_cast<uint8_t>(WidthOf(use.seals));
  if (use.mask) l.inode_mask = 3;
  l.inode_mark = static_cast<uint8_t>(WidthOf(use.inode_mark));
  if (use.mode) l.inode_mode = 12;
  if (use.owners) l.inode_uid = 16;
  if (use.size) l.inode_size = static_cast<uint8_t>(size_bits);
  if (use.contents) l.byte = 8;
  l.map_file = l.fd_file;
  l.map_start = static_cast<uint8_t>(WidthOf(limits.arena - 1));
  if (limits.pages > 1) l.map_pages = static_cast<uint8_t>(WidthOf(limits.pages));
  l.map_pgoff = static_cast<uint8_t>(WidthOf(limits.pages - 1));
  l.map_mark = static_cast<uint8_t>(WidthOf(use.map_mark));
  if (use.contents) l.map_copied = limits.pages;
  if (use.messages) {
    l.message_file = l.fd_file;
    if (use.sockets) l.message_inode = l.file_inode;
    l.message_end = static_cast<uint8_t>(WidthOf(kMaxTasks - 1));
  }
  ListFields list{l.initial, l.stored};
  Visit(list, l, std::as_const(l.initial));
  for (const StoredField& field : l.stored) l.bits_ += field.bits;
  return l;
}

// From the lowest bit up; a full word is written at once.
int Pack(const Layout& layout, const State& state, PackedWords& out, int at) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&state);
  int word = at / 64, used = at % 64;
  uint64_t acc = out[word], lost = 0;
  for (const StoredField& field : layout.stored) {
    uint32_t four;
    std::memcpy(&four, bytes + field.offset, sizeof(four));
    const uint64_t value = (four >> field.shift) & field.mask;
    lost |= value >> field.bits;
    acc |= value << used;
    used += field.bits;
    if (used < 64) continue;
    out[word++] = acc;
    used -= 64;
    acc = used == 0 ? 0 : value >> (field.bits - used);
  }
  if (used > 0) out[word] = acc;
  return lost != 0 ? -1 : word * 64 + used;
}

int Unpack(const Layout& layout, const PackedWords& in, State& state, int at) {
  state = State{};
  state.limits = layout.limits;
  Reader read(in, at);
  Visit(read, layout, state);
  FillTasks(layout, state);
  FillMappings(layout, state);
  for (int i = 0; i < layout.limits.inodes; ++i) FillLiveInode(layout, state.inodes[i]);
  return read.at();
}

void EraseUnstored(const Layout& l, State& s) {
  for (int i = 0; i < l.limits.files; ++i) {
    if (l.file_flags == 0) s.files[i].flags = 0;
    if (l.file_pos == 0) s.files[i].pos = 0;
  }
  for (int i = 0; i < l.limits.inodes && l.byte == 0; ++i) s.inodes[i].bytes = {};
  for (int i = 0; i < l.limits.tasks; ++i) {
    for (int j = 0; j < l.limits.fds && l.fd_cloexec == 0; ++j) s.fds[i][j].cloexec = 0;
    for (int j = 0; j < l.limits.maps && l.byte == 0; ++j) {
      s.mms[i][j].copied = 0;
      s.mms[i][j].copy = {};
    }
  }
}

std::string ErasedFields(const Layout& l) {
  std::vector<std::string> names;
  if (l.byte == 0) names.push_back("contents");
  if (l.fd_cloexec == 0) names.push_back("FD_CLOEXEC");
  if (l.file_flags == 0) names.push_back("f_flags");
  if (l.file_pos == 0) names.push_back("f_pos");
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace selkie
