// Files that are no memfds, as targets of seal calls: eventfd, a directory, procfs, memfd_secret
// ...
//
// Of them is known what F_GET_SEALS and F_ADD_SEALS say, and that they can be duplicated, passed
// on and closed; other calls of them are not made.
#include "model/families.h"

namespace selkie {
namespace {

// f_mode: what is opened here cannot be written, or is made open for both.
uint8_t ModeOf(int64_t kind) {
  const bool reads =
      kind == abi::kOtherInotify || kind == abi::kOtherDirectory || kind == abi::kOtherProcfs;
  return reads ? kModeRead : kModeRead | kModeWrite;
}

}  // namespace

bool ReachesOther(const State& s, const Call& c) {
  return NamesFile(s, c,
                   [&](const File& f) { return s.inodes[f.inode - 1].kind == InodeKind::kOther; });
}

bool IsUnknownOfOther(Op op) {
  const Family family = SpecOf(op).family;
  const bool passes = family == Family::kDescriptor || family == Family::kMessage;
  return op == Op::kGetFl || op == Op::kSetFl || !(passes || family == Family::kSeal);
}

Result OpenOther(State& s, const Call& c, const Semantics&) {
  const int64_t kind = c.arg[0];
  if (kind < abi::kOtherEventfd || kind > abi::kOtherRegular) return Bound("there is no such kind");
  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  const int file = FreeFile(s), node = FreeInode(s);
  if (file < 0 || node < 0) return Bound("no free file or inode within the bounds");
  s.inodes[node].kind = InodeKind::kOther;
  s.files[file].inode = static_cast<uint8_t>(node + 1);
  s.files[file].mode = ModeOf(kind);
  s.fds[s.tasks[c.task].fds][fd - kFirstFd].file = static_cast<uint8_t>(file + 1);
  return Changed(fd);
}

}  // namespace selkie
