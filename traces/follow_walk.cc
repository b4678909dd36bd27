#include "traces/follow_walk.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <iterator>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

constexpr int kMostLinks = 40;  // MAXSYMLINKS

// What stands between slashes, in order; the last one is empty if the path ends in a slash.
std::deque<std::string> PartsOf(std::string_view path) {
  std::deque<std::string> parts;
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    parts.emplace_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

// A number as a name below /proc (fs/proc/util.c name_to_int): no sign, no zero before it.
std::optional<int64_t> NameToInt(std::string_view name) {
  if (name.empty() || (name[0] == '0' && name.size() > 1)) return std::nullopt;
  uint32_t number = 0;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (code != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

class Walk {
 public:
  Walk(std::string_view path, const std::map<std::string, std::string>& links)
      : links_(links), ahead_(PartsOf(path)) {
    walked_.unsure = relative_ = !path.starts_with('/');
  }

  std::optional<WalkedPath> Run() {
    while (!ahead_.empty()) {
      const std::string part = std::move(ahead_.front());
      ahead_.pop_front();
      if (found_) {
        walked_.as_folder = true;
        return walked_;
      }
      if (!Step(part)) return std::nullopt;
    }
    return found_ ? std::optional(walked_) : std::nullopt;
  }

 private:
  // False if the path leads nowhere.
  bool Step(const std::string& part) {
    if (part.empty() || part == ".") return true;
    if (part == "..") {
      // Where a folder that is not known stands is not known either.
      walked_.unsure |= !IsKnownFolder();
      if (!at_.empty()) at_.pop_back();
      return true;
    }
    at_.push_back(part);
    const auto link = links_.find(fmt::format("{}{}", relative_ ? "" : "/", fmt::join(at_, "/")));
    if (link != links_.end()) return Follow(link->second);
    if (at_[0] == "dev") return StepInDev();
    return at_[0] != "proc" || StepInProc();
  }

  bool Follow(std::string_view target) {
    if (++links_followed_ > kMostLinks) return false;
    at_.pop_back();
    if (target.starts_with('/')) {
      at_.clear();
      relative_ = false;
    }
    const std::deque<std::string> parts = PartsOf(target);
    ahead_.insert(ahead_.begin(), parts.begin(), parts.end());
    return true;
  }

  bool StepInDev() {
    if (at_.size() != 2) return true;
    constexpr std::string_view kStandard[] = {"stdin", "stdout", "stderr"};
    const auto standard = std::find(std::begin(kStandard), std::end(kStandard), at_[1]);
    if (at_[1] != "fd" && standard == std::end(kStandard)) return true;
    walked_.by_dev = true;
    if (at_[1] == "fd") return Follow("/proc/self/fd");
    return Follow(fmt::format("/proc/self/fd/{}", standard - std::begin(kStandard)));
  }

  // The parts below /proc/PID or /proc/PID/task/TID, whose descriptors are at hand.
  size_t Base() const { return at_.size() > 3 && at_[2] == "task" ? 4 : 2; }

  bool StepInProc() {
    if (at_.size() < 3) return true;
    const bool task = Base() == 4;
    const bool own = !task && (at_[1] == "self" || at_[1] == "thread-self");
    const size_t below = at_.size() - Base();
    const std::string_view name = at_.back();
    if (below == 1 && name == "root") {
      walked_.unsure |= !own;  // it may have changed its root
      at_.clear();
    } else if (below == 1 && name == "cwd") {
      walked_.unsure = true;
      at_.clear();
    } else if (below == 1 && name == "exe") {
      return Find(kExeLink);
    } else if (below == 2 && at_[Base()] == "fd") {
      const auto fd = NameToInt(name);
      return fd && Find(*fd);
    }
    return true;
  }

  // The descriptor `fd` of the process in whose folder the path is.
  bool Find(int64_t fd) {
    const std::string_view who = at_[Base() - 1];
    walked_.fd = fd;
    found_ = true;
    if (who == "self") return true;
    walked_.whose = WalkedPath::Whose::kCaller;
    if (who == "thread-self") return true;
    const auto pid = NameToInt(who);
    walked_.whose = WalkedPath::Whose::kNamed;
    walked_.pid = pid.value_or(0);
    return pid.has_value();
  }

  // Of those, ".." leads to what stands before them in the path.
  bool IsKnownFolder() const {
    if (at_.empty()) return true;
    if (at_[0] == "dev") return at_.size() == 1;
    if (at_[0] != "proc") return false;
    if (at_.size() == 1) return true;
    if (at_.size() == 2) return at_[1] == "self" || at_[1] == "sys" || NameToInt(at_[1]);
    const size_t below = at_.size() - std::min(Base(), at_.size());
    constexpr std::string_view kFolders[] = {"fd", "fdinfo", "task", "ns", "map_files"};
    return below == 0 || (below == 1 && std::find(std::begin(kFolders), std::end(kFolders),
                                                  at_.back()) != std::end(kFolders));
  }

  const std::map<std::string, std::string>& links_;
  std::deque<std::string> ahead_;  // parts that are still to be walked
  std::deque<std::string> at_;     // parts of the folder that has been reached
  WalkedPath walked_;
  bool relative_ = false;  // it began where nobody knows
  bool found_ = false;
  int links_followed_ = 0;
};

}  // namespace

std::optional<WalkedPath> WalkPath(std::string_view path,
                                   const std::map<std::string, std::string>& links) {
  return Walk(path, links).Run();
}

}  // namespace selkie
