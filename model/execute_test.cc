#include "model/model_fixture.h"

namespace selkie {
namespace {

constexpr int64_t kEmpty = abi::kAtEmptyPath;

class ExecuteTest : public ModelTest {
 protected:
  int64_t Execute(int64_t fd, int64_t flags = kEmpty) { return Do(Op::kExecveat, fd, flags); }
  int64_t Reopen(int64_t fd, int64_t flags) { return Do(Op::kOpen, kSelf, fd, flags); }
};

TEST_F(ExecuteTest, ThePathIsLookedAtThenTheFlagsThenTheDescriptor) {
  EXPECT_EQ(Execute(9, 0), -ENOENT);
  EXPECT_EQ(Execute(9, 2), kBoundary);
  EXPECT_EQ(Execute(9, kEmpty | 2), -EINVAL);
  EXPECT_EQ(Execute(9), -EBADF);
  EXPECT_EQ(Execute(abi::kAtFdcwd), kBoundary);
}

TEST_F(ExecuteTest, WhatMemfdCreateOpenedIsNoWriterWhatOpenOpenedIs) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Execute(fd), -ENOEXEC);
  const int64_t reader = Reopen(fd, abi::kORdonly);
  EXPECT_EQ(Execute(fd), -ENOEXEC);
  const int64_t writer = Reopen(fd, abi::kOWronly);
  EXPECT_EQ(Execute(reader), -ETXTBSY);
  EXPECT_EQ(Do(Op::kExecve, kSelf, fd), -ETXTBSY);
  Do(Op::kClose, writer);
  EXPECT_EQ(Execute(reader), -ENOEXEC);
}

TEST_F(ExecuteTest, OfAPathDescriptorIsTheInode) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Execute(Reopen(fd, abi::kOPath)), -ENOEXEC);
}

TEST_F(ExecuteTest, RootNeedsAnyXBitAUserItsOwn) {
  const int64_t fd = Memfd();
  Do(Op::kSendFd, 1, fd);
  const int64_t theirs = DoAs(1, Op::kRecvFd);
  Do(Op::kFchmod, fd, 0666);
  EXPECT_EQ(Execute(fd), -EACCES);
  Do(Op::kFchmod, fd, 0100);
  EXPECT_EQ(Execute(fd), -ENOEXEC);
  EXPECT_EQ(DoAs(1, Op::kExecveat, theirs, kEmpty), -EACCES);
  Do(Op::kFchmod, fd, 0001);
  EXPECT_EQ(DoAs(1, Op::kExecveat, theirs, kEmpty), -ENOEXEC);
}

TEST_F(ExecuteTest, ACheckEndsBeforeTheContents) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Execute(fd, kEmpty | abi::kAtExecveCheck), 0);
  Reopen(fd, abi::kORdwr);
  EXPECT_EQ(Execute(fd, kEmpty | abi::kAtExecveCheck), -ETXTBSY);
}

TEST_F(ExecuteTest, ContentsThatMayBeAProgramAreNotExecuted) {
  const int64_t fd = Memfd();
  Do(Op::kPwrite, fd, '#', 1, 0);
  EXPECT_EQ(Execute(fd), kBoundary);
  EXPECT_EQ(Execute(fd, kEmpty | abi::kAtExecveCheck), 0);
}

TEST_F(ExecuteTest, AFileOfAMountedTmpfsIsAWriterAndOnAnotherSuperblock) {
  const int64_t fd = Do(Op::kOpenTmpfile, abi::kORdwr, 0700), memfd = Memfd(kPageSize);
  EXPECT_EQ(Do(Op::kGetSeals, fd), kSealSeal);
  EXPECT_EQ(Do(Op::kGetFl, fd), abi::kORdwr | abi::kOLargefile | abi::kOTmpfile);
  EXPECT_EQ(Execute(fd), -ETXTBSY);
  EXPECT_EQ(Do(Op::kCopyFileRange, memfd, 0, fd, 0, 1, 0), -EXDEV);
  EXPECT_EQ(Do(Op::kSendfile, fd, memfd, 0, 1), 1);
  EXPECT_EQ(Do(Op::kOpenTmpfile, abi::kORdonly, 0700), -EINVAL);
  EXPECT_EQ(Do(Op::kOpenTmpfile, abi::kORdwr | abi::kOCreat, 0700), -EINVAL);
}

TEST_F(ExecuteTest, LinkatNamesNoMemfd) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kLinkat, 9, 2), -EINVAL);
  EXPECT_EQ(Do(Op::kLinkat, 9, 0), -ENOENT);
  EXPECT_EQ(Do(Op::kLinkat, 9, kEmpty), -EBADF);
  EXPECT_EQ(Do(Op::kLinkat, fd, kEmpty), -EXDEV);
  EXPECT_EQ(DoAs(1, Op::kLinkat, fd, kEmpty), kBoundary);
}

}  // namespace
}  // namespace selkie
