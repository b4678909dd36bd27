#include "cli/graph_plan.h"

#include <set>

#include "gtest/gtest.h"
#include "model/step.h"

namespace selkie {
namespace {

class GraphPlanTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Semantics> semantics = library_.LoadSemantics("linux-6.12");
    ASSERT_TRUE(semantics.ok()) << semantics.status();
    semantics_ = *std::move(semantics);
  }
  std::unique_ptr<GraphPlan> Make(const std::string& bounds) {
    auto plan = GraphPlan::Make(library_, {"sealing", bounds}, semantics_, {});
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *std::move(plan);
  }

  const Library library_ = Library::Default();
  Semantics semantics_;
};

TEST_F(GraphPlanTest, WhatIsSaidToComeBackComesBack) {
  const std::unique_ptr<GraphPlan> plan = Make("processes=2,fds=1,files=1,maps=1");
  int64_t back = 0, left = 0, states = 0, counted = 0;
  const absl::Status status = plan->ForEach(0, 1, [&](const CallBatch& batch) {
    ++states;
    counted += batch.path_counts;
    State state = InitialState(plan->limits(), plan->uids());
    for (const Call& call : batch.path) Step(state, call, semantics_);
    for (const CallBranch& branch : batch.branches) {
      State after = state;
      const Result result = Step(after, branch.call, semantics_);
      EXPECT_NE(result.kind, Result::Kind::kBound);
      if (branch.after == CallBranch::After::kLeft) {
        EXPECT_TRUE(result.changed);
        ++left;
        continue;
      }
      if (branch.after == CallBranch::After::kBack) {
        EXPECT_TRUE(result.changed);
        EXPECT_TRUE(Step(after, branch.back, semantics_).ok());
        ++back;
      }
      EXPECT_EQ(after.fds, state.fds);
      state = after;
    }
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(states, plan->states());
  EXPECT_EQ(counted, states - 1);  // the initial state has no path
  EXPECT_GT(back, 0);
  EXPECT_GT(left, 0);
}

TEST_F(GraphPlanTest, SharesHaveEachStateOnce) {
  const std::unique_ptr<GraphPlan> plan = Make("processes=1,fds=2,files=2,maps=1");
  int64_t states = 0;
  for (int share = 0; share < 3; ++share)
    EXPECT_TRUE(plan->ForEach(share, 3, [&](const CallBatch&) { return ++states > 0; }).ok());
  EXPECT_EQ(states, plan->states());
}

TEST_F(GraphPlanTest, AnUnknownGraphIsAnErrorThatNamesThoseThatThereAre) {
  auto plan = GraphPlan::Make(library_, {"none", ""}, semantics_, {});
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(std::string(plan.status().message()).find("sealing"), std::string::npos);
}

}  // namespace
}  // namespace selkie
