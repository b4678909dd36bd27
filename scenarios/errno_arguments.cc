#include "scenarios/errno_arguments.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "scenarios/arguments.h"

namespace selkie {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kMostInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kNoDescriptor = 99;  // above every RLIMIT_NOFILE of a run
constexpr int64_t kPage = kPageSize;

// Of a set with more names, a name alone is no usual way to make the call.
constexpr size_t kFewNames = 6;

class ArgumentChoices {
 public:
  ArgumentChoices& Right(std::initializer_list<int64_t> values) { return Add(values, false); }
  ArgumentChoices& Wrong(std::initializer_list<int64_t> values) { return Add(values, true); }
  ArgumentChoices& Pair(int64_t first, int64_t second, bool wrong, bool foreign = false) {
    const ErrnoChoice choice{{first, second}, wrong, foreign};
    const bool known = std::any_of(all_.begin(), all_.end(),
                                   [&](const ErrnoChoice& c) { return c.words == choice.words; });
    if (!known) all_.push_back(choice);
    return *this;
  }
  std::vector<ErrnoChoice> Take() { return std::move(all_); }

 private:
  ArgumentChoices& Add(std::initializer_list<int64_t> values, bool wrong) {
    for (int64_t value : values) Pair(value, 0, wrong);
    return *this;
  }
  std::vector<ErrnoChoice> all_;
};

bool HasKind(const CallSpec& spec, ArgKind kind) {
  for (const ArgSpec& arg : ArgsOf(spec))
    if (arg.kind == kind) return true;
  return false;
}

// How many arguments of the kind stand before this one.
int Before(const CallSpec& spec, int index) {
  int before = 0;
  for (int i = 0; i < index; ++i) before += spec.args[i].kind == spec.args[index].kind;
  return before;
}

void Descriptors(const CallSpec& spec, int index, const ErrnoWorld& w, ArgumentChoices& to) {
  const std::string_view name = spec.args[index].name;
  if (name == "newfd") {
    to.Right({w.free, w.other}).Wrong({w.rw, -1, kFirstFd + w.state.limits.fds, kNoDescriptor});
    return;
  }
  const bool socket = name == "sockfd";
  // What is copied from, or to, is another file than the first.
  const int64_t usual = socket ? w.foreign[0] : Before(spec, index) > 0 ? w.other : w.rw;
  to.Right({usual});
  to.Wrong({w.ro, w.wo, w.path, -1, kNoDescriptor, w.rw});
  for (int64_t fd : w.foreign) to.Pair(fd, 0, true, true);
}

void Paths(const ErrnoWorld& w, ArgumentChoices& to) {
  to.Pair(kSelf, w.rw, false);
  for (int64_t fd : {w.ro, w.wo, w.path, int64_t{-1}, kNoDescriptor}) to.Pair(kSelf, fd, true);
  for (int64_t fd : w.foreign) to.Pair(kSelf, fd, true, true);
  to.Pair(w.task, w.rw, true);
  to.Pair(0, w.owner_fd, true);
  to.Pair(0, kNoDescriptor, true);
}

void Flags(const ArgSpec& arg, ArgumentChoices& to) {
  const int64_t usual = UsualFlags(arg);
  const bool few = arg.one || arg.names.size() <= kFewNames;
  int64_t all = 0;
  to.Right({usual});
  for (const FlagName& flag : arg.names) {
    to.Pair(flag.bits, 0, !few);
    all |= flag.bits;
  }
  if (!arg.one) {
    for (const FlagName& flag : arg.names) to.Wrong({usual | flag.bits});
    for (const FlagName& a : arg.names)
      for (const FlagName& b : arg.names)
        if (few) to.Wrong({a.bits | b.bits});
    to.Wrong({all});
  }
  to.Wrong({usual | kUnknownFlag});
  if (arg.one) to.Wrong({-1});
}

void Seals(const Semantics& semantics, ArgumentChoices& to) {
  constexpr int64_t kNoSeal = 0x20000;
  for (const SealName& seal : semantics.seals) to.Right({seal.bits});
  to.Right({0}).Wrong({semantics.known_seals, kNoSeal, semantics.known_seals | kNoSeal});
}

// Lengths and offsets of mappings.
void PageSizes(std::string_view name, ArgumentChoices& to) {
  if (name == "offset") {
    to.Right({0}).Wrong({1, 4 * kPage, -kPage, kMost - kPage + 1});
  } else if (name == "length2") {
    to.Right({0}).Wrong({kPage, -1});
  } else if (name == "new_size") {
    to.Right({2 * kPage, kPage, 3 * kPage}).Wrong({0, -1, 100});
  } else {
    to.Right({2 * kPage}).Wrong({kPage, 0, -1, 3 * kPage, 4 * kPage, kPage + 1});
  }
}

// Counts, offsets and sizes of files; the file has two pages.
void ByteSizes(std::string_view name, ArgumentChoices& to) {
  if (name == "offset") {
    to.Right({0, 2 * kPage}).Wrong({-1, kMost, kPage + 1});
  } else if (name == "length") {
    to.Right({2 * kPage, kPage, 3 * kPage}).Wrong({-1, kMost, 0});
  } else if (name == "usize") {
    to.Right({24, kPage}).Wrong({23, kPage + 1});
  } else {
    to.Right({1, 3 * kPage}).Wrong({0, -1, kMost});
  }
}

void Addresses(const CallSpec& spec, int index, ArgumentChoices& to) {
  if (spec.args[index].name == "addr2") {  // of a second range, which there need not be
    to.Right({kNull}).Wrong({kSharedPage * kPage, kSharedPage * kPage + 1, kHolePage * kPage});
    return;
  }
  if (HasKind(spec, ArgKind::kFd) || Before(spec, index) > 0) {  // where something is to be mapped
    to.Right({kNull, kFreePage * kPage});
    to.Wrong({kSharedPage * kPage, kFreePage * kPage + 1, (kArenaPages - 1) * kPage});
    return;
  }
  to.Right({kSharedPage * kPage});
  to.Wrong({kSharedPage * kPage + 1, kNull, (kSharedPage + 1) * kPage, kReadOnlyPage * kPage,
            kHolePage * kPage, kPrivatePage * kPage, kReadOnlyFilePage * kPage,
            (kArenaPages - 1) * kPage, -kPage});
}

void Numbers(std::string_view name, const ErrnoWorld& w, ArgumentChoices& to) {
  if (name == "owner") {
    to.Right({0, 1000}).Wrong({-1, 1234});
  } else if (name == "level") {
    to.Right({0, 1}).Wrong({-1, kMaxNoexec + 1});
  } else if (name == "pgoff") {
    to.Right({0, 1}).Wrong({kMaxPages, -1});
  } else if (name == "first" || name == "last") {
    to.Right({w.free, w.rw}).Wrong({-1, kMostInt, w.ro});
  } else {
    to.Right({0}).Wrong({-1, kFirstFd + w.state.limits.fds, kMostInt});
  }
}

}  // namespace

std::vector<ErrnoChoice> ErrnoChoicesFor(const CallSpec& spec, int index, const ErrnoWorld& world,
                                         const Semantics& semantics) {
  const ArgSpec& arg = spec.args[index];
  ArgumentChoices to;
  switch (arg.kind) {
    case ArgKind::kLiteral: break;
    case ArgKind::kName:
      to.Right({kOrdinaryName, 0, kLongestName}).Wrong({kNull, kLongestName + 1});
      break;
    case ArgKind::kFd: Descriptors(spec, index, world, to); break;
    case ArgKind::kPath: Paths(world, to); break;
    case ArgKind::kFlags: Flags(arg, to); break;
    case ArgKind::kSeals: Seals(semantics, to); break;
    case ArgKind::kInt: Numbers(arg.name, world, to); break;
    case ArgKind::kSize:
      if (HasKind(spec, ArgKind::kAddress))
        PageSizes(arg.name, to);
      else
        ByteSizes(arg.name, to);
      break;
    case ArgKind::kOffset: to.Right({kNoOffset, 0}).Wrong({-1, kMost, 3 * kPage}); break;
    case ArgKind::kAddress: Addresses(spec, index, to); break;
    case ArgKind::kByte:
      to.Right({'x'});
      if (arg.name == "buf") to.Wrong({kNull});
      break;
    case ArgKind::kMode:
      if (spec.op == Op::kOpenat2)
        to.Right({0}).Wrong({0600, 010000});
      else
        to.Right({0600, 0777}).Wrong({0, 07777});
      break;
    case ArgKind::kTask:
      to.Right({world.task}).Wrong({0, kMaxTasks - 1});
      if (spec.op == Op::kProcessMadvise) to.Wrong({-1});  // no descriptor of a process
      break;
    case ArgKind::kExtension:
    case ArgKind::kExtensionArg: to.Right({0}); break;
  }
  return to.Take();
}

}  // namespace selkie
