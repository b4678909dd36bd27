// Real programs, recorded on a real kernel (scenarios/recorded/README.md): all that
// the model can say of them is so.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/follow.h"
#include "traces/trace_testing.h"

namespace selkie {
namespace {

using ::testing::IsEmpty;

constexpr std::string_view kRelease = "linux-6.18";  // of the kernel that ran them

struct Recorded {
  std::string_view program;
  int64_t calls, memfds, from_outside, modelled;
};

constexpr Recorded kRecorded[] = {
    {"chromium", 2015, 1, 0, 16},
    {"crun", 111, 1, 0, 6},
    {"firefox", 2242, 7, 0, 84},
    {"gtk4-demo", 703, 1, 0, 6},
    {"memfd_test", 402, 20, 0, 386},
    {"memfd_test-6.12", 1349, 77, 0, 868},
    {"memfd_test-hugetlbfs", 75, 7, 0, 49},
    {"perl", 18, 1, 0, 10},
    {"pipewire", 74, 2, 0, 12},
    {"pulseaudio", 30, 1, 0, 5},
    {"python", 26, 1, 0, 16},
    {"qemu", 246, 3, 0, 11},
    {"ruby", 88, 1, 0, 9},
    {"runc", 188, 1, 0, 6},
    {"sd-journal", 9, 1, 0, 4},
    {"stress-ng-memfd", 697, 40, 0, 585},
    {"stress-ng-seal", 56, 2, 0, 30},
    {"weston-simple-shm", 20, 1, 0, 7},
    {"weston", 2467, 2, 0, 58},
};

TEST(FollowRecordedTest, RealProgramsGiveWhatTheModelDoes) {
  const Semantics semantics = LoadSemanticsForTest(kRelease);
  for (const Recorded& recorded : kRecorded) {
    const std::string file =
        fmt::format("{}/scenarios/recorded/{}.strace", Library::Default().root(), recorded.program);
    absl::StatusOr<std::string> text = ReadTextFile(file);
    ASSERT_TRUE(text.ok()) << text.status();
    const StraceLog log = ReadStrace(file, *std::move(text));
    EXPECT_THAT(log.problems, IsEmpty());
    const FollowReport report = Follow(log, semantics);
    EXPECT_THAT(report.differences, IsEmpty()) << file << ":" << report.differences[0].line
                                               << ": model " << report.differences[0].modelled;
    EXPECT_EQ(report.calls, recorded.calls) << file;
    EXPECT_EQ(report.memfds, recorded.memfds) << file;
    EXPECT_EQ(report.from_outside, recorded.from_outside) << file;
    // Calls that get a row in the table may add to it.
    EXPECT_GE(report.modelled, recorded.modelled) << file;
  }
}

}  // namespace
}  // namespace selkie
