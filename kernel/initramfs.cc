#include "kernel/initramfs.h"

#include <sys/stat.h>

#include <utility>

#include "fmt/format.h"

namespace selkie {
namespace {

// The archive names everything relative to the root.
std::string_view Relative(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

void Pad(std::string& bytes) { bytes.resize((bytes.size() + 3) / 4 * 4, '\0'); }

}  // namespace

void Initramfs::Append(const Entry& entry) {
  // Fields in order: inode, mode, uid, gid, links, mtime, size, the device that
  // holds it (2), the device that it is (2), length of the name, checksum.
  bytes_ += fmt::format(
      "070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
      ++inode_, entry.mode, 0, 0, entry.links, 0, entry.contents.size(), 0, 0, entry.device_major,
      entry.device_minor, entry.path.size() + 1, 0);
  bytes_.append(entry.path);
  bytes_.push_back('\0');
  Pad(bytes_);
  bytes_.append(entry.contents);
  Pad(bytes_);
}

void Initramfs::AddParents(std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1))
    AddFolder(path.substr(0, slash), 0755);
}

void Initramfs::AddFolder(std::string_view path, uint32_t mode) {
  path = Relative(path);
  if (path.empty() || folders_.contains(std::string(path))) return;
  AddParents(path);
  folders_.insert(std::string(path));
  Append({.path = path, .mode = S_IFDIR | mode, .links = 2, .contents = {}});
}

void Initramfs::AddFile(std::string_view path, std::string_view contents, uint32_t mode) {
  path = Relative(path);
  AddParents(path);
  Append({.path = path, .mode = S_IFREG | mode, .contents = contents});
}

void Initramfs::AddCharDevice(std::string_view path, uint32_t mode, uint32_t major,
                              uint32_t minor) {
  path = Relative(path);
  AddParents(path);
  Append({.path = path,
          .mode = S_IFCHR | mode,
          .device_major = major,
          .device_minor = minor,
          .contents = {}});
}

std::string Initramfs::Finish() {
  Append({.path = "TRAILER!!!", .contents = {}});
  return std::move(bytes_);
}

}  // namespace selkie
