#include "model/model_fixture.h"

namespace selkie {
namespace {

class AdviceTest : public ModelTest {};

TEST_F(AdviceTest, DontneedDropsPrivateCopiesAndKeepsSharedContents) {
  const int64_t fd = Memfd(8192);
  const int64_t map = Map(fd, 2, 3, abi::kMapPrivate), shared = Map(fd, 2, 3, abi::kMapShared);
  Do(Op::kStore, map, 'p');
  Do(Op::kStore, shared, 's');
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvDontneed), 0);
  EXPECT_EQ(Do(Op::kMadvise, shared, kPageSize, abi::kMadvDontneed), 0);
  EXPECT_EQ(Do(Op::kLoad, map), 's');
  EXPECT_EQ(Do(Op::kLoad, shared), 's');
}

TEST_F(AdviceTest, RemovePunchesTheFileUnlessItIsSealed) {
  const int64_t fd = Memfd(8192);
  const int64_t map = Map(fd, 2, 3, abi::kMapShared);
  Do(Op::kStore, map, 'x');
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvRemove), 0);
  EXPECT_EQ(last.effect.wrote, 1);
  EXPECT_EQ(Do(Op::kLoad, map), 0);
  Do(Op::kAddSeals, fd, kSealFutureWrite);
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvRemove), -EPERM);
}

TEST_F(AdviceTest, WhatAnEarlierPartOfTheRangeRemovedIsSaid) {
  const int64_t fd = Memfd(kPageSize);
  const int64_t map = Map(fd, 1, kRw);
  ASSERT_EQ(Map(fd, 1, kProtRead, abi::kMapShared, kPageSize), map + kPageSize);  // beyond the end
  Do(Op::kStore, map, 'x');
  EXPECT_EQ(Do(Op::kMadvise, map, 2 * kPageSize, abi::kMadvRemove), 0);
  EXPECT_EQ(last.effect, (Effect{.wrote = 1, .file = 1, .modified = 1}));
  Do(Op::kStore, map, 'y');
  EXPECT_EQ(
      Do(Op::kProcessMadvise, 0, map, kPageSize, map + kPageSize, kPageSize, abi::kMadvRemove, 0),
      2 * kPageSize);
  EXPECT_EQ(last.effect, (Effect{.wrote = 1, .file = 1, .modified = 1}));
}

TEST_F(AdviceTest, AHoleIsReportedAfterTheRestWasDone) {
  const int64_t fd = Memfd(8192);
  const int64_t map = Map(fd, 1, 3, abi::kMapPrivate);
  Do(Op::kStore, map, 'p');
  EXPECT_EQ(Do(Op::kMadvise, map, 2 * kPageSize, abi::kMadvDontneed), -ENOMEM);
  EXPECT_EQ(Do(Op::kLoad, map), 0);
}

TEST_F(AdviceTest, ADontforkMappingIsNotInTheChild) {
  const int64_t map = Map(Memfd(4096), 1, 3, abi::kMapShared);
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvDontfork), 0);
  const int64_t child = Do(Op::kFork);
  EXPECT_EQ(s.mms[s.tasks[child].mm][0].file, 0);
}

TEST_F(AdviceTest, PopulateWriteCopiesPrivatePagesUpToTheFirstThatFails) {
  const int64_t fd = Memfd(4096);
  const int64_t map = Map(fd, 2, 3, abi::kMapPrivate);
  EXPECT_EQ(Do(Op::kMadvise, map, 2 * kPageSize, abi::kMadvPopulateWrite), -EFAULT);
  EXPECT_EQ(s.mms[0][0].copied, 1);
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, 77), kBoundary);
}

TEST_F(AdviceTest, ASealedMappingStaysAsItIs) {
  const int64_t map = Map(Memfd(8192), 2, 3, abi::kMapShared);
  EXPECT_EQ(Do(Op::kMseal, map + kPageSize, kPageSize, 0), 0);
  EXPECT_EQ(Do(Op::kMunmap, map, 2 * kPageSize), -EPERM);
  EXPECT_EQ(Do(Op::kMprotect, map, 2 * kPageSize, 1), -EPERM);
  EXPECT_TRUE(last.changed) << "the first page, which is not sealed, was changed";
  EXPECT_EQ(Do(Op::kMremap, map + kPageSize, kPageSize, kPageSize, 0, kNull), -EPERM);
  EXPECT_EQ(Do(Op::kMadvise, map + kPageSize, kPageSize, abi::kMadvDontneed), 0);
}

TEST_F(AdviceTest, AGuardRegionTakesPrivateCopiesAndStopsEachAccess) {
  const int64_t fd = Memfd(8192);
  const int64_t map = Map(fd, 2, 3, abi::kMapPrivate);
  Do(Op::kStore, map, 'p');
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvGuardInstall), 0);
  EXPECT_EQ(Do(Op::kLoad, map), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kMemWrite, 0, map, 'x'), -EIO);
  EXPECT_EQ(Do(Op::kMadvise, map, 2 * kPageSize, abi::kMadvPopulateRead), -EFAULT);
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvGuardInstall), 0);
  EXPECT_FALSE(last.changed) << "it is one already";
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvGuardRemove), 0);
  EXPECT_EQ(Do(Op::kLoad, map), 0);
}

TEST_F(AdviceTest, AGuardRegionMovesWithItsPagesAndIsLeftByNoMove) {
  const int64_t map = Map(Memfd(8192), 2, 3, abi::kMapShared), to = 4 * kPageSize;
  Do(Op::kMadvise, map + kPageSize, kPageSize, abi::kMadvGuardInstall);
  constexpr int64_t kFlags = abi::kMremapMaymove | abi::kMremapFixed | abi::kMremapDontunmap;
  EXPECT_EQ(Do(Op::kMremap, map + kPageSize, kPageSize, kPageSize, kFlags, to), to);
  EXPECT_EQ(Do(Op::kLoad, to), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kLoad, map + kPageSize), 0);
  const int64_t second = Do(Op::kMremap, to, 0, kPageSize, abi::kMremapMaymove, kNull);
  EXPECT_EQ(Do(Op::kLoad, second), 0);
}

TEST_F(AdviceTest, WhetherTwoGuardRegionsThatMeetAreOneMappingIsNotKnown) {
  const int64_t fd = Memfd(12288);
  const int64_t map = Map(fd, 3, 3, abi::kMapShared);
  Do(Op::kMunmap, map + kPageSize, kPageSize);
  Do(Op::kMadvise, map, kPageSize, abi::kMadvGuardInstall);
  Do(Op::kMadvise, map + 2 * kPageSize, kPageSize, abi::kMadvGuardInstall);
  EXPECT_EQ(
      Do(Op::kMmap, map + kPageSize, kPageSize, 3, abi::kMapShared | abi::kMapFixed, fd, kPageSize),
      map + kPageSize);
  EXPECT_NE(s.mms[0][1].flags & kMapGuarded, 0) << "it is one with a neighbour";
  EXPECT_EQ(Do(Op::kMremap, map, 3 * kPageSize, 3 * kPageSize, abi::kMremapMaymove, kNull), map);
  EXPECT_EQ(Do(Op::kMremap, map, 3 * kPageSize, 4 * kPageSize, abi::kMremapMaymove, kNull),
            kBoundary);
}

TEST_F(AdviceTest, MsyncNamesItsFlagsThenHoles) {
  const int64_t map = Map(Memfd(4096), 1, 3, abi::kMapShared);
  EXPECT_EQ(Do(Op::kMsync, map, kPageSize, abi::kMsAsync | abi::kMsSync), -EINVAL);
  EXPECT_EQ(Do(Op::kMsync, map, 2 * kPageSize, abi::kMsSync), -ENOMEM);
  EXPECT_EQ(Do(Op::kMsync, map, kPageSize, abi::kMsSync), 0);
  EXPECT_EQ(Do(Op::kMsync, map, -1, abi::kMsSync), 0) << "a length that rounds up to 0";
}

TEST_F(AdviceTest, RemapFilePagesAsksTheSealAgain) {
  const int64_t fd = Memfd(8192);
  const int64_t map = Map(fd, 2, 3, abi::kMapShared);
  EXPECT_EQ(Do(Op::kRemapFilePages, map, kPageSize, 0, 1, 0), 0);
  Do(Op::kStore, map, 'x');
  EXPECT_EQ(Do(Op::kPread, fd, 1, 4096), 1);
  EXPECT_EQ(last.data[0], 'x');
  Do(Op::kAddSeals, fd, kSealFutureWrite);
  EXPECT_EQ(Do(Op::kRemapFilePages, map, kPageSize, 0, 0, 0), -EPERM);
}

}  // namespace
}  // namespace selkie
