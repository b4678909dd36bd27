// Calls on addresses: the pieces of mappings that they touch, at fixed pages of the
// model's small arena.
#include <algorithm>
#include <cerrno>

#include "fmt/format.h"
#include "traces/follower.h"
#include "traces/strace_value.h"

namespace selkie {
namespace {

// Where things stand in the arena.
constexpr int kLeftPage = 4, kHerePage = 5, kRightPage = 6, kTargetPage = 8;
constexpr int64_t kPage = kPageSize;
// The least TASK_SIZE of a machine, x86-64 with four levels of page tables, and more than any has.
constexpr uint64_t kLeastTaskSize = (uint64_t{1} << 47) - kPage, kNoTaskSize = uint64_t{1} << 57;
constexpr int64_t kBeyondMemory = int64_t{1} << 62;  // for the model, too
constexpr char kEndOfMemory[] = "where the machine's memory ends";

uint64_t PageUp(uint64_t bytes) { return (bytes + kPage - 1) & ~static_cast<uint64_t>(kPage - 1); }

// An address with the same place in its page as the real one.
int64_t AddressAt(int page, uint64_t real) {
  return page * kPage + static_cast<int64_t>(real % kPage);
}

// Does [begin, begin + length) end after `memory`?
bool EndsAfter(uint64_t memory, uint64_t begin, uint64_t length) {
  return begin > memory || length > memory - begin;
}

// That is so on some machines and not on others.
bool MayEndBeyondMemory(uint64_t begin, uint64_t length) {
  return EndsAfter(kLeastTaskSize, begin, length) && !EndsAfter(kNoTaskSize, begin, length);
}

// The length of a range that begins at `begin`: one page if it is none and not beyond memory.
int64_t OnePage(uint64_t length, uint64_t begin = 0) {
  const uint64_t pages = PageUp(length);
  if (pages == 0) return static_cast<int64_t>(length);
  return EndsAfter(kNoTaskSize, begin, pages) ? kBeyondMemory : kPage;
}

// Is part of [begin, end) not that of `pieces`?  It may be mapped, and be what refuses: mseal, huge
// pages, special mappings.
bool HasOtherMemory(const std::vector<FollowedMapping>& pieces, uint64_t begin, uint64_t end) {
  uint64_t covered = 0;
  for (const FollowedMapping& piece : pieces) covered += piece.end - piece.begin;
  return begin < end && covered < end - begin;
}

// What unmapping that other memory may give.
std::vector<Excuse> OtherMemory(std::string_view call) {
  const std::string text = fmt::format("{} over other memory too", call);
  return {{"EPERM", Unasked::kBound, text}, {"EINVAL", Unasked::kBound, text}};
}

ByteRange ReadRange(const FieldCall& call, size_t at = 0) {
  const auto begin = StraceNumber(call.arg(at)), length = StraceNumber(call.arg(at + 1));
  if (!begin || !length) return {};
  return {static_cast<uint64_t>(*begin), static_cast<uint64_t>(*length), true};
}

// The mapping of the caller that begins at `page` after the call, or null.
const Mapping* After(const Ask& ask, int page) {
  for (const Mapping& m : ask.after().mms[ask.after().tasks[0].mm])
    if (m.file != 0 && m.start == page) return &m;
  return nullptr;
}

// As the world keeps it: its place and file are beside it.
Mapping Placeless(Mapping m) {
  m.file = m.start = m.pages = m.pgoff = m.copied = m.guards = m.opened = 0;
  m.flags &= static_cast<uint8_t>(~kMapGuarded);
  m.copy = {};
  return m;
}

std::optional<int64_t> MmapFlags(std::string_view text) {
  const auto flags = StraceFlags(text);
  if (!flags) return std::nullopt;
  // MAP_32BIT, DENYWRITE, EXECUTABLE, LOCKED, NORESERVE, POPULATE, NONBLOCK, STACK: of no
  // consequence for what mmap says, but for RLIMIT_MEMLOCK.
  constexpr int64_t kHarmless =
      0x40 | 0x800 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000;
  return *flags & ~kHarmless;
}

// The security modules' own refusals of executable memory.
bool IsExecRefusal(const FieldCall& call, int64_t prot) {
  return (prot & kProtExec) != 0 && !call.ok() &&
         (call.log->error == "EACCES" || call.log->error == "EPERM");
}

// can_madv_lru_vma, madvise_dontneed_free_valid_vma, madvise_remove, is_valid_guard_vma; msync.
bool AsksWhetherLocked(const FieldCall& call) {
  if (call.name == "msync") return HasStraceFlag(call.arg(2), "MS_INVALIDATE");
  constexpr std::string_view kAdvice[] = {"MADV_DONTNEED", "MADV_FREE",    "MADV_REMOVE",
                                          "MADV_COLD",     "MADV_PAGEOUT", "MADV_GUARD_INSTALL"};
  const bool remote = call.name == "process_madvise";
  return (remote || call.name == "madvise") &&
         std::any_of(std::begin(kAdvice), std::end(kAdvice), [&](std::string_view advice) {
           return IsStraceConstant(call.arg(remote ? 3 : 2), advice);
         });
}

struct Extent {
  uint64_t begin, end;
};

// What mremap did: the pieces of `from` now stand in `to`; if that is longer (`grows`), the
// last of them up to its end.
void MoveMappings(FollowedSpace& mm, Extent from, bool stays, bool grows, Extent to) {
  const std::vector<FollowedMapping> pieces = mm.Pieces(from.begin, from.end);
  if (stays)  // MREMAP_DONTUNMAP unlocks it, and more
    for (auto& [begin, mapping] : mm.all())
      mapping.may_be_locked |= (mapping.map.flags & kMapLocked) != 0;
  if (!stays) mm.Remove(from.begin, from.end);
  mm.Remove(to.begin, to.end);
  for (size_t i = 0; i < pieces.size(); ++i) {
    FollowedMapping moved = pieces[i];
    const bool last = grows && i + 1 == pieces.size();
    moved.begin = to.begin + (pieces[i].begin - from.begin);
    moved.end = last ? to.end : std::min(to.begin + (pieces[i].end - from.begin), to.end);
    mm.Put(moved);
  }
}

// Of several, the one that decides: a mapping that mseal has sealed refuses for all.
const FollowedMapping& Deciding(const std::vector<FollowedMapping>& pieces) {
  for (const FollowedMapping& piece : pieces)
    if ((piece.map.flags & kMapSealed) != 0) return piece;
  return pieces[0];
}

// mlock and its like: all pages that have part of the bytes, whichever those are.
ByteRange LockedRange(const FieldCall& call) {
  ByteRange range = ReadRange(call);
  if (range.length > kLeastTaskSize) return {};
  range.length = PageUp(range.begin + range.length) - range.first();
  range.begin = range.first();
  return range;
}

}  // namespace

uint64_t ByteRange::first() const { return begin & ~static_cast<uint64_t>(kPage - 1); }
uint64_t ByteRange::end() const {
  return length > kLeastTaskSize ? first() : first() + PageUp(length);
}

// ---- mmap ----

void Follower::OnMmap(const FieldCall& call, FollowedProcess& process) {
  const ByteRange range = ReadRange(call);
  const auto flags = MmapFlags(call.arg(3));
  const auto prot = StraceFlags(call.arg(2));
  const auto offset = StraceNumber(call.arg(5));
  const bool anonymous = flags && (*flags & 0x20) != 0;
  const FollowedFd* fd = anonymous ? nullptr : Lookup(process, call.arg(4), call.log->line);
  const auto given = static_cast<uint64_t>(call.log->value);
  if (fd == nullptr) {
    const bool hides =
        call.ok() && range.read && !process.mm->Pieces(given, given + PageUp(range.length)).empty();
    if (hides) {
      process.mm->Remove(given, given + PageUp(range.length));
      NoteChange(-1, process.pid);
    }
    return Count(call, hides ? Unasked::kFollowed : Unasked::kElsewhere);
  }
  const FollowedFd memfd = *fd;
  Query query(call, process);
  query.file = memfd.file;
  query.inode = world_.files[memfd.file].inode;
  if (!range.read || !flags || !prot || !offset)
    query.why = "arguments of mmap as they are written";
  const bool fixed = flags && (*flags & (abi::kMapFixed | abi::kMapFixedNoreplace)) != 0;
  if (MayEndBeyondMemory(fixed ? range.begin : 0, range.length)) query.why = kEndOfMemory;
  const bool placed = call.ok() || fixed;
  const uint64_t here = call.ok() ? given : range.begin;
  const uint64_t length = range.length > kLeastTaskSize ? 0 : PageUp(range.length);
  const std::vector<FollowedMapping> old =
      placed && fixed ? process.mm->Pieces(here, here + length) : std::vector<FollowedMapping>{};
  // Found to have gone: its munmap was not seen.
  if (call.ok() && !fixed) process.mm->Remove(here, here + length);
  if (query.why.empty() && IsExecRefusal(call, *prot))
    return Count(call, Unasked::kSystem, fmt::format("mmap {} with PROT_EXEC", call.log->error));

  if (fixed && HasOtherMemory(old, here, here + length)) query.excuses = OtherMemory(call.name);

  // The neighbour that shows the same file up to here, or on from the end.
  auto continues = [&](uint64_t at, uint64_t file_offset) -> const FollowedMapping* {
    const FollowedMapping* m = placed && length > 0 ? process.mm->At(at) : nullptr;
    if (m == nullptr || m->file != memfd.file) return nullptr;
    return static_cast<uint64_t>(m->offset) + (at - m->begin) == file_offset ? m : nullptr;
  };
  query.make = [&](Ask& ask) -> std::optional<Call> {
    const int64_t small_fd = ask.AddFd(StraceDescriptor(call.arg(4))->fd, &memfd);
    const auto from = static_cast<uint64_t>(*offset);  // any word at all: it may wrap
    const FollowedMapping* left = continues(here - 1, from - 1);
    const FollowedMapping* right = continues(here + length, from + static_cast<uint64_t>(length));
    const int pgoff = left != nullptr || *offset >= kPage ? 1 : 0;
    if (left != nullptr) ask.AddMapping(*left, kLeftPage, 1, 0);
    if (right != nullptr) ask.AddMapping(*right, kRightPage, 1, pgoff + 1);
    if (!old.empty()) ask.AddMapping(Deciding(old), kHerePage, 1, 0);
    ask.Freeze();
    const bool huge = *offset < 0 || *offset >= kBeyondFiles;
    int64_t address = placed ? AddressAt(kHerePage, fixed ? range.begin : here) : kNull;
    if (fixed && range.begin == 0) address = kNull;
    const int64_t at = huge ? *offset : AddressAt(pgoff, static_cast<uint64_t>(*offset));
    return Call{Op::kMmap,
                0,
                {address, OnePage(range.length, fixed ? range.begin : 0),
                 static_cast<int32_t>(*prot), static_cast<int32_t>(*flags), small_fd, at}};
  };
  query.apply = [&](const Ask& ask) {
    const Mapping* made = After(ask, kHerePage);
    if (!call.ok()) {
      if (made == nullptr && !old.empty()) process.mm->Remove(here, here + length);
      return;
    }
    FollowedMapping mapping{here, here + length, *offset, memfd.file, query.inode, {}};
    if (made != nullptr) {
      mapping.map = Placeless(*made);
    } else {  // beyond the model
      mapping.map.prot = static_cast<uint8_t>(*prot & 7);
      mapping.map.shared = (*flags & 0xf) != abi::kMapPrivate;
      const bool writes = (world_.files[memfd.file].file.mode & kModeWrite) != 0;
      mapping.map.may = mapping.map.shared && !writes ? 5 : 7;
      mapping.map.vm_shared = mapping.map.shared && writes;
    }
    mapping.SetLocked(process.mm->locks || HasStraceFlag(call.arg(3), "MAP_LOCKED"));
    process.mm->Put(mapping);
  };
  Decide(query);
}

// ---- munmap and mprotect ----

void Follower::OnMunmap(const FieldCall& call, FollowedProcess& process) {
  const ByteRange range = ReadRange(call);
  const bool beyond = EndsAfter(kLeastTaskSize, range.first(), range.length);
  const std::vector<FollowedMapping> pieces =
      process.mm->Pieces(range.first(), beyond ? range.first() + kPage : range.end());
  if (pieces.empty()) return Count(call, Unasked::kElsewhere);
  Query query(call, process);
  const FollowedMapping piece = Deciding(pieces);
  if (MayEndBeyondMemory(range.first(), range.length)) query.why = kEndOfMemory;
  if (!beyond && HasOtherMemory(pieces, range.first(), range.end()))
    query.excuses = OtherMemory(call.name);
  query.file = piece.file;
  query.inode = world_.files[query.file].inode;
  query.make = [&](Ask& ask) -> std::optional<Call> {
    ask.AddMapping(piece, kHerePage, 1, 0);
    ask.Freeze();
    return Call{
        Op::kMunmap, 0, {AddressAt(kHerePage, range.begin), OnePage(range.length, range.begin)}};
  };
  Decide(query);
  if (call.ok()) process.mm->Remove(range.first(), range.end());
}

void Follower::OnMprotect(const FieldCall& call, FollowedProcess& process) {
  const ByteRange range = ReadRange(call);
  const auto prot = StraceFlags(call.arg(2));
  const std::vector<FollowedMapping> pieces = process.mm->Pieces(range.first(), range.end());
  if (pieces.empty()) return Count(call, Unasked::kElsewhere);
  Query query(call, process);
  if (!prot) query.why = "arguments of mprotect as they are written";
  if (call.name == "pkey_mprotect" && call.arg(3) != "-1") query.why = "protection keys";
  if (query.why.empty() && IsExecRefusal(call, *prot))
    return Count(call, Unasked::kSystem,
                 fmt::format("mprotect {} with PROT_EXEC", call.log->error));
  size_t piece = 0;
  query.make = [&](Ask& ask) -> std::optional<Call> {
    ask.AddMapping(pieces[piece], kHerePage, 1, 0);
    ask.Freeze();
    return Call{
        Op::kMprotect,
        0,
        {AddressAt(kHerePage, range.begin), OnePage(range.length), static_cast<int32_t>(*prot)}};
  };
  auto put = [&](const Ask& ask) {
    const Mapping* now = After(ask, kHerePage);
    if (now == nullptr) return;
    FollowedMapping changed = pieces[piece];
    changed.map = Placeless(*now);
    process.mm->Put(changed);
  };
  query.apply = put;
  // In order, up to the first that refuses (do_mprotect_pkey): that one decides.  If the
  // log has a failure, other memory between the pieces may be what refused.
  const bool failed = !call.ok();
  uint64_t reached = range.first();
  while (query.why.empty()) {
    if (failed && pieces[piece].begin != reached) break;
    const std::optional<Ask> ask = Try(query, Guess{});
    if (!ask || !ask->result().ok()) break;
    reached = pieces[piece].end;
    if (piece + 1 == pieces.size()) break;
    put(*ask);
    ++piece;
  }
  query.file = pieces[piece].file;
  query.inode = world_.files[query.file].inode;
  const bool refuses = pieces[piece].begin == reached;
  if (failed && !refuses && reached < range.end()) {
    if (const std::optional<Ask> ask = Try(query, Guess{}); ask && reached == pieces[piece].end)
      put(*ask);
    return Count(call, Unasked::kBound, "mprotect over other memory too");
  }
  Decide(query);
}

// ---- mremap ----

void Follower::OnMremap(const FieldCall& call, FollowedProcess& process) {
  const ByteRange old = ReadRange(call);
  const auto wanted = StraceNumber(call.arg(2));
  const auto flags = StraceFlags(call.arg(3));
  const auto target = call.args.size() > 4 ? StraceNumber(call.arg(4)) : std::optional<int64_t>(0);
  const auto given = static_cast<uint64_t>(call.log->value);
  const uint64_t length = wanted ? PageUp(static_cast<uint64_t>(*wanted)) : 0;
  const uint64_t old_length = PageUp(old.length);
  const bool fixed = flags && (*flags & abi::kMremapFixed) != 0;
  const uint64_t to = fixed ? static_cast<uint64_t>(target.value_or(0)) : 0;
  const FollowedMapping* found = process.mm->At(old.begin);
  const bool stays = old_length == 0 || (flags && (*flags & abi::kMremapDontunmap) != 0);
  if (found == nullptr || !old.read) {
    if (!call.ok()) return Count(call, Unasked::kElsewhere);
    if (!old.read || !wanted) {
      process.mm->Remove(given, given + length);
      return Count(call, Unasked::kElsewhere);
    }
    // Other memory, with a memfd's behind it in the range or where it goes.
    const Extent from{old.begin, old.begin + std::min(old_length, length)};
    const bool any = !process.mm->Pieces(old.begin, old.begin + old_length).empty() ||
                     !process.mm->Pieces(given, given + length).empty();
    process.mm->Remove(from.end, old.begin + old_length);
    MoveMappings(*process.mm, from, stays, false, {given, given + length});
    if (any) NoteChange(-1, process.pid);
    return Count(call, any ? Unasked::kFollowed : Unasked::kElsewhere);
  }
  const FollowedMapping whole = *found;
  Query query(call, process);
  query.file = whole.file;
  query.inode = world_.files[query.file].inode;
  if (!wanted || !flags || !target) query.why = "arguments of mremap as they are written";
  if (old.length > kLeastTaskSize || (to % kPage == 0 && EndsAfter(kLeastTaskSize, to, length)))
    query.why = "mremap beyond memory";
  if (fixed && old_length == 0 && target && static_cast<uint64_t>(*target) < old.begin &&
      static_cast<uint64_t>(*target) + length > old.begin)
    query.why = "mremap of nothing over its own address";
  const uint64_t old_end = old.begin + old_length;
  if (query.why.empty() && old_end > whole.end && process.mm->At(whole.end) != nullptr)
    query.why = "mremap over several mappings";
  // Since 6.17 several mappings move together, those of other memory too.
  const bool others = HasOtherMemory(process.mm->Pieces(old.begin, old_end), old.begin, old_end);
  if (query.why.empty() && others && fixed && length == old_length && call.ok())
    query.why = "mremap over other memory too";
  const std::vector<FollowedMapping> there =
      fixed ? process.mm->Pieces(to, to + length) : std::vector<FollowedMapping>{};
  if (fixed && HasOtherMemory(there, to, to + length)) query.excuses = OtherMemory(call.name);
  // Where the memory is moved to by itself, the kernel reads a fifth argument all the same.
  const bool unprinted =
      flags && (*flags & abi::kMremapDontunmap) != 0 && !fixed && call.args.size() == 4;
  if (unprinted)
    query.excuses.push_back({"EINVAL", Unasked::kSystem, "an address that strace does not print"});
  query.make = [&](Ask& ask) -> std::optional<Call> {
    // Pages in the order of what they are counted from: where the mapping ends, the old
    // range, and the new length.
    const int head = old.begin > whole.begin ? 1 : 0;
    std::vector<uint64_t> ends = {whole.end, old_end, old.begin + length};
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    std::erase_if(ends, [&](uint64_t end) { return end <= old.begin; });
    auto pages_to = [&](uint64_t end) {
      return static_cast<int>(std::upper_bound(ends.begin(), ends.end(), end) - ends.begin());
    };
    const int old_pages = pages_to(old_end), new_pages = pages_to(old.begin + length);
    ask.AddMapping(whole, 0, head + pages_to(whole.end), 0);
    const bool overlaps = to < old_end && to + length > old.begin;
    const bool itself = old_length == 0 && to == old.begin;
    const int target_page = overlaps || itself ? head : kTargetPage;
    if (!there.empty() && target_page == kTargetPage)
      ask.AddMapping(Deciding(there), kTargetPage, std::min(new_pages, 1), 0);
    ask.Freeze();
    return Call{Op::kMremap,
                0,
                {AddressAt(head, old.begin),
                 old_pages * kPage - static_cast<int64_t>(old_length - old.length),
                 new_pages * kPage - static_cast<int64_t>(length - static_cast<uint64_t>(*wanted)),
                 static_cast<int32_t>(*flags), fixed ? AddressAt(target_page, to) : kNull}};
  };
  Decide(query);
  if (!call.ok()) return;
  MoveMappings(*process.mm, {old.begin, old_length == 0 ? whole.end : old_end}, stays,
               length > old_length, {given, given + length});
}

// ---- Others, by their rows ----

void Follower::OnRange(const FieldCall& call, FollowedProcess& process) {
  AskRange(call, process, ReadRange(call));
}

void Follower::AskRange(const FieldCall& call, FollowedProcess& process, const ByteRange& range) {
  const std::vector<FollowedMapping> pieces = process.mm->Pieces(range.first(), range.end());
  if (pieces.empty()) return Count(call, Unasked::kElsewhere);
  const CallSpec* row = RowOf(call);
  if (row == nullptr || row->num_args < 2 || row->args[0].kind != ArgKind::kAddress)
    return Count(call, Unasked::kNoRow);
  Query query(call, process);
  const bool remaps = call.name == "remap_file_pages";
  if (remaps) query.why = "remap_file_pages";  // where to is not renamed
  Call made{row->op, 0, {AddressAt(kHerePage, range.begin), OnePage(range.length)}};
  for (int i = 2, word = 2; i < row->num_args; ++i) {
    if (WordsOf(row->args[i].kind) == 0) continue;
    const auto value = WordsOf(row->args[i].kind) == 1
                           ? RowWord(row->args[i], call.arg(i), semantics_)
                           : std::nullopt;
    if (!value || word >= kMaxWords) {
      query.why = fmt::format("argument {} of {} as it is written", row->args[i].name, call.name);
      break;
    }
    made.arg[word++] = *value;
  }
  if (AsksWhetherLocked(call) && std::any_of(pieces.begin(), pieces.end(),
                                             [](const auto& piece) { return piece.may_be_locked; }))
    return Count(call, Unasked::kBound, "memory that may be locked");
  const bool locks = call.name.starts_with("mlock");
  for (const FollowedMapping& each : pieces)
    query.sizes.push_back(
        static_cast<int64_t>(static_cast<uint64_t>(each.offset) + (each.end - each.begin)));
  size_t piece = 0;
  query.make = [&](Ask& ask) -> std::optional<Call> {
    // What is beyond the end of the file is so in the model too.
    const FollowedMapping& here = pieces[piece];
    const int64_t begin = here.offset;
    const int64_t end = begin + static_cast<int64_t>(here.end - here.begin);
    ask.AddPoint(begin);
    ask.AddPoint(end);
    ask.AddMapping(here, kHerePage, 1, 0);
    ask.Freeze();
    const int64_t pages = (ask.Small(end) - ask.Small(begin)) / kPage;
    const int64_t pgoff = ask.Small(begin) / kPage;
    Call call_of_all = made;
    // Only what reads or writes the pages asks where the file ends.
    if (pages > kMaxPages || pgoff + pages >= kMaxMappedPages) {
      if (locks) query.why = "more different sizes and offsets at once than the bounds have pages";
      return locks ? std::nullopt : std::optional(call_of_all);
    }
    ask.PlaceMapping(static_cast<int>(pgoff), static_cast<int>(pages));
    if (made.arg[1] == kPage) call_of_all.arg[1] = pages * kPage;
    return call_of_all;
  };
  auto put = [&](const Ask& ask) {
    FollowedMapping changed = pieces[piece];
    const Mapping* now = After(ask, kHerePage);
    if (now != nullptr) changed.map = Placeless(*now);
    if (now != nullptr) process.mm->Put(changed);
  };
  query.apply = put;
  const bool other_memory = !call.ok() && HasOtherMemory(pieces, range.first(), range.end());
  // In order, up to the first that refuses: that one decides.  mseal looks for holes before.
  while (query.why.empty() && !(other_memory && call.name == "mseal")) {
    if (piece + 1 == pieces.size() && !other_memory) break;
    const std::optional<Ask> ask = Try(query, Guess{});
    if (!ask || !ask->result().ok()) break;
    put(*ask);
    if (++piece == pieces.size()) break;
  }
  if (other_memory)
    return Count(call, Unasked::kBound, fmt::format("{} over other memory too", call.name));
  query.file = pieces[piece].file;
  query.inode = world_.files[query.file].inode;
  Decide(query);
  const auto pgoff = remaps ? StraceNumber(call.arg(3)) : std::nullopt;
  if (!call.ok() || !pgoff || process.mm->At(range.first()) == nullptr) return;
  FollowedMapping moved = process.mm->Pieces(range.first(), range.end())[0];
  moved.offset = *pgoff * kPage;
  process.mm->Put(moved);
}

// Of a range that is one mapping of the caller's own: others are given hints alone.
void Follower::OnProcessMadvise(const FieldCall& call, FollowedProcess& process) {
  const auto pidfd = StraceDescriptor(call.arg(0));
  const auto pid = pidfd ? process.fds->pidfds.find(pidfd->fd) : process.fds->pidfds.end();
  const auto target = pid == process.fds->pidfds.end() ? world_.processes.end()
                                                       : world_.processes.find(pid->second);
  const std::vector<std::string_view> ranges = StraceElements(call.arg(1));
  if (target == world_.processes.end() || ranges.empty()) return Count(call, Unasked::kElsewhere);
  const auto base = StraceField(ranges[0], "iov_base"), length = StraceField(ranges[0], "iov_len");
  const auto begin = base ? StraceNumber(*base) : std::nullopt;
  const auto bytes = length ? StraceNumber(*length) : std::nullopt;
  if (!begin || !bytes) return Count(call, Unasked::kBound, "a range as it is written");
  const ByteRange range{static_cast<uint64_t>(*begin), static_cast<uint64_t>(*bytes), true};
  const std::vector<FollowedMapping> pieces = target->second.mm->Pieces(range.first(), range.end());
  const bool whole = ranges.size() == 1 && range.begin == range.first() && *bytes % kPage == 0 &&
                     !HasOtherMemory(pieces, range.first(), range.end());
  if (pieces.empty() && ranges.size() == 1) return Count(call, Unasked::kElsewhere);
  if (target->second.mm != process.mm || !whole || pieces.size() != 1)
    return Count(call, Unasked::kBound, "advice to others, or of more than one mapping");
  if (AsksWhetherLocked(call) && pieces[0].may_be_locked)
    return Count(call, Unasked::kBound, "memory that may be locked");

  const FollowedMapping& piece = pieces[0];
  Query query(call, process);
  query.file = piece.file;
  query.inode = world_.files[query.file].inode;
  const auto advice = RowWord(ArgsOf(SpecOf(Op::kMadvise))[2], call.arg(3), semantics_);
  const auto flags = StraceFlags(call.arg(4));
  if (!advice || !flags) query.why = "arguments of process_madvise as they are written";
  const int64_t from = piece.offset, to = from + *bytes;
  query.sizes.push_back(to);
  query.make = [&](Ask& ask) -> std::optional<Call> {
    ask.AddPoint(from);
    ask.AddPoint(to);
    ask.AddMapping(piece, kHerePage, 1, 0);
    ask.Freeze();
    const int64_t pages = (ask.Small(to) - ask.Small(from)) / kPage,
                  pgoff = ask.Small(from) / kPage;
    if (pages > kMaxPages || pgoff + pages >= kMaxMappedPages) {
      query.why = "more different sizes and offsets at once than the bounds have pages";
      return std::nullopt;
    }
    ask.PlaceMapping(static_cast<int>(pgoff), static_cast<int>(pages));
    return Call{Op::kProcessMadvise,
                0,
                {0, AddressAt(kHerePage, range.begin), pages * kPage, kNull, 0, *advice,
                 static_cast<int32_t>(*flags)}};
  };
  query.base = [&](const Ask& ask) { return std::pair(from, ask.Small(from)); };
  query.apply = [&](const Ask& ask) {
    FollowedMapping changed = piece;
    const Mapping* now = After(ask, kHerePage);
    if (now != nullptr) changed.map = Placeless(*now);
    if (now != nullptr) process.mm->Put(changed);
  };
  Decide(query);
}

// Over other memory, which may be what refuses, it is as the log says, and so are the locks of what
// fails for RLIMIT_MEMLOCK: that may have done some of it.
void Follower::OnLock(const FieldCall& call, FollowedProcess& process) {
  const ByteRange range = LockedRange(call);
  const std::vector<FollowedMapping> pieces = process.mm->Pieces(range.first(), range.end());
  if (pieces.empty()) return Count(call, Unasked::kElsewhere);
  if (HasOtherMemory(pieces, range.first(), range.end()))
    Count(call, Unasked::kFollowed);
  else
    AskRange(call, process, range);
  const bool locks = call.name != "munlock";
  for (FollowedMapping piece : process.mm->Pieces(range.first(), range.end())) {
    const bool locked = (piece.map.flags & kMapLocked) != 0;
    if (call.ok() && (locked != locks || piece.may_be_locked)) piece.SetLocked(locks);
    piece.may_be_locked |= !call.ok();
    process.mm->Put(piece);
  }
}

void Follower::OnLockAll(const FieldCall& call, FollowedProcess& process) {
  const bool locks = call.name == "mlockall";
  if (!call.ok()) return Count(call, Unasked::kElsewhere);
  if (!locks || HasStraceFlag(call.arg(0), "MCL_CURRENT"))
    for (auto& [begin, mapping] : process.mm->all()) mapping.SetLocked(locks);
  process.mm->locks = locks && HasStraceFlag(call.arg(0), "MCL_FUTURE");
  Count(call, process.mm->all().empty() ? Unasked::kElsewhere : Unasked::kFollowed);
}

}  // namespace selkie
