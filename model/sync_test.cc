#include "model/model_fixture.h"

namespace selkie {
namespace {

class SyncTest : public ModelTest {
 protected:
  static constexpr int64_t kMost = INT64_MAX;

  // What each call says of a descriptor with a range and advice that are right.
  std::vector<int64_t> All(int64_t fd) {
    return {Do(Op::kFsync, fd), Do(Op::kFdatasync, fd), Do(Op::kSyncFileRange, fd, 0, 0, 7),
            Do(Op::kFadvise, fd, 0, 0, abi::kFadvNoreuse), Do(Op::kReadahead, fd, 0, kPage)};
  }
};

TEST_F(SyncTest, AMemfdIsWrittenBackToNowhere) {
  const int64_t fd = Memfd(kPage);
  Do(Op::kAddSeals, fd, kSealWrite | kSealGrow | kSealShrink);
  EXPECT_EQ(All(fd), (std::vector<int64_t>{0, 0, 0, 0, 0}));
  EXPECT_EQ(All(Do(Op::kOpen, kSelf, fd, abi::kORdonly)), (std::vector<int64_t>{0, 0, 0, 0, 0}));
  EXPECT_EQ(All(Do(Op::kOpen, kSelf, fd, abi::kOWronly)),
            (std::vector<int64_t>{0, 0, 0, 0, -EBADF}));
  EXPECT_EQ(All(Do(Op::kOpen, kSelf, fd, abi::kOPath)),
            (std::vector<int64_t>{-EBADF, -EBADF, -EBADF, -EBADF, -EBADF}));
}

TEST_F(SyncTest, PipesAndSocketsHaveNothingToWriteBack) {
  const int64_t out = Do(Op::kPipe2, 0), in = last.extra;
  EXPECT_EQ(All(out), (std::vector<int64_t>{-EINVAL, -EINVAL, -ESPIPE, -ESPIPE, -EINVAL}));
  EXPECT_EQ(All(in), (std::vector<int64_t>{-EINVAL, -EINVAL, -ESPIPE, -ESPIPE, -EBADF}));
  EXPECT_EQ(All(Do(Op::kSocketpair)),
            (std::vector<int64_t>{-EINVAL, -EINVAL, -ESPIPE, 0, -EINVAL}));
  EXPECT_EQ(Do(Op::kSyncFileRange, out, -1, 0, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kFadvise, out, -1, 0, 6), -ESPIPE);
}

TEST_F(SyncTest, RangesFlagsAndAdviceAreLookedAt) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kSyncFileRange, fd, 0, 0, 8), -EINVAL);
  EXPECT_EQ(Do(Op::kSyncFileRange, fd, -1, 0, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kSyncFileRange, fd, 0, -1, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kSyncFileRange, fd, 1, kMost, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kSyncFileRange, fd, 1, kMost - 1, 0), 0);
  EXPECT_EQ(Do(Op::kFadvise, fd, 1, kMost, abi::kFadvNormal), 0);
  EXPECT_EQ(Do(Op::kFadvise, fd, -1, 0, abi::kFadvNormal), -EINVAL);
  EXPECT_EQ(Do(Op::kFadvise, fd, 0, -1, abi::kFadvNormal), -EINVAL);
  EXPECT_EQ(Do(Op::kFadvise, fd, 0, 0, abi::kFadvNoreuse + 1), -EINVAL);
  EXPECT_EQ(Do(Op::kFadvise, fd, 0, 0, -1), -EINVAL);
  EXPECT_EQ(Do(Op::kReadahead, fd, -1, 0), -EINVAL);
  EXPECT_EQ(Do(Op::kReadahead, fd, 0, -1), -EINVAL);
}

TEST_F(SyncTest, OlderKernelsTakeAnyOffset) {
  Lack(Feature::kFadviseOffset, EINVAL);
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kFadvise, fd, -1, 0, abi::kFadvNormal), 0);
  EXPECT_NE(last.rule, nullptr);
  EXPECT_EQ(Do(Op::kReadahead, fd, -1, 0), 0);
  EXPECT_EQ(Do(Op::kFadvise, fd, -1, -1, abi::kFadvNormal), -EINVAL);
  EXPECT_EQ(Do(Op::kFadvise, fd, -1, 0, -1), -EINVAL);
}

TEST_F(SyncTest, OfOtherFilesNothingIsKnown) {
  const int64_t fd = Do(Op::kOpenOther, abi::kOtherRegular);
  EXPECT_EQ(All(fd), (std::vector<int64_t>(5, kBoundary)));
}

}  // namespace
}  // namespace selkie
