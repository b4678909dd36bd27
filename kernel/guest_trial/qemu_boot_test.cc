// Guests that end in every way: some on kernels of a few bytes that fail on
// purpose, some on the real kernels that are in the cache.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/guest_frame.h"
#include "kernel/guest_trial/fake_kernel.h"
#include "kernel/image.h"
#include "kernel/image_testing.h"
#include "kernel/qemu.h"
#include "kernel/qemu_process.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Outcome = absl::StatusOr<GuestOutcome>;

std::string Message(const Outcome& outcome) { return std::string(outcome.status().message()); }

GuestRequest Request(const std::string& kernel, std::vector<std::string> argv) {
  GuestRequest request;
  request.kernel = kernel;
  request.argv = std::move(argv);
  request.binary = SELKIE_GUEST_TRIAL;
  return request;
}

const std::string kBegin = EncodeFrame(FrameType::kBegin, "0.0.0-fake");
const std::string kHello = EncodeFrame(FrameType::kStdout, "hello\nwor");
const std::string kExit = EncodeFrame(FrameType::kExit, "0");

// A guest on a fake kernel, with a temporary folder of its own to be seen empty
// afterwards.
class FakeGuest : public ::testing::Test {
 protected:
  Outcome Run(std::string_view console, std::string_view report, FakeEnd end) {
    request_.kernel = folder_->File("kernel");
    EXPECT_TRUE(WriteTextFile(request_.kernel, FakeKernel(console, report, end)).ok());
    return RunInGuest(request_);
  }

  absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Make();
  GuestRequest request_ = Request("", {"look"});
};

TEST_F(FakeGuest, ThatReportsItsEndIsAGoodOne) {
  std::vector<std::string> lines;
  request_.on_line = [&](GuestStream, std::string_view line) { lines.emplace_back(line); };
  Outcome outcome = Run("hello console\n", kBegin + kHello + kExit, FakeEnd::kReset);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->exit_code, 0);
  EXPECT_EQ(outcome->kernel_release, "0.0.0-fake");
  EXPECT_EQ(outcome->stdout_text, "hello\nwor");
  EXPECT_EQ(outcome->boots, 1);
  EXPECT_THAT(lines, ElementsAre("hello", "wor"));
}

TEST_F(FakeGuest, ThatNeverBeginsIsBootedAgainAndThenUnavailable) {
  request_.boot_seconds = 1;
  request_.tries = 2;
  Outcome outcome = Run("Decompressing Linux...\n", "", FakeEnd::kHang);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(outcome),
              AllOf(HasSubstr("no sign of life"), HasSubstr("boot 2 of at most 2"),
                    HasSubstr("\n  Decompressing Linux...")));
}

TEST_F(FakeGuest, ThatFallsSilentAfterBeginningIsNotRunTwice) {
  request_.silence_seconds = 1;
  Outcome outcome = Run("", kBegin + kHello, FakeEnd::kHang);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(outcome),
              AllOf(HasSubstr("while the command ran"), HasSubstr("boot 1 of at most 3")));
}

TEST_F(FakeGuest, ThatEndsWithoutAReportIsAnError) {
  Outcome outcome = Run("", kBegin + kHello, FakeEnd::kReset);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(outcome), HasSubstr("without a report of its end (QEMU: exit status 0)"));
}

TEST_F(FakeGuest, ThatPanicsInBootIsAnErrorAtOnce) {
  Outcome outcome = Run("Kernel panic - not syncing: no memory\r\n", "", FakeEnd::kReset);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(outcome), AllOf(HasSubstr("Kernel panic - not syncing: no memory"),
                                      HasSubstr("boot 1 of at most 3")));
}

TEST_F(FakeGuest, ThatPanicsAfterAGoodReportIsStillAnError) {
  Outcome outcome = Run("BUG: unable to handle page fault\n", kBegin + kExit, FakeEnd::kReset);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(outcome), HasSubstr("BUG: unable to handle page fault"));
}

TEST_F(FakeGuest, WhoseReportLostAByteIsAnError) {
  std::string report = kBegin + kHello + kExit;
  report.erase(kBegin.size() + kFrameHeaderSize + 1, 1);
  Outcome outcome = Run("", report, FakeEnd::kHang);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(outcome), HasSubstr("damaged at byte"));
}

TEST_F(FakeGuest, WhoseExitCodeIsNoNumberIsAnError) {
  Outcome outcome = Run("", kBegin + EncodeFrame(FrameType::kExit, "0x"), FakeEnd::kReset);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(FakeGuest, WhoseInitFailedSaysWhy) {
  Outcome outcome = Run("", kBegin + EncodeFrame(FrameType::kFailure, "fork: no"), FakeEnd::kHang);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(outcome), HasSubstr("init failed: fork: no"));
}

TEST_F(FakeGuest, WhoseCommandTakesTooLongIsStopped) {
  request_.timeout_seconds = 1;
  Outcome outcome = Run("", kBegin, FakeEnd::kHang);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(FakeGuest, ThatIsInterruptedGivesWhatCame) {
  std::atomic<bool> interrupted = false;
  request_.interrupted = &interrupted;
  request_.on_line = [&](GuestStream, std::string_view) { interrupted = true; };
  Outcome outcome = Run("", kBegin + kHello, FakeEnd::kHang);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->interrupted);
  EXPECT_EQ(outcome->stdout_text, "hello\nwor");
}

TEST_F(FakeGuest, LeavesNoTemporaryFiles) {
  absl::StatusOr<TemporaryFolder> temporary = TemporaryFolder::Make();
  ScopedVariable place("TMPDIR", temporary->path());
  request_.boot_seconds = 1;
  request_.tries = 1;
  EXPECT_FALSE(Run("", "", FakeEnd::kHang).ok());
  EXPECT_TRUE(std::filesystem::is_empty(temporary->path()));
}

TEST(GuestRequest, ThatMakesNoSenseIsRefused) {
  using Change = void (*)(GuestRequest&);
  for (Change change : std::vector<Change>{
           [](GuestRequest& r) { r.argv.clear(); }, [](GuestRequest& r) { r.files["here"] = ""; },
           [](GuestRequest& r) { r.cpus = 0; }, [](GuestRequest& r) { r.memory_mib = -1; },
           [](GuestRequest& r) { r.tries = 0; }}) {
    GuestRequest request = Request(SELKIE_GUEST_TRIAL, {"look"});
    change(request);
    EXPECT_EQ(RunInGuest(request).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(RunInGuest(Request("/nowhere/bzImage", {"look"})).status().code(),
            absl::StatusCode::kNotFound);
}

// With a real kernel from the cache; `selkie kernels fetch` puts it there.
class RealGuest : public ::testing::TestWithParam<KernelImage> {
 protected:
  Outcome Run(std::vector<std::string> argv) {
    request_.argv = std::move(argv);
    return RunInGuest(request_);
  }
  GuestRequest request_ = Request(GetParam().path, {});
};

TEST_P(RealGuest, GivesTheCommandItsArgumentsFilesAndPlaces) {
  request_.files["/data/deep/file.txt"] = "contents\n";
  request_.environment["SELKIE_ROOT"] = "/data";
  std::vector<std::string> errors;
  request_.on_line = [&](GuestStream stream, std::string_view line) {
    if (stream == GuestStream::kStderr) errors.emplace_back(line);
  };
  Outcome outcome = Run({"look", "/data/deep/file.txt", "a b", "", "c\nd"});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->exit_code, 0);
  EXPECT_EQ(outcome->stdout_text,
            "/proc/self/fd/1 there\n/sys/kernel there\n/dev/null there\n/tmp there\n"
            "/dev/shm there\npid 1: no\nroot /data\n"
            "contents\n[a b]\n[]\n[c\nd]\n");
  EXPECT_EQ(outcome->stderr_text, "an error line\n");
  EXPECT_THAT(errors, ElementsAre("an error line"));
  EXPECT_THAT(outcome->kernel_release, ::testing::StartsWith(GetParam().name + "."));
  RecordProperty("boot_ms", static_cast<int>(outcome->boot_seconds * 1000));
}

TEST_P(RealGuest, ThatPanicsIsAnErrorWithTheConsole) {
  Outcome outcome = Run({"panic"});
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(outcome), AllOf(HasSubstr("the guest's kernel failed while the command ran"),
                                      HasSubstr("sysrq")));
}

std::vector<KernelImage> EachCachedKernel() { return CachedKernels(); }

std::string NameOf(const ::testing::TestParamInfo<KernelImage>& info) {
  std::string name = "linux_" + info.param.name;
  for (char& c : name)
    if (c == '.') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cached, RealGuest, ::testing::ValuesIn(EachCachedKernel()), NameOf);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RealGuest);

// One kernel is enough for what is about the guest's init.
class OneRealGuest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<KernelImage> kernels = CachedKernels();
    if (kernels.empty()) GTEST_SKIP() << "no kernel in the cache: selkie kernels fetch 6.1";
    kernel_ = kernels.back().path;
  }
  Outcome Run(std::vector<std::string> argv) {
    return RunInGuest(Request(kernel_, std::move(argv)));
  }
  std::string kernel_;
};

TEST_F(OneRealGuest, ReportsExitCodesAndSignalsOfSeveralGuestsAtOnce) {
  auto start = [&](std::vector<std::string> argv) {
    return std::async(std::launch::async, [this, argv] { return Run(argv); });
  };
  std::future<Outcome> failing = start({"exit", "1"});
  std::future<Outcome> aborting = start({"abort"});
  std::future<Outcome> leaving = start({"orphan"});
  Outcome failed = failing.get(), aborted = aborting.get(), left = leaving.get();
  ASSERT_TRUE(failed.ok()) << failed.status();
  EXPECT_EQ(failed->exit_code, 1);
  ASSERT_TRUE(aborted.ok()) << aborted.status();
  EXPECT_EQ(aborted->exit_code, 128 + SIGABRT);
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_EQ(left->exit_code, 5);
  EXPECT_EQ(left->stdout_text, "parent ends\n");
}

// Loading fails before the command starts: nothing is run without what was asked for.
TEST_F(OneRealGuest, ThatGetsAModuleOfAnotherKernelSaysSo) {
  GuestRequest request = Request(kernel_, {"exit", "0"});
  request.modules = {{"wrong", "no module"}};
  Outcome outcome = RunInGuest(request);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(outcome), HasSubstr("does not take the module /guest-modules/000-wrong.ko"));
}

TEST_F(OneRealGuest, BringsOutManyLinesWhole) {
  Outcome outcome = Run({"flood", "200000"});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->stdout_text.size(), 200000u);
  EXPECT_EQ(outcome->stdout_text.find_first_not_of("x\n"), std::string::npos);
}

TEST_F(OneRealGuest, ThatHangsIsSeenAndOneThatOnlyWaitsIsNot) {
  GuestRequest request = Request(kernel_, {"sleep", "7"});
  request.silence_seconds = 5;
  Outcome waiting = RunInGuest(request);
  ASSERT_TRUE(waiting.ok()) << waiting.status();
  request.argv = {"hang"};
  Outcome hung = RunInGuest(request);
  EXPECT_EQ(hung.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(hung), HasSubstr("no sign of life from the guest for 5 s"));
}

}  // namespace
}  // namespace selkie
