#include "cli/output_path.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "fmt/format.h"

namespace selkie {
namespace fs = std::filesystem;

namespace {

absl::Status Bad(std::string_view option, const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("{} {}: {}", option, path, why));
}

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool IsFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// access(2) and not an attempt: that would leave an empty file where the work fails.
absl::Status MayWrite(std::string_view option, const std::string& path, const std::string& what) {
  const int how = IsFolder(what) ? W_OK | X_OK : W_OK;
  if (access(what.c_str(), how) == 0) return absl::OkStatus();
  return Bad(option, path, fmt::format("cannot write to {}: {}", what, std::strerror(errno)));
}

// "a" for "a/b" and for "a/b/", "." for "b".
std::string ParentOf(const std::string& path) {
  const fs::path whole(path);
  const fs::path parent = (whole.has_filename() ? whole : whole.parent_path()).parent_path();
  return parent.empty() ? "." : parent.string();
}

// May something be made at `path`?
absl::Status MayMake(std::string_view option, const std::string& path) {
  const std::string parent = ParentOf(path);
  if (!IsFolder(parent))
    return Bad(option, path,
               fmt::format("there is no folder {}: make it first, or name another", parent));
  return MayWrite(option, path, parent);
}

}  // namespace

absl::Status FileCanBeWritten(std::string_view option, const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  if (IsFolder(path) || path.ends_with('/'))
    return Bad(option, path, "is a folder, expected a file");
  return Exists(path) ? MayWrite(option, path, path) : MayMake(option, path);
}

absl::Status FolderIsThere(std::string_view option, const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  if (!IsFolder(path))
    return Bad(option, path, "there is no such folder: make it first, or name another");
  return MayWrite(option, path, path);
}

absl::Status FolderCanBeMade(std::string_view option, const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  return Exists(path) ? FolderIsThere(option, path) : MayMake(option, path);
}

absl::Status FoldersCanBeMade(std::string_view option, const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  std::string there = path;
  while (!Exists(there)) there = ParentOf(there);
  if (IsFolder(there)) return MayWrite(option, path, there);
  return Bad(option, path, fmt::format("{} is a file, expected a folder", there));
}

}  // namespace selkie
