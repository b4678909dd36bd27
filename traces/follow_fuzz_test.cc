// Whatever a file holds, reading and following it comes to an end and is counted.
#include <random>

#include "gtest/gtest.h"
#include "scenarios/library.h"
#include "traces/follow.h"
#include "traces/trace_testing.h"

namespace selkie {
namespace {

constexpr std::string_view kPieces[] = {" <unfinished ...>",
                                        "<... fcntl resumed>",
                                        "= ?",
                                        "= -1 EPERM (x)",
                                        "\"",
                                        "{",
                                        "[",
                                        "(",
                                        ")",
                                        "0xffffffffffffffff",
                                        "-9223372036854775808",
                                        "9223372036854775807",
                                        "NULL",
                                        "MAP_FIXED|",
                                        "3</memfd:x>(deleted)",
                                        "\n",
                                        "+++ exited with 0 +++",
                                        "[pid  7] ",
                                        "strace: Process 9 attached",
                                        "F_SEAL_WRITE",
                                        "1 ",
                                        "...",
                                        "<",
                                        "/*",
                                        "\\"};

void ExpectCounted(std::string text, const Semantics& semantics) {
  const StraceLog log = ReadStrace("log", std::move(text));
  const FollowReport report = Follow(log, semantics);
  int64_t all = report.modelled;
  for (const auto& [why, counts] : report.unasked)
    for (const auto& [name, count] : counts) all += count;
  ASSERT_EQ(all, report.calls);
}

// One byte, one piece or one cut at a random place.
std::string Damaged(std::string text, std::mt19937_64& random) {
  for (uint64_t i = random() % 6 + 1; i > 0 && !text.empty(); --i) {
    const size_t at = random() % text.size();
    switch (random() % 4) {
      case 0: text[at] = static_cast<char>(random()); break;
      case 1: text.insert(at, kPieces[random() % std::size(kPieces)]); break;
      case 2: text.erase(at, random() % 40); break;
      default: {
        const std::string part = text.substr(random() % text.size(), random() % 200);
        text.insert(at, part);
      }
    }
  }
  return text;
}

TEST(FollowFuzzTest, DamagedLogsAreFollowedToTheirEnd) {
  const Semantics semantics = LoadSemanticsForTest("linux-6.18");
  const std::string root = Library::Default().root();
  std::mt19937_64 random(2018);
  for (const char* name : {"memfd_test", "weston", "python"}) {
    const auto text = ReadTextFile(root + "/scenarios/recorded/" + name + ".strace");
    ASSERT_TRUE(text.ok()) << text.status();
    for (int i = 0; i < 150; ++i) {
      const size_t from = random() % text->size();
      ExpectCounted(Damaged(text->substr(from, random() % 20000), random), semantics);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace selkie
