#include "model/model_fixture.h"

namespace selkie {
namespace {

class MlockTest : public ModelTest {
 protected:
  uint8_t FlagsAt(int map) const { return s.mms[0][map].flags; }
};

TEST_F(MlockTest, MemoryStaysLockedAlthoughItCannotBeBroughtIn) {
  const int64_t map = Map(Memfd(kPageSize), 2, 1);
  EXPECT_EQ(Do(Op::kMlock, map, 2 * kPageSize), -ENOMEM);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(FlagsAt(0), kMapLocked);
  EXPECT_EQ(Do(Op::kMlock2, map, 2 * kPageSize, abi::kMlockOnfault), 0);
  EXPECT_EQ(FlagsAt(0), kMapLocked | kMapLockOnFault);
  EXPECT_EQ(Do(Op::kMunlock, map + 1, kPageSize), 0) << "both pages: the start is rounded down";
  EXPECT_EQ(FlagsAt(0), 0);
  EXPECT_EQ(Do(Op::kMlock2, map, kPageSize, 2), -EINVAL);
}

TEST_F(MlockTest, WhatIsBehindAHoleIsNotLocked) {
  const int64_t fd = Memfd(3 * kPageSize), map = Map(fd, 3, 1);
  Do(Op::kMunmap, map + kPageSize, kPageSize);
  EXPECT_EQ(Do(Op::kMlock, map, 3 * kPageSize), -ENOMEM);
  EXPECT_EQ(FlagsAt(0), kMapLocked);
  EXPECT_EQ(FlagsAt(1), 0);
}

TEST_F(MlockTest, LockedMemoryKeepsItsPages) {
  const int64_t map = Map(Memfd(kPageSize), 1, 3);
  Do(Op::kMlock, map, kPageSize);
  for (int64_t advice :
       {abi::kMadvDontneed, abi::kMadvRemove, abi::kMadvCold, abi::kMadvPageout, abi::kMadvFree})
    EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, advice), -EINVAL) << advice;
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvDontneedLocked), 0);
  EXPECT_EQ(Do(Op::kMsync, map, 2 * kPageSize, abi::kMsInvalidate), -EBUSY);
  EXPECT_EQ(Do(Op::kMsync, map, 2 * kPageSize, abi::kMsSync), -ENOMEM);
}

TEST_F(MlockTest, PrivateMemoryIsCopiedOnceItMayBeWritten) {
  const int64_t fd = Memfd(2 * kPageSize);
  const int64_t writable = Map(fd, 1, 3, abi::kMapPrivate),
                readable = Map(fd, 1, 1, abi::kMapPrivate);
  Do(Op::kMlock, writable, kPageSize);
  Do(Op::kMlock, readable, kPageSize);
  Do(Op::kPwrite, fd, 'x', kPageSize, 0);
  EXPECT_EQ(Do(Op::kLoad, writable), 0);
  EXPECT_EQ(Do(Op::kLoad, readable), 'x');
  Do(Op::kMprotect, readable, kPageSize, 3);
  Do(Op::kPwrite, fd, 'y', kPageSize, 0);
  EXPECT_EQ(Do(Op::kLoad, readable), 'x');
}

TEST_F(MlockTest, MmapBringsInWhatItIsToldTo) {
  const int64_t fd = Memfd(kPageSize);
  EXPECT_GE(Map(fd, 2, 3, abi::kMapPrivate | abi::kMapPopulate), 0)
      << "beyond the end it does not fail";
  EXPECT_EQ(s.mms[0][0].copied, 1);
  Map(fd, 1, 3, abi::kMapPrivate | abi::kMapPopulate | abi::kMapNonblock);
  EXPECT_EQ(s.mms[0][1].copied, 0);
  Map(fd, 1, 3, abi::kMapPrivate | abi::kMapLocked);
  EXPECT_EQ(s.mms[0][2].copied, 1);
  EXPECT_EQ(FlagsAt(2), kMapLocked);
  Do(Op::kFork);
  EXPECT_EQ(s.mms[1][2].flags, 0) << "a child has nothing locked";
}

TEST_F(MlockTest, AMappingThatGrowsIsBroughtIn) {
  const int64_t fd = Memfd(2 * kPageSize), map = Map(fd, 1, 3, abi::kMapPrivate | abi::kMapLocked);
  Do(Op::kMremap, map, kPageSize, 2 * kPageSize, abi::kMremapMaymove, kNull);
  EXPECT_EQ(s.mms[0][0].copied, 3);
}

TEST_F(MlockTest, DontunmapUnlocksWhatItMovesOrAllThatItIsAPartOf) {
  const int64_t flags = abi::kMremapMaymove | abi::kMremapDontunmap;
  const int64_t fd = Memfd(2 * kPageSize), map = Map(fd, 2, 1, abi::kMapShared | abi::kMapLocked);
  const State before = s;
  const int64_t moved = Do(Op::kMremap, map + kPageSize, kPageSize, kPageSize, flags, kNull);
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvDontneed), -EINVAL);
  EXPECT_EQ(Do(Op::kMadvise, map + kPageSize, kPageSize, abi::kMadvDontneed), 0);
  EXPECT_EQ(Do(Op::kMadvise, moved, kPageSize, abi::kMadvDontneed), -EINVAL);
  s = before;
  Lack(Feature::kUnlocksPart, EINVAL);
  Do(Op::kMremap, map + kPageSize, kPageSize, kPageSize, flags, kNull);
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvDontneed), 0);
  EXPECT_EQ(Do(Op::kMadvise, moved, kPageSize, abi::kMadvDontneed), -EINVAL);
}

TEST_F(MlockTest, WhatDontunmapUnlocksIsNotMergedWithWhatAgrees) {
  const int64_t flags = abi::kMremapMaymove | abi::kMremapDontunmap;
  const int64_t fd = Memfd(2 * kPageSize), map = Map(fd, 2, 1);
  Do(Op::kMlock, map + kPageSize, kPageSize);
  Do(Op::kMremap, map + kPageSize, kPageSize, kPageSize, flags, kNull);
  EXPECT_EQ(FlagsAt(1), kMapUnmerged);
  const int64_t both = 2 * kPageSize;
  EXPECT_EQ(Do(Op::kMremap, map, both, both + kPageSize, abi::kMremapMaymove, kNull), -EFAULT);
}

TEST_F(MlockTest, BoundsAreTold) {
  const int64_t fd = Memfd(kPageSize), map = Map(fd, 1, kProtExec);
  EXPECT_EQ(Do(Op::kMlock, map, kPageSize), kBoundary) << "whether it can be read is not known";
  EXPECT_EQ(Do(Op::kMlock2, map, kPageSize, abi::kMlockOnfault), 0);
  EXPECT_EQ(Do(Op::kMlock, kNull, kPageSize), kBoundary);
  EXPECT_EQ(Do(Op::kMunlock, map, int64_t{1} << 50), kBoundary);
  EXPECT_EQ(Do(Op::kMunlock, map, -1), 0) << "PAGE_ALIGN makes it nothing";
  EXPECT_EQ(Do(Op::kMmap, kNull, int64_t{1} << 24, 1, abi::kMapShared | abi::kMapLocked, fd, 0),
            kBoundary);
}

TEST_F(MlockTest, OnFaultAsksForProtectionWhereARuleSaysSo) {
  const int64_t fd = Memfd(kPageSize), map = Map(fd, 2, 0);
  EXPECT_EQ(Do(Op::kMlock2, map, kPageSize, abi::kMlockOnfault), 0);
  Do(Op::kMunlock, map, kPageSize);
  Lack(Feature::kOnFault, ENOMEM);
  EXPECT_EQ(Do(Op::kMlock2, map, kPageSize, abi::kMlockOnfault), -ENOMEM);
  EXPECT_EQ(FlagsAt(0), kMapLocked | kMapLockOnFault) << "it is locked all the same";
  EXPECT_EQ(Do(Op::kMlock2, map + kPageSize, 0, abi::kMlockOnfault), 0) << "nothing asks nothing";
}

}  // namespace
}  // namespace selkie
