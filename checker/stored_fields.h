// Which fields of a State are stored, and in how many bits: the one description of it.
#ifndef SELKIE_CHECKER_STORED_FIELDS_H_
#define SELKIE_CHECKER_STORED_FIELDS_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "model/limits.h"

namespace selkie {

inline constexpr int kMaxPackedWords = 8;
using PackedWords = std::array<uint64_t, kMaxPackedWords>;

// Up to 64 bits of packed words; PutBits writes where there are zeros.
inline uint64_t GetBits(const PackedWords& words, int bit, int width) {
  uint64_t value = words[bit / 64] >> (bit % 64);
  if (bit % 64 + width > 64) value |= words[bit / 64 + 1] << (64 - bit % 64);
  return width == 64 ? value : value & ((uint64_t{1} << width) - 1);
}

inline void PutBits(PackedWords& words, int bit, int width, uint64_t value) {
  if (width < 64) value &= (uint64_t{1} << width) - 1;
  words[bit / 64] |= value << (bit % 64);
  if (bit % 64 + width > 64) words[bit / 64 + 1] |= value >> (64 - bit % 64);
}

// Widths in bits, 0 .. 32; see the fields of the same names in model/state.h.
struct FieldWidths {
  Limits limits;
  uint8_t noexec = 0;
  uint8_t task_state = 0, task_tables = 0, task_parent = 0, task_vfork = 0, task_uid = 0,
          task_mark = 0, task_fsize = 0, task_nondumpable = 0, task_own_noexec = 0,
          task_program = 0;
  uint8_t fd_file = 0, fd_cloexec = 0, fd_mark = 0;
  uint8_t file_inode = 0, file_mode = 4, file_flags = 0, file_end = 0, file_writer = 0,
          file_lease = 0, file_dmabuf = 0, file_mark = 0, file_pos = 0;
  uint8_t inode_kind = 1, inode_seals = 0, inode_mask = 0, inode_mark = 0, inode_mode = 0,
          inode_uid = 0, inode_attrs = 0, inode_flags = 0, inode_size = 0, inode_present = 0,
          inode_cached = 0, byte = 0;
  uint8_t map_file = 0, map_start = 0, map_pages = 0, map_pgoff = 0, map_mark = 0, map_copied = 0,
          map_guards = 0, map_opened = 0, map_flags = 0;
  uint8_t message_file = 0, message_inode = 0, message_end = 0, message_mark = 0;
  uint8_t buffer_pipe = 0, buffer_inode = 0, buffer_page = 0, buffer_range = 2, buffer_at = 0;
};

namespace stored_fields {

template <typename Archive, typename S>
void VisitTasks(Archive& a, const FieldWidths& l, S& s) {
  for (int i = 0; i < l.limits.tasks; ++i) {
    auto& task = s.tasks[i];
    if (l.task_state != 0) a(task.state, l.task_state);
    if (l.task_tables != 0) {
      a(task.fds, l.task_tables);
      a(task.mm, l.task_tables);
    }
    if (l.task_parent != 0) a(task.parent, l.task_parent);
    if (l.task_vfork != 0) a(task.vfork, l.task_vfork);
    if (l.task_uid != 0) a(task.uid, l.task_uid);
    if (l.task_fsize != 0) a(task.fsize, l.task_fsize);
    if (l.task_own_noexec != 0) a(task.own_noexec, l.task_own_noexec);
    if (l.task_nondumpable != 0) a(task.nondumpable, l.task_nondumpable);
    if (l.task_program != 0) {
      a(task.program, l.task_program);
      a(task.program_nondumpable, 1);
    }
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
void VisitFiles(Archive& a, const FieldWidths& l, S& s) {
  for (int i = 0; i < l.limits.files; ++i) {
    auto& file = s.files[i];
    a(file.inode, l.file_inode);
    a(file.mode, l.file_mode);
    if (l.file_flags != 0) a(file.flags, l.file_flags);
    if (l.file_end != 0) a(file.end, l.file_end);
    if (l.file_writer != 0) a(file.writer, l.file_writer);
    if (l.file_lease != 0) a(file.lease, l.file_lease);
    if (l.file_dmabuf != 0) a(file.dmabuf, l.file_dmabuf);
    if (l.file_dmabuf != 0) a(file.pinned, l.file_dmabuf);
    if (l.file_mark != 0) a(file.mark, l.file_mark);
    if (l.file_pos != 0) a(file.pos, l.file_pos);
  }
}

// Of a file, and of a mapping without mremap.
inline int MostPages(const Limits& limits) { return std::max(limits.pages, limits.huge); }

template <typename Archive, typename Samples>
void VisitBytes(Archive& a, const FieldWidths& l, Samples& samples) {
  if (l.byte == 0) return;
  for (int page = 0; page < MostPages(l.limits); ++page)
    for (auto& byte : samples[page]) a(byte, l.byte);
}

template <typename Archive, typename S>
void VisitInodes(Archive& a, const FieldWidths& l, S& s) {
  for (int i = 0; i < l.limits.inodes; ++i) {
    auto& inode = s.inodes[i];
    a(inode.kind, l.inode_kind);
    if (l.inode_seals != 0) a(inode.seals, l.inode_seals);
    if (l.inode_mask != 0) a(inode.mask, l.inode_mask);
    if (l.inode_mark != 0) a(inode.mark, l.inode_mark);
    if (l.inode_mode != 0) a(inode.mode, l.inode_mode);
    if (l.inode_uid != 0) {
      a(inode.uid, l.inode_uid);
      a(inode.gid, l.inode_uid);
    }
    if (l.inode_attrs != 0) a(inode.attrs, l.inode_attrs);
    if (l.inode_flags != 0) a(inode.flags, l.inode_flags);
    if (l.inode_size != 0) a(inode.size, l.inode_size);
    if (l.inode_present != 0) a(inode.present, l.inode_present);
    if (l.inode_cached != 0) {
      a(inode.touched, l.inode_cached + 1);
      a(inode.uncleared, l.inode_cached);
      a(inode.undirtied, l.inode_cached);
    }
    VisitBytes(a, l, inode.bytes);
  }
}

template <typename Archive, typename S>
void VisitMappings(Archive& a, const FieldWidths& l, S& s) {
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
      if (l.map_guards != 0) a(m.guards, l.map_guards);
      if (l.map_opened != 0) a(m.opened, l.map_opened);
      if (l.map_flags != 0) a(m.flags, l.map_flags);
      VisitBytes(a, l, m.copy);
    }
  }
}

template <typename Archive, typename S>
void VisitMessages(Archive& a, const FieldWidths& l, S& s) {
  for (int i = 0; i < l.limits.messages; ++i) {
    auto& m = s.messages[i];
    a(m.file, l.message_file);
    if (l.message_inode != 0) a(m.inode, l.message_inode);
    a(m.end, l.message_end);
    if (l.message_mark != 0) a(m.mark, l.message_mark);
  }
}

template <typename Archive, typename S>
void VisitBuffers(Archive& a, const FieldWidths& l, S& s) {
  for (int i = 0; i < l.limits.buffers; ++i) {
    auto& b = s.buffers[i];
    a(b.pipe, l.buffer_pipe);
    a(b.inode, l.buffer_inode);
    if (l.buffer_page != 0) a(b.page, l.buffer_page);
    a(b.begin, l.buffer_range);
    a(b.end, l.buffer_range);
    a(b.merges, 1);
    a(b.at, l.buffer_at);
    if (l.byte == 0) continue;
    for (auto& byte : b.bytes) a(byte, l.byte);
  }
}

}  // namespace stored_fields

// Calls a(field, width) for each stored field of `s`, a State.
template <typename Archive, typename S>
void VisitStored(Archive& a, const FieldWidths& l, S& s) {
  using namespace stored_fields;
  if (l.noexec != 0) a(s.noexec, l.noexec);
  VisitTasks(a, l, s);
  VisitFiles(a, l, s);
  VisitInodes(a, l, s);
  VisitMappings(a, l, s);
  if (l.message_file != 0) VisitMessages(a, l, s);
  if (l.buffer_pipe != 0) VisitBuffers(a, l, s);
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_STORED_FIELDS_H_
