// What a registered buffer pins, and where the model gives no answer; what kernels answer stands
// in scenarios/pin.
#include <cerrno>

#include "model/model_fixture.h"

namespace selkie {
namespace {

class IoUringTest : public ModelTest {
 protected:
  int64_t Register(int64_t address, int64_t length) {
    return Do(Op::kUringRegister, address, length);
  }
};

TEST_F(IoUringTest, ABufferIsHalfPagesOfTheFileUnderTheAddressOfTheTime) {
  const int64_t fd = Memfd(8192), map = Map(fd, 2, kRw);
  EXPECT_EQ(Register(map + kSampleStride, kPageSize), 0);
  EXPECT_EQ(s.buffers[0].pipe, RingOf(0));
  EXPECT_EQ(s.buffers[0].begin, 1);
  EXPECT_EQ(s.buffers[0].end, 2);
  EXPECT_EQ(s.buffers[1].page, 1);
  EXPECT_EQ(s.buffers[1].begin, 0);
  EXPECT_EQ(s.buffers[1].end, 1);
  EXPECT_NE(PinnedPages(s, 0), 0);
  Do(Op::kMunmap, map, 8192);
  EXPECT_EQ(Do(Op::kUringReadFixed, map + kPageSize, 'w'), 1);
  EXPECT_EQ(s.inodes[0].bytes[1][0], 'w');
}

TEST_F(IoUringTest, APageThatCouldNotBePinnedLeavesNothingRegistered) {
  const int64_t fd = Memfd(4096), map = Map(fd, 2, kRw);
  EXPECT_EQ(Register(map, 8192), -EFAULT);
  EXPECT_EQ(PinnedPages(s, 0), 0);
  EXPECT_EQ(s.inodes[0].present, 1);  // the first one was faulted in
}

TEST_F(IoUringTest, ALostPageIsWrittenUnlessAnotherMayHoldIt) {
  const int64_t fd = Memfd(4096), map = Map(fd, 1, kRw);
  Register(map, 4096);
  Do(Op::kFtruncate, fd, 0);
  EXPECT_EQ(PinnedPages(s, 0), 0);
  EXPECT_EQ(Do(Op::kUringReadFixed, map, 'w'), 1);
  EXPECT_EQ(s.buffers[0].bytes[0], 'w');
  PipeBuffer lost = s.buffers[0];
  lost.pipe = RingOf(1);
  s.buffers[1] = lost;
  EXPECT_EQ(Do(Op::kUringReadFixed, map, 'v'), kBoundary);
}

TEST_F(IoUringTest, WhatIsNotModelledIsLeftOut) {
  const int64_t fd = Memfd(4096), map = Map(fd, 1, kRw);
  EXPECT_EQ(Register(kNull, 0), kBoundary);
  EXPECT_EQ(Register(map, (int64_t{1} << 34) + 1), kBoundary) << "the table of its pages is large";
  EXPECT_EQ(Register(map + 1, 4096), kBoundary);
  EXPECT_EQ(Register(map, int64_t{kArenaPages + 1} * kPageSize), kBoundary);
  const int64_t copy = Do(Op::kMmap, kNull, 4096, kRw, abi::kMapPrivate, fd, 0);
  EXPECT_EQ(Register(copy, 4096), kBoundary);
  s.limits.buffers = 0;
  EXPECT_EQ(Register(map, 4096), kBoundary);
}

TEST_F(IoUringTest, ALongBufferIsPinnedUpToWhereThereIsNoneOfIt) {
  constexpr int64_t kLong = int64_t{1} << 32;
  const int64_t fd = Memfd(2 * kPageSize), map = Map(fd, 1, kRw);
  EXPECT_EQ(Register(map, -1), -EINVAL);
  EXPECT_EQ(Register(map, (int64_t{1} << 40) + 1), -EINVAL);
  EXPECT_EQ(Register(map + 4096, kLong), -EFAULT);
  EXPECT_EQ(s.inodes[0].present, 0);
  EXPECT_EQ(Register(map, kLong), -EFAULT);
  EXPECT_EQ(s.inodes[0].present, 1) << "the first page was brought in";
  EXPECT_EQ(Do(Op::kUringUnregister), -ENXIO);
}

TEST_F(IoUringTest, OlderKernelsTakeNoLongBuffer) {
  const int64_t fd = Memfd(kPageSize), map = Map(fd, 1, kRw);
  Lack(Feature::kUringLong, EFAULT);
  Lack(Feature::kUringSigned, EFAULT);
  EXPECT_EQ(Register(map, int64_t{1} << 32), -EFAULT);
  EXPECT_EQ(Register(map, int64_t{1} << 41), -EFAULT);
  EXPECT_EQ(Register(map, -1), -EFAULT);
  EXPECT_EQ(s.inodes[0].present, 0);
}

TEST_F(IoUringTest, ATaskWithBuffersNeitherEndsNorExecutes) {
  const int64_t fd = Memfd(4096), map = Map(fd, 1, kRw);
  Register(map, 4096);
  EXPECT_EQ(Do(Op::kExit), kBoundary);
  EXPECT_EQ(Do(Op::kExec), kBoundary);
  EXPECT_EQ(Do(Op::kUringUnregister), 0);
  EXPECT_EQ(Do(Op::kExec), 0);
}

}  // namespace
}  // namespace selkie
