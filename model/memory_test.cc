#include "model/model_fixture.h"

namespace selkie {
namespace {

class MemoryTest : public ModelTest {};

TEST_F(MemoryTest, StoresToASharedMappingReachTheFileAndSayHow) {
  const int64_t fd = Memfd(2 * kPage);
  const int64_t map = Map(fd, 1, kRw, abi::kMapShared, kPage);
  EXPECT_EQ(Do(Op::kStore, map + 2048, 'x'), 0);
  EXPECT_EQ(last.effect, (Effect{.wrote = 1, .file = 1, .mm = 1, .map = 1}));
  EXPECT_EQ(Contents(fd), std::string("\0\0\0x", 4));
  EXPECT_EQ(Do(Op::kStore, map + 1, 'y'), 0);  // not a sampled byte, yet a write
  EXPECT_EQ(last.effect.wrote, 1);
  EXPECT_EQ(Do(Op::kLoad, map + 1), kBoundary);
}

TEST_F(MemoryTest, AMissingMappingOrProtectionIsSigsegv) {
  const int64_t fd = Memfd(kPage);
  const int64_t map = Map(fd, 1, kProtRead);
  EXPECT_EQ(Do(Op::kLoad, kNull), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kLoad, map + kPage), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kStore, map, 'x'), Died(SIGSEGV));
  Do(Op::kMprotect, map, kPage, 0);
  EXPECT_EQ(Do(Op::kLoad, map), Died(SIGSEGV));
  Do(Op::kMprotect, map, kPage, kProtWrite);
  EXPECT_EQ(Do(Op::kLoad, map), 0);
  Do(Op::kMprotect, map, kPage, kProtExec);
  EXPECT_EQ(Do(Op::kLoad, map), kBoundary);
  EXPECT_EQ(Do(Op::kStore, map, 'x'), Died(SIGSEGV));
  EXPECT_EQ(Do(Op::kLoad, -4096), kBoundary);
}

TEST_F(MemoryTest, APageWhollyBeyondTheEndIsSigbus) {
  const int64_t fd = Memfd(1);
  const int64_t map = Map(fd, 2, kRw);
  EXPECT_EQ(Do(Op::kStore, map + 2048, 't'), 0);
  EXPECT_EQ(Do(Op::kLoad, map + 2048), 't');
  EXPECT_EQ(Do(Op::kLoad, map + kPage), Died(SIGBUS));
  EXPECT_EQ(Do(Op::kStore, map + kPage, 'x'), Died(SIGBUS));
  Do(Op::kFtruncate, fd, kPage + 1);
  EXPECT_EQ(Do(Op::kLoad, map + kPage), 0);
  EXPECT_EQ(Do(Op::kLoad, map + 2048), 't');
}

TEST_F(MemoryTest, APrivateMappingFollowsTheFileUntilItsFirstStore) {
  const int64_t fd = Memfd(kPage);
  const int64_t map = Map(fd, 1, kRw, abi::kMapPrivate);
  Do(Op::kPwrite, fd, 'a', kPage, 0);
  EXPECT_EQ(Do(Op::kLoad, map), 'a');
  EXPECT_EQ(Do(Op::kStore, map, 'p'), 0);
  EXPECT_EQ(last.effect, Effect{});
  Do(Op::kPwrite, fd, 'b', kPage, 0);
  EXPECT_EQ(Do(Op::kLoad, map), 'p');
  EXPECT_EQ(Do(Op::kLoad, map + 2048), 'a');
  EXPECT_EQ(Contents(fd), "bb");
}

TEST_F(MemoryTest, ForkCopiesPrivatePagesAndSharesShared) {
  const int64_t fd = Memfd(kPage);
  const int64_t priv = Map(fd, 1, kRw, abi::kMapPrivate), shared = Map(fd, 1, kRw);
  Do(Op::kStore, priv, 'p');
  ASSERT_EQ(Do(Op::kFork), 2);
  DoAs(2, Op::kStore, priv, 'c');
  DoAs(2, Op::kStore, shared, 's');
  EXPECT_EQ(last.effect.mm, 3);
  EXPECT_EQ(Do(Op::kLoad, priv), 'p');
  EXPECT_EQ(DoAs(2, Op::kLoad, priv), 'c');
  EXPECT_EQ(Do(Op::kLoad, shared), 's');
}

}  // namespace
}  // namespace selkie
