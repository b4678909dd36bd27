// What the log says beyond the model: how it is taken for what happened, and what nobody
// in the log has done that would explain it.
#include <algorithm>
#include <cerrno>

#include "fmt/format.h"
#include "traces/follower.h"
#include "traces/strace_value.h"

namespace selkie {

// The log is right: what it says is what happened.
void Follower::Adopt(Query& query) {
  NoteChange(query.inode, query.process.pid);
  if (!query.call.ok()) return;
  Guess free;
  free.unrefused = true;
  // Arguments that could not be read are not asked about.
  const bool asked = query.why.empty() || query.effect_known;
  const std::optional<Ask> ask = asked ? Try(query, free) : std::nullopt;
  // Nor is what moved fewer bytes than the model would have.
  if (ask && ask->result().ok() && !query.beyond && !IsShorter(query, *ask)) {
    ask->Apply(world_, query.process, query.new_fds);
    if (query.apply) query.apply(*ask);
    if (ask->call().op == Op::kAddSeals && query.inode >= 0) {
      // That it could be sealed says that nothing of what was followed writes.
      FollowedInode& inode = world_.inodes[query.inode];
      inode.node.seals |= static_cast<uint8_t>(ask->call().arg[1]);
      if (std::any_of(semantics_.seals.begin(), semantics_.seals.end(), [&](const SealName& seal) {
            return seal.name == "F_SEAL_WRITE" && (inode.node.seals & seal.bits) != 0;
          }))
        world_.ForbidWriting(query.inode);
    }
    if (ask->call().op == Op::kGetSeals && query.inode >= 0) {
      world_.inodes[query.inode].node.seals = static_cast<uint8_t>(query.call.log->value);
      world_.inodes[query.inode].guessed = 0;
    }
    return;
  }
  if (Learn(query)) return;
  if (query.call.name == "ioctl") world_.inodes[query.inode].attrs_known = false;
  if (query.inode >= 0) world_.inodes[query.inode].size_known = false;
  if (query.inode >= 0) world_.inodes[query.inode].outside = true;  // nor are its seals known
  if (query.file >= 0) world_.files[query.file].outside = true;
  if (query.apply && ask) query.apply(*ask);
}

// Sizes and positions that the log says.  False if it does not.
bool Follower::Learn(const Query& query) {
  if (query.file < 0 || query.inode < 0) return false;
  FollowedInode& inode = world_.inodes[query.inode];
  FollowedFile& file = world_.files[query.file];
  const std::string_view name = query.call.name;
  auto resized = [&](std::optional<int64_t> size) {
    if (!size || *size < 0) return false;
    inode.size = *size;
    inode.size_known = true;
    return true;
  };
  if (name == "lseek") {
    file.pos = query.call.log->value;
    return true;
  }
  if (name == "fstat") {
    auto size = StraceField(query.call.arg(1), "st_size");
    if (!size) size = StraceField(query.call.arg(1), "stx_size");
    return size && resized(StraceNumber(*size));
  }
  if (name == "ftruncate") return resized(StraceNumber(query.call.arg(1)));
  if (name == "fcntl" && IsStraceConstant(query.call.arg(1), "F_SETFL")) {
    const auto flags = StraceFlags(query.call.arg(2));
    if (!flags) return false;
    constexpr std::pair<int64_t, uint8_t> kSettable[] = {{abi::kOAppend, kFlagAppend},
                                                         {abi::kONonblock, kFlagNonblock},
                                                         {abi::kODirect, kFlagDirect}};
    for (const auto& [bit, flag] : kSettable) {
      file.file.flags &= static_cast<uint8_t>(~flag);
      if ((*flags & bit) != 0) file.file.flags |= flag;
    }
    return true;
  }
  const bool at = name == "preadv2" && StraceNumber(query.call.arg(3)) != -1;
  if (name == "pread" || name == "preadv" || at) return true;
  const bool reads = name == "read" || name == "readv" || name == "preadv2";
  const bool writes = name == "write" || name == "writev" || name == "pwrite";
  if (!reads && !writes) return false;
  const bool positioned = name == "pwrite";
  const auto from = positioned ? StraceNumber(query.call.arg(3)) : std::optional(file.pos);
  int64_t end = 0;
  if (!from || (file.file.flags & kFlagAppend) != 0) return false;
  if (__builtin_add_overflow(*from, query.call.log->value, &end)) return false;
  if (!positioned) file.pos = end;
  if (writes) inode.size = std::max(inode.size, end);
  return true;
}

// ---- What may be otherwise than it was followed, one thing at a time ----

void Follower::GuessUsers(const Query& query, std::vector<Guess>& guesses) const {
  if (query.process.uid && !query.process.uid_guessed && whole_) return;
  auto add = [&](Guess::User user) { guesses.emplace_back().user = user; };
  add(Guess::User::kOwner);
  add(Guess::User::kRoot);
  // Who made it owns it, as long as neither becomes another's.
  const bool outside = query.inode >= 0 && world_.inodes[query.inode].outside;
  const bool changes = std::any_of(names_.begin(), names_.end(), [](std::string_view name) {
    return name.ends_with("uid") ? name.starts_with("set")
                                 : name == "capset" || name == "unshare" || name.ends_with("chown");
  });
  if (outside || changes || !whole_) add(Guess::User::kOther);
}

void Follower::GuessFile(const Query& query, std::vector<Guess>& guesses) const {
  const FollowedFile& file = world_.files[query.file];
  auto add = [&](auto set) { set(guesses.emplace_back()); };
  if (!file.known)
    for (const uint8_t mode : {kModeRead, kModeWrite})
      add([&](Guess& g) { g.mode = static_cast<uint8_t>(mode | kModePwrite); });
  if (query.call.ok() && IsStraceConstant(query.call.arg(1), "F_GETFD")) {
    const auto fd = StraceDescriptor(query.call.arg(0));
    const auto at = fd ? query.process.fds->memfds.find(fd->fd) : query.process.fds->memfds.end();
    if (at != query.process.fds->memfds.end() && !at->second.cloexec_known)
      add([&](Guess& g) { g.cloexec = static_cast<uint8_t>(query.call.log->value & 1); });
  }
  if (!file.outside) return;
  for (const int64_t pos : query.sizes) add([&](Guess& g) { g.pos = pos; });
  const int64_t status = IsStraceConstant(query.call.arg(1), "F_GETFL") && query.call.ok()
                             ? query.call.log->value
                         : file.file.flags & kFlagAppend ? 0
                                                         : abi::kOAppend;
  uint8_t flags = file.file.flags & (kFlagWronly | kFlagRdwr);
  if (!file.known) flags = 0;
  if (!file.known && (status & abi::kOWronly) != 0) flags |= kFlagWronly;
  if (!file.known && (status & abi::kORdwr) != 0) flags |= kFlagRdwr;
  if ((status & abi::kOAppend) != 0) flags |= kFlagAppend;
  if ((status & abi::kONonblock) != 0) flags |= kFlagNonblock;
  add([&](Guess& g) { g.flags = flags; });
}

// Which seals explain an error is not sure where several do: what was guessed before may
// be wrong, until F_GET_SEALS says it.
void Follower::GuessSeals(const Query& query, std::vector<Guess>& guesses) const {
  const uint8_t guessed = world_.inodes[query.inode].guessed;
  auto add = [&](uint8_t seals, uint8_t unseal) {
    Guess guess;
    guess.seals = seals;
    guess.unseal = unseal;
    guesses.push_back(guess);
  };
  if (query.call.ok() && IsStraceConstant(query.call.arg(1), "F_GET_SEALS"))
    add(static_cast<uint8_t>(query.call.log->value), guessed);
  if (guessed != 0) add(0, guessed);
  for (const SealName& seal : semantics_.seals) add(seal.bits, 0);
  for (const SealName& seal : semantics_.seals)
    if (guessed != 0) add(seal.bits, guessed);
}

std::vector<Guess> Follower::Guesses(const Query& query) const {
  std::vector<Guess> guesses;
  auto add = [&](auto set) { set(guesses.emplace_back()); };
  GuessUsers(query, guesses);
  add([](Guess& g) { g.exiting = true; });
  if (query.process.fsize_unread)
    for (const int64_t size : query.sizes) add([&](Guess& g) { g.fsize = size; });
  if (query.inode < 0) return guesses;
  const FollowedInode& inode = world_.inodes[query.inode];
  if (query.file >= 0) GuessFile(query, guesses);
  if (!inode.size_known || inode.outside)
    for (const int64_t size : query.sizes) add([&](Guess& g) { g.size = size; });
  if (!inode.outside) return guesses;
  add([](Guess& g) { g.mapped = true; });
  GuessSeals(query, guesses);
  return guesses;
}

// What explained a result is so from now on.
void Follower::TakeForFact(const Query& query, const Guess& guess) {
  constexpr int kUsers[] = {0, kGuessedOwner, kGuessedOther, 0};  // in the order of Guess::User
  if (guess.user != Guess::User::kAsKnown) {
    query.process.uid = kUsers[static_cast<int>(guess.user)];
    query.process.uid_guessed = true;
  }
  if (guess.fsize) {
    query.process.fsize = guess.fsize;
    query.process.fsize_unread = false;
  }
  if (guess.mode) world_.files[query.file].known = true;
  if (guess.cloexec) {
    FollowedFd& fd = query.process.fds->memfds[StraceDescriptor(query.call.arg(0))->fd];
    fd.fd.cloexec = *guess.cloexec;
    fd.cloexec_known = true;
  }
  if (query.inode < 0) return;
  FollowedInode& inode = world_.inodes[query.inode];
  if (guess.size) inode.size_known = true;
  if (IsStraceConstant(query.call.arg(1), "F_GET_SEALS")) return;
  inode.guessed &= static_cast<uint8_t>(~guess.unseal);
  inode.guessed |= guess.seals;
}

// True if the log agrees with something that the log does not show; that is then taken
// for a fact.
bool Follower::Explained(Query& query, const Ask& first) {
  for (const Guess& guess : Guesses(query)) {
    const std::optional<Ask> ask = Try(query, guess);
    if (!ask || !Agrees(query, *ask)) continue;
    const bool of_user = guess.user != Guess::User::kAsKnown;
    const bool of_size = query.inode >= 0 && !world_.inodes[query.inode].size_known && guess.size;
    const uint8_t seals = query.inode >= 0 ? world_.inodes[query.inode].node.seals : uint8_t{0};
    Guess fact = guess;
    fact.seals &= static_cast<uint8_t>(~seals);  // what was known is not guessed
    Accept(query, *ask);
    TakeForFact(query, fact);
    if (of_user || guess.exiting || of_size) {
      NoteModelled(query.call, *ask);
    } else {
      Count(query.call, Unasked::kOrigin, {},
            fmt::format("{}; alone the model gives {}", AboutInode(query.inode),
                        Modelled(query, first)));
    }
    return true;
  }
  return false;
}

}  // namespace selkie
