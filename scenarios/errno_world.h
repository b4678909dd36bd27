// The states in which the errno oracle tries its calls: a memfd, descriptors of every
// kind, mappings, and circumstances under which a call may fail.
#ifndef SELKIE_SCENARIOS_ERRNO_WORLD_H_
#define SELKIE_SCENARIOS_ERRNO_WORLD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/call.h"
#include "model/semantics.h"
#include "model/state.h"
#include "model/trace.h"

namespace selkie {

// Something about the file, the descriptors or the task that can make a call fail.
struct Circumstance {
  enum class Kind : uint8_t {
    kSeal,           // the memfd has the seal in `seal`
    kImmutable,      // FS_IMMUTABLE_FL
    kAppendOnly,     // FS_APPEND_FL
    kNoPermissions,  // mode 0
    kFileAppends,    // O_APPEND
    kTableFull,      // RLIMIT_NOFILE is reached
    kEmpty,          // size 0
    kBeyondEnd,      // f_pos stands beyond the end
    kOtherUser,      // the task is another user than the owner
    kMapSealed,      // mseal
    kNoexec,         // vm.memfd_noexec is 2
    kProgram,        // task 0 runs the memfd, unless it is empty: nobody can open it for writing
  };
  Kind kind = Kind::kSeal;
  uint8_t seal = 0;
  std::string name;
};

// All of a semantics: one for each seal that it declares, and the others.
std::vector<Circumstance> CircumstancesOf(const Semantics& semantics);

// Pages of the arena that are mapped in a world with mappings.
inline constexpr int64_t kSharedPage = 0;        // two pages, shared, writable unless sealed before
inline constexpr int64_t kReadOnlyPage = 2;      // shared, PROT_READ, through the same descriptor
inline constexpr int64_t kHolePage = 3;          // nothing
inline constexpr int64_t kPrivatePage = 4;       // private, writable
inline constexpr int64_t kReadOnlyFilePage = 5;  // shared, of a descriptor open for reading only
inline constexpr int64_t kFreePage = 8;          // nothing from here on

struct ErrnoWorld {
  Sequence setup;  // how it is made
  State state;
  uint8_t task = 0;  // who makes the call
  int64_t rw = -1, ro = -1, wo = -1,
          path = -1;             // its descriptors of the memfd; with kProgram no wo
  int64_t other = -1;            // of another memfd
  std::vector<int64_t> foreign;  // of no memfd: one, or a pair
  int64_t free = -1;             // a number that is closed, unless the table is full
  int64_t owner_fd = -1;         // of task 0
};

// The rows that make descriptors of something that is no memfd out of nothing: socketpair
// first, then others in the order of the table.
std::vector<const CallSpec*> ForeignMakers();

// Makes the world under the semantics.  `mapped`: with the mappings above; `foreign` is
// made by `maker`.  Seals with which nothing could be mapped writable come before the mappings, the
// others after. Nothing if the circumstances cannot be had together, or not under this semantics.
std::optional<ErrnoWorld> MakeErrnoWorld(const Semantics& semantics, bool mapped,
                                         const CallSpec& maker,
                                         const std::vector<Circumstance>& circumstances);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_ERRNO_WORLD_H_
