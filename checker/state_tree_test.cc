#include "checker/state_tree.h"

#include "checker/checker_testing.h"
#include "gtest/gtest.h"
#include "model/step.h"

namespace selkie {
namespace {

TEST(StateTree, EveryStateIsReachedByTheCallsOfItsPath) {
  const Property property = PropertyNamed("no-write-call");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  Property never = property;
  never.clause.terms.clear();
  absl::StatusOr<Machine> machine =
      Machine::Make(never, semantics, BoundsOf(property, "processes=2,fds=1,files=1,maps=1"));
  ASSERT_TRUE(machine.ok()) << machine.status();
  absl::StatusOr<std::unique_ptr<StateTree>> tree = StateTree::Explore(*machine, {});
  ASSERT_TRUE(tree.ok()) << tree.status();
  uint64_t states = 0;
  size_t depth = 0, onward = 0;
  const absl::Status status = (*tree)->Walk([&](const ReachedState& at) {
    ++states;
    depth = std::max(depth, at.path.size());
    onward += at.on.size();
    State state = machine->Initial();
    for (const Call& call : at.path) Step(state, call, semantics);
    for (Inode& inode : state.inodes) inode.mark = 0;
    State reached = at.state;
    for (Inode& inode : reached.inodes) inode.mark = 0;
    EXPECT_EQ(state, reached) << at.number;
    return !testing::Test::HasFailure();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_GT(states, 100u);
  EXPECT_EQ(states, (*tree)->stats().states);
  EXPECT_EQ(depth, static_cast<size_t>((*tree)->stats().depth));
  EXPECT_EQ(onward, states - 1);
}

TEST(StateTree, AVisitorEndsTheWalk) {
  Property property = PropertyNamed("no-write-call");
  property.clause.terms.clear();
  const Semantics semantics = SemanticsNamed("linux-5.1");
  absl::StatusOr<Machine> machine =
      Machine::Make(property, semantics, BoundsOf(property, "processes=1,fds=1,files=1,maps=1"));
  ASSERT_TRUE(machine.ok()) << machine.status();
  absl::StatusOr<std::unique_ptr<StateTree>> tree = StateTree::Explore(*machine, {});
  ASSERT_TRUE(tree.ok()) << tree.status();
  int visits = 0;
  EXPECT_TRUE((*tree)->Walk([&](const ReachedState&) { return ++visits < 3; }).ok());
  EXPECT_EQ(visits, 3);
}

}  // namespace
}  // namespace selkie
