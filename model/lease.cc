// fcntl F_SETLEASE, F_GETLEASE, F_SETDELEG and F_GETDELEG, and what breaks a lease or a delegation:
// fs/locks.c.  A delegation (6.19) is a lease that changes of attributes break, too.
#include "model/families.h"

namespace selkie {
namespace {

enum Type : int64_t { kRead = 0, kWrite = 1, kNone = 2 };  // F_RDLCK, F_WRLCK, F_UNLCK

// i_readcount of the inode: files that can be read and not written.
int ReadersOf(const State& s, int node) {
  int readers = 0;
  for (int i = 0; i < s.limits.files; ++i)
    readers +=
        s.files[i].inode == node + 1 && (s.files[i].mode & (kModeRead | kModeWrite)) == kModeRead;
  return readers;
}

// check_conflicting_open, as of 5.3; before, F_WRLCK asked how many had the dentry.
bool ConflictsWithOpen(const State& s, const File& file, int64_t type) {
  const int node = file.inode - 1;
  if (type == kRead) return WritersOf(s, node) > 0;
  const bool writes = (file.mode & kModeWrite) != 0;
  const bool reads = !writes && (file.mode & kModeRead) != 0;
  return WritersOf(s, node) != (writes ? 1 : 0) || ReadersOf(s, node) != (reads ? 1 : 0);
}

// True if another file's lease on the inode does not suffer one of this type (generic_add_lease).
bool ConflictsWithLease(const State& s, int f, int64_t type) {
  for (int i = 0; i < s.limits.files; ++i) {
    const File& other = s.files[i];
    if (i == f || other.inode != s.files[f].inode || other.lease == 0) continue;
    if (type == kWrite || (other.lease & kLeaseUnlockPending) != 0) return true;
  }
  return false;
}

// lease_modify and lease_clear_pending: it stays a lease or a delegation.
uint8_t ChangedLease(uint8_t lease, int64_t type) {
  const int kept = type == kWrite ? kLeaseUnlockPending | kLeaseDowngradePending | kLeaseDelegation
                                  : kLeaseUnlockPending | kLeaseDelegation;
  return static_cast<uint8_t>((type == kWrite ? kLeaseWrite : kLeaseRead) | (lease & kept));
}

// leases_conflict: the file has a lease on the inode that an open has to wait for.
bool IsInTheWay(const File& file, int node, bool writes) {
  if (file.inode != node + 1) return false;
  return writes ? file.lease != 0 : (file.lease & kLeaseWrite) != 0;
}

// do_fcntl_add_lease and vfs_setlease; `flavor` is what a new one is, kLeaseDelegation or 0.
Result AddLease(State& s, const Call& c, int f, int64_t type, uint8_t flavor,
                const Semantics& semantics) {
  if (type < kRead || type > kNone) return Fail(EINVAL, "fs/locks.c assign_type");
  const Inode& inode = s.inodes[s.files[f].inode - 1];
  const uint16_t uid = s.tasks[c.task].uid;
  if (!IsMemfd(inode) && uid != 0) return Bound("pipes and sockets have no owner here");
  if (uid != 0 && uid != inode.uid) return Fail(EACCES, "fs/locks.c generic_setlease: CAP_LEASE");
  if (!IsMemfd(inode)) return Fail(EINVAL, "fs/locks.c generic_setlease: S_ISREG");
  if (IsHugetlb(inode))
    if (const Rule* rule = NotSupported(semantics, Feature::kHugeLease)) return Refused(rule);
  File& file = s.files[f];
  if (type == kNone) {
    if (file.lease == 0) return Fail(EAGAIN, "fs/locks.c generic_delete_lease: no lease");
    file.lease = 0;
    return Changed(0);
  }
  if (ConflictsWithOpen(s, file, type))
    return Fail(EAGAIN, "fs/locks.c check_conflicting_open: i_writecount, i_readcount");
  if (ConflictsWithLease(s, f, type))
    return Fail(EAGAIN, "fs/locks.c generic_add_lease: another lease");
  Result result = Unchanged(0);
  const uint8_t before = file.lease;
  file.lease = ChangedLease(before == 0 ? flavor : before, type);
  result.changed = file.lease != before;
  return result;
}

// __fcntl_getlease: the type that it is to have once the break is answered.
Result TypeOfLease(uint8_t lease, uint8_t flavor) {
  if (lease == 0 || (lease & kLeaseDelegation) != flavor || (lease & kLeaseUnlockPending) != 0)
    return Unchanged(kNone);
  const bool reads = (lease & (kLeaseRead | kLeaseDowngradePending)) != 0;
  return Unchanged(reads ? kRead : kWrite);
}

}  // namespace

Result SetLease(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return AddLease(s, c, f, c.arg[1], 0, semantics);
}

Result GetLease(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return TypeOfLease(s.files[f].lease, 0);
}

Result SetDeleg(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (const Rule* rule = NotSupported(semantics, Feature::kDelegation)) return Refused(rule);
  const auto type = static_cast<uint16_t>(c.arg[1]);  // struct delegation's d_type
  return AddLease(s, c, f, type, kLeaseDelegation, semantics);
}

Result GetDeleg(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (const Rule* rule = NotSupported(semantics, Feature::kDelegation)) return Refused(rule);
  return TypeOfLease(s.files[f].lease, kLeaseDelegation);
}

bool WouldBreakLease(const State& s, int node, bool writes) {
  for (int i = 0; i < s.limits.files; ++i)
    if (IsInTheWay(s.files[i], node, writes)) return true;
  return false;
}

Result BreakLeases(State& s, int node, bool writes) {
  Result error = Fail(EAGAIN, "fs/locks.c __break_lease: O_NONBLOCK");
  for (int i = 0; i < s.limits.files; ++i) {
    File& file = s.files[i];
    if (!IsInTheWay(file, node, writes)) continue;
    const uint8_t before = file.lease;
    const bool breaking = (before & (kLeaseUnlockPending | kLeaseDowngradePending)) != 0;
    if (writes)
      file.lease |= kLeaseUnlockPending;
    else if (!breaking)
      file.lease |= kLeaseDowngradePending;
    error.changed |= file.lease != before;
  }
  return error;
}

// Only fchmod and its like pass notify_change a delegated_inode to wait for; do_truncate and
// __file_remove_privs pass NULL.
Result BreakDelegations(State& s, int node) {
  Result error = Fail(EAGAIN, "fs/attr.c notify_change: try_break_deleg");
  for (int i = 0; i < s.limits.files; ++i) {
    File& file = s.files[i];
    if (file.inode != node + 1 || (file.lease & kLeaseDelegation) == 0) continue;
    error.changed |= (file.lease & kLeaseUnlockPending) == 0;
    file.lease |= kLeaseUnlockPending;
  }
  return error;
}

}  // namespace selkie
