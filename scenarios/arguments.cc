#include "scenarios/arguments.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>

namespace selkie {
namespace {

// What the arguments of one call are drawn in view of.  Rows are drawn from
// left to right, and what an argument named is in view of those after it.
struct View {
  const State& state;
  const Semantics& semantics;
  const CallSpec& spec;
  int task;
  bool has_address = false;  // some argument of the row is an address
  bool has_fd = false;       // or a descriptor
  int file = -1;             // index of the last descriptor's file
  int map = -1;              // index of the last address's mapping
  int addresses = 0;         // addresses drawn so far
  int64_t fd = -1;           // last descriptor drawn
  const Extension* extension = nullptr;
};

View ViewOf(const State& state, const Semantics& semantics, const Call& call) {
  View view{state, semantics, SpecOf(call.op), call.task};
  for (const ArgSpec& arg : ArgsOf(view.spec)) {
    view.has_address |= arg.kind == ArgKind::kAddress;
    view.has_fd |= arg.kind == ArgKind::kFd;
  }
  return view;
}

// The mapping that the call is about, or null.
const Mapping* MappingOf(const View& view) {
  return view.map < 0 ? nullptr : &view.state.mms[view.state.tasks[view.task].mm][view.map];
}

// True once in `n`; false is the simple alternative.
bool OnceIn(Choices& choices, uint32_t n) { return choices.Next(n) == n - 1; }

template <typename T, size_t N>
T OneOf(Choices& choices, const T (&values)[N]) {
  return values[choices.Next(N)];
}

// ---- Descriptors and tasks ----

// A descriptor that is no open one, or may not be.
int64_t StrangeFd(const View& view, Choices& choices) {
  const int64_t end = kFirstFd + view.state.limits.fds;
  const int64_t values[] = {end - 1, -1, end, 99, std::numeric_limits<int32_t>::max()};
  return OneOf(choices, values);
}

// What a descriptor is best of.
enum class Wanted : uint8_t {
  kFile,
  kSocket,
  kReadEnd,
  kWriteEnd,
  kDmabuf,
  kDmabufSource,
  kProgram,
  kPinned,
  kFilled
};

bool IsOf(Wanted wanted, const State& s, const File& file) {
  const Inode& inode = s.inodes[file.inode - 1];
  if (wanted == Wanted::kFilled) return IsMemfd(inode) && inode.size > 0;
  if (wanted == Wanted::kPinned) return PinnedPages(s, file.inode - 1) != 0;
  if (wanted == Wanted::kSocket) return inode.kind == InodeKind::kSocketPair;
  if (wanted == Wanted::kDmabufSource) return CanBecomeDmabuf(file, inode);
  if (wanted == Wanted::kProgram) return (inode.flags & kInodeProgram) != 0;
  if (wanted == Wanted::kReadEnd || wanted == Wanted::kWriteEnd)
    return inode.kind == InodeKind::kPipe && (file.end == 0) == (wanted == Wanted::kReadEnd);
  return IsMemfd(inode) && (file.dmabuf != 0) == (wanted == Wanted::kDmabuf);
}

// An open descriptor of `task`, of what is wanted if there is one, or -1.
int64_t OpenFd(const View& view, int task, Wanted kind, Choices& choices) {
  const State& s = view.state;
  const FdTable& fds = s.fds[s.tasks[task].fds];
  int wanted[kMaxFds], open[kMaxFds];
  uint32_t num_wanted = 0, num_open = 0;
  for (int i = 0; i < s.limits.fds; ++i) {
    if (fds[i].file == 0) continue;
    open[num_open++] = i;
    if (IsOf(kind, s, s.files[fds[i].file - 1])) wanted[num_wanted++] = i;
  }
  if (num_open == 0) return -1;
  const bool any = num_wanted == 0 || OnceIn(choices, 16);
  return kFirstFd + (any ? open[choices.Next(num_open)] : wanted[choices.Next(num_wanted)]);
}

bool IsOfPipe(const View& view) {
  return view.file >= 0 &&
         view.state.inodes[view.state.files[view.file].inode - 1].kind == InodeKind::kPipe;
}

// splice goes from a file to a pipe or back; two pipes are as rare as two files.
bool WantsPipe(const View& view, Choices& choices) {
  if (view.spec.op == Op::kRead || view.spec.op == Op::kWrite) return OnceIn(choices, 3);
  if (view.spec.op != Op::kSplice) return view.spec.family == Family::kPipe;
  const bool second = view.fd >= 0;
  const bool all_empty = view.state.buffers[0].pipe == 0;  // then nothing comes out of a pipe
  if (!second) return OnceIn(choices, all_empty ? 8 : 2);
  if (OnceIn(choices, 8)) return OnceIn(choices, 2);
  return !IsOfPipe(view);
}

// Some descriptor is of a file of which a pipe or io_uring has a page.
bool HasPinned(const View& view) {
  const State& s = view.state;
  for (const Fd& fd : s.fds[s.tasks[view.task].fds])
    if (fd.file != 0 && IsOf(Wanted::kPinned, s, s.files[fd.file - 1])) return true;
  return false;
}

int64_t DrawFd(View& view, std::string_view name, Choices& choices) {
  const State& s = view.state;
  // dup2's target: any number will do, the same as oldfd is a case of its own.
  if (name == "newfd") {
    if (OnceIn(choices, 16)) return view.fd;
    if (OnceIn(choices, 16)) return StrangeFd(view, choices);
    return kFirstFd + choices.Next(s.limits.fds);
  }
  Wanted kind = name == "sockfd"   ? Wanted::kSocket
                : name == "dmabuf" ? Wanted::kDmabuf
                                   : Wanted::kFile;
  if (view.spec.op == Op::kUdmabufCreate) kind = Wanted::kDmabufSource;
  if (view.spec.op == Op::kRunProgram) kind = Wanted::kProgram;
  if (WantsPipe(view, choices)) {
    const bool reads = name == "fd_in" || view.spec.op == Op::kRead;
    kind = reads ? Wanted::kReadEnd : Wanted::kWriteEnd;
  }
  if (kind == Wanted::kFile && name == "fd_in" && view.spec.op == Op::kSplice)
    kind = Wanted::kFilled;
  if (kind == Wanted::kFile && HasPinned(view) && OnceIn(choices, 2)) kind = Wanted::kPinned;
  const bool strange = OnceIn(choices, 32);
  view.fd = strange ? -1 : OpenFd(view, view.task, kind, choices);
  if (view.fd < 0) view.fd = StrangeFd(view, choices);
  view.file = FileOf(s, view.task, view.fd);
  return view.fd;
}

// A task that exists, of open_exe one that runs a program; now and then one that does not.
// Oneself may be given more advice than others.
int64_t DrawTask(const View& view, Choices& choices) {
  const State& s = view.state;
  const bool exe = view.spec.op == Op::kOpenExe;
  if (view.spec.op == Op::kProcessMadvise && !OnceIn(choices, 3)) return view.task;
  int tasks[kMaxTasks];
  uint32_t num = 0;
  for (int i = 0; i < s.limits.tasks; ++i)
    if (exe ? s.tasks[i].program != 0 : s.tasks[i].state != TaskState::kFree) tasks[num++] = i;
  if (num == 0 || OnceIn(choices, 32)) return choices.Next(s.limits.tasks);
  return tasks[choices.Next(num)];
}

// Task and descriptor of "/proc/TASK/fd/N".
void DrawPath(View& view, Choices& choices, int64_t* words) {
  words[0] = OnceIn(choices, 3) ? DrawTask(view, choices) : OnceIn(choices, 8) ? kDevFd : kSelf;
  const int target = IsOwnPath(words[0]) ? view.task : static_cast<int>(words[0]);
  const bool strange = OnceIn(choices, 32);
  words[1] = strange ? -1 : OpenFd(view, target, Wanted::kFile, choices);
  if (words[1] < 0) words[1] = StrangeFd(view, choices);
  view.file = FileOf(view.state, target, words[1]);
}

// ---- Bits ----

int64_t DrawFlags(const ArgSpec& arg, Choices& choices) {
  const auto num = static_cast<uint32_t>(arg.names.size());
  if (num == 0) return 0;
  if (OnceIn(choices, 64)) return kUnknownFlag;
  if (arg.one) return arg.names[choices.Next(num)].bits;
  if (OnceIn(choices, 3)) {
    const int64_t more = OnceIn(choices, 4) ? arg.names[choices.Next(num)].bits : 0;
    return UsualFlags(arg) | more;
  }
  constexpr int kHowMany[] = {1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 0};
  const int how_many = OneOf(choices, kHowMany);
  int64_t bits = 0;
  for (int i = 0; i < how_many; ++i) bits |= arg.names[choices.Next(num)].bits;
  return bits;
}

// One memfd in so many that could be is of huge pages.
constexpr int kOneHugetlbIn = 6;

// The flags of a call on a mapping in which something is as it seldom is, or nothing.
std::optional<int64_t> FlagsOnMapping(const View& view, Choices& choices) {
  const Mapping* const map = MappingOf(view);
  if (map == nullptr || !OnceIn(choices, 3)) return std::nullopt;
  const bool pinned = PinnedPages(view.state, view.state.files[map->file - 1].inode - 1) != 0;
  if (view.spec.op == Op::kMadvise && pinned) return abi::kMadvPageout;
  if (view.spec.op == Op::kMremap && (map->flags & kMapLocked) != 0)
    return abi::kMremapMaymove | abi::kMremapDontunmap;
  return std::nullopt;
}

int64_t DrawCreateFlags(const ArgSpec& arg, Choices& choices) {
  constexpr int64_t kHuge = abi::kMfdHugetlb | abi::kMfdHuge2Mb;
  const int64_t flags = DrawFlags(arg, choices) & ~kHuge;
  if (!OnceIn(choices, kOneHugetlbIn))
    return OnceIn(choices, 64) ? flags | abi::kMfdHuge2Mb : flags;
  return flags | (OnceIn(choices, 4) ? kHuge : abi::kMfdHugetlb);
}

int64_t DrawSeals(const View& view, Choices& choices) {
  constexpr int64_t kSealWrite = 8;
  const Semantics& semantics = view.semantics;
  const bool pinned =
      view.file >= 0 && IsOf(Wanted::kPinned, view.state, view.state.files[view.file]);
  if (pinned && OnceIn(choices, 2)) return kSealWrite;
  const auto num = static_cast<uint32_t>(semantics.seals.size());
  if (num == 0 || OnceIn(choices, 32)) return int64_t{1} << choices.Next(31);
  constexpr int kHowMany[] = {1, 1, 1, 2, 2, 3, 0};
  const int how_many = OneOf(choices, kHowMany);
  int64_t bits = 0;
  for (int i = 0; i < how_many; ++i) {
    const SealName& seal = semantics.seals[choices.Next(num)];
    // After F_SEAL_SEAL nothing more is learnt about seals of that inode.
    if (seal.name != "F_SEAL_SEAL" || OnceIn(choices, 6)) bits |= seal.bits;
  }
  return bits;
}

int64_t DrawExtensionArg(const View& view, Choices& choices) {
  if (view.extension == nullptr) return 0;
  if (view.extension->arg == ArgKind::kSeals) return DrawSeals(view, choices);
  if (view.extension->arg == ArgKind::kFlags) return choices.Next(8);  // PROT_* bits
  return 0;
}

int64_t DrawExtension(View& view, Choices& choices) {
  const auto num = static_cast<uint32_t>(view.semantics.extensions.size());
  if (num == 0) return 0;
  const uint32_t index = choices.Next(num);
  view.extension = &view.semantics.extensions[index];
  return index;
}

int64_t DrawMode(Choices& choices) {
  constexpr int64_t kModes[] = {0777, 0666, 0600, 0444, 0400, 0,     0700,
                                0222, 0111, 0311, 0755, 0606, 04777, 07777};
  return OneOf(choices, kModes);
}

// ---- Sizes and addresses ----

int64_t StrangeSize(Choices& choices) {
  constexpr int64_t kSizes[] = {-1,
                                -kPageSize,
                                int64_t{1} << 31,
                                int64_t{1} << 40,
                                std::numeric_limits<int64_t>::max(),
                                std::numeric_limits<int64_t>::max() - kPageSize + 1,
                                std::numeric_limits<int64_t>::min()};
  return OneOf(choices, kSizes);
}

// Around the end of the file, or of what is left of it behind f_pos.
int64_t AroundEof(const View& view, Choices& choices) {
  if (view.file < 0) return choices.Next(2);
  const File& file = view.state.files[view.file];
  int64_t at = view.state.inodes[file.inode - 1].size;
  if (OnceIn(choices, 4)) at -= file.pos;
  constexpr int64_t kDistance[] = {0, -1, 1};
  return at + OneOf(choices, kDistance);
}

bool IsOfHugePages(const View& view) {
  return view.file >= 0 && IsHugetlb(view.state.inodes[view.state.files[view.file].inode - 1]);
}

// The mapping is one of huge pages, or what is to be mapped is.
bool MapsHugePages(const View& view) {
  const Mapping* const map = MappingOf(view);
  return map != nullptr ? IsHugePage(map->start) : IsOfHugePages(view);
}

// Bytes of a file of huge pages: mostly whole ones.
int64_t HugeSize(const View& view, Choices& choices) {
  const int64_t pages = int64_t{kHugePageSize} * choices.Next(view.state.limits.huge + 1u);
  const uint32_t kind = choices.Next(16);
  if (kind < 11) return pages;
  if (kind < 13) return pages + kPageSize * int64_t{choices.Next(2)} + 1;
  return kind < 15 ? AroundEof(view, choices) : choices.Next(2 * kPageSize);
}

// Half pages, as more is not known of a pipe; or its size, from one page on.
int64_t PipeBytes(const View& view, Choices& choices) {
  if (view.spec.op == Op::kSetPipeSize) return int64_t{kPageSize} << choices.Next(3);
  return int64_t{kSampleStride} * (1 + choices.Next(2 * kSamplesPerPage));
}

// Bytes of a file: pages, the sampled offsets, and the neighbours of both.
int64_t ByteSize(const View& view, Choices& choices) {
  if (IsOfPipe(view) && !OnceIn(choices, 8)) return PipeBytes(view, choices);
  if (IsOfHugePages(view) && !OnceIn(choices, 8)) return HugeSize(view, choices);
  const uint32_t pages = view.state.limits.pages;
  const uint32_t kind = choices.Next(64);
  if (kind < 8) return choices.Next(2);
  if (kind < 28) return int64_t{kPageSize} * choices.Next(pages + 1);
  if (kind < 36) return int64_t{kSampleStride} * choices.Next(pages * kSamplesPerPage + 1);
  if (kind < 52) return AroundEof(view, choices);
  if (kind < 56) return int64_t{kPageSize} * (1 + choices.Next(pages)) - 1;
  if (kind < 59) return int64_t{kPageSize} * choices.Next(pages) + 1;
  if (kind < 62) return choices.Next(pages * kPageSize);
  return StrangeSize(choices);
}

// Pages of the file for a dmabuf, mostly as far as its end; or a place in a dmabuf.
int64_t DmabufSize(const View& view, std::string_view name, Choices& choices) {
  if (view.file < 0 || OnceIn(choices, 16)) return ByteSize(view, choices);
  const File& file = view.state.files[view.file];
  if (file.dmabuf != 0)
    return int64_t{kSampleStride} *
           choices.Next(static_cast<uint32_t>(std::popcount(file.dmabuf) * kSamplesPerPage + 1));
  const uint32_t pages = view.state.inodes[file.inode - 1].size / kPageSize;
  const int64_t some = int64_t{kPageSize} * choices.Next(pages + 1);
  return name == "offset" && !OnceIn(choices, 4) ? 0 : some;
}

// Pages of the mapping and of the one that begins where it ends, or 0: whether both are one VMA
// shows only to what goes across.
int PagesWithNext(const View& view) {
  if (view.map < 0 || view.map + 1 >= kMaxMaps) return 0;
  const AddressSpace& mm = view.state.mms[view.state.tasks[view.task].mm];
  const Mapping &map = mm[view.map], &next = mm[view.map + 1];
  return next.file != 0 && next.start == map.start + map.pages ? map.pages + next.pages : 0;
}

// Whole pages of a mapping, mostly.
int64_t PageSize(const View& view, std::string_view name, Choices& choices) {
  const State& s = view.state;
  const Mapping* const map = MappingOf(view);
  // Of a huge page only the beginning is pinned: more is not modelled.
  const bool pins = view.spec.op == Op::kVmsplice || view.spec.family == Family::kIoUring;
  const bool huge = MapsHugePages(view) && !pins && !OnceIn(choices, 16);
  const int64_t page = huge ? kHugePageSize : kPageSize;
  const uint32_t pages = page == kPageSize ? s.limits.pages : s.limits.huge;
  if (OnceIn(choices, 64)) return StrangeSize(choices);
  if (OnceIn(choices, 32)) return choices.Next(pages * kPageSize);
  if (name == "offset") return page * (OnceIn(choices, 2) ? choices.Next(pages) : 0);
  if (OnceIn(choices, 32)) return 0;
  uint32_t most = pages;
  if (map != nullptr) {
    if (const int both = PagesWithNext(view); both > 0 && OnceIn(choices, 4)) return page * both;
    if (OnceIn(choices, 2)) return page * map->pages;
    most = map->pages + 1u;
  }
  return page * (1 + choices.Next(most));
}

int64_t DrawSize(const View& view, std::string_view name, Choices& choices) {
  if (name == "limit" && OnceIn(choices, 2)) return -1;
  if (name == "usize" && !OnceIn(choices, 8)) return OnceIn(choices, 4) ? kPageSize : 24;
  if (view.spec.family == Family::kUdmabuf) return DmabufSize(view, name, choices);
  return view.has_address ? PageSize(view, name, choices) : ByteSize(view, choices);
}

// A page in or at an edge of one of the task's mappings; any page if it has none.
int64_t MappedPage(View& view, Choices& choices) {
  const State& s = view.state;
  const AddressSpace& mm = s.mms[s.tasks[view.task].mm];
  uint32_t num = 0;
  while (num < kMaxMaps && mm[num].file != 0) ++num;
  if (num == 0 || OnceIn(choices, 32)) return choices.Next(s.limits.arena);
  view.map = static_cast<int>(choices.Next(num));
  const Mapping& map = mm[view.map];
  if (!OnceIn(choices, 4)) return map.start;
  if (OnceIn(choices, 8)) return int64_t{map.start} - 1;
  return map.start + choices.Next(map.pages + 1u);
}

bool CanBePinned(const View& view) {
  const Mapping* const map = MappingOf(view);
  return map != nullptr && map->shared && (map->prot & kProtWrite) != 0;
}

// A page of a buffer that is registered with the task's ring, or -1.
int64_t RegisteredPage(const View& view, Choices& choices) {
  const auto& buffers = view.state.buffers;
  uint32_t num = 0;
  while (num < kMaxBuffers && buffers[num].pipe != 0) ++num;
  if (num == 0) return -1;
  const PipeBuffer& drawn = buffers[choices.Next(num)];
  return int64_t{drawn.at} - 1;
}

// Where in its page an address is: loads and stores go to any byte, everything
// else to the start of a page.
int64_t OffsetInPage(const View& view, Choices& choices) {
  if (view.spec.family == Family::kMemory || view.spec.family == Family::kIoUring) {
    if (OnceIn(choices, 16)) return choices.Next(kPageSize);
    return int64_t{kSampleStride} * choices.Next(kSamplesPerPage);
  }
  return OnceIn(choices, 32) ? 1 + choices.Next(kPageSize - 1) : 0;
}

// The page before the first huge one is nowhere near it.
int64_t AddressOf(int64_t page) {
  return page < 0 ? page * kPageSize : AddressOfPage(static_cast<int>(page));
}

int64_t DrawAddress(View& view, Choices& choices) {
  // Of a row that has a descriptor (mmap), and of every address after the
  // first (mremap), NULL is the ordinary one and a free page the other.
  // vmsplice reads what is there.
  const bool target = (view.has_fd && view.spec.op != Op::kVmsplice) || view.addresses > 0;
  ++view.addresses;
  if (!target) {
    const bool pinned = view.spec.op == Op::kUringReadFixed && !OnceIn(choices, 4);
    int64_t page = pinned ? RegisteredPage(view, choices) : -1;
    if (page < 0) page = MappedPage(view, choices);
    for (int i = 0; i < 4 && view.spec.op == Op::kUringRegister && !CanBePinned(view); ++i)
      page = MappedPage(view, choices);
    return AddressOf(page) + OffsetInPage(view, choices);
  }
  if (!OnceIn(choices, 3)) return kNull;
  if (OnceIn(choices, 3)) {
    View other = view;  // the length of mmap does not follow this mapping's
    return AddressOf(MappedPage(other, choices));
  }
  if (MapsHugePages(view) && !OnceIn(choices, 8))
    return AddressOf(kArenaPages + choices.Next(view.state.limits.huge));
  return int64_t{kPageSize} * choices.Next(view.state.limits.arena) + OffsetInPage(view, choices);
}

// A user: root, one that a task is, nobody in particular, or -1.
int64_t DrawUser(const View& view, Choices& choices) {
  const uint32_t which = choices.Next(kMaxTasks + 2);
  if (which < kMaxTasks) return view.state.tasks[which].uid;
  return which == kMaxTasks ? -1 : 1234;
}

int64_t DrawInt(const View& view, std::string_view name, Choices& choices) {
  if (name == "level") {
    constexpr int64_t kWrong[] = {-1, kMaxNoexec + 1};
    return OnceIn(choices, 8) ? OneOf(choices, kWrong) : choices.Next(kMaxNoexec + 1);
  }
  if (name == "owner") return DrawUser(view, choices);
  if (name == "pgoff" && MapsHugePages(view) && !OnceIn(choices, 8))
    return kHugePageSize / kPageSize * int64_t{choices.Next(view.state.limits.huge)};
  if (name == "pgoff") return choices.Next(view.state.limits.pages);
  if (name == "last" && OnceIn(choices, 4)) return -1;
  const uint32_t fds = view.state.limits.fds;
  if (OnceIn(choices, 16)) return StrangeFd(view, choices);
  return choices.Next(kFirstFd + fds);
}

int64_t DrawName(Choices& choices) {
  constexpr int64_t kRare[] = {kNull, 0, kLongestName, kLongestName + 1};
  return OnceIn(choices, 16) ? kRare[choices.Next(4)] : kOrdinaryName;
}

// A buffer that cannot be read is more than an error to a pipe: what was begun may stay in it.
int64_t DrawByte(const View& view, std::string_view name, Choices& choices) {
  if (name == "buf" && OnceIn(choices, IsOfPipe(view) ? 4 : 24)) return kNull;
  constexpr std::string_view kBytes = "xyzabcdefghijklmnopqrstuvw";
  return kBytes[choices.Next(kBytes.size())];
}

// Flags for which a call fails whatever else it is asked: not in every second one.
int64_t RefusedFlags(Op op) {
  if (op == Op::kMmap) return abi::kMapGrowsdown | abi::kMapHugetlb | abi::kMapSync;
  if (op == Op::kMprotect) return abi::kProtGrowsdown | abi::kProtGrowsup;
  return 0;
}

int64_t DrawFlagsOf(const View& view, const ArgSpec& arg, Choices& choices) {
  if (view.spec.op == Op::kMemfdCreate) return DrawCreateFlags(arg, choices);
  const int64_t flags = DrawFlags(arg, choices), refused = RefusedFlags(view.spec.op);
  return (flags & refused) != 0 && !OnceIn(choices, 8) ? flags & ~refused : flags;
}

void DrawArgument(View& view, const ArgSpec& arg, Choices& choices, int64_t* words) {
  switch (arg.kind) {
    case ArgKind::kLiteral: return;
    case ArgKind::kName: words[0] = DrawName(choices); return;
    case ArgKind::kFd: words[0] = DrawFd(view, arg.name, choices); return;
    case ArgKind::kPath: return DrawPath(view, choices, words);
    case ArgKind::kFlags:
      if (const auto flags = FlagsOnMapping(view, choices))
        words[0] = *flags;
      else if (arg.name == "resolve" && !OnceIn(choices, 5))
        words[0] = 0;  // with any other most paths go nowhere
      else
        words[0] = DrawFlagsOf(view, arg, choices);
      return;
    case ArgKind::kSeals: words[0] = DrawSeals(view, choices); return;
    case ArgKind::kInt: words[0] = DrawInt(view, arg.name, choices); return;
    case ArgKind::kSize: words[0] = DrawSize(view, arg.name, choices); return;
    case ArgKind::kOffset:
      // No call takes one for a pipe.
      words[0] = OnceIn(choices, IsOfPipe(view) ? 16 : 2) ? ByteSize(view, choices) : kNoOffset;
      return;
    case ArgKind::kAddress: words[0] = DrawAddress(view, choices); return;
    case ArgKind::kByte: words[0] = DrawByte(view, arg.name, choices); return;
    case ArgKind::kMode:
      // openat2 takes none where no file is made.
      words[0] = view.spec.op == Op::kOpenat2 && !OnceIn(choices, 12) ? 0 : DrawMode(choices);
      return;
    case ArgKind::kTask: words[0] = DrawTask(view, choices); return;
    case ArgKind::kExtension: words[0] = DrawExtension(view, choices); return;
    case ArgKind::kExtensionArg: words[0] = DrawExtensionArg(view, choices); return;
  }
}

}  // namespace

bool CanBecomeDmabuf(const File& file, const Inode& inode) {
  constexpr int kShrink = 2, kWrite = 8, kFutureWrite = 16;  // F_SEAL_*
  return inode.kind == InodeKind::kMemfd && file.dmabuf == 0 && (file.mode & kModePath) == 0 &&
         (inode.seals & (kShrink | kWrite | kFutureWrite)) == kShrink && inode.size >= kPageSize;
}

int64_t UsualFlags(const ArgSpec& arg) {
  constexpr std::string_view kUsual[] = {"MFD_ALLOW_SEALING", "O_RDWR",       "MAP_SHARED",
                                         "PROT_READ",         "PROT_WRITE",   "MREMAP_MAYMOVE",
                                         "MS_SYNC",           "AT_EMPTY_PATH"};
  if (arg.one) return arg.names[0].bits;
  int64_t bits = 0;
  for (const FlagName& flag : arg.names)
    if (std::find(std::begin(kUsual), std::end(kUsual), flag.name) != std::end(kUsual))
      bits |= flag.bits;
  return bits;
}

void DrawArguments(const State& state, const Semantics& semantics, Choices& choices, Call& call) {
  View view = ViewOf(state, semantics, call);
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(view.spec)) {
    DrawArgument(view, arg, choices, call.arg.data() + word);
    word += WordsOf(arg.kind);
  }
  // What open drops openat2 refuses.
  constexpr int64_t kAlone = abi::kOPath | abi::kOEmptypath;
  if (call.op == Op::kOpenat2 && !OnceIn(choices, 8)) call.arg[2] &= ~kAlone;
  // One range alone, mostly.
  if (call.op == Op::kProcessMadvise && call.arg[3] == kNull) call.arg[4] = 0;
  // MREMAP_DONTUNMAP moves a range as long as it is.
  if (call.op == Op::kMremap && (call.arg[3] & abi::kMremapDontunmap) != 0 && !OnceIn(choices, 4))
    call.arg[2] = call.arg[1];
}

}  // namespace selkie
