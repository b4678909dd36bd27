#include "scenarios/corpus.h"

#include "gtest/gtest.h"
#include "scenarios/generate.h"

namespace selkie {
namespace {

Semantics SemanticsForTest() {
  absl::StatusOr<Semantics> semantics = Library::Default().LoadSemantics("linux-6.12");
  EXPECT_TRUE(semantics.ok()) << semantics.status();
  return *semantics;
}

TEST(Corpus, SequencesSurviveTheirText) {
  const Semantics semantics = SemanticsForTest();
  for (uint64_t i = 0; i < 200; ++i) {
    Sequence sequence = RandomSequence(SequenceSeed(5, i), 40, Limits{}, {0, 1000}, semantics);
    sequence.limits.fds = 5;
    absl::StatusOr<Sequence> back =
        ParseCorpusText("x", CorpusText(sequence, semantics), semantics);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->calls, sequence.calls);
    EXPECT_EQ(back->uids, sequence.uids);
    EXPECT_EQ(back->limits, sequence.limits);
  }
}

TEST(Corpus, OtherTextIsAnErrorWithItsLine) {
  const Semantics semantics = SemanticsForTest();
  for (const char* text : {"fds 0\n", "uids x\n", "A close(3)\n", "A: fly(3)\n"}) {
    absl::StatusOr<Sequence> parsed = ParseCorpusText("file", text, semantics);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_NE(std::string(parsed.status().message()).find("file:1:"), std::string::npos);
  }
}

TEST(Corpus, GrownTwiceItIsTheSameAndHasMorePairsThanItsFirstSequence) {
  const Semantics semantics = SemanticsForTest();
  const CorpusRequest request{.seed = 3, .candidates = 60, .length = 30, .most = 8};
  const Corpus corpus = GrowCorpus(request, semantics, nullptr);
  const Corpus again = GrowCorpus(request, semantics, nullptr);
  ASSERT_GE(corpus.sequences.size(), 1u);
  EXPECT_EQ(corpus.pairs, again.pairs);
  EXPECT_EQ(corpus.sequences.size(), again.sequences.size());
  EXPECT_LE(corpus.sequences.size(), 8u);
}

TEST(Corpus, TheTreesOwnLoads) {
  absl::StatusOr<std::vector<Sequence>> corpus = LoadCorpus(Library::Default(), SemanticsForTest());
  ASSERT_TRUE(corpus.ok()) << corpus.status();
  EXPECT_FALSE(corpus->empty());
}

}  // namespace
}  // namespace selkie
