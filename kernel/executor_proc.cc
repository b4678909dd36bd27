#include "kernel/executor_proc.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"
#include "model/state.h"

namespace selkie {
namespace {

// A place in a text; what is asked for after its end is zero.
class Cursor {
 public:
  Cursor(const char* at, const char* end) : at_(at), end_(end) {}

  bool AtEnd() const { return at_ >= end_; }
  char Next() { return AtEnd() ? '\0' : *at_++; }
  void Skip(int count) { at_ = end_ - at_ < count ? end_ : at_ + count; }

  uint64_t Number(unsigned base) {
    uint64_t value = 0;
    for (; !AtEnd(); ++at_) {
      const char c = *at_;
      const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                             : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                                                    : base;
      if (digit >= base) break;
      value = value * base + digit;
    }
    return value;
  }

 private:
  const char* at_;
  const char* end_;
};

// "200000000000-200000001000 rw-s 00001000 00:01 1234   /memfd:x (deleted)"
RealVma ParseVma(const char* line, const char* end) {
  Cursor cursor(line, end);
  RealVma vma;
  vma.start = static_cast<int64_t>(cursor.Number(16)) - kArenaBase;
  cursor.Skip(1);
  vma.end = static_cast<int64_t>(cursor.Number(16)) - kArenaBase;
  cursor.Skip(1);
  if (cursor.Next() == 'r') vma.prot |= kProtRead;
  if (cursor.Next() == 'w') vma.prot |= kProtWrite;
  if (cursor.Next() == 'x') vma.prot |= kProtExec;
  vma.shared = cursor.Next() == 's';
  cursor.Skip(1);
  vma.offset = static_cast<int64_t>(cursor.Number(16));
  cursor.Skip(1);
  cursor.Number(16);
  cursor.Skip(1);
  cursor.Number(16);
  cursor.Skip(1);
  vma.inode = static_cast<int64_t>(cursor.Number(10));
  return vma;
}

// "VmFlags: rd wr sh mr mw me ms"
void ParseFlags(const char* line, const char* end, RealVma& vma) {
  for (const char* at = line + std::strlen("VmFlags: "); at + 1 < end; at += 3) {
    const auto is = [at](const char* flag) { return at[0] == flag[0] && at[1] == flag[1]; };
    if (is("mr")) vma.may |= kProtRead;
    if (is("mw")) vma.may |= kProtWrite;
    if (is("me")) vma.may |= kProtExec;
    if (is("sh")) vma.vm_shared = true;
    if (is("dc")) vma.dontcopy = true;
    if (is("lo")) vma.locked |= kMapLocked;
    if (is("lf")) vma.locked |= kMapLockOnFault;
    if (is("gu")) vma.guarded = true;
  }
}

// Lines of the file, one after another.
class Reader {
 public:
  Reader(Control& control, bool with_flags, RealVmas* out)
      : control_(control), with_flags_(with_flags), out_(out) {}

  bool Run(int64_t fd) {
    while (!past_) {
      const auto room = static_cast<int64_t>(control_.buffer.size() - kept_);
      const int64_t n = RawSyscall(SYS_pread64, fd, Raw(buffer() + kept_), room, position_);
      if (n < 0) return false;
      if (n == 0) return true;
      position_ += n;
      kept_ += static_cast<size_t>(n);
      Lines();
    }
    return true;
  }

 private:
  char* buffer() { return reinterpret_cast<char*>(control_.buffer.data()); }

  void Lines() {
    const char* at = buffer();
    const char* const end = at + kept_;
    while (!past_) {
      const void* newline = std::memchr(at, '\n', static_cast<size_t>(end - at));
      if (newline == nullptr) break;
      Line(at, static_cast<const char*>(newline));
      at = static_cast<const char*>(newline) + 1;
    }
    kept_ = static_cast<size_t>(end - at);
    std::memmove(buffer(), at, kept_);
  }

  // A line of a mapping begins with a digit or a small letter, others of smaps with
  // a capital one.
  void Line(const char* at, const char* end) {
    if (*at >= 'A' && *at <= 'Z') {
      if (with_flags_ && inside_ && *at == 'V' && at[2] == 'F')
        ParseFlags(at, end, out_->vma[static_cast<size_t>(out_->count - 1)]);
      return;
    }
    // Addresses of other lengths are below the arena, or far above.
    const int64_t start = static_cast<int64_t>(Cursor(at, end).Number(16)) - kArenaBase;
    const bool huge = start >= kHugeArena;
    const int64_t end_of_arena = huge ? kHugeArena + 2 * kHugeArenaBytes : 2 * kArenaBytes;
    inside_ =
        start >= 0 && start < end_of_arena && out_->count < static_cast<int>(out_->vma.size());
    past_ = huge && start >= end_of_arena;
    if (inside_) out_->vma[static_cast<size_t>(out_->count++)] = ParseVma(at, end);
  }

  Control& control_;
  const bool with_flags_;
  RealVmas* out_;
  int64_t position_ = 0;
  size_t kept_ = 0;  // bytes of an unfinished line at the start of the buffer
  bool inside_ = false;
  bool past_ = false;
};

// Opened above the descriptors under test, whose table may be full.
int64_t OpenProc(const Control& control, int64_t path) {
  SetNofile(0);
  const int64_t fd = RawSyscall(SYS_open, path, O_RDONLY | O_CLOEXEC);
  SetNofile(control.nofile);
  return fd;
}

// Opens, reads and closes a file of mappings.
bool ReadOnce(Control& control, int64_t path, bool with_flags, RealVmas* out) {
  const int64_t fd = OpenProc(control, path);
  if (fd < 0) return false;
  const bool read = Reader(control, with_flags, out).Run(fd);
  RawSyscall(SYS_close, fd);
  return read;
}

// The first page of a file's text, in the control block's buffer; nothing if it cannot be read.
std::string_view ReadStart(Control& control, int64_t path) {
  const int64_t fd = OpenProc(control, path);
  if (fd < 0) return {};
  char* const buffer = reinterpret_cast<char*>(control.buffer.data());
  const int64_t n = RawSyscall(SYS_read, fd, Raw(buffer), 4096);
  RawSyscall(SYS_close, fd);
  return {buffer, static_cast<size_t>(std::max<int64_t>(n, 0))};
}

// The number behind "name:", tabs and spaces, at the start of a line.
int64_t NumberOf(std::string_view text, std::string_view name, unsigned base) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return -1;
  const char* digits = text.data() + at + name.size();
  const char* const end = text.data() + text.size();
  while (digits < end && *digits == ' ') ++digits;
  return static_cast<int64_t>(Cursor(digits, end).Number(base));
}

}  // namespace

bool ReadVmas(Control& control, VmaSource source, RealVmas* out) {
  out->count = 0;
  if (source == VmaSource::kOwnMaps) return Reader(control, false, out).Run(kMapsFd);
  const bool with_flags = source == VmaSource::kWithFlags;
  return ReadOnce(control, Raw(with_flags ? "/proc/self/smaps" : "/proc/self/maps"), with_flags,
                  out);
}

bool ReadVmasOf(Control& control, int64_t pid, RealVmas* out) {
  out->count = 0;
  ProcPath path(pid);
  path.Append("/maps");
  return ReadOnce(control, path.raw(), false, out);
}

int64_t ReadVmLck(Control& control) {
  return NumberOf(ReadStart(control, Raw("/proc/self/status")), "VmLck:\t", 10);
}

uint8_t GuardMarkers(const Control& control, int64_t address, int pages) {
  constexpr uint64_t kGuardRegion = uint64_t{1} << 58;
  const int64_t fd = OpenProc(control, Raw("/proc/self/pagemap"));
  if (fd < 0) return 0;
  std::array<uint64_t, kMaxPages> words{};
  RawSyscall(SYS_pread64, fd, Raw(words.data()), pages * static_cast<int64_t>(sizeof(words[0])),
             address / kPageSize * static_cast<int64_t>(sizeof(words[0])));
  RawSyscall(SYS_close, fd);
  uint8_t markers = 0;
  for (int page = 0; page < pages; ++page)
    if ((words[static_cast<size_t>(page)] & kGuardRegion) != 0)
      markers |= static_cast<uint8_t>(1u << page);
  return markers;
}

bool ReadFdinfo(Control& control, int fd, RealFdinfo* out) {
  ProcPath path(kSelf);
  path.Append("/fdinfo/").Append(fd);
  const std::string_view text = ReadStart(control, path.raw());
  out->position = NumberOf(text, "pos:\t", 10);
  out->flags = NumberOf(text, "flags:\t", 8);
  return !text.empty();
}

}  // namespace selkie
