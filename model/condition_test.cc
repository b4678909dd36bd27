#include "model/condition.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "rapidcheck/gtest.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Vocabulary Words() {
  Vocabulary v;
  v.sets.push_back({"seals", 0, {{"SEAL", 1}, {"SHRINK", 2}, {"GROW", 4}, {"SIZE", 6}}});
  v.sets.push_back({"adding", 8, {{"SEAL", 1}, {"SHRINK", 2}, {"GROW", 4}}});
  v.facts.push_back({"shared", 42});
  v.facts.push_back({"map.marked", 43});
  return v;
}

constexpr uint64_t kShared = uint64_t{1} << 42;
constexpr uint64_t kMarked = uint64_t{1} << 43;
constexpr uint64_t kWords[] = {0, 7, 0x707, kShared, kMarked};

// Every word over the bits of the vocabulary.
void ForEachWord(const std::function<void(uint64_t)>& f) {
  for (uint64_t low = 0; low < 8; ++low)
    for (uint64_t adding = 0; adding < 8; ++adding)
      for (uint64_t facts = 0; facts < 4; ++facts) f(low | adding << 8 | facts << 42);
}

void ExpectMeans(std::string_view text, const std::function<bool(uint64_t)>& meaning) {
  const ParsedCondition parsed = ParseCondition(text, Words());
  ASSERT_FALSE(parsed.error.has_value()) << text << ": " << parsed.error->message;
  ForEachWord([&](uint64_t word) {
    EXPECT_EQ(Satisfies(parsed.terms, word), meaning(word)) << text << " on " << word;
  });
}

TEST(Condition, HasMeansEveryBitAndHasAnyMeansOne) {
  ExpectMeans("seals has SHRINK|GROW", [](uint64_t w) { return (w & 6) == 6; });
  ExpectMeans("seals has any SHRINK|GROW", [](uint64_t w) { return (w & 6) != 0; });
  ExpectMeans("not seals has SHRINK|GROW", [](uint64_t w) { return (w & 6) != 6; });
  ExpectMeans("not seals has any SHRINK|GROW", [](uint64_t w) { return (w & 6) == 0; });
}

TEST(Condition, ANameForSeveralBitsStandsForAllOfThem) {
  ExpectMeans("seals has SIZE", [](uint64_t w) { return (w & 6) == 6; });
  ExpectMeans("seals has any SIZE", [](uint64_t w) { return (w & 6) != 0; });
}

TEST(Condition, AUnionHasABitIfOneOfItsSetsHas) {
  ExpectMeans("(seals | adding) has SHRINK|GROW",
              [](uint64_t w) { return ((w | w >> 8) & 6) == 6; });
  ExpectMeans("not (seals | adding) has SHRINK|GROW",
              [](uint64_t w) { return ((w | w >> 8) & 6) != 6; });
  ExpectMeans("(seals | adding) has any SEAL|GROW",
              [](uint64_t w) { return ((w | w >> 8) & 5) != 0; });
  ExpectMeans("not (seals | adding) has any SEAL|GROW",
              [](uint64_t w) { return ((w | w >> 8) & 5) == 0; });
}

TEST(Condition, NotBindsClosestThenAndThenOr) {
  ExpectMeans("shared or map.marked and not seals has GROW", [](uint64_t w) {
    return (w & kShared) != 0 || ((w & kMarked) != 0 && (w & 4) == 0);
  });
  ExpectMeans("(shared or map.marked) and not seals has GROW",
              [](uint64_t w) { return (w & (kShared | kMarked)) != 0 && (w & 4) == 0; });
  ExpectMeans("not (shared or map.marked and seals has GROW)", [](uint64_t w) {
    return !((w & kShared) != 0 || ((w & kMarked) != 0 && (w & 4) != 0));
  });
  ExpectMeans("not not shared", [](uint64_t w) { return (w & kShared) != 0; });
}

TEST(Condition, ASetThatIsANumberHasOneNameAtATime) {
  Vocabulary v;
  v.sets.push_back({"feature", 4, {{"ZERO", 0}, {"ONE", 1}, {"FIVE", 5}}, 7});
  const auto holds_for = [&](std::string_view text) {
    const ParsedCondition parsed = ParseCondition(text, v);
    EXPECT_FALSE(parsed.error.has_value()) << text;
    std::vector<uint64_t> numbers;
    for (uint64_t number = 0; number < 8; ++number)
      if (Satisfies(parsed.terms, number << 4 | 0xf)) numbers.push_back(number);
    return numbers;
  };
  EXPECT_THAT(holds_for("feature has ZERO"), ElementsAre(0));
  EXPECT_THAT(holds_for("feature has FIVE"), ElementsAre(5));
  EXPECT_THAT(holds_for("feature has any ONE|FIVE"), ElementsAre(1, 5));
  EXPECT_THAT(holds_for("feature has ONE|FIVE"), IsEmpty());
  EXPECT_THAT(holds_for("not feature has FIVE"), ElementsAre(0, 1, 2, 3, 4, 6, 7));
  EXPECT_THAT(holds_for("not feature has any ZERO|FIVE"), ElementsAre(1, 2, 3, 4, 6, 7));
  EXPECT_THAT(holds_for("not feature has ZERO|FIVE"), SizeIs(8));
}

TEST(Condition, LineEndsAndCommentsStandBetweenWords) {
  ExpectMeans("shared  # VM_SHARED\n  and # both\n(seals|adding)has GROW",
              [](uint64_t w) { return (w & kShared) != 0 && ((w | w >> 8) & 4) != 0; });
}

TEST(Condition, TheExampleOfTheHeaderCompilesToOneTerm) {
  const ParsedCondition parsed = ParseCondition("shared and seals has GROW", Words());
  EXPECT_EQ(parsed.terms, (std::vector<Term>{{kShared | 4, kShared | 4}}));
  EXPECT_EQ(BitsRead(parsed.terms), kShared | 4);
}

TEST(Condition, AContradictionHasNoTermsAndATautologyIsNotRefused) {
  EXPECT_THAT(ParseCondition("shared and not shared", Words()).terms, IsEmpty());
  const ParsedCondition always = ParseCondition("shared or not shared", Words());
  for (uint64_t word : kWords) EXPECT_TRUE(Satisfies(always.terms, word));
}

TEST(Condition, TermsThatAnotherOneImpliesAreDropped) {
  EXPECT_THAT(ParseCondition("shared or shared and seals has GROW", Words()).terms, SizeIs(1));
  EXPECT_THAT(ParseCondition("shared and seals has GROW or shared", Words()).terms, SizeIs(1));
}

void ExpectError(std::string_view text, size_t offset, std::string_view message) {
  const ParsedCondition parsed = ParseCondition(text, Words());
  ASSERT_TRUE(parsed.error.has_value()) << text;
  EXPECT_THAT(parsed.terms, IsEmpty());
  EXPECT_EQ(parsed.error->offset, offset) << text;
  EXPECT_EQ(parsed.error->message, message);
}

TEST(Condition, EveryErrorNamesWhereWhatAndWhatWasExpected) {
  ExpectError("", 0, "the condition ends: expected a fact, a set of bits, 'not' or '('");
  ExpectError("shard", 0, "'shard': expected seals, adding, shared or map.marked");
  ExpectError("seals has GROWN", 10,
              "'GROWN': expected a bit of seals: SEAL, SHRINK, GROW or SIZE");
  ExpectError("shared and\n  seals GROW", 19, "'GROW': expected 'has'");
  ExpectError("seals has GROW|", 15,
              "the condition ends: expected a bit of seals: SEAL, SHRINK, GROW or SIZE");
  ExpectError("(seals | shared) has GROW", 9, "'shared': expected a set of bits: seals or adding");
  ExpectError("(seals | adding) has SIZE", 21,
              "'SIZE': expected a bit of adding: SEAL, SHRINK or GROW");
  ExpectError("(shared", 7, "the condition ends: expected ')'");
  ExpectError("shared shared", 7, "'shared': expected 'and', 'or' or the end");
  ExpectError("shared & shared", 7, "'&': expected 'and', 'or' or the end");
  ExpectError("shared and or", 11, "'or': expected a fact, a set of bits, 'not' or '('");
  ExpectError("\xc3\xa9", 0, "'\xc3\xa9': expected a fact, a set of bits, 'not' or '('");
}

TEST(Condition, DeepNestingIsRefusedAndDoesNotCrash) {
  for (const char* word : {"(", "not "}) {
    std::string deep;
    for (int i = 0; i < 200000; ++i) deep += word;
    const ParsedCondition parsed = ParseCondition(deep, Words());
    ASSERT_TRUE(parsed.error.has_value());
    EXPECT_THAT(parsed.error->message, HasSubstr("nested more than 64 deep"));
  }
}

TEST(Condition, TooManyCombinationsAreRefused) {
  Vocabulary many;
  std::string text;
  for (int i = 0; i < 32; ++i) {
    many.facts.push_back({"f" + std::to_string(i), i});
    text += (i % 2 != 0 ? " or f" : (i == 0 ? "(f" : ") and (f")) + std::to_string(i);
  }
  const ParsedCondition parsed = ParseCondition(text + ")", many);
  ASSERT_TRUE(parsed.error.has_value());
  EXPECT_THAT(parsed.error->message, HasSubstr("more than 128 combinations"));
}

RC_GTEST_PROP(Condition, NoTextCrashesOrGivesTermsWithAnError, ()) {
  const auto piece =
      rc::gen::element<std::string>("seals", "adding", "shared", "has", "any", "not", "and", "or",
                                    "(", ")", "|", "GROW", "SEAL", " ", "#", "\n", "\x80", "x");
  const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
  std::string text;
  for (const std::string& p : pieces) text += p + " ";
  const ParsedCondition parsed = ParseCondition(text, Words());
  if (!parsed.error) return;
  RC_ASSERT(parsed.terms.empty());
  RC_ASSERT(parsed.error->offset <= text.size());
}

}  // namespace
}  // namespace selkie
