// Writes an initramfs: a cpio archive in the "newc" format, which the kernel
// unpacks into its root file system (Documentation/driver-api/early-userspace/
// buffer-format.rst).
#ifndef SELKIE_KERNEL_INITRAMFS_H_
#define SELKIE_KERNEL_INITRAMFS_H_

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace selkie {

//   Initramfs root;
//   root.AddFile("/init", binary, 0755);
//   WriteTextFile(path, root.Finish());
// Everything belongs to root and has modification time 0, so the same calls give
// the same bytes.  Paths are absolute; missing parent folders are made (0755).
class Initramfs {
 public:
  // Mode is permission bits; a folder that is there already keeps its mode.
  void AddFolder(std::string_view path, uint32_t mode);
  // A file of at most 4 GiB - 1.  Of two with one path the kernel keeps the last.
  void AddFile(std::string_view path, std::string_view contents, uint32_t mode);
  void AddCharDevice(std::string_view path, uint32_t mode, uint32_t major, uint32_t minor);

  // The archive; nothing may be added after.
  std::string Finish();

 private:
  struct Entry {
    std::string_view path;
    uint32_t mode = 0;
    uint32_t links = 1;
    uint32_t device_major = 0;
    uint32_t device_minor = 0;
    std::string_view contents;
  };

  void AddParents(std::string_view path);
  void Append(const Entry& entry);

  std::string bytes_;
  std::set<std::string> folders_;
  uint32_t inode_ = 0;
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_INITRAMFS_H_
