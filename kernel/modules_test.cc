#include "kernel/modules.h"

#include <elf.h>

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/image_command.h"
#include "kernel/qemu_process.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As much of a module as is read: two sections, of which one names both.
std::string Module(const std::string& depends) {
  const std::string names("\0.shstrtab\0.modinfo", 20);
  const std::string info = std::string("license=GPL") + '\0' + "depends=" + depends + '\0';
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_type = ET_REL;
  header.e_machine = EM_X86_64;
  header.e_shoff = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 2;
  const uint64_t data = sizeof header + 2 * sizeof(Elf64_Shdr);
  Elf64_Shdr sections[2] = {};
  sections[0].sh_name = 1;
  sections[0].sh_offset = data;
  sections[0].sh_size = names.size();
  sections[1].sh_name = 11;
  sections[1].sh_offset = data + names.size();
  sections[1].sh_size = info.size();
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(sections), sizeof sections);
  return bytes + names + info;
}

class Modules : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(WriteTextFile(folder_->File(name), bytes).ok());
  }
  // The names in the order of loading; an error's text.
  std::vector<std::string> Names(const std::vector<std::string>& paths) {
    std::vector<std::string> whole, names;
    for (const std::string& path : paths) whole.push_back(folder_->File(path));
    absl::StatusOr<std::vector<KernelModule>> modules = ReadModules(whole);
    if (!modules.ok()) return {std::string(modules.status().message())};
    for (const KernelModule& module : *modules) names.push_back(module.name);
    return names;
  }
  absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Make();
};

TEST_F(Modules, OfNoPathsThereAreNone) { EXPECT_THAT(Names({}), IsEmpty()); }

TEST_F(Modules, WhatOneDependsOnComesFirstAndOnce) {
  Write("any/a-one.ko", Module("z_last,middle"));
  Write("any/middle.ko", Module("z-last"));
  Write("any/z-last.ko", Module(""));
  EXPECT_THAT(Names({"any"}), ElementsAre("z_last", "middle", "a_one"));
  EXPECT_THAT(Names({"any/middle.ko", "any/a-one.ko"}), ElementsAre("z_last", "middle", "a_one"));
}

TEST_F(Modules, OfAKernelsTreeThoseThatACallNeeds) {
  Write("tree/lib/modules/6.1/modules.order", "");
  Write("tree/lib/modules/6.1/kernel/fs/fuse/fuse.ko", Module("helper"));
  Write("tree/lib/modules/6.1/kernel/fs/fuse/cuse.ko", Module("fuse"));
  Write("tree/lib/modules/6.1/kernel/lib/helper.ko", Module(""));
  EXPECT_THAT(Names({"tree"}), ElementsAre("helper", "fuse"));
  EXPECT_THAT(Names({"tree", "tree/lib/modules/6.1/kernel/fs/fuse/cuse.ko"}),
              ElementsAre("helper", "fuse", "cuse"));
}

TEST_F(Modules, ACompressedOneIsUnpacked) {
  Write("any/fuse.ko", Module(""));
  absl::StatusOr<CommandOutput> packed = RunCommand({"gzip", "fuse.ko"}, folder_->File("any"));
  ASSERT_TRUE(packed.ok() && packed->exit_code == 0);
  absl::StatusOr<std::vector<KernelModule>> modules = ReadModules({folder_->File("any")});
  ASSERT_TRUE(modules.ok()) << modules.status();
  EXPECT_EQ(*modules, (std::vector<KernelModule>{{"fuse", Module("")}}));
}

TEST_F(Modules, WhatIsMissingOrNoModuleIsNamed) {
  Write("any/fuse.ko", Module("helper"));
  Write("text/fuse.ko", "text");
  Write("packed/fuse.ko.gz", "no gzip");
  Write("other/readme", "text");
  EXPECT_THAT(Names({"any"}), ElementsAre(HasSubstr("needs the module helper")));
  EXPECT_THAT(Names({"text"}), ElementsAre(HasSubstr("fuse.ko: is no module of an x86-64 kernel")));
  EXPECT_THAT(Names({"packed"}), ElementsAre(HasSubstr("gzip failed with exit status 1")));
  EXPECT_THAT(Names({"other"}), ElementsAre(HasSubstr("holds no module")));
  EXPECT_THAT(Names({"other/readme"}), ElementsAre(HasSubstr("is no module: expected a name")));
  EXPECT_THAT(Names({"nowhere"}), ElementsAre(HasSubstr("nowhere")));
}

// A file cut anywhere is no module, and nothing beyond its end is read.
TEST_F(Modules, ATruncatedOneIsNone) {
  const std::string whole = Module("");
  for (size_t size = 0; size < whole.size() - 30; ++size) {
    Write("cut/fuse.ko", whole.substr(0, size));
    EXPECT_THAT(Names({"cut"}), ElementsAre(HasSubstr("is no module"))) << size;
  }
}

}  // namespace
}  // namespace selkie
