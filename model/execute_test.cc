#include "model/model_fixture.h"

namespace selkie {
namespace {

constexpr int64_t kEmpty = abi::kAtEmptyPath;

class ExecuteTest : public ModelTest {
 protected:
  int64_t Execute(int64_t fd, int64_t flags = kEmpty) { return Do(Op::kExecveat, fd, flags); }
  int64_t Reopen(int64_t fd, int64_t flags) { return Do(Op::kOpen, kSelf, fd, flags); }
};

TEST_F(ExecuteTest, TheFlagsAreLookedAtThenThePathThenTheDescriptor) {
  EXPECT_EQ(Execute(9, 0), -ENOENT);
  EXPECT_EQ(Execute(9, 2), -EINVAL);
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
  EXPECT_EQ(DoAs(1, Op::kLinkat, 9, kEmpty), -EBADF);
  Lack(Feature::kLinkOwn, ENOENT);
  EXPECT_EQ(DoAs(1, Op::kLinkat, 9, kEmpty), -ENOENT);
  EXPECT_EQ(Do(Op::kLinkat, fd, kEmpty), -EXDEV);
}

// ---- A program that a child runs ----

TEST_F(ExecuteTest, WhatRunsIsNotOpenedForWritingUntilItEnds) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kRunProgram, fd), -ENOEXEC);
  EXPECT_EQ(Do(Op::kWriteProgram, fd), kProgramBytes);
  EXPECT_EQ(Do(Op::kRunProgram, fd), 0);
  EXPECT_EQ(Do(Op::kRunProgram, fd), kBoundary);
  EXPECT_EQ(Reopen(fd, abi::kOWronly), -ETXTBSY);
  EXPECT_EQ(Reopen(fd, abi::kORdonly | abi::kOTrunc), -ETXTBSY);
  EXPECT_EQ(Do(Op::kTruncate, kSelf, fd, 0), -ETXTBSY);
  EXPECT_EQ(Do(Op::kFtruncate, fd, kPageSize), 0);
  EXPECT_EQ(Do(Op::kEndProgram), 0);
  EXPECT_EQ(Do(Op::kEndProgram), kBoundary);
  EXPECT_EQ(Reopen(fd, abi::kOWronly), fd + 1);
  EXPECT_EQ(Do(Op::kRunProgram, fd), -ETXTBSY);
}

TEST_F(ExecuteTest, TheProgramHoldsTheFileAndExeOpensIt) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kOpenExe, 0, abi::kORdonly), kBoundary);
  Do(Op::kWriteProgram, fd);
  Do(Op::kRunProgram, fd);
  Do(Op::kClose, fd);
  EXPECT_EQ(s.inodes[0].kind, InodeKind::kMemfd);
  EXPECT_EQ(Do(Op::kOpenExe, 0, abi::kORdwr), -ETXTBSY);
  EXPECT_EQ(Do(Op::kOpenExe, 0, abi::kORdonly), fd);
  EXPECT_NE(s.fds[0][0].file, s.tasks[0].program);
  Do(Op::kClose, fd);
  EXPECT_EQ(Do(Op::kEndProgram), 0);
  EXPECT_EQ(s.inodes[0].kind, InodeKind::kNone);
}

TEST_F(ExecuteTest, OtherUsersMayNotLookAtIt) {
  const int64_t fd = Memfd();
  Do(Op::kWriteProgram, fd);
  Do(Op::kRunProgram, fd);
  EXPECT_EQ(DoAs(1, Op::kOpenExe, 0, abi::kOPath), -EACCES);
  EXPECT_EQ(DoAs(1, Op::kOpenExe, 0, abi::kORdonly | abi::kONofollow), -ELOOP);  // not followed
}

TEST_F(ExecuteTest, EveryWayToChangeItsBytesLeavesNoProgram) {
  const int64_t fd = Memfd();
  const auto writes_anew = [&] {
    EXPECT_EQ(Do(Op::kWriteProgram, fd), kProgramBytes);
    EXPECT_EQ(s.inodes[0].flags, kInodeProgram);
  };
  writes_anew();
  EXPECT_EQ(Do(Op::kPwrite, fd, 'x', 1, kProgramBytes), 1);  // behind it
  EXPECT_EQ(Do(Op::kMmap, kNull, kPageSize, kProtRead | kProtWrite, abi::kMapShared, fd, 0), 0);
  EXPECT_EQ(Do(Op::kStore, kProgramBytes + 1, 'x'), 0);
  EXPECT_EQ(s.inodes[0].flags, kInodeProgram);

  EXPECT_EQ(Do(Op::kPwrite, fd, 'x', 1, kProgramBytes - 1), 1);
  EXPECT_EQ(s.inodes[0].flags, 0);
  EXPECT_EQ(Do(Op::kRunProgram, fd), kBoundary);  // it begins as one
  writes_anew();
  EXPECT_EQ(Do(Op::kStore, 1, 'x'), 0);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(s.inodes[0].flags, 0);
  writes_anew();
  EXPECT_EQ(Do(Op::kFtruncate, fd, kProgramBytes - 1), 0);
  EXPECT_EQ(s.inodes[0].flags, 0);
}

TEST_F(ExecuteTest, WhatOthersStoreAndCopyThereLeavesNoProgram) {
  const int64_t fd = Memfd(), other = Memfd(kPageSize);
  const auto spoils = [&](int64_t wanted, int64_t got) {
    EXPECT_EQ(got, wanted);
    EXPECT_EQ(s.inodes[0].flags, 0) << last.value;
    EXPECT_TRUE(last.changed);
    EXPECT_EQ(Do(Op::kWriteProgram, fd), kProgramBytes);
    EXPECT_EQ(s.inodes[0].flags, kInodeProgram);
  };
  EXPECT_EQ(Do(Op::kWriteProgram, fd), kProgramBytes);
  constexpr int64_t kHole = abi::kFallocPunchHole | abi::kFallocKeepSize;
  EXPECT_EQ(Do(Op::kFtruncate, fd, 2 * kPageSize), 0);
  spoils(0, Do(Op::kFallocate, fd, kHole, 0, kPageSize));
  EXPECT_EQ(Do(Op::kFallocate, fd, kHole, kPageSize, kPageSize), 0);
  EXPECT_EQ(s.inodes[0].flags, kInodeProgram);
  spoils(kProgramBytes, Do(Op::kCopyFileRange, other, 0, fd, 0, kProgramBytes, 0));
  EXPECT_EQ(Do(Op::kMmap, kNull, kPageSize, kProtRead | kProtWrite, abi::kMapShared, fd, 0), 0);
  spoils(1, Do(Op::kProcessVmWritev, 0, 1, 'x'));
  spoils(0, Do(Op::kMadvise, 0, kPageSize, abi::kMadvRemove));
  EXPECT_EQ(Do(Op::kUringRegister, 0, kPageSize), 0);
  EXPECT_EQ(Do(Op::kUringReadFixed, kProgramBytes, 'x'), 1);
  EXPECT_EQ(s.inodes[0].flags, kInodeProgram);
  spoils(1, Do(Op::kUringReadFixed, 1, 'x'));
  Do(Op::kUringUnregister);
  const int64_t reads = Do(Op::kPipe2, 0);
  EXPECT_EQ(Do(Op::kSplice, other, 0, reads + 1, kNoOffset, kPageSize, 0), kBoundary);  // a hole
  EXPECT_EQ(Do(Op::kPwrite, other, 'y', kPageSize, 0), kPageSize);
  EXPECT_EQ(Do(Op::kSplice, other, 0, reads + 1, kNoOffset, kPageSize, 0), kPageSize);
  spoils(kPageSize, Do(Op::kSplice, reads, kNoOffset, fd, 0, kPageSize, 0));
}

TEST_F(ExecuteTest, AStoreToADmabufLeavesNoProgram) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kWriteProgram, fd), kProgramBytes);
  EXPECT_EQ(Do(Op::kFtruncate, fd, kPageSize), 0);
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealShrink), 0);
  const int64_t dmabuf = Do(Op::kUdmabufCreate, fd, 0, kPageSize);
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, kProgramBytes, 'x'), 0);
  EXPECT_EQ(s.inodes[0].flags, kInodeProgram);
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, kProgramBytes - 1, 'x'), 0);
  EXPECT_EQ(s.inodes[0].flags, 0);
}

TEST_F(ExecuteTest, ACopyOfAllOfItIsAProgram) {
  const int64_t fd = Memfd(), other = Memfd(kPageSize);
  EXPECT_EQ(Do(Op::kWriteProgram, fd), kProgramBytes);
  EXPECT_EQ(Do(Op::kCopyFileRange, fd, 0, other, 0, kProgramBytes, 0), kProgramBytes);
  EXPECT_EQ(s.inodes[1].flags, kInodeProgram);
  EXPECT_EQ(Do(Op::kCopyFileRange, fd, 0, other, 0, kProgramBytes - 1, 0), kProgramBytes - 1);
  EXPECT_EQ(s.inodes[1].flags, 0);
}

TEST_F(ExecuteTest, FuseDoesNotOpenWhatRuns) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kWriteProgram, fd), kProgramBytes);
  EXPECT_EQ(Do(Op::kRunProgram, fd), 0);
  EXPECT_EQ(Do(Op::kFuseMmap, fd, kPageSize, kProtRead, 0), -EIO);
}

TEST_F(ExecuteTest, AppendedItRunsNothingUnlessTheFileWasEmpty) {
  const int64_t fd = Memfd();
  Do(Op::kSetFl, fd, abi::kOAppend);
  EXPECT_EQ(Do(Op::kWriteProgram, fd), kProgramBytes);
  EXPECT_EQ(s.inodes[0].flags, kInodeProgram);
  EXPECT_EQ(Do(Op::kWrite, fd, 'x', 1), 1);
  EXPECT_EQ(Do(Op::kWriteProgram, fd), kBoundary);
  EXPECT_EQ(Do(Op::kWriteProgram, Do(Op::kOpen, kSelf, fd, abi::kOAppend)), -EBADF);
}

TEST_F(ExecuteTest, AChildHasNotItsParentsProgram) {
  const int64_t fd = Memfd();
  Do(Op::kWriteProgram, fd);
  Do(Op::kRunProgram, fd);
  const int64_t child = Do(Op::kFork);
  EXPECT_EQ(s.tasks[child].program, 0);
  EXPECT_EQ(DoAs(static_cast<int>(child), Op::kEndProgram), kBoundary);
}

// scenarios/reopen/early-name.scn
TEST_F(ExecuteTest, AnEmptyPathComesBeforeOrAfterTheFlags) {
  const int64_t fd = Memfd(kPage);
  EXPECT_EQ(Execute(fd, 0x8000), -EINVAL);
  EXPECT_EQ(Execute(fd, 0), -ENOENT);
  Lack(Feature::kLateName, ENOENT);
  EXPECT_EQ(Execute(fd, 0x8000), -ENOENT);
}

}  // namespace
}  // namespace selkie
