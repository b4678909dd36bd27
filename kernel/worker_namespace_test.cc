#include "kernel/worker_namespace.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "kernel/executor.h"
#include "kernel/lockstep_testing.h"

namespace selkie {
namespace {

std::string LevelHere() {
  std::string level = "none";
  std::ifstream(kNoexecFile) >> level;
  return level;
}

bool CanSet() {
  return FindWorkerNamespaces().own && FindWorkerNamespaces().why_no_set.empty() &&
         LevelHere() != "none";
}

Sequence Setting() {
  return Calls({R"(sysctl("vm.memfd_noexec", 2))", R"(memfd_create("x", MFD_EXEC))"});
}

TEST(WorkerNamespaces, AWorkerSeesItsOwnProc) {
  if (!FindWorkerNamespaces().own) GTEST_SKIP() << "it takes root";
  EXPECT_EQ(InWorker([](Lockstep&) {
              char self[16] = {};
              const ssize_t length = readlink("/proc/self", self, sizeof(self));
              return fmt::format("{} {} {}", getpid(), getppid(),
                                 std::string_view(self, static_cast<size_t>(length)));
            }),
            "1 0 1");
  EXPECT_NE(getpid(), 1);  // and processes are made here as before
  const pid_t child = fork();
  if (child == 0) _exit(getppid() == 0 ? 1 : 0);
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(WorkerNamespaces, TheLevelIsSetBackAndNobodyElseIsUnderIt) {
  if (!CanSet()) GTEST_SKIP() << FindWorkerNamespaces().why_no_set;
  const std::string before = LevelHere();
  EXPECT_EQ(InWorker([](Lockstep& lockstep) {
              lockstep.Load(Setting(), NativeSemantics());
              const absl::Status status = lockstep.Run({});
              return fmt::format("{} {} {} {}", status.ok(), lockstep.control().differs,
                                 lockstep.control().got[1].value, LevelHere());
            }),
            fmt::format("true false {} 0", EACCES));
  EXPECT_EQ(LevelHere(), before);
}

TEST(WorkerNamespaces, ADifferenceDoesNotLeaveTheLevelToTheNextSequence) {
  if (!CanSet()) GTEST_SKIP() << FindWorkerNamespaces().why_no_set;
  EXPECT_EQ(InWorker([](Lockstep& lockstep) {
              lockstep.Load(Setting(), NativeSemantics());
              lockstep.control().expected[1].value = ENOENT;
              const absl::Status status = lockstep.Run({});
              return fmt::format("{} {} {}", status.ok(), lockstep.control().differs, LevelHere());
            }),
            "true true 0");
}

// What the function gives in a process of its own, 0 .. 255; or -1 if that died.
int InChild(int (*work)()) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  const bool ended = waitpid(child, &status, 0) == child && WIFEXITED(status);
  return ended ? WEXITSTATUS(status) : -1;
}

// What a process without a namespace of its own says, by a bit each.
int Refusals() {
  absl::StatusOr<Lockstep> lockstep = Lockstep::Start({false, "no namespace"}, false);
  if (!lockstep.ok()) return 1;
  const Semantics semantics = NativeSemantics();
  int wrong = 0;
  if (lockstep->WhyNot(Setting()) != "no namespace") wrong |= 2;
  RandomPlan plan;
  plan.length = 60;
  for (plan.seed = 0; plan.seed < 200; ++plan.seed) {
    lockstep->LoadRandom(plan, semantics);
    for (const Call& call : lockstep->Loaded().calls) wrong |= call.op == Op::kSetNoexec ? 4 : 0;
  }
  lockstep->Load(Setting(), semantics);
  if (!lockstep->Run({.stop_at_difference = false}).ok()) wrong |= 8;
  const Result got = lockstep->control().got[0];
  if (got.kind != Result::Kind::kBound) wrong |= 16;  // it was made
  return wrong;
}

TEST(WorkerNamespaces, WithoutOneTheLevelIsNeverSet) { EXPECT_EQ(InChild(Refusals), 0); }

constexpr int kNoUserNamespace = 77;

// Sequences that differ when a user without privileges runs them, as root of a user namespace.
int DifferencesOfUser() {
  constexpr int kNobody = 65534;
  if (setresgid(kNobody, kNobody, kNobody) != 0 || setresuid(kNobody, kNobody, kNobody) != 0)
    return kNoUserNamespace;
  prctl(PR_SET_DUMPABLE, 1);  // as a program is that the user has started
  absl::StatusOr<Lockstep> lockstep = Lockstep::Start({false, "no namespace"}, false);
  if (!lockstep.ok()) return kNoUserNamespace;
  const Semantics semantics = NativeSemantics();
  int differ = 0;
  RandomPlan plan;
  plan.start.uids = {0};
  for (plan.seed = 0; plan.seed < 600 && differ == 0; ++plan.seed) {
    lockstep->LoadRandom(plan, semantics);
    if (!lockstep->Run({}).ok() || lockstep->control().differs) ++differ;
  }
  return differ;
}

TEST(WorkerNamespaces, RootOfAUserNamespaceIsNotAskedForMoreThanItMay) {
  const int differ = InChild(DifferencesOfUser);
  if (differ == kNoUserNamespace) GTEST_SKIP() << "no user namespace can be made here";
  EXPECT_EQ(differ, 0);
}

}  // namespace
}  // namespace selkie
