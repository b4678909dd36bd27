#include "model/model_fixture.h"

namespace selkie {
namespace {

class CopyTest : public ModelTest {};

TEST_F(CopyTest, SendfileChecksTheSourceBeforeTheTarget) {
  const int64_t fd = Memfd(100), ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  const int64_t wo = Do(Op::kOpen, kSelf, fd, abi::kOWronly);
  EXPECT_EQ(Do(Op::kSendfile, 77, wo, kNoOffset, 1), -EBADF);
  EXPECT_STREQ(last.check, "fs/read_write.c do_sendfile: FMODE_READ");
  EXPECT_EQ(Do(Op::kSendfile, 77, fd, -1, 1), -EINVAL);
  EXPECT_EQ(Do(Op::kSendfile, ro, fd, 0, 1), -EBADF);
  EXPECT_EQ(Do(Op::kSendfile, fd, fd, 100, 5), 0);  // at the end of the source
}

TEST_F(CopyTest, WhatIsCopiedStandsInTheTargetAndBothPositionsMove) {
  const int64_t from = Memfd(), to = Memfd();
  Do(Op::kWrite, from, 'a', 4096);
  Do(Op::kLseek, from, 0, abi::kSeekSet);
  EXPECT_EQ(Do(Op::kSendfile, to, from, kNoOffset, 4096), 4096);
  EXPECT_EQ(Do(Op::kLseek, from, 0, abi::kSeekCur), 4096);
  EXPECT_EQ(Do(Op::kLseek, to, 0, abi::kSeekCur), 4096);
  EXPECT_EQ(Do(Op::kPread, to, 4096, 0), 4096);
  EXPECT_EQ(last.data[0], 'a');
}

TEST_F(CopyTest, ASealedTargetRefusesOnlyIfThereIsSomethingToCopy) {
  const int64_t from = Memfd(10), to = Memfd(10);
  Do(Op::kAddSeals, to, kSealWrite);
  EXPECT_EQ(Do(Op::kCopyFileRange, from, 0, to, 0, 10, 0), -EPERM);
  EXPECT_EQ(Do(Op::kCopyFileRange, from, 10, to, 0, 10, 0), 0);
  EXPECT_EQ(Do(Op::kSendfile, to, from, 0, 10), -EPERM);
}

TEST_F(CopyTest, CopyFileRangeRefusesOverlapAndAppendAndFlags) {
  const int64_t fd = Memfd(8192), append = Do(Op::kOpen, kSelf, fd, abi::kORdwr | abi::kOAppend);
  EXPECT_EQ(Do(Op::kCopyFileRange, fd, 0, fd, 2048, 4096, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kCopyFileRange, fd, 0, append, 4096, 10, 0), -EBADF);
  EXPECT_EQ(Do(Op::kCopyFileRange, fd, 0, append, 4096, 10, 1), -EINVAL);
  EXPECT_EQ(Do(Op::kCopyFileRange, fd, -1, fd, 0, 10, 0), -EOVERFLOW);
  EXPECT_EQ(Do(Op::kCopyFileRange, fd, 0, fd, 4096, 4096, 0), 4096);
}

TEST_F(CopyTest, SendfileBehindItsOwnEndReadsWhatItWrote) {
  const int64_t fd = Memfd(12288);
  Do(Op::kLseek, fd, 12288, abi::kSeekSet);
  EXPECT_EQ(Do(Op::kSendfile, fd, fd, 8192, 4096), 4096);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekCur), 16384);
}

}  // namespace
}  // namespace selkie
