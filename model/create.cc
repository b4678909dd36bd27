// memfd_create(2): mm/memfd.c; and vm.memfd_noexec: kernel/pid_namespace.c.
#include <algorithm>

#include "model/families.h"

namespace selkie {
namespace {

// MFD_* as the "flags" facts: known bits in place, all others as OTHER.  A size of huge pages is
// known with MFD_HUGETLB only.
uint64_t FlagFacts(int64_t flags) {
  const int64_t known = 0x1f | ((flags & abi::kMfdHugetlb) != 0 ? abi::kMfdHugeMask : 0);
  return static_cast<uint64_t>(flags & 0x1f) | ((flags & ~known) != 0 ? 0x20 : 0);
}

// pidns_memfd_noexec_scope (6.6): the strictest of the namespace and of those above it; before,
// when it could not be lowered either, that of the namespace.
int NoexecScope(const State& s, int task, const Semantics& semantics) {
  const int own = s.tasks[task].own_noexec - 1, above = s.noexec;
  if (own < 0) return above;
  return NotSupported(semantics, Feature::kLower) != nullptr ? own : std::max(own, above);
}

// The same as the "scope" facts: level 1 asks for MFD_NOEXEC_SEAL where the flags
// leave it open, 2 always.  Looked at only where a rule reads it.
uint64_t ScopeFacts(const State& s, int task, const Semantics& semantics, int point) {
  Facts read;
  read.word = semantics.facts_read[point];
  if (read.Get(FactSet::kScope) == 0) return 0;
  const int level = NoexecScope(s, task, semantics);
  return (level >= 1 ? 1u : 0u) | (level >= 2 ? 2u : 0u);
}

}  // namespace

Inode NewInode(const State& s, const Call& c, uint16_t mode, const Semantics& semantics) {
  Inode inode;
  inode.kind = InodeKind::kMemfd;
  inode.mode = mode;
  inode.uid = inode.gid = s.tasks[c.task].uid;
  inode.mask = semantics.initial_mask;
  return inode;
}

Result MemfdCreate(State& s, const Call& c, const Semantics& semantics) {
  const int64_t name = c.arg[0], flags = c.arg[1] & 0xffffffff;  // unsigned int
  const bool huge = (flags & abi::kMfdHugetlb) != 0;
  const int64_t size = flags & abi::kMfdHugeMask;
  if (huge && s.limits.huge == 0) return Bound("memfds of huge pages are not within the bounds");

  // shmem_get_inode and hugetlbfs_get_inode with S_IRWXUGO
  Inode inode = NewInode(s, c, 0777, semantics);
  if (huge) inode.kind = InodeKind::kHugetlb;
  constexpr int kPoint = static_cast<int>(Point::kCreate);
  Facts facts = FactsOf(s, c.task, inode, false, nullptr, semantics, kPoint);
  facts.Set(FactSet::kFlags, FlagFacts(flags));
  facts.Set(FactSet::kScope, ScopeFacts(s, c.task, semantics, kPoint));
  Targets targets{.inode = &inode};
  const Rule* last = nullptr;
  if (const Rule* rule = DecideWith(s, -1, semantics, kPoint, facts, targets, &last))
    return Refused(rule);  // sanitize_flags, check_sysctl_memfd_noexec
  if (name == kNull) return Fail(EFAULT, "mm/memfd.c memfd_create: strnlen_user");
  if (name > kLongestName) return Fail(EINVAL, "mm/memfd.c memfd_create: MFD_NAME_MAX_LEN");

  const int fd = LowestFreeFd(s, c.task);
  if (fd < 0) return Fail(EMFILE, "fs/file.c get_unused_fd_flags: RLIMIT_NOFILE");
  constexpr int64_t kHuge1Gb = int64_t{30} << 26;
  if (huge && size == kHuge1Gb) return Bound("huge pages of 1 GiB: as the processor has them");
  if (huge && size != 0 && size != abi::kMfdHuge2Mb)
    return Fail(ENODEV, "fs/hugetlbfs/inode.c hugetlb_file_setup: get_hstate_idx");
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

// A number written to /proc/sys/vm/memfd_noexec, for the pid namespace of the task that writes.
// That it lacks CAP_SYS_ADMIN there (EPERM) is never reached: who has it is root.
Result SetNoexec(State& s, const Call& c, const Semantics& semantics) {
  const int64_t level = c.arg[0];
  if (const Rule* rule = NotSupported(semantics, Feature::kNoexec))
    return Refused(rule);  // fs/proc/proc_sysctl.c proc_sys_lookup
  if (s.tasks[c.task].uid != 0)
    return Fail(EACCES, "fs/proc/proc_sysctl.c test_perm: root's, mode 0644");
  if (level < 0 || level > kMaxNoexec) return Fail(EINVAL, "kernel/sysctl.c proc_dointvec_minmax");
  Field<uint8_t>& own = s.tasks[c.task].own_noexec;
  const bool below = own != 0;
  const int above = s.noexec, now = below ? own - 1 : above;
  const Rule* const ratchet = NotSupported(semantics, Feature::kLower);
  if (ratchet != nullptr && level < now) return Refused(ratchet);
  if (ratchet == nullptr && below && level < above)
    return Fail(EINVAL, "kernel/pid_sysctl.h pid_mfd_noexec_dointvec_minmax: parent_scope");
  Field<uint8_t>& set = below ? own : s.noexec;
  const auto value = static_cast<uint8_t>(level + below);
  Result result = Unchanged(0);
  result.changed = set != value;
  set = value;
  return result;
}

}  // namespace selkie
