// What `selkie kernels build` writes, with an image that nobody boots.
#include <elf.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/command_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/image_testing.h"
#include "kernel/qemu_process.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

// As much of a static program as is looked at.
std::string StaticProgram() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  return bytes.append(reinterpret_cast<const char*>(&segment), sizeof segment);
}

class KernelsBuild : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("image", std::string(0x202, 'x') + "HdrS");
    Write("selkie", StaticProgram());
  }
  void Write(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(WriteTextFile(folder_->File(name), bytes).ok());
  }
  Outcome Build(std::vector<std::string> words) {
    words.insert(words.begin(), {"kernels", "build", "-o", folder_->File("a guest")});
    const ScopedVariable guest("SELKIE_GUEST", folder_->File("selkie"));
    return RunSelkie(words);
  }
  std::string Written(const std::string& name) {
    return ReadTextFile(folder_->File("a guest/" + name)).value_or("not there");
  }

  absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Make();
};

TEST_F(KernelsBuild, WritesImageInitramfsAndCommandLine) {
  const Outcome built =
      Build({"--image", folder_->File("image"), "--json", "--command", "conform --random  10"});
  ASSERT_EQ(built.code, kHolds) << built.err;
  const Json report = Json::parse(built.out);
  EXPECT_EQ(Written("bzImage"), *ReadTextFile(folder_->File("image")));
  EXPECT_EQ(Written("append"), report["append"].get<std::string>() + "\n");
  EXPECT_EQ(report["command"], Json({"conform", "--random", "10"}));
  EXPECT_EQ(report["modules"], Json::array());
  EXPECT_EQ(report["qemu"].back(), report["append"]);
  EXPECT_THAT(Written("append"),
              AllOf(HasSubstr("SELKIE_GUEST_INIT=1"), HasSubstr("SELKIE_GUEST_PLAIN=1")));
  EXPECT_THAT(Written("initramfs"), AllOf(HasSubstr(StaticProgram()),
                                          HasSubstr(std::string("conform\0--random\00010", 20)),
                                          HasSubstr("selkie/model/semantics/linux-6.12.sem")));
}

TEST_F(KernelsBuild, TheCommandForAShellIsQuoted) {
  const Outcome built = Build({folder_->File("image")});
  ASSERT_EQ(built.code, kHolds) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\nqemu-system-x86_64 -M q35 "));
  EXPECT_THAT(built.out, HasSubstr(" -initrd '" + folder_->File("a guest/initramfs") + "' "));
}

TEST_F(KernelsBuild, WhatCannotBeBuiltIsBadInput) {
  const std::string image = folder_->File("image");
  const std::vector<std::pair<std::vector<std::string>, std::string>> kCases = {
      {{}, "which kernel? expected NAME or --image FILE"},
      {{"native"}, "native is the kernel that runs here"},
      {{"six"}, "'six' is no kernel"},
      {{"6.12", "--image", image}, "NAME excludes --image"},
      {{"--image", folder_->File("selkie")}, "is not an x86 kernel image"},
      {{"--image", image, "--modules", folder_->File("none")}, "none"},
      {{"--image", image, "--modules", image}, "is no module"},
      {{"--image", image, "--command", ""}, "no command"}};
  for (const auto& [words, message] : kCases) {
    const Outcome built = Build(words);
    EXPECT_EQ(built.code, kBadInput) << message;
    EXPECT_THAT(built.err, HasSubstr(message));
  }
  EXPECT_EQ(Written("initramfs"), "not there");
}

TEST(Modules, AreForGuestsOnly) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"conform", "--modules", "fuse.ko"}, {"kernels", "probe", "--modules", "fuse.ko"}}) {
    const Outcome outcome = RunSelkie(words);
    EXPECT_EQ(outcome.code, kBadInput);
    EXPECT_THAT(outcome.err, HasSubstr("--modules: only a guest loads modules"));
  }
}

}  // namespace
}  // namespace selkie
