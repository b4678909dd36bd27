#include "model/model_fixture.h"

namespace selkie {
namespace {

class ReadWriteTest : public ModelTest {};

TEST_F(ReadWriteTest, WritesExtendTheFileAndMoveThePosition) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kWrite, fd, 'a', 3000), 3000);
  EXPECT_EQ(last.effect, (Effect{.wrote = 1, .resized = 1, .file = 1, .modified = 1}));
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekCur), 3000);
  EXPECT_EQ(Do(Op::kPwrite, fd, 'b', 1, 2048), 1);
  EXPECT_EQ(last.effect, (Effect{.wrote = 1, .resized = 0, .file = 1, .modified = 1}));
  EXPECT_EQ(Contents(fd), "ab");
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekCur), 3000);
}

TEST_F(ReadWriteTest, ReadStopsAtTheEndAndGivesTheSampledBytes) {
  const int64_t fd = Memfd();
  Do(Op::kPwrite, fd, 'a', 2048, 0);
  Do(Op::kPwrite, fd, 'b', 2049, 2048);
  EXPECT_EQ(Do(Op::kRead, fd, 2048), 2048);
  EXPECT_EQ(last.num_data, 1);
  EXPECT_EQ(Do(Op::kRead, fd, 100000), 2049);
  EXPECT_EQ(std::string(last.data.begin(), last.data.begin() + last.num_data), "bb");
  EXPECT_EQ(Do(Op::kRead, fd, 1), 0);
  EXPECT_EQ(Do(Op::kPread, fd, 1, 100000), 0);
}

TEST_F(ReadWriteTest, AWriteOverTheGrowLimitIsShortByWholeChunks) {
  const int64_t fd = Memfd(kPageSize + 100);
  Do(Op::kAddSeals, fd, kSealGrow);
  EXPECT_EQ(Do(Op::kPwrite, fd, 'a', 2 * kPageSize, 0), kPageSize);
  EXPECT_EQ(Do(Op::kPwrite, fd, 'b', kPageSize, 200), kPageSize - 200);
  EXPECT_EQ(Do(Op::kPwrite, fd, 'c', 101, kPageSize), -EPERM);
  EXPECT_EQ(Do(Op::kPwrite, fd, 'c', 100, kPageSize), 100);
  semantics.write_chunk = 2 * kPageSize;
  EXPECT_EQ(Do(Op::kPwrite, fd, 'd', 2 * kPageSize, 0), -EPERM);
}

TEST_F(ReadWriteTest, TheModeComesBeforeTheSealAndTheCount) {
  const int64_t fd = Memfd(1);
  const int64_t ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  const int64_t wo = Do(Op::kOpen, kSelf, fd, abi::kOWronly);
  Do(Op::kAddSeals, fd, kSealWrite);
  EXPECT_EQ(Do(Op::kWrite, ro, 'x', -1), -EBADF);
  EXPECT_EQ(Do(Op::kRead, wo, 1), -EBADF);
  EXPECT_EQ(Do(Op::kWrite, fd, 'x', -1), -EFAULT);
  EXPECT_EQ(Do(Op::kWrite, fd, 'x', 0), 0);
  EXPECT_EQ(Do(Op::kWrite, fd, 'x', 1), -EPERM);
  EXPECT_STREQ(last.rule->name.c_str(), "write");
  EXPECT_EQ(last.effect, Effect{.modified = 1});  // file_update_time was before
  EXPECT_EQ(Do(Op::kPwrite, 77, 'x', 1, -1), -EINVAL);
  EXPECT_EQ(Do(Op::kPwrite, 77, 'x', 1, 0), -EBADF);
}

TEST_F(ReadWriteTest, AppendWritesAtTheEndWhateverThePosition) {
  const int64_t fd = Memfd(2048);
  Do(Op::kSetFl, fd, abi::kOAppend);
  EXPECT_EQ(Do(Op::kPwrite, fd, 'p', 1, 0), 1);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekCur), 0);
  EXPECT_EQ(Do(Op::kWrite, fd, 'w', 0), 0);
  EXPECT_EQ(Do(Op::kWrite, fd, 'w', 1), 1);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekCur), 2050);
  EXPECT_EQ(Contents(fd), std::string("\0p", 2));
}

TEST_F(ReadWriteTest, AFileWhosePwriteModeIsGoneAnswersEspipe) {
  const int64_t fd = Memfd();
  s.files[0].mode = kModeRead;  // as the design fw-v3 leaves it
  EXPECT_EQ(Do(Op::kPwrite, fd, 'x', 1, 0), -ESPIPE);
  EXPECT_EQ(Do(Op::kWrite, fd, 'x', 1), -EBADF);
  EXPECT_EQ(Do(Op::kPread, fd, 1, 0), 0);
}

TEST_F(ReadWriteTest, AWriteByAnotherUserTakesTheSetUserIdBitEvenIfItFails) {
  const int64_t fd = Memfd(10);
  Do(Op::kFchmod, fd, 06777);
  Do(Op::kSendFd, 1, fd);
  const int64_t got = DoAs(1, Op::kRecvFd);
  Do(Op::kAddSeals, fd, kSealWrite);
  EXPECT_EQ(Do(Op::kWrite, fd, 'x', 1), -EPERM);
  EXPECT_EQ(s.inodes[0].mode, 06777);
  EXPECT_EQ(DoAs(1, Op::kWrite, got, 'x', 1), -EPERM);
  EXPECT_EQ(s.inodes[0].mode, 0777);
}

TEST_F(ReadWriteTest, LseekChecksWhenceFirstAndRefusesNegativePositions) {
  const int64_t fd = Memfd(100);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, 5), -EINVAL);
  EXPECT_EQ(Do(Op::kLseek, fd, -1, abi::kSeekSet), -EINVAL);
  EXPECT_EQ(Do(Op::kLseek, fd, -100, abi::kSeekEnd), 0);
  EXPECT_EQ(Do(Op::kLseek, fd, 5, abi::kSeekCur), 5);
  EXPECT_EQ(Do(Op::kLseek, fd, INT64_MAX, abi::kSeekCur), -EINVAL);
  EXPECT_EQ(Do(Op::kLseek, fd, INT64_MAX, abi::kSeekSet), kBoundary);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, 5), -EINVAL);
}

TEST_F(ReadWriteTest, WhatWasWrittenOrLoadedIsDataAndAllElseAHole) {
  const int64_t fd = Memfd();
  Do(Op::kFtruncate, fd, 3 * kPageSize);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekData), -ENXIO);
  Do(Op::kPwrite, fd, 'x', 1, kPageSize);
  EXPECT_EQ(Do(Op::kLseek, fd, 100, abi::kSeekData), kPageSize);
  EXPECT_EQ(Do(Op::kLseek, fd, kPageSize + 5, abi::kSeekHole), 2 * kPageSize);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekCur), 2 * kPageSize);
  const int64_t map = Do(Op::kMmap, kNull, kPageSize, kProtRead, abi::kMapShared, fd, 0);
  EXPECT_EQ(Do(Op::kLoad, map), 0);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekHole), 2 * kPageSize);
  EXPECT_EQ(Do(Op::kLseek, fd, 3 * kPageSize, abi::kSeekHole), -ENXIO);
  EXPECT_EQ(Do(Op::kLseek, fd, -1, abi::kSeekHole), -ENXIO);
}

TEST_F(ReadWriteTest, WhatFallocateMadeIsAHoleUntilItIsMadeAgainOrUsed) {
  const int64_t fd = Memfd();
  Do(Op::kFallocate, fd, 0, 0, 2 * kPageSize);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekData), -ENXIO);
  Do(Op::kFallocate, fd, 0, kPageSize, kPageSize);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekData), kPageSize);
}

TEST_F(ReadWriteTest, WhatReclaimMayHaveTakenIsNotSaidToBeAHole) {
  const int64_t fd = Memfd();
  Do(Op::kFtruncate, fd, kPageSize);
  const int64_t map = Do(Op::kMmap, kNull, kPageSize, kProtRead, abi::kMapShared, fd, 0);
  Do(Op::kLoad, map);
  EXPECT_EQ(Do(Op::kMadvise, map, kPageSize, abi::kMadvPageout), 0);
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekData), kBoundary);
  s.limits.buffers = 0;
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekHole), kBoundary);
}

TEST_F(ReadWriteTest, GrowthBeyondTheBoundsIsNotExecuted) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kPwrite, fd, 'x', 1, kMaxBytes), kBoundary);
  EXPECT_EQ(Do(Op::kPwrite, fd, 'x', kMaxBytes + 1, 0), kBoundary);
  EXPECT_EQ(s.inodes[0].size, 0u);
  EXPECT_EQ(Do(Op::kPwrite, fd, 'x', 1, INT64_MAX), -EINVAL);
}

TEST_F(ReadWriteTest, SocketsHaveNoPosition) {
  const int64_t end = Do(Op::kSocketpair);
  EXPECT_EQ(Do(Op::kLseek, end, 0, abi::kSeekSet), -ESPIPE);
  EXPECT_EQ(Do(Op::kPread, end, 1, 0), -ESPIPE);
  EXPECT_EQ(Do(Op::kPwrite, end, 'x', 1, 0), -ESPIPE);
}

TEST_F(ReadWriteTest, PwritevHasNoOwnPosition) {
  const int64_t fd = Memfd(kPageSize);
  const int64_t ro = Do(Op::kOpen, kSelf, fd, abi::kORdonly);
  EXPECT_EQ(Do(Op::kPwritev, fd, 'a', 2048, 0), 2048);
  EXPECT_EQ(last.effect, (Effect{.wrote = 1, .resized = 0, .file = 1, .modified = 1}));
  EXPECT_EQ(Do(Op::kLseek, fd, 0, abi::kSeekCur), 0);
  EXPECT_EQ(Do(Op::kPwritev, 77, 'a', 1, -1), -EINVAL);
  EXPECT_EQ(Do(Op::kPwritev, 77, 'a', 1, 0), -EBADF);
  EXPECT_EQ(Do(Op::kPwritev, ro, 'a', 1, 0), -EBADF);
  EXPECT_EQ(Do(Op::kPwritev, fd, kNull, 1, 0), -EFAULT);
  Do(Op::kAddSeals, fd, kSealWrite);
  EXPECT_EQ(Do(Op::kPwritev, fd, 'x', 1, 0), -EPERM);
  EXPECT_EQ(Do(Op::kPwritev, fd, 'x', 0, 0), 0);
  Do(Op::kPipe2, 0);
  EXPECT_EQ(Do(Op::kPwritev, last.extra, 'x', 1, 0), -ESPIPE);
}

}  // namespace
}  // namespace selkie
