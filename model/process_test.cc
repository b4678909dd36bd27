#include "model/model_fixture.h"

namespace selkie {
namespace {

class ProcessTest : public ModelTest {};

TEST_F(ProcessTest, ForkCopiesDescriptorsAndMappings) {
  const int64_t fd = Memfd(kPageSize);
  Map(fd, 1, kRw);
  ASSERT_EQ(Do(Op::kFork), 2);
  EXPECT_EQ(DoAs(2, Op::kClose, fd), 0);
  EXPECT_EQ(Do(Op::kFstat, fd), kPageSize);
  Do(Op::kMunmap, 0, kPageSize);
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealWrite), -EBUSY);  // the child still maps it
  DoAs(2, Op::kExit);
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealWrite), 0);
}

TEST_F(ProcessTest, CloneSharesWhatItIsAskedTo) {
  const int64_t fd = Memfd(kPageSize);
  ASSERT_EQ(Do(Op::kClone, abi::kCloneFiles), 2);
  ASSERT_EQ(Do(Op::kClone, abi::kCloneVm), 3);
  EXPECT_EQ(Do(Op::kFork), kBoundary);
  EXPECT_EQ(Do(Op::kClone, 0x200), kBoundary);
  Map(fd, 1, kRw);
  EXPECT_EQ(DoAs(2, Op::kLoad, 0), Died(SIGSEGV));
  EXPECT_EQ(DoAs(3, Op::kLoad, 0), 0);
  EXPECT_EQ(DoAs(2, Op::kDup, fd), fd + 1);
  EXPECT_EQ(Do(Op::kFstat, fd + 1), kPageSize);
  EXPECT_EQ(DoAs(3, Op::kFstat, fd + 1), -EBADF);
  EXPECT_EQ(Do(Op::kExit), 0);  // what was shared stays with the others
  EXPECT_EQ(DoAs(2, Op::kFstat, fd + 1), kPageSize);
  EXPECT_EQ(DoAs(3, Op::kLoad, 0), 0);
}

TEST_F(ProcessTest, ExecUnsharesClosesAndUnmaps) {
  const int64_t fd = Memfd(kPageSize), kept = Memfd();
  Do(Op::kSetFd, fd, abi::kFdCloexec);
  Map(fd, 1, kRw);
  ASSERT_EQ(Do(Op::kClone, abi::kCloneFiles | abi::kCloneVm), 2);
  EXPECT_EQ(DoAs(2, Op::kExec), 0);
  EXPECT_EQ(DoAs(2, Op::kFstat, fd), -EBADF);
  EXPECT_EQ(DoAs(2, Op::kFstat, kept), 0);
  EXPECT_EQ(DoAs(2, Op::kLoad, 0), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kFstat, fd), kPageSize);
  EXPECT_EQ(Do(Op::kLoad, 0), 0);
  EXPECT_EQ(DoAs(2, Op::kExec), 0);
  EXPECT_FALSE(last.changed);
}

TEST_F(ProcessTest, ATaskThatIsNondumpableIsClosedToOthersOfItsUser) {
  const int64_t fd = DoAs(1, Op::kMemfdCreate, kOrdinaryName, 0);
  ASSERT_EQ(DoAs(1, Op::kFork), 2);
  EXPECT_EQ(DoAs(1, Op::kSetDumpable, abi::kSuidDumpRoot), -EINVAL);
  EXPECT_EQ(DoAs(1, Op::kSetDumpable, abi::kSuidDumpUser), 0);
  EXPECT_FALSE(last.changed);
  EXPECT_GT(DoAs(2, Op::kOpen, 1, fd, abi::kORdwr), 0);
  EXPECT_EQ(DoAs(1, Op::kSetDumpable, abi::kSuidDumpDisable), 0);
  EXPECT_EQ(DoAs(2, Op::kOpen, 1, fd, abi::kORdwr), -EACCES);
  EXPECT_EQ(DoAs(2, Op::kPidfdGetfd, 1, fd), -EPERM);
  EXPECT_GT(DoAs(1, Op::kOpen, kSelf, fd, abi::kORdwr), 0);
  EXPECT_GT(Do(Op::kOpen, 1, fd, abi::kORdwr), 0);  // root
}

TEST_F(ProcessTest, DumpableIsOfAnAddressSpaceCopiedByForkAndSetByExec) {
  const int64_t fd = DoAs(1, Op::kMemfdCreate, kOrdinaryName, 0);
  ASSERT_EQ(DoAs(1, Op::kClone, abi::kCloneVm), 2);
  EXPECT_EQ(DoAs(2, Op::kSetDumpable, abi::kSuidDumpDisable), 0);
  EXPECT_EQ(DoAs(2, Op::kOpen, 1, fd, abi::kORdwr), -EACCES);
  ASSERT_EQ(DoAs(1, Op::kFork), 3);
  EXPECT_EQ(DoAs(1, Op::kOpen, 3, fd, abi::kORdwr), -EACCES);
  EXPECT_EQ(DoAs(3, Op::kExec), 0);
  EXPECT_TRUE(last.changed);
  EXPECT_GT(DoAs(1, Op::kOpen, 3, fd, abi::kORdwr), 0);
  EXPECT_EQ(DoAs(3, Op::kOpen, 1, fd, abi::kORdwr), -EACCES);
}

TEST_F(ProcessTest, WhoWaitsInVforkMakesNoCallUntilTheChildHasEnded) {
  const int64_t fd = Memfd(kPageSize);
  ASSERT_EQ(Do(Op::kClone, abi::kCloneVm | abi::kCloneVfork), 2);
  EXPECT_EQ(Do(Op::kFstat, fd), kBoundary);
  EXPECT_EQ(DoAs(2, Op::kPtracePoke, 0, 0, 'x'), kBoundary);  // it does not stop
  EXPECT_EQ(DoAs(2, Op::kClose, fd), 0);
  EXPECT_EQ(DoAs(2, Op::kExit), 0);
  EXPECT_EQ(Do(Op::kFstat, fd), kPageSize);
  EXPECT_EQ(Do(Op::kWait, 2), 0);
}

TEST_F(ProcessTest, WhoWaitsInVforkGoesOnAtExec) {
  const int64_t fd = Memfd(kPageSize);
  ASSERT_EQ(Do(Op::kClone, abi::kCloneVfork), 2);
  EXPECT_EQ(Do(Op::kFstat, fd), kBoundary);
  EXPECT_EQ(DoAs(2, Op::kExec), 0);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(Do(Op::kFstat, fd), kPageSize);
}

TEST_F(ProcessTest, AChildWaitsAsAZombieAndOrphansAreReaped) {
  ASSERT_EQ(Do(Op::kFork), 2);
  EXPECT_EQ(Do(Op::kWait, 2), kBoundary);
  EXPECT_EQ(Do(Op::kWait, 1), -ECHILD);
  EXPECT_EQ(Do(Op::kWait, 3), kBoundary);
  DoAs(2, Op::kExit);
  EXPECT_EQ(DoAs(2, Op::kFork), kBoundary);
  EXPECT_EQ(DoAs(1, Op::kWait, 2), -ECHILD);
  EXPECT_EQ(Do(Op::kWait, 2), 0);
  ASSERT_EQ(Do(Op::kFork), 2);
  ASSERT_EQ(DoAs(2, Op::kFork), 3);
  DoAs(3, Op::kExit);
  DoAs(2, Op::kExit);
  EXPECT_EQ(s.tasks[3].state, TaskState::kFree);
  EXPECT_EQ(Do(Op::kWait, 2), 0);
  EXPECT_EQ(s, InitialState(Limits{}, {0, 1000}));
}

}  // namespace
}  // namespace selkie
