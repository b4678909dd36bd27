#include "checker/prove.h"

#include <filesystem>
#include <set>

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

// A search finds nothing with two descriptors, and has to be asked for three.
TEST(Prove, FindsWhatABoundedSearchLeavesOut) {
  const Property property = PropertyNamed("no-merged-mapping");
  const Semantics semantics = SemanticsNamed("dup2-over");
  EXPECT_EQ(Ask(property, semantics, BoundsOf(property, "fds=2,files=2")).kind,
            Verdict::Kind::kHolds);
  EXPECT_EQ(ProofOf(property, semantics).kind, Proof::Kind::kBroken);
}

// EBUSY: the seal is set only where no mapping can write.
TEST(Prove, ARuleOfAbsenceKeepsMappingsAndTheSealApart) {
  const Proof proof = ProofOf(PropertyNamed("seals-while-mapped"), SemanticsNamed("linux-4.20"));
  EXPECT_EQ(proof.kind, Proof::Kind::kBroken);
  EXPECT_TRUE(proof.closed);
  EXPECT_FALSE(proof.has_verdict);
}

// EBUSY of F_SEAL_WRITE while a buffer is registered; without that rule it goes on writing.
TEST(Prove, ARuleOfAbsenceKeepsRegisteredBuffersAndTheSealApart) {
  const Property property = PropertyNamed("no-pinned-write");
  EXPECT_EQ(ProofOf(property, SemanticsNamed("linux-6.1")).kind, Proof::Kind::kProved);
  EXPECT_EQ(ProofOf(property, *ParsedSemantics("semantics x extends linux-6.1\n"
                                               "drop add-write-pinned\n"))
                .kind,
            Proof::Kind::kBroken);
}

// ETXTBSY: what is open for writing does not run, nor the other way around.  The memfd's own file
// does not count, and writes what runs.
TEST(Prove, WhatIsOpenedToBeWrittenNeverRuns) {
  const Semantics unguarded =
      *ParsedSemantics("semantics x extends linux-5.1\ndrop write-sealed\n");
  const auto proof_of = [&](const std::string& clause) {
    Property property = PropertyNamed("program-kept");
    SetClause(property, Sort::kChange, clause);
    return ProofOf(property, unguarded).kind;
  };
  EXPECT_EQ(proof_of("runs and by-write-call and file-after"), Proof::Kind::kProved);
  EXPECT_EQ(proof_of("by-write-call and file-after"), Proof::Kind::kBroken);
  EXPECT_EQ(proof_of("runs and by-write-call"), Proof::Kind::kBroken);
}

TEST(Prove, ADmabufWritesUnlessTheSealWaitsForIt) {
  const Property property = PropertyNamed("no-dmabuf-write");
  EXPECT_EQ(ProofOf(property, SemanticsNamed("linux-4.20")).kind, Proof::Kind::kProved);
  EXPECT_EQ(ProofOf(property, SemanticsNamed("linux-6.1")).kind, Proof::Kind::kBroken);
}

// A mapping of FUSE has a file of its own, which no rule on the descriptor's file has narrowed.
TEST(Prove, AMappingOfFuseStandsByThroughAnotherFile) {
  const Semantics semantics = *ParsedSemantics(
      "semantics x extends linux-6.12\n"
      "rule narrow mmap: clear file WRITE\n"
      "replace rule add-needs-write add_seals: refuse EPERM if file has WRITE\n"
      "rule no-more backing_mmap: refuse EPERM if seals has GROW\n");
  Property property = PropertyNamed("no-fuse-mapping");
  property.calls.clear();
  for (const char* call :
       {"memfd_create(\"region\", MFD_ALLOW_SEALING)",
        "mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0)", "fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)",
        "fuse_mmap(fd, 4096, PROT_READ, 0)"})
    property.calls.push_back({call, "x.prop", 1, 1, 0xff});
  property.needs.clear();
  SetClause(property, Sort::kMapping, "seals has GROW and file has WRITE");
  EXPECT_EQ(ProofOf(property, semantics).kind, Proof::Kind::kBroken);
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
      {"io_uring_register_buffers(map, 8192)", "more than one page"},
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

std::vector<std::string> AllProperties() {
  absl::StatusOr<std::vector<std::string>> files =
      FilesUnder(InTree("checker/properties"), ".prop");
  EXPECT_TRUE(files.ok()) << files.status();
  for (std::string& file : *files) file = std::filesystem::path(file).stem().string();
  return *files;
}

// A search of these within their own bounds takes a second if it finds nothing.
bool IsLarge(const Property& property) {
  static const std::set<std::string> large = {"every-copy-sealed", "no-new-writable-mapping",
                                              "no-write-call", "receiver-cannot-write"};
  return large.contains(property.name);
}

// No step that the property is about, whatever the number of objects.
bool Impossible(const Property& property, const Proof& proof) {
  const bool reach = property.kind == Property::Kind::kReach;
  return proof.kind == (reach ? Proof::Kind::kBroken : Proof::Kind::kProved);
}

// What is proved is not broken, and what is unreachable is not reached, within any bounds; and
// what a search finds is not proved impossible.  The bounds of a property are those within which
// its answer is the one for any number of objects: a reader of the score-card takes it for that.
TEST(Prove, NeverContradictsASearch) {
  absl::StatusOr<std::vector<std::string>> names = Library::Default().SemanticsNames();
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    const Semantics semantics = SemanticsNamed(name);
    for (const std::string& property_name : AllProperties()) {
      const Property property = PropertyNamed(property_name);
      const Proof proof = ProofOf(property, semantics);
      if (proof.kind == Proof::Kind::kUnknown) continue;
      const bool impossible = Impossible(property, proof);
      for (const char* bounds :
           {"processes=1,fds=1,files=1,maps=1,pages=1", "processes=1,fds=2,files=2,maps=1,pages=1",
            "fds=1,files=1,maps=1,pages=1"})
        EXPECT_FALSE(Ask(property, semantics, BoundsOf(property, bounds)).has_witness && impossible)
            << name << " " << property_name << " " << bounds;
      if (!impossible || !IsLarge(property)) {
        EXPECT_EQ(Ask(property, semantics, property.bounds).has_witness, !impossible)
            << name << " " << property_name << ": its bounds are too narrow for what prove finds";
      }
      if (proof.has_verdict) {
        EXPECT_FALSE(proof.verdict.witness.sequence.calls.empty()) << name << " " << property_name;
      }
    }
  }
}

}  // namespace
}  // namespace selkie
