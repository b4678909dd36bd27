#include "kernel/plan_runner.h"

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/lockstep_testing.h"

namespace selkie {
namespace {

using BranchAfter = CallBranch::After;

class PlanOf final : public CallPlan {
 public:
  explicit PlanOf(std::vector<int> uids, std::vector<Call> calls = {})
      : uids_(std::move(uids)), calls_(std::move(calls)) {}
  const Limits& limits() const override { return limits_; }
  const std::vector<int>& uids() const override { return uids_; }
  int64_t states() const override { return 1; }
  std::vector<Call> calls() const override { return calls_; }
  absl::Status ForEach(int64_t, int64_t,
                       const std::function<bool(const CallBatch&)>&) const override {
    return absl::OkStatus();
  }

 private:
  Limits limits_;
  std::vector<int> uids_;
  std::vector<Call> calls_;
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
    std::string text =
        fmt::format("{} of {} in {} runs, {} differ", report.confirmed, report.tried, runs, differ);
    for (const auto& [reason, count] : report.beyond) text += fmt::format("; {} {}", count, reason);
    return text;
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

// What only some machines have, with what is said where it is not there.
const std::vector<std::pair<const char*, const char*>> kNeeds = {
    {R"(memfd_create("x", MFD_HUGETLB))", "huge pages"},
    {"udmabuf_create(3, 0, 4096)", "/dev/udmabuf"},
    {"fuse_mmap(3, 4096, PROT_READ, 0)", "FUSE"},
    {"open_other(MEMFD_SECRET)", "memfd_secret"},
};

TEST(PlanRunner, APlanThatNeedsWhatIsNotThereIsNotRun) {
  for (const auto& [call, need] : kNeeds) {
    const std::string said = InWorker([&](Lockstep& lockstep) {
      const Sequence sequence = Calls({call});
      const PlanOf plan({0}, sequence.calls);
      const absl::Status status = PlanRunner(plan, lockstep, NativeSemantics()).CanRun();
      if (lockstep.WhyNot(sequence).empty()) return std::string(status.ok() ? "there" : "?");
      return fmt::format("{}", std::string(status.message()));
    });
    EXPECT_THAT(
        said, testing::AnyOf("there",
                             testing::AllOf(testing::StartsWith("the graph was not run: it needs "),
                                            testing::HasSubstr(need))));
  }
}

TEST(PlanRunner, ACallThatNeedsWhatIsNotThereIsNotMade) {
  for (const auto& [call, need] : kNeeds) {
    CallBatch batch = BatchForTest();
    batch.branches.push_back(Branch(call, BranchAfter::kLeft));
    EXPECT_THAT(Outcome(batch, NativeSemantics()),
                testing::AnyOf("7 of 7 in 3 runs, 0 differ",
                               testing::AllOf(testing::StartsWith("6 of 6 in 2 runs, 0 differ; 1 "
                                                                  "not run: it needs "),
                                              testing::HasSubstr(need))));
  }
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
