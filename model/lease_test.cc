#include "model/model_fixture.h"

namespace selkie {
namespace {

constexpr int64_t kReads = 0, kWrites = 1, kNoLease = 2;

class LeaseTest : public ModelTest {
 protected:
  int64_t SetDeleg(int64_t fd, int64_t type) { return Do(Op::kSetDeleg, fd, type); }
  int64_t GetDeleg(int64_t fd) { return Do(Op::kGetDeleg, fd); }
  int64_t Set(int64_t fd, int64_t type) { return Do(Op::kSetLease, fd, type); }
  int64_t Get(int64_t fd) { return Do(Op::kGetLease, fd); }
  int64_t Reopen(int64_t fd, int64_t flags) {
    return Do(Op::kOpen, kSelf, fd, flags | abi::kONonblock);
  }
};

TEST_F(LeaseTest, AReadLeaseIsGivenToWhatMemfdCreateOpenedAWriteLeaseNever) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Get(fd), kNoLease);
  EXPECT_EQ(Set(fd, kWrites), -EAGAIN);
  EXPECT_EQ(Set(fd, kReads), 0);
  EXPECT_EQ(Get(fd), kReads);
  EXPECT_EQ(Do(Op::kGetFl, fd) & abi::kOAsync, abi::kOAsync);
  EXPECT_EQ(Set(fd, kNoLease), 0);
  EXPECT_EQ(Set(fd, kNoLease), -EAGAIN);
  EXPECT_EQ(Set(fd, 3), -EINVAL);
}

TEST_F(LeaseTest, AReadLeaseTakesThatNobodyHasItOpenForWriting) {
  const int64_t fd = Memfd(), writer = Reopen(fd, abi::kORdwr);
  EXPECT_EQ(Set(fd, kReads), -EAGAIN);
  EXPECT_EQ(Set(writer, kWrites), 0);
  EXPECT_EQ(Get(writer), kWrites);
}

TEST_F(LeaseTest, AnOpenToWriteAsksForTheEndOfAnyOneToReadForADowngrade) {
  const int64_t fd = Memfd(), reader = Reopen(fd, abi::kORdonly);
  EXPECT_EQ(Set(reader, kWrites), 0);
  EXPECT_EQ(Do(Op::kOpen, kSelf, fd, abi::kORdonly), kBoundary);
  EXPECT_EQ(Get(reader), kWrites);
  EXPECT_EQ(Reopen(fd, abi::kORdonly), -EAGAIN);
  EXPECT_EQ(Get(reader), kReads);
  EXPECT_EQ(Reopen(fd, abi::kORdonly), -EAGAIN);  // until the holder says so
  EXPECT_EQ(Reopen(fd, abi::kORdwr), -EAGAIN);
  EXPECT_EQ(Get(reader), kNoLease);
  EXPECT_EQ(Set(reader, kReads), 0);
  EXPECT_EQ(Get(reader), kNoLease);
  EXPECT_GE(Reopen(fd, abi::kOPath), 0);
  EXPECT_EQ(Set(reader, kNoLease), 0);
  EXPECT_GE(Reopen(fd, abi::kORdwr), 0);
}

TEST_F(LeaseTest, OneThatIsToEndKeepsOthersAway) {
  const int64_t fd = Memfd(), reader = Reopen(fd, abi::kORdonly);
  EXPECT_EQ(Set(reader, kReads), 0);
  EXPECT_EQ(Set(fd, kReads), 0);
  EXPECT_EQ(Set(reader, kWrites), -EAGAIN);  // beside another's
  EXPECT_EQ(Set(fd, kNoLease), 0);
  EXPECT_EQ(Reopen(fd, abi::kOWronly), -EAGAIN);
  EXPECT_EQ(Set(fd, kReads), -EAGAIN);
}

TEST_F(LeaseTest, WhatWouldWaitIsNotMade) {
  const int64_t fd = Memfd(), reader = Reopen(fd, abi::kORdonly);
  EXPECT_EQ(Set(reader, kReads), 0);
  EXPECT_EQ(Do(Op::kTruncate, kSelf, fd, 0), kBoundary);
  EXPECT_EQ(Do(Op::kExecveat, fd, abi::kAtEmptyPath), -ENOEXEC);  // it reads
  EXPECT_EQ(Set(reader, kWrites), 0);
  EXPECT_EQ(Do(Op::kExecveat, fd, abi::kAtEmptyPath), kBoundary);
  EXPECT_EQ(Do(Op::kFtruncate, fd, kPageSize), 0);
}

TEST_F(LeaseTest, TheOwnerAndRootMay) {
  const int64_t fd = Memfd();
  Do(Op::kSendFd, 1, fd);
  const int64_t theirs = DoAs(1, Op::kRecvFd);
  EXPECT_EQ(DoAs(1, Op::kSetLease, theirs, kReads), -EACCES);
  EXPECT_EQ(DoAs(1, Op::kSetLease, theirs, 9), -EINVAL);
  EXPECT_EQ(DoAs(1, Op::kGetLease, theirs), kNoLease);
}

TEST_F(LeaseTest, PipesHaveNone) {
  Do(Op::kPipe2, 0);
  EXPECT_EQ(Set(kFirstFd, kReads), -EINVAL);
}

TEST_F(LeaseTest, ADelegationEndsWhereAttributesChangeALeaseDoesNot) {
  const int64_t fd = Memfd(), reader = Reopen(fd, abi::kORdonly);
  EXPECT_EQ(Set(reader, kReads), 0);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 1), 0);
  EXPECT_EQ(Set(reader, kNoLease), 0);
  EXPECT_EQ(SetDeleg(reader, kReads), 0);
  EXPECT_EQ(GetDeleg(reader), kReads);
  EXPECT_EQ(Get(reader), kNoLease);
  EXPECT_EQ(Do(Op::kFchmod, fd, 0600), kBoundary);
  EXPECT_EQ(Do(Op::kFchown, fd, -1), kBoundary);
  EXPECT_EQ(Do(Op::kFsetAcl, fd, 0600), kBoundary);
  EXPECT_EQ(Do(Op::kFutimens, fd), kBoundary);
  EXPECT_EQ(GetDeleg(reader), kReads);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 2), -EAGAIN);
  EXPECT_EQ(GetDeleg(reader), kNoLease);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 2), -EAGAIN);
  EXPECT_EQ(SetDeleg(reader, kNoLease), 0);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 2), 0);
  EXPECT_EQ(Do(Op::kFchmod, fd, 0600), 0);
}

TEST_F(LeaseTest, ADelegationComesBeforeSealsAndTheLimit) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kFtruncate, fd, 4096), 0);
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealShrink), 0);
  EXPECT_EQ(SetDeleg(fd, kReads), 0);
  EXPECT_EQ(Do(Op::kSetFsize, 1), 0);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 8192), -EAGAIN);
  EXPECT_EQ(SetDeleg(fd, kNoLease), 0);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 8192), -EFBIG);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 0), -EPERM);
}

TEST_F(LeaseTest, AWriteThatTakesTheSetUserIdBitAwayDoesNotWaitForADelegation) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kFchmod, fd, 04777), 0);
  EXPECT_EQ(SetDeleg(fd, kReads), 0);
  EXPECT_EQ(Do(Op::kWrite, fd, 'x', 1), 1);  // CAP_FSETID
  s.tasks[0].uid = 1000;
  EXPECT_EQ(Do(Op::kWrite, fd, 'x', 1), -EAGAIN);
  EXPECT_EQ(GetDeleg(fd), kNoLease);
  EXPECT_EQ(s.inodes[0].mode, 04777);
}

TEST_F(LeaseTest, WhatOneIsADelegationOrALeaseItStays) {
  const int64_t fd = Memfd(), reader = Reopen(fd, abi::kORdonly);
  EXPECT_EQ(Set(reader, kReads), 0);
  EXPECT_EQ(SetDeleg(reader, kWrites), 0);
  EXPECT_EQ(GetDeleg(reader), kNoLease);
  EXPECT_EQ(Get(reader), kWrites);
  EXPECT_EQ(SetDeleg(reader, kNoLease), 0);
  EXPECT_EQ(Get(reader), kNoLease);
  EXPECT_EQ(SetDeleg(reader, kWrites), 0);
  EXPECT_EQ(Set(reader, kReads), 0);
  EXPECT_EQ(GetDeleg(reader), kReads);
}

TEST_F(LeaseTest, AnOpenBreaksADelegationAsALease) {
  const int64_t fd = Memfd(), reader = Reopen(fd, abi::kORdonly);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 1), 0);
  EXPECT_EQ(SetDeleg(reader, kReads), 0);
  EXPECT_GE(Reopen(fd, abi::kORdonly), 0);
  EXPECT_EQ(Reopen(fd, abi::kORdonly | abi::kOTrunc), -EAGAIN);  // handle_truncate
  EXPECT_EQ(GetDeleg(reader), kNoLease);
  EXPECT_EQ(SetDeleg(reader, kNoLease), 0);
  EXPECT_EQ(SetDeleg(reader, kReads), 0);
  EXPECT_EQ(Reopen(fd, abi::kORdwr), -EAGAIN);
  EXPECT_EQ(GetDeleg(reader), kNoLease);
}

}  // namespace
}  // namespace selkie
