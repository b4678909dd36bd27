#include "traces/follow_ask.h"

#include <algorithm>

#include "model/step.h"

namespace selkie {
namespace {

constexpr int kCaller = 0, kOthers = 1;

// The size field is narrow: what does not fit is beyond the bounds anyway.
uint32_t Narrow(int64_t small) {
  return static_cast<uint32_t>(std::clamp<int64_t>(small, 0, kMaxPos));
}

}  // namespace

// ---- Scale ----

void Scale::Add(int64_t bytes) {
  if (bytes >= 0 && bytes < kBeyondFiles) pages_.push_back(bytes / kPageSize);
}

void Scale::Freeze() {
  std::sort(pages_.begin(), pages_.end());
  pages_.erase(std::unique(pages_.begin(), pages_.end()), pages_.end());
}

int64_t Scale::Small(int64_t bytes) const {
  if (bytes < 0 || bytes >= kBeyondFiles) return bytes;
  const auto at = std::lower_bound(pages_.begin(), pages_.end(), bytes / kPageSize);
  return (at - pages_.begin()) * kPageSize + bytes % kPageSize;
}

std::optional<int64_t> Scale::Real(int64_t small) const {
  if (small < 0 || small >= kBeyondFiles) return small;
  const auto page = static_cast<size_t>(small / kPageSize);
  if (page < pages_.size()) return pages_[page] * kPageSize + small % kPageSize;
  return std::nullopt;
}

// ---- Ask ----

Ask::Ask(const World& world, const FollowedProcess& process, const Guess& guess)
    : world_(world), guess_(guess) {
  int uid = process.uid.value_or(0);
  if (guess.user == Guess::User::kOwner) uid = kGuessedOwner;
  if (guess.user == Guess::User::kOther) uid = kGuessedOther;
  if (guess.unrefused || guess.user == Guess::User::kRoot) uid = 0;
  // Of users, the model knows 16 bits; only root and equality count.
  uid = uid == 0 ? 0 : std::max(1, uid & 0xffff);
  state_ = InitialState(Limits{}, {uid, uid});
  state_.noexec = static_cast<uint8_t>(std::clamp(process.pids->NoexecScope(), 0, kMaxNoexec));
  if (!guess_.unrefused) fsize_ = process.fsize;
  if (guess.fsize) fsize_ = guess.fsize;
  if (fsize_) scale_.Add(*fsize_);
}

int Ask::InodeSlot(int inode) {
  const auto at = std::find(inodes_.begin(), inodes_.end(), inode);
  const int slot = static_cast<int>(at - inodes_.begin());
  if (at != inodes_.end()) return slot;
  if (slot >= state_.limits.inodes) return Overflow();
  inodes_.push_back(inode);
  Inode& node = state_.inodes[slot];
  node = world_.inodes[inode].node;
  scale_.Add(SizeOf(inode));
  if (guess_.unrefused) node.seals = 0;
  if (slot > 0) return slot;
  node.seals = static_cast<uint8_t>((node.seals & ~guess_.unseal) | guess_.seals);
  if (guess_.user == Guess::User::kOwner) node.uid = node.gid = kGuessedOwner;
  return slot;
}

int Ask::FileSlot(int file) {
  const auto at = std::find(files_.begin(), files_.end(), file);
  const int slot = static_cast<int>(at - files_.begin());
  if (at != files_.end()) return slot;
  if (slot >= state_.limits.files) return Overflow();
  files_.push_back(file);
  const int inode = InodeSlot(world_.files[file].inode);
  File& made = state_.files[slot];
  made = world_.files[file].file;
  made.inode = static_cast<uint8_t>(inode + 1);
  scale_.Add(PosOf(file));
  if (slot == 0 && guess_.mode) made.mode = *guess_.mode;
  if (slot == 0 && guess_.flags) made.flags = *guess_.flags;
  if (guess_.unrefused) made.mode |= kModeRead | kModeWrite | kModePwrite;
  return slot;
}

int64_t Ask::SizeOf(int inode) const {
  const bool first = !inodes_.empty() && inodes_[0] == inode;
  return first && guess_.size ? *guess_.size : world_.inodes[inode].size;
}

int64_t Ask::PosOf(int file) const {
  const bool first = !files_.empty() && files_[0] == file;
  return first && guess_.pos ? *guess_.pos : world_.files[file].pos;
}

int64_t Ask::AddFd(int64_t fd, const FollowedFd* target) {
  const auto at = std::find(fds_.begin(), fds_.end(), fd);
  const auto slot = at - fds_.begin();
  if (at != fds_.end()) return kFirstFd + slot;
  if (slot >= state_.limits.fds) return kFirstFd + Overflow();
  fds_.push_back(fd);
  if (target == nullptr) return kFirstFd + slot;
  Fd& made = state_.fds[state_.tasks[kCaller].fds][slot];
  made = target->fd;
  if (slot == 0 && guess_.cloexec) made.cloexec = *guess_.cloexec;
  made.file = static_cast<uint8_t>(FileSlot(target->file) + 1);
  return kFirstFd + slot;
}

int64_t Ask::AddForeignFd(int64_t fd, const FollowedFd* target) {
  const auto slot = static_cast<int64_t>(foreign_.size());
  if (slot >= state_.limits.fds) return kFirstFd + Overflow();
  foreign_.push_back(fd);
  if (target == nullptr) return kFirstFd + slot;
  Fd& made = state_.fds[state_.tasks[kOthers].fds][slot];
  made = target->fd;
  made.file = static_cast<uint8_t>(FileSlot(target->file) + 1);
  return kFirstFd + slot;
}

void Ask::AddMapping(const FollowedMapping& piece, int start, int pages, int pgoff) {
  Mapping m = piece.map;
  m.file = static_cast<uint8_t>(FileSlot(piece.file) + 1);
  m.start = static_cast<uint8_t>(start);
  m.pages = static_cast<uint8_t>(pages);
  m.pgoff = static_cast<uint8_t>(pgoff);
  AddressSpace& mm = state_.mms[state_.tasks[kCaller].mm];
  auto at = std::find_if(mm.begin(), mm.end(), [](const Mapping& x) { return x.file == 0; });
  if (at == mm.end()) return;
  *at = m;
  std::sort(mm.begin(), at + 1,
            [](const Mapping& a, const Mapping& b) { return a.start < b.start; });
}

void Ask::AddOthersMapping(int file, const Mapping& mapping) {
  AddressSpace& mm = state_.mms[state_.tasks[kOthers].mm];
  for (size_t i = 0; i < mm.size(); ++i) {
    if (mm[i].file != 0) continue;
    mm[i] = mapping;
    mm[i].file = static_cast<uint8_t>(file + 1);
    const bool huge = IsHugetlb(state_.inodes[state_.files[file].inode - 1]);
    mm[i].start = static_cast<uint8_t>(huge ? kArenaPages + i : i);
    mm[i].pages = 1;
    mm[i].pgoff = 0;
    return;
  }
}

int Ask::Overflow() {
  overflow_ = true;
  return 0;
}

// Only whether there are some counts, by VM_SHARED and VM_MAYWRITE.
void Ask::AddOthersMappings(int inode, int slot) {
  if (guess_.unrefused) return;
  bool any = false, may_write = false;
  for (const World::Mapped& mapped : world_.MappingsOf(inode)) {
    const Mapping& map = mapped.mapping->map;
    if ((mapped.exiting && !guess_.exiting) || map.vm_shared == 0) continue;
    const bool writes = (map.may & kProtWrite) != 0;
    if (writes ? may_write : any) continue;
    (writes ? may_write : any) = true;
    AddOthersMapping(FileSlot(mapped.mapping->file), map);
  }
  if (slot > 0 || !guess_.mapped || may_write) return;
  Mapping map;
  map.prot = kProtRead | kProtWrite;
  map.may = kProtRead | kProtWrite | kProtExec;
  map.shared = map.vm_shared = 1;
  for (size_t i = 0; i < files_.size(); ++i)
    if (world_.files[files_[i]].inode == inode) {
      AddOthersMapping(static_cast<int>(i), map);
      return;
    }
}

void Ask::Freeze() {
  const std::vector<int> named = inodes_;
  for (size_t i = 0; i < named.size(); ++i) AddOthersMappings(named[i], static_cast<int>(i));
  scale_.Freeze();
  for (size_t i = 0; i < inodes_.size(); ++i) {
    beyond_ |= SizeOf(inodes_[i]) >= kBeyondFiles;
    state_.inodes[i].size = Narrow(scale_.Small(SizeOf(inodes_[i])));
  }
  for (size_t i = 0; i < files_.size(); ++i) {
    beyond_ |= PosOf(files_[i]) >= kBeyondFiles;
    state_.files[i].pos = Narrow(scale_.Small(PosOf(files_[i])));
  }
  if (fsize_ && *fsize_ < kBeyondFiles)
    state_.tasks[kCaller].fsize = Narrow(scale_.Small(*fsize_)) + 1;
}

void Ask::PlaceMapping(int pgoff, int pages) {
  Mapping& m = state_.mms[state_.tasks[kCaller].mm][0];
  m.pgoff = static_cast<uint8_t>(std::min(pgoff, 0xff));
  m.pages = static_cast<uint8_t>(std::min(pages, 0xff));
}

int64_t Ask::PositionOf(int64_t small_fd) const {
  const int file = FileOf(state_, kCaller, small_fd);
  if (file < 0 || file >= static_cast<int>(files_.size())) return 0;
  return PosOf(files_[file]);
}

bool Ask::Appends(int64_t small_fd) const {
  const int file = FileOf(state_, kCaller, small_fd);
  return file >= 0 && (state_.files[file].flags & kFlagAppend) != 0;
}

int64_t Ask::SizeOfFd(int64_t small_fd) const {
  const int file = FileOf(state_, kCaller, small_fd);
  if (file < 0 || file >= static_cast<int>(files_.size())) return 0;
  return SizeOf(world_.files[files_[file]].inode);
}

void Ask::Run(const Call& call, const Semantics& semantics) {
  before_ = state_;
  call_ = call;
  result_ = Result{};
  result_.kind = Result::Kind::kBound;
  const bool too_large =
      std::any_of(state_.inodes.begin(), state_.inodes.end(), [this](const Inode& inode) {
        return inode.size > static_cast<uint32_t>(state_.limits.pages * kPageSize);
      });
  result_.check = "more different sizes and offsets at once than the bounds have pages";
  if (overflow_ || too_large) return;
  result_.check = "numbers beyond those of any file";
  if (beyond_) return;
  // After a result that no kernel gives.
  result_.check = "the log says what cannot be: a sealed file with a mapping that may write";
  if (!Validate(state_).ok()) return;
  result_ = Step(state_, call, semantics);
}

std::optional<int64_t> Ask::RealFd(int64_t small) const {
  const int64_t slot = small - kFirstFd;
  if (slot < 0 || slot >= static_cast<int64_t>(fds_.size())) return std::nullopt;
  return fds_[slot];
}

int Ask::WorldFile(World& world, int slot) const {
  if (slot < static_cast<int>(files_.size())) return files_[slot];
  made_.resize(kMaxFiles, -1);
  if (made_[slot] >= 0) return made_[slot];
  FollowedFile file;
  file.file = state_.files[slot];
  const int node = file.file.inode - 1;
  file.pos = scale_.Real(file.file.pos).value_or(0);
  if (node < static_cast<int>(inodes_.size())) {
    file.inode = inodes_[node];
  } else {
    FollowedInode inode;
    inode.node = state_.inodes[node];
    inode.node.size = 0;
    world.inodes.push_back(std::move(inode));
    file.inode = static_cast<int>(world.inodes.size()) - 1;
  }
  file.file.inode = 0;
  file.file.pos = 0;
  world.files.push_back(file);
  made_[slot] = static_cast<int>(world.files.size()) - 1;
  return made_[slot];
}

void Ask::Apply(World& world, FollowedProcess& process, const std::vector<int64_t>& new_fds) const {
  for (size_t i = 0; i < inodes_.size(); ++i) {
    if (state_.inodes[i].kind == InodeKind::kNone) continue;  // the last reference went
    FollowedInode& inode = world.inodes[inodes_[i]];
    const uint32_t small = state_.inodes[i].size;
    const int64_t before = SizeOf(inodes_[i]);
    if (!guess_.unrefused) inode.node = state_.inodes[i];
    inode.node.size = 0;
    inode.node.bytes = {};
    inode.size = before;
    if (small == before_.inodes[i].size) continue;
    const std::optional<int64_t> size = scale_.Real(small);
    inode.size = size.value_or(before);
    inode.size_known = size.has_value();
  }
  for (size_t i = 0; i < files_.size(); ++i) {
    if (state_.files[i].inode == 0) continue;
    FollowedFile& file = world.files[files_[i]];
    file.pos = PosOf(files_[i]);
    if (state_.files[i].pos != before_.files[i].pos)
      file.pos = scale_.Real(state_.files[i].pos).value_or(file.pos);
    if (!guess_.unrefused) file.file = state_.files[i];
    file.file.inode = 0;
    file.file.pos = 0;
  }
  const FdTable& table = state_.fds[state_.tasks[kCaller].fds];
  const FdTable& old = before_.fds[before_.tasks[kCaller].fds];
  size_t next = 0;
  for (int slot = 0; slot < kMaxFds; ++slot) {
    if (table[slot] == old[slot]) continue;
    std::optional<int64_t> real = RealFd(kFirstFd + slot);
    if (!real && next < new_fds.size()) real = new_fds[next++];
    if (!real) continue;
    if (table[slot].file == 0) {
      process.fds->memfds.erase(*real);
      continue;
    }
    FollowedFd fd;
    fd.fd = table[slot];
    fd.fd.file = 0;
    fd.file = WorldFile(world, table[slot].file - 1);
    process.fds->memfds[*real] = fd;
  }
}

}  // namespace selkie
