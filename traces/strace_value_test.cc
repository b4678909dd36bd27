#include "traces/strace_value.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StraceValueTest, NumbersInEveryNotation) {
  EXPECT_EQ(StraceNumber("10"), 10);
  EXPECT_EQ(StraceNumber("0x10"), 16);
  EXPECT_EQ(StraceNumber("0644"), 0644);
  EXPECT_EQ(StraceNumber("-1"), -1);
  EXPECT_EQ(StraceNumber("NULL"), 0);
  EXPECT_EQ(StraceNumber("0x409 /* F_ADD_SEALS */"), 0x409);
  EXPECT_EQ(StraceNumber("3</memfd:x>(deleted)"), 3);
  EXPECT_EQ(StraceNumber("18446744073709551615"), -1);
  EXPECT_EQ(StraceNumber("99999999999999999999"), std::nullopt);
  EXPECT_EQ(StraceNumber("F_ADD_SEALS"), std::nullopt);
  EXPECT_EQ(StraceNumber(""), std::nullopt);
}

TEST(StraceValueTest, FlagsByNameNumberAndShift) {
  EXPECT_EQ(StraceFlags("F_SEAL_SEAL|F_SEAL_WRITE|0x20"), 0x29);
  EXPECT_EQ(StraceFlags("MFD_CLOEXEC|MFD_HUGETLB|21<<MFD_HUGE_SHIFT"), 1 | 4 | (21 << 26));
  EXPECT_EQ(StraceFlags("0x3 /* MFD_CLOEXEC|MFD_ALLOW_SEALING */"), 3);
  EXPECT_EQ(StraceFlags("MAP_SHARED|MAP_POPULATE"), 0x8001);
  EXPECT_EQ(StraceFlags("NO_SUCH_FLAG"), std::nullopt);
  EXPECT_EQ(StraceFlags("1<<64"), std::nullopt);
  const FlagName own[] = {{"OWN", 0x1000}};
  EXPECT_EQ(StraceFlags("OWN|O_RDWR", own), 0x1002);
}

TEST(StraceValueTest, ConstantsByNameOrNumber) {
  EXPECT_TRUE(IsStraceConstant("F_ADD_SEALS", "F_ADD_SEALS"));
  EXPECT_TRUE(IsStraceConstant("0x409 /* F_ADD_SEALS */", "F_ADD_SEALS"));
  EXPECT_TRUE(IsStraceConstant("1033", "F_ADD_SEALS"));
  EXPECT_FALSE(IsStraceConstant("F_GET_SEALS", "F_ADD_SEALS"));
  EXPECT_FALSE(IsStraceConstant("", "F_ADD_SEALS"));
}

TEST(StraceValueTest, StringsWholeAndCut) {
  EXPECT_EQ(StraceQuoted("\"a\\n\\x41\\101\\0\"")->bytes, std::string("a\nAA\0", 5));
  EXPECT_TRUE(StraceQuoted("\"a\"")->whole);
  EXPECT_FALSE(StraceQuoted("\"a\"...")->whole);
  EXPECT_FALSE(StraceQuoted("NULL").has_value());
  EXPECT_FALSE(StraceQuoted("\"open").has_value());
}

TEST(StraceValueTest, DescriptorsSayWhatTheyLeadTo) {
  EXPECT_EQ(StraceDescriptor("5")->fd, 5);
  EXPECT_FALSE(StraceDescriptor("5")->path.has_value());
  for (const std::string_view text : {"5</memfd:a b>(deleted)", "5</memfd:a b (deleted)>"}) {
    const auto fd = StraceDescriptor(text);
    ASSERT_TRUE(fd && fd->path) << text;
    EXPECT_EQ(*fd->path, "/memfd:a b");
    EXPECT_TRUE(fd->deleted && fd->is_memfd());
  }
  EXPECT_EQ(*StraceDescriptor("5</memfd:\\76\\74>(deleted)")->path, "/memfd:><");
  EXPECT_EQ(*StraceDescriptor("5</dev/null<char 1:3>>")->path, "/dev/null<char 1:3>");
  EXPECT_FALSE(StraceDescriptor("5</dev/shm/memfd:x>")->is_memfd());
  EXPECT_EQ(StraceDescriptor("AT_FDCWD</root>")->fd, -100);
  EXPECT_EQ(StraceDescriptor("0xffffffff")->fd, -1);
  EXPECT_FALSE(StraceDescriptor("NULL").has_value());
}

TEST(StraceValueTest, MembersAndElements) {
  const std::string_view st = "{st_mode=S_IFREG|0777, st_size=4096, ...}";
  EXPECT_EQ(StraceField(st, "st_size"), "4096");
  EXPECT_EQ(StraceField(st, "st_blocks"), std::nullopt);
  EXPECT_EQ(StraceField("flags=CLONE_VM|SIGCHLD", "flags"), "CLONE_VM|SIGCHLD");
  EXPECT_THAT(StraceElements("[3, 4</a>, ...]"), ElementsAre("3", "4</a>"));
  EXPECT_THAT(StraceElements("[]"), IsEmpty());
  EXPECT_THAT(StraceElements("0x7ffc"), IsEmpty());
}

}  // namespace
}  // namespace selkie
