// Files that get a descriptor: memfd_create, paths that lead to one, and the descriptors
// of other processes.
#include <algorithm>
#include <cerrno>

#include "fmt/format.h"
#include "traces/follower.h"
#include "traces/strace_scan.h"
#include "traces/strace_value.h"

namespace selkie {

// ---- memfd_create ----

void Follower::OnCreate(const FieldCall& call, FollowedProcess& process) {
  const CallSpec* row = RowOf(call);
  const auto flags = StraceFlags(call.arg(1), row->args[1].names);
  const auto name = StraceQuoted(call.arg(0));
  const bool null = call.arg(0) == "NULL", cut = name && !name->whole;
  const int64_t length = null ? kNull : !name || cut ? kOrdinaryName : NameWord(name->bytes.size());
  Query query(call, process);
  query.make = [&](Ask& ask) -> std::optional<Call> {
    ask.Freeze();
    return Call{Op::kMemfdCreate, 0, {length, static_cast<int32_t>(*flags)}};
  };
  if (!flags) query.why = "flags of memfd_create as they are written";
  if ((!name && !null && !call.ok()) || (cut && call.log->error == "EINVAL"))
    query.why = "a name that is cut in the log or cannot be read";
  if (call.ok()) query.new_fds = {call.log->value};
  Decide(query);
  if (!call.ok()) return;
  ++report_.memfds;
  auto& memfds = process.fds->memfds;
  const bool modelled = memfds.contains(call.log->value);
  if (!modelled) memfds[call.log->value] = {world_.AddUnknownFile("", call.log->line), Fd{}};
  FollowedFile& file = world_.files[memfds[call.log->value].file];
  FollowedInode& inode = world_.inodes[file.inode];
  constexpr int64_t kHugetlb = abi::kMfdHugetlb;
  inode.hugetlb = flags && (*flags & kHugetlb) != 0;
  inode.name = name ? name->bytes : "";
  inode.name_whole = !name || name->whole;
  inode.line = call.log->last_line;
  if (!modelled) {
    inode.from_outside = inode.outside = false;
    inode.size_known = true;
    memfds[call.log->value].fd.cloexec = flags && (*flags & abi::kMfdCloexec) != 0;
  }
  // What a thread did to that number may have been done to this file.
  if (NumberWasUsed(call, process)) inode.outside = file.outside = true;
}

// ---- Files by name ----

namespace {

// Where a descriptor may be reached.
bool HasDescriptors(std::string_view path) {
  return path.starts_with("/proc") || path.starts_with("/dev");
}

// As far as the log says where the path begins.
std::string WholePath(const FollowedProcess& process, std::string_view dir, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  const auto fd = StraceDescriptor(dir);
  if (!fd) return std::string(path);
  std::string from = dir.starts_with("AT_FDCWD") || fd->fd == -100 ? process.cwd : std::string();
  if (const std::string known = process.fds->PathOf(fd->fd); !known.empty())
    from = known;
  else if (fd->path)
    from = *fd->path;
  return from.empty() ? std::string(path) : from + "/" + std::string(path);
}

// A number of a struct: 0 if it is not there, nothing if it cannot be read.
std::optional<int64_t> FieldOr0(std::string_view fields, std::string_view name) {
  const auto text = StraceField(fields, name);
  return text ? StraceFlags(*text) : 0;
}

}  // namespace

void Follower::OnChdir(const FieldCall& call, FollowedProcess& process) {
  Count(call, Unasked::kElsewhere);
  if (!call.ok()) return;
  std::string cwd;
  if (const auto path = StraceQuoted(call.arg(0)); path && call.name == "chdir") {
    cwd = WholePath(process, "AT_FDCWD", path->bytes);
  } else if (const auto fd = StraceDescriptor(call.arg(0)); fd && call.name == "fchdir") {
    cwd = process.fds->PathOf(fd->fd);
    if (cwd.empty()) cwd = fd->path.value_or("");
  }
  if (!HasDescriptors(cwd) && cwd != "/") cwd.clear();
  // Threads share it.
  for (auto& [pid, other] : world_.processes)
    if (other.tgid == process.tgid) other.cwd = cwd;
}

// symlink(TARGET, PATH), symlinkat(TARGET, DIR, PATH), unlink(PATH), unlinkat(DIR, PATH, FLAGS).
void Follower::OnSymlink(const FieldCall& call, FollowedProcess& process) {
  Count(call, Unasked::kElsewhere);
  const bool makes = call.name.starts_with("symlink"), at = call.name.ends_with("at");
  const size_t path_arg = (makes ? 1 : 0) + (at ? 1 : 0);
  const auto path = StraceQuoted(call.arg(path_arg)), target = StraceQuoted(call.arg(0));
  if (!call.ok() || !path) return;
  const std::string whole =
      WholePath(process, at ? call.arg(path_arg - 1) : "AT_FDCWD", path->bytes);
  world_.links.erase(whole);
  if (makes && target && HasDescriptors(target->bytes)) world_.links[whole] = target->bytes;
}

std::optional<Follower::ProcLink> Follower::ResolvePath(const FollowedProcess& process,
                                                        std::string_view dir,
                                                        std::string_view path) const {
  if (path.empty()) return std::nullopt;  // the descriptor itself: not followed
  const auto walked = WalkPath(WholePath(process, dir, path), world_.links);
  if (!walked) return std::nullopt;
  const int64_t pid = walked->whose == WalkedPath::Whose::kNamed    ? walked->pid
                      : walked->whose == WalkedPath::Whose::kLeader ? process.tgid
                                                                    : process.pid;
  const auto other = world_.processes.find(pid);
  if (other != world_.processes.end()) return ProcLink{&other->second, walked->fd, *walked};
  // The first thread has ended.
  const bool own = walked->whose != WalkedPath::Whose::kNamed;
  return ProcLink{own ? &process : nullptr, walked->fd, *walked};
}

void Follower::OnPathCall(const FieldCall& call, FollowedProcess& process, std::string_view path,
                          const CallSpec& row) {
  const bool empty = row.op == Op::kOpenEmptyPath;
  const bool how = row.op == Op::kOpenat2;
  const bool at = row.op == Op::kOpenat || how || empty;
  const std::string_view dir = at ? call.arg(0) : "AT_FDCWD";
  const auto quoted = StraceQuoted(path);
  auto link = quoted ? ResolvePath(process, dir, quoted->bytes) : std::nullopt;
  if (const auto fd = StraceDescriptor(dir); empty && fd) link = ProcLink{&process, fd->fd, {}};
  const bool opens = row.returns == ReturnKind::kFd;
  if (opens && call.ok() && quoted && quoted->bytes.starts_with("/proc"))
    process.fds->folders[call.log->value] = quoted->bytes;
  const std::optional<FollowedFd> memfd = link ? link->memfd() : std::nullopt;
  // An address (-e raw), or the link of a mapping: of any file.
  const bool hidden = !quoted || quoted->bytes.find("/map_files/") != std::string::npos;
  if (hidden && call.ok()) world_.AnyMayBeHeld();
  if (!memfd) {
    if (opens && call.ok()) Lookup(process, call.log->result, call.log->line);
    return Count(call, Unasked::kElsewhere);
  }
  const FollowedFd& target = *memfd;
  const bool own = link->process->fds == process.fds;
  if (!own && !call.ok() && (call.log->error == "EACCES" || call.log->error == "EPERM"))
    return Count(call, Unasked::kSystem, fmt::format("{} {}", call.log->name, call.log->error));
  const std::string_view error = call.log->error;
  const bool creates = HasStraceFlag(call.arg(at ? 2 : 1), "O_CREAT");
  if (link->how.as_folder && (error == "ENOTDIR" || (error == "EISDIR" && creates)))
    return Count(call, Unasked::kElsewhere);
  if (link->how.by_dev && error == "ENOENT")
    return Count(call, Unasked::kSystem, "a path through /dev ENOENT");
  if (row.op == Op::kSetAcl && call.args.size() > 3)
    return Count(call, Unasked::kBound, "an ACL that is cut, or none");
  if (row.op == Op::kSetAcl && call.log->error == "EOPNOTSUPP")
    return Count(call, Unasked::kSystem, "setxattr EOPNOTSUPP");
  Query query(call, process);
  query.file = target.file;
  query.inode = world_.files[target.file].inode;
  if (opens && call.ok()) query.new_fds = {call.log->value};

  const std::string_view flags_arg = call.arg(at ? 2 : 1);
  int64_t word = 0, mode = 0, resolve = 0;
  if (!opens) {
    const bool owner = row.op == Op::kChown;
    word = StraceNumber(owner ? call.arg(1) : call.args.back()).value_or(0);
    if (owner) word = AsInt(word);
  } else if (call.name == "creat") {
    word = abi::kOWronly | abi::kOTrunc;
  } else {
    const auto text =
        flags_arg.starts_with('{') ? StraceField(flags_arg, "flags") : std::optional(flags_arg);
    const int64_t flags = text ? StraceFlags(*text).value_or(-1) : -1;
    // O_NOCTTY, O_SYNC and O_DSYNC change nothing for a memfd.
    constexpr int64_t kHarmless = 0400 | 04010000;
    int64_t known = 0;
    for (const FlagName& name : ArgsOf(SpecOf(Op::kOpen))[1].names) known |= name.bits;
    word = std::max<int64_t>(flags, 0) & ~kHarmless;
    if (flags < 0 || (word & ~known) != 0) query.why = "flags of open beyond those of the table";
    query.effect_known = flags >= 0;
    word &= known;
    if (how) {
      const auto mode_word = FieldOr0(flags_arg, "mode");
      const auto resolve_word = FieldOr0(flags_arg, "resolve");
      if (!mode_word || !resolve_word) query.why = "a mode or RESOLVE_ flags that cannot be read";
      mode = mode_word.value_or(0);
      resolve = resolve_word.value_or(0);
      if (resolve != 0 && !quoted->bytes.starts_with("/proc/self/fd/"))
        query.why = "openat2 with RESOLVE_ flags and another path than /proc/self/fd/";
    }
    if (flags >= 0 && (flags & abi::kOPath) != 0 && (flags & abi::kONofollow) != 0)
      return Count(call, Unasked::kBound, "the link itself");
  }
  if (link->how.unsure) query.effect_known = false;
  if (link->how.unsure) query.why = "a path through links or folders that are not known";
  const bool writes =
      opens ? (word & (abi::kOAccMode | abi::kOTrunc)) != 0 : row.op == Op::kTruncate;
  if (writes && (link->fd == kExeLink || world_.Runs(query.inode)))
    query.why = "opening a program that runs for writing";
  query.make = [&](Ask& ask) -> std::optional<Call> {
    const int64_t fd = own ? ask.AddFd(link->fd, &target) : ask.AddForeignFd(link->fd, &target);
    const bool resizes = row.op == Op::kTruncate;
    if (resizes) ask.AddPoint(word);
    ask.Freeze();
    if (empty) return Call{row.op, 0, {fd, word}};
    return Call{row.op, 0, {own ? kSelf : 1, fd, resizes ? ask.Small(word) : word, mode, resolve}};
  };
  query.sizes = {0, kPageSize, world_.inodes[query.inode].size, std::max<int64_t>(word, 0)};
  if (word < kBeyondFiles) query.sizes.push_back(word + kPageSize);
  Decide(query);
  if (opens && call.ok() && query.why.empty()) return;
  if (opens && call.ok() && !process.fds->memfds.contains(call.log->value)) {
    FollowedFile file = world_.files[target.file];
    file.pos = 0;
    file.known = false;
    file.outside = true;
    world_.files.push_back(file);
    process.fds->memfds[call.log->value] = {static_cast<int>(world_.files.size()) - 1, Fd{}};
  }
}

void Follower::OnOpen(const FieldCall& call, FollowedProcess& process) {
  const bool at = call.name == "openat" || call.name == "openat2";
  const std::string_view path = call.arg(at ? 1 : 0);
  const bool empty = at && path == "\"\"" && call.arg(2).find("O_EMPTYPATH") != path.npos;
  return OnPathCall(call, process, path,
                    SpecOf(empty                    ? Op::kOpenEmptyPath
                           : call.name == "openat2" ? Op::kOpenat2
                           : at                     ? Op::kOpenat
                                                    : Op::kOpen));
}

// truncate, chmod, chown, and setxattr of an ACL.
void Follower::OnPathRow(const FieldCall& call, FollowedProcess& process) {
  if (const CallSpec* row = RowOf(call)) return OnPathCall(call, process, call.arg(0), *row);
  Count(call, Unasked::kElsewhere);
}

// Of a path and no times; else of a descriptor without a row.
void Follower::OnUtimensat(const FieldCall& call, FollowedProcess& process) {
  if (const CallSpec* row = RowOf(call)) return OnPathCall(call, process, call.arg(1), *row);
  OnRow(call, process);
}

// ---- Descriptors of other processes ----

void Follower::OnPidfd(const FieldCall& call, FollowedProcess& process) {
  const auto pid = StraceNumber(call.arg(0));
  if (call.ok() && pid) process.fds->pidfds[call.log->value] = *pid;
  Count(call, Unasked::kElsewhere);
}

void Follower::OnPidfdGetfd(const FieldCall& call, FollowedProcess& process) {
  const auto pidfd = StraceDescriptor(call.arg(0));
  const auto target = StraceDescriptor(call.arg(1));
  const auto pid = pidfd ? process.fds->pidfds.find(pidfd->fd) : process.fds->pidfds.end();
  const auto other = pid == process.fds->pidfds.end() ? world_.processes.end()
                                                      : world_.processes.find(pid->second);
  const FollowedFd* taken =
      other == world_.processes.end() || !target
          ? nullptr
          : Lookup(other->second, fmt::format("{}", target->fd), call.log->line);
  if (taken == nullptr) {
    if (call.ok() && other == world_.processes.end() &&
        Lookup(process, call.log->result, call.log->line) == nullptr)
      world_.AnyMayBeHeld();
    return Count(call, Unasked::kElsewhere);
  }
  if (!call.ok())
    return Count(call, Unasked::kSystem, fmt::format("pidfd_getfd {}", call.log->error));
  const FollowedFd fd = *taken;
  Query query(call, process);
  query.file = fd.file;
  query.inode = world_.files[fd.file].inode;
  query.new_fds = {call.log->value};
  query.make = [&](Ask& ask) -> std::optional<Call> {
    const int64_t small = ask.AddForeignFd(target->fd, &fd);
    ask.Freeze();
    return Call{Op::kPidfdGetfd, 0, {1, small}};
  };
  Decide(query);
}

}  // namespace selkie
