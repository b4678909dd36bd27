// Scenes and kinds: how the prover looks at a State.  Internal to checker/prove*.
//
// A *situation* is what is said of one inode and of the protocol that runs on it; a
// *kind* is what is said of one descriptor, mapping or message that leads to it.  A scene
// is the smallest State in which a call can be tried: the situation's inode, the one or two
// objects that the call names, and at most a few bystanders.
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
  uint8_t mode = 0;   // kMode* bits
  uint8_t flags = 0;  // those that a call acts upon: kFlagAppend, kFlagNonblock
  uint8_t mark = 0;   // mark::kFile* bits

  friend auto operator<=>(const FileKind&, const FileKind&) = default;
};

enum class Holding : uint8_t { kDescriptor, kMapping, kMessage };

// What is said of one thing that leads to the inode.
struct Kind {
  Holding what = Holding::kDescriptor;
  uint8_t role = 0;  // of the task that has it; of a message: that is to get it
  FileKind file;
  // kMapping alone: Mapping's fields of these names.
  uint8_t prot = 0, may = 0, shared = 0, vm_shared = 0, pages = 0, pgoff = 0, flags = 0, mark = 0;

  friend auto operator<=>(const Kind&, const Kind&) = default;
};

FileKind KindOf(const File& file);

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
                                      // the mapping that a rule of absence finds

// An object that a scene has, and which file it goes through: its own (-1), or that of the
// protocol's or of an earlier object, by index into CallScene::files.
struct Placed {
  Kind kind;
  int shares = -1;
  int page = 0;  // of a mapping, in the actor's address space
};

struct CallScene {
  State state;
  std::vector<int> files;  // of the protocol, then of each object: index in State::files
  int anchor = 0;          // the guard's own file, which is of no kind
  bool fits = true;        // false: something has no room
};

// A scene of `objects`, all the actor's.  `other`: role of a second task.  `witness`: a mapping
// that the guard has.
CallScene MakeScene(const Limits& limits, const std::vector<Role>& roles,
                    const Situation& situation, const std::vector<Placed>& objects,
                    std::optional<int> other, const Placed* witness);

// Adds an object to task kBystander, which gets its role.  All bystanders of a scene have
// one role.  False if there is no room.
bool AddBystander(CallScene& scene, const std::vector<Role>& roles, const Placed& object);

// What there is of inode `inode` (index) in a state that a scene has become.
struct Seen {
  bool alive = false;
  Situation situation;
  std::set<Kind> kinds;  // without the guard's file and witness
};
Seen LookAt(const State& state, int inode, int anchor);

}  // namespace selkie

#endif  // SELKIE_CHECKER_PROVE_SCENE_H_
