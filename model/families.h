// The calls themselves, by family, and what they share.  Internal to model/.
//
// Each function reads top to bottom in the kernel's order of checks; each check
// names the kernel function that it mirrors.  Order of sources: fs/ and mm/ of
// Linux 6.1, where not said otherwise.
#ifndef SELKIE_MODEL_FAMILIES_H_
#define SELKIE_MODEL_FAMILIES_H_

#include <cerrno>

#include "model/call.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"

namespace selkie {

// ---- Results ----

inline Result Unchanged(int64_t value) {
  Result r;
  r.value = value;
  return r;
}
inline Result Changed(int64_t value) {
  Result r;
  r.value = value;
  r.changed = true;
  return r;
}
inline Result Fail(int error, const char* check) {
  Result r;
  r.kind = Result::Kind::kErrno;
  r.value = error;
  r.check = check;
  return r;
}
inline Result Refused(const Rule* rule) {
  Result r;
  r.kind = Result::Kind::kErrno;
  r.value = rule->bits;
  r.rule = rule;
  return r;
}
inline Result Signal(int signal, const char* check) {
  Result r;
  r.kind = Result::Kind::kSignal;
  r.value = signal;
  r.check = check;
  return r;
}
inline Result Bound(const char* why) {
  Result r;
  r.kind = Result::Kind::kBound;
  r.check = why;
  return r;
}

// ---- Descriptors ----

// EBADF, or kBound for a descriptor that belongs to the harness.
Result BadFd(int64_t fd);

// Finds a file as fdget does (O_PATH is EBADF) or as fdget_raw does.  On
// failure returns false and sets *error.
bool Fdget(const State& s, const Call& c, int64_t fd, int* file, Result* error);
bool FdgetRaw(const State& s, const Call& c, int64_t fd, int* file, Result* error);

// The file behind /proc/PID/fd/N, with the permission checks of walking there
// (proc_fd_permission, proc_pid_get_link); a file index, or sets *error.
bool ResolveProcFd(const State& s, const Call& c, int64_t task, int64_t fd, int* file,
                   Result* error);

// inode_permission: may `task` have the access in `want` (kModeRead,
// kModeWrite)?
bool InodePermission(const State& s, int task, const Inode& inode, int want);

// ---- Rules ----

// What the effects of rules act on; null where there is no such thing.  They
// are copies, so that a refusal leaves the state as it was.
struct Targets {
  Inode* inode = nullptr;
  File* file = nullptr;
  Mapping* mapping = nullptr;
  uint8_t* adding = nullptr;
  uint8_t arg = 0;               // argument of an extension
  uint8_t new_file = 0;          // kNewFile: f_mode of the file to make
  bool fresh_inode = false;      // kFreshInode
};

// Facts about the inode and the file that any rule may read; the derived ones
// (mapped-shared, mapped-writable) only if some rule at `point` reads them.
Facts FactsOf(const State& s, int task, const Inode& inode, int inode_index, const File* file,
              const Semantics& semantics, int point);

// Decides at `point`.  Returns the refusing rule or null; *last is the last
// rule that applied.
const Rule* DecideWith(const Semantics& semantics, int point, Facts facts, Targets& targets,
                       const Rule** last);

inline bool HasRules(const Semantics& semantics, Point point) {
  return !semantics.at[static_cast<int>(point)].empty();
}

// ---- Contents and size ----

// Sets samples in [begin, end) to `byte`; false if `end` is beyond the bounds.
void FillSamples(Inode& inode, int64_t begin, int64_t end, uint8_t byte);

// setattr of the size (shmem_setattr): rules, then truncation.
Result SetSize(State& s, const Call& c, int file, int inode, int64_t size,
               const Semantics& semantics);

// ---- Mappings ----

void SortMappings(AddressSpace& mm);
// First page of the lowest gap of `pages` pages, or -1.
int LowestGap(const State& s, int task, int pages);

// ---- The calls ----

Result MemfdCreate(State&, const Call&, const Semantics&);
Result AddSeals(State&, const Call&, const Semantics&);
Result GetSeals(State&, const Call&, const Semantics&);
Result GetFl(State&, const Call&, const Semantics&);
Result SetFl(State&, const Call&, const Semantics&);
Result DupFd(State&, const Call&, const Semantics&);
Result GetFd(State&, const Call&, const Semantics&);
Result SetFd(State&, const Call&, const Semantics&);
Result Open(State&, const Call&, const Semantics&);
Result Close(State&, const Call&, const Semantics&);
Result Dup(State&, const Call&, const Semantics&);
Result Dup2(State&, const Call&, const Semantics&);
Result Dup3(State&, const Call&, const Semantics&);
Result Read(State&, const Call&, const Semantics&);
Result Pread(State&, const Call&, const Semantics&);
Result Write(State&, const Call&, const Semantics&);
Result Pwrite(State&, const Call&, const Semantics&);
Result Lseek(State&, const Call&, const Semantics&);
Result Ftruncate(State&, const Call&, const Semantics&);
Result Truncate(State&, const Call&, const Semantics&);
Result Fallocate(State&, const Call&, const Semantics&);
Result Mmap(State&, const Call&, const Semantics&);
Result Munmap(State&, const Call&, const Semantics&);
Result Mprotect(State&, const Call&, const Semantics&);
Result Mremap(State&, const Call&, const Semantics&);
Result Load(State&, const Call&, const Semantics&);
Result Store(State&, const Call&, const Semantics&);
Result Fstat(State&, const Call&, const Semantics&);
Result Fchmod(State&, const Call&, const Semantics&);
Result Fork(State&, const Call&, const Semantics&);
Result Clone(State&, const Call&, const Semantics&);
Result Exec(State&, const Call&, const Semantics&);
Result Exit(State&, const Call&, const Semantics&);
Result Wait(State&, const Call&, const Semantics&);
Result Socketpair(State&, const Call&, const Semantics&);
Result Sendmsg(State&, const Call&, const Semantics&);
Result Recvmsg(State&, const Call&, const Semantics&);
Result SendFd(State&, const Call&, const Semantics&);
Result RecvFd(State&, const Call&, const Semantics&);
Result Extend(State&, const Call&, const Semantics&);

}  // namespace selkie

#endif  // SELKIE_MODEL_FAMILIES_H_
