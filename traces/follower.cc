#include "traces/follower.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "fmt/format.h"
#include "model/call_text.h"
#include "scenarios/scenario.h"
#include "traces/strace_value.h"

namespace selkie {
namespace {

// Errors that come from what the model does not have: memory, quotas, limits, signals,
// security modules, an injected fault.
constexpr int64_t kSystemErrors[] = {EINTR, ENOMEM, ENOSPC, EMFILE, ENFILE, EDQUOT,
                                     EIO,   ENOSYS, EFAULT, EAGAIN, EFBIG};

// Calls that belong to no class of strace's (-e trace=%file), and that nobody asks for by
// name: a log that has two of them has all.
constexpr std::string_view kUnselected[] = {
    "set_tid_address", "set_robust_list",   "rseq",    "prlimit64", "getrandom",
    "futex",           "clock_nanosleep",   "sysinfo", "uname",     "getrusage",
    "sched_yield",     "sched_getaffinity", "prctl"};

constexpr size_t kMostRemarks = 10000;

std::string InodeName(const FollowedInode& inode) {
  return fmt::format("memfd '{}'{}", inode.name, inode.name_whole ? "" : "...");
}

std::string SealText(uint8_t seals, const Semantics& semantics) {
  std::string text;
  for (const SealName& seal : semantics.seals)
    if ((seals & seal.bits) != 0) text += fmt::format("{}{}", text.empty() ? "" : "|", seal.name);
  return text.empty() ? "none" : text;
}

}  // namespace

std::string_view UnaskedWord(Unasked why) {
  constexpr std::string_view kWords[] = {"elsewhere",  "followed", "no_row", "bound", "system",
                                         "unreturned", "outside",  "order",  "unseen"};
  return kWords[static_cast<int>(why)];
}

std::string_view UnaskedText(Unasked why) {
  constexpr std::string_view kTexts[] = {
      "do not concern a memfd",
      "followed: the model is not asked what they give",
      "concern a memfd and have no row in the table of calls",
      "beyond what the model covers",
      "failed for reasons outside of the model",
      "did not return",
      "agree if somebody outside of the log has sealed, mapped or resized before",
      "not decided: another call ran at the same time",
      "not decided: the log has not all calls, or not all threads, and what decides may be "
      "missing"};
  return kTexts[static_cast<int>(why)];
}

std::optional<int64_t> ErrnoOfText(std::string_view name) {
  if (name == "ENOTSUP") return EOPNOTSUPP;
  if (name == "EWOULDBLOCK") return EAGAIN;
  int64_t number = 0;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (code == std::errc() && end == name.data() + name.size()) return number;
  return ErrnoByName(name);
}

std::string ReleaseInLog(const StraceLog& log) {
  for (const StraceCall& call : log.calls) {
    if (call.name != "uname" || call.args.empty()) continue;
    const auto release = StraceField(call.args[0], "release");
    const auto text = release ? StraceQuoted(*release) : std::nullopt;
    if (text && text->whole) return text->bytes;
  }
  return "";
}

Follower::Follower(const StraceLog& log, const Semantics& semantics, const FollowOptions& options)
    : log_(log), semantics_(semantics), options_(options) {
  entered_.resize(log.calls.size());
  for (size_t i = log.events.size(); i-- > 0;)
    if (log.events[i].kind <= StraceEvent::Kind::kCall) entered_[log.events[i].call] = i;
  std::map<int64_t, size_t> next;
  next_.resize(log.events.size(), log.events.size());
  for (size_t i = log.events.size(); i-- > 0;) {
    const auto [at, is_last] = next.try_emplace(log.events[i].pid, log.events.size());
    next_[i] = at->second;
    at->second = i;
  }
  for (const StraceCall& call : log.calls) {
    names_.insert(call.name);
    NoteGuards(call);
  }
  for (const StraceEvent& event : log.events) pids_.insert(event.pid);
  const auto unselected =
      std::count_if(std::begin(kUnselected), std::end(kUnselected),
                    [&](std::string_view name) { return names_.contains(name); });
  whole_ = options.complete || unselected >= 2;
  MatchChildren();
  MatchMessages();
}

// MADV_GUARD_INSTALL, which strace may not know by name, by madvise or process_madvise, whoever's
// memory that is of.
void Follower::NoteGuards(const StraceCall& call) {
  const bool ranges = call.name == "process_madvise" && call.args.size() == 5;
  if (!ranges && (call.name != "madvise" || call.args.size() != 3)) return;
  const std::string_view advice = call.args[ranges ? 3 : 2];
  if (advice != "MADV_GUARD_INSTALL" &&
      StraceNumber(advice.substr(0, advice.find(' '))) != abi::kMadvGuardInstall)
    return;
  const auto note = [this](std::optional<int64_t> start, std::optional<int64_t> length) {
    if (start && length) guards_.emplace_back(*start, *length);
  };
  if (!ranges) return note(StraceNumber(call.args[0]), StraceNumber(call.args[1]));
  for (const std::string_view range : StraceElements(call.args[1])) {
    const auto base = StraceField(range, "iov_base"), length = StraceField(range, "iov_len");
    if (base && length) note(StraceNumber(*base), StraceNumber(*length));
  }
}

bool Follower::IsGuarded(int64_t address) const {
  return std::any_of(guards_.begin(), guards_.end(), [address](const auto& range) {
    return address >= range.first && address - range.first < range.second;
  });
}

FollowReport Follower::Run() {
  report_.calls = static_cast<int64_t>(log_.calls.size());
  report_.processes = static_cast<int64_t>(pids_.size());
  report_.filtered = !whole_;
  for (event_ = 0; event_ < log_.events.size(); ++event_) {
    if (options_.interrupted != nullptr && *options_.interrupted) {
      report_.interrupted = true;
      return report_;
    }
    const StraceEvent& event = log_.events[event_];
    latest_[event.pid] = event_;
    switch (event.kind) {
      case StraceEvent::Kind::kEnter: OnEnter(event); break;
      case StraceEvent::Kind::kCall: OnCall(event); break;
      case StraceEvent::Kind::kSignal: OnSignal(event); break;
      case StraceEvent::Kind::kExited: OnExited(event); break;
    }
  }
  for (size_t i = 0; i < log_.calls.size(); ++i)
    if (log_.calls[i].returned == StraceReturn::kNever)
      Count(ToFieldCall(log_.calls[i]), Unasked::kUnreturned);
  return report_;
}

// What a call does before it returns to its caller: a child runs, a message arrives.
void Follower::OnEnter(const StraceEvent& event) {
  call_ = event.call;
  const StraceCall& call = log_.calls[event.call];
  pending_[event.pid] = event.call;
  if (child_of_.contains(event.call)) MakeChild(call, event.call);
  if (receiver_of_.contains(event.call) || peeked_.contains(event.call)) {
    const FieldCall field = ToFieldCall(call);
    OnSend(field, world_.Process(event.pid));
  }
}

void Follower::OnCall(const StraceEvent& event) {
  call_ = event.call;
  const StraceCall& call = log_.calls[event.call];
  pending_.erase(event.pid);
  FollowedProcess& process = world_.Process(event.pid);
  const FieldCall field = ToFieldCall(call);
  // A number that is given anew was free: its close is not in the log.
  if (field.ok() && GivesDescriptor(field.name)) {
    process.fds->memfds.erase(call.value);
    process.fds->folders.erase(call.value);
  }
  Dispatch(field, process);
}

void Follower::Dispatch(const FieldCall& call, FollowedProcess& process) {
  const auto& handlers = Handlers();
  const auto at = handlers.find(call.name);
  if (at != handlers.end()) return (this->*at->second)(call, process);
  OnRow(call, process);
}

const std::map<std::string_view, Follower::Handler>& Follower::Handlers() {
  static const std::map<std::string_view, Handler> kHandlers = {
      {"memfd_create", &Follower::OnCreate},
      {"open", &Follower::OnOpen},
      {"openat", &Follower::OnOpen},
      {"openat2", &Follower::OnOpen},
      {"creat", &Follower::OnOpen},
      {"truncate", &Follower::OnPathRow},
      {"chmod", &Follower::OnPathRow},
      {"chown", &Follower::OnPathRow},
      {"utimensat", &Follower::OnUtimensat},
      {"setxattr", &Follower::OnPathRow},
      {"fcntl", &Follower::OnFcntl},
      {"dup2", &Follower::OnDupOver},
      {"dup3", &Follower::OnDupOver},
      {"close_range", &Follower::OnCloseRange},
      {"file_setattr", &Follower::OnSetAttributes},
      {"ioctl", &Follower::OnIoctl},
      {"chdir", &Follower::OnChdir},
      {"fchdir", &Follower::OnChdir},
      {"symlink", &Follower::OnSymlink},
      {"symlinkat", &Follower::OnSymlink},
      {"unlink", &Follower::OnSymlink},
      {"unlinkat", &Follower::OnSymlink},
      {"sendfile", &Follower::OnTransfer},
      {"sendfile64", &Follower::OnTransfer},
      {"splice", &Follower::OnTransfer},
      {"tee", &Follower::OnTransfer},
      {"copy_file_range", &Follower::OnTransfer},
      {"pidfd_open", &Follower::OnPidfd},
      {"pidfd_getfd", &Follower::OnPidfdGetfd},
      {"mmap", &Follower::OnMmap},
      {"munmap", &Follower::OnMunmap},
      {"mprotect", &Follower::OnMprotect},
      {"pkey_mprotect", &Follower::OnMprotect},
      {"mremap", &Follower::OnMremap},
      {"madvise", &Follower::OnRange},
      {"process_madvise", &Follower::OnProcessMadvise},
      {"msync", &Follower::OnRange},
      {"mseal", &Follower::OnRange},
      {"mlock", &Follower::OnLock},
      {"mlock2", &Follower::OnLock},
      {"munlock", &Follower::OnLock},
      {"shmget", &Follower::OnShmget},
      {"shmat", &Follower::OnShmat},
      {"mlockall", &Follower::OnLockAll},
      {"munlockall", &Follower::OnLockAll},
      {"mincore", &Follower::OnRange},
      {"remap_file_pages", &Follower::OnRange},
      {"mbind", &Follower::OnRange},
      {"vmsplice", &Follower::OnRing},
      {"io_uring_setup", &Follower::OnRing},
      {"io_uring_register", &Follower::OnRing},
      {"io_submit", &Follower::OnRing},
      {"prctl", &Follower::OnSeccomp},
      {"seccomp", &Follower::OnSeccomp},
      {"setrlimit", &Follower::OnLimit},
      {"prlimit64", &Follower::OnLimit},
      {"clone", &Follower::OnClone},
      {"clone3", &Follower::OnClone},
      {"fork", &Follower::OnClone},
      {"vfork", &Follower::OnClone},
      {"execve", &Follower::OnExec},
      {"execveat", &Follower::OnExec},
      {"exit", &Follower::OnExit},
      {"exit_group", &Follower::OnExit},
      {"unshare", &Follower::OnUnshare},
      {"read", &Follower::OnReadWrite},
      {"write", &Follower::OnReadWrite},
      {"geteuid", &Follower::OnGetUser},
      {"geteuid32", &Follower::OnGetUser},
      {"setuid", &Follower::OnSetUser},
      {"setreuid", &Follower::OnSetUser},
      {"setresuid", &Follower::OnSetUser},
      {"setfsuid", &Follower::OnSetUser},
      {"capset", &Follower::OnSetUser},
      {"sendmsg", &Follower::OnSend},
      {"sendmmsg", &Follower::OnSend},
      {"recvmsg", &Follower::OnReceive},
      {"recvmmsg", &Follower::OnReceive},
  };
  return kHandlers;
}

// ---- Counting ----

void Follower::Count(const FieldCall& call, Unasked why, std::string_view name, std::string text) {
  ++report_.unasked[why][std::string(name.empty() ? call.log->name : name)];
  if (why == Unasked::kElsewhere || why == Unasked::kFollowed) return;
  if (report_.remarks.size() >= kMostRemarks) return;
  if (text.empty()) text = name.empty() ? UnaskedText(why) : name;
  report_.remarks.push_back({why, call.log->last_line, CallText(*call.log), std::move(text)});
}

void Follower::NoteModelled(const FieldCall& call, const Ask& ask) {
  ++report_.modelled;
  const std::string_view op = ShortName(ask.call().op);
  const bool numbered = call.log->name.starts_with("syscall_");
  const std::string_view name = numbered ? call.name : call.log->name;
  ++report_.modelled_by_name[std::string(op.starts_with("F_") ? op : name)];
}

// ---- Comparing ----

std::string Follower::Modelled(const Query& query, const Ask& ask) const {
  const Result& r = ask.result();
  if (!r.ok()) return PrintResult(ask.call(), r, &semantics_, nullptr);
  switch (SpecOf(ask.call().op).returns) {
    case ReturnKind::kFd: return "a descriptor";
    case ReturnKind::kAddress: return "an address";
    case ReturnKind::kCount:
    case ReturnKind::kCountData:
    case ReturnKind::kOffset: {
      const auto [real, small] = query.base ? query.base(ask) : std::pair<int64_t, int64_t>{};
      const auto end = ask.Real(small + r.value);
      return end ? fmt::format("{}", *end - real) : "a number";
    }
    case ReturnKind::kStat:
      return fmt::format("0 {{st_size={}, st_mode={:#o}}}", ask.Real(r.value).value_or(-1),
                         r.extra);
    default: return PrintResult(ask.call(), r, &semantics_, nullptr);
  }
}

std::optional<Ask> Follower::Try(Query& query, const Guess& guess) {
  Ask ask(world_, query.process, guess);
  const std::optional<Call> call = query.make(ask);
  if (!call) return std::nullopt;
  ask.Run(*call, semantics_);
  return ask;
}

// dup2 gives the number that it is told, F_DUPFD none below.
bool Follower::IsNumberAsked(const Query& query, Op op) const {
  const int64_t given = query.call.log->value;
  if (op == Op::kDup2 || op == Op::kDup3) {
    const auto over = StraceDescriptor(query.call.arg(1));
    return !over || over->fd == given;
  }
  if (op != Op::kDupFd && op != Op::kDupFdCloexec) return true;
  const auto least = StraceNumber(query.call.arg(2));
  return !least || given >= *least;
}

bool Follower::Agrees(const Query& query, const Ask& ask) const {
  const Result& r = ask.result();
  const StraceCall& log = *query.call.log;
  if (r.kind == Result::Kind::kErrno)
    return log.returned == StraceReturn::kErrno && ErrnoOfText(log.error) == r.value;
  if (r.kind != Result::Kind::kValue || log.returned != StraceReturn::kValue) return false;
  const auto [real, small] = query.base ? query.base(ask) : std::pair<int64_t, int64_t>{};
  switch (SpecOf(ask.call().op).returns) {
    case ReturnKind::kTask: return true;
    case ReturnKind::kFd: return IsNumberAsked(query, ask.call().op);
    case ReturnKind::kAddress: return log.value % kPageSize == 0;
    case ReturnKind::kCount:
    case ReturnKind::kCountData:
    case ReturnKind::kOffset: {
      const auto end = ask.Real(small + r.value);
      return end && *end - real == log.value;
    }
    case ReturnKind::kOpenFlags: {
      // Of the flags, those that the model has.
      const int64_t known = abi::kOAccMode | abi::kOAppend | abi::kONonblock | abi::kOPath;
      return ((r.value ^ log.value) & known) == 0;
    }
    case ReturnKind::kStat: {
      const auto size = StraceField(query.call.arg(1), "st_size");
      const auto stx = StraceField(query.call.arg(1), "stx_size");
      const auto bytes = size ? StraceNumber(*size) : (stx ? StraceNumber(*stx) : std::nullopt);
      return log.value == 0 && (!bytes || ask.Real(r.value) == *bytes);
    }
    default: return r.value == log.value;
  }
}

void Follower::NoteChange(int inode, int64_t pid) { changes_.push_back({event_, inode, pid}); }

void Follower::Accept(Query& query, const Ask& ask) {
  if (ask.result().changed) NoteChange(query.inode, query.process.pid);
  ask.Apply(world_, query.process, query.new_fds);
  if (query.apply) query.apply(ask);
  if (query.inode < 0) return;
  uint8_t& guessed = world_.inodes[query.inode].guessed;
  if (ask.call().op == Op::kGetSeals) guessed = 0;
  if (ask.call().op == Op::kAddSeals) guessed &= static_cast<uint8_t>(~ask.call().arg[1]);
}

std::string Follower::AboutInode(int inode) const {
  if (inode < 0) return "";
  const FollowedInode& i = world_.inodes[inode];
  std::string text = fmt::format("{}, {} in line {}: size {}{}, seals {}", InodeName(i),
                                 i.from_outside ? "first seen" : "made", i.line,
                                 i.size_known ? "" : "unknown, at least ", i.size,
                                 SealText(i.node.seals, semantics_));
  const auto mappings = world_.MappingsOf(inode);
  const auto writable = std::count_if(mappings.begin(), mappings.end(), [](const auto& m) {
    return m.mapping->map.vm_shared != 0 && (m.mapping->map.may & kProtWrite) != 0;
  });
  if (!mappings.empty())
    text += fmt::format(", {} mappings ({} shared that may write)", mappings.size(), writable);
  return text;
}

void Follower::Differs(const Query& query, const Ask& ask) {
  FollowedDifference d;
  d.pid = query.process.pid;
  d.line = query.call.log->line;
  d.last_line = query.call.log->last_line;
  d.call = CallText(*query.call.log);
  d.logged = ResultText(*query.call.log);
  d.modelled = Modelled(query, ask);
  d.decided = DecidedBy(ask.result());
  d.about = AboutInode(query.inode);
  report_.differences.push_back(std::move(d));
}

namespace {

bool IsErrno(const Result& result, int64_t number) {
  return result.kind == Result::Kind::kErrno && result.value == number;
}

}  // namespace

// True if it failed for a reason that the model has not.
bool Follower::FailedOutside(const Query& query, const Ask& ask, int64_t error) const {
  if (error == 0) return false;
  if (query.process.seccomp) return true;  // a filter is asked before the call, and gives any error
  const bool system = error == -1 || std::find(std::begin(kSystemErrors), std::end(kSystemErrors),
                                               error) != std::end(kSystemErrors);
  // RLIMIT_NOFILE may be below the number that is asked for, RLIMIT_MEMLOCK be 0.
  const Op op = ask.call().op;
  const bool limited = (error == EPERM && (op == Op::kMlock || op == Op::kMlock2)) ||
                       (error == EBADF && (op == Op::kDup2 || op == Op::kDup3)) ||
                       (error == EINVAL && (op == Op::kDupFd || op == Op::kDupFdCloexec));
  // What is asked before all else; EFBIG by a limit that was set before the log begins.
  const bool first = error == EMFILE || error == ENFILE ||
                     (error == EEXIST && op == Op::kMmap &&
                      (ask.call().arg[3] & abi::kMapFixedNoreplace) == abi::kMapFixedNoreplace) ||
                     (error == EFBIG && !query.process.fsize);
  // do_mmap: the number of mappings and a free place are asked before what the flags say.
  const bool no_place = error == ENOMEM && op == Op::kMmap && !IsErrno(ask.result(), EBADF);
  // Somebody else may run it.
  const bool runs = error == ETXTBSY && query.inode >= 0 && world_.inodes[query.inode].outside;
  return first || no_place || runs || ((system || limited) && ask.result().ok());
}

namespace {

// Calls that do not depend on how long such a file is or where it is mapped: those are known in
// pages of 4096 bytes here.
bool IsFollowedOfHugetlb(Op op) {
  constexpr Op kSizes[] = {Op::kFtruncate, Op::kTruncate, Op::kFallocate, Op::kLseek,  Op::kRead,
                           Op::kPread,     Op::kReadv,    Op::kPreadv,    Op::kPreadv2};
  const Family family = SpecOf(op).family;
  const bool memory = family == Family::kMap || family == Family::kMemory ||
                      family == Family::kRemote || family == Family::kCopy ||
                      family == Family::kPipe || family == Family::kIoUring;
  return !memory && std::find(std::begin(kSizes), std::end(kSizes), op) == std::end(kSizes);
}

// Which pages a file has is not followed.
bool DependsOnHoles(const Ask& ask) {
  const bool asks = ask.call().op == Op::kLseek && ask.call().arg[2] > abi::kSeekEnd;
  const Result& result = ask.result();
  return asks && (result.ok() || IsErrno(result, ENXIO));
}

}  // namespace

bool Follower::EndsEarly(const Query& query, const Ask& ask) const {
  if (!IsShorter(query, ask) || query.call.log->value <= 0 || query.inode < 0) return false;
  // Where the file ends is the model's to say: it has to have moved all that was asked for, or the
  // log's call what fits into the first buffers.
  const auto asked = StraceNumber(query.call.arg(2));
  const auto [real, small] = query.base(ask);
  const bool all = asked && ask.Real(small + ask.result().value).value_or(-1) - real == *asked;
  if (!all && !EndsBetweenBuffers(*query.call.log)) return false;
  constexpr std::string_view kReads[] = {"read", "pread", "readv", "preadv", "preadv2"};
  if (std::find(std::begin(kReads), std::end(kReads), query.call.name) != std::end(kReads))
    return true;
  // Of a write, a seal may be what ends it.
  constexpr std::string_view kWrites[] = {"write", "pwrite", "writev", "pwritev", "pwritev2"};
  const uint8_t seals = world_.inodes[query.inode].node.seals;
  return std::find(std::begin(kWrites), std::end(kWrites), query.call.name) != std::end(kWrites) &&
         std::none_of(semantics_.seals.begin(), semantics_.seals.end(), [&](const SealName& seal) {
           return (seals & seal.bits) != 0 && seal.name != "F_SEAL_SEAL";
         });
}

bool Follower::IsExcused(const Query& query, const Ask& ask) {
  const StraceCall& log = *query.call.log;
  if (log.returned != StraceReturn::kErrno || !ask.result().ok()) return false;
  for (const Excuse& excuse : query.excuses) {
    if (excuse.error != log.error) continue;
    Count(query.call, excuse.why, excuse.text);
    return true;
  }
  return false;
}

void Follower::Decide(Query& query) {
  const StraceCall& log = *query.call.log;
  if (log.returned == StraceReturn::kUnknown) return Count(query.call, Unasked::kUnreturned);
  if (log.injected) return Count(query.call, Unasked::kSystem, "injected by strace");
  std::optional<Ask> ask = query.why.empty() ? Try(query, Guess{}) : std::nullopt;
  const bool hugetlb = query.inode >= 0 && world_.inodes[query.inode].hugetlb;
  if (hugetlb && (!ask || !IsFollowedOfHugetlb(ask->call().op))) {
    ask.reset();
    query.why = "sizes and mappings of hugetlb memfds";
  }
  if (ask && DependsOnHoles(*ask)) {
    ask.reset();
    query.why = "which pages are holes";
  }
  const bool beyond = ask && query.beyond && ask->result().ok();
  if (!ask || beyond || ask->result().kind == Result::Kind::kBound) {
    const std::string why =
        beyond ? "numbers beyond those of any file" : (ask ? ask->result().check : query.why);
    Count(query.call, Unasked::kBound, why);
    return Adopt(query);
  }
  if (Agrees(query, *ask)) {
    NoteModelled(query.call, *ask);
    return Accept(query, *ask);
  }
  const int64_t error =
      log.returned == StraceReturn::kErrno ? ErrnoOfText(log.error).value_or(-1) : 0;
  if (FailedOutside(query, *ask, error))
    return Count(query.call, Unasked::kSystem, fmt::format("{} {}", log.name, log.error));
  if (IsExcused(query, *ask)) return;
  if (query.inode >= 0) {
    const FollowedInode& inode = world_.inodes[query.inode];
    if (inode.pinned && error == EBUSY)
      return Count(query.call, Unasked::kBound, "pages held by a pipe, a ring or a device");
    if (inode.leased && error == EAGAIN)
      return Count(query.call, Unasked::kBound, "a lease or a delegation that is to end first");
    if (inode.from_outside && (error == EINVAL || error == EOPNOTSUPP || error == ENOTTY))
      return Count(query.call, Unasked::kOrigin, "a memfd that may be of huge pages");
    if (!inode.attrs_known && (error == EPERM || error == EACCES))
      return Count(query.call, Unasked::kBound, "attributes that cannot be read in the log");
  }
  if (Explained(query, *ask)) return;
  // Attributes of a file that was made elsewhere.
  if (query.inode >= 0 && world_.inodes[query.inode].from_outside && error == EPERM &&
      ask->result().ok())
    return Count(query.call, Unasked::kOrigin);
  if (!IsUndecided(query, *ask)) {
    if (EndsEarly(query, *ask)) {
      Count(query.call, Unasked::kSystem, "a buffer that ends in memory that is not mapped");
    } else {
      NoteModelled(query.call, *ask);
      Differs(query, *ask);
    }
  }
  Adopt(query);
}

FollowReport Follow(const StraceLog& log, const Semantics& semantics,
                    const FollowOptions& options) {
  return Follower(log, semantics, options).Run();
}

}  // namespace selkie
