#include "model/model_fixture.h"

namespace selkie {
namespace {

class DescriptorTest : public ModelTest {};

TEST_F(DescriptorTest, DupfdQueryTellsOpenFilesApart) {
  const int64_t fd = Memfd(), copy = Do(Op::kDup, fd);
  const int64_t again = Do(Op::kOpen, kSelf, fd, abi::kORdwr);
  const int64_t path = Do(Op::kOpen, kSelf, fd, abi::kOPath);
  EXPECT_EQ(Do(Op::kDupFdQuery, fd, copy), 1);
  EXPECT_EQ(Do(Op::kDupFdQuery, fd, again), 0);
  EXPECT_EQ(Do(Op::kDupFdQuery, path, path), 1);
  EXPECT_EQ(Do(Op::kDupFdQuery, path, fd), 0);
  EXPECT_EQ(Do(Op::kDupFdQuery, fd, 77), -EBADF);
  EXPECT_EQ(Do(Op::kDupFdQuery, 77, fd), -EBADF);
  EXPECT_EQ(Do(Op::kDupFdQuery, fd, 1), kBoundary);  // of the harness
}

TEST_F(DescriptorTest, NothingHereWasCreatedByItsName) {
  const int64_t fd = Memfd();
  EXPECT_EQ(Do(Op::kCreatedQuery, fd), 0);
  EXPECT_EQ(Do(Op::kCreatedQuery, Do(Op::kOpen, kSelf, fd, abi::kOPath)), 0);
  EXPECT_EQ(Do(Op::kCreatedQuery, Do(Op::kOpenTmpfile, abi::kORdwr, 0600)), 0);
  EXPECT_EQ(Do(Op::kCreatedQuery, Do(Op::kOpenOther, abi::kOtherEpoll)), 0);
  EXPECT_EQ(Do(Op::kCreatedQuery, 77), -EBADF);
}

TEST_F(DescriptorTest, AKernelWithoutQueriesLooksAtTheModeFirst) {
  Lack(Feature::kDupfdQuery, EINVAL);
  Lack(Feature::kCreatedQuery, EINVAL);
  const int64_t fd = Memfd(), path = Do(Op::kOpen, kSelf, fd, abi::kOPath);
  EXPECT_EQ(Do(Op::kDupFdQuery, fd, 77), -EINVAL);
  EXPECT_EQ(Do(Op::kDupFdQuery, path, fd), -EBADF);
  EXPECT_NE(last.rule, nullptr);
  EXPECT_EQ(Do(Op::kDupFdQuery, 77, fd), -EBADF);
  EXPECT_EQ(Do(Op::kCreatedQuery, fd), -EINVAL);
  EXPECT_EQ(Do(Op::kCreatedQuery, path), -EBADF);
}

}  // namespace
}  // namespace selkie
