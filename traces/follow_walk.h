// Where a path leads, if that is a descriptor or a program of some process.  Internal to
// traces/follow*.cc.
#ifndef SELKIE_TRACES_FOLLOW_WALK_H_
#define SELKIE_TRACES_FOLLOW_WALK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace selkie {

// /proc/PID/exe, as the number of a descriptor.
inline constexpr int64_t kExeLink = 1 << 20;

struct WalkedPath {
  enum class Whose {
    kLeader,  // /proc/self, /dev/fd: of the caller's first thread
    kCaller,  // /proc/thread-self
    kNamed,   // /proc/PID
  };
  Whose whose = Whose::kLeader;
  int64_t pid = 0;  // kNamed
  int64_t fd = 0;   // or kExeLink
  // More comes after it, as in /proc/self/fd/3/ and /proc/self/fd/3/../3: only a folder has that.
  bool as_folder = false;
  // A link or a folder on the way is not known: it may lead elsewhere.
  bool unsure = false;
  bool by_dev = false;  // by way of /dev, which need not have a link to /proc
};

// Walks as the kernel does (fs/namei.c link_path_walk): of folders and links, those of /proc and
// /dev are known, and `links`, by their paths.  A path that does not begin with '/' begins where
// nobody knows.  Nothing if it leads to no descriptor.
std::optional<WalkedPath> WalkPath(std::string_view path,
                                   const std::map<std::string, std::string>& links);

}  // namespace selkie

#endif  // SELKIE_TRACES_FOLLOW_WALK_H_
