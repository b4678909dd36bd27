#include "kernel/huge_pages.h"

#include "gmock/gmock.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

TEST(HugePagesTest, APageThatIsNotFreeAgainOrStaysReservedIsLost) {
  EXPECT_EQ(LostHugePages({64, 0}, {64, 0}), std::nullopt);
  EXPECT_THAT(LostHugePages({64, 0}, {63, 0}),
              Optional(HasSubstr("free 63, before the first sequence 64")));
  EXPECT_THAT(LostHugePages({64, 1}, {64, 2}), Optional(HasSubstr("reserved 2, before 1")));
}

}  // namespace
}  // namespace selkie
