// States packed into few bits, for storing.
//
// A Layout gives every field of a State a fixed width that follows from the
// limits.  A field that cannot change, or that no call of the exploration can
// observe, has width 0 and is not stored: unpacking gives it the value that it
// has in `defaults` if its object is live, and zero if not.  What is not stored
// is said by ErasedFields, and the naive explorer in the tests checks that
// nothing that matters was left out.
#ifndef SELKIE_CHECKER_PACKING_H_
#define SELKIE_CHECKER_PACKING_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "checker/stored_fields.h"
#include "model/state.h"

namespace selkie {

// The stored bits of eight bytes of a State.
struct StoredWord {
  uint16_t offset = 0;  // of the first of the eight
  uint8_t bits = 0;     // how many are stored, 1 .. 64
  uint64_t mask = 0;    // which ones
  uint64_t beyond = 0;  // bits of the same fields that must be zero
};

struct FieldUse;

struct Layout : FieldWidths {
  State initial;     // tasks that are not stored are as here
  State blank;       // a state as it is where all that is stored is zero
  Inode live_inode;  // fields that are not stored, of a live inode

  std::vector<StoredWord> stored;  // by offset, which is the order in which they are packed

  // Offsets of the groups of kGroup bytes in which something within the limits stands.
  static constexpr int kGroup = 16;
  std::vector<uint16_t> within_limits;

  // Bits of one packed state.
  int bits() const { return bits_; }

 private:
  friend Layout MakeLayout(const Limits&, const FieldUse&, const State&, const Inode&);
  int bits_ = 0;
};

// What the calls of an exploration can change or observe.
struct FieldUse {
  bool tasks = false;      // tasks come and go (fork, clone, exit)
  bool parents = false;    // wait
  bool vfork = false;      // clone with CLONE_VFORK
  bool threads = false;    // clone with shared tables
  bool task_uids = false;  // a new task may have one of several uids
  bool fsize = false;      // setrlimit
  bool dumpable = false;   // PR_SET_DUMPABLE
  bool newpid = false;     // clone with CLONE_NEWPID
  bool noexec = false;     // vm.memfd_noexec
  bool cloexec = false;
  bool flags = false;  // O_APPEND, F_GETFL, F_SETFL
  bool pos = false;    // read, write, lseek
  bool size = false;
  bool contents = false;  // results of reads and loads are compared
  bool mode = false;      // permission bits change
  bool mask = false;
  bool owners = false;      // inodes of several owners
  bool attrs = false;       // FS_IOC_SETFLAGS
  uint8_t map_flags = 0;    // all kMap* bits that can be set
  uint8_t inode_flags = 0;  // all kInode* bits that can be
  bool writers = false;     // execve: i_writecount
  bool programs = false;    // run_program
  bool leases = false;      // F_SETLEASE, F_SETDELEG
  bool dmabufs = false;     // udmabuf_create
  bool sockets = false;     // or pipes
  bool pipe_slots = false;  // F_SETPIPE_SZ
  bool others = false;      // open_other
  bool messages = false;
  bool remaps = false;  // mremap: mappings reach beyond the pages that a file can have
  uint8_t seals = 0;    // all seal bits that can be set
  uint8_t task_mark = 0, fd_mark = 0, file_mark = 0, inode_mark = 0, map_mark = 0;
  // highest value of each ghost fact
};

// The layout for these limits.  `initial` is the state that exploration starts
// from; `live_inode` has mode, owner and mask of a new memfd.
Layout MakeLayout(const Limits& limits, const FieldUse& use, const State& initial,
                  const Inode& live_inode);

// One stored field: where it stands in a State and where in a packed one.
struct StoredField {
  uint16_t offset = 0;  // bytes into the State
  uint16_t bit = 0;     // of a state packed from bit 0 on
  uint8_t width = 0;    // bits that are stored, 1 .. 32; bits above must be zero
  uint8_t size = 0;     // bytes
};

// All stored fields, in the order of VisitStored.
std::vector<StoredField> FieldsOf(const Layout& layout);

// Writes `state` from bit `at` on; `out` must be zero there.  Returns the bit
// after the last one, or -1 if a value does not fit its width (a fault of
// MakeLayout, never of the caller's input).
int Pack(const Layout& layout, const State& state, PackedWords& out, int at = 0);

// The inverse: reads from bit `at` on, into `state`, all of which is replaced.
// Returns the bit after the last one.
int Unpack(const Layout& layout, const PackedWords& in, State& state, int at = 0);

// The same into a state of this layout: what lies beyond the limits is not touched.
int UnpackOver(const Layout& layout, const PackedWords& in, State& state, int at = 0);

// Pack and Unpack gather and scatter bits with the processor's instructions for
// it (BMI2) where there are any.  These two do without; the results are the same.
int PackPortably(const Layout& layout, const State& state, PackedWords& out, int at = 0);
int UnpackPortably(const Layout& layout, const PackedWords& in, State& state, int at = 0);

// Makes `to` equal to `from`, of the same layout: what lies beyond the limits is
// zero in both and is not copied.
inline void CopyWithinLimits(const Layout& layout, const State& from, State& to) {
  for (const uint16_t offset : layout.within_limits)
    std::memcpy(reinterpret_cast<char*>(&to) + offset,
                reinterpret_cast<const char*>(&from) + offset, Layout::kGroup);
}

// Clears the fields that are not stored, in place.
void EraseUnstored(const Layout& layout, State& state);

// Names of the fields that are not stored though calls may change them, for
// people: "contents, FD_CLOEXEC".
std::string ErasedFields(const Layout& layout);

}  // namespace selkie

#endif  // SELKIE_CHECKER_PACKING_H_
