#include "checker/packing.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

int WidthOf(uint32_t highest) { return std::bit_width(highest); }

constexpr uint64_t Ones(int count) {
  return count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Gathers the bits of `mask`, and scatters them again, run by run.
struct Runs {
  static uint64_t Gather(uint64_t value, uint64_t mask) {
    uint64_t out = 0;
    for (int at = 0; mask != 0;) {
      const int low = std::countr_zero(mask), run = std::countr_one(mask >> low);
      out |= ((value >> low) & Ones(run)) << at;
      at += run;
      mask &= ~(Ones(run) << low);
    }
    return out;
  }
  static uint64_t Scatter(uint64_t value, uint64_t mask) {
    uint64_t out = 0;
    while (mask != 0) {
      const int low = std::countr_zero(mask), run = std::countr_one(mask >> low);
      out |= (value & Ones(run)) << low;
      value = run == 64 ? 0 : value >> run;
      mask &= ~(Ones(run) << low);
    }
    return out;
  }
};

// Collects the fields that Visit names, without a place in the packed bits.
class FieldLister {
 public:
  explicit FieldLister(const State& state) : base_(reinterpret_cast<const char*>(&state)) {}
  template <typename T>
  void operator()(T& field, int width) {
    fields_.push_back({static_cast<uint16_t>(reinterpret_cast<const char*>(&field) - base_), 0,
                       static_cast<uint8_t>(width), static_cast<uint8_t>(sizeof(T))});
  }
  std::vector<StoredField> Take() { return std::move(fields_); }

 private:
  const char* base_;
  std::vector<StoredField> fields_;
};

// Notes where the stored bits of a State are, and clears them in it.
class StoredBits {
 public:
  explicit StoredBits(State& state) : base_(reinterpret_cast<const char*>(&state)) {}

  template <typename T>
  void operator()(T& field, int width) {
    if (width == 0) return;
    const auto offset = static_cast<int>(reinterpret_cast<const char*>(&field) - base_);
    fields_[offset] = {sizeof(T), width};
    field = T{};
  }

  // Each word begins with the first field that is not in the one before it.
  std::vector<StoredWord> Words() const {
    std::vector<StoredWord> words;
    for (const auto& [offset, field] : fields_) {
      if (words.empty() || offset + field.size > words.back().offset + 8)
        words.push_back({static_cast<uint16_t>(std::min<int>(offset, sizeof(State) - 8))});
      StoredWord& word = words.back();
      const int shift = 8 * (offset - word.offset);
      const uint64_t mask = Ones(field.width) << shift;
      word.bits += field.width;
      word.mask |= mask;
      word.beyond |= (Ones(8 * field.size) << shift) & ~mask;
    }
    return words;
  }

 private:
  struct Field {
    int size;   // bytes
    int width;  // bits that are stored
  };
  const char* base_;
  std::map<int, Field> fields_;  // by offset
};

void FillLiveInode(const Layout& l, Inode& inode) {
  if (inode.kind == InodeKind::kNone || inode.kind == InodeKind::kOther) return;
  if (l.inode_mask == 0 && IsMemfd(inode)) inode.mask = l.live_inode.mask;
  if (l.inode_mode == 0) inode.mode = l.live_inode.mode;
  if (l.inode_uid == 0) {
    inode.uid = l.live_inode.uid;
    inode.gid = l.live_inode.gid;
  }
}

// A live mapping of one page has nothing stored of its length.
void FillMappings(const Layout& l, State& s) {
  if (l.map_pages != 0) return;
  for (int i = 0; i < l.limits.tasks; ++i)
    for (int j = 0; j < l.limits.maps; ++j) s.mms[i][j].pages = s.mms[i][j].file != 0;
}

#ifdef __x86_64__
// The same by one instruction each. In assembly, as the compiler's intrinsics can
// only be used where all of the program may be for such a processor.
struct Bmi2 {
  static uint64_t Gather(uint64_t value, uint64_t mask) {
    uint64_t out;
    asm("pext %2, %1, %0" : "=r"(out) : "r"(value), "r"(mask));
    return out;
  }
  static uint64_t Scatter(uint64_t value, uint64_t mask) {
    uint64_t out;
    asm("pdep %2, %1, %0" : "=r"(out) : "r"(value), "r"(mask));
    return out;
  }
};
bool HasBmi2() { return __builtin_cpu_supports("bmi2") != 0; }
#else
using Bmi2 = Runs;
bool HasBmi2() { return false; }
#endif

// From the lowest bit up; a full word is written at once.
template <typename Bits>
int PackWith(const Layout& layout, const State& state, PackedWords& out, int at) {
  const auto* const bytes = reinterpret_cast<const char*>(&state);
  unsigned word = at / 64u, used = at % 64u;
  uint64_t acc = out[word], lost = 0;
  for (const StoredWord& stored : layout.stored) {
    uint64_t eight;
    std::memcpy(&eight, bytes + stored.offset, sizeof(eight));
    lost |= eight & stored.beyond;
    const uint64_t value = Bits::Gather(eight, stored.mask);
    acc |= value << used;
    if (used + stored.bits >= 64) {
      out[word++] = acc;
      acc = used == 0 ? 0 : value >> (64 - used);
    }
    used = (used + stored.bits) % 64;
  }
  if (used > 0) out[word] = acc;
  return lost != 0 ? -1 : static_cast<int>(word * 64 + used);
}

// Into a state in which all that is stored is zero.
template <typename Bits>
int UnpackWith(const Layout& layout, const PackedWords& in, State& state, int at) {
  auto* const bytes = reinterpret_cast<char*>(&state);
  for (const StoredWord& stored : layout.stored) {
    const unsigned word = at / 64u, used = at % 64u;
    uint64_t value = in[word] >> used;
    if (used + stored.bits > 64) value |= in[word + 1] << (64 - used);
    uint64_t eight;
    std::memcpy(&eight, bytes + stored.offset, sizeof(eight));
    eight |= Bits::Scatter(value, stored.mask);
    std::memcpy(bytes + stored.offset, &eight, sizeof(eight));
    at += stored.bits;
  }
  FillMappings(layout, state);
  for (int i = 0; i < layout.limits.inodes; ++i) FillLiveInode(layout, state.inodes[i]);
  return at;
}

// Where groups of bytes stand that hold some of the first elements of tables.
class Groups {
 public:
  explicit Groups(const State& state) : base_(reinterpret_cast<const char*>(&state)) {}
  template <typename Table>
  void Add(const Table& table, int count) {
    const auto from = reinterpret_cast<const char*>(table.data()) - base_;
    const auto bytes = static_cast<int64_t>(count * sizeof(table[0]));
    for (int64_t at = from / kGroup * kGroup; at < from + bytes; at += kGroup)
      offsets_.insert(static_cast<uint16_t>(std::min<int64_t>(at, sizeof(State) - kGroup)));
  }
  std::vector<uint16_t> Offsets() const { return {offsets_.begin(), offsets_.end()}; }

 private:
  static constexpr int kGroup = Layout::kGroup;
  const char* base_;
  std::set<uint16_t> offsets_;
};

std::vector<uint16_t> WithinLimits(const Limits& limits, const State& s) {
  Groups groups(s);
  groups.Add(std::span(&s.noexec, 1), 1);
  groups.Add(s.inodes, limits.inodes);
  groups.Add(s.files, limits.files);
  groups.Add(s.tasks, limits.tasks);
  for (int i = 0; i < limits.tasks; ++i) {
    groups.Add(s.fds[i], limits.fds);
    groups.Add(s.mms[i], limits.maps);
  }
  groups.Add(s.messages, limits.messages);
  groups.Add(s.buffers, limits.buffers);
  return groups.Offsets();
}

}  // namespace

Layout MakeLayout(const Limits& limits, const FieldUse& use, const State& initial,
                  const Inode& live_inode) {
  Layout l;
  l.limits = limits;
  l.initial = initial;
  l.live_inode = live_inode;
  const bool huge = limits.huge > 0;
  const uint32_t most_bytes = std::max(limits.pages * kPageSize, limits.huge * kHugePageSize);
  const int size_bits = WidthOf(most_bytes);
  const int pages = stored_fields::MostPages(limits);
  if (use.tasks) l.task_state = 2;
  if (use.threads) l.task_tables = static_cast<uint8_t>(WidthOf(kMaxTasks - 1));
  if (use.parents) l.task_parent = static_cast<uint8_t>(WidthOf(limits.tasks));
  l.task_vfork = use.vfork;
  if (use.task_uids) l.task_uid = 16;
  if (use.fsize)
    l.task_fsize =
        static_cast<uint8_t>(WidthOf(std::max<uint32_t>(kMaxPos, limits.huge * kHugePageSize) + 1));
  l.task_nondumpable = use.dumpable;
  if (use.newpid) l.task_own_noexec = static_cast<uint8_t>(WidthOf(kMaxNoexec + 1));
  if (use.noexec) l.noexec = static_cast<uint8_t>(WidthOf(kMaxNoexec));
  l.task_mark = static_cast<uint8_t>(WidthOf(use.task_mark));
  l.fd_file = static_cast<uint8_t>(WidthOf(limits.files));
  l.fd_cloexec = use.cloexec;
  l.fd_mark = static_cast<uint8_t>(WidthOf(use.fd_mark));
  l.file_inode = static_cast<uint8_t>(WidthOf(limits.inodes));
  if (use.flags) l.file_flags = 8;
  l.file_end = use.sockets;
  l.file_writer = use.writers;
  if (use.programs) {
    l.task_program = l.fd_file;
    l.file_mode = 5;  // FMODE_EXEC
  }
  if (use.leases) l.file_lease = 5;
  if (use.dmabufs) l.file_dmabuf = limits.pages;
  l.file_mark = static_cast<uint8_t>(WidthOf(use.file_mark));
  if (use.pos) l.file_pos = static_cast<uint8_t>(size_bits);
  l.inode_kind = use.others || huge ? 3 : use.sockets ? 2 : 1;
  l.inode_seals = static_cast<uint8_t>(WidthOf(use.seals));
  if (use.mask) l.inode_mask = 3;
  if (use.pipe_slots) l.inode_mask = 8;
  l.inode_mark = static_cast<uint8_t>(WidthOf(use.inode_mark));
  if (use.mode) l.inode_mode = 12;
  if (use.owners) l.inode_uid = 16;
  l.inode_flags = static_cast<uint8_t>(WidthOf(use.inode_flags));
  if (use.attrs) l.inode_attrs = 6;  // FS_IMMUTABLE_FL and FS_APPEND_FL
  if (use.size) l.inode_size = static_cast<uint8_t>(size_bits);
  if (huge) l.inode_present = static_cast<uint8_t>(limits.huge);
  if (limits.buffers > 0) {
    l.inode_present = l.inode_cached = kMaxPages;
    l.buffer_pipe = static_cast<uint8_t>(WidthOf(RingOf(kMaxTasks - 1)));
    l.buffer_inode = l.file_inode;
    l.buffer_page = static_cast<uint8_t>(WidthOf(pages - 1));
    l.buffer_at = static_cast<uint8_t>(WidthOf(ArenaEnd(limits, huge)));
  }
  if (use.contents) l.byte = 8;
  l.map_file = l.fd_file;
  l.map_start = static_cast<uint8_t>(WidthOf(ArenaEnd(limits, huge) - 1));
  if (pages > 1) l.map_pages = static_cast<uint8_t>(WidthOf(pages));
  l.map_pgoff = static_cast<uint8_t>(WidthOf(pages - 1));
  if (use.remaps) {
    l.map_pages = static_cast<uint8_t>(WidthOf(kMaxPages));
    l.map_pgoff = static_cast<uint8_t>(WidthOf(kMaxMappedPages - 1));
  }
  l.map_mark = static_cast<uint8_t>(WidthOf(use.map_mark));
  if (use.contents || huge) l.map_copied = static_cast<uint8_t>(pages);
  if (huge) l.map_opened = static_cast<uint8_t>(pages);
  if ((use.map_flags & kMapGuarded) != 0)
    l.map_guards = static_cast<uint8_t>(use.remaps ? kMaxPages : limits.pages);
  l.map_flags = static_cast<uint8_t>(WidthOf(use.map_flags));
  if (use.messages) {
    l.message_file = l.fd_file;
    if (use.sockets) l.message_inode = l.file_inode;
    l.message_end = static_cast<uint8_t>(WidthOf(kMaxTasks - 1));
  }
  l.blank.limits = limits;
  l.blank.tasks = initial.tasks;
  StoredBits bits(l.blank);
  VisitStored(bits, l, l.blank);
  l.stored = bits.Words();
  l.within_limits = WithinLimits(limits, l.blank);
  for (const StoredWord& word : l.stored) l.bits_ += word.bits;
  return l;
}

std::vector<StoredField> FieldsOf(const Layout& layout) {
  State state = layout.blank;
  FieldLister lister(state);
  VisitStored(lister, layout, state);
  std::vector<StoredField> fields = lister.Take();
  for (StoredField& field : fields) {
    int at = 0;
    for (const StoredWord& word : layout.stored) {
      const int shift = 8 * (field.offset - word.offset);
      if (shift >= 0 && shift < 64 && ((word.mask >> shift) & Ones(field.width)) != 0) {
        field.bit = static_cast<uint16_t>(at + std::popcount(word.mask & Ones(shift)));
        break;
      }
      at += word.bits;
    }
  }
  return fields;
}

int PackPortably(const Layout& layout, const State& state, PackedWords& out, int at) {
  return PackWith<Runs>(layout, state, out, at);
}

int UnpackPortably(const Layout& layout, const PackedWords& in, State& state, int at) {
  state = layout.blank;
  return UnpackWith<Runs>(layout, in, state, at);
}

int Pack(const Layout& layout, const State& state, PackedWords& out, int at) {
  return HasBmi2() ? PackWith<Bmi2>(layout, state, out, at)
                   : PackWith<Runs>(layout, state, out, at);
}

int Unpack(const Layout& layout, const PackedWords& in, State& state, int at) {
  state = layout.blank;
  return UnpackOver(layout, in, state, at);
}

int UnpackOver(const Layout& layout, const PackedWords& in, State& state, int at) {
  CopyWithinLimits(layout, layout.blank, state);
  return HasBmi2() ? UnpackWith<Bmi2>(layout, in, state, at)
                   : UnpackWith<Runs>(layout, in, state, at);
}

void EraseUnstored(const Layout& l, State& s) {
  for (int i = 0; i < l.limits.files; ++i) {
    if (l.file_flags == 0) s.files[i].flags = 0;
    if (l.file_writer == 0) s.files[i].writer = 0;
    if (l.file_pos == 0) s.files[i].pos = 0;
  }
  for (int i = 0; i < l.limits.inodes && l.byte == 0; ++i) s.inodes[i].bytes = {};
  for (int i = 0; i < l.limits.buffers && l.byte == 0; ++i) s.buffers[i].bytes = {};
  for (int i = 0; i < l.limits.tasks; ++i) {
    for (int j = 0; j < l.limits.fds && l.fd_cloexec == 0; ++j) s.fds[i][j].cloexec = 0;
    for (int j = 0; j < l.limits.maps && l.byte == 0; ++j) {
      if (l.map_copied == 0) s.mms[i][j].copied = 0;
      s.mms[i][j].copy = {};
    }
  }
}

std::string ErasedFields(const Layout& l) {
  std::vector<std::string> names;
  if (l.byte == 0) names.push_back("contents");
  if (l.fd_cloexec == 0) names.push_back("FD_CLOEXEC");
  if (l.file_flags == 0) names.push_back("f_flags");
  if (l.file_writer == 0) names.push_back("FMODE_WRITER");
  if (l.file_pos == 0) names.push_back("f_pos");
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace selkie
