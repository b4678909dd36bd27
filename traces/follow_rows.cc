// Calls on descriptors: the arguments as the table's row has them, sizes renamed.
#include <algorithm>
#include <cerrno>

#include "fmt/format.h"
#include "traces/follower.h"
#include "traces/strace_scan.h"
#include "traces/strace_value.h"

namespace selkie {
namespace {

constexpr int64_t kMostBytes = 0x7ffff000;  // MAX_RW_COUNT: what one transfer moves at most
constexpr int64_t kMostFds = 1 << 20;       // fs.nr_open
constexpr int kLeastInt = -1;               // stands for any number that is no descriptor

// One argument of a row that is a size, and what is known of it before the sizes are
// renamed.
struct SizeWord {
  int word = 0;
  int64_t bytes = 0;
  bool is_point = false;  // an offset, or a size of the file; else a number of bytes
};

// A call on descriptors as the model takes it.
struct DescriptorCall {
  const CallSpec& row;
  Call call;
  std::vector<SizeWord> sizes;
  std::vector<std::pair<int, int>> fds;  // word, argument
  std::string why;                       // it cannot be said, since
};

bool IsWrite(Op op) {
  return op == Op::kWrite || op == Op::kPwrite || op == Op::kWritev || op == Op::kPwritev ||
         op == Op::kPwritev2;
}

bool IsTransfer(Op op) {
  return op == Op::kRead || op == Op::kPread || op == Op::kReadv || op == Op::kPreadv ||
         op == Op::kPreadv2 || IsWrite(op);
}

// The bits of seals by the names of the semantics.
std::vector<FlagName> SealFlags(const Semantics& semantics) {
  std::vector<FlagName> names;
  for (const SealName& seal : semantics.seals) names.push_back({seal.name, seal.bits});
  return names;
}

}  // namespace

bool HasStraceFlag(std::string_view text, std::string_view name) {
  const auto bits = StraceFlags(text), bit = LinuxConstant(name);
  return bits && bit ? (*bits & *bit) != 0 : StraceHas(text, name);
}

namespace {

// strace prints some ints as unsigned.
std::optional<int64_t> IntIn(std::optional<int64_t> word) {
  return word ? std::optional(AsInt(*word)) : word;
}

}  // namespace

std::optional<int64_t> RowWord(const ArgSpec& arg, std::string_view text,
                               const Semantics& semantics) {
  switch (arg.kind) {
    case ArgKind::kFlags:  // perhaps behind a pointer
      if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
      return IntIn(StraceFlags(text, arg.names));
    case ArgKind::kSeals: return IntIn(StraceFlags(text, SealFlags(semantics)));
    case ArgKind::kByte: return StraceQuoted(text) ? 'x' : kNull;  // an address: it cannot be read
    case ArgKind::kFd:
    case ArgKind::kInt:
    case ArgKind::kMode: return IntIn(StraceFlags(text));
    case ArgKind::kSize: return StraceFlags(text);
    case ArgKind::kAddress:
      return text.empty() || text == "NULL" ? std::optional(kNull) : std::nullopt;
    default: return std::nullopt;
  }
}

namespace {

DescriptorCall ReadDescriptorCall(const FieldCall& field, const CallSpec& row,
                                  const Semantics& semantics) {
  DescriptorCall out{row, {}, {}, {}, {}};
  out.call.op = row.op;
  for (int i = 0, word = 0; i < row.num_args; ++i) {
    const ArgSpec& arg = row.args[i];
    const int words = WordsOf(arg.kind);
    if (words == 0) continue;
    if (arg.kind == ArgKind::kFd) {
      out.fds.emplace_back(word++, i);
      continue;
    }
    const bool address = row.name == "ioctl" && arg.kind == ArgKind::kFlags &&
                         !field.arg(i).starts_with('[');  // -e raw
    const auto value =
        words == 1 && !address ? RowWord(arg, field.arg(i), semantics) : std::nullopt;
    if (!value && out.why.empty())
      out.why = fmt::format("argument {} of {} as it is written", arg.name, field.name);
    int64_t bits = value.value_or(0);
    if (arg.kind == ArgKind::kByte && field.ok()) bits = 'x';  // read after all (-e raw)
    // An int that is printed as unsigned.
    if (arg.kind == ArgKind::kFlags || arg.kind == ArgKind::kSeals || arg.kind == ArgKind::kMode)
      bits = static_cast<int32_t>(bits);
    if (arg.kind == ArgKind::kInt && arg.name == "min")
      bits = bits < 0 || bits > kMostFds ? kLeastInt : 0;
    const bool at_position =
        (row.op == Op::kPwritev2 || row.op == Op::kPreadv2) && arg.name == "offset" && bits == -1;
    if (arg.kind == ArgKind::kSize && !at_position)
      out.sizes.push_back({word, bits, arg.name.starts_with("offset") || arg.name == "length"});
    out.call.arg[word++] = bits;
  }
  return out;
}

// Where the call's bytes begin in the file: its offset, or the position of the file.
std::optional<int64_t> OffsetOf(const DescriptorCall& call) {
  for (const SizeWord& size : call.sizes)
    if (size.is_point && SpecOf(call.call.op).op != Op::kLseek) return size.bytes;
  return std::nullopt;
}

int64_t SeekBase(const DescriptorCall& call, int64_t pos, int64_t size) {
  switch (call.call.arg[2]) {
    case abi::kSeekCur: return pos;
    case abi::kSeekEnd: return size;
    default: return 0;
  }
}

bool Plain(int64_t bytes) { return bytes >= 0 && bytes < kBeyondFiles; }

// Puts sizes into the call as the small numbers of `ask`, whose files are named; freezes
// them.  `start` receives where the call's bytes begin, in the file.  False if the numbers are
// not those of a file.
bool PlaceSizes(const DescriptorCall& in, Ask& ask, Call* call, int64_t* start) {
  const int64_t pos = ask.PositionOf(kFirstFd), file_size = ask.SizeOfFd(kFirstFd);
  const bool seeks = in.call.op == Op::kLseek;
  const bool appends = in.call.op == Op::kPwritev2 && (in.call.arg[4] & abi::kRwfAppend) != 0;
  int64_t base = seeks ? SeekBase(in, pos, file_size) : OffsetOf(in).value_or(pos);
  if (IsWrite(in.call.op) && (appends || ask.Appends(kFirstFd)))
    base = file_size;  // whatever the offset
  *start = seeks ? 0 : base;
  struct End {
    int word;
    int64_t from, to;
  };
  std::vector<End> spans;
  bool plain = Plain(base) || base == pos;
  for (const SizeWord& size : in.sizes) {
    int64_t bytes = size.bytes;
    if (IsTransfer(in.call.op) && !size.is_point && bytes > kMostBytes) bytes = kMostBytes;
    const bool from_zero = size.is_point && !seeks;
    const int64_t from = from_zero ? 0 : base;
    int64_t to = 0;
    if (__builtin_add_overflow(from, bytes, &to) || !Plain(to) || (!seeks && bytes < 0))
      plain = false;
    spans.push_back({size.word, from, to});
  }
  if (plain)
    for (const End& span : spans) {
      ask.AddPoint(span.from);
      ask.AddPoint(span.to);
    }
  ask.Freeze();
  if (!plain) return false;  // as they are: what is negative or too large is so in the model too
  for (const End& span : spans) call->arg[span.word] = ask.Small(span.to) - ask.Small(span.from);
  return true;
}

// A transfer over a sealed size is cut at chunks: the renaming keeps no larger ones than pages.
bool CrossesChunks(const Semantics& semantics, int64_t start, int64_t bytes, int64_t size) {
  const uint64_t chunk = semantics.write_chunk;
  if (chunk <= uint64_t{kPageSize} || bytes <= 0) return false;
  const auto first = static_cast<uint64_t>(start), last = first + static_cast<uint64_t>(bytes) - 1;
  return last >= static_cast<uint64_t>(size) && first / chunk != last / chunk;
}

uint8_t SealBit(const Semantics& semantics, std::string_view name) {
  for (const SealName& seal : semantics.seals)
    if (seal.name == name) return seal.bits;
  return 0;
}

using FdArgument = std::pair<int64_t, std::optional<FollowedFd>>;

// One of the descriptors is of an open file that was not opened in the log: another may be of the
// same.
bool HasUnknownFile(const World& world, const std::vector<FdArgument>& fds) {
  return std::any_of(fds.begin(), fds.end(), [&](const FdArgument& fd) {
    return fd.second && !world.files[fd.second->file].known;
  });
}

void CopyPidfd(FollowedFds& fds, std::string_view from, int64_t to) {
  const auto fd = StraceDescriptor(from);
  const auto known = fd ? fds.pidfds.find(fd->fd) : fds.pidfds.end();
  if (known != fds.pidfds.end()) fds.pidfds[to] = known->second;
}

}  // namespace

// ---- Descriptors ----

void Follower::TakeDescriptor(FollowedProcess& process, int64_t fd, std::string_view annotated,
                              int line) {
  const int file = world_.AddUnknownFile(std::string(annotated), line);
  process.fds->memfds[fd] = FollowedFd{file, Fd{}, false};
  ++report_.from_outside;
}

const FollowedFd* Follower::Lookup(FollowedProcess& process, std::string_view arg, int line) {
  const std::optional<StraceFd> d = StraceDescriptor(arg);
  if (!d) return nullptr;
  auto& memfds = process.fds->memfds;
  auto at = memfds.find(d->fd);
  constexpr std::string_view kPrefix = "/memfd:";
  if (d->path) {
    const std::string_view name =
        d->is_memfd() ? std::string_view(*d->path).substr(kPrefix.size()) : std::string_view();
    if (at != memfds.end()) {
      const FollowedInode& inode = world_.inodes[world_.files[at->second.file].inode];
      const bool same =
          d->is_memfd() && (inode.name_whole ? name == inode.name || inode.name.empty()
                                             : name.starts_with(inode.name));
      // Its close was not seen; another file has its number.
      if (!same) {
        memfds.erase(at);
        at = memfds.end();
      }
    }
    if (at == memfds.end() && d->is_memfd()) {
      TakeDescriptor(process, d->fd, name, line);
      at = memfds.find(d->fd);
    }
  }
  return at == memfds.end() ? nullptr : &at->second;
}

void Follower::OnRow(const FieldCall& call, FollowedProcess& process) {
  if (process.fds->memfds.empty() && process.mm->all().empty() &&
      std::none_of(call.args.begin(), call.args.end(),
                   [](std::string_view arg) { return StraceHas(arg, "</memfd:"); }))
    return Count(call, Unasked::kElsewhere);
  if (call.name == "open_by_handle_at" && call.ok()) {
    world_.AnyMayBeHeld();
    return Count(call, Unasked::kBound, "files by handle");
  }
  const CallSpec* row = RowOf(call);
  if (row == nullptr) return OnUnknownRow(call, process);
  for (const ArgSpec& arg : ArgsOf(*row))
    if (arg.kind == ArgKind::kFd) return OnDescriptor(call, process, *row);
  if (row->num_args > 0 && row->args[0].kind == ArgKind::kAddress) return OnRange(call, process);
  Count(call, Unasked::kElsewhere);
}

void Follower::OnUnknownRow(const FieldCall& call, FollowedProcess& process) {
  const int line = call.log->line;
  const bool first = TakesDescriptorFirst(call.name) && Lookup(process, call.arg(0), line);
  const bool named = first || std::any_of(call.args.begin(), call.args.end(), [&](auto arg) {
                       return StraceHas(arg, "</memfd:") && Lookup(process, arg, line);
                     });
  // A device that is given a memfd holds its pages.
  if (call.name == "ioctl" && StraceHas(call.arg(1), "UDMABUF"))
    for (const auto& [fd, memfd] : process.fds->memfds)
      world_.inodes[world_.files[memfd.file].inode].pinned = true;
  Count(call, named ? Unasked::kNoRow : Unasked::kElsewhere);
}

void Follower::OnDescriptor(const FieldCall& call, FollowedProcess& process, const CallSpec& row) {
  const DescriptorCall in = ReadDescriptorCall(call, row, semantics_);
  std::vector<FdArgument> fds;
  Query query(call, process);
  bool others = false;
  for (const auto& [word, arg] : in.fds) {
    const FollowedFd* fd = Lookup(process, call.arg(arg), call.log->line);
    const int64_t number = StraceDescriptor(call.arg(arg)).value_or(StraceFd{-1, {}, false}).fd;
    fds.emplace_back(number, fd ? std::optional(*fd) : std::nullopt);
    if (fd == nullptr) {
      others |= row.args[arg].name != "newfd";
      continue;
    }
    if (query.inode >= 0) continue;
    query.file = fd->file;
    query.inode = world_.files[fd->file].inode;
  }
  if (query.inode < 0) return Count(call, Unasked::kElsewhere);
  query.why = in.why;
  if (row.family == Family::kLease) {
    query.why = "leases: who else has the file open, of which the log does not say all";
    if (call.ok()) world_.inodes[query.inode].leased = true;
  }
  if (row.op == Op::kLinkat) query.why = "linkat: what stands at the new name";
  if (row.op == Op::kFsetAcl && call.log->error == "EOPNOTSUPP")
    query.why = "a kernel whose tmpfs has no ACLs";
  if (others) query.why = fmt::format("{} between a memfd and another file", call.name);
  if (row.op == Op::kDupFdQuery && HasUnknownFile(world_, fds))
    query.why = "open files that the log does not tell apart";
  const FollowedFile& file = world_.files[query.file];
  const FollowedInode& inode = world_.inodes[query.inode];

  int64_t start = 0;
  query.make = [&](Ask& ask) -> std::optional<Call> {
    Call made = in.call;
    for (size_t i = 0; i < fds.size(); ++i) {
      const auto& [number, target] = fds[i];
      const bool valid = number >= 0 && number < kMostFds;
      made.arg[in.fds[i].first] =
          valid ? ask.AddFd(number, target ? &*target : nullptr) : int64_t{kLeastInt};
    }
    query.beyond = !PlaceSizes(in, ask, &made, &start);
    return made;
  };
  const ReturnKind returns = row.returns;
  if (returns == ReturnKind::kCount || returns == ReturnKind::kCountData)
    query.base = [&](const Ask& ask) { return std::pair(start, ask.Small(start)); };
  if (returns == ReturnKind::kOffset)
    query.base = [](const Ask&) { return std::pair<int64_t, int64_t>(0, 0); };
  if (returns == ReturnKind::kFd && call.ok()) query.new_fds = {call.log->value};

  const bool grow_sealed = (inode.node.seals & SealBit(semantics_, "F_SEAL_GROW")) != 0;
  if (IsWrite(in.call.op) && grow_sealed && !in.sizes.empty() &&
      CrossesChunks(semantics_, OffsetOf(in).value_or(file.pos), in.sizes[0].bytes, inode.size))
    query.why = "a write over several chunks, beyond a sealed size";

  // What the size or the position may have been, to give what the log says.
  query.sizes = {0, file.pos, inode.size};
  for (const SizeWord& size : in.sizes) {
    if (std::abs(size.bytes / 2) >= int64_t{1} << 59) continue;  // no size
    for (const int64_t more : {size.bytes, size.bytes + kPageSize, size.bytes - 1})
      if (Plain(more)) query.sizes.push_back(more);
    if (call.ok() && Plain(call.log->value - size.bytes))
      query.sizes.push_back(call.log->value - size.bytes);
  }
  if (call.ok() && Plain(call.log->value)) {
    query.sizes.push_back(call.log->value);
    query.sizes.push_back(OffsetOf(in).value_or(file.pos) + call.log->value);
  }
  for (const std::string_view field : {"st_size", "stx_size"})
    if (const auto text = StraceField(call.arg(1), field))
      if (const auto size = StraceNumber(*text); size && Plain(*size)) query.sizes.push_back(*size);
  Decide(query);
}

// Seals are asked of what is a memfd: a descriptor that nobody was seen to make is one if they
// can be.
void Follower::OnFcntl(const FieldCall& call, FollowedProcess& process) {
  const bool get = IsStraceConstant(call.arg(1), "F_GET_SEALS");
  const bool add = IsStraceConstant(call.arg(1), "F_ADD_SEALS");
  const bool sealable = call.ok() || (add && call.log->error == "EBUSY");
  if ((get || add) && sealable && Lookup(process, call.arg(0), call.log->line) == nullptr)
    if (const auto fd = StraceDescriptor(call.arg(0)); fd && fd->fd >= 0)
      TakeDescriptor(process, fd->fd, fd->path.value_or(""), call.log->line);
  const bool dup =
      IsStraceConstant(call.arg(1), "F_DUPFD") || IsStraceConstant(call.arg(1), "F_DUPFD_CLOEXEC");
  if (dup && call.ok()) {
    process.fds->memfds.erase(call.log->value);
    CopyPidfd(*process.fds, call.arg(0), call.log->value);
  }
  const CallSpec* row = RowOf(call);
  if (row != nullptr) return OnDescriptor(call, process, *row);
  Count(call, Lookup(process, call.arg(0), call.log->line) ? Unasked::kNoRow : Unasked::kElsewhere);
}

// dup2 and dup3: another file may come where a memfd stood.
void Follower::OnDupOver(const FieldCall& call, FollowedProcess& process) {
  const bool from = Lookup(process, call.arg(0), call.log->line) != nullptr;
  const auto over = StraceDescriptor(call.arg(1));
  const CallSpec* row = RowOf(call);
  if (from && row != nullptr) return OnDescriptor(call, process, *row);
  const bool onto = over && process.fds->memfds.contains(over->fd);
  if (onto && call.ok()) {
    process.fds->memfds.erase(over->fd);
    NoteChange(-1, process.pid);
  }
  if (call.ok()) CopyPidfd(*process.fds, call.arg(0), call.log->value);
  Count(call, onto ? Unasked::kFollowed : Unasked::kElsewhere);
}

// file_setattr(DIR, PATH, ...), whose arguments no strace prints yet, and FS_IOC_FSSETXATTR.
void Follower::OnSetAttributes(const FieldCall& call, FollowedProcess& process) {
  const FollowedFd* fd = Lookup(process, call.arg(0), call.log->line);
  if (!call.ok()) return Count(call, fd ? Unasked::kNoRow : Unasked::kElsewhere);
  if (fd != nullptr)
    world_.inodes[world_.files[fd->file].inode].attrs_known = false;
  else if (call.name == "file_setattr")  // the path may be any memfd's
    for (FollowedInode& inode : world_.inodes) inode.attrs_known = false;
  Count(call, fd ? Unasked::kNoRow : Unasked::kElsewhere);
}

// FIONBIO sets O_NONBLOCK; FS_IOC_SETFLAGS has a row.
void Follower::OnIoctl(const FieldCall& call, FollowedProcess& process) {
  if (IsStraceConstant(call.arg(1), "FS_IOC_FSSETXATTR")) return OnSetAttributes(call, process);
  if (!call.ok() || !IsStraceConstant(call.arg(1), "FIONBIO")) return OnRow(call, process);
  const FollowedFd* fd = Lookup(process, call.arg(0), call.log->line);
  if (fd == nullptr) return Count(call, Unasked::kElsewhere);
  const auto items = StraceElements(call.arg(2));
  const auto on = items.empty() ? std::nullopt : StraceNumber(items[0]);
  FollowedFile& file = world_.files[fd->file];
  if (!on) file.outside = true;
  file.file.flags &= static_cast<uint8_t>(~kFlagNonblock);
  if (on && *on != 0) file.file.flags |= kFlagNonblock;
  Count(call, Unasked::kFollowed);
}

void Follower::OnCloseRange(const FieldCall& call, FollowedProcess& process) {
  const auto first = StraceNumber(call.arg(0)), last = StraceNumber(call.arg(1));
  const int64_t flags = StraceFlags(call.arg(2)).value_or(0);
  constexpr int64_t kUnshare = 2, kCloexec = 4;
  if (!call.ok() || !first || !last) return Count(call, Unasked::kElsewhere);
  if ((flags & kUnshare) != 0) process.fds = std::make_shared<FollowedFds>(*process.fds);
  const auto low = static_cast<uint32_t>(*first), high = static_cast<uint32_t>(*last);
  bool any = false;
  auto& memfds = process.fds->memfds;
  for (auto at = memfds.begin(); at != memfds.end();) {
    const bool within = at->first >= low && at->first <= high;
    any |= within;
    if (within && (flags & kCloexec) != 0) at->second.fd.cloexec = 1;
    at = within && (flags & kCloexec) == 0 ? memfds.erase(at) : std::next(at);
  }
  if (any) NoteChange(-1, process.pid);
  Count(call, any ? Unasked::kFollowed : Unasked::kElsewhere);
}

// What is spliced, sent or copied into a memfd is written into it: as much as the other
// file gave.
void Follower::OnTransfer(const FieldCall& call, FollowedProcess& process) {
  const bool sendfile = call.name.starts_with("sendfile");
  const bool offsets = call.name == "splice" || call.name == "copy_file_range";
  const size_t in_arg = sendfile ? 1 : 0, out_arg = sendfile ? 0 : (offsets ? 2 : 1);
  const std::string_view in_offset = sendfile ? call.arg(2) : (offsets ? call.arg(1) : "NULL");
  const std::string_view out_offset = offsets ? call.arg(3) : "NULL";
  const FollowedFd* in = Lookup(process, call.arg(in_arg), call.log->line);
  const FollowedFd* out = Lookup(process, call.arg(out_arg), call.log->line);
  if (in == nullptr && out == nullptr) return Count(call, Unasked::kElsewhere);
  // None, [5] or [5] => [9]; elsewise the log has an address for it (-e raw).
  auto is_null = [](std::string_view text) { return StraceNumber(text) == 0; };
  if (in != nullptr) {
    FollowedFile& file = world_.files[in->file];
    // Of one open file that is read and written, the write moves it.
    const bool same = out != nullptr && out->file == in->file;
    if (call.ok() && is_null(in_offset) && !same) {
      file.pos += std::max<int64_t>(call.log->value, 0);
      NoteChange(file.inode, process.pid);
    }
    if (out == nullptr && call.name != "copy_file_range") world_.inodes[file.inode].pinned = true;
  }
  if (out != nullptr && !is_null(out_offset) && StraceElements(out_offset).empty()) {
    if (call.ok()) world_.inodes[world_.files[out->file].inode].size_known = false;
    return Count(call, Unasked::kBound, "an offset that cannot be read in the log");
  }
  const bool refused = call.log->returned == StraceReturn::kErrno && call.log->error == "EPERM";
  const bool moved = call.ok() && call.log->value > 0;
  if (out == nullptr || (!refused && !moved)) return Count(call, Unasked::kFollowed);
  if (refused && world_.inodes[world_.files[out->file].inode].node.attrs != 0)
    return Count(call, Unasked::kBound, fmt::format("{} to a file with attributes", call.name));
  FieldCall write;
  write.log = call.log;
  write.name = "write";
  const auto wanted = StraceNumber(call.arg(sendfile ? 3 : (offsets ? 4 : 2)));
  write.made.push_back(
      fmt::format("{}", moved ? call.log->value : std::max<int64_t>(wanted.value_or(1), 1)));
  write.args = {call.args[out_arg], "\"\"", write.made.back()};
  if (const auto items = StraceElements(out_offset); !items.empty()) {
    write.name = "pwrite";
    write.args.push_back(items[0]);
  }
  OnDescriptor(write, process, *RowOf(write));
}

}  // namespace selkie
