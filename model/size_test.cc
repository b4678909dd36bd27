#include "model/model_fixture.h"

namespace selkie {
namespace {

class SizeTest : public ModelTest {};

TEST_F(SizeTest, FtruncateChecksLengthThenDescriptorThenMode) {
  const int64_t fd = Memfd(100);
  const int64_t ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  const int64_t path = Do(Op::kOpen, kSelf, fd, abi::kOPath);
  EXPECT_EQ(Do(Op::kFtruncate, 77, -1), -EINVAL);
  EXPECT_EQ(Do(Op::kFtruncate, 77, 1), -EBADF);
  EXPECT_EQ(Do(Op::kFtruncate, path, 1), -EBADF);
  EXPECT_EQ(Do(Op::kFtruncate, ro, 1), -EINVAL);
  EXPECT_EQ(Do(Op::kFtruncate, Do(Op::kSocketpair), 1), -EINVAL);
}

TEST_F(SizeTest, SealsFixTheSizeInTheirDirectionAndEqualIsAlwaysAllowed) {
  const int64_t fd = Memfd(100);
  Do(Op::kAddSeals, fd, kSealShrink);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 99), -EPERM);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 200), 0);
  EXPECT_EQ(last.effect, (Effect{.resized = 1, .file = 1, .modified = 1}));
  Do(Op::kAddSeals, fd, kSealGrow);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 201), -EPERM);
  EXPECT_EQ(Do(Op::kFtruncate, fd, INT64_MAX), -EPERM);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 200), 0);
  EXPECT_EQ(last.effect, Effect{.modified = 1});
}

TEST_F(SizeTest, ToTheSameSizeFtruncateSetsTheModificationTimeAndTruncateNotSurely) {
  const int64_t fd = Memfd(100);
  Do(Op::kTruncate, kSelf, fd, 100);
  EXPECT_EQ(last.effect.modified, 0);
  Do(Op::kTruncate, kSelf, fd, 50);
  EXPECT_EQ(last.effect.modified, 1);
  Do(Op::kFtruncate, fd, 50);
  EXPECT_EQ(last.effect.modified, 1);
  Do(Op::kAddSeals, fd, kSealShrink);
  EXPECT_EQ(Do(Op::kFtruncate, fd, 10), -EPERM);
  EXPECT_EQ(last.effect.modified, 0);
}

TEST_F(SizeTest, TruncateThroughTheLinkNeedsPermissionOfTheInodeOnly) {
  const int64_t fd = Memfd(100);
  const int64_t ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  EXPECT_EQ(Do(Op::kTruncate, kSelf, ro, 50), 0);
  EXPECT_EQ(last.effect, (Effect{.resized = 1, .modified = 1}));
  EXPECT_EQ(Do(Op::kTruncate, kSelf, 77, 50), -ENOENT);
  EXPECT_EQ(Do(Op::kTruncate, kSelf, 77, -1), -EINVAL);
  Do(Op::kFchmod, fd, 0644);
  Do(Op::kSendFd, 1, fd);
  const int64_t got = DoAs(1, Op::kRecvFd);
  EXPECT_EQ(DoAs(1, Op::kTruncate, kSelf, got, 10), -EACCES);
  EXPECT_EQ(DoAs(1, Op::kFtruncate, got, 10), 0);
}

TEST_F(SizeTest, ShrinkingZeroesWhatLiesBeyondAndGrowingShowsTheTail) {
  const int64_t fd = Memfd(kPageSize);
  const int64_t map = Map(fd, 1, kProtRead | kProtWrite);
  Do(Op::kFtruncate, fd, 100);
  EXPECT_EQ(Do(Op::kStore, map + 2048, 't'), 0);
  EXPECT_EQ(Contents(fd), std::string(1, '\0'));
  Do(Op::kFtruncate, fd, 4096);
  EXPECT_EQ(Contents(fd), std::string("\0t", 2));
  Do(Op::kFtruncate, fd, 2049);
  EXPECT_EQ(Contents(fd), std::string("\0t", 2));
  Do(Op::kFtruncate, fd, 2048);
  Do(Op::kFtruncate, fd, 4096);
  EXPECT_EQ(Contents(fd), std::string("\0\0", 2));
}

TEST_F(SizeTest, FallocateChecksRangeThenModeThenDescriptorMode) {
  const int64_t fd = Memfd(100);
  const int64_t ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  EXPECT_EQ(Do(Op::kFallocate, 77, 0, 0, 0), -EBADF);
  EXPECT_EQ(Do(Op::kFallocate, ro, 0x100, 0, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kFallocate, ro, 0x100, 0, 1), -EOPNOTSUPP);
  EXPECT_EQ(Do(Op::kFallocate, ro, abi::kFallocPunchHole, 0, 1), -EOPNOTSUPP);
  EXPECT_EQ(Do(Op::kFallocate, ro, 0, 0, 1), -EBADF);
  EXPECT_EQ(Do(Op::kFallocate, fd, 0, INT64_MAX, 1), -EFBIG);
  EXPECT_EQ(Do(Op::kFallocate, fd, 8, 0, 1), -EOPNOTSUPP);
}

TEST_F(SizeTest, FallocateGrowsUnlessAskedToKeepTheSize) {
  const int64_t fd = Memfd(100);
  EXPECT_EQ(Do(Op::kFallocate, fd, abi::kFallocKeepSize, 0, 5000), 0);
  EXPECT_EQ(s.inodes[0].size, 100u);
  EXPECT_EQ(Do(Op::kFallocate, fd, 0, 50, 10), 0);
  EXPECT_EQ(last.effect, Effect{.modified = 1});
  EXPECT_EQ(Do(Op::kFallocate, fd, 0, 50, 100), 0);
  EXPECT_EQ(last.effect, (Effect{.resized = 1, .file = 1, .modified = 1}));
  EXPECT_EQ(s.inodes[0].size, 150u);
  Do(Op::kAddSeals, fd, kSealGrow);
  EXPECT_EQ(Do(Op::kFallocate, fd, abi::kFallocKeepSize, 0, 151), -EPERM);
}

TEST_F(SizeTest, FallocateByAnotherUserTakesTheSetUserIdBitIfItSucceeds) {
  const int64_t fd = Memfd(100);
  Do(Op::kAddSeals, fd, kSealGrow);
  Do(Op::kFchmod, fd, 06777);
  Do(Op::kSendFd, 1, fd);
  const int64_t got = DoAs(1, Op::kRecvFd);
  EXPECT_EQ(DoAs(1, Op::kFallocate, got, 0, 0, 101), -EPERM);
  EXPECT_EQ(s.inodes[0].mode, 06777);
  EXPECT_EQ(DoAs(1, Op::kFallocate, got, 0, 0, 100), 0);
  EXPECT_EQ(s.inodes[0].mode, 0777);
}

TEST_F(SizeTest, PunchingAHoleZeroesAndKeepsPrivateCopies) {
  const int64_t fd = Memfd(2 * kPageSize);
  const int64_t mode = abi::kFallocKeepSize | abi::kFallocPunchHole;
  Do(Op::kPwrite, fd, 'x', 2 * kPageSize, 0);
  const int64_t copy = Map(fd, 1, kProtRead | kProtWrite, abi::kMapPrivate);
  Do(Op::kStore, copy, 'p');
  EXPECT_EQ(Do(Op::kFallocate, fd, mode, 0, kPageSize + 1), 0);
  EXPECT_EQ(last.effect, (Effect{.wrote = 1, .file = 1, .modified = 1}));
  EXPECT_EQ(Contents(fd), std::string("\0\0\0x", 4));
  EXPECT_EQ(Do(Op::kLoad, copy), 'p');
  Do(Op::kAddSeals, fd, kSealFutureWrite);
  EXPECT_EQ(Do(Op::kFallocate, fd, mode, 0, 1), -EPERM);
}

TEST_F(SizeTest, TruncationTakesPrivateCopiesOfTheirPages) {
  const int64_t fd = Memfd(2 * kPageSize);
  const int64_t copy = Map(fd, 2, kProtRead | kProtWrite, abi::kMapPrivate);
  Do(Op::kStore, copy, 'p');
  Do(Op::kStore, copy + kPageSize, 'q');
  Do(Op::kFtruncate, fd, 1);
  EXPECT_EQ(Do(Op::kLoad, copy), 'p');
  EXPECT_EQ(Do(Op::kLoad, copy + kPageSize), Died(SIGBUS));
  Do(Op::kFtruncate, fd, 2 * kPageSize);
  EXPECT_EQ(Do(Op::kLoad, copy + kPageSize), 0);
}

constexpr int64_t kKeep = abi::kFallocKeepSize, kPunch = abi::kFallocPunchHole;
constexpr int64_t kCollapseRange = 8, kZeroRange = 0x10, kUnshareRange = 0x40, kZeroes = 0x80;

// scenarios/size/fallocate-modes.scn
TEST_F(SizeTest, ModesThatExcludeOneAnotherAreWhatTheKernelSays) {
  const int64_t fd = Memfd(kPage);
  for (const int64_t modes : {kKeep | kCollapseRange, kZeroRange | kUnshareRange})
    EXPECT_EQ(Do(Op::kFallocate, fd, modes, 0, kPage), -EOPNOTSUPP);
  Lack(Feature::kFallocModes, EINVAL);
  for (const int64_t modes :
       {kKeep | kCollapseRange, kZeroRange | kUnshareRange, kPunch | kKeep | kUnshareRange})
    EXPECT_EQ(Do(Op::kFallocate, fd, modes, 0, kPage), -EINVAL);
  for (const int64_t modes : {kPunch | kKeep | kZeroRange, kPunch | kCollapseRange, kPunch})
    EXPECT_EQ(Do(Op::kFallocate, fd, modes, 0, kPage), -EOPNOTSUPP);
}

TEST_F(SizeTest, WriteZeroesIsUnknownBeforeOrRefusedAfterAllElse) {
  Memfd(kPage);
  const int64_t ro = Do(Op::kOpen, kSelf, 3, abi::kORdonly);
  EXPECT_EQ(Do(Op::kFallocate, ro, kZeroes, 0, kPage), -EBADF);
  Lack(Feature::kWriteZeroes, EOPNOTSUPP);
  EXPECT_EQ(Do(Op::kFallocate, ro, kZeroes, 0, kPage), -EOPNOTSUPP);
  EXPECT_EQ(Do(Op::kFallocate, ro, kZeroes, 0, 0), -EINVAL);
}

}  // namespace
}  // namespace selkie
