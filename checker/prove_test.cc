#include "checker/prove.h"

#include "checker/checker_testing.h"
#include "checker/prove_smt.h"
#include "gmock/gmock.h"

namespace selkie {
namespace {

Proof ProofOf(const Property& property, const Semantics& semantics, bool keep_steps = false,
              bool find_witness = true) {
  const Semantics baseline =
      SemanticsNamed(property.same_as.empty() ? "linux-4.20" : property.same_as);
  ProveOptions options;
  options.keep_steps = keep_steps;
  options.find_witness = find_witness;
  absl::StatusOr<Proof> proof = Prove(property, semantics, &baseline, options);
  EXPECT_TRUE(proof.ok()) << proof.status();
  return *proof;
}

Property WithCall(const std::string& text) {
  Property property = PropertyNamed("no-write-call");
  property.calls.push_back({text, "x.prop", 7, 3, 0xff});
  return property;
}

TEST(Prove, TheMergedSealHoldsForAnyNumberOfObjects) {
  const Proof proof = ProofOf(PropertyNamed("no-writable-reopen"), SemanticsNamed("linux-5.1"));
  EXPECT_EQ(proof.kind, Proof::Kind::kProved);
  EXPECT_TRUE(proof.closed);
  EXPECT_FALSE(proof.configurations.empty());
}

TEST(Prove, WhatIsBrokenComesWithTheShortestCalls) {
  const Proof proof = ProofOf(PropertyNamed("no-writable-reopen"), SemanticsNamed("fw-v3"));
  ASSERT_EQ(proof.kind, Proof::Kind::kBroken);
  ASSERT_TRUE(proof.has_verdict);
  EXPECT_EQ(proof.verdict.witness.sequence.calls.size(), 5u);
}

// A search finds nothing with two descriptors, and would have to be asked for three.
TEST(Prove, FindsWhatABoundedSearchLeavesOut) {
  const Property property = PropertyNamed("no-merged-mapping");
  const Semantics semantics = SemanticsNamed("dup2-over");
  EXPECT_EQ(Ask(property, semantics, property.bounds).kind, Verdict::Kind::kHolds);
  EXPECT_EQ(ProofOf(property, semantics).kind, Proof::Kind::kBroken);
}

// EBUSY: the seal is set only where no mapping can write.
TEST(Prove, ARuleOfAbsenceKeepsMappingsAndTheSealApart) {
  const Proof proof = ProofOf(PropertyNamed("seals-while-mapped"), SemanticsNamed("linux-4.20"));
  EXPECT_EQ(proof.kind, Proof::Kind::kBroken);
  EXPECT_TRUE(proof.closed);
  EXPECT_FALSE(proof.has_verdict);
}

TEST(Prove, APromiseThatNothingTestedIsUnknown) {
  Property property = PropertyNamed("no-write-call");
  for (Role& role : property.roles) role.may_seal = false;
  const Proof proof = ProofOf(property, SemanticsNamed("linux-5.1"));
  EXPECT_EQ(proof.kind, Proof::Kind::kUnknown);
  EXPECT_THAT(proof.why, testing::HasSubstr("never set"));
}

TEST(Prove, CallsBeyondTheArgumentAreRefusedByName) {
  const Semantics semantics = SemanticsNamed("linux-5.1");
  const std::pair<const char*, const char*> calls[] = {
      {"write(fd, \"x\", 1)", "file positions"},
      {"close(3)", "descriptor by number"},
      {"mprotect(map, 8192, PROT_READ)", "more than one page"},
      {"munmap(map+4096, 4096)", "beside a mapping"},
      {"open(\"/proc/self/fd/3\", O_RDWR)", "by number"}};
  for (const auto& [call, why] : calls) {
    const Proof proof = ProofOf(WithCall(call), semantics, false, false);
    EXPECT_EQ(proof.kind, Proof::Kind::kUnknown) << call;
    EXPECT_THAT(proof.why, testing::AllOf(testing::HasSubstr(call), testing::HasSubstr(why)));
  }
}

TEST(Prove, ComparisonsAreProvedAndRefuted) {
  const Property property = PropertyNamed("abi-kept");
  EXPECT_EQ(ProofOf(property, SemanticsNamed("fw-v3")).kind, Proof::Kind::kProved);
  EXPECT_EQ(ProofOf(property, SemanticsNamed("linux-6.12")).kind, Proof::Kind::kBroken);
}

TEST(Prove, TheQueriesForSolversAreThree) {
  const Property property = PropertyNamed("no-new-writable-mapping");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  const std::string text = SmtOf(property, semantics, ProofOf(property, semantics, true));
  size_t queries = 0;
  for (size_t at = 0; (at = text.find("(check-sat)", at)) != std::string::npos; ++at) ++queries;
  EXPECT_EQ(queries, 3u);
  EXPECT_THAT(text, testing::HasSubstr("(define-fun in0 ((k Object)) Bool"));
}

// What is proved is not broken, and what is unreachable is not reached, within any bounds; and
// what a search finds is not proved impossible.
TEST(Prove, NeverContradictsASearch) {
  absl::StatusOr<std::vector<std::string>> names = Library::Default().SemanticsNames();
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    const Semantics semantics = SemanticsNamed(name);
    for (const char* const property_name :
         {"receiver-cannot-write", "no-write-call", "no-new-writable-mapping", "no-copied-mapping",
          "no-writable-reopen", "no-late-upgrade", "every-copy-sealed", "old-mapping-writes",
          "seals-while-mapped", "reader-can-map", "fixed-size", "abi-kept", "no-merged-mapping"}) {
      const Property property = PropertyNamed(property_name);
      const Proof proof = ProofOf(property, semantics);
      const bool reach = property.kind == Property::Kind::kReach;
      for (const char* bounds :
           {"processes=1,fds=1,files=1,maps=1,pages=1", "processes=1,fds=2,files=2,maps=1,pages=1",
            "fds=1,files=1,maps=1,pages=1"}) {
        const Verdict verdict = Ask(property, semantics, BoundsOf(property, bounds));
        const bool impossible = proof.kind == (reach ? Proof::Kind::kBroken : Proof::Kind::kProved);
        EXPECT_FALSE(verdict.has_witness && impossible)
            << name << " " << property_name << " " << bounds;
      }
      if (proof.has_verdict) {
        EXPECT_FALSE(proof.verdict.witness.sequence.calls.empty()) << name << " " << property_name;
      }
    }
  }
}

}  // namespace
}  // namespace selkie
