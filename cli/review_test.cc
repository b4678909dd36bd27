#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "cli/review_cells.h"
#include "cli/review_report.h"

namespace selkie {
namespace {

constexpr const char* kVerdicts = "docs/verdicts.md";
constexpr const char* kAbout =
    "# Every answer, and within which bounds it is decided\n\n"
    "Of each property of the tree, for each semantics of the tree.\n"
    "PROVED: for any number of processes, descriptors, files and mappings (docs/proof.md).\n"
    "holds: within these bounds, and why there is no proof stands in `selkie review`.\n"
    "BROKEN 5, yes 5: the shortest calls that show it are 5; and none of these least bounds can "
    "be\n"
    "one less without another answer.\n"
    "NO: what should be reachable is not.  n/a: the seals that it names cannot be set.\n\n"
    "Made and compared by cli/review_test.cc.\n";

ScoreCard CardOf(std::vector<std::string> semantics, std::vector<std::string> properties) {
  ReviewOptions options;
  options.semantics = std::move(semantics);
  options.properties = std::move(properties);
  options.kernels.clear();
  absl::StatusOr<ScoreCard> card = MakeScoreCard(Library::Default(), options);
  EXPECT_TRUE(card.ok()) << card.status();
  return *std::move(card);
}

// A file position is nothing that a proof keeps.
TEST(Review, WhatHoldsForAnyNumberOfObjectsIsToldFromWhatHoldsWithinBounds) {
  const std::string path = testing::TempDir() + "/cursor.prop";
  std::ofstream(path) << "property cursor\n  \"No write at the file position.\"\n"
                         "bounds processes=1 fds=1 files=1 maps=1\nrole any uid 1000 may seal\n"
                         "calls\n  memfd_create(\"region\", MFD_ALLOW_SEALING)\n"
                         "  write(fd, \"x\", 1)\n  fcntl(fd, F_ADD_SEALS, {seal})\n"
                         "needs write\nnever change: seals has WRITE and by-write-call\n";
  const ScoreCard card = CardOf({"linux-7.2"}, {"no-write-call", path});
  EXPECT_EQ(CellWord(card.cells[0][0]), "PROVED");
  EXPECT_EQ(CellWord(card.cells[0][1]), "holds");
  EXPECT_NE(card.cells[0][1].not_proved, "");
  EXPECT_NE(ScoreCardText(card, false).find("not proved for more"), std::string::npos);
}

TEST(Review, WhatIsNotReachableForAnyNumberOfObjectsIsProvedToo) {
  const ScoreCard card = CardOf({"linux-4.20"}, {"old-mapping-writes"});
  EXPECT_EQ(CellWord(card.cells[0][0]), "NO");
  EXPECT_TRUE(card.cells[0][0].proved);
}

TEST(Review, WhatHasNoAnswerIsNotCountedAsAPromiseThatHolds) {
  const std::string sentence =
      ConfirmedSentence(CardOf({"fw-v3"}, {"exec-bits-kept", "seals-while-mapped"}), 0);
  EXPECT_NE(sentence.find("; 0 promises that hold"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("; 1 have no answer"), std::string::npos) << sentence;
}

TEST(Review, ASequenceComesWithTheLeastBoundsThatItNeeds) {
  const ScoreCard card = CardOf({"fw-v3", "linux-5.1"}, {"no-writable-reopen"});
  EXPECT_EQ(
      ExtentMarkdown(card),
      "\n### no-writable-reopen\n\n| answer | | semantics |\n|---|---|---|\n"
      "| BROKEN 5 | least bounds processes=1 fds=2 files=2 maps=1 pages=1 inodes=1 messages=1 "
      "| fw-v3 |\n"
      "| PROVED | for any number of objects | linux-5.1* |\n"
      "\n*: not confirmed on a kernel, but written from its source\n");
}

TEST(Review, TheTableOfAllVerdictsIsThatOfTheTree) {
  const Library& library = Library::Default();
  const ScoreCard card = CardOf(*library.SemanticsNames(), {});
  const std::string path = library.root() + "/" + kVerdicts;
  const std::string now = kAbout + ExtentMarkdown(card);
  if (std::getenv("SELKIE_PROMOTE") != nullptr) {
    ASSERT_TRUE(WriteTextFile(path, now).ok());
  }
  const absl::StatusOr<std::string> kept = ReadTextFile(path);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(*kept, now) << path
                        << ": an answer changed; run this test with SELKIE_PROMOTE=1 and review "
                           "the difference";
}

}  // namespace
}  // namespace selkie
