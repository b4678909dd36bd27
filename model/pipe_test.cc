// What a pipe holds, and where the model gives no answer; what kernels answer stands in
// scenarios/pipe.
#include <cerrno>

#include "model/model_fixture.h"

namespace selkie {
namespace {

class PipeTest : public ModelTest {
 protected:
  static constexpr int64_t kHalf = kSampleStride;

  // A pipe of so many slots at descriptors 3 (reads) and 4 (writes).
  void Pipe(int slots, int64_t flags = 0) {
    Do(Op::kPipe2, flags);
    EXPECT_EQ(Do(Op::kSetPipeSize, 4, slots * kPageSize), slots * kPageSize);
  }

  // As kernels from 5.5 to 6.12 do.
  void KeepWhatFaults() { Lack(Feature::kPipeFault, EINVAL); }
};

TEST_F(PipeTest, AHalfPageGoesOnInTheLastOneIfThatWasWritten) {
  Pipe(2);
  EXPECT_EQ(Do(Op::kWrite, 4, 'a', kHalf), kHalf);
  EXPECT_EQ(Do(Op::kWrite, 4, 'b', kHalf), kHalf);
  EXPECT_EQ(s.buffers[0].end, 2);
  EXPECT_EQ(s.buffers[0].bytes[1], 'b');
  EXPECT_EQ(s.buffers[1], PipeBuffer{});
}

TEST_F(PipeTest, APageOfAFileIsNotWrittenTo) {
  Pipe(2);
  const int64_t fd = Memfd(kPageSize);
  EXPECT_EQ(Do(Op::kPwrite, fd, 's', kPageSize, 0), kPageSize);
  EXPECT_EQ(Do(Op::kSplice, fd, 0, 4, kNoOffset, kHalf, 0), kHalf);
  EXPECT_EQ(Do(Op::kWrite, 4, 'x', kHalf), kHalf);
  EXPECT_EQ(s.buffers[0].end, 1);
  EXPECT_EQ(s.buffers[1].bytes[0], 'x');
  EXPECT_EQ(s.inodes[1].bytes[0][1], 's');
}

TEST_F(PipeTest, ThePositionOfAPipeStays) {
  Pipe(2);
  Do(Op::kWrite, 4, 'a', kPageSize);
  EXPECT_EQ(Do(Op::kRead, 3, kPageSize), kPageSize);
  EXPECT_EQ(s.files[0].pos, 0u);
  EXPECT_EQ(s.files[1].pos, 0u);
}

TEST_F(PipeTest, SixteenSlotsAreThoseItBeginsWith) {
  Pipe(2);
  const uint8_t two = s.inodes[0].mask;
  EXPECT_EQ(two, 2);
  EXPECT_EQ(Do(Op::kSetPipeSize, 4, 9 * kPageSize), 16 * kPageSize);
  EXPECT_EQ(s.inodes[0].mask, 0);
  EXPECT_EQ(Do(Op::kGetPipeSize, 3), 16 * kPageSize);
}

TEST_F(PipeTest, WhatAFailedWriteLeavesIsInTheWayUntilItIsRead) {
  KeepWhatFaults();
  Pipe(2, abi::kONonblock);
  EXPECT_EQ(Do(Op::kWrite, 4, kNull, 1), -EFAULT);
  EXPECT_EQ(s.buffers[0].pipe, 1);
  EXPECT_EQ(Do(Op::kWrite, 4, kNull, kHalf), -EFAULT);  // goes on in the same one
  EXPECT_EQ(s.buffers[1], PipeBuffer{});
  EXPECT_EQ(Do(Op::kWrite, 4, kNull, kPageSize), -EFAULT);
  EXPECT_EQ(Do(Op::kWrite, 4, kNull, kPageSize), -EAGAIN);
  EXPECT_EQ(Do(Op::kWrite, 4, 'a', kHalf), kHalf);
  const int64_t fd = Memfd(kPageSize);
  EXPECT_EQ(Do(Op::kSplice, 3, kNoOffset, fd, 0, kHalf, 0), kBoundary);
  EXPECT_EQ(Do(Op::kRead, 3, kHalf), kHalf);
  EXPECT_EQ(s.buffers[0], PipeBuffer{});
  EXPECT_EQ(Do(Op::kWrite, 4, kNull, kPageSize), -EFAULT);
  EXPECT_EQ(Do(Op::kRead, 3, kHalf), -EAGAIN);
  EXPECT_EQ(s.buffers[0], PipeBuffer{});
}

TEST_F(PipeTest, AReadThatIsServedLeavesAnEmptyBufferBehindIt) {
  KeepWhatFaults();
  Pipe(2);
  EXPECT_EQ(Do(Op::kWrite, 4, 'a', kPageSize), kPageSize);
  EXPECT_EQ(Do(Op::kWrite, 4, kNull, kPageSize), -EFAULT);
  EXPECT_EQ(Do(Op::kRead, 3, kPageSize), kPageSize);
  EXPECT_EQ(s.buffers[0].pipe, 1);
}

TEST_F(PipeTest, WhatWouldWaitForAFullPipeIsBeyondTheModel) {
  Pipe(1);
  const int64_t fd = Memfd(kPageSize);
  EXPECT_EQ(Do(Op::kPwrite, fd, 's', kPageSize, 0), kPageSize);
  EXPECT_EQ(Do(Op::kWrite, 4, 'a', kPageSize), kPageSize);
  EXPECT_EQ(Do(Op::kWrite, 4, 'a', kHalf), kBoundary);
  EXPECT_EQ(Do(Op::kSplice, fd, 0, 4, kNoOffset, kPageSize, 0), kBoundary);
  EXPECT_EQ(Do(Op::kSplice, fd, 0, 4, kNoOffset, kPageSize, abi::kSpliceNonblock), -EAGAIN);
}

TEST_F(PipeTest, TheRangeOfASpliceIsLookedAtBeforeThePipeOrAfterIt) {
  Pipe(1);
  const int64_t fd = Memfd(kPageSize);
  EXPECT_EQ(Do(Op::kPwrite, fd, 's', kPageSize, 0), kPageSize);
  EXPECT_EQ(Do(Op::kSplice, fd, 0, 4, kNoOffset, -1, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kSplice, fd, -1, 4, kNoOffset, kPageSize, 0), -EINVAL);
  Lack(Feature::kSpliceRange, EPIPE);
  EXPECT_EQ(Do(Op::kSplice, fd, -1, 4, kNoOffset, kPageSize, 0), -EINVAL) << "there is room";
  EXPECT_EQ(Do(Op::kSplice, fd, 0, 4, kNoOffset, -1, 0), kPageSize) << "as much as fits";
  EXPECT_EQ(Do(Op::kSplice, fd, -1, 4, kNoOffset, kPageSize, abi::kSpliceNonblock), -EAGAIN);
  EXPECT_EQ(Do(Op::kSplice, fd, -1, 4, kNoOffset, kPageSize, 0), kBoundary);
  Do(Op::kClose, 3);
  EXPECT_EQ(Do(Op::kSplice, fd, -1, 4, kNoOffset, kPageSize, 0), -EPIPE);
}

TEST_F(PipeTest, MoreThanThereAreBuffersIsBeyondTheModel) {
  Pipe(16);
  for (int i = 0; i < kMaxBuffers - 1; ++i) Do(Op::kWrite, 4, 'a', kPageSize);
  Do(Op::kPipe2, 0);
  EXPECT_EQ(Do(Op::kTee, 3, 6, 2 * kPageSize, 0), kBoundary);
  EXPECT_EQ(Do(Op::kTee, 3, 6, kPageSize, 0), kPageSize);
}

TEST_F(PipeTest, OfAPipeThatDoesNotWaitWhatFitsIsWritten) {
  Pipe(2, abi::kONonblock);
  EXPECT_EQ(Do(Op::kWrite, 4, 'a', kHalf), kHalf);
  EXPECT_EQ(Do(Op::kWrite, 4, 'b', 2 * kPageSize), kPageSize);
  EXPECT_EQ(Do(Op::kWrite, 4, 'c', kPageSize), -EAGAIN);
}

}  // namespace
}  // namespace selkie
