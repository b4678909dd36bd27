#include "kernel/plan_runner.h"

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "kernel/lockstep_testing.h"

namespace selkie {
namespace {

using BranchAfter = CallBranch::After;

class PlanOf final : public CallPlan {
 public:
  explicit PlanOf(std::vector<int> uids) : uids_(std::move(uids)) {}
  const Limits& limits() const override { return limits_; }
  const std::vector<int>& uids() const override { return uids_; }
  int64_t states() const override { return 1; }
  absl::Status ForEach(int64_t, int64_t,
                       const std::function<bool(const CallBatch&)>&) const override {
    return absl::OkStatus();
  }

 private:
  Limits limits_;
  std::vector<int> uids_;
};

CallBranch Branch(const std::string& call, BranchAfter after = BranchAfter::kSame,
                  const std::string& back = "") {
  CallBranch branch{Calls({call}).calls[0], after, {}};
  if (!back.empty()) branch.back = Calls({back}).calls[0];
  return branch;
}

// What a batch comes to: "confirmed of tried in R runs, D differ".
std::string Outcome(const CallBatch& batch, const Semantics& semantics,
                    std::vector<int> uids = {0}) {
  return InWorker([&](Lockstep& lockstep) {
    const PlanOf plan(uids);
    PlanRunner runner(plan, lockstep, semantics);
    ConformReport report;
    int runs = 0, differ = 0;
    const absl::Status status = runner.Run(batch, &report, [&] {
      ++runs;
      differ += lockstep.control().differs;
    });
    if (!status.ok()) return std::string(status.message());
    return fmt::format("{} of {} in {} runs, {} differ", report.confirmed, report.tried, runs,
                       differ);
  });
}

CallBatch BatchForTest() {
  CallBatch batch;
  batch.path = Calls({R"(memfd_create("x", MFD_ALLOW_SEALING))", "ftruncate(3, 4096)"}).calls;
  batch.path_counts = true;
  batch.branches = {Branch("fcntl(3, F_GET_SEALS)"),
                    Branch("dup(3)", BranchAfter::kBack, "close(4)"),
                    Branch(R"(pwrite(3, "x", 1, 0))"),
                    Branch("fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)", BranchAfter::kLeft),
                    Branch("close(3)", BranchAfter::kLeft)};
  return batch;
}

TEST(PlanRunner, BranchesThatStayShareARunWithTheFirstThatLeaves) {
  EXPECT_EQ(Outcome(BatchForTest(), NativeSemantics()), "6 of 6 in 2 runs, 0 differ");
}

TEST(PlanRunner, TasksTakeTheirBranchesInTurn) {
  CallBatch batch = BatchForTest();
  batch.branches.push_back(Branch("B: open(\"/proc/{A}/fd/3\", O_RDWR)", BranchAfter::kLeft));
  batch.branches.push_back(Branch("B: close(3)"));
  EXPECT_EQ(Outcome(batch, NativeSemantics(), {0, 0}), "8 of 8 in 4 runs, 0 differ");
}

// A rule that no kernel has: one call differs, and the rest is tried without it.
TEST(PlanRunner, ACallThatDiffersIsNotTheEndOfItsState) {
  Semantics wrong = NativeSemantics();
  Rule rule;
  rule.name = "wrong";
  rule.point = Point::kWrite;
  rule.effect = EffectKind::kRefuse;
  rule.bits = EPERM;
  rule.terms = {Term{}};
  wrong.rules.insert(wrong.rules.begin(), rule);
  IndexRules(wrong);
  EXPECT_EQ(Outcome(BatchForTest(), wrong), "5 of 6 in 3 runs, 1 differ");
}

}  // namespace
}  // namespace selkie
