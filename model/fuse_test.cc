// A mapping that FUSE's passthrough makes, and where the model gives no answer; what kernels answer
// stands in scenarios/map/fuse-passthrough.scn.
#include <cerrno>

#include "model/model_fixture.h"

namespace selkie {
namespace {

class FuseTest : public ModelTest {
 protected:
  static constexpr int64_t kReads = kProtRead, kWrites = kProtRead | kProtWrite;

  int64_t Map(int64_t fd, int64_t prot) { return Do(Op::kFuseMmap, fd, kPageSize, prot, 0); }
};

TEST_F(FuseTest, TheMappingHasAFileThatNoDescriptorHas) {
  const int64_t fd = Memfd(kPageSize);
  EXPECT_EQ(Map(fd, kWrites), 0);
  EXPECT_EQ(s.mms[0][0].file, 2);
  EXPECT_EQ(s.files[1].inode, s.files[0].inode);
  EXPECT_EQ(s.files[1].flags, kFlagRdwr | kFlagBacking);
  EXPECT_EQ(s.files[1].writer, 1);
  EXPECT_EQ(Do(Op::kMunmap, 0, kPageSize), 0);
  EXPECT_EQ(s.files[1].inode, 0);
}

TEST_F(FuseTest, NoSealIsAsked) {
  const int64_t fd = Memfd(kPageSize);
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealWrite), 0);
  const int64_t reader = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  EXPECT_EQ(Map(reader, kWrites), 0);
  EXPECT_EQ(Do(Op::kStore, 0, 'x'), 0);
  EXPECT_EQ(s.inodes[0].bytes[0][0], 'x');
}

TEST_F(FuseTest, ASealFindsAMappingThatWasMadeBefore) {
  const int64_t fd = Memfd(kPageSize);
  EXPECT_EQ(Map(fd, kReads), 0);  // VM_MAYWRITE
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealWrite), -EBUSY);
}

TEST_F(FuseTest, OPathIsEnough) {
  const int64_t path = Do(Op::kOpen, kSelf, Memfd(kPageSize), abi::kOPath);
  EXPECT_EQ(Map(path, kWrites), 0);
  EXPECT_EQ(Map(99, kWrites), -EBADF);
}

TEST_F(FuseTest, WhereTheModelGivesNoAnswer) {
  const int64_t fd = Memfd(kPageSize);
  EXPECT_EQ(Map(fd, kReads), 0);
  Do(Op::kOpenMapFile, 0, 0, abi::kORdonly);
  EXPECT_EQ(last.kind, Result::Kind::kBound);  // FUSE's file
}

TEST_F(FuseTest, AttributesOfWhatIsPassedThroughAreAskedFrom73On) {
  const int64_t fd = Memfd(kPageSize);
  Do(Op::kSetAttr, fd, abi::kFsAppend);
  EXPECT_EQ(Map(fd, kWrites), -EIO);
  Lack(Feature::kBackingAttr, EIO);
  EXPECT_EQ(Map(fd, kWrites), 0);
  ASSERT_NE(last.rule, nullptr);
  EXPECT_EQ(last.rule->name, "lacks");
  EXPECT_EQ(Do(Op::kStore, 0, 'x'), 0);
}

}  // namespace
}  // namespace selkie
