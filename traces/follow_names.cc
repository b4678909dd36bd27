#include "traces/follow_names.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "traces/strace_value.h"

namespace selkie {
namespace {

constexpr size_t kLongest = 240;  // of a call as text

struct Alias {
  std::string_view name, as;
};

// The same arguments under another name.
constexpr Alias kAliases[] = {
    {"fcntl64", "fcntl"},   {"fstat64", "fstat"},           {"ftruncate64", "ftruncate"},
    {"mmap2", "mmap"},      {"old_mmap", "mmap"},           {"pread64", "pread"},
    {"pwrite64", "pwrite"}, {"oldfstat", "fstat"},          {"truncate64", "truncate"},
    {"sys_futex", "futex"}, {"fadvise64", "posix_fadvise"}, {"fadvise64_64", "posix_fadvise"},
};

// Calls that are younger than the strace which made the log, by their numbers: the same
// on all machines from 424 on.
constexpr Alias kNumbers[] = {
    {"syscall_0x1b2", "pidfd_open"},  {"syscall_0x1b4", "close_range"},
    {"syscall_0x1b6", "pidfd_getfd"}, {"syscall_0x1bf", "memfd_secret"},
    {"syscall_0x1ce", "mseal"},       {"syscall_0x1d5", "file_setattr"},
};

// By name: calls without a row that act on the file of their first argument.
constexpr std::string_view kDescriptorFirst[] = {
    "posix_fadvise", "fchmod",          "fchown",
    "fdatasync",     "fgetxattr",       "flistxattr",
    "flock",         "fremovexattr",    "fsetxattr",
    "fstatfs",       "fsync",           "getdents64",
    "ioctl",         "preadv2",         "pwritev2",
    "readahead",     "sendfile",        "sendfile64",
    "splice",        "sync_file_range", "syncfs",
    "tee",           "vmsplice",        "copy_file_range",
    "fchownat",      "cachestat",       "name_to_handle_at",
    "execveat",      "utimensat",       "futimesat"};

constexpr std::string_view kGiveDescriptors[] = {"accept",
                                                 "accept4",
                                                 "bpf",
                                                 "creat",
                                                 "dup",
                                                 "epoll_create",
                                                 "epoll_create1",
                                                 "eventfd",
                                                 "eventfd2",
                                                 "fanotify_init",
                                                 "fsmount",
                                                 "fsopen",
                                                 "inotify_init",
                                                 "inotify_init1",
                                                 "io_uring_setup",
                                                 "landlock_create_ruleset",
                                                 "memfd_create",
                                                 "memfd_secret",
                                                 "mq_open",
                                                 "open",
                                                 "open_by_handle_at",
                                                 "open_tree",
                                                 "openat",
                                                 "openat2",
                                                 "perf_event_open",
                                                 "pidfd_getfd",
                                                 "pidfd_open",
                                                 "signalfd",
                                                 "signalfd4",
                                                 "socket",
                                                 "timerfd_create",
                                                 "userfaultfd"};

template <typename Range>
bool Contains(const Range& range, std::string_view name) {
  return std::find(std::begin(range), std::end(range), name) != std::end(range);
}

bool IsReadable(std::string_view item) {
  const auto base = StraceField(item, "iov_base");
  return !base || StraceQuoted(*base).has_value();
}

// Bytes of an array of struct iovec; nothing if it is not printed in full.  If the call
// moved something, those before the first buffer that cannot be read.
std::optional<int64_t> TotalLength(std::string_view array, std::string_view count, bool moved) {
  const std::vector<std::string_view> items = StraceElements(array);
  const auto wanted = StraceNumber(count);
  if (!wanted || *wanted != static_cast<int64_t>(items.size())) return std::nullopt;
  int64_t total = 0;
  for (std::string_view item : items) {
    if (moved && !IsReadable(item)) break;
    const auto length = StraceField(item, "iov_len");
    const auto bytes = length ? StraceNumber(*length) : std::nullopt;
    if (!bytes || *bytes < 0 || *bytes > INT64_MAX - total) return std::nullopt;
    total += *bytes;
  }
  return total;
}

// A buffer as that of a plain call: a string, or NULL if the array has one that is printed
// as an address since it cannot be read.
std::string_view ReadableBuffer(std::string_view array, bool moved) {
  const std::vector<std::string_view> items = StraceElements(array);
  if (items.empty()) return "NULL";
  return moved || std::all_of(items.begin(), items.end(), IsReadable) ? "\"\"" : "NULL";
}

// The vector calls as one transfer of all their bytes: each segment is written under the
// same rules, and a segment ends a chunk only where its bytes end.
void JoinVector(FieldCall& call) {
  constexpr Alias kVectors[] = {{"readv", "read"},    {"writev", "write"},
                                {"preadv", "pread"},  {"pwritev", "pwrite"},
                                {"preadv2", "pread"}, {"pwritev2", "pwrite"}};
  for (const Alias& vector : kVectors) {
    if (call.name != vector.name || call.args.size() < 3) continue;
    const bool moved = call.ok() && call.log->value > 0;
    const auto total = TotalLength(call.args[1], call.args[2], moved);
    call.made.push_back(total ? fmt::format("{}", *total) : "?");
    const bool positioned = call.args.size() > 3;
    const bool flagged = call.args.size() > 4;
    const bool own_row = !SpecsByName(call.name).empty();
    std::vector<std::string_view> args = {call.args[0], ReadableBuffer(call.args[1], moved),
                                          call.made.back()};
    // Flags of a read that succeeds change nothing.
    const bool plain = !own_row && call.ok();
    if (flagged && !plain && (own_row || StraceFlags(call.args[4]).value_or(1) != 0)) {
      args.insert(args.end(), {call.args[3], call.args[4]});
      call.args = std::move(args);
      return;
    }
    const auto offset = positioned ? StraceNumber(call.args[3]) : std::nullopt;
    if (positioned && !offset) return;
    if (!own_row) call.name = vector.as;
    if (flagged && *offset == -1) {  // at the file's own position
      call.name = call.name.substr(1);
    } else if (positioned) {
      args.push_back(call.args[3]);
    }
    call.args = std::move(args);
    return;
  }
}

// newfstatat(3, "", {...}, AT_EMPTY_PATH) and statx(3, "", AT_..., MASK, {...}).
void StatOfDescriptor(FieldCall& call) {
  const bool statx = call.name == "statx";
  if (!statx && call.name != "newfstatat" && call.name != "fstatat64") return;
  const auto path = StraceQuoted(call.arg(1));
  const auto flags = StraceFlags(call.arg(statx ? 2 : 3));
  constexpr int64_t kEmptyPath = 0x1000;
  const bool empty = (path && path->bytes.empty()) || call.arg(1) == "NULL";
  const bool flagged = (flags && (*flags & kEmptyPath) != 0) ||
                       call.arg(statx ? 2 : 3).find("AT_EMPTY_PATH") != std::string_view::npos;
  if (!empty || !flagged) return;
  call.name = "fstat";
  call.args = {call.args[0], call.arg(statx ? 4 : 2)};
}

// chmod and chown by their newer names.
void ChangeByPath(FieldCall& call) {
  const bool owner = call.name == "fchownat";
  const bool mode = call.name == "fchmodat" || call.name == "fchmodat2";
  const size_t words = owner ? 2 : 1;
  if ((!owner && !mode) || call.args.size() < 2 + words) return;
  const auto path = StraceQuoted(call.args[1]);
  if (!path || !path->bytes.starts_with('/')) return;
  if (call.args.size() > 2 + words && StraceFlags(call.args[2 + words]).value_or(1) != 0) return;
  call.name = owner ? "chown" : "chmod";
  call.args = std::vector(call.args.begin() + 1, call.args.begin() + 2 + static_cast<int>(words));
}

// utimensat(3, NULL, NULL, 0) is futimens.
void TimesOfDescriptor(FieldCall& call) {
  if (call.name != "utimensat" || call.args.size() != 4 || call.args[1] != "NULL") return;
  if (call.args[2] != "NULL" || StraceNumber(call.args[3]) != 0) return;
  call.name = "futimens";
  call.args = {call.args[0], call.args[2]};
}

// The mode that an ACL is (fs/posix_acl.c posix_acl_equiv_mode): owner, others, and the mask, or
// the group where there is none.  Nothing if it is none that a kernel takes.
std::optional<int> ModeOfAcl(std::string_view acl) {
  constexpr size_t kHeader = 4, kEntry = 8;
  constexpr std::string_view kVersion("\2\0\0\0", kHeader);
  if (!acl.starts_with(kVersion) || (acl.size() - kHeader) % kEntry != 0) return std::nullopt;
  std::optional<int> owner, group, mask, others;
  for (size_t at = kHeader; at < acl.size(); at += kEntry) {
    const int permissions = static_cast<unsigned char>(acl[at + 2]);
    if (acl[at + 1] != 0 || acl[at + 3] != 0 || permissions > 7) return std::nullopt;
    switch (acl[at]) {
      case 1: owner = permissions; break;    // ACL_USER_OBJ
      case 4: group = permissions; break;    // ACL_GROUP_OBJ
      case 0x10: mask = permissions; break;  // ACL_MASK
      case 0x20: others = permissions; break;
      case 2:  // ACL_USER, ACL_GROUP: under the mask
      case 8: break;
      default: return std::nullopt;
    }
  }
  if (!owner || !group || !others) return std::nullopt;
  return *owner << 6 | mask.value_or(*group) << 3 | *others;
}

// fsetxattr(3, "system.posix_acl_access", "\2\0\0\0\1\0...", 28, 0) with the mode that it sets.
void AclAsMode(FieldCall& call) {
  if ((call.name != "fsetxattr" && call.name != "setxattr") || call.args.size() < 3) return;
  const auto name = StraceQuoted(call.args[1]), acl = StraceQuoted(call.args[2]);
  if (!name || name->bytes != "system.posix_acl_access" || !acl || !acl->whole) return;
  const std::optional<int> mode = ModeOfAcl(acl->bytes);
  if (!mode) return;
  call.made.push_back(fmt::format("{:#o}", *mode));
  call.args = {call.args[0], call.args[1], call.made.back()};
}

// FIOCLEX and FIONCLEX, as F_SETFD.
void CloexecByIoctl(FieldCall& call) {
  if (call.name != "ioctl" || !call.ok() || call.args.size() < 2) return;
  const bool sets = IsStraceConstant(call.args[1], "FIOCLEX");
  if (!sets && !IsStraceConstant(call.args[1], "FIONCLEX")) return;
  call.name = "fcntl";
  call.args = {call.args[0], "F_SETFD", sets ? "FD_CLOEXEC" : "0"};
}

// _llseek(3, 0, [5000], SEEK_END) = 0, of 32 bits.
void SeekOf32Bits(FieldCall& call) {
  if (call.name != "_llseek" || call.args.size() < 4) return;
  const std::vector<std::string_view> position = StraceElements(call.args[2]);
  const auto given = position.empty() ? std::nullopt : StraceNumber(position[0]);
  if (call.ok() && !given) return;
  call.name = "lseek";
  call.args = {call.args[0], call.args[1], call.args[3]};
  if (!call.ok()) return;
  call.altered = std::make_shared<StraceCall>(*call.log);
  call.altered->value = *given;
  call.altered->result = position[0];
  call.log = call.altered.get();
}

bool IsConstantWord(std::string_view word) {
  return !word.empty() && word[0] != '"' && std::islower(static_cast<unsigned char>(word[0])) == 0;
}

bool RowFits(const CallSpec& row, const FieldCall& call) {
  for (int i = 0; i < row.num_args; ++i) {
    const ArgSpec& arg = row.args[i];
    if (arg.kind == ArgKind::kExtension) return false;  // no kernel has it
    if (arg.kind == ArgKind::kLiteral && arg.name.starts_with('"') && arg.name != call.arg(i))
      return false;
    if (arg.kind != ArgKind::kLiteral || !IsConstantWord(arg.name)) continue;
    if (!IsStraceConstant(call.arg(i), arg.name)) return false;
  }
  return true;
}

}  // namespace

FieldCall ToFieldCall(const StraceCall& log) {
  FieldCall call;
  call.log = &log;
  call.name = log.name;
  call.args = log.args;
  for (const Alias& alias : kAliases)
    if (call.name == alias.name) call.name = alias.as;
  for (const Alias& number : kNumbers)
    if (call.name == number.name) call.name = number.as;
  JoinVector(call);
  StatOfDescriptor(call);
  ChangeByPath(call);
  TimesOfDescriptor(call);
  AclAsMode(call);
  CloexecByIoctl(call);
  SeekOf32Bits(call);
  return call;
}

bool EndsBetweenBuffers(const StraceCall& call) {
  if (call.args.size() < 3 || !call.args[1].starts_with('[')) return false;
  int64_t left = call.value;
  for (std::string_view item : StraceElements(call.args[1])) {
    const auto length = StraceField(item, "iov_len");
    const auto bytes = length ? StraceNumber(*length) : std::nullopt;
    if (!bytes || *bytes < 0 || *bytes > left) return false;
    left -= *bytes;
    if (left == 0) return true;
  }
  return false;
}

const CallSpec* RowOf(const FieldCall& call) {
  for (const CallSpec& row : CallTable())
    if (row.name == call.name && RowFits(row, call)) return &row;
  return nullptr;
}

bool TakesDescriptorFirst(std::string_view name) { return Contains(kDescriptorFirst, name); }
bool GivesDescriptor(std::string_view name) { return Contains(kGiveDescriptors, name); }

std::string CallText(const StraceCall& call) {
  std::string text = fmt::format("{}({})", call.name, fmt::join(call.args, ", "));
  if (text.size() <= kLongest) return text;
  return text.substr(0, kLongest / 2) + " ... " + text.substr(text.size() - kLongest / 2);
}

std::string ResultText(const StraceCall& call) {
  switch (call.returned) {
    case StraceReturn::kValue: return std::string(call.result);
    case StraceReturn::kErrno: return fmt::format("-1 {}", call.error);
    case StraceReturn::kUnknown: return call.error.empty() ? "?" : fmt::format("? {}", call.error);
    case StraceReturn::kNever: return "(no result)";
  }
  return "";
}

}  // namespace selkie
