#include "model/model_fixture.h"

namespace selkie {
namespace {

constexpr int64_t kMove = abi::kMremapMaymove;
constexpr int64_t kFixed = abi::kMremapMaymove | abi::kMremapFixed;

class MremapTest : public ModelTest {
 protected:
  // Lengths and addresses in pages.
  int64_t Remap(int64_t addr, int64_t old_pages, int64_t new_pages, int64_t flags, int64_t to = 0) {
    return Do(Op::kMremap, addr * kPage, old_pages * kPage, new_pages * kPage, flags, to * kPage);
  }
  int64_t MapAt(int64_t page, int64_t pages, int64_t fd, int64_t pgoff,
                int64_t flags = abi::kMapShared) {
    return Do(Op::kMmap, page * kPage, pages * kPage, kRw, flags, fd, pgoff * kPage);
  }
};

TEST_F(MremapTest, ChecksComeInTheKernelsOrder) {
  EXPECT_EQ(Do(Op::kMremap, 1, 0, 0, 8, 0), -EINVAL);
  EXPECT_EQ(Remap(0, 1, 1, abi::kMremapFixed), -EINVAL);
  EXPECT_EQ(Remap(0, 1, 0, 0), -EINVAL);
  EXPECT_EQ(Remap(0, 1, 1, 0), -EFAULT);
  EXPECT_EQ(Remap(0, 1, 1, 4), -EINVAL);
}

TEST_F(MremapTest, AMappingGrowsInPlaceIfThereIsRoomElseMovesIfItMay) {
  const int64_t fd = Memfd(4 * kPage);
  MapAt(0, 1, fd, 0);
  EXPECT_EQ(Remap(0, 1, 2, 0), 0);
  EXPECT_EQ(s.mms[0][0].pages, 2);
  MapAt(2, 1, fd, 0);
  EXPECT_EQ(Remap(0, 2, 3, 0), -ENOMEM);
  EXPECT_EQ(Remap(0, 2, 3, kMove), 3 * kPage);
  EXPECT_EQ(s.mms[0][0].start, 2);
  EXPECT_EQ(s.mms[0][1].pages, 3);
}

TEST_F(MremapTest, ShrinkingUnmapsTheRestWhateverItIs) {
  const int64_t fd = Memfd(4 * kPage), other = Memfd(kPage);
  MapAt(0, 2, fd, 0);
  MapAt(3, 1, other, 0);
  EXPECT_EQ(Remap(0, 4, 1, 0), 0);
  EXPECT_EQ(s.mms[0][0].pages, 1);
  EXPECT_EQ(s.mms[0][1].file, 0);
  EXPECT_EQ(Remap(0, 1, 1, 0), 0);
  EXPECT_FALSE(last.changed);
}

TEST_F(MremapTest, AnOldLengthOfZeroDuplicatesASharedMapping) {
  const int64_t fd = Memfd(4 * kPage);
  MapAt(0, 2, fd, 1);
  Do(Op::kAddSeals, fd, kSealFutureWrite);
  EXPECT_EQ(Remap(1, 0, 2, 0), -ENOMEM);
  EXPECT_EQ(Remap(1, 0, 2, kMove), 2 * kPage);
  EXPECT_EQ(s.mms[0][1].pgoff, 2);
  EXPECT_EQ(Do(Op::kStore, 2 * kPage, 'x'), 0);
  EXPECT_EQ(Do(Op::kLoad, kPage), 'x');
  MapAt(8, 1, fd, 0, abi::kMapPrivate);
  EXPECT_EQ(Remap(8, 0, 1, kMove), -EINVAL);
}

TEST_F(MremapTest, ThePiecesOfOneVmaMoveTogether) {
  const int64_t fd = Memfd(4 * kPage), other = Memfd(kPage);
  MapAt(0, 1, fd, 0);
  MapAt(1, 1, fd, 1);
  MapAt(2, 1, other, 0);
  EXPECT_EQ(Remap(0, 2, 3, kMove), 3 * kPage);
  EXPECT_EQ(s.mms[0][1].start, 3);
  EXPECT_EQ(s.mms[0][2].start, 4);
  EXPECT_EQ(s.mms[0][2].pages, 2);
  EXPECT_EQ(s.mms[0][2].pgoff, 1);
}

TEST_F(MremapTest, ARangeAcrossTheEndOfAVmaIsRefused) {
  const int64_t fd = Memfd(4 * kPage);
  MapAt(0, 1, fd, 0);
  MapAt(1, 1, fd, 0);
  EXPECT_EQ(Remap(0, 2, 3, kMove), -EFAULT);
  MapAt(4, 1, fd, 0, abi::kMapPrivate);
  MapAt(5, 1, fd, 1, abi::kMapPrivate);
  EXPECT_EQ(Remap(4, 2, 3, kMove), kBoundary);
  EXPECT_EQ(Remap(0, 2, 2, kFixed, 8), 8 * kPageSize);
}

TEST_F(MremapTest, FixedReplacesWhatIsThereAndTakesPrivateCopiesAlong) {
  const int64_t fd = Memfd(4 * kPage), other = Memfd(kPage);
  MapAt(0, 2, fd, 0, abi::kMapPrivate);
  MapAt(4, 1, other, 0);
  Do(Op::kStore, kPage, 'p');
  EXPECT_EQ(Remap(1, 1, 1, kFixed, 4), 4 * kPage);
  EXPECT_EQ(Do(Op::kLoad, 4 * kPage), 'p');
  EXPECT_EQ(Do(Op::kLoad, kPage), Died(SIGSEGV));
  EXPECT_EQ(s.mms[0][1].file, 1);
  EXPECT_EQ(Remap(0, 1, 2, kFixed, 1), 1 * kPage);
  EXPECT_EQ(Remap(1, 2, 1, kFixed, 2), -EINVAL);
  EXPECT_EQ(Do(Op::kMremap, kPage, kPage, kPage, kFixed, 1), -EINVAL);
}

TEST_F(MremapTest, DuplicatingOntoItselfUnmapsAndFails) {
  const int64_t fd = Memfd(4 * kPage);
  MapAt(0, 3, fd, 0);
  EXPECT_EQ(Remap(1, 0, 1, kFixed, 1), -EFAULT);
  EXPECT_EQ(Do(Op::kLoad, kPage), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kLoad, 2 * kPage), 0);
}

TEST_F(MremapTest, ADuplicateCountsAsAWritableMapping) {
  const int64_t fd = Memfd(kPage);
  MapAt(0, 1, fd, 0);
  Remap(0, 0, 1, kMove);
  Do(Op::kMunmap, 0, kPage);
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealWrite), -EBUSY);
  Do(Op::kMunmap, kPage, kPage);
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealWrite), 0);
}

TEST_F(MremapTest, AfterAnMunmapThatIsRefusedTwoPartsAreNoLongerOneMapping) {
  const int64_t fd = Memfd(4 * kPage);
  MapAt(0, 4, fd, 0);
  Do(Op::kMseal, 2 * kPage, kPage, 0);
  EXPECT_EQ(Remap(0, 2, 3, 0), -ENOMEM);
  EXPECT_EQ(Do(Op::kMunmap, kPage, 2 * kPage), -EPERM);
  EXPECT_EQ(Remap(0, 2, 3, 0), -EFAULT);
  Do(Op::kMprotect, kPage, kPage, kProtRead);
  Do(Op::kMprotect, kPage, kPage, kProtRead | kProtWrite);
  EXPECT_EQ(Remap(0, 2, 3, 0), -ENOMEM);
}

}  // namespace
}  // namespace selkie
