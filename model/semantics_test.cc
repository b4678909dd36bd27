#include "model/semantics.h"

#include <cerrno>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/state.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kBase = R"(semantics base
  "A base" "in two strings."
kernel
seal F_SEAL_SEAL 1
seal F_SEAL_GROW 0x4

# mm/memfd.c memfd_add_seals
# the second line
rule sealed add_seals: refuse EPERM if seals has SEAL
# not this one

rule grows write: refuse EPERM  # inline
  # on a line of its own
  if grows
     and seals has GROW
protocol "seal it"
  # first
  fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)
  hand out fd
)";

SemanticsLoader Texts(std::map<std::string, std::string> texts) {
  return [texts](std::string_view name) -> absl::StatusOr<SemanticsSource> {
    const auto found = texts.find(std::string(name));
    if (found == texts.end())
      return absl::NotFoundError(absl::StrCat("no semantics is named '", std::string(name), "'"));
    return SemanticsSource{found->first + ".sem", found->second};
  };
}

absl::StatusOr<Semantics> Parse(std::string_view text) {
  return ParseSemantics({"t.sem", std::string(text)}, Texts({{"base", std::string(kBase)}}));
}

Semantics Good(std::string_view text) {
  absl::StatusOr<Semantics> semantics = Parse(text);
  EXPECT_TRUE(semantics.ok()) << semantics.status();
  return semantics.ok() ? *std::move(semantics) : Semantics{};
}

std::vector<std::string> RulesAt(const Semantics& semantics, int point) {
  std::vector<std::string> names;
  for (size_t i = 0; i < semantics.at[point].size(); i = semantics.at[point][i].next)
    names.push_back(semantics.rules[semantics.at[point][i].rule].name);
  return names;
}
std::vector<std::string> RulesAt(const Semantics& semantics, Point point) {
  return RulesAt(semantics, static_cast<int>(point));
}

// ---- What a text says ----

TEST(Semantics, TheHeaderNamesDescribesAndMarksAKernel) {
  const Semantics base = Good(kBase);
  EXPECT_EQ(base.name, "base");
  EXPECT_EQ(base.doc, "A base in two strings.");
  EXPECT_TRUE(base.is_kernel);
  EXPECT_THAT(base.bases, IsEmpty());
  EXPECT_EQ(base.text, kBase);
  EXPECT_EQ(base.known_seals, 5);
}

TEST(Semantics, ARuleKnowsItsPlaceItsTextAndItsAuthority) {
  const Semantics base = Good(kBase);
  ASSERT_THAT(base.rules, SizeIs(2));
  EXPECT_EQ(base.rules[0].source, "mm/memfd.c memfd_add_seals\nthe second line");
  EXPECT_EQ(base.rules[0].file, "t.sem");
  EXPECT_EQ(base.rules[0].line, 9);
  EXPECT_EQ(base.rules[0].bits, EPERM);
  EXPECT_EQ(base.rules[1].source, "");  // an empty line stands between
  EXPECT_EQ(base.rules[1].text, "rule grows write: refuse EPERM if grows and seals has GROW");
}

TEST(Semantics, FactsThatARuleReadsAreListedByPoint) {
  const Semantics base = Good(kBase);
  Facts facts;
  facts.Set(FactSet::kSeals, 1);
  EXPECT_EQ(base.facts_read[static_cast<int>(Point::kAddSeals)], facts.word);
  EXPECT_EQ(base.facts_read[static_cast<int>(Point::kMmap)], 0u);
}

TEST(Semantics, EveryEffectCanBeWritten) {
  const Semantics s = Good(R"(semantics s extends base
call ioctl(fd, MASK, prot)
rule a add_seals: accept if owner
rule b add_seals: clear file WRITE|PWRITE
rule c add_seals: set seals GROW | SEAL
rule d add_seals: set adding GROW
rule e mmap: clear may WRITE
rule f create: clear mode 0111
rule g create: set mask EXEC
rule h create: clear mask READ
rule i MASK: keep mask arg
rule j MASK: new file READ
rule k open_proc: fresh inode
rule l mmap: unmap
rule m create: set flags NOEXEC_SEAL if scope has ENFORCED
)");
  std::map<std::string, std::pair<EffectKind, int64_t>> effects;
  for (const Rule& rule : s.rules) effects[rule.name] = {rule.effect, rule.bits};
  using K = EffectKind;
  EXPECT_EQ(effects["a"].first, K::kAccept);
  EXPECT_EQ(effects["b"], std::pair(K::kClearFile, int64_t{kModeWrite | kModePwrite}));
  EXPECT_EQ(effects["c"], std::pair(K::kSetSeals, int64_t{5}));
  EXPECT_EQ(effects["d"], std::pair(K::kAddAdding, int64_t{4}));
  EXPECT_EQ(effects["e"], std::pair(K::kClearMay, int64_t{kProtWrite}));
  EXPECT_EQ(effects["f"], std::pair(K::kClearMode, int64_t{0111}));
  EXPECT_EQ(effects["g"], std::pair(K::kSetMask, int64_t{kProtExec}));
  EXPECT_EQ(effects["h"], std::pair(K::kClearMask, int64_t{kProtRead}));
  EXPECT_EQ(effects["i"].first, K::kKeepMask);
  EXPECT_EQ(effects["j"], std::pair(K::kNewFile, int64_t{kModeRead}));
  EXPECT_EQ(effects["k"].first, K::kFreshInode);
  EXPECT_EQ(effects["l"].first, K::kUnmap);
  EXPECT_EQ(effects["m"], std::pair(K::kSetFlags, int64_t{8}));
}

TEST(Semantics, CallsAndSettingsAreInheritedAndChanged) {
  const Semantics s = Good(R"(semantics s extends base
write chunk 2097152
initial mask READ|EXEC
call fcntl(fd, F_DUP_READONLY)
call ioctl(fd, SET, prot)
call fcntl(fd, F_TRY, seals)
rule make F_DUP_READONLY: new file READ
)");
  EXPECT_FALSE(s.is_kernel);
  EXPECT_EQ(s.write_chunk, 2097152u);
  EXPECT_EQ(s.initial_mask, kProtRead | kProtExec);
  ASSERT_THAT(s.extensions, SizeIs(3));
  EXPECT_EQ(s.extensions[0].function, "fcntl");
  EXPECT_EQ(s.extensions[0].arg, ArgKind::kLiteral);
  EXPECT_EQ(s.extensions[0].returns, ReturnKind::kFd);
  EXPECT_EQ(s.extensions[1].arg, ArgKind::kFlags);
  EXPECT_EQ(s.extensions[1].returns, ReturnKind::kZero);
  EXPECT_EQ(s.extensions[2].arg, ArgKind::kSeals);
  EXPECT_THAT(RulesAt(s, static_cast<int>(Point::kExtension)), ElementsAre("make"));
}

// ---- Order and inheritance ----

TEST(Semantics, RulesAreAddedLastOrBesideTheOneThatIsNamed) {
  const Semantics s = Good(R"(semantics s extends base
rule last add_seals: refuse EIO
rule first add_seals before sealed: refuse EIO
rule second add_seals after sealed: refuse EIO
)");
  EXPECT_THAT(RulesAt(s, Point::kAddSeals), ElementsAre("first", "sealed", "second", "last"));
}

TEST(Semantics, AReplacedRuleKeepsItsPlaceAndADroppedOneIsGone) {
  const Semantics s = Good(R"(semantics s extends base
rule last add_seals: refuse EIO
replace rule sealed add_seals: refuse EBUSY
drop grows
)");
  EXPECT_THAT(RulesAt(s, Point::kAddSeals), ElementsAre("sealed", "last"));
  EXPECT_EQ(s.rules[s.at[static_cast<int>(Point::kAddSeals)][0].rule].bits, EBUSY);
  EXPECT_EQ(s.rules[0].line, 3);
  EXPECT_THAT(RulesAt(s, Point::kWrite), IsEmpty());
  EXPECT_EQ(s.facts_read[static_cast<int>(Point::kWrite)], 0u);
}

TEST(Semantics, BasesAreListedUpToTheFirstKernel) {
  const SemanticsLoader texts = Texts({{"k1", "semantics k1\nkernel\n"},
                                       {"k2", "semantics k2 extends k1\nkernel\n"},
                                       {"d1", "semantics d1 extends k2\n"}});
  const auto d2 = ParseSemantics({"d2.sem", "semantics d2 extends d1\n"}, texts);
  ASSERT_TRUE(d2.ok()) << d2.status();
  EXPECT_THAT(d2->bases, ElementsAre("d1", "k2"));
  const auto k2 = ParseSemantics(*texts("k2"), texts);
  ASSERT_TRUE(k2.ok());
  EXPECT_EQ(k2->extends, "k1");
  EXPECT_THAT(k2->bases, IsEmpty());
}

TEST(Semantics, CarriageReturnsAndAMissingLastLineEndDoNotMatter) {
  const Semantics s = Good(
      "semantics s\r\n\r\nseal F_SEAL_GROW 4\r\n"
      "rule r write: refuse EPERM\r\n  if grows");
  EXPECT_THAT(s.rules, SizeIs(1));
}

// ---- Protocols ----

TEST(Protocol, StepsNameVariablesAndSayWhatIsHandedOut) {
  const Semantics s = Good(R"(semantics s extends base
call fcntl(fd, F_DUP_READONLY)
rule make F_DUP_READONLY: new file READ
protocol "dup2 over"
  ro = fcntl(fd, F_DUP_READONLY)  # new
  dup2(ro, fd)

  hand out ro
)");
  const Protocol& p = s.protocol;
  EXPECT_EQ(p.title, "dup2 over");
  EXPECT_THAT(p.variables, ElementsAre("fd", "ro"));
  EXPECT_EQ(p.hand_out, 1);
  ASSERT_THAT(p.steps, SizeIs(2));
  EXPECT_EQ(p.steps[0].call.op, Op::kExtension);
  EXPECT_EQ(p.steps[0].result_variable, 1);
  EXPECT_EQ(p.steps[0].text, "ro = fcntl(fd, F_DUP_READONLY)");
  EXPECT_EQ(p.steps[0].line, 5);
  EXPECT_EQ(p.steps[1].call.op, Op::kDup2);
  EXPECT_EQ(p.steps[1].call.arg[0], 1);
  EXPECT_EQ(p.steps[1].call.arg[1], 0);
  EXPECT_EQ(p.steps[1].result_variable, -1);
}

TEST(Protocol, ItIsInherited) {
  const Semantics s = Good("semantics s extends base\n");
  EXPECT_EQ(s.protocol.title, "seal it");
  ASSERT_THAT(s.protocol.steps, SizeIs(1));
  EXPECT_EQ(s.protocol.steps[0].call.arg[1], 4);
}

}  // namespace
}  // namespace selkie
