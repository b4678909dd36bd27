#include "kernel/lockstep.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/conform_divergence.h"
#include "kernel/executor.h"
#include "kernel/executor_proc.h"
#include "kernel/lockstep_probe.h"
#include "kernel/lockstep_testing.h"

namespace selkie {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::vector<std::string> kCreate = {R"(memfd_create("x", MFD_ALLOW_SEALING))",
                                          "ftruncate(3, 8192)"};

std::vector<std::string> After(std::vector<std::string> first,
                               const std::vector<std::string>& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

TEST(LockstepTest, DescriptorsReadsAndWritesAgree) {
  EXPECT_EQ(
      Agreement(Calls(After(
          kCreate, {R"(write(3, "x", 4096))", "read(3, buf, 100)", R"(pwrite(3, "y", 10, 2048))",
                    "pread(3, buf, 8192, 0)", "lseek(3, 0, SEEK_END)", "dup2(3, 7)", "close(3)",
                    "read(3, buf, 1)", "fcntl(7, F_GETFL)", "fstat(7, st)"}))),
      "agrees on 12 of 12 calls");
}

TEST(LockstepTest, FaultsAreResults) {
  EXPECT_EQ(
      Agreement(Calls(After(kCreate, {"load(0)", "mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3, 0)",
                                      R"(store(0, "x"))", "ftruncate(3, 0)", "load(4096)"}))),
      "agrees on 7 of 7 calls");
}

TEST(LockstepTest, MappingsArePlacedWhereTheModelPlacesThem) {
  EXPECT_EQ(Agreement(Calls(After(
                kCreate,
                {"mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0)",
                 "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 4096)", R"(store(2048, "z"))",
                 "munmap(0, 4096)", "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0)", "load(2048)",
                 "mremap(4096, 4096, 8192, MREMAP_MAYMOVE, NULL)", "load(12288)"}))),
            "agrees on 10 of 10 calls");
}

TEST(LockstepTest, TasksAreProcesses) {
  EXPECT_EQ(
      Agreement(Calls(After(kCreate, {"fork()", R"(B: write(3, "x", 1))", "lseek(3, 0, SEEK_CUR)",
                                      "B: close(3)", "B: open(\"/proc/{A}/fd/3\", O_RDWR)",
                                      "B: exit()", "wait(B)", "fcntl(3, F_GETFD)"}))),
      "agrees on 10 of 10 calls");
}

TEST(LockstepTest, TasksMayShareDescriptorsAndMemory) {
  EXPECT_EQ(
      Agreement(Calls(After(kCreate, {"clone(CLONE_VM|CLONE_FILES)",
                                      "B: mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0)",
                                      R"(store(0, "x"))", "B: load(0)", "B: dup(3)", "close(4)",
                                      "B: fork()", "C: clone(CLONE_VM)", "D: load(0)", "C: exit()",
                                      "D: load(0)", "exit()", "B: load(0)"}))),
      "agrees on 15 of 15 calls");
}

TEST(LockstepTest, AParentWaitsInVforkUntilItsChildHasEndedOrExecuted) {
  EXPECT_EQ(Agreement(Calls(After(
                kCreate, {"clone(CLONE_VM|CLONE_VFORK)", "B: close(3)", "B: clone(CLONE_VFORK)",
                          "C: exec()", "B: fork()", "D: exit()", "B: exit()", "fcntl(3, F_GETFD)",
                          "wait(B)", "clone(CLONE_VFORK|CLONE_FILES)", "B: dup(3)"}))),
            "agrees on 13 of 13 calls");
}

TEST(LockstepTest, ExecKeepsTheTaskAndClosesWhatIsToBeClosed) {
  EXPECT_EQ(Agreement(Calls(After(
                kCreate, {"fcntl(3, F_DUPFD_CLOEXEC, 5)",
                          "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0)", "exec()", "load(0)",
                          "fcntl(5, F_GETFD)", "clone(CLONE_VM)", "B: dup(3)", "fork()"}))),
            "agrees on 10 of 10 calls");
}

TEST(LockstepTest, ExecWorksWithAFullTable) {
  EXPECT_EQ(Agreement(Calls(After(kCreate, {"dup(3)", "dup(3)", "dup(3)", "dup(3)", "dup(3)",
                                            "dup(3)", "dup(3)", "dup(3)", "exec()", "dup(3)"}))),
            "agrees on 12 of 12 calls");
}

TEST(LockstepTest, DescriptorsTravelOverBothKindsOfSockets) {
  EXPECT_EQ(Agreement(Calls(After(kCreate, {"send_fd(B, 3)", "B: recv_fd()",
                                            "B: socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv)",
                                            "B: sendmsg(4, 3)", "B: recvmsg(5)"}),
                            {0, 0})),
            "agrees on 7 of 7 calls");
}

TEST(LockstepTest, MessagesToATaskEndWithIt) {
  EXPECT_EQ(Agreement(Calls(After(kCreate, {"fork()", "send_fd(B, 3)", "B: exit()", "wait(B)",
                                            "fork()", "send_fd(B, 3)", "B: recv_fd()"}))),
            "agrees on 9 of 9 calls");
}

TEST(LockstepTest, UsersAreReal) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  EXPECT_EQ(
      Agreement(Calls({R"(memfd_create("x", MFD_ALLOW_SEALING))", "fchmod(3, 0600)",
                       "send_fd(B, 3)", "B: recv_fd()", "B: open(\"/proc/self/fd/3\", O_RDWR)",
                       "B: fchmod(3, 0777)", "B: open(\"/proc/{A}/fd/3\", O_RDWR)", "B: fork()",
                       "C: open(\"/proc/{B}/fd/3\", O_PATH)", "fchmod(3, 0777)",
                       "C: open(\"/proc/{B}/fd/3\", O_RDWR)", "C: exec()",
                       "B: open(\"/proc/{C}/fd/3\", O_RDWR)"},
                      {1000, 1001})),
      "agrees on 13 of 13 calls");
}

// The harness makes it before it lowers the limit of descriptors for the tasks.
TEST(LockstepTest, RootHasATmpfsOfItsOwn) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may mount one";
  const Sequence sequence = Calls({"open_tmpfile(O_RDWR, 0600)", "fcntl(3, F_GET_SEALS)"});
  EXPECT_EQ(InWorker([&](Lockstep& lockstep) { return lockstep.WhyNot(sequence); }), "");
  EXPECT_EQ(Agreement(sequence), "agrees on 2 of 2 calls");
}

// Runs the sequence after `spoil` has changed what the model said of it.
std::string AfterSpoiling(const Sequence& sequence, const std::function<void(Control&)>& spoil,
                          const RunOptions& options = {}) {
  const Semantics semantics = NativeSemantics();
  return InWorker([&](Lockstep& lockstep) {
    lockstep.Load(sequence, semantics);
    spoil(lockstep.control());
    const absl::Status status = lockstep.Run(options);
    if (!status.ok()) return std::string(status.message());
    const Control& c = lockstep.control();
    return fmt::format("{} {} {}", c.differs ? "differs" : "agrees", c.next,
                       ToString(c.difference));
  });
}

TEST(LockstepTest, AWrongResultIsADifferenceAtItsCall) {
  EXPECT_THAT(AfterSpoiling(Calls(kCreate), [](Control& c) { c.expected[1].value = 1; }),
              StartsWith("differs 2"));
}

struct Spoiled {
  const char* name;
  void (*spoil)(State&);
};

class HiddenStateTest : public testing::TestWithParam<Spoiled> {};

TEST_P(HiddenStateTest, ADifferenceIsSeenThoughAllResultsAgree) {
  const Sequence sequence =
      Calls(After(kCreate, {"mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0)", "dup(3)"}));
  EXPECT_THAT(AfterSpoiling(sequence, [](Control& c) { GetParam().spoil(c.states[4]); }),
              StartsWith("differs 4"))
      << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(
    All, HiddenStateTest,
    testing::Values(Spoiled{"seals", [](State& s) { s.inodes[0].seals = 2; }},
                    Spoiled{"size", [](State& s) { s.inodes[0].size = 4096; }},
                    Spoiled{"pages",
                            [](State& s) { s.inodes[0].present = s.inodes[0].touched = 8; }},
                    Spoiled{"mode", [](State& s) { s.inodes[0].mode = 0700; }},
                    Spoiled{"contents", [](State& s) { s.inodes[0].bytes[1][1] = 1; }},
                    Spoiled{"position", [](State& s) { s.files[0].pos = 1; }},
                    Spoiled{"flags", [](State& s) { s.files[0].flags |= kFlagAppend; }},
                    Spoiled{"cloexec", [](State& s) { s.fds[0][0].cloexec = 1; }},
                    Spoiled{"open", [](State& s) { s.fds[0][1] = Fd{}; }},
                    Spoiled{"mapped", [](State& s) { s.mms[0][0] = Mapping{}; }},
                    Spoiled{"may", [](State& s) { s.mms[0][0].may = kProtRead; }}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(LockstepTest, WhetherACallSetTheModificationTimeIsCompared) {
  const Sequence sequence =
      Calls(After(kCreate, {"fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)", R"(write(3, "x", 1))"}));
  for (const int call : {0, 1, 2, 3}) {
    const auto spoil = [call](Control& c) { c.expected[call].effect.modified ^= 1; };
    // A call on a file that was not open before has nothing to compare.
    EXPECT_THAT(AfterSpoiling(sequence, spoil, {.thorough = true}),
                StartsWith(call == 0 ? "agrees 4" : fmt::format("differs {}", call + 1)))
        << call;
  }
}

TEST(LockstepTest, WhatIsLockedIsCompared) {
  const Sequence sequence =
      Calls(After(kCreate, {"mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3, 0)", "mlock(0, 4096)"}));
  const RunOptions thorough{.thorough = true};
  EXPECT_THAT(AfterSpoiling(
                  sequence, [](Control&) {}, thorough),
              StartsWith("agrees"));
  const auto unlocked = [](Control& c) { c.states[4].mms[0][0].flags = 0; };
  EXPECT_THAT(AfterSpoiling(sequence, unlocked, thorough), HasSubstr("VmFlags lo lf"));
}

TEST(LockstepTest, FdinfoIsReadThoughTheTableIsFull) {
  EXPECT_EQ(InWorker([](Lockstep& lockstep) {
              const int fd = memfd_create("x", MFD_CLOEXEC);
              lseek(fd, 5, SEEK_SET);
              lockstep.control().nofile = fd + 1;
              SetNofile(fd + 1);
              RealFdinfo info;
              const bool read = ReadFdinfo(lockstep.control(), fd, &info);
              return fmt::format("{} {} {:o}", read, info.position, info.flags);
            }),
            "true 5 2100002");
}

TEST(LockstepTest, AHungTaskIsAnErrorAndNoAgreement) {
  Sequence sequence = Calls({"fork()", "wait(B)"});
  sequence.uids = {1000};  // a process of its own, which the harness can time
  const auto spoil = [](Control& c) { c.expected[1] = Result{}; };
  EXPECT_THAT(AfterSpoiling(sequence, spoil, {.hang_seconds = 1}),
              HasSubstr("no answer within 1 s from call 2 `A: wait(1)`"));
}

TEST(LockstepTest, ASequenceThatIsTooLongIsRefused) {
  EXPECT_EQ(InWorker([](Lockstep& lockstep) {
              Sequence sequence;
              sequence.calls.resize(kMaxCalls + 1);
              return lockstep.WhyNot(sequence);
            }),
            "it has 513 calls, and 512 is the most that run for real");
}

TEST(LockstepWorkerTest, ACrashIsAnError) {
  EXPECT_THAT(InWorker([](Lockstep&) -> std::string {
                signal(SIGILL, SIG_DFL);
                __builtin_trap();  // a signal of one's own would not reach process 1
                return "never";
              }),
              HasSubstr("died of SIGILL"));
}

TEST(LockstepWorkerTest, AFaultOfTheHarnessItselfIsAnError) {
  EXPECT_THAT(InWorker([](Lockstep&) -> std::string {
                kill(getpid(), SIGSEGV);
                return "never";
              }),
              HasSubstr("ended with exit code 139"));
}

TEST(LockstepWorkerTest, AWorkerThatIsStuckIsAnError) {
  EXPECT_THAT(InWorker(
                  [](Lockstep&) -> std::string {
                    sleep(60);
                    return "never";
                  },
                  1),
              HasSubstr("was stuck for 1 s"));
}

TEST(LockstepWorkerTest, AWorkerThatIsStuckInTheHarnessIsNoHang) {
  WorkerPlan plan;
  plan.silence_seconds = 1;
  plan.body = [](Lockstep&, WorkerLink& link) {
    link.Beat(7, 2);
    sleep(60);
    return absl::OkStatus();
  };
  plan.describe = [](int stage, int64_t about) { return fmt::format("stage {} {}", stage, about); };
  plan.on_hang = [](const WorkerHang&) {
    ADD_FAILURE() << "no call was made";
    return AfterHang::kStop;
  };
  EXPECT_THAT(std::string(RunWorkers(plan).message()), HasSubstr("was stuck for 1 s at stage 2 7"));
}

}  // namespace
}  // namespace selkie
