#include "traces/follow_world.h"

#include <algorithm>

namespace selkie {
namespace {

constexpr uint16_t kNewMemfdMode = 0777;

FollowedMapping Cut(FollowedMapping m, uint64_t begin, uint64_t end) {
  const uint64_t from = std::max(begin, m.begin);
  m.offset += static_cast<int64_t>(from - m.begin);
  m.begin = from;
  m.end = std::min(end, m.end);
  return m;
}

}  // namespace

std::vector<FollowedMapping> FollowedSpace::Pieces(uint64_t begin, uint64_t end) const {
  std::vector<FollowedMapping> pieces;
  if (begin >= end) return pieces;
  auto at = maps_.upper_bound(begin);
  if (at != maps_.begin() && std::prev(at)->second.end > begin) --at;
  for (; at != maps_.end() && at->second.begin < end; ++at)
    pieces.push_back(Cut(at->second, begin, end));
  return pieces;
}

const FollowedMapping* FollowedSpace::At(uint64_t address) const {
  auto at = maps_.upper_bound(address);
  if (at == maps_.begin()) return nullptr;
  --at;
  return at->second.end > address ? &at->second : nullptr;
}

std::vector<const FollowedMapping*> FollowedSpace::Of(int inode) const {
  std::vector<const FollowedMapping*> found;
  for (auto at = by_inode_.lower_bound({inode, 0}); at != by_inode_.end() && at->first == inode;
       ++at)
    found.push_back(&maps_.at(at->second));
  return found;
}

void FollowedSpace::Insert(const FollowedMapping& mapping) {
  maps_[mapping.begin] = mapping;
  by_inode_.emplace(mapping.inode, mapping.begin);
}

void FollowedSpace::Remove(uint64_t begin, uint64_t end) {
  for (const FollowedMapping& piece : Pieces(begin, end)) {
    const FollowedMapping whole = *At(piece.begin);
    maps_.erase(whole.begin);
    by_inode_.erase({whole.inode, whole.begin});
    if (whole.begin < piece.begin) Insert(Cut(whole, whole.begin, piece.begin));
    if (piece.end < whole.end) Insert(Cut(whole, piece.end, whole.end));
  }
}

void FollowedSpace::Put(const FollowedMapping& mapping) {
  if (mapping.begin >= mapping.end) return;
  Remove(mapping.begin, mapping.end);
  Insert(mapping);
}

std::string FollowedFds::PathOf(int64_t fd) const {
  const auto known = folders.find(fd);
  return known == folders.end() ? "" : known->second;
}

FollowedProcess& World::Process(int64_t pid) {
  const auto [at, is_new] = processes.try_emplace(pid);
  if (is_new) at->second.pid = at->second.tgid = pid;
  if (is_new) at->second.pids = at->second.children_pids = pids;
  return at->second;
}

int FollowedPidNamespace::NoexecScope() const {
  return std::max(noexec, parent == nullptr ? 0 : parent->NoexecScope());
}

int World::AddUnknownFile(std::string name, int line) {
  FollowedInode inode;
  inode.node.kind = InodeKind::kMemfd;
  inode.node.mode = kNewMemfdMode;
  inode.node.mask = kProtRead | kProtWrite | kProtExec;
  inode.size_known = false;
  inode.outside = inode.from_outside = true;
  inode.name = std::move(name);
  inode.line = line;
  inodes.push_back(std::move(inode));
  FollowedFile file;
  file.file.mode = kModeRead | kModeWrite | kModePwrite;
  file.file.flags = kFlagRdwr;
  file.inode = static_cast<int>(inodes.size()) - 1;
  file.known = false;
  file.outside = true;
  files.push_back(file);
  return static_cast<int>(files.size()) - 1;
}

std::vector<World::Mapped> World::MappingsOf(int inode) const {
  std::vector<Mapped> found;
  std::map<const FollowedSpace*, bool> exiting;  // an address space ends with its last process
  for (const auto& [pid, process] : processes) {
    const auto [at, is_new] = exiting.try_emplace(process.mm.get(), process.exiting);
    if (!process.exiting) at->second = false;
  }
  for (const auto& [space, ends] : exiting)
    for (const FollowedMapping* mapping : space->Of(inode)) found.push_back({mapping, ends});
  return found;
}

void World::AnyMayBeHeld() {
  for (FollowedInode& inode : inodes) inode.outside = true;
  for (FollowedFile& file : files) file.outside = true;
}

bool World::Runs(int inode) const {
  return std::any_of(processes.begin(), processes.end(), [&](const auto& entry) {
    const int exe = entry.second.exe;
    return exe >= 0 && files[exe].inode == inode;
  });
}

void World::ForbidWriting(int inode) {
  for (auto& [pid, process] : processes)
    for (auto& [begin, mapping] : process.mm->all())
      if (mapping.map.shared != 0 && files[mapping.file].inode == inode) {
        mapping.map.may &= static_cast<uint8_t>(~kProtWrite);
        mapping.map.prot &= static_cast<uint8_t>(~kProtWrite);
      }
}

}  // namespace selkie
