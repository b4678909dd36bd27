// What a log has shown so far: processes, descriptors, open files, memfds and
// mappings with the numbers that they really have.
//
// Each object holds the model's own value for it (Inode, File, Fd, Mapping: seals,
// modes, flags, protections, and whatever else the model keeps there), and beside it what
// the model bounds: sizes, positions and addresses in full.
#ifndef SELKIE_TRACES_FOLLOW_WORLD_H_
#define SELKIE_TRACES_FOLLOW_WORLD_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/state.h"

namespace selkie {

struct FollowedInode {
  Inode node;        // without size and contents
  int64_t size = 0;  // bytes
  bool size_known = true;
  bool hugetlb = false;       // which the model has not
  bool outside = false;       // processes that are not in the log may hold it
  bool from_outside = false;  // nor was it seen to be made
  uint8_t guessed = 0;        // seals that would explain a result, and may not be there
  bool attrs_known = true;
  bool pinned = false;  // its pages may be held by a pipe, a ring or a device
  bool leased = false;  // F_SETLEASE or F_SETDELEG may still hold: EAGAIN
  std::string name;
  bool name_whole = true;  // false: cut by -s
  int line = 0;            // where it was made, or first seen
};

struct FollowedFile {
  File file;             // without inode and position
  int inode = 0;         // index into World::inodes
  int64_t pos = 0;       // bytes
  bool known = true;     // false: it was opened before the log begins or elsewhere
  bool outside = false;  // somebody who is not in the log may move it, or set its flags
};

struct FollowedFd {
  int file = 0;  // index into World::files
  Fd fd;         // FD_CLOEXEC
  bool cloexec_known = true;
};

struct FollowedFds {
  std::map<int64_t, FollowedFd> memfds;    // those that lead to a memfd
  std::map<int64_t, std::string> folders;  // paths of what was opened below /proc
  bool unseen = false;                     // threads that are not in the log share it
  std::map<int64_t, int64_t> pidfds;       // the process behind

  // Of `folders`, or empty.
  std::string PathOf(int64_t fd) const;
};

struct FollowedMapping {
  uint64_t begin = 0, end = 0;  // bytes, whole pages
  int64_t offset = 0;           // of `begin` in the file
  int file = 0;                 // index into World::files
  int inode = 0;                // of that file, an index into World::inodes
  Mapping map;                  // without place and file
  bool may_be_locked = false;   // an mlock or munlock of it has failed, perhaps not at once

  void SetLocked(bool locked) {
    map.flags = static_cast<uint8_t>((map.flags & ~kMapLockedMask) | (locked ? kMapLocked : 0));
    may_be_locked = false;
  }
};

// The mappings of memfds in one address space.
class FollowedSpace {
 public:
  const std::map<uint64_t, FollowedMapping>& all() const { return maps_; }
  // What lies in [begin, end), each piece cut to it, in order.
  std::vector<FollowedMapping> Pieces(uint64_t begin, uint64_t end) const;
  const FollowedMapping* At(uint64_t address) const;
  // Those of one memfd, in order.
  std::vector<const FollowedMapping*> Of(int inode) const;
  std::map<uint64_t, FollowedMapping>& all() { return maps_; }
  void Remove(uint64_t begin, uint64_t end);
  // In place of what is there.
  void Put(const FollowedMapping& mapping);
  bool unseen = false;  // threads that are not in the log share it
  bool locks = false;   // what is mapped is locked: mlockall

 private:
  void Insert(const FollowedMapping& mapping);
  std::map<uint64_t, FollowedMapping> maps_;     // by begin
  std::set<std::pair<int, uint64_t>> by_inode_;  // the begins of all, behind their inodes
};

// A pid namespace.
struct FollowedPidNamespace {
  std::shared_ptr<const FollowedPidNamespace> parent;
  int noexec = 0;  // what was written to vm.memfd_noexec in it

  // The strictest of this and those around it (include/linux/pid_namespace.h
  // pidns_memfd_noexec_scope).
  int NoexecScope() const;
};

struct FollowedProcess {
  int64_t pid = 0, tgid = 0;
  std::shared_ptr<FollowedFds> fds = std::make_shared<FollowedFds>();
  std::shared_ptr<FollowedSpace> mm = std::make_shared<FollowedSpace>();
  std::optional<int> uid;                      // effective, if the log says it
  bool uid_guessed = false;                    // it does not, but would explain a result
  int exe = -1;                                // the memfd that it runs, an index into World::files
  bool seccomp = false;                        // its calls go through a filter
  bool exiting = false;                        // exit_group was called: its memory is going
  std::optional<int64_t> fsize;                // RLIMIT_FSIZE, if one was set
  bool fsize_unread = false;                   // one was, and the log does not say which
  std::string cwd;                             // if it is below /proc or /dev
  std::shared_ptr<FollowedPidNamespace> pids;  // the namespace that it is in
  std::shared_ptr<FollowedPidNamespace> children_pids;  // in which it makes processes
};

struct World {
  std::deque<FollowedInode> inodes;  // deques, since calls are asked about while others are made
  std::deque<FollowedFile> files;
  std::map<int64_t, FollowedProcess> processes;
  // That of every process which the log has not shown being made.
  std::shared_ptr<FollowedPidNamespace> pids = std::make_shared<FollowedPidNamespace>();
  std::map<std::string, std::string> links;  // symbolic links below /proc or /dev that were made

  // The process; one that the log has not shown being made starts with nothing.
  FollowedProcess& Process(int64_t pid);
  // A memfd that the log has not shown being made, with an open file on it.
  int AddUnknownFile(std::string name, int line);

  struct Mapped {
    const FollowedMapping* mapping = nullptr;
    bool exiting = false;  // of a process that is ending
  };
  // All mappings of an inode, of all processes.
  std::vector<Mapped> MappingsOf(int inode) const;
  // A descriptor that the log does not tell the file of may be on any.
  void AnyMayBeHeld();
  // Does a process run it?
  bool Runs(int inode) const;
  // Takes VM_MAYWRITE from all of them.
  void ForbidWriting(int inode);
};

}  // namespace selkie

#endif  // SELKIE_TRACES_FOLLOW_WORLD_H_
