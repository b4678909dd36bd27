#include "checker/least_bounds.h"

#include "checker/checker_testing.h"

namespace selkie {
namespace {

Bounds LeastOf(const std::string& semantics_name, const std::string& property_name) {
  const Property property = PropertyNamed(property_name);
  const Semantics semantics = SemanticsNamed(semantics_name);
  const Verdict verdict = Ask(property, semantics, property.bounds);
  EXPECT_TRUE(verdict.has_witness);
  absl::StatusOr<Bounds> least = LeastBounds(property, semantics, nullptr, verdict, {});
  EXPECT_TRUE(least.ok()) << least.status();
  return *least;
}

// A writable descriptor beside the sealed one, and no mapping.
TEST(LeastBounds, ReopenNeedsTwoDescriptorsOfTwoFiles) {
  EXPECT_EQ(ToString(LeastOf("fw-v3", "no-writable-reopen")),
            "processes=1 fds=2 files=2 maps=1 pages=1 inodes=1 messages=1");
}

TEST(LeastBounds, NoneOfThemCanBeLess) {
  const Property property = PropertyNamed("no-copied-mapping");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  const Bounds least = LeastOf("linux-5.1", "no-copied-mapping");
  EXPECT_EQ(Ask(property, semantics, least).kind, Verdict::Kind::kBroken);
  int lowered = 0;
  for (const BoundField& field : BoundFields()) {
    Bounds less = least;
    if (--(less.*(field.field)) < field.lowest) continue;
    EXPECT_NE(Ask(property, semantics, less).kind, Verdict::Kind::kBroken) << field.name;
    ++lowered;
  }
  EXPECT_GT(lowered, 0);
}

// The inode that a rule makes counts, though the property has no bound for it.
TEST(LeastBounds, ARuleThatMakesInodesNeedsTwo) {
  EXPECT_EQ(LeastOf("ashmem", "no-copied-mapping").inodes, 2);
}

}  // namespace
}  // namespace selkie
