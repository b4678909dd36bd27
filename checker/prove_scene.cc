#include "checker/prove_scene.h"

#include <algorithm>

#include "checker/machine.h"

namespace selkie {
namespace {

constexpr int kStepsMask = (1 << mark::kRoleShift) - 1;

void Run(State& s, const std::vector<Role>& roles, int task, int role) {
  s.tasks[task].state = TaskState::kRunning;
  s.tasks[task].uid = static_cast<uint16_t>(roles[role].uid);
  s.tasks[task].mark = static_cast<uint8_t>(role << mark::kRoleShift);
}

int AddFile(State& s, const FileKind& kind) {
  const int slot = FreeFile(s);
  if (slot < 0) return -1;
  s.files[slot].inode = 1;
  s.files[slot].mode = kind.mode;
  s.files[slot].flags = kind.flags;
  s.files[slot].mark = kind.mark;
  s.files[slot].writer = kind.writer;
  s.files[slot].dmabuf = kind.dmabuf;
  s.files[slot].pinned = kind.pinned;
  return slot;
}

bool AddFd(State& s, int task, int file, int variable) {
  const int fd = LowestFreeFd(s, task);
  if (fd < 0) return false;
  s.fds[task][fd - kFirstFd] =
      Fd{static_cast<uint8_t>(file + 1), 0, static_cast<uint8_t>(variable + 1)};
  return true;
}

bool AddMessage(State& s, int task, int file) {
  for (int i = 0; i < s.limits.messages; ++i) {
    if (s.messages[i].file != 0) continue;
    s.messages[i] =
        Message{.file = static_cast<uint8_t>(file + 1), .end = static_cast<uint8_t>(task)};
    return true;
  }
  return false;
}

// After all that stands before it.
bool AddMap(State& s, int task, int file, const Kind& kind, int page) {
  AddressSpace& mm = s.mms[task];
  int at = 0;
  while (at < s.limits.maps && mm[at].file != 0) ++at;
  const int end = at == 0 ? 0 : mm[at - 1].start + mm[at - 1].pages;
  if (at == s.limits.maps || std::max(page, end) + kind.pages > s.limits.arena) return false;
  Mapping& m = mm[at];
  m.file = static_cast<uint8_t>(file + 1);
  m.mark = kind.mark;
  m.prot = kind.prot;
  m.may = kind.may;
  m.shared = kind.shared;
  m.vm_shared = kind.vm_shared;
  m.start = static_cast<uint8_t>(std::max(page, end));
  m.pages = kind.pages;
  m.pgoff = kind.pgoff;
  m.flags = kind.flags;
  return true;
}

// Where it was registered decides nothing once it is.
bool AddRegistered(State& s, int task, const Kind& kind) {
  for (int i = 0; i < s.limits.buffers; ++i) {
    PipeBuffer& b = s.buffers[i];
    if (b.pipe != 0) continue;
    b.pipe = RingOf(task);
    b.inode = 1;
    b.page = kind.page;
    b.begin = kind.begin;
    b.end = kind.end;
    b.at = 1;
    s.inodes[0].present |= static_cast<uint8_t>(1 << kind.page);  // what is pinned is there
    s.inodes[0].touched |= static_cast<uint8_t>(1 << kind.page);
    return true;
  }
  return false;
}

bool AddProgram(State& s, int task, int file, const Kind& kind) {
  if (s.tasks[task].program != 0) return false;
  s.tasks[task].program = static_cast<uint8_t>(file + 1);
  s.tasks[task].program_nondumpable = kind.nondumpable;
  return true;
}

// The file that the object goes through, which it shares or gets; -1 if there is no room, or none.
int FileFor(CallScene& scene, const Placed& object) {
  if (object.kind.what == Holding::kBuffer) return -1;
  return object.shares >= 0 ? scene.files[object.shares] : AddFile(scene.state, object.kind.file);
}

bool Put(State& s, int task, const Placed& object, int file) {
  if (object.kind.what == Holding::kBuffer) return AddRegistered(s, task, object.kind);
  if (file < 0) return false;
  switch (object.kind.what) {
    case Holding::kDescriptor: return AddFd(s, task, file, -1);
    case Holding::kMapping: return AddMap(s, task, file, object.kind, object.page);
    case Holding::kMessage: return AddMessage(s, task, file);
    case Holding::kProgram: return AddProgram(s, task, file, object.kind);
    case Holding::kBuffer: break;
  }
  return false;
}

bool PutObject(CallScene& scene, int task, const Placed& object) {
  const int file = FileFor(scene, object);
  scene.files.push_back(file);
  return Put(scene.state, task, object, file);
}

// A message is the same to who asks from afar as a descriptor, and needs no room for messages.
bool PutWitness(CallScene& scene, Placed witness) {
  if (witness.kind.what == Holding::kMessage) witness.kind.what = Holding::kDescriptor;
  const int file = FileFor(scene, witness);
  if (file >= 0 && witness.shares < 0) scene.hidden |= uint32_t{1} << file;
  return Put(scene.state, kGuard, witness, file);
}

void PutInode(State& s, const Situation& situation) {
  Inode& inode = s.inodes[0];
  inode.kind = InodeKind::kMemfd;
  inode.seals = situation.seals;
  inode.mask = situation.mask;
  inode.attrs = situation.attrs;
  inode.mark = situation.mark;
  inode.mode = situation.mode;
  inode.uid = situation.uid;
  inode.gid = situation.gid;
  inode.size = situation.size;
  inode.flags = situation.size >= kProgramBytes ? kInodeProgram : 0;
}

Kind KindOf(Holding what, int role, const FileKind& file) {
  Kind kind;
  kind.what = what;
  kind.role = static_cast<uint8_t>(role);
  kind.file = file;
  return kind;
}

Kind KindOf(const Mapping& m, int role, const FileKind& file) {
  Kind kind = KindOf(Holding::kMapping, role, file);
  kind.prot = m.prot;
  kind.may = m.may;
  kind.shared = m.shared;
  kind.vm_shared = m.vm_shared;
  kind.pages = m.pages;
  kind.pgoff = m.pgoff;
  kind.flags = m.flags;
  kind.mark = m.mark;
  return kind;
}

Kind KindOf(const PipeBuffer& b, int role) {
  Kind kind = KindOf(Holding::kBuffer, role, FileKind{});
  kind.page = b.page;
  kind.begin = b.begin;
  kind.end = b.end;
  return kind;
}

// The protocol that a task is inside, if its descriptors lead to `inode`.
void LookAtProtocol(const State& s, int inode, bool writers, Situation& situation) {
  for (const Task& task : s.tasks) {
    const int steps = task.mark & kStepsMask;
    if (task.state != TaskState::kRunning || steps == 0) continue;
    std::vector<std::pair<int, int>> marked;  // variable, file
    for (const Fd& fd : s.fds[task.fds])
      if (fd.file != 0 && fd.mark != 0) marked.emplace_back(fd.mark - 1, fd.file - 1);
    std::sort(marked.begin(), marked.end());
    const bool here = std::any_of(marked.begin(), marked.end(), [&](const auto& held) {
      return s.files[held.second].inode == inode + 1;
    });
    if (!here && (inode != 0 || !marked.empty())) continue;
    situation.steps = static_cast<uint8_t>(steps);
    situation.role = static_cast<uint8_t>(task.mark >> mark::kRoleShift);
    std::vector<int> files;
    for (const auto& [variable, file] : marked) {
      if (s.files[file].inode != inode + 1) continue;
      auto at = std::find(files.begin(), files.end(), file);
      if (at == files.end()) {
        at = files.insert(files.end(), file);
        situation.files.push_back(KindOf(s.files[file], writers));
      }
      situation.variables.push_back(
          {static_cast<uint8_t>(variable), static_cast<uint8_t>(at - files.begin())});
    }
  }
}

}  // namespace

FileKind KindOf(const File& file, bool writers) {
  return {.mode = file.mode,
          .flags = static_cast<uint8_t>(file.flags & (kFlagAppend | kFlagNonblock)),
          .mark = file.mark,
          .writer = static_cast<uint8_t>(writers ? file.writer : 0),
          .dmabuf = file.dmabuf,
          .pinned = file.pinned};
}

CallScene MakeScene(const Limits& limits, const std::vector<Role>& roles,
                    const Situation& situation, const std::vector<Placed>& objects,
                    std::optional<int> other, const std::vector<Placed>& witnesses) {
  CallScene scene;
  scene.state = InitialState(limits, {});
  State& s = scene.state;
  PutInode(s, situation);
  const int actor_role = objects.empty() ? situation.role : objects[0].kind.role;
  Run(s, roles, kActor, actor_role);
  if (other) Run(s, roles, kOther, *other);
  Run(s, roles, kBystander, 0);
  int guard_role = situation.role;
  for (const Placed& witness : witnesses)  // a property may ask whose mapping it is
    if (situation.steps == 0 && witness.kind.what == Holding::kMapping)
      guard_role = witness.kind.role;
  Run(s, roles, kGuard, guard_role);
  s.tasks[kGuard].mark |= situation.steps;

  for (const FileKind& file : situation.files) scene.files.push_back(AddFile(s, file));
  for (const Remembered& held : situation.variables)
    scene.fits = scene.fits && AddFd(s, kGuard, scene.files[held.file], held.variable);
  scene.anchor = AddFile(s, FileKind{.mode = kModePath});
  scene.hidden = uint32_t{1} << scene.anchor;
  s.fds[kGuard][limits.fds - 1] = Fd{static_cast<uint8_t>(scene.anchor + 1), 0, 0};
  for (const Placed& object : objects) scene.fits = scene.fits && PutObject(scene, kActor, object);
  for (const Placed& witness : witnesses) scene.fits = scene.fits && PutWitness(scene, witness);
  return scene;
}

bool AddBystander(CallScene& scene, const std::vector<Role>& roles, const Placed& object) {
  Run(scene.state, roles, kBystander, object.kind.role);
  return PutObject(scene, kBystander, object);
}

Seen LookAt(const State& s, int inode, uint32_t hidden, bool writers) {
  Seen seen;
  const Inode& node = s.inodes[inode];
  seen.alive = node.kind == InodeKind::kMemfd;
  if (!seen.alive) return seen;
  Situation& situation = seen.situation;
  situation.seals = node.seals;
  situation.mask = node.mask;
  situation.attrs = node.attrs;
  situation.mark = node.mark;
  situation.mode = node.mode;
  situation.uid = node.uid;
  situation.gid = node.gid;
  situation.size = node.size;
  LookAtProtocol(s, inode, writers, situation);

  const auto leads = [&](int file) {
    return file >= 0 && (hidden >> file & 1) == 0 && s.files[file].inode == inode + 1;
  };
  const auto file_kind = [&](int file) { return KindOf(s.files[file], writers); };
  for (int t = 0; t < s.limits.tasks; ++t) {
    const Task& task = s.tasks[t];
    if (task.state != TaskState::kRunning) continue;
    const int role = task.mark >> mark::kRoleShift;
    for (const Fd& fd : s.fds[task.fds])
      if (leads(fd.file - 1))
        seen.kinds.insert(KindOf(Holding::kDescriptor, role, file_kind(fd.file - 1)));
    if (t == kGuard) continue;
    for (const Mapping& m : s.mms[task.mm])
      if (leads(m.file - 1)) seen.kinds.insert(KindOf(m, role, file_kind(m.file - 1)));
    for (const PipeBuffer& b : s.buffers)
      if (b.pipe == RingOf(t) && b.inode == inode + 1) seen.kinds.insert(KindOf(b, role));
    if (!leads(task.program - 1)) continue;
    Kind program = KindOf(Holding::kProgram, role, file_kind(task.program - 1));
    program.nondumpable = task.program_nondumpable;
    seen.kinds.insert(program);
  }
  for (const Message& message : s.messages) {
    if (!leads(message.file - 1)) continue;
    const int role = s.tasks[message.end].mark >> mark::kRoleShift;
    seen.kinds.insert(KindOf(Holding::kMessage, role, file_kind(message.file - 1)));
  }
  return seen;
}

}  // namespace selkie
