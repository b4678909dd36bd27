// What logs of programs that try the edges of calls have shown to be called different, where the
// kernel is right: each test has such lines, and what is still called different beside them.
#include <string>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/follow_testing.h"

namespace selkie {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(FollowEdgeTest, SendfileOfAFileToItselfMovesItsPositionOnce) {
  const std::string send = "1 sendfile(3, 3, NULL, 7417) = 7417\n";
  ExpectDecides(send, "fstat(3, {st_mode=S_IFREG|0777, st_size=1000000, ...})", "0",
                "-1 EBADF (bad)");
  ExpectDecides(send, "lseek(3, 0, SEEK_CUR)", "7417", "14834");
  ExpectDecides(
      "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n1 sendfile(3, 3, NULL, 7) = -1 EPERM (no)\n",
      "lseek(3, 0, SEEK_CUR)", "0", "7");
}

}  // namespace
}  // namespace selkie
