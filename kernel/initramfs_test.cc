#include "kernel/initramfs.h"

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;

// An independent reader of the newc format, from its description.
struct Entry {
  std::string path;
  std::string contents;
  uint32_t mode = 0;
  uint32_t device = 0;  // major * 256 + minor
  friend bool operator==(const Entry&, const Entry&) = default;
};

size_t Aligned(size_t at) { return (at + 3) & ~size_t{3}; }

std::vector<Entry> Read(const std::string& archive) {
  std::vector<Entry> entries;
  for (size_t at = 0; at < archive.size();) {
    EXPECT_EQ(archive.substr(at, 6), "070701") << "at " << at;
    if (archive.substr(at, 6) != "070701") break;
    auto field = [&](size_t index) {
      return static_cast<uint32_t>(std::stoul(archive.substr(at + 6 + 8 * index, 8), nullptr, 16));
    };
    size_t name_size = field(11);
    size_t body = Aligned(at + 110 + name_size);
    EXPECT_EQ(archive.at(at + 110 + name_size - 1), '\0');
    entries.push_back({archive.substr(at + 110, name_size - 1), archive.substr(body, field(6)),
                       field(1), field(9) * 256 + field(10)});
    at = Aligned(body + field(6));
  }
  return entries;
}

const Entry kTrailer = {"TRAILER!!!", "", 0, 0};

TEST(Initramfs, AnEmptyArchiveIsItsTrailer) {
  EXPECT_THAT(Read(Initramfs().Finish()), ElementsAre(kTrailer));
}

TEST(Initramfs, FilesFoldersAndDevicesComeBack) {
  Initramfs root;
  root.AddFolder("/tmp", 01777);
  root.AddCharDevice("/dev/console", 0600, 5, 1);
  root.AddFile("/init",
               std::string("\x7f"
                           "ELF\0x",
                           6),
               0755);
  EXPECT_THAT(Read(root.Finish()),
              ElementsAre(Entry{"tmp", "", S_IFDIR | 01777, 0}, Entry{"dev", "", S_IFDIR | 0755, 0},
                          Entry{"dev/console", "", S_IFCHR | 0600, 5 * 256 + 1},
                          Entry{"init",
                                std::string("\x7f"
                                            "ELF\0x",
                                            6),
                                S_IFREG | 0755, 0},
                          kTrailer));
}

TEST(Initramfs, ParentsAreMadeOnceAndBeforeTheirFiles) {
  Initramfs root;
  root.AddFile("/a/b/c.txt", "1", 0644);
  root.AddFile("/a/d.txt", "2", 0644);
  root.AddFolder("/a/b/", 0700);
  EXPECT_THAT(Read(root.Finish()),
              ElementsAre(Entry{"a", "", S_IFDIR | 0755, 0}, Entry{"a/b", "", S_IFDIR | 0755, 0},
                          Entry{"a/b/c.txt", "1", S_IFREG | 0644, 0},
                          Entry{"a/d.txt", "2", S_IFREG | 0644, 0}, kTrailer));
}

TEST(Initramfs, ContentsOfEveryLengthModuloFourArePadded) {
  for (size_t size = 0; size < 9; ++size) {
    Initramfs root;
    std::string name(size + 1, 'n');
    root.AddFile(name, std::string(size, 'x'), 0644);
    root.AddFile("after", "y", 0644);
    EXPECT_THAT(Read(root.Finish()),
                ElementsAre(Entry{name, std::string(size, 'x'), S_IFREG | 0644, 0},
                            Entry{"after", "y", S_IFREG | 0644, 0}, kTrailer));
  }
}

}  // namespace
}  // namespace selkie
