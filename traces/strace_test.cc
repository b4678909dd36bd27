#include "traces/strace.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/trace_testing.h"

namespace selkie {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(StraceTest, ResultsAndReasonsStandInColumns) {
  const Semantics semantics = LoadSemanticsForTest("fw-v3");
  const Trace trace = Replay(ReopenForTest(), semantics);
  const std::vector<std::string> lines = StraceLines(trace, semantics);
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_THAT(lines[0], StartsWith("A: memfd_create(\"region\", MFD_ALLOW_SEALING) "));
  const size_t column = lines[3].find(" = 0");
  for (const std::string& line : lines) EXPECT_EQ(line.find(" = "), column) << line;
  EXPECT_THAT(lines[4], HasSubstr("A: write(3, \"x\", 1) "));
  EXPECT_THAT(lines[4], HasSubstr(" = -1 EBADF"));
  EXPECT_THAT(lines[4], HasSubstr("  # fs/read_write.c vfs_write: FMODE_WRITE"));
  EXPECT_THAT(lines[6], HasSubstr(" = 1"));
}

TEST(StraceTest, TheRuleThatRefusedIsNamedWithItsLine) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const std::string text = TraceToStrace(Replay(ReopenForTest(), semantics), semantics);
  EXPECT_THAT(text, ContainsRegex("write\\(4, \"x\", 1\\) +=( )-1 EPERM +# rule [a-z0-9-]+ "
                                  "\\([^ ]*linux-5.1.sem:[0-9]+\\)"));
}

TEST(StraceTest, NamesCanStandForNumbers) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  StraceOptions options;
  options.names = true;
  options.reasons = false;
  const std::string text = TraceToStrace(Replay(ReopenForTest(), semantics), semantics, options);
  EXPECT_THAT(text, HasSubstr("A: rw = open(\"/proc/self/fd/{fd}\", O_RDWR)"));
  EXPECT_THAT(text, HasSubstr("A: store(map, \"y\")"));
  EXPECT_EQ(text.find('#'), text.npos);
}

TEST(StraceTest, ColourIsAskedFor) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const Trace trace = Replay(ReopenForTest(), semantics);
  StraceOptions options;
  EXPECT_EQ(TraceToStrace(trace, semantics, options).find('\033'), std::string::npos);
  options.color = true;
  EXPECT_THAT(TraceToStrace(trace, semantics, options), HasSubstr("\033[31m-1 EPERM\033[0m"));
}

TEST(StraceTest, ASequenceThatWasNotRunHasNoResults) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const Trace trace{semantics.name, ReopenForTest(), {}};
  EXPECT_EQ(StraceLines(trace, semantics)[4], "A: write(3, \"x\", 1)");
}

}  // namespace
}  // namespace selkie
