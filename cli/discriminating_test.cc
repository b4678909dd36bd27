#include "cli/discriminating.h"

#include <map>

#include "cli/kernel_fit.h"
#include "fmt/format.h"
#include "gmock/gmock.h"

namespace selkie {
namespace {

class Discriminating : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::vector<Semantics>> kernels = KernelSemantics(Library::Default());
    ASSERT_TRUE(kernels.ok()) << kernels.status();
    kernels_ = *std::move(kernels);
    absl::StatusOr<std::vector<NamedSequence>> sequences =
        LoadDiscriminating(Library::Default(), kernels_);
    ASSERT_TRUE(sequences.ok()) << sequences.status();
    sequences_ = *std::move(sequences);
  }

  static const Semantics& Named(std::string_view name) {
    const auto found = std::find_if(kernels_.begin(), kernels_.end(),
                                    [&](const Semantics& each) { return each.name == name; });
    EXPECT_NE(found, kernels_.end()) << name;
    return *found;
  }

  // What a kernel with these rules would answer.
  static std::vector<SeenSequence> AnswersOf(const Semantics& semantics) {
    std::vector<SeenSequence> seen;
    for (const NamedSequence& named : sequences_) {
      SeenSequence& each = seen.emplace_back(SeenSequence{named, {}});
      for (const Result& result : Replay(named.sequence, semantics).results)
        each.results.emplace_back(result);
    }
    return seen;
  }

  // `kernel` with a rule as `other` has it.
  static Semantics With(const Semantics& kernel, std::string_view rule, const Semantics& other) {
    for (const RuleDifference& difference : RulesThatDiffer(kernel, other))
      if (difference.name == rule) return Adopt(kernel, difference, other);
    ADD_FAILURE() << kernel.name << " and " << other.name << " have " << rule << " alike";
    return kernel;
  }

  static std::vector<Semantics> kernels_;
  static std::vector<NamedSequence> sequences_;
};
std::vector<Semantics> Discriminating::kernels_;
std::vector<NamedSequence> Discriminating::sequences_;

// If this fails:
// selkie diff --kernels --answers --scenarios scenarios/discriminating/kernels.scn
TEST_F(Discriminating, TheTreesScenariosAreThoseOfTheRulesNow) {
  absl::StatusOr<std::string> text =
      ReadTextFile(Library::Default().root() + "/scenarios/discriminating/kernels.scn");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, PrintDiscriminating(sequences_, kernels_));
}

TEST_F(Discriminating, EveryPairOfKernelsWithOtherRulesIsToldApart) {
  for (const Semantics& a : kernels_)
    for (const Semantics& b : kernels_)
      EXPECT_EQ(AreToldApart(a, b, sequences_), !RulesThatDiffer(a, b).empty())
          << a.name << " and " << b.name;
}

TEST_F(Discriminating, EveryRuleThatKernelsHaveOtherwiseIsToldFromItsVariantInSomeKernel) {
  const std::map<std::string, bool> told = RulesTold(kernels_, sequences_);
  EXPECT_GE(told.size(), 15u);
  for (const auto& [rule, is_told] : told) EXPECT_TRUE(is_told) << rule;
}

TEST_F(Discriminating, AKernelAgreesWithItself) {
  for (const Semantics& kernel : kernels_)
    EXPECT_THAT(FitKernel(kernels_, AnswersOf(kernel), kernel.name).agreeing,
                testing::Contains(kernel.name));
}

TEST_F(Discriminating, ARuleOfAnotherKernelIsFoundAndWrittenWithItsEvidence) {
  const Semantics probed = With(With(Named("linux-6.12"), "write chunk", Named("linux-6.1")),
                                "chmod-exec", Named("linux-6.1"));
  const KernelFit fit = FitKernel(kernels_, AnswersOf(probed), "linux-6.12");
  EXPECT_THAT(fit.agreeing, testing::IsEmpty());
  EXPECT_THAT(fit.mismatches, testing::IsEmpty());
  const Semantics& base = Named(fit.base);
  const std::string text = SemanticsTextOf(fit, base, "linux-6.12.200", "Probed by a test.",
                                           EvidenceOf(fit, kernels_, AnswersOf(probed)));
  EXPECT_THAT(text, testing::HasSubstr("pwrite-write-chunk: "));
  absl::StatusOr<Semantics> parsed = ParseSemantics(
      {"probed.sem", text}, [](std::string_view name) -> absl::StatusOr<SemanticsSource> {
        const std::string file = fmt::format("model/semantics/{}.sem", name);
        absl::StatusOr<std::string> base_text =
            ReadTextFile(Library::Default().root() + "/" + file);
        if (!base_text.ok()) return base_text.status();
        return SemanticsSource{file, *std::move(base_text)};
      });
  ASSERT_TRUE(parsed.ok()) << parsed.status() << text;
  EXPECT_TRUE(RulesThatDiffer(*parsed, fit.semantics).empty()) << text;
}

TEST_F(Discriminating, WhatNoRuleExplainsStays) {
  std::vector<SeenSequence> seen = AnswersOf(Named("linux-6.12"));
  Result& last = *seen.front().results.back();
  last.kind = Result::Kind::kErrno;
  last.value = EXDEV;
  const KernelFit fit = FitKernel(kernels_, seen, "linux-6.12");
  EXPECT_THAT(fit.agreeing, testing::IsEmpty());
  EXPECT_THAT(fit.mismatches, testing::ElementsAre(0u));
  EXPECT_EQ(fit.base, "linux-6.12");
}

TEST_F(Discriminating, WhatIsMissingIsFoundAgainAndTheRestIsKept) {
  std::vector<NamedSequence> known = sequences_;
  const auto tells = [](const NamedSequence& each) {
    return each.name.find("fadvise-any-offset") != std::string::npos;
  };
  const auto missing = std::erase_if(known, tells);
  ASSERT_GT(missing, 0u);
  known.back().name = "posix_fadvise-fadvise-any-offset";  // is taken
  EXPECT_FALSE(RulesTold(kernels_, known)["fadvise-any-offset"]);
  DifferenceOptions options;
  options.random = 0;
  const absl::StatusOr<std::vector<NamedSequence>> found =
      FindMissing(Library::Default(), kernels_, options, known);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_GT(found->size(), known.size());
  for (size_t i = 0; i < known.size(); ++i) EXPECT_EQ((*found)[i].name, known[i].name);
  EXPECT_EQ((*found)[known.size()].name, "posix_fadvise-fadvise-any-offset-2");
  EXPECT_TRUE(RulesTold(kernels_, *found)["fadvise-any-offset"]);
}

}  // namespace
}  // namespace selkie
