#include "model/model_fixture.h"

namespace selkie {
namespace {

class InodeTest : public ModelTest {};

TEST_F(InodeTest, FstatGivesSizeAndModeAlsoOfAPathDescriptor) {
  const int64_t fd = Memfd(123);
  EXPECT_EQ(Do(Op::kFstat, fd), 123);
  EXPECT_EQ(last.extra, 0777);
  EXPECT_EQ(Do(Op::kFstat, Do(Op::kOpen, kSelf, fd, abi::kOPath)), 123);
  EXPECT_EQ(Do(Op::kFstat, 77), -EBADF);
}

TEST_F(InodeTest, FchmodIsForTheOwnerThroughAnyButAPathDescriptor) {
  const int64_t fd = Memfd();
  const int64_t ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  EXPECT_EQ(Do(Op::kFchmod, ro, 010444), 0);
  EXPECT_EQ(s.inodes[0].mode, 0444);
  EXPECT_EQ(Do(Op::kFchmod, Do(Op::kOpen, kSelf, fd, abi::kOPath), 0), -EBADF);
  Do(Op::kSendFd, 1, fd);
  EXPECT_EQ(DoAs(1, Op::kFchmod, DoAs(1, Op::kRecvFd), 0), -EPERM);
}

TEST_F(InodeTest, TheExecSealKeepsTheExecutableBits) {
  const int64_t fd = Do(Op::kMemfdCreate, kOrdinaryName, abi::kMfdNoexecSeal);
  EXPECT_EQ(Do(Op::kFchmod, fd, 0777), -EPERM);
  EXPECT_EQ(Do(Op::kFchmod, fd, 0600), 0);
}

TEST_F(InodeTest, AnAclIsAModeAndAsksNoSeal) {
  const int64_t fd = Do(Op::kMemfdCreate, kOrdinaryName, abi::kMfdNoexecSeal);
  EXPECT_EQ(Do(Op::kFsetAcl, fd, 07711), 0);
  EXPECT_EQ(s.inodes[0].mode, 0711);
  EXPECT_EQ(last.effect.exec, 1);
  EXPECT_EQ(last.effect.file, 1);
  EXPECT_EQ(Do(Op::kSetAcl, kSelf, fd, 0700), 0);
  EXPECT_EQ(last.effect.exec, 1);
  EXPECT_EQ(Do(Op::kFsetAcl, fd, 0540), 0);  // no x bit changes
  EXPECT_EQ(last.effect.exec, 0);
  Do(Op::kSendFd, 1, fd);
  EXPECT_EQ(DoAs(1, Op::kFsetAcl, DoAs(1, Op::kRecvFd), 0777), -EPERM);
}

TEST_F(InodeTest, ADesignMayAskTheSealsOfAnAcl) {
  AddRule(semantics, Point::kSetAcl, "acl-exec", EffectKind::kRefuse, EPERM,
          {When().Has(FactSet::kSeals, kSealExec).Has(Fact::kChangesExec)});
  const int64_t fd = Do(Op::kMemfdCreate, kOrdinaryName, abi::kMfdNoexecSeal);
  EXPECT_EQ(Do(Op::kFsetAcl, fd, 0700), -EPERM);
  EXPECT_EQ(Do(Op::kFsetAcl, fd, 0600), 0);
}

TEST_F(InodeTest, ChownByItsOtherNames) {
  const int64_t fd = Memfd(), path = Do(Op::kOpen, kSelf, fd, abi::kOPath);
  EXPECT_EQ(Do(Op::kFchown, path, 1000), -EBADF);
  EXPECT_EQ(Do(Op::kFchownat, path, 1000, abi::kAtEmptyPath), 0);
  EXPECT_EQ(s.inodes[0].uid, 1000);
  EXPECT_EQ(Do(Op::kChown, kSelf, path, 7), 0);
  EXPECT_EQ(s.inodes[0].uid, 7);
  EXPECT_EQ(Do(Op::kFchownat, 77, 0, abi::kAtEmptyPath | 1), -EINVAL);
  EXPECT_EQ(Do(Op::kFchownat, 77, 0, abi::kAtSymlinkNofollow), -ENOENT);
  EXPECT_EQ(Do(Op::kFchownat, 77, 0, abi::kAtEmptyPath), -EBADF);
  EXPECT_EQ(Do(Op::kFchownat, abi::kAtFdcwd, 0, abi::kAtEmptyPath), kBoundary);
  EXPECT_EQ(Do(Op::kChown, kSelf, 77, 0), -ENOENT);
  Do(Op::kSendFd, 1, path);
  const int64_t theirs = DoAs(1, Op::kRecvFd);
  EXPECT_EQ(DoAs(1, Op::kFchownat, theirs, 1000, abi::kAtEmptyPath), -EPERM);
  EXPECT_EQ(DoAs(1, Op::kFchownat, theirs, -1, abi::kAtEmptyPath), 0);
}

TEST_F(InodeTest, TimesAreOfTheOwnerAndOfWhoMayWrite) {
  const int64_t fd = Memfd(), path = Do(Op::kOpen, kSelf, fd, abi::kOPath);
  Do(Op::kAddSeals, fd, kSealWrite | kSealGrow | kSealSeal);
  EXPECT_EQ(Do(Op::kFutimens, fd), 0);
  EXPECT_EQ(last.effect, Effect{.modified = 1});
  EXPECT_EQ(Do(Op::kFutimens, path), -EBADF);
  EXPECT_EQ(Do(Op::kUtimensat, kSelf, path), 0);
  EXPECT_EQ(last.effect, Effect{.modified = 1});
  EXPECT_EQ(Do(Op::kUtimensat, kSelf, 77), -ENOENT);
  EXPECT_EQ(Do(Op::kFutimens, abi::kAtFdcwd), kBoundary);
  Do(Op::kSendFd, 1, fd);
  const int64_t theirs = DoAs(1, Op::kRecvFd);
  EXPECT_EQ(DoAs(1, Op::kFutimens, theirs), 0);  // of mode 0777
  Do(Op::kFchmod, fd, 0775);
  EXPECT_EQ(DoAs(1, Op::kFutimens, theirs), -EACCES);
  EXPECT_EQ(last.effect, Effect{});
  Do(Op::kFchown, fd, 1000);
  Do(Op::kFchmod, fd, 0);
  EXPECT_EQ(DoAs(1, Op::kFutimens, theirs), 0);
}

TEST_F(InodeTest, TimesOfAnImmutableFileStay) {
  const int64_t fd = Memfd();
  Do(Op::kFchmod, fd, 0700);
  Do(Op::kSendFd, 1, fd);
  const int64_t theirs = DoAs(1, Op::kRecvFd);
  EXPECT_EQ(DoAs(1, Op::kFutimens, theirs), -EACCES);
  Do(Op::kSetAttr, fd, abi::kFsImmutable);
  EXPECT_EQ(DoAs(1, Op::kFutimens, theirs), -EPERM);
  EXPECT_EQ(Do(Op::kFutimens, fd), -EPERM);
  Do(Op::kSetAttr, fd, abi::kFsAppend);
  EXPECT_EQ(Do(Op::kFutimens, fd), 0);
}

}  // namespace
}  // namespace selkie
