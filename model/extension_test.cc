#include "model/model_fixture.h"

namespace selkie {
namespace {

constexpr int kPoint = static_cast<int>(Point::kExtension);

class ExtensionTest : public ModelTest {
 protected:
  ExtensionTest() {
    semantics.extensions.push_back({.name = "F_DUP_READONLY", .function = "fcntl"});
    semantics.extensions.push_back(
        {.name = "SET_MASK", .function = "ioctl", .arg = ArgKind::kFlags});
    AddRule(semantics, kPoint, "new", EffectKind::kNewFile, kModeRead, {When()});
    AddRule(semantics, kPoint + 1, "only-less", EffectKind::kRefuse, EINVAL,
            {When().Has(FactSet::kArg, kProtWrite).Lacks(FactSet::kMask, kProtWrite)});
    AddRule(semantics, kPoint + 1, "keep", EffectKind::kKeepMask, 0, {When()});
  }
};

TEST_F(ExtensionTest, ANewFileIsAnotherDescriptionOfTheSameInode) {
  const int64_t fd = Memfd(7);
  EXPECT_EQ(Do(Op::kExtension, fd, 0, 0), fd + 1);
  EXPECT_EQ(last.rule->name, "new");
  EXPECT_EQ(Do(Op::kWrite, fd + 1, 'x', 1), -EBADF);
  EXPECT_EQ(Do(Op::kFstat, fd + 1), 7);
  EXPECT_EQ(Do(Op::kGetFl, fd + 1), abi::kOLargefile);
}

TEST_F(ExtensionTest, TheMaskKeepsWhatTheArgumentHas) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kExtension, fd, 1, kProtRead), 0);
  EXPECT_EQ(s.inodes[0].mask, kProtRead);
  EXPECT_EQ(Do(Op::kExtension, fd, 1, kProtRead | kProtWrite), -EINVAL);
  EXPECT_EQ(Do(Op::kExtension, fd, 1, kProtRead), 0);
  EXPECT_FALSE(last.changed);
}

TEST_F(ExtensionTest, OnlyMemfdsAndDeclaredCallsAreKnown) {
  const int64_t socket = Do(Op::kSocketpair);
  EXPECT_EQ(Do(Op::kExtension, socket, 0, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kExtension, socket, 1, 0), -ENOTTY);
  EXPECT_EQ(Do(Op::kExtension, 77, 0, 0), -EBADF);
  EXPECT_EQ(Do(Op::kExtension, socket, 2, 0), kBoundary);
  EXPECT_EQ(Do(Op::kExtension, socket, -1, 0), kBoundary);
}

}  // namespace
}  // namespace selkie
