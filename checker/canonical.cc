#include "checker/canonical.h"

#include <algorithm>
#include <numeric>

#include "checker/stored_fields.h"

namespace selkie {
namespace {

uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t h = (a ^ (b + 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;
  return h ^ (h >> 29);
}

template <typename Samples>
uint64_t MixSamples(uint64_t h, const Samples& samples, int pages) {
  for (int i = 0; i < pages; ++i)
    for (uint8_t byte : samples[i]) h = Mix(h, byte);
  return h;
}

uint64_t InodeKey(const State& s, const Inode& n) {
  if (n.kind == InodeKind::kNone) return 0;
  const uint64_t h = static_cast<uint64_t>(n.kind) | n.seals << 8 | n.mask << 16 |
                     static_cast<uint64_t>(n.mark) << 24 | static_cast<uint64_t>(n.mode) << 32 |
                     static_cast<uint64_t>(n.uid) << 48;
  const uint64_t rest =
      n.size | static_cast<uint64_t>(n.gid) << 32 | static_cast<uint64_t>(n.attrs) << 48 |
      static_cast<uint64_t>(n.flags) << 56 | static_cast<uint64_t>(n.present) << 58;
  const uint64_t cached = n.touched | n.uncleared << 8 | n.undirtied << 16;
  return MixSamples(Mix(Mix(h, rest), cached), n.bytes, stored_fields::MostPages(s.limits));
}

uint64_t FileFields(const File& f) {
  const uint64_t h = f.mode | f.flags << 8 | f.end << 16 | f.writer << 17 | f.lease << 18 |
                     static_cast<uint64_t>(f.mark) << 24 | static_cast<uint64_t>(f.pos) << 32;
  return f.dmabuf == 0 ? h : Mix(h, f.dmabuf | f.pinned << 8);
}

uint64_t FdFields(const Fd& fd) { return 1u | fd.cloexec << 1 | fd.mark << 8; }

// All of a mapping but its file and its place.
uint64_t MapFields(const State& s, const Mapping& m) {
  const uint64_t h = m.prot | m.may << 3 | m.shared << 6 | m.vm_shared << 7 | m.pages << 8 |
                     m.pgoff << 16 | static_cast<uint64_t>(m.mark) << 24 |
                     static_cast<uint64_t>(m.copied) << 32 | static_cast<uint64_t>(m.flags) << 40 |
                     static_cast<uint64_t>(m.guards) << 48 | static_cast<uint64_t>(m.opened) << 56 |
                     uint64_t{1} << 63;
  return m.copied == 0 ? h : MixSamples(h, m.copy, stored_fields::MostPages(s.limits));
}

// What one renaming is for: a state, or two whose objects stand in the same slots.
template <size_t N>
using Sides = std::array<const State*, N>;

// Keys of the objects, refined by the keys of what they are joined to.
struct Keys {
  std::array<uint64_t, kMaxTasks> task{};
  std::array<uint64_t, kMaxFiles> file{};
  std::array<uint64_t, kMaxInodes> inode{};
};

uint64_t TaskFields(const State& s, const Symmetry& symmetry, int i) {
  const Task& t = s.tasks[i];
  return static_cast<uint64_t>(t.state) | static_cast<uint64_t>(t.own_noexec) << 4 | t.mark << 8 |
         static_cast<uint64_t>(t.uid) << 16 |
         static_cast<uint64_t>(symmetry.tasks ? symmetry.role[i] : i) << 32 |
         static_cast<uint64_t>(t.vfork) << 36 | static_cast<uint64_t>(t.program_nondumpable) << 37 |
         static_cast<uint64_t>(t.nondumpable) << 38 | static_cast<uint64_t>(t.fsize) << 40;
}

uint64_t FileKey(const State& s, const Keys& keys, int i) {
  const File& f = s.files[i];
  return f.inode == 0 ? 0 : Mix(FileFields(f), keys.inode[f.inode - 1]);
}

// What is one object for all sides has one key; 0 if there is none on any.
template <size_t N, typename KeyOf>
uint64_t JointKey(const Sides<N>& sides, const KeyOf& key_of) {
  uint64_t joint = key_of(*sides[0]);
  for (size_t k = 1; k < N; ++k) {
    const uint64_t key = key_of(*sides[k]);
    if (joint != 0 || key != 0) joint = Mix(joint, key);
  }
  return joint;
}

template <size_t N>
void StartKeys(const Sides<N>& sides, const Symmetry& symmetry, Keys& keys) {
  const Limits& limits = sides[0]->limits;
  for (int i = 0; i < limits.inodes; ++i)
    keys.inode[i] = JointKey(sides, [&](const State& s) { return InodeKey(s, s.inodes[i]); });
  for (int i = 0; i < limits.files; ++i)
    keys.file[i] = JointKey(sides, [&](const State& s) { return FileKey(s, keys, i); });
  for (int i = 0; i < limits.tasks; ++i)
    keys.task[i] = JointKey(sides, [&](const State& s) { return TaskFields(s, symmetry, i); });
}

// Where a reference stands is one more field of it, unless places are interchangeable.
uint64_t At(bool interchangeable, uint64_t fields, int place) {
  return interchangeable ? fields : Mix(fields, static_cast<uint64_t>(place));
}

// All of a buffer but whose it is and of which file.
uint64_t BufferFields(const PipeBuffer& b) {
  const uint64_t h = b.page | b.begin << 8 | b.end << 12 | b.merges << 16 | b.at << 24;
  uint64_t mixed = Mix(h, 23);
  for (const uint8_t byte : b.bytes) mixed = Mix(mixed, byte);
  return mixed;
}

// Those of one pipe or ring are in order; between them there is none.
void RefineBuffers(const State& s, uint64_t side, const Keys& keys, Keys& sum) {
  std::array<uint8_t, kMaxInodes + kMaxTasks + 1> before{};  // of the same pipe or ring
  for (int i = 0; i < s.limits.buffers && s.buffers[i].pipe != 0; ++i) {
    const PipeBuffer& b = s.buffers[i];
    const bool ring = b.pipe > kMaxInodes;
    const int holder = ring ? b.pipe - RingOf(0) : b.pipe - 1;
    const uint64_t fields = Mix(BufferFields(b), before[b.pipe]++ | side << 8);
    const uint64_t of_file = b.inode == 0 ? 0 : keys.inode[b.inode - 1];
    (ring ? sum.task : sum.inode)[holder] += Mix(of_file, fields);
    if (b.inode != 0)
      sum.inode[b.inode - 1] += Mix((ring ? keys.task : keys.inode)[holder], fields);
  }
}

// The file that a slot of a table refers to on one side (0: none), and what the slot has else.
struct Reference {
  int file = 0;
  uint64_t fields = 0;
};

// A slot is one object for all sides: each file that it refers to is joined to what it refers to
// on the others, too.
template <size_t N, typename ReferenceOn>
void RefineSlot(const Sides<N>& sides, const Keys& keys, Keys& sum, int task, bool interchangeable,
                int place, const ReferenceOn& reference_on) {
  std::array<int, N> files;
  size_t side = 0;
  const uint64_t slot = JointKey(sides, [&](const State& s) {
    const Reference r = reference_on(s);
    files[side++] = r.file;
    return r.file == 0 ? 0 : Mix(r.fields, keys.file[r.file - 1]);
  });
  if (slot == 0) return;
  const uint64_t fields = At(interchangeable, slot, place);
  sum.task[task] += Mix(fields, 5);
  for (size_t k = 0; k < N; ++k)
    if (files[k] != 0) sum.file[files[k] - 1] += Mix(keys.task[task], fields + k);
}

// What is joined on one side alone.
void RefineSide(const State& s, uint64_t side, const Symmetry& symmetry, const Keys& keys,
                Keys& sum) {
  const uint64_t salt = side << 40;
  for (int i = 0; i < s.limits.tasks; ++i) {
    if (const int parent = symmetry.parents ? s.tasks[i].parent : 0; parent != 0) {
      sum.task[i] += Mix(keys.task[parent - 1], 13 | salt);
      sum.task[parent - 1] += Mix(keys.task[i], 17 | salt);
    }
    if (const int program = s.tasks[i].program; program != 0) {
      sum.file[program - 1] += Mix(keys.task[i], 11 | salt);
      sum.task[i] += Mix(keys.file[program - 1], 11 | salt);
    }
  }
  for (int k = 0; k < s.limits.messages && s.messages[k].file != 0; ++k) {
    const Message& m = s.messages[k];
    const uint64_t fields =
        3u | k << 2 | m.mark << 8 | (m.inode != 0 ? m.end << 16 | 1 << 24 : 0) | salt;
    if (m.inode == 0) {
      sum.file[m.file - 1] += Mix(keys.task[m.end], fields);
      sum.task[m.end] += Mix(keys.file[m.file - 1], fields);
    } else {
      sum.file[m.file - 1] += Mix(keys.inode[m.inode - 1], fields);
      sum.inode[m.inode - 1] += Mix(keys.file[m.file - 1], fields);
    }
  }
  RefineBuffers(s, side, keys, sum);
  for (int i = 0; i < s.limits.files; ++i) {
    const int inode = s.files[i].inode;
    if (inode == 0) continue;
    sum.inode[inode - 1] += Mix(keys.file[i], 7 | salt);
    sum.file[i] += Mix(keys.inode[inode - 1], 7 | salt);
  }
}

// Every reference adds to both of its ends; sums do not depend on order.
template <size_t N>
void Refine(const Sides<N>& sides, const Symmetry& symmetry, Keys& keys) {
  const Limits& limits = sides[0]->limits;
  Keys sum;
  for (int i = 0; i < limits.tasks; ++i) {
    for (int j = 0; j < limits.fds; ++j)
      RefineSlot(sides, keys, sum, i, symmetry.fds, j, [&](const State& s) {
        const Fd& fd = s.fds[i][j];
        return Reference{fd.file, FdFields(fd)};
      });
    for (int j = 0; j < limits.maps; ++j)
      RefineSlot(sides, keys, sum, i, symmetry.mappings, sides[0]->mms[i][j].start,
                 [&](const State& s) {
                   const Mapping& m = s.mms[i][j];
                   return Reference{m.file, m.file == 0 ? 0 : MapFields(s, m)};
                 });
  }
  for (size_t k = 0; k < N; ++k) RefineSide(*sides[k], k, symmetry, keys, sum);
  auto add = [](auto& list, const auto& sums, int count) {
    for (int i = 0; i < count; ++i)
      if (list[i] != 0) list[i] = Mix(list[i], sums[i]);
  };
  add(keys.file, sum.file, limits.files);
  add(keys.inode, sum.inode, limits.inodes);
  for (int i = 0; i < limits.tasks; ++i) keys.task[i] = Mix(keys.task[i], sum.task[i]);
}

// Index of an object whose key another one has too, or -1.
template <size_t N>
int FirstTied(const std::array<uint64_t, N>& keys, int count) {
  for (int i = 0; i < count; ++i)
    for (int j = i + 1; j < count; ++j)
      if (keys[i] == keys[j] && keys[i] != 0) return i;
  return -1;
}

// Equal keys are told apart one object at a time, and what is joined to that
// object follows: two tasks and two files that mirror each other must not be
// ordered independently.
template <size_t N>
void BreakTies(const Sides<N>& sides, const Symmetry& symmetry, Keys& keys) {
  const Limits& limits = sides[0]->limits;
  auto separate = [&](auto& list, int count) {
    for (int tied = FirstTied(list, count); tied >= 0; tied = FirstTied(list, count)) {
      list[tied] = Mix(list[tied], 11);
      Refine(sides, symmetry, keys);
      Refine(sides, symmetry, keys);
    }
  };
  if (symmetry.tasks) separate(keys.task, limits.tasks);
  if (symmetry.files) {
    separate(keys.file, limits.files);
    separate(keys.inode, limits.inodes);
  }
}

// Insertion sort: the tables are tiny, and equal elements keep their order.
template <typename Less>
void SortIndices(uint8_t* begin, int count, Less less) {
  for (int i = 1; i < count; ++i) {
    const uint8_t value = begin[i];
    int j = i;
    for (; j > 0 && less(value, begin[j - 1]); --j) begin[j] = begin[j - 1];
    begin[j] = value;
  }
}

// Ranks by key: renaming[old] = new.  Free objects (key 0) go last.
template <size_t N>
void Rank(const std::array<uint64_t, N>& keys, int count, std::array<uint8_t, N>& renaming) {
  std::array<uint8_t, N> order;
  std::iota(order.begin(), order.end(), 0);
  SortIndices(order.data(), count, [&](uint8_t a, uint8_t b) {
    if ((keys[a] == 0) != (keys[b] == 0)) return keys[b] == 0;
    return keys[a] < keys[b];
  });
  for (size_t i = 0; i < N; ++i) renaming[order[i]] = static_cast<uint8_t>(i);
}

// Tasks change places only with tasks of their role.
void RankTasks(const Limits& limits, const Symmetry& symmetry, const Keys& keys, Renaming& r) {
  std::array<uint8_t, kMaxTasks> order;
  std::iota(order.begin(), order.end(), 0);
  if (symmetry.tasks) {
    SortIndices(order.data(), limits.tasks, [&](uint8_t a, uint8_t b) {
      if (symmetry.role[a] != symmetry.role[b]) return symmetry.role[a] < symmetry.role[b];
      return keys.task[a] < keys.task[b];
    });
  }
  for (int i = 0; i < kMaxTasks; ++i) r.task[order[i]] = static_cast<uint8_t>(i);
}

template <size_t N>
void OrderFds(const Sides<N>& sides, int task, Renaming& r) {
  auto rank = [&](const State& s, uint8_t j) -> uint32_t {
    const Fd& fd = s.fds[task][j];
    if (fd.file == 0) return ~0u;
    return r.file[fd.file - 1] << 16 | fd.cloexec << 8 | fd.mark;
  };
  SortIndices(r.fd_order[task].data(), sides[0]->limits.fds, [&](uint8_t a, uint8_t b) {
    for (const State* s : sides)
      if (rank(*s, a) != rank(*s, b)) return rank(*s, a) < rank(*s, b);
    return false;
  });
}

int CountMappings(const State& s, int task) {
  int count = 0;
  while (count < s.limits.maps && s.mms[task][count].file != 0) ++count;
  return count;
}

template <size_t N>
void OrderMappings(const Sides<N>& sides, int task, Renaming& r) {
  auto rank = [&](const State& s, uint8_t j) {
    const Mapping& m = s.mms[task][j];
    return std::pair(r.file[m.file - 1], MapFields(s, m));
  };
  SortIndices(r.map_order[task].data(), CountMappings(*sides[0], task), [&](uint8_t a, uint8_t b) {
    for (const State* s : sides)
      if (rank(*s, a) != rank(*s, b)) return rank(*s, a) < rank(*s, b);
    return false;
  });
}

void RenameMappings(const State& s, int task, const Renaming& r, AddressSpace& out) {
  int next = 0;
  for (int j = 0; j < s.limits.maps; ++j) {
    Mapping m = s.mms[task][r.map_order[task][j]];
    if (m.file == 0) break;
    m.file = r.file[m.file - 1] + 1;
    if (r.compact) m.start = static_cast<uint8_t>(next);
    next += m.pages;
    out[j] = m;
  }
}

// By the new names of pipes and rings; of each in the order that they have.
void RenameBuffers(const State& s, const Renaming& r, State& out) {
  int count = 0;
  for (; count < s.limits.buffers && s.buffers[count].pipe != 0; ++count) {
    PipeBuffer& b = out.buffers[count] = s.buffers[count];
    b.pipe = b.pipe > kMaxInodes ? RingOf(r.task[b.pipe - RingOf(0)])
                                 : static_cast<uint8_t>(r.inode[b.pipe - 1] + 1);
    if (b.inode != 0) b.inode = r.inode[b.inode - 1] + 1;
  }
  std::stable_sort(out.buffers.begin(), out.buffers.begin() + count,
                   [](const PipeBuffer& a, const PipeBuffer& b) { return a.pipe < b.pipe; });
}

Renaming NoRenaming(const Symmetry& symmetry) {
  Renaming r;
  std::iota(r.task.begin(), r.task.end(), 0);
  std::iota(r.file.begin(), r.file.end(), 0);
  std::iota(r.inode.begin(), r.inode.end(), 0);
  for (auto& order : r.fd_order) std::iota(order.begin(), order.end(), 0);
  for (auto& order : r.map_order) std::iota(order.begin(), order.end(), 0);
  r.compact = symmetry.mappings;
  return r;
}

// By the new names of files.
template <size_t N>
void OrderTables(const Sides<N>& sides, const Symmetry& symmetry, Renaming& r) {
  for (int i = 0; i < sides[0]->limits.tasks; ++i) {
    if (symmetry.fds) OrderFds(sides, i, r);
    if (symmetry.mappings) OrderMappings(sides, i, r);
  }
}

template <size_t N>
Renaming RenamingOf(const Sides<N>& sides, const Symmetry& symmetry) {
  Renaming r = NoRenaming(symmetry);
  Keys keys;
  StartKeys(sides, symmetry, keys);
  Refine(sides, symmetry, keys);
  Refine(sides, symmetry, keys);
  BreakTies(sides, symmetry, keys);
  const Limits& limits = sides[0]->limits;
  RankTasks(limits, symmetry, keys, r);
  if (symmetry.files) {
    Rank(keys.file, limits.files, r.file);
    Rank(keys.inode, limits.inodes, r.inode);
  }
  OrderTables(sides, symmetry, r);
  return r;
}

}  // namespace

Renaming CanonicalRenaming(const State& s, const Symmetry& symmetry) {
  return RenamingOf(Sides<1>{&s}, symmetry);
}

Renaming CanonicalRenaming(const State& first, const State& second, const Symmetry& symmetry) {
  return RenamingOf(Sides<2>{&first, &second}, symmetry);
}

Renaming RenamingWith(const State& s, const Symmetry& symmetry,
                      const std::array<uint8_t, kMaxFiles>& file,
                      const std::array<uint8_t, kMaxInodes>& inode) {
  Renaming r = NoRenaming(symmetry);
  r.file = file;
  r.inode = inode;
  OrderTables(Sides<1>{&s}, symmetry, r);
  return r;
}

State Rename(const State& s, const Renaming& r) {
  State out;
  out.limits = s.limits;
  out.noexec = s.noexec;
  for (int i = 0; i < kMaxTasks; ++i) {
    Task& task = out.tasks[r.task[i]];
    task = s.tasks[i];
    task.fds = r.task[task.fds];
    task.mm = r.task[task.mm];
    if (task.parent != 0) task.parent = r.task[task.parent - 1] + 1;
    if (task.program != 0) task.program = r.file[task.program - 1] + 1;
  }
  for (int i = 0; i < s.limits.tasks; ++i) {
    for (int j = 0; j < s.limits.fds; ++j) {
      Fd fd = s.fds[i][r.fd_order[i][j]];
      if (fd.file != 0) fd.file = r.file[fd.file - 1] + 1;
      out.fds[r.task[i]][j] = fd;
    }
    RenameMappings(s, i, r, out.mms[r.task[i]]);
  }
  for (int i = 0; i < s.limits.files; ++i) {
    File file = s.files[i];
    if (file.inode != 0) file.inode = r.inode[file.inode - 1] + 1;
    out.files[r.file[i]] = file;
  }
  for (int i = 0; i < s.limits.inodes; ++i) out.inodes[r.inode[i]] = s.inodes[i];
  for (int i = 0; i < s.limits.messages; ++i) {
    Message m = s.messages[i];
    if (m.file == 0) break;
    m.file = r.file[m.file - 1] + 1;
    if (m.inode != 0)
      m.inode = r.inode[m.inode - 1] + 1;
    else
      m.end = r.task[m.end];
    out.messages[i] = m;
  }
  RenameBuffers(s, r, out);
  return out;
}

}  // namespace selkie
