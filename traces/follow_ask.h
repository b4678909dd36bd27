// One question to the model about one call of a real program.
//
// The model is small (model/limits.h), real programs are not: files of megabytes,
// descriptors in the hundreds, addresses anywhere, dozens of processes.  But what a
// call gives depends on little: the files that it names, their seals, sizes and
// positions in order, whether somewhere a mapping counts as writable, and what stands
// at the addresses.  So the log is followed in full (follow_world.h), and for each call a State
// is built by hand that has this little in it: the caller as task 0 with the descriptors
// that the call names, the pieces of mappings in its range, and beside it a task 1 that
// holds the other mappings of the same files, one of each kind.
//
// Sizes and offsets are renamed so that their order, their places within a page and
// which of them are in the same page stay as they are, and nothing else does: the
// checks of the kernel compare them, and round them to pages.  So an answer of the
// model is the answer for the real numbers, and one in bytes translates back.  What does
// not fit is no answer (Result::Kind::kBound).
//
// What the model's call does to the State is carried back into the world object by
// object, so that a new field of the model is followed without a line here.
#ifndef SELKIE_TRACES_FOLLOW_ASK_H_
#define SELKIE_TRACES_FOLLOW_ASK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "model/call.h"
#include "model/result.h"
#include "model/semantics.h"
#include "traces/follow_world.h"

namespace selkie {

// What the log does not say and may be otherwise than the world has it.  Each applies
// to the first file that is asked about.
struct Guess {
  uint8_t seals = 0;               // seals that somebody not in the log has added
  uint8_t unseal = 0;              // of those that were guessed before
  bool mapped = false;             // somebody not in the log maps it for writing
  bool exiting = false;            // processes that are ending still have their mappings
  std::optional<int64_t> size;     // bytes
  std::optional<int64_t> pos;      // bytes
  std::optional<uint8_t> mode;     // kMode* bits of the open file
  std::optional<uint8_t> flags;    // kFlag* bits of the open file
  std::optional<uint8_t> cloexec;  // of the first descriptor
  std::optional<int64_t> fsize;    // RLIMIT_FSIZE
  enum class User { kAsKnown, kOwner, kOther, kRoot } user = User::kAsKnown;
  // Nothing refuses: what the call does if it succeeds.  Only sizes, positions,
  // descriptors and mappings are carried back then.
  bool unrefused = false;
};

// Renames sizes: see above.  Negative numbers, and those beyond any file, stay.
class Scale {
 public:
  void Add(int64_t bytes);
  void Freeze();
  int64_t Small(int64_t bytes) const;
  // The inverse; nothing for what is in a page that was not added.
  std::optional<int64_t> Real(int64_t small) const;

 private:
  std::vector<int64_t> pages_{0};
};

// Users that stand for whoever is neither root nor known.
inline constexpr int kGuessedOwner = 1000, kGuessedOther = 1001;

inline constexpr int64_t kBeyondFiles = int64_t{1} << 60;

class Ask {
 public:
  Ask(const World& world, const FollowedProcess& process, const Guess& guess);

  // ---- First: what the call names ----
  // The number in the model of descriptor `fd` of task 0, which leads to `target` or,
  // if that is null, nowhere.
  int64_t AddFd(int64_t fd, const FollowedFd* target);
  // The same of another process, task 1.
  int64_t AddForeignFd(int64_t fd, const FollowedFd* target);
  // A size, an offset or where a transfer ends.
  void AddPoint(int64_t bytes) { scale_.Add(bytes); }
  // A piece of a mapping of task 0, at these pages of the arena, showing the file from
  // page `pgoff`.
  void AddMapping(const FollowedMapping& piece, int start, int pages, int pgoff);

  // ---- Then ----
  // Sizes and positions as small numbers, and the mappings of others.
  void Freeze();
  // The only mapping of task 0 shows the file from this page, and is so long; before Run.
  void PlaceMapping(int pgoff, int pages);
  int64_t Small(int64_t bytes) const { return scale_.Small(bytes); }
  std::optional<int64_t> Real(int64_t small) const { return scale_.Real(small); }
  // Of the file behind a number that AddFd gave: position and size in real bytes, as
  // guessed, and O_APPEND.
  int64_t PositionOf(int64_t small_fd) const;
  int64_t SizeOfFd(int64_t small_fd) const;
  bool Appends(int64_t small_fd) const;

  // Makes the call.
  void Run(const Call& call, const Semantics& semantics);

  const Call& call() const { return call_; }
  const State& before() const { return before_; }
  const State& after() const { return state_; }
  const Result& result() const { return result_; }
  // The real number of a descriptor of task 0.
  std::optional<int64_t> RealFd(int64_t small) const;

  // Carries into the world what the call changed; `new_fds` are the numbers that the
  // log gives for descriptors that are new, in order.  Mappings of task 0 are left to the caller.
  void Apply(World& world, FollowedProcess& process, const std::vector<int64_t>& new_fds) const;
  // The file of the model's slot, an index into World::files; made if it is new.
  int WorldFile(World& world, int slot) const;

 private:
  int Overflow();
  int InodeSlot(int inode);
  int FileSlot(int file);
  void AddOthersMapping(int file, const Mapping& mapping);
  void AddOthersMappings(int inode, int slot);
  int64_t SizeOf(int inode) const;
  int64_t PosOf(int file) const;

  const World& world_;
  const Guess guess_;
  Scale scale_;
  State state_, before_;
  Call call_;
  Result result_;
  std::optional<int64_t> fsize_;        // RLIMIT_FSIZE of task 0
  bool overflow_ = false;               // a table of the model was too small
  bool beyond_ = false;                 // a size or a position that the model has not
  std::vector<int> inodes_, files_;     // by slot of the model: index in the world
  std::vector<int64_t> fds_, foreign_;  // by slot of the table: the real number
  mutable std::vector<int> made_;       // by slot: files that WorldFile has made
};

}  // namespace selkie

#endif  // SELKIE_TRACES_FOLLOW_ASK_H_
