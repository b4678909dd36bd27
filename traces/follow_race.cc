// What may have been otherwise than in the order of the log, or is not in it.
#include <algorithm>

#include "fmt/format.h"
#include "traces/follower.h"
#include "traces/strace_value.h"

namespace selkie {
namespace {

// The arguments that name a descriptor on which the call acts; of a call on addresses, none.
std::vector<size_t> DescriptorArguments(std::string_view name) {
  if (name == "mmap") return {4};
  if (name == "splice" || name == "copy_file_range") return {0, 2};
  if (name.starts_with("sendfile") || name == "dup2" || name == "dup3") return {0, 1};
  // The address of a futex is none of a descriptor, and a wait there changes nothing.
  if (name == "futex") return {};
  return {0};
}

// True if the call acts on all that is mapped in a range: its first two arguments.
bool ActsOnRange(std::string_view name) {
  constexpr std::string_view kNames[] = {"mmap",   "munmap",  "mprotect",      "mremap",
                                         "mseal",  "madvise", "pkey_mprotect", "mlock",
                                         "mlock2", "munlock", "mbind",         "remap_file_pages",
                                         "msync"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

struct PathArguments {
  std::string_view folder, path;  // as printed
};

// Of a call that takes a path and acts on what is there.
std::optional<PathArguments> PathOfCall(const FieldCall& call) {
  if (call.name == "openat" || call.name == "openat2")
    return PathArguments{call.arg(0), call.arg(1)};
  constexpr std::string_view kNames[] = {"open", "creat", "truncate", "chmod", "setxattr"};
  if (std::find(std::begin(kNames), std::end(kNames), call.name) == std::end(kNames))
    return std::nullopt;
  return PathArguments{"AT_FDCWD", call.arg(0)};
}

bool TouchesRange(const FollowedSpace& mm, std::string_view from, std::string_view bytes) {
  const auto begin = StraceNumber(from), length = StraceNumber(bytes);
  if (!begin || !length) return false;
  const auto first = static_cast<uint64_t>(*begin), last = first + static_cast<uint64_t>(*length);
  return !mm.Pieces(first, last).empty() || mm.At(first) != nullptr;
}

// The memfds whose numbers lie between two arguments.
bool TouchesNumbers(const FollowedFds& fds, std::string_view from, std::string_view to) {
  const auto first = StraceNumber(from), last = StraceNumber(to);
  if (!first || !last) return false;
  const auto at = fds.memfds.lower_bound(static_cast<uint32_t>(*first));
  return at != fds.memfds.end() && at->first <= static_cast<uint32_t>(*last);
}

}  // namespace

bool Follower::Concerns(const StraceCall& log) const {
  constexpr std::string_view kWhole[] = {"execve", "execveat", "exit", "exit_group"};
  if (std::find(std::begin(kWhole), std::end(kWhole), log.name) != std::end(kWhole)) return true;
  const auto at = world_.processes.find(log.pid);
  if (at == world_.processes.end() || log.args.empty()) return false;
  const FollowedProcess& process = at->second;
  const FieldCall call = ToFieldCall(log);
  if (const auto path = PathOfCall(call)) {
    const auto text = StraceQuoted(path->path);
    if (!text) return true;  // an address (-e raw): any file
    const auto link = ResolvePath(process, path->folder, text->bytes);
    if (link && link->memfd()) return true;
  }
  if (call.name == "close_range") return TouchesNumbers(*process.fds, call.arg(0), call.arg(1));
  if (ActsOnRange(call.name) && TouchesRange(*process.mm, call.arg(0), call.arg(1))) return true;
  if (call.name == "mremap" && TouchesRange(*process.mm, call.arg(4), call.arg(2))) return true;
  for (const size_t arg : DescriptorArguments(call.name))
    if (const auto fd = StraceNumber(call.arg(arg)); fd && process.fds->memfds.contains(*fd))
      return true;
  const auto address = StraceNumber(call.arg(0));
  return address && call.name != "futex" &&
         process.mm->At(static_cast<uint64_t>(*address)) != nullptr;
}

// Of a merged log: does what another process did overlap with this call?
bool Follower::RacedInMerged(int inode) const {
  const int64_t pid = log_.events[event_].pid;
  auto concerns = [&](size_t event) {
    const StraceEvent& other = log_.events[event];
    return other.pid != pid &&
           (other.kind == StraceEvent::Kind::kExited ||
            (other.kind == StraceEvent::Kind::kCall && Concerns(log_.calls[other.call])));
  };
  for (const auto& [other, event] : latest_)
    if (next_[event] > event_ && concerns(event)) return true;
  constexpr size_t kFar = 10000;
  // What has been followed already may have come after it.
  for (size_t i = changes_.size(); i-- > 0 && changes_.size() - i < kFar;) {
    const Change& change = changes_[i];
    const bool same = change.inode < 0 || change.inode == inode;
    if (change.pid != pid && same && next_[change.event] > event_) return true;
  }
  const size_t end = std::min(next_[event_], event_ + kFar);
  for (size_t event = event_ + 1; event < end; ++event)
    if (concerns(event)) return true;
  return false;
}

// Did a thread use a descriptor's number while this call was about to give it?
bool Follower::NumberWasUsed(const FieldCall& call, const FollowedProcess& process) const {
  auto uses = [&](const StraceCall& log) {
    const auto at = world_.processes.find(log.pid);
    if (log.pid == process.pid || at == world_.processes.end() || at->second.fds != process.fds)
      return false;
    const FieldCall other = ToFieldCall(log);
    const std::vector<size_t> args = DescriptorArguments(other.name);
    return std::any_of(args.begin(), args.end(),
                       [&](size_t arg) { return StraceNumber(other.arg(arg)) == call.log->value; });
  };
  for (const auto& [pid, other] : pending_)
    if (uses(log_.calls[other])) return true;
  for (size_t event = entered_[call_]; event < event_; ++event)
    if (log_.events[event].kind == StraceEvent::Kind::kCall &&
        uses(log_.calls[log_.events[event].call]))
      return true;
  return log_.merged && RacedInMerged(-1);
}

// True if a call of another process may have taken effect before this one or not.
bool Follower::RacedBy(const Query& query) const {
  if (log_.merged && RacedInMerged(query.inode)) return true;
  const int64_t pid = query.process.pid;
  for (const auto& [other, call] : pending_)
    if (other != pid && Concerns(log_.calls[call])) return true;
  const size_t entered = entered_[call_];
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
    if (change->event < entered) break;
    if (change->pid != pid && (change->inode < 0 || change->inode == query.inode)) return true;
  }
  return false;
}

// In a log that has some calls only: did one decide that it has none of?
bool Follower::MayBeHidden(const Query& query, const Ask* ask) const {
  const bool failed = query.call.log->returned == StraceReturn::kErrno;
  const std::string_view error = query.call.log->error;
  if (error == "EBADF") return true;  // close_range, unshare
  constexpr std::string_view kSealed[] = {"munmap", "mprotect", "mremap", "madvise"};
  const bool of_memory =
      std::find(std::begin(kSealed), std::end(kSealed), query.call.name) != std::end(kSealed);
  if (error == "EPERM" && of_memory && !names_.contains("mseal")) return true;
  const bool limits = names_.contains("prlimit64") || names_.contains("setrlimit");
  if (!limits && (error == "EFBIG" || (ask != nullptr && IsShorter(query, *ask)))) return true;
  // Somebody in the log has got one by a message that is not in it.
  const bool passed = !names_.contains("sendmsg") && report_.from_outside > 0;
  return passed && (failed || query.base);
}

bool Follower::IsShorter(const Query& query, const Ask& ask) const {
  if (!ask.result().ok() || !query.call.ok() || !query.base) return false;
  const auto [real, small] = query.base(ask);
  const auto end = ask.Real(small + ask.result().value);
  return end && query.call.log->value < *end - real;
}

bool Follower::MayBeUnseen(const Query& query, const Ask* ask) const {
  if (query.process.fds->unseen || query.process.mm->unseen) return true;
  if (whole_) return false;
  if (MayBeHidden(query, ask)) return true;
  for (const std::string_view name : {"close", "munmap"})
    if (!names_.contains(name)) return true;
  if (!query.base && query.call.name != "fstat") return false;
  const bool sized = names_.contains("ftruncate") || names_.contains("fallocate");
  return !sized || !names_.contains("write");
}

bool Follower::IsUndecided(Query& query, const Ask& ask) {
  const bool raced = RacedBy(query);
  if (!raced && !MayBeUnseen(query, &ask)) return false;
  const Unasked why = raced ? Unasked::kOrder : Unasked::kUnseen;
  Count(query.call, why, {},
        fmt::format("the log says {}, the model {}", ResultText(*query.call.log),
                    Modelled(query, ask)));
  return true;
}

}  // namespace selkie
