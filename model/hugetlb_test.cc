// What is kept of memfds of huge pages, and where the model gives no answer; what kernels answer
// stands in scenarios/hugetlb.
#include <cerrno>
#include <csignal>

#include "model/model_fixture.h"

namespace selkie {
namespace {

constexpr int64_t kHuge = kHugePageSize;
constexpr int64_t kShared = abi::kMapShared, kPrivate = abi::kMapPrivate;

class HugetlbTest : public ModelTest {
 protected:
  int64_t Huge(int64_t size) {
    const int64_t fd = Do(Op::kMemfdCreate, kOrdinaryName, abi::kMfdHugetlb | kSealable);
    Do(Op::kFtruncate, fd, size);
    return fd;
  }
  int64_t MapHuge(int64_t fd, int64_t prot, int64_t type) {
    return Do(Op::kMmap, kNull, kHuge, prot, type, fd, 0);
  }

  static constexpr int64_t kSealable = abi::kMfdAllowSealing;
};

TEST_F(HugetlbTest, PagesHaveAnArenaOfTheirOwn) {
  const int64_t fd = Huge(kHuge), small = Memfd(4096);
  EXPECT_EQ(MapHuge(fd, kRw, kShared), kHugeArena);
  EXPECT_EQ(Do(Op::kMmap, kNull, 1, kRw, kShared, fd, 0), kHugeArena + kHuge);
  EXPECT_EQ(Map(small, 1, kRw), 0);
  EXPECT_EQ(s.mms[0][1].start, kArenaPages);
  EXPECT_EQ(Do(Op::kMmap, 0, kHuge, kRw, kShared | abi::kMapFixed, fd, 0), kBoundary);
  EXPECT_EQ(Do(Op::kMmap, kHugeArena, 4096, kRw, kShared | abi::kMapFixed, small, 0), kBoundary);
}

TEST_F(HugetlbTest, APageThatIsTouchedIsThereExactly) {
  const int64_t fd = Huge(3 * kHuge), map = MapHuge(fd, kRw, kShared);
  EXPECT_EQ(s.inodes[0].present, 0);
  EXPECT_EQ(Do(Op::kPread, fd, 1, 0), 1);
  EXPECT_EQ(s.inodes[0].present, 0);
  EXPECT_EQ(Do(Op::kLoad, map), 0);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(s.inodes[0].present, 1);
  Do(Op::kFallocate, fd, 0, kHuge + 1, kHuge);
  EXPECT_EQ(s.inodes[0].present, 7);
  Do(Op::kFallocate, fd, abi::kFallocKeepSize | abi::kFallocPunchHole, 1, 2 * kHuge);
  EXPECT_EQ(s.inodes[0].present, 5);
  Do(Op::kFtruncate, fd, kHuge);
  EXPECT_EQ(s.inodes[0].present, 1);
}

TEST_F(HugetlbTest, APrivateMappingOfAHoleGetsAPageThatTheFileNeverSees) {
  const int64_t fd = Huge(kHuge), own = MapHuge(fd, kRw, kPrivate);
  EXPECT_EQ(Do(Op::kLoad, own), 0);
  EXPECT_EQ(s.mms[0][0].copied, 1);
  EXPECT_EQ(s.inodes[0].present, 0);
  const int64_t map = MapHuge(fd, kRw, kShared);
  Do(Op::kStore, map, 'x');
  EXPECT_EQ(Do(Op::kLoad, own), 0);
  Do(Op::kFallocate, fd, abi::kFallocKeepSize | abi::kFallocPunchHole, 0, kHuge);
  EXPECT_EQ(s.mms[0][0].copied, 0);
}

TEST_F(HugetlbTest, OfAHugePageTheFirstTwoSamplesAreKnown) {
  const int64_t fd = Huge(kHuge), map = MapHuge(fd, kRw, kShared);
  EXPECT_EQ(Do(Op::kStore, map + kSampleStride, 'x'), 0);
  EXPECT_EQ(s.inodes[0].bytes[0][1], 'x');
  EXPECT_EQ(Do(Op::kStore, map + kPageSize, 'x'), kBoundary);
  EXPECT_EQ(Do(Op::kStore, map + kPageSize + 1, 'x'), 0);
  const State before = s;
  EXPECT_EQ(Do(Op::kLoad, map + 1), kBoundary);
  EXPECT_EQ(s, before);
  EXPECT_EQ(Do(Op::kPread, fd, 3 * kSampleStride, 0), 3 * kSampleStride);
  EXPECT_EQ(last.data[1], 'x');
  EXPECT_EQ(last.data[2], 0);
  EXPECT_EQ(Do(Op::kPread, fd, kHuge, 0), kBoundary);  // more than a result holds
}

TEST_F(HugetlbTest, MappingsNeverMerge) {
  const int64_t fd = Huge(2 * kHuge);
  Do(Op::kMmap, kNull, kHuge, kRw, kShared, fd, 0);
  Do(Op::kMmap, kHugeArena + kHuge, kHuge, kRw, kShared | abi::kMapFixed, fd, kHuge);
  EXPECT_FALSE(Agree(s.mms[0][0], s.mms[0][1]));
}

TEST_F(HugetlbTest, TheyDoNotStandBehindTheSmallArena) {
  const int64_t fd = Huge(kHuge), small = Memfd(4096);
  MapHuge(fd, kRw, kShared);
  const int64_t last = int64_t{kArenaPages - 1} * kPageSize;
  EXPECT_EQ(Do(Op::kMmap, last, kPageSize, kRw, kShared, small, 0), last);
  EXPECT_EQ(Do(Op::kMremap, last, kPageSize, 2 * kPageSize, 0, kNull), kBoundary);
}

TEST_F(HugetlbTest, AdviceOfHugePagesIsAsOfOthersButForReclaimAndGuards) {
  const int64_t fd = Huge(2 * kHuge), map = MapHuge(fd, kRw, kShared);
  Do(Op::kStore, map, 'x');
  EXPECT_EQ(Do(Op::kMadvise, map, kHuge, abi::kMadvRemove), 0);
  EXPECT_EQ(Do(Op::kLoad, map), 0);
  EXPECT_EQ(Do(Op::kMadvise, map, kHuge, abi::kMadvDontneed), 0);
  for (int64_t advice : {abi::kMadvCold, abi::kMadvPageout, abi::kMadvFree, abi::kMadvGuardInstall,
                         abi::kMadvGuardRemove})
    EXPECT_EQ(Do(Op::kMadvise, map, kHuge, advice), -EINVAL) << advice;
}

TEST_F(HugetlbTest, APartOfAPageIsRoundedOrCannotBeSplitOff) {
  const int64_t fd = Huge(kHuge), map = MapHuge(fd, kRw, kPrivate);
  Do(Op::kStore, map, 'x');
  EXPECT_EQ(Do(Op::kMadvise, map, kHuge - 4096, abi::kMadvDontneed), 0);
  EXPECT_EQ(Do(Op::kLoad, map), 'x') << "less than a page is nothing";
  EXPECT_EQ(Do(Op::kMadvise, map + 4096, 4096, abi::kMadvDontneed), -EINVAL);
  EXPECT_EQ(Do(Op::kMadvise, map, 4096, abi::kMadvDontfork), -EINVAL);
  EXPECT_EQ(Do(Op::kMseal, map, 4096, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kMadvise, map, 4096, abi::kMadvDofork), 0) << "nothing to change";
  EXPECT_EQ(Do(Op::kMsync, map + 4096, 4096, abi::kMsSync), 0);
  EXPECT_EQ(Do(Op::kMlock, map + 1, 1), 0);
}

// Measured on 5.10 to 7.3 (/proc/self/maps); huge pages never merge.
TEST_F(HugetlbTest, WhatCannotBeSplitAtItsEndHasBeenSplitAtItsBegin) {
  const int64_t fd = Huge(2 * kHuge);
  const int64_t map = Do(Op::kMmap, kNull, 2 * kHuge, kRw, kShared, fd, 0);
  EXPECT_EQ(Do(Op::kMadvise, map + kHuge, 4096, abi::kMadvDontfork), -EINVAL);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(s.mms[0][1].start, kArenaPages + 1);
  EXPECT_EQ(Do(Op::kMunmap, map + kHuge, 4096), -EINVAL);
  EXPECT_FALSE(last.changed) << "it begins there already";
}

TEST_F(HugetlbTest, TheyAreNeverLockedButBroughtIn) {
  const int64_t fd = Huge(kHuge), map = MapHuge(fd, kRw, kShared);
  EXPECT_EQ(Do(Op::kMlock2, map, kHuge, abi::kMlockOnfault), 0);
  EXPECT_EQ(s.mms[0][0].flags, 0);
  EXPECT_EQ(s.inodes[0].present, 1);
  EXPECT_EQ(Do(Op::kMadvise, map, kHuge, abi::kMadvDontneed), 0) << "not VM_LOCKED";
}

TEST_F(HugetlbTest, ASealedMappingIsRefusedBeforeItIsSplit) {
  const int64_t fd = Huge(kHuge), map = MapHuge(fd, kRw, kShared);
  EXPECT_EQ(Do(Op::kMunmap, map, 4096), -EINVAL);
  EXPECT_EQ(Do(Op::kMseal, map, kHuge, 0), 0);
  EXPECT_EQ(Do(Op::kMunmap, map, 4096), -EPERM);
  EXPECT_EQ(Do(Op::kMunmap, map, kHuge), -EPERM);
}

TEST_F(HugetlbTest, ADebuggerWritesToAReadOnlyPrivateOneWhereTheKernelCan) {
  const int64_t fd = Huge(kHuge);
  const int64_t map = MapHuge(fd, kProtRead, abi::kMapPrivate);
  EXPECT_EQ(Do(Op::kMemWrite, 0, map, 'x'), 1);
  EXPECT_EQ(Do(Op::kLoad, map), 'x');
  Lack(Feature::kHugeForce, EIO);
  EXPECT_EQ(Do(Op::kMemWrite, 0, map, 'y'), -EIO);
}

constexpr int64_t kMoveTo = abi::kMremapMaymove | abi::kMremapFixed;

TEST_F(HugetlbTest, MremapMovesWholePagesAndWhatATaskHasOfThem) {
  const int64_t fd = Huge(kHuge), map = MapHuge(fd, kRw, kPrivate), there = kHugeArena + 2 * kHuge;
  Do(Op::kStore, map, 'x');
  EXPECT_EQ(Do(Op::kMremap, map, 1, 4096, kMoveTo, there), there);
  EXPECT_EQ(s.mms[0][0].start, kArenaPages + 2);
  EXPECT_EQ(s.mms[0][0].pages, 1);
  EXPECT_EQ(s.mms[0][0].copied, 1);
  EXPECT_EQ(Do(Op::kLoad, there), 'x');
}

TEST_F(HugetlbTest, MremapLooksAtAnAddressThatItDoesNotUse) {
  const int64_t fd = Huge(kHuge), map = MapHuge(fd, kRw, kShared);
  EXPECT_EQ(Do(Op::kMremap, map, kHuge, kHuge, 0, 4096), -EINVAL);
  EXPECT_EQ(Do(Op::kMremap, map, kHuge, kHuge, 0, kHugeArena + kHuge), map);
  EXPECT_EQ(Do(Op::kMremap, map, kHuge, kHuge, 0, kNull), map);
}

TEST_F(HugetlbTest, MremapOfAPartOfAPrivateMappingOrToAnotherArenaIsLeftOut) {
  const int64_t fd = Huge(kHuge), map = Do(Op::kMmap, kNull, 2 * kHuge, kRw, kPrivate, fd, 0);
  EXPECT_EQ(Do(Op::kMremap, map, kHuge, kHuge, kMoveTo, map + 2 * kHuge), kBoundary);
  EXPECT_EQ(Do(Op::kMremap, map, 2 * kHuge, kHuge, kMoveTo, 0), kBoundary);
  EXPECT_EQ(Do(Op::kMremap, map, 2 * kHuge, kHuge, kMoveTo, map + 2 * kHuge), map + 2 * kHuge);
  EXPECT_EQ(Do(Op::kMremap, map, kHuge, kHuge, kMoveTo, map + 2 * kHuge), -EFAULT) << "it has gone";
}

TEST_F(HugetlbTest, AKernelThatMovesNoneHasUnmappedByThen) {
  Lack(Feature::kHugeMremap, EINVAL);
  const int64_t fd = Huge(kHuge), map = MapHuge(fd, kRw, kShared), two = MapHuge(fd, kRw, kShared);
  EXPECT_EQ(Do(Op::kMremap, map, kHuge, 4096, abi::kMremapMaymove, kNull), -EINVAL) << "a part";
  EXPECT_FALSE(last.changed);
  EXPECT_EQ(Do(Op::kMremap, map, kHuge, kHuge, kMoveTo, two), -EINVAL);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(Do(Op::kLoad, two), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kMremap, map, 0, kHuge, kMoveTo, map), -EFAULT) << "itself";
}

TEST_F(HugetlbTest, FilesAreNotSplicedAndTheirFileSystemIsAnother) {
  const int64_t fd = Huge(kHuge), small = Memfd(4096);
  EXPECT_EQ(Do(Op::kSendfile, small, fd, kNoOffset, 1), -EINVAL);
  EXPECT_EQ(Do(Op::kSendfile, fd, small, kNoOffset, 1), -EINVAL);
  EXPECT_EQ(Do(Op::kCopyFileRange, fd, kNoOffset, small, kNoOffset, 1), -EXDEV);
}

TEST_F(HugetlbTest, WhatIsNotModelledIsLeftOut) {
  const int64_t fd = Huge(kHuge), map = MapHuge(fd, kRw, kShared);
  EXPECT_EQ(Do(Op::kUdmabufCreate, fd, 0, 4096), kBoundary);
  EXPECT_EQ(Do(Op::kMprotect, map, 4096, kRw), 0);
  EXPECT_EQ(Do(Op::kMprotect, map, 4096, kProtRead), -EINVAL);
  EXPECT_EQ(Do(Op::kMprotect, map, kHuge + 4096, kRw), kBoundary);
  EXPECT_EQ(Do(Op::kFtruncate, fd, (kMaxHuge + 1) * kHuge), kBoundary);
  EXPECT_EQ(Do(Op::kMmap, kNull, kHuge, kRw, kShared, fd, kMaxHuge * kHuge), kBoundary);
  constexpr int64_t kNoSuchSize = -(int64_t{1} << 31);  // 32 << MFD_HUGE_SHIFT
  EXPECT_EQ(Do(Op::kMemfdCreate, kOrdinaryName, abi::kMfdHugetlb | kNoSuchSize), -ENODEV);
  constexpr int64_t k1Gb = int64_t{30} << 26;
  EXPECT_EQ(Do(Op::kMemfdCreate, kOrdinaryName, abi::kMfdHugetlb | k1Gb), kBoundary);
  Limits none;
  none.huge = 0;
  s = InitialState(none, {0});
  EXPECT_EQ(Do(Op::kMemfdCreate, kOrdinaryName, abi::kMfdHugetlb), kBoundary);
}

// The end of such a range wraps around in the kernel, which then dies of it (docs/findings.md).
TEST_F(HugetlbTest, AllocationNearTheLargestOffsetIsNeverMade) {
  const int64_t fd = Huge(kHuge);
  EXPECT_EQ(Do(Op::kFallocate, fd, 0, INT64_MAX - 15, 1), kBoundary);
  EXPECT_EQ(Do(Op::kFallocate, fd, abi::kFallocKeepSize, INT64_MAX - 15, 1), kBoundary);
  Do(Op::kAddSeals, fd, kSealGrow);
  EXPECT_EQ(Do(Op::kFallocate, fd, 0, INT64_MAX - 15, 1), -EPERM);
}

}  // namespace
}  // namespace selkie
