#include "model/model_fixture.h"

namespace selkie {
namespace {

constexpr int64_t kNone = 0;

class NoexecTest : public ModelTest {
 protected:
  int64_t Create(int64_t flags, int64_t name = kOrdinaryName) {
    return Do(Op::kMemfdCreate, name, flags);
  }
  int64_t SealsOf(int64_t fd) { return Do(Op::kGetSeals, fd); }
};

TEST_F(NoexecTest, TheLevelIsRootsAndFromZeroToTwo) {
  for (int64_t level : {2, 1, 2, 0, 0}) {
    EXPECT_EQ(Do(Op::kSetNoexec, level), 0);
    EXPECT_EQ(s.noexec, level);
  }
  EXPECT_EQ(Do(Op::kSetNoexec, 1), 0);
  EXPECT_EQ(Do(Op::kSetNoexec, -1), -EINVAL);
  EXPECT_EQ(Do(Op::kSetNoexec, 3), -EINVAL);
  EXPECT_EQ(DoAs(1, Op::kSetNoexec, 0), -EACCES);
  EXPECT_EQ(DoAs(1, Op::kSetNoexec, 3), -EACCES);
  EXPECT_EQ(s.noexec, 1);
}

TEST_F(NoexecTest, ANamespaceBelowIsAsStrictAsTheOneAboveOrStricter) {
  Do(Op::kSetNoexec, 1);
  const int child = static_cast<int>(Do(Op::kClone, abi::kCloneNewpid));
  EXPECT_EQ(DoAs(child, Op::kSetNoexec, 0), -EINVAL);
  EXPECT_EQ(DoAs(child, Op::kSetNoexec, 2), 0);
  EXPECT_EQ(DoAs(child, Op::kMemfdCreate, kOrdinaryName, abi::kMfdExec), -EACCES);
  EXPECT_GT(Create(abi::kMfdExec), 0);
  Do(Op::kSetNoexec, 0);
  EXPECT_EQ(DoAs(child, Op::kSetNoexec, 0), 0);
  Do(Op::kSetNoexec, 2);
  EXPECT_EQ(DoAs(child, Op::kMemfdCreate, kOrdinaryName, abi::kMfdExec), -EACCES);
  EXPECT_EQ(DoAs(child, Op::kFork), kBoundary);
  EXPECT_EQ(DoAs(1, Op::kClone, abi::kCloneNewpid), -EPERM);
}

// 6.3 to 6.5.
TEST_F(NoexecTest, ANamespaceBelowThatCannotLowerItsLevelDoesNotAskTheOneAbove) {
  Lack(Feature::kLower, EINVAL);
  Do(Op::kSetNoexec, 1);
  const int child = static_cast<int>(Do(Op::kClone, abi::kCloneNewpid));
  EXPECT_EQ(DoAs(child, Op::kSetNoexec, 0), -EINVAL);
  Do(Op::kSetNoexec, 2);
  EXPECT_GT(DoAs(child, Op::kMemfdCreate, kOrdinaryName, abi::kMfdExec), 0);
}

TEST_F(NoexecTest, FlagsThatSayNeitherAreAsMfdNoexecSealFromLevelOne) {
  for (int64_t level : {1, 2}) {
    Do(Op::kSetNoexec, level);
    const int64_t fd = Create(abi::kMfdCloexec);
    EXPECT_EQ(SealsOf(fd), kSealExec) << level;
    EXPECT_EQ(Do(Op::kFstat, fd), 0);
    EXPECT_EQ(last.extra, 0666);
    EXPECT_EQ(Do(Op::kGetFd, fd), abi::kFdCloexec);
  }
  Do(Op::kSetNoexec, 0);
  EXPECT_EQ(SealsOf(Create(kNone)), kSealSeal);
}

TEST_F(NoexecTest, MfdExecIsRefusedAtLevelTwoBeforeNameAndDescriptor) {
  Do(Op::kSetNoexec, 1);
  EXPECT_EQ(SealsOf(Create(abi::kMfdExec)), kSealSeal);
  Do(Op::kSetNoexec, 2);
  EXPECT_EQ(Create(abi::kMfdExec, kNull), -EACCES);
  EXPECT_EQ(Create(abi::kMfdExec | 0x20, kNull), -EINVAL);
  EXPECT_EQ(Create(kNone, kNull), -EFAULT);
  s.limits.fds = 1;
  EXPECT_EQ(Create(abi::kMfdExec), -EACCES);
  EXPECT_EQ(Create(abi::kMfdNoexecSeal), -EMFILE);
}

TEST_F(NoexecTest, AllTasksAreUnderItAndWhatWasMadeStays) {
  const int64_t before = Memfd();
  Do(Op::kSetNoexec, 2);
  EXPECT_EQ(SealsOf(before), 0);
  EXPECT_EQ(DoAs(1, Op::kMemfdCreate, kOrdinaryName, abi::kMfdExec), -EACCES);
  const int64_t child = Do(Op::kFork);
  EXPECT_EQ(DoAs(static_cast<int>(child), Op::kMemfdCreate, kOrdinaryName, abi::kMfdExec), -EACCES);
}

TEST_F(NoexecTest, AKernelWithoutTheFileSaysSoFirst) {
  Lack(Feature::kNoexec, ENOENT);
  IndexRules(semantics);
  EXPECT_EQ(DoAs(1, Op::kSetNoexec, 3), -ENOENT);
}

TEST_F(NoexecTest, AKernelThatDoesNotLowerItTakesTheSameAgain) {
  Lack(Feature::kLower, EINVAL);
  IndexRules(semantics);
  EXPECT_EQ(Do(Op::kSetNoexec, 1), 0);
  EXPECT_EQ(Do(Op::kSetNoexec, 1), 0);
  EXPECT_EQ(Do(Op::kSetNoexec, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kSetNoexec, 2), 0);
}

}  // namespace
}  // namespace selkie
