#include "checker/property.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

absl::StatusOr<PropertySource> NoCalls(std::string_view name) {
  return absl::NotFoundError("no list of calls is named '" + std::string(name) + "'");
}

std::string MessageFor(const std::string& text) {
  absl::StatusOr<Property> property = ParseProperty({"p.prop", text}, NoCalls);
  return property.ok() ? "" : std::string(property.status().message());
}

constexpr const char* kWhole = R"(# what comes first is a comment
property no-writes
  "After the seal
   nobody writes."
bounds processes=2 fds=3
role sender uid 1000 may seal
role receiver uid 1001
start 1
calls sender
  memfd_create("m", MFD_ALLOW_SEALING)  # one
calls
  dup(fd)
extensions
needs write, F_ADD_SEALS
assume pass: sealed and to has receiver
never change: sealed
  and by has receiver
)";

TEST(PropertyText, EveryStatementHasItsEffect) {
  absl::StatusOr<Property> p = ParseProperty({"p.prop", kWhole}, NoCalls);
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ(p->name, "no-writes");
  EXPECT_EQ(p->doc, "After the seal nobody writes.");
  EXPECT_EQ(p->bounds.processes, 2);
  EXPECT_EQ(p->bounds.fds, 3);
  ASSERT_EQ(p->roles.size(), 2u);
  EXPECT_TRUE(p->roles[0].may_seal);
  EXPECT_FALSE(p->roles[1].may_seal);
  EXPECT_EQ(p->roles[1].uid, 1001);
  EXPECT_EQ(p->start, 1);
  ASSERT_EQ(p->calls.size(), 2u);
  EXPECT_EQ(p->calls[0].text, "memfd_create(\"m\", MFD_ALLOW_SEALING)");
  EXPECT_EQ(p->calls[0].roles, 1);
  EXPECT_EQ(p->calls[1].roles, 0xff);
  EXPECT_EQ(p->calls[1].line, 12);
  EXPECT_TRUE(p->extensions);
  EXPECT_THAT(p->needs, testing::ElementsAre("write", "F_ADD_SEALS"));
  EXPECT_EQ(p->assumes.size(), 1u);
  const uint64_t both = uint64_t{1} << fact::kSealed | uint64_t{2} << fact::kBy;
  EXPECT_THAT(p->clause.terms, testing::ElementsAre(Term{both, both}));
}

TEST(PropertyText, MalformedTextsAreRefusedWithTheirPlace) {
  const std::string head = "property p\n";
  const std::vector<std::pair<std::string, std::string>> inputs = {
      {"", "p.prop:1:1: expected 'property NAME'"},
      {"property\n", "p.prop:1:9: expected the name of the property"},
      {head + "property q\n", "p.prop:2:10: a file holds one property, found 'q'"},
      {head + "\"never closed\n", "the description has no closing quote"},
      {head + "bounds processes=9\n",
       "p.prop:2:8: bound 'processes=9': expected a number from 1 to 4"},
      {head + "bounds cpus=1\n", "p.prop:2:8: bound 'cpus=1': expected processes, fds"},
      {head + "role a uid x\n", "p.prop:2:12: expected a user id, 0 to 65535, found 'x'"},
      {head + "calls nobody\n", "p.prop:2:7: no role is named 'nobody'"},
      {head + "include nothing\n", "p.prop:2:9: no list of calls is named 'nothing'"},
      {head + "needs wrte\n", "p.prop:2:7: no call is named 'wrte'"},
      {head + "dup(fd)\nnever whatever: sealed\n",
       "p.prop:3:7: 'whatever' is nothing that a condition is about"},
      {head + "dup(fd)\nnever change sealed\n", "p.prop:3:14: expected ':', found 'sealed'"},
      {head + "dup(fd)\nnever change: seald\n", "p.prop:3:15: "},
      {head + "dup(fd)\nnever change: sealed\nreach change: sealed\n",
       "p.prop:4:1: a property has one never, reach or same-as"},
      {head + "dup(fd)\nnever change: not sealed and sealed\n",
       "p.prop:3:15: the condition contradicts itself"},
      {head + "dup(fd)\n", "p.prop:1:1: expected one of never, reach and same-as"},
      {head + "never change: sealed\n", "p.prop:1:1: the property has no calls"},
      {head + "%$!\n", "p.prop:2:1: expected property, a description, bounds"},
  };
  for (const auto& [text, message] : inputs)
    EXPECT_THAT(MessageFor(text), testing::HasSubstr(message)) << text;
}

TEST(Bounds, AreChangedByNameAndNothingElse) {
  Bounds bounds;
  ASSERT_TRUE(ApplyBounds("fds=3,maps=2 pages=2", bounds).ok());
  EXPECT_EQ(ToString(bounds), "processes=2 fds=3 files=2 maps=2 pages=2 inodes=1 messages=1");
  EXPECT_TRUE(ApplyBounds("huge=2", bounds).ok());
  EXPECT_EQ(ToString(bounds),
            "processes=2 fds=3 files=2 maps=2 pages=2 inodes=1 messages=1 huge=2");
  EXPECT_FALSE(ApplyBounds("huge=4", bounds).ok());
  EXPECT_FALSE(ApplyBounds("fds=0", bounds).ok());
  EXPECT_FALSE(ApplyBounds("fds=3x", bounds).ok());
  EXPECT_FALSE(ApplyBounds("fds", bounds).ok());
  EXPECT_FALSE(ApplyBounds("fds=2,maps=1,fds=3", bounds).ok());
}

}  // namespace
}  // namespace selkie
