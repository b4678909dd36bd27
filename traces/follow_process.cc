// Processes: who shares descriptors and memory with whom, and who they are.
#include <algorithm>

#include "traces/follower.h"
#include "traces/strace_scan.h"
#include "traces/strace_value.h"

namespace selkie {
namespace {

constexpr std::string_view kMakers[] = {"clone", "clone3", "fork", "vfork"};

bool MakesProcess(std::string_view name) {
  return std::find(std::begin(kMakers), std::end(kMakers), name) != std::end(kMakers);
}

// True if the flags of clone have this one, by name or by number.
bool HasFlag(const StraceCall& call, std::string_view name) {
  const int64_t bit = LinuxConstant(name).value_or(0);
  // clone(0x1200011, 0, ...), of -e raw.
  if (call.name == "clone" && !call.args.empty())
    if (const auto bits = StraceNumber(call.args[0])) return (*bits & bit) != 0;
  for (std::string_view arg : call.args) {
    const auto field = StraceField(arg, "flags");
    const auto bits = StraceFlags(field ? *field : arg);
    if (StraceHas(field ? *field : arg, name)) return true;
    if (field && bits && (*bits & bit) != 0) return true;
  }
  return false;
}

void DropCloexec(FollowedFds& fds) {
  std::erase_if(fds.memfds, [](const auto& entry) { return entry.second.fd.cloexec != 0; });
}

// {rlim_cur=12*1024, rlim_max=RLIM64_INFINITY}: of RLIMIT_FSIZE, nothing for none.
std::optional<int64_t> SoftLimit(std::string_view limits) {
  const auto current = StraceField(limits, "rlim_cur");
  if (!current) return std::nullopt;
  if (const auto plain = StraceNumber(*current)) return *plain < 0 ? std::nullopt : plain;
  const size_t times = current->find('*');
  const auto count = StraceNumber(current->substr(0, times));
  const auto unit =
      times == current->npos ? std::optional<int64_t>(1) : StraceNumber(current->substr(times + 1));
  int64_t bytes = 0;
  if (!count || !unit || __builtin_mul_overflow(*count, *unit, &bytes) || bytes < 0)
    return std::nullopt;
  return bytes;
}

std::shared_ptr<FollowedPidNamespace> NamespaceWithin(const FollowedProcess& process) {
  auto made = std::make_shared<FollowedPidNamespace>();
  made->parent = process.pids;
  made->noexec = process.pids->NoexecScope();  // create_pid_namespace
  return made;
}

}  // namespace

// A process that the log has lines of was made by the call that gave its number; in
// another pid namespace that is another number, and the one that began last before its first line
// and whose number is nobody's is taken.
void Follower::MatchChildren() {
  std::map<int64_t, size_t> first;  // by process: its first event
  for (size_t i = log_.events.size(); i-- > 0;) first[log_.events[i].pid] = i;
  std::set<int64_t> made;
  std::vector<size_t> others;
  for (size_t i = 0; i < log_.calls.size(); ++i) {
    const StraceCall& call = log_.calls[i];
    if (!MakesProcess(call.name)) continue;
    const bool returned = call.returned == StraceReturn::kValue;
    if (returned && call.value > 0 && pids_.contains(call.value) && call.value != call.pid) {
      child_of_[i] = call.value;
      made.insert(call.value);
    } else if ((returned && call.value > 0) || call.returned == StraceReturn::kNever) {
      others.push_back(i);
    }
  }
  std::vector<std::pair<size_t, int64_t>> unknown;
  for (const auto& [pid, event] : first)
    if (!made.contains(pid)) unknown.emplace_back(event, pid);
  std::sort(unknown.begin(), unknown.end());
  for (const auto& [event, pid] : unknown) {
    auto maker = others.end();
    for (auto at = others.begin(); at != others.end(); ++at)
      if (entered_[*at] < event && log_.calls[*at].pid != pid) maker = at;
    if (maker == others.end()) continue;
    child_of_[*maker] = pid;
    others.erase(maker);
  }
}

void Follower::MakeChild(const StraceCall& call, size_t index) {
  const auto at = child_of_.find(index);
  if (at == child_of_.end()) return;
  const int64_t pid = at->second;
  child_of_.erase(at);
  const FollowedProcess parent = world_.Process(call.pid);
  FollowedProcess child = parent;
  child.pid = pid;
  child.tgid = HasFlag(call, "CLONE_THREAD") ? parent.tgid : pid;
  child.exiting = false;
  const bool vfork = call.name == "vfork";
  if (!HasFlag(call, "CLONE_FILES")) {
    child.fds = std::make_shared<FollowedFds>(*parent.fds);
    child.fds->unseen = false;
  }
  if (!vfork && !HasFlag(call, "CLONE_VM")) {
    child.mm = std::make_shared<FollowedSpace>(*parent.mm);
    child.mm->unseen = child.mm->locks = false;
    for (auto& [begin, mapping] : child.mm->all()) mapping.SetLocked(false);
    for (const auto& [begin, mapping] : parent.mm->all())
      if ((mapping.map.flags & kMapDontcopy) != 0) child.mm->Remove(mapping.begin, mapping.end);
  }
  child.pids = HasFlag(call, "CLONE_NEWPID") ? NamespaceWithin(parent) : parent.children_pids;
  child.children_pids = child.pids;
  if (HasFlag(call, "CLONE_NEWUSER")) child.uid.reset();
  if (call.name == "clone3" && !call.args[0].starts_with('{'))  // -e raw: they may share
    child.fds->unseen = child.mm->unseen = parent.fds->unseen = parent.mm->unseen = true;
  world_.processes[pid] = std::move(child);
  NoteChange(-1, call.pid);
}

std::optional<FollowedFd> Follower::ProcLink::memfd() const {
  if (process == nullptr) return std::nullopt;
  if (fd == kExeLink)
    return process->exe >= 0 ? std::optional(FollowedFd{process->exe, Fd{}}) : std::nullopt;
  const auto at = process->fds->memfds.find(fd);
  return at == process->fds->memfds.end() ? std::nullopt : std::optional(at->second);
}

// A child without a line in the log: strace was called without -f.
void Follower::ShareOutside(const StraceCall& call, FollowedProcess& process) {
  process.fds->unseen |= HasFlag(call, "CLONE_FILES");
  process.mm->unseen |= HasFlag(call, "CLONE_VM") && !HasFlag(call, "CLONE_VFORK");
  auto share = [&](int file) {
    world_.files[file].outside = true;
    world_.inodes[world_.files[file].inode].outside = true;
  };
  for (const auto& [fd, memfd] : process.fds->memfds) share(memfd.file);
  for (const auto& [begin, mapping] : process.mm->all()) share(mapping.file);
}

void Follower::OnClone(const FieldCall& call, FollowedProcess& process) {
  const bool concerned = !process.fds->memfds.empty() || !process.mm->all().empty();
  const bool returned = call.ok() && call.log->value > 0;
  if (child_of_.contains(call_))
    MakeChild(*call.log, call_);
  else if (returned && !pids_.contains(call.log->value) && entered_[call_] == event_)
    ShareOutside(*call.log, process);
  Count(call, concerned ? Unasked::kFollowed : Unasked::kElsewhere);
}

void Follower::OnExec(const FieldCall& call, FollowedProcess& process) {
  const bool concerned = !process.fds->memfds.empty() || !process.mm->all().empty();
  if (call.ok()) {
    const bool at = call.name == "execveat";
    const FollowedFd* itself = at ? Lookup(process, call.arg(0), call.log->line) : nullptr;
    const auto path = StraceQuoted(call.arg(at ? 1 : 0));
    const auto link =
        path && !path->bytes.empty() ? ResolvePath(process, "AT_FDCWD", path->bytes) : std::nullopt;
    const auto memfd = link ? link->memfd() : (itself ? std::optional(*itself) : std::nullopt);
    process.exe = memfd ? memfd->file : -1;
    process.mm = std::make_shared<FollowedSpace>();
    process.fds = std::make_shared<FollowedFds>(*process.fds);
    process.fds->folders.clear();
    process.fds->unseen = false;
    DropCloexec(*process.fds);
    const int64_t pid = process.pid, tgid = process.tgid;
    std::erase_if(world_.processes, [&](const auto& entry) {
      return entry.first != pid && entry.second.tgid == tgid;
    });
    NoteChange(-1, pid);
  }
  Count(call, concerned ? Unasked::kFollowed : Unasked::kElsewhere);
}

void Follower::OnExit(const FieldCall& call, FollowedProcess& process) {
  for (auto& [pid, other] : world_.processes)
    if (pid == process.pid || (call.name == "exit_group" && other.tgid == process.tgid))
      other.exiting = true;
  NoteChange(-1, process.pid);
  Count(call, Unasked::kElsewhere);
}

// +++ exited with 0 +++, +++ killed by SIGKILL +++, +++ superseded by execve in pid 12 +++
void Follower::OnExited(const StraceEvent& event) {
  constexpr std::string_view kSuperseded = "superseded by execve in pid ";
  if (const size_t at = event.text.find(kSuperseded); at != event.text.npos) {
    std::string_view number = event.text.substr(at + kSuperseded.size());
    number = number.substr(0, number.find(' '));
    const auto thread = world_.processes.find(StraceNumber(number).value_or(-1));
    if (thread == world_.processes.end()) return;
    FollowedProcess taken = thread->second;
    world_.processes.erase(thread);
    taken.pid = event.pid;
    world_.processes[event.pid] = std::move(taken);
    return;
  }
  world_.processes.erase(event.pid);
  pending_.erase(event.pid);
  NoteChange(-1, event.pid);
}

void Follower::OnUnshare(const FieldCall& call, FollowedProcess& process) {
  const bool files = HasStraceFlag(call.arg(0), "CLONE_FILES");
  if (call.ok() && files) process.fds = std::make_shared<FollowedFds>(*process.fds);
  if (call.ok() && HasStraceFlag(call.arg(0), "CLONE_NEWUSER")) process.uid.reset();
  if (call.ok() && HasStraceFlag(call.arg(0), "CLONE_NEWPID"))
    process.children_pids = NamespaceWithin(process);
  Count(call, files ? Unasked::kFollowed : Unasked::kElsewhere);
}

// A number written to vm.memfd_noexec, or read from it.
void Follower::OnReadWrite(const FieldCall& call, FollowedProcess& process) {
  const auto fd = StraceDescriptor(call.arg(0));
  if (!fd || process.fds->memfds.contains(fd->fd)) return OnRow(call, process);
  const std::string path = fd->path ? *fd->path : process.fds->PathOf(fd->fd);
  const auto text = StraceQuoted(call.arg(1));
  if (path != "/proc/sys/vm/memfd_noexec" || !call.ok() || !text) return OnRow(call, process);
  const std::string digits = text->bytes.substr(0, text->bytes.find('\n'));
  if (const auto level = StraceNumber(digits)) process.pids->noexec = static_cast<int>(*level);
  Count(call, Unasked::kFollowed);
}

void Follower::OnGetUser(const FieldCall& call, FollowedProcess& process) {
  if (call.ok()) process.uid = static_cast<int>(call.log->value);
  if (call.ok()) process.uid_guessed = false;
  Count(call, Unasked::kElsewhere);
}

void Follower::OnSetUser(const FieldCall& call, FollowedProcess& process) {
  const auto uid = StraceNumber(call.arg(call.name == "setuid" ? 0 : 1));
  const bool named = call.name != "capset" && call.name != "setfsuid" && uid;
  if (call.ok() && !(named && static_cast<int32_t>(*uid) == -1)) {
    process.uid.reset();
    process.uid_guessed = false;
    if (named) process.uid = static_cast<int>(*uid);
  }
  Count(call, Unasked::kElsewhere);
}

// RLIMIT_FSIZE cuts writes and refuses to grow, for all threads.
void Follower::OnLimit(const FieldCall& call, FollowedProcess& process) {
  const bool by_pid = call.name == "prlimit64";
  const std::string_view value = call.arg(by_pid ? 2 : 1);
  const bool sets = call.ok() && IsStraceConstant(call.arg(by_pid ? 1 : 0), "RLIMIT_FSIZE") &&
                    StraceNumber(value) != 0;
  if (!sets) return Count(call, Unasked::kElsewhere);
  const int64_t pid = by_pid ? StraceNumber(call.arg(0)).value_or(0) : 0;
  const int64_t tgid = pid == 0 ? process.tgid : world_.Process(pid).tgid;
  for (auto& [number, other] : world_.processes)
    if (other.tgid == tgid) {
      other.fsize = SoftLimit(value);
      other.fsize_unread = !value.starts_with('{');
    }
  Count(call, Unasked::kFollowed);
}

// prctl(PR_SET_SECCOMP, ...) and seccomp(SECCOMP_SET_MODE_..., flags, ...): for the thread, or for
// all.
void Follower::OnSeccomp(const FieldCall& call, FollowedProcess& process) {
  Count(call, Unasked::kElsewhere);
  const bool by_prctl = call.name == "prctl";
  const std::string_view what = call.arg(0);
  const bool sets = by_prctl ? IsStraceConstant(what, "PR_SET_SECCOMP")
                             : IsStraceConstant(what, "SECCOMP_SET_MODE_STRICT") ||
                                   IsStraceConstant(what, "SECCOMP_SET_MODE_FILTER");
  if (!call.ok() || !sets) return;
  const bool all = !by_prctl && HasStraceFlag(call.arg(1), "SECCOMP_FILTER_FLAG_TSYNC");
  for (auto& [pid, other] : world_.processes)
    if (pid == process.pid || (all && other.tgid == process.tgid)) other.seccomp = true;
}

void Follower::OnShmget(const FieldCall& call, FollowedProcess&) {
  const auto bytes = StraceNumber(call.arg(1));
  if (call.ok() && bytes && *bytes > 0 && *bytes < kBeyondFiles) shm_[call.log->value] = *bytes;
  Count(call, Unasked::kElsewhere);
}

// With SHM_REMAP in place of what is there.
void Follower::OnShmat(const FieldCall& call, FollowedProcess& process) {
  const auto id = StraceNumber(call.arg(0));
  const auto known = id ? shm_.find(*id) : shm_.end();
  if (!call.ok()) return Count(call, Unasked::kElsewhere);
  const auto begin = static_cast<uint64_t>(call.log->value);
  const auto pages = known == shm_.end() ? 1 : (known->second + kPageSize - 1) / kPageSize;
  const uint64_t end = begin + static_cast<uint64_t>(pages * kPageSize);
  const bool hides = !process.mm->Pieces(begin, end).empty();
  process.mm->Remove(begin, end);
  if (hides) NoteChange(-1, process.pid);
  Count(call, hides ? Unasked::kFollowed : Unasked::kElsewhere);
}

// Rings and queues act on files without a call, and hold pages.
void Follower::OnRing(const FieldCall& call, FollowedProcess& process) {
  bool any = false;
  auto hold = [&](int file) {
    FollowedInode& inode = world_.inodes[world_.files[file].inode];
    inode.pinned = true;
    if (call.name != "vmsplice") inode.outside = world_.files[file].outside = true;
    any = true;
  };
  if (call.ok()) {
    for (const auto& [fd, memfd] : process.fds->memfds) hold(memfd.file);
    for (const auto& [begin, mapping] : process.mm->all()) hold(mapping.file);
  }
  Count(call, any ? Unasked::kFollowed : Unasked::kElsewhere);
}

}  // namespace selkie
