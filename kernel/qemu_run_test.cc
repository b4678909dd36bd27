#include "kernel/qemu_run.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/image_testing.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

TEST(FindPanic, FindsTheFirstLineThatTellsOfOne) {
  EXPECT_EQ(FindPanic("[1] hello\r\n[2] BUG: bad page\r\n[3] Kernel panic - not syncing\r\n"),
            "[2] BUG: bad page");
  EXPECT_EQ(FindPanic("[1] Oops: 0002 [#1]"), "[1] Oops: 0002 [#1]");
  EXPECT_EQ(FindPanic("[1] kernel BUG at mm/shmem.c:1!\n"), "[1] kernel BUG at mm/shmem.c:1!");
}

TEST(FindPanic, FindsNothingInAnOrdinaryConsole) {
  EXPECT_EQ(FindPanic(""), "");
  EXPECT_EQ(FindPanic("[1] WARNING: odd\n[2] reboot: Power down\n"), "");
}

TEST(LastLines, LeavesOutControlCharactersAndEmptyLines) {
  EXPECT_EQ(LastLines("one\n\x1b[2Jtwo\r\n\r\n\nthree", 2), "\n  [2Jtwo\n  three");
  EXPECT_EQ(LastLines("", 5), "");
}

TEST(GuestBinary, ThatIsNamedButIsNoStaticProgramIsRefused) {
  absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Make();
  for (std::string text : {"", "#!/bin/sh\n",
                           "\x7f"
                           "ELF",
                           "\x7f"
                           "ELFxxxxxxxxxxxxxxxxxxxxxxxxx"}) {
    ASSERT_TRUE(WriteTextFile(folder->File("program"), text).ok());
    ScopedVariable named("SELKIE_GUEST", folder->File("program"));
    absl::StatusOr<std::string> found = FindGuestBinary("/nowhere");
    EXPECT_EQ(found.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(found.status().message()), testing::HasSubstr("SELKIE_GUEST"));
  }
}

TEST(GuestBinary, ThatNeedsALinkerIsRefused) {
  ScopedVariable named("SELKIE_GUEST", "/bin/sh");
  EXPECT_EQ(FindGuestBinary("/nowhere").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(GuestBinary, ThatIsNowhereSaysWhereItWasLookedFor) {
  ScopedVariable named("SELKIE_GUEST", std::nullopt);
  absl::StatusOr<std::string> found = FindGuestBinary("/nowhere");
  if (found.ok()) GTEST_SKIP() << "this test program is itself static";
  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(found.status().message()),
              testing::HasSubstr("/nowhere/build/static/cli/selkie"));
}

}  // namespace
}  // namespace selkie
