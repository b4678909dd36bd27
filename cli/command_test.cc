#include "cli/command.h"

#include <csignal>
#include <stdexcept>

#include "cli/command_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CommandLine, HelpEndsWithTheExitCodes) {
  Outcome outcome = RunSelkie({"--help"});
  EXPECT_EQ(outcome.code, kHolds);
  EXPECT_THAT(outcome.out, HasSubstr(std::string(ExitCodesHelp())));
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST(CommandLine, EverySubcommandHasAnExampleAndTheExitCodes) {
  Context context;
  CLI::App app;
  BuildCommandLine(app, context);
  std::vector<CLI::App*> todo = {&app};
  while (!todo.empty()) {
    CLI::App* command = todo.back();
    todo.pop_back();
    EXPECT_THAT(command->get_footer(), HasSubstr("Example")) << command->get_name();
    EXPECT_THAT(command->get_footer(), EndsWith(std::string(ExitCodesHelp())))
        << command->get_name();
    for (CLI::App* sub : command->get_subcommands([](CLI::App*) { return true; }))
      if (!sub->get_group().empty()) todo.push_back(sub);  // hidden ones are for guests
  }
}

TEST(CommandLine, VersionIsOnStdout) {
  Outcome outcome = RunSelkie({"--version"});
  EXPECT_EQ(outcome.code, kHolds);
  EXPECT_THAT(outcome.out, ::testing::MatchesRegex("selkie [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(CommandLine, NoSubcommandIsBadUsage) {
  Outcome outcome = RunSelkie({});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_THAT(outcome.err, EndsWith("Try 'selkie --help'.\n"));
}

TEST(CommandLine, UnknownSubcommandIsNamed) {
  Outcome outcome = RunSelkie({"swim"});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("'swim' is no subcommand of selkie; there are: run, check,"));
}

TEST(CommandLine, AnUnknownOptionIsNamedAsOne) {
  const Outcome outcome = RunSelkie({"check", "--sematics", "fw-v3"});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("selkie check has no option '--sematics'"));
}

TEST(CommandLine, WhatWouldBeIgnoredIsRefused) {
  const Outcome diff = RunSelkie({"diff", "--kernels", "linux-6.1"});
  EXPECT_EQ(diff.code, kBadInput);
  EXPECT_THAT(diff.err, HasSubstr("'linux-6.1' and --kernels cannot be given together"));
  const Outcome replay = RunSelkie(
      {"replay", "--release", "x", Library::Default().root() + "/scenarios/recorded/perl.strace"});
  EXPECT_EQ(replay.code, kBadInput);
  EXPECT_THAT(replay.err, HasSubstr("'x' is no release of a kernel"));
  const Outcome conform =
      RunSelkie({"conform", "--random", "1", Library::Default().root() + "/model"});
  EXPECT_EQ(conform.code, kBadInput);
  EXPECT_THAT(conform.err, HasSubstr("/model: no .scn file is in this folder"));
}

// An app with one subcommand "work", which does what the test says.
class WorkTest : public ::testing::Test {
 protected:
  WorkTest() : work_(app_.add_subcommand("work")) {
    app_.name("selkie");
    app_.require_subcommand(1);
  }

  Outcome Work(std::vector<std::string> options, std::function<void()> body) {
    work_->callback(std::move(body));
    options.insert(options.begin(), "work");
    return RunApp(app_, context_, std::move(options));
  }

  Context context_;
  CLI::App app_;
  CLI::App* work_;
};

TEST_F(WorkTest, TheCallbackDecidesTheExitCode) {
  EXPECT_EQ(Work({}, [] {}).code, kHolds);
  EXPECT_EQ(Work({}, [this] { context_.exit_code = kBroken; }).code, kBroken);
}

TEST_F(WorkTest, BadOptionNamesTheSubcommandsOwnHelp) {
  Outcome outcome = Work({"--fast"}, [] { FAIL() << "must not run"; });
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("--fast"));
  EXPECT_THAT(outcome.err, EndsWith("Try 'selkie work --help'.\n"));
}

TEST_F(WorkTest, AnExceptionIsNoCrash) {
  Outcome outcome = Work({}, [] { throw std::runtime_error("out of fish"); });
  EXPECT_EQ(outcome.code, kCouldNotRun);
  EXPECT_THAT(outcome.err, HasSubstr("out of fish"));
}

TEST(Report, TheStatusCodeDecidesTheExitCode) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(Report(absl::OkStatus()), kHolds);
  EXPECT_EQ(Report(absl::InvalidArgumentError("a.sem:1:2: bad")), kBadInput);
  EXPECT_EQ(Report(absl::NotFoundError("no b.sem")), kBadInput);
  EXPECT_EQ(Report(absl::UnavailableError("no kernel")), kCouldNotRun);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "selkie: a.sem:1:2: bad\nselkie: no b.sem\nselkie: no kernel\n");
}

TEST(Report, AMessageThatQuotesAFileOfJunkStaysShortAndPlain) {
  ::testing::internal::CaptureStderr();
  Report(absl::InvalidArgumentError("a.sem:1:1: '\033[2J" + std::string(1 << 20, 'x') +
                                    "': expected a rule"));
  std::string printed = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(printed, ::testing::StartsWith("selkie: a.sem:1:1: '\\x1b[2Jxxx"));
  EXPECT_THAT(printed, EndsWith("xxx': expected a rule\n"));
  EXPECT_LT(printed.size(), 1500u);
}

TEST(Interrupts, SigintSetsTheFlagOnceAndTheNextOneIsFatal) {
  CatchInterrupts();
  EXPECT_FALSE(Interrupted());
  std::raise(SIGINT);
  EXPECT_TRUE(Interrupted());
  EXPECT_EXIT(std::raise(SIGINT), ::testing::KilledBySignal(SIGINT), "");
  CatchInterrupts();
  EXPECT_FALSE(Interrupted());
}

}  // namespace
}  // namespace selkie
