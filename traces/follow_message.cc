// Descriptors in messages (SCM_RIGHTS): which call that receives took what which call
// sent.
//
// The log has no sockets' insides.  A receiving call is matched with the only sending
// call before it that passed as many descriptors, whose bytes begin alike, and whose socket is
// the peer of its own where the log says so (-yy).
#include <algorithm>

#include "traces/follower.h"
#include "traces/strace_scan.h"
#include "traces/strace_value.h"

namespace selkie {
namespace {

bool IsSend(std::string_view name) { return name == "sendmsg" || name == "sendmmsg"; }
bool IsReceive(std::string_view name) { return name == "recvmsg" || name == "recvmmsg"; }

struct Passed {
  std::vector<std::string_view> fds;  // as printed
  std::string bytes;                  // how the first buffer begins
  std::string_view socket;            // as printed
  bool unread = false;                // descriptors that the log does not name (-s, -e raw)
};

// Adds what one struct msghdr passes.
void ReadHeader(std::string_view header, Passed* out) {
  if (const auto buffers = StraceField(header, "msg_iov"); buffers && out->bytes.empty()) {
    const auto items = StraceElements(*buffers);
    const auto base = items.empty() ? std::nullopt : StraceField(items[0], "iov_base");
    const auto text = base ? StraceQuoted(*base) : std::nullopt;
    if (text) out->bytes = text->bytes;
  }
  const auto control = StraceField(header, "msg_control");
  if (!control) return;
  for (std::string_view message : StraceElements(*control)) {
    const auto type = StraceField(message, "cmsg_type");
    const auto data = StraceField(message, "cmsg_data");
    if (!type || !data || !IsStraceConstant(*type, "SCM_RIGHTS")) continue;
    for (std::string_view fd : StraceElements(*data)) out->fds.push_back(fd);
    out->unread |= StraceHas(*data, "...");
  }
}

Passed ReadPassed(const StraceCall& call) {
  Passed out;
  if (call.args.size() < 2) return out;
  out.socket = call.args[0];
  out.unread = StraceNumber(call.args[1]).value_or(0) != 0;
  // Only a call with control data is worth reading.
  if (!StraceHas(call.args[1], "cmsg_")) return out;
  if (call.args[1].starts_with('{')) {
    ReadHeader(call.args[1], &out);
    return out;
  }
  for (std::string_view message : StraceElements(call.args[1]))
    if (const auto header = StraceField(message, "msg_hdr")) ReadHeader(*header, &out);
  return out;
}

// The numbers in `<UNIX-STREAM:[12->34]>`, or nothing.
std::optional<std::pair<int64_t, int64_t>> Ends(std::string_view socket) {
  const size_t open = socket.find(":["), arrow = socket.find("->");
  if (open == socket.npos || arrow == socket.npos || arrow < open) return std::nullopt;
  const auto own = StraceNumber(socket.substr(open + 2, arrow - open - 2));
  size_t end = arrow + 2;
  while (end < socket.size() && IsStraceDigit(socket[end])) ++end;
  const auto peer = StraceNumber(socket.substr(arrow + 2, end - arrow - 2));
  if (!own || !peer) return std::nullopt;
  return std::pair(*own, *peer);
}

bool Fits(const Passed& sent, const Passed& received) {
  if (sent.fds.size() != received.fds.size()) return false;
  if (!sent.bytes.starts_with(received.bytes) && !received.bytes.starts_with(sent.bytes))
    return false;
  const auto from = Ends(sent.socket), to = Ends(received.socket);
  if (from && to && (from->first != to->second || from->second != to->first)) return false;
  for (size_t i = 0; i < sent.fds.size(); ++i) {
    const auto a = StraceDescriptor(sent.fds[i]), b = StraceDescriptor(received.fds[i]);
    if (a && b && a->path && b->path && *a->path != *b->path) return false;
  }
  return true;
}

// MSG_PEEK gives the descriptors, and leaves the message for the next one.
bool Peeks(const StraceCall& call) {
  const size_t flags = call.name == "recvmmsg" ? 3 : 2;
  return call.args.size() > flags && HasStraceFlag(call.args[flags], "MSG_PEEK");
}

// Of a merged log: a call that receives may wait for one that sends later.
bool MaySendLater(const StraceLog& log, size_t event, size_t end, const Passed& received) {
  for (size_t i = event + 1; i < end; ++i) {
    if (log.events[i].kind != StraceEvent::Kind::kCall) continue;
    const StraceCall& call = log.calls[log.events[i].call];
    if (IsSend(call.name) && call.pid != log.events[event].pid && Fits(ReadPassed(call), received))
      return true;
  }
  return false;
}

}  // namespace

void Follower::MatchMessages() {
  std::vector<std::pair<size_t, Passed>> open;  // sending calls that nobody has received
  for (size_t i = 0; i < log_.events.size(); ++i) {
    const StraceEvent& event = log_.events[i];
    if (event.kind > StraceEvent::Kind::kCall) continue;
    const StraceCall& call = log_.calls[event.call];
    if (call.returned != StraceReturn::kValue || call.value < 0) continue;
    if (IsSend(call.name) && entered_[event.call] == i) {
      Passed sent = ReadPassed(call);
      if (!sent.fds.empty()) open.emplace_back(event.call, std::move(sent));
    }
    if (!IsReceive(call.name) || event.kind != StraceEvent::Kind::kCall) continue;
    const Passed received = ReadPassed(call);
    if (received.fds.empty()) continue;
    auto fits = [&](const auto& sent) { return Fits(sent.second, received); };
    const auto at = std::find_if(open.begin(), open.end(), fits);
    // Of several that fit, none is taken for the one: who is wrong about the file would
    // be wrong about all that is done with it.
    if (log_.merged && MaySendLater(log_, i, next_[i], received)) continue;
    if (at == open.end() || std::find_if(at + 1, open.end(), fits) != open.end()) continue;
    sender_of_[event.call] = at->first;
    if (Peeks(call)) {
      peeked_.insert(at->first);
      continue;
    }
    receiver_of_[at->first] = event.call;
    open.erase(at);
  }
}

void Follower::OnSend(const FieldCall& call, FollowedProcess& process) {
  // At its beginning already, if somebody receives: that may come before it returns.
  const bool again = passed_.contains(call_);
  std::vector<FollowedFd>& passed = passed_[call_];
  const bool sent = call.ok() || call.log->returned == StraceReturn::kNever;
  bool any = false;
  const Passed header = ReadPassed(*call.log);
  if (header.unread && sent)
    for (const auto& [fd, memfd] : process.fds->memfds)
      world_.files[memfd.file].outside = world_.inodes[world_.files[memfd.file].inode].outside =
          true;
  const std::vector<std::string_view>& fds = header.fds;
  for (std::string_view fd : again || !sent ? std::vector<std::string_view>{} : fds) {
    const FollowedFd* memfd = Lookup(process, fd, call.log->line);
    passed.push_back(memfd != nullptr ? *memfd : FollowedFd{-1, Fd{}});
    if (memfd == nullptr || receiver_of_.contains(call_)) continue;
    world_.files[memfd->file].outside = true;
    world_.inodes[world_.files[memfd->file].inode].outside = true;
  }
  for (const FollowedFd& fd : passed) any |= fd.file >= 0;
  if (log_.events[event_].kind == StraceEvent::Kind::kEnter) return;
  Count(call, any ? Unasked::kFollowed : Unasked::kElsewhere);
}

void Follower::OnReceive(const FieldCall& call, FollowedProcess& process) {
  if (!call.ok()) return Count(call, Unasked::kElsewhere);
  const std::vector<std::string_view> fds = ReadPassed(*call.log).fds;
  const auto sender = sender_of_.find(call_);
  const auto sent = sender == sender_of_.end() ? passed_.end() : passed_.find(sender->second);
  bool any = false;
  for (size_t i = 0; i < fds.size(); ++i) {
    const auto fd = StraceDescriptor(fds[i]);
    if (!fd) continue;
    process.fds->memfds.erase(fd->fd);
    const bool known = sent != passed_.end() && i < sent->second.size();
    if (known && sent->second[i].file >= 0) {
      FollowedFd taken = sent->second[i];
      taken.fd.cloexec = HasStraceFlag(call.arg(2), "MSG_CMSG_CLOEXEC") ||
                         HasStraceFlag(call.arg(3), "MSG_CMSG_CLOEXEC");
      taken.cloexec_known = true;
      process.fds->memfds[fd->fd] = taken;
    }
    any |= Lookup(process, fds[i], call.log->line) != nullptr;
  }
  Count(call, any ? Unasked::kFollowed : Unasked::kElsewhere);
}

}  // namespace selkie
