// memfd_create(2): mm/memfd.c.
#include "model/families.h"

namespace selkie {
namespace {

// MFD_* as the "flags" facts: known bits in place, all others as OTHER.
uint64_t FlagFacts(int64_t flags) {
  constexpr int64_t kKnown = 0x1f;
  return static_cast<uint64_t>(flags & kKnown) | ((flags & ~kKnown) != 0 ? 0x20 : 0);
}

}  // namespace

Result MemfdCreate(State& s, const Call& c, const Semantics& semantics) {
  const int64_t name = c.arg[0], flags = c.arg[1];
  if ((flags & abi::kMfdHugetlb) != 0) return Bound("hugetlb memfds are not modelled");

  Inode inode;
  inode.kind = InodeKind::kMemfd;
  inode.mode = 0777;  // shmem_get_inode with S_IRWXUGO
  inode.uid = inode.gid = s.tasks[c.task].uid;
  inode.mask = semantics.initial_mask;
  constexpr int kPoint = static_cast<int>(Point::kCreate);
  Facts facts = FactsOf(s, c.task, inode, false, nullptr, semantics, kPoint);
  facts.Set(FactSet::kFlags, FlagFacts(flags));
  Targets targets{.inode = &inode};
  const Rule* last = nullptr;
  if (const Rule* rule = DecideWith(s, -1, semantics, kPoint, facts, targets, &last))
    return Refused(rule);  // sanitize_flags
  if (name == kNull) return Fail(EFAULT, "mm/memfd.c memfd_create: strnlen_user");
  if (name > kLongestName) return Fail(EINVAL, "mm/memfd.c memfd_create: MFD_NAME_MAX_LEN");

  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  const int file = FreeFile(s), node = FreeInode(s);
  if (file < 0 || node < 0) return Bound("no free file or inode within the bounds");

  s.inodes[node] = inode;
  s.files[file].inode = static_cast<uint8_t>(node + 1);
  s.files[file].mode = kModeRead | kModeWrite | kModePwrite;
  s.files[file].flags = kFlagRdwr;
  Fd& slot = s.fds[s.tasks[c.task].fds][fd - kFirstFd];
  slot.file = static_cast<uint8_t>(file + 1);
  slot.cloexec = (flags & abi::kMfdCloexec) != 0;
  Result result = Changed(fd);
  result.rule = last;
  return result;
}

}  // namespace selkie
