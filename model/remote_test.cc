#include "model/model_fixture.h"

namespace selkie {
namespace {

class RemoteTest : public ModelTest {};

TEST_F(RemoteTest, ProcessVmWritevObeysTheProtection) {
  const int64_t fd = Memfd(4096);
  const int64_t rw = Map(fd, 1, 3, abi::kMapShared), ro = Map(fd, 1, 1, abi::kMapPrivate);
  EXPECT_EQ(Do(Op::kProcessVmWritev, 0, rw, 'x'), 1);
  EXPECT_EQ(Do(Op::kLoad, rw), 'x');
  EXPECT_EQ(Do(Op::kProcessVmWritev, 0, ro, 'y'), -EFAULT);
  EXPECT_EQ(Do(Op::kProcessVmWritev, 0, kNull, 'y'), -EFAULT);
}

TEST_F(RemoteTest, MemWriteForcesAPrivateCopyAndNeverASharedPage) {
  const int64_t fd = Memfd(4096);
  const int64_t shared = Map(fd, 1, 1, abi::kMapShared), own = Map(fd, 1, 1, abi::kMapPrivate);
  EXPECT_EQ(Do(Op::kMemWrite, 0, shared, 'x'), -EIO);
  EXPECT_EQ(Do(Op::kMemWrite, 0, own, 'y'), 1);
  EXPECT_EQ(Do(Op::kLoad, own), 'y');
  EXPECT_EQ(Do(Op::kLoad, shared), 0);
}

TEST_F(RemoteTest, PtracePokeIsOfAnotherTaskAndForcesAPrivateCopy) {
  const int64_t fd = Memfd(4096);
  const int64_t shared = Map(fd, 1, 1, abi::kMapShared), own = Map(fd, 1, 1, abi::kMapPrivate);
  EXPECT_EQ(Do(Op::kPtracePoke, 0, own, 'x'), -EPERM);
  EXPECT_EQ(DoAs(1, Op::kPtracePoke, 0, own, 'x'), -EPERM);
  const int64_t child = Do(Op::kFork);
  EXPECT_EQ(Do(Op::kPtracePoke, child, shared, 'x'), -EIO);
  EXPECT_EQ(Do(Op::kPtracePoke, child, own, 'x'), 0);
  EXPECT_EQ(DoAs(static_cast<int>(child), Op::kLoad, own), 'x');
  EXPECT_EQ(Do(Op::kLoad, own), 0);
  EXPECT_EQ(Do(Op::kPtracePoke, child, own + kSampleStride - 4, 'x'), kBoundary);
}

}  // namespace
}  // namespace selkie
