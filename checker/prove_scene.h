// Scenes and kinds: how the prover looks at a State.  Internal to checker/prove*.
//
// A *situation* is what is said of one inode and of the protocol that runs on it; a *kind* is
// what is said of one descriptor, mapping, message, registered buffer or program that leads to
// it.  A scene is the smallest State in which a call can be tried: the situation's inode, the one
// or two objects that the call names, witnesses (what is there for who asks whether something is),
// and at most a few bystanders.
#ifndef SELKIE_CHECKER_PROVE_SCENE_H_
#define SELKIE_CHECKER_PROVE_SCENE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "checker/property.h"
#include "model/state.h"

namespace selkie {

// What is said of an open file description: File's fields of these names.
struct FileKind {
  uint8_t mode = 0;    // kMode* bits
  uint8_t flags = 0;   // those that a call acts upon: kFlagAppend, kFlagNonblock
  uint8_t mark = 0;    // mark::kFile* bits
  uint8_t writer = 0;  // kept where programs run, which alone ask for it
  uint8_t dmabuf = 0, pinned = 0;

  friend auto operator<=>(const FileKind&, const FileKind&) = default;
};

// kBuffer: registered with an io_uring; kProgram: a child runs the inode.
enum class Holding : uint8_t { kDescriptor, kMapping, kMessage, kBuffer, kProgram };

// What is said of one thing that leads to the inode.
struct Kind {
  Holding what = Holding::kDescriptor;
  uint8_t role = 0;  // of the task that has it; of a message: that is to get it
  FileKind file;     // of a buffer: none
  // kMapping alone: Mapping's fields of these names.
  uint8_t prot = 0, may = 0, shared = 0, vm_shared = 0, pages = 0, pgoff = 0, flags = 0, mark = 0;
  uint8_t page = 0, begin = 0, end = 0;  // kBuffer alone: PipeBuffer's fields of these names
  uint8_t nondumpable = 0;               // kProgram alone: Task::program_nondumpable

  friend auto operator<=>(const Kind&, const Kind&) = default;
};

// `writers`: FileKind::writer is kept.
FileKind KindOf(const File& file, bool writers);

// A descriptor that a protocol remembers between two steps.
struct Remembered {
  uint8_t variable = 0;
  uint8_t file = 0;  // index into Situation::files: equal for one file description

  friend auto operator<=>(const Remembered&, const Remembered&) = default;
};

// What is said of the inode, and of the protocol that a task is inside.
struct Situation {
  uint8_t seals = 0, mask = 0, attrs = 0, mark = 0;  // Inode's fields of these names
  uint16_t mode = 0, uid = 0, gid = 0;
  uint32_t size = 0;
  uint8_t steps = 0;  // of the protocol that are done; 0: none runs
  uint8_t role = 0;   // of the task inside it
  std::vector<FileKind> files;
  std::vector<Remembered> variables;

  friend auto operator<=>(const Situation&, const Situation&) = default;
};

// Tasks of a scene.
inline constexpr int kActor = 0;      // has the objects that the call names
inline constexpr int kOther = 1;      // some other task; may be absent
inline constexpr int kBystander = 2;  // has what the call does not name
inline constexpr int kGuard = 3;      // keeps the inode alive, is inside the protocol, and has
                                      // what is found by who asks whether it does not exist

// An object that a scene has, and which file it goes through: its own (-1), or that of the
// protocol's or of an earlier object, by index into CallScene::files.
struct Placed {
  Kind kind;
  int shares = -1;
  int page = 0;  // of a mapping, in the actor's address space
};

struct CallScene {
  State state;
  std::vector<int> files;  // of the protocol, then of each object: index in State::files; -1: none
  int anchor = 0;          // the guard's own file, which keeps the inode alive
  uint32_t hidden = 0;     // files that are of no kind, one bit each: the anchor, and witnesses'
  bool fits = true;        // false: something has no room
};

// A scene of `objects`, all the actor's.  `other`: role of a second task.  `witnesses`: what the
// guard has.  The inode is a program, as write_program leaves it: what can run otherwise can then.
CallScene MakeScene(const Limits& limits, const std::vector<Role>& roles,
                    const Situation& situation, const std::vector<Placed>& objects,
                    std::optional<int> other, const std::vector<Placed>& witnesses);

// Adds an object to task kBystander, which gets its role.  All bystanders of a scene have
// one role.  False if there is no room.
bool AddBystander(CallScene& scene, const std::vector<Role>& roles, const Placed& object);

// What there is of inode `inode` (index) in a state that a scene has become, but for the files
// `hidden` and the guard's mappings, buffers and program; `writers` as for KindOf.
struct Seen {
  bool alive = false;
  Situation situation;
  std::set<Kind> kinds;
};
Seen LookAt(const State& state, int inode, uint32_t hidden, bool writers);

}  // namespace selkie

#endif  // SELKIE_CHECKER_PROVE_SCENE_H_
