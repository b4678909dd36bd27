// Promises as text: checker/properties/*.prop (docs/property-language.md).
//
//   property no-write-call
//     "After the seal no write-family call changes the content."
//   bounds processes=2 fds=2 files=2 maps=1
//   role any uid 1000 may seal
//   calls
//     memfd_create("m", MFD_ALLOW_SEALING)
//     pwrite(fd, "x", 1, 0)
//   needs pwrite
//   never change: sealed and by-write-call
//
// "The seal" is the protocol of the semantics, run to its end.
#ifndef SELKIE_CHECKER_PROPERTY_H_
#define SELKIE_CHECKER_PROPERTY_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/alphabet.h"
#include "model/condition.h"
#include "model/limits.h"

namespace selkie {

// What a condition is about.
enum class Sort : uint8_t {
  kChange,   // a call that changed contents, size or x bits of an inode
  kMapping,  // a mapping of a sealed inode, after any call
  kSeal,     // the call with which the protocol finished
  kPass,     // send_fd or sendmsg, before it is made
};

// Bits of the word that conditions are tested on.  Sets stand at their shift.
namespace fact {
inline constexpr int kSeals = 0, kProt = 8, kMay = 11, kFile = 14, kBy = 40, kTo = 44;
inline constexpr int kSealed = 20, kByWriteCall = 21, kByStore = 22, kResized = 23;
inline constexpr int kFileAfter = 24, kFileCopy = 25, kFileHanded = 26;
inline constexpr int kMapAfter = 27, kMapCopied = 28, kMapOldWritable = 29, kMapOldReadonly = 30;
inline constexpr int kShared = 31, kMappedWritable = 32, kExecChanged = 33, kRuns = 34, kByPin = 35;
// Facts that are only ever true once a protocol has finished.
inline constexpr uint64_t kNeedSeal =
    uint64_t{1} << kSealed | uint64_t{1} << kFileAfter | uint64_t{1} << kFileHanded |
    uint64_t{1} << kMapAfter | uint64_t{1} << kMapCopied | uint64_t{1} << kMapOldWritable |
    uint64_t{1} << kMapOldReadonly | uint64_t{1} << kMappedWritable;
}  // namespace fact

struct Role {
  std::string name;
  int uid = 0;
  bool may_seal = false;  // runs the protocol
};

struct Clause {
  Sort sort = Sort::kChange;
  std::vector<Term> terms;
  std::string text;  // the condition as written
  int line = 0;
};

// How much of everything an exploration may use.  All but `buffers` and `huge` are at least 1, and
// at most the capacities in model/limits.h.
struct Bounds {
  int processes = 2;
  int fds = 2;
  int files = 2;
  int maps = 1;
  int pages = 1;
  int inodes = 1;
  int messages = 1;
  int buffers = 0;  // pages that pipes and io_uring keep; 0: no call that needs one is asked for
  int huge = 0;     // pages of a memfd of huge pages; 0: there is no such memfd

  friend bool operator==(const Bounds&, const Bounds&) = default;
};

// One of them by its name, and the range that it may have.
struct BoundField {
  std::string_view name;
  int Bounds::*field;
  int highest;
  int lowest = 1;
};
std::span<const BoundField> BoundFields();

// Changes `bounds` by "processes=2,fds=3": names and numbers separated by
// commas or blanks.  InvalidArgumentError names the offending part.
absl::Status ApplyBounds(std::string_view text, Bounds& bounds);

// "processes=2 fds=2 ..."; of buffers and huge nothing if they are 0.
std::string ToString(const Bounds& bounds);

struct Property {
  enum class Kind : uint8_t {
    kNever,   // no step satisfies the clause
    kReach,   // some step satisfies it
    kSameAs,  // results equal those of another semantics, the seal never set
  };

  std::string name;
  std::string doc;
  std::string file;
  std::string text;  // the whole source
  Kind kind = Kind::kNever;
  Clause clause;                // kNever, kReach
  std::string same_as;          // kSameAs: name of the other semantics
  std::string same_as_place;    // "file:line:column" of that name
  std::vector<Clause> assumes;  // steps that violate one are not made
  std::vector<Role> roles;      // task i has role i; further tasks the last one
  std::vector<AlphabetLine> calls;
  bool extensions = false;         // the semantics' own calls are tried too
  std::vector<std::string> needs;  // names of calls of which one must have been
                                   // tried after the seal
  Bounds bounds;
  int start = kMaxTasks;  // how many tasks run at the start
};

// Finds the text of a list of calls by name, for `include`.
struct PropertySource {
  std::string file;  // for messages
  std::string text;
};
using CallsLoader = std::function<absl::StatusOr<PropertySource>(std::string_view name)>;

// Parses a property.  InvalidArgumentError "file:line:column: ..." with the
// offending text and what was expected.  Calls are only checked when they are
// compiled for a semantics (checker/machine.h).
absl::StatusOr<Property> ParseProperty(const PropertySource& source, const CallsLoader& loader);

// The vocabulary of conditions about `sort`; `by` and `to` have the roles.
Vocabulary PropertyVocabulary(Sort sort, const std::vector<Role>& roles);

}  // namespace selkie

#endif  // SELKIE_CHECKER_PROPERTY_H_
