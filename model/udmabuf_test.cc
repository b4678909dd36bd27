// What a dmabuf pins, and where the model gives no answer; what kernels answer stands in
// scenarios/pin/udmabuf.scn.
#include <cerrno>

#include "model/model_fixture.h"

namespace selkie {
namespace {

class UdmabufTest : public ModelTest {
 protected:
  int64_t Unshrinkable(int64_t size) {
    const int64_t fd = Memfd(size);
    Do(Op::kAddSeals, fd, kSealShrink);
    return fd;
  }
};

TEST_F(UdmabufTest, ADmabufIsOfPagesOfTheFile) {
  const int64_t fd = Unshrinkable(3 * kPageSize);
  const int64_t dmabuf = Do(Op::kUdmabufCreate, fd, kPageSize, 2 * kPageSize);
  EXPECT_EQ(dmabuf, fd + 1);
  EXPECT_EQ(s.files[1].dmabuf, 6);
  EXPECT_EQ(s.files[1].pinned, 6);
  EXPECT_EQ(s.inodes[0].present, 6);  // holes are filled
  EXPECT_NE(PinnedPages(s, 0), 0);
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, kPageSize + kSampleStride, 'z'), 0);
  EXPECT_EQ(s.inodes[0].bytes[2][1], 'z');
  EXPECT_EQ(last.effect.wrote, 1);
  EXPECT_EQ(last.effect.file, 2);
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, 2 * kPageSize, 'z'), -EINVAL);
  Do(Op::kClose, dmabuf);
  EXPECT_EQ(PinnedPages(s, 0), 0);
}

TEST_F(UdmabufTest, ALostPageIsWrittenUnlessAnotherMayHoldIt) {
  const int64_t fd = Unshrinkable(kPageSize);
  const int64_t dmabuf = Do(Op::kUdmabufCreate, fd, 0, kPageSize);
  Do(Op::kFallocate, fd, abi::kFallocPunchHole | abi::kFallocKeepSize, 0, kPageSize);
  EXPECT_EQ(s.files[1].dmabuf, 1);
  EXPECT_EQ(s.files[1].pinned, 0);
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, 0, 'z'), 0);
  EXPECT_EQ(s.inodes[0].bytes[0][0], 0);
  EXPECT_EQ(last.effect.wrote, 0);
  s.buffers[0] = PipeBuffer{.pipe = RingOf(1), .end = 1, .at = 1};
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, 0, 'z'), kBoundary);
}

TEST_F(UdmabufTest, WhatFallocateMadeShowsNothingUntilItIsUsed) {
  const int64_t fd = Unshrinkable(0);
  Do(Op::kFallocate, fd, 0, 0, 2 * kPageSize);
  EXPECT_EQ(s.inodes[0].uncleared, 3);
  const int64_t dmabuf = Do(Op::kUdmabufCreate, fd, 0, 2 * kPageSize);
  EXPECT_EQ(s.inodes[0].uncleared, 3);
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, 0, 'z'), 0);
  EXPECT_EQ(s.inodes[0].bytes[0][0], 0);
  EXPECT_EQ(last.effect.wrote, 0);
  Do(Op::kPwrite, fd, 'a', 1, kSampleStride);  // which clears the rest of its page
  EXPECT_EQ(s.inodes[0].uncleared, 2);
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, 0, 'y'), 0);
  EXPECT_EQ(s.inodes[0].bytes[0][0], 'y');
  Do(Op::kFallocate, fd, abi::kFallocPunchHole | abi::kFallocKeepSize, kPageSize, kPageSize);
  EXPECT_EQ(s.inodes[0].uncleared, 0);
}

TEST_F(UdmabufTest, AnotherFallocateClearsWhatTheFirstMade) {
  const int64_t fd = Unshrinkable(0);
  Do(Op::kFallocate, fd, 0, 0, 2 * kPageSize);
  Do(Op::kFallocate, fd, 0, kPageSize, kPageSize);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(s.inodes[0].uncleared, 1);
}

TEST_F(UdmabufTest, WhatReclaimMayLoseIsNotReclaimed) {
  const int64_t fd = Unshrinkable(kPageSize), map = Map(fd, 1, kRw);
  const int64_t dmabuf = Do(Op::kUdmabufCreate, fd, 0, kPageSize);
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvPageout), 0);
  Do(Op::kDmabufStore, dmabuf, 0, 'z');
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvPageout), kBoundary);
  Do(Op::kStore, map, 'y');
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvPageout), 0);
}

TEST_F(UdmabufTest, AHoleIsFilledThoughNoDescriptorIsLeft) {
  const int64_t fd = Unshrinkable(kPageSize);
  s.limits.fds = 1;
  EXPECT_EQ(Do(Op::kUdmabufCreate, fd, 0, kPageSize), -EMFILE);
  EXPECT_EQ(s.inodes[0].present, 1);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(Do(Op::kUdmabufCreate, fd, 0, kPageSize), -EMFILE);
  EXPECT_FALSE(last.changed);
}

TEST_F(UdmabufTest, WhatIsNotModelledIsLeftOut) {
  const int64_t fd = Unshrinkable(kPageSize);
  const int64_t dmabuf = Do(Op::kUdmabufCreate, fd, 0, kPageSize);
  EXPECT_EQ(Do(Op::kUdmabufCreate, fd, 0, -kPageSize), kBoundary);
  EXPECT_EQ(Do(Op::kUdmabufCreate, fd, 0, int64_t{1} << 40), kBoundary);
  EXPECT_EQ(Do(Op::kUdmabufCreate, fd, 0, int64_t{1} << 26), -EINVAL);
  EXPECT_EQ(Do(Op::kDmabufStore, fd, 0, 'z'), kBoundary);
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, -1, 'z'), kBoundary);
  EXPECT_EQ(Do(Op::kSetFl, dmabuf, 0), kBoundary);
  EXPECT_EQ(Do(Op::kFstat, dmabuf), kBoundary);
  EXPECT_EQ(Do(Op::kOpen, kSelf, dmabuf, abi::kORdwr), kBoundary);
  EXPECT_EQ(Do(Op::kMmap, kNull, kPageSize, kRw, abi::kMapShared, dmabuf, 0), kBoundary);
  EXPECT_EQ(Do(Op::kGetFl, dmabuf), abi::kORdwr);
}

TEST_F(UdmabufTest, ADesignMayAskTheSealsOfAMapping) {
  const int64_t fd = Unshrinkable(kPageSize);
  const int64_t dmabuf = Do(Op::kUdmabufCreate, fd, 0, kPageSize);
  AddRule(semantics, Point::kDmabufMmap, "dmabuf-asks", EffectKind::kRefuse, EPERM,
          {When().Has(FactSet::kSeals, kSealShrink)});
  EXPECT_EQ(Do(Op::kDmabufStore, dmabuf, 0, 'z'), -EPERM);
}

}  // namespace
}  // namespace selkie
