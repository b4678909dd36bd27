#include "model/model_fixture.h"

namespace selkie {
namespace {

class MapTest : public ModelTest {};

TEST_F(MapTest, MmapOfNullTakesTheLowestGap) {
  const int64_t fd = Memfd(kPage);
  EXPECT_EQ(Map(fd, 1, kProtRead), 0);
  EXPECT_EQ(Map(fd, 2, kProtRead), kPage);
  EXPECT_EQ(Do(Op::kMunmap, 0, kPage), 0);
  EXPECT_EQ(Map(fd, 2, kProtRead), 3 * kPage);
  EXPECT_EQ(Map(fd, 1, kProtRead), 0);
}

TEST_F(MapTest, AHintIsTakenIfItIsFree) {
  const int64_t fd = Memfd(kPage);
  EXPECT_EQ(Do(Op::kMmap, 5 * kPage + 7, kPage, kProtRead, abi::kMapShared, fd, 0), 5 * kPage);
  EXPECT_EQ(Do(Op::kMmap, 4 * kPage, 2 * kPage, kProtRead, abi::kMapShared, fd, 0), kBoundary);
}

TEST_F(MapTest, ChecksComeInTheKernelsOrder) {
  const int64_t fd = Memfd(kPage), ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  const int64_t wo = Do(Op::kOpen, kSelf, fd, abi::kOWronly);
  Do(Op::kAddSeals, fd, kSealWrite);
  auto mmap = [&](int64_t addr, int64_t len, int64_t prot, int64_t flags, int64_t f, int64_t off) {
    return Do(Op::kMmap, addr, len, prot, flags, f, off);
  };
  const int64_t fixed = abi::kMapFixed, shared = abi::kMapShared, priv = abi::kMapPrivate;
  EXPECT_EQ(mmap(kNull, 0, kRw, shared, 77, 1), -EINVAL);
  EXPECT_EQ(mmap(kNull, 0, kRw, shared, 77, 0), -EBADF);
  EXPECT_EQ(mmap(kNull, 0, kRw, shared, ro, 0), -EINVAL);
  EXPECT_EQ(mmap(kNull, -1, kRw, shared, ro, 0), -ENOMEM);
  EXPECT_EQ(mmap(kNull, INT64_MIN, kRw, shared, ro, 0), -ENOMEM);
  EXPECT_EQ(mmap(7, kPage, kRw, shared | fixed, ro, -kPage), -EINVAL);
  EXPECT_EQ(mmap(0, kPage, kRw, shared | fixed, ro, -kPage), -EOVERFLOW);
  EXPECT_EQ(mmap(kNull, kPage, kRw, 0, ro, 0), -EINVAL);
  EXPECT_EQ(mmap(kNull, kPage, kRw, shared, ro, 0), -EACCES);
  EXPECT_EQ(mmap(kNull, kPage, kRw, shared, wo, 0), -EACCES);
  EXPECT_EQ(mmap(kNull, kPage, kProtRead, priv, wo, 0), -EACCES);
  EXPECT_EQ(mmap(kNull, kPage, kRw, shared, fd, 0), -EPERM);
  EXPECT_EQ(mmap(kNull, kPage, kRw, priv, ro, 0), 0);
  EXPECT_EQ(mmap(kNull, 5 * kPage, kRw, priv, ro, 0), kBoundary);
  EXPECT_EQ(mmap(kNull, kPage, kRw, shared, Do(Op::kSocketpair), 0), -ENODEV);
}

TEST_F(MapTest, FlagsThatMarkTheMappingOrChooseItsPlaceAreABound) {
  const int64_t fd = Memfd(kPage), validate = abi::kMapShareValidate;
  for (int64_t flag :
       {abi::kMapAnonymous, abi::kMap32bit, abi::kMapAbove4g, abi::kMapNoreserve, abi::kMapStack})
    EXPECT_EQ(Do(Op::kMmap, kNull, kPage, kRw, validate | flag, fd, 0), kBoundary);
  EXPECT_EQ(Do(Op::kMmap, kNull, kPage, kRw, abi::kMapShared | abi::kMapSync, fd, 0), kBoundary);
  EXPECT_EQ(Do(Op::kMmap, kNull, kPage, kRw, validate | abi::kMapSync, fd, 0), -EOPNOTSUPP);
  EXPECT_EQ(Do(Op::kMmap, kNull, kPage, kRw, abi::kMapShared | abi::kMapFixed, fd, 0), kBoundary);
}

TEST_F(MapTest, ASharedMappingOfAFileNotOpenForWritingCanNeverWrite) {
  const int64_t fd = Memfd(kPage), ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  const int64_t map = Map(ro, 1, kProtRead);
  EXPECT_EQ(s.mms[0][0].vm_shared, 0);
  EXPECT_EQ(Do(Op::kMprotect, map, kPage, kRw), -EACCES);
  EXPECT_EQ(Do(Op::kAddSeals, fd, kSealWrite), 0);
}

TEST_F(MapTest, SealsLetReadersMapAndTakeTheRightToWrite) {
  const int64_t fd = Memfd(kPage);
  const int64_t before = Map(fd, 1, kProtRead);
  Do(Op::kAddSeals, fd, kSealFutureWrite);
  const int64_t after = Map(fd, 1, kProtRead);
  EXPECT_EQ(Do(Op::kMprotect, after, kPage, kRw), -EACCES);
  EXPECT_EQ(Do(Op::kMprotect, before, kPage, kRw), 0);
  EXPECT_EQ(Do(Op::kStore, before, 'x'), 0);
}

TEST_F(MapTest, MprotectStopsAtTheFirstThatRefusesAndKeepsTheEarlier) {
  const int64_t fd = Memfd(kPage), ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  EXPECT_EQ(Map(fd, 2, kProtRead), 0);
  EXPECT_EQ(Map(ro, 1, kProtRead), 2 * kPage);
  EXPECT_EQ(Do(Op::kMprotect, kPage, 2 * kPage, kRw), -EACCES);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(s.mms[0][0].prot, kProtRead);
  EXPECT_EQ(s.mms[0][1].prot, kRw);
  EXPECT_EQ(s.mms[0][1].pgoff, 1);
  EXPECT_EQ(Do(Op::kMprotect, 0, 12 * kPage, 0), -ENOMEM);
  EXPECT_EQ(s.mms[0][2].prot, 0);
  EXPECT_EQ(Do(Op::kMprotect, 3 * kPage, kPage, 0), -ENOMEM);
  EXPECT_FALSE(last.changed);
}

TEST_F(MapTest, MprotectChecksAddressThenLengthThenBits) {
  EXPECT_EQ(Do(Op::kMprotect, 1, 0, 0x100), -EINVAL);
  EXPECT_EQ(Do(Op::kMprotect, 0, 0, 0x100), 0);
  EXPECT_EQ(Do(Op::kMprotect, 0, -1, 0x100), -ENOMEM);
  EXPECT_EQ(Do(Op::kMprotect, 0, 1, 0x100), -EINVAL);
  EXPECT_EQ(Do(Op::kMprotect, 0, 1, 8), -ENOMEM);
}

TEST_F(MapTest, MunmapSplitsAndReleasesTheFileWithItsLastMapping) {
  const int64_t fd = Memfd(3 * kPage);
  EXPECT_EQ(Map(fd, 3, kRw), 0);
  Do(Op::kClose, fd);
  EXPECT_EQ(Do(Op::kMunmap, kPage, kPage), 0);
  EXPECT_EQ(s.mms[0][1].start, 2);
  EXPECT_EQ(s.mms[0][1].pgoff, 2);
  EXPECT_EQ(Do(Op::kMunmap, 0, kPage), 0);
  EXPECT_NE(s.files[0].inode, 0);
  EXPECT_EQ(Do(Op::kMunmap, 0, 12 * kPage), 0);
  EXPECT_EQ(s, InitialState(Limits{}, {0, 1000}));
  EXPECT_EQ(Do(Op::kMunmap, 0, kPage), 0);
  EXPECT_EQ(Do(Op::kMunmap, 0, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kMunmap, 5, kPage), -EINVAL);
  EXPECT_EQ(Do(Op::kMunmap, 0, -1), -EINVAL);
}

TEST_F(MapTest, ASplitKeepsPrivateCopiesWithTheirPages) {
  const int64_t fd = Memfd(3 * kPage);
  EXPECT_EQ(Map(fd, 3, kRw, abi::kMapPrivate), 0);
  Do(Op::kStore, 0, 'a');
  Do(Op::kStore, 2 * kPage, 'c');
  EXPECT_EQ(Do(Op::kMunmap, kPage, kPage), 0);
  EXPECT_EQ(Do(Op::kLoad, 0), 'a');
  EXPECT_EQ(Do(Op::kLoad, kPage), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kLoad, 2 * kPage), 'c');
}

TEST_F(MapTest, MapFixedReplacesWhatIsThereButNotIfItIsRefused) {
  const int64_t fd = Memfd(4 * kPage), other = Memfd(kPage);
  Do(Op::kAddSeals, other, kSealFutureWrite);
  EXPECT_EQ(Map(fd, 3, kRw), 0);
  const int64_t fixed = abi::kMapShared | abi::kMapFixed;
  EXPECT_EQ(Do(Op::kMmap, kPage, kPage, kRw, fixed, other, 0), -EPERM);
  EXPECT_EQ(Do(Op::kLoad, kPage), 0);
  EXPECT_EQ(Do(Op::kMmap, kPage, kPage, kProtRead, fixed, other, 0), kPage);
  EXPECT_EQ(s.mms[0][0].pages, 1);
  EXPECT_EQ(s.mms[0][1].file, 2);
  EXPECT_EQ(s.mms[0][2].start, 2);
}

TEST_F(MapTest, ARuleCanSayThatMapFixedUnmapsBeforeItRefuses) {
  AddRule(semantics, Point::kMmap, "unmap", EffectKind::kUnmap, 0, {When()});
  AddRule(semantics, Point::kMmap, "late", EffectKind::kRefuse, EPERM,
          {When().Has(FactSet::kProt, kProtExec)});
  const int64_t fd = Memfd(4 * kPage);
  EXPECT_EQ(Map(fd, 3, kRw), 0);
  const int64_t fixed = abi::kMapShared | abi::kMapFixed;
  EXPECT_EQ(Do(Op::kMmap, kPage, kPage, kProtExec, fixed, fd, 0), -EPERM);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(Do(Op::kLoad, kPage), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kLoad, 2 * kPage), 0);
  EXPECT_EQ(Do(Op::kMmap, 6 * kPage, kPage, kProtExec, abi::kMapShared, fd, 0), -EPERM);
}

TEST_F(MapTest, ARuleSeesThatANewMappingWouldMergeWithItsNeighbour) {
  std::erase_if(semantics.rules, [](const Rule& rule) { return rule.point == Point::kMmap; });
  AddRule(semantics, Point::kMmap, "merges", EffectKind::kRefuse, EEXIST,
          {When().Has(Fact::kMerges)});
  const int64_t fd = Memfd(4 * kPage);
  const int64_t again = Do(Op::kOpen, kSelf, fd, abi::kORdwr);
  auto at = [&](int64_t page, int64_t prot, int64_t f, int64_t pgoff) {
    return Do(Op::kMmap, page * kPage, kPage, prot, abi::kMapShared, f, pgoff * kPage);
  };
  EXPECT_EQ(at(4, kRw, fd, 1), 4 * kPage);
  EXPECT_EQ(at(5, kRw, fd, 2), -EEXIST);
  EXPECT_EQ(at(3, kRw, fd, 0), -EEXIST);
  EXPECT_EQ(at(5, kRw, again, 2), 5 * kPage);
  EXPECT_EQ(at(3, kProtRead, fd, 0), 3 * kPage);
  EXPECT_EQ(at(6, kRw, again, 2), 6 * kPage);
}

TEST_F(MapTest, ATableThatIsFullIsABound) {
  s.limits.maps = 2;
  const int64_t fd = Memfd(kPage);
  EXPECT_EQ(Map(fd, 3, kRw), 0);
  EXPECT_EQ(Do(Op::kMprotect, kPage, kPage, kProtRead), kBoundary);
  EXPECT_EQ(Do(Op::kMprotect, 0, kPage, kProtRead), 0);
  EXPECT_EQ(Map(fd, 1, kRw), kBoundary);
  EXPECT_EQ(Do(Op::kMunmap, 0, kPage), 0);
  EXPECT_EQ(Do(Op::kMunmap, kPage, kPage), 0);
}

}  // namespace
}  // namespace selkie
