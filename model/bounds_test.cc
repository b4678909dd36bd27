// Calls that the model leaves out.  conform does not make them and no scenario can, so that it
// is seen here alone that they are left out, and that they leave the state as it was, which
// DoAs asks of every call.
#include "model/model_fixture.h"

namespace selkie {
namespace {

class BoundsTest : public ModelTest {};

TEST_F(BoundsTest, DescriptorsOfTheHarnessAreNotReplaced) {
  const int64_t fd = Memfd();
  for (int64_t harness : {0, 1, 2}) {
    EXPECT_EQ(Do(Op::kDup2, fd, harness), kBoundary);
    EXPECT_EQ(Do(Op::kDup3, fd, harness, abi::kOCloexec), kBoundary);
  }
}

TEST_F(BoundsTest, FlagsOfOpenThatAreNotModelled) {
  const int64_t fd = Memfd(), tmpfile = 020000000;
  EXPECT_EQ(Do(Op::kOpen, kSelf, fd, tmpfile | abi::kORdwr), kBoundary);
  for (int64_t shown : {010000, 020000, 01000000, 04010000})
    EXPECT_EQ(Do(Op::kOpen, kSelf, fd, shown | abi::kORdwr), kBoundary);
  EXPECT_EQ(Do(Op::kOpen, kSelf, fd, abi::kOPath | abi::kONofollow), kBoundary);
}

TEST_F(BoundsTest, TasksThatDoNotExist) {
  const int64_t fd = Memfd(4096), map = Map(fd, 1, kProtRead | kProtWrite);
  for (int64_t task : {-3, 2, kMaxTasks, 9}) {
    EXPECT_EQ(Do(Op::kOpen, task, fd, abi::kORdwr), kBoundary);
    EXPECT_EQ(Do(Op::kProcessVmWritev, task, map, 'x'), kBoundary);
    EXPECT_EQ(Do(Op::kMemWrite, task, map, 'x'), kBoundary);
  }
}

TEST_F(BoundsTest, CountsBeyondTheBufferAndIntsBeyond32Bits) {
  const int64_t fd = Memfd(100), most = int64_t{1} << 26;
  EXPECT_EQ(Do(Op::kRead, fd, most), 100);
  EXPECT_EQ(Do(Op::kRead, fd, most + 1), kBoundary);
  EXPECT_EQ(Do(Op::kClose, fd + (int64_t{1} << 32)), kBoundary);
}

TEST_F(BoundsTest, APairForWhichThereAreNotEnoughFilesLeavesNone) {
  Limits limits;
  limits.files = 2;
  s = InitialState(limits, {0, 1000});
  Memfd();
  EXPECT_EQ(Do(Op::kSocketpair), kBoundary);
  Memfd();
  EXPECT_EQ(Do(Op::kPipe2, 0), kBoundary);
}

TEST_F(BoundsTest, ACopyBehindItselfThatLeavesTheBoundsIsNotHalfDone) {
  const int64_t fd = Memfd(12288);
  Do(Op::kLseek, fd, 12288, abi::kSeekSet);
  EXPECT_EQ(Do(Op::kSendfile, fd, fd, 8192, 8192), kBoundary);
}

}  // namespace
}  // namespace selkie
