// The calls that an exploration tries.
//
// An alphabet is a list of calls as text in which some arguments are names that
// stand for every object of a kind: `dup(fd)` is dup of every descriptor that
// the calling task has open.
//
//   fd, fd2    every descriptor of the calling task
//   map        the address of every mapping of the calling task
//   pinned     the address of every buffer that the calling task's io_uring has, mapped or not
//   task       every other running task
//   theirs     every descriptor of `task`
//
// `{seal}` in the text makes one line for each seal that the semantics declares.
#ifndef SELKIE_CHECKER_ALPHABET_H_
#define SELKIE_CHECKER_ALPHABET_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/call.h"
#include "model/semantics.h"

namespace selkie {

enum class Wild : uint8_t { kNone, kFd, kFd2, kMap, kTask, kTheirs, kPinned };
inline constexpr int kNumWild = 7;

// One line of an alphabet.
struct CallTemplate {
  Call call;  // words that are wild hold an offset to add to the object's number
  std::array<Wild, kMaxWords> wild{};
  int8_t task_word = -1;                // the word that is Wild::kTask, or -1
  std::array<int8_t, 2> words{-1, -1};  // the other wild words
  uint8_t roles = 0xff;                 // bit i: tasks of role i make this call
  bool through_fd = false;              // descriptors of one file are as good as one another
  bool needs_fd = false;                // fails with EMFILE alone if no descriptor is free
  bool needs_file = false;              // makes a file description: open, memfd_create
  bool needs_mapping = false;           // makes a mapping: mmap
  std::string text;                     // as written
};

// A line of text with its place, for messages.
struct AlphabetLine {
  std::string text;
  std::string file;
  int line = 0;
  int column = 0;  // 1-based, of the first byte of `text`
  uint8_t roles = 0xff;
};

// False for a call that acts on the slot of a descriptor (close, dup2, FD_CLOEXEC) and
// not only on the file that it refers to.
bool ActsThroughFd(Op op);

// Says which words of `line` stand for objects, from `line.wild`, and what the
// call makes.
void IndexWildWords(CallTemplate& line);

// The calls of one line: several if it says {seal}.  InvalidArgumentError
// "file:line:column: ..." if it is not a call, if a name is not one of the above, or if more
// than two arguments beside `task` are names.
// `seals` says which seals {seal} stands for.
absl::StatusOr<std::vector<CallTemplate>> CompileLine(const AlphabetLine& line,
                                                      const Semantics& semantics,
                                                      const std::vector<SealName>& seals);

// One call for each extension of the semantics and each argument that it may
// have (none, or PROT_NONE and PROT_READ and PROT_READ|PROT_WRITE).
std::vector<CallTemplate> ExtensionTemplates(const Semantics& semantics);

// A call to try; `protocol` if it is the task's next step of the protocol.
struct Move {
  Call call;
  bool protocol = false;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_ALPHABET_H_
