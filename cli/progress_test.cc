#include "cli/progress.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(FitLine, ShortTextStays) {
  EXPECT_EQ(FitLine("seal", 4), "seal");
  EXPECT_EQ(FitLine("", 4), "");
}

TEST(FitLine, LongTextEndsInAnEllipsisAtTheLastColumn) { EXPECT_EQ(FitLine("sealed", 4), "sea…"); }

TEST(FitLine, AnUmlautIsOneColumnAndIsNeverCut) {
  EXPECT_EQ(FitLine("äöü", 3), "äöü");
  EXPECT_EQ(FitLine("äöüß", 3), "äö…");
}

TEST(FitLine, ControlCharactersCannotBreakTheLine) { EXPECT_EQ(FitLine("a\n\033b", 9), "a  b"); }

TEST(FitLine, NoColumnsNoText) {
  EXPECT_EQ(FitLine("seal", 0), "");
  EXPECT_EQ(FitLine("seal", -1), "");
}

template <typename Body>
std::string OnStderr(Body body) {
  ::testing::internal::CaptureStderr();
  body();
  return ::testing::internal::GetCapturedStderr();
}

TEST(ProgressLine, WritesNothingIfNotEnabled) {
  EXPECT_EQ(OnStderr([] {
              ProgressLine line(false);
              line.Show("states");
              line.Update([]() -> std::string { throw "must not be made"; });
            }),
            "");
}

TEST(ProgressLine, IsClearedAtTheEnd) {
  std::string written = OnStderr([] {
    ProgressLine line(true);
    line.Show("17 states");
  });
  EXPECT_THAT(written, HasSubstr("17 states"));
  EXPECT_THAT(written, EndsWith("\r\033[K"));
}

TEST(ProgressLine, UpdatesAtOnceAreShownOnce) {
  std::string written = OnStderr([] {
    ProgressLine line(true);
    line.Update([] { return "first"; });
    line.Update([] { return "second"; });
  });
  EXPECT_THAT(written, HasSubstr("first"));
  EXPECT_THAT(written, Not(HasSubstr("second")));
}

TEST(Paint, ColoursOnlyIfEnabled) {
  EXPECT_EQ(Paint("broken", Colour::kRed, true), "\033[31mbroken\033[0m");
  EXPECT_EQ(Paint("broken", Colour::kRed, false), "broken");
}

}  // namespace
}  // namespace selkie
