// What `selkie run` prints and returns.
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;

class RunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "selkie-run-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, std::string_view text) {
    const std::string path = folder_ + "/" + name;
    EXPECT_TRUE(WriteTextFile(path, text).ok());
    return path;
  }

  Outcome Run(std::vector<std::string> args) {
    args.insert(args.begin(), "run");
    return RunSelkie(args);
  }

  std::string folder_;
};

constexpr std::string_view kGood =
    "scenario good\n"
    "A: fd = memfd_create(\"r\", 0) = 3\n"
    "A: fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) = -1 EPERM\n";
constexpr std::string_view kWrong =
    "scenario wrong\n"
    "A: fd = memfd_create(\"r\", 0) = 3\n"
    "A: fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) = 0\n";

TEST_F(RunTest, AllExpectationsMetIsZero) {
  const Outcome run = Run({Write("a.scn", kGood), "--semantics", "linux-5.1"});
  EXPECT_EQ(run.code, kHolds);
  EXPECT_THAT(run.out, HasSubstr("1 scenarios on 1 semantics: 1 passed, 0 failed"));
}

TEST_F(RunTest, ADifferenceNamesExpectationResultAndRule) {
  const Outcome run = Run({Write("a.scn", kWrong), "--semantics", "linux-5.1"});
  EXPECT_EQ(run.code, kBroken);
  EXPECT_THAT(run.out, HasSubstr("a.scn:3: wrong on linux-5.1: differs\n"
                                 "  A: fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)\n"
                                 "    expected  0\n"
                                 "    got       -1 EPERM\n"
                                 "    decided by rule add-sealed (model/semantics/"));
}

TEST_F(RunTest, AResultThatIsAskedForIsPrintedOnceForAllThatGiveIt) {
  const std::string file =
      Write("a.scn",
            "scenario asks\n"
            "A: fd = memfd_create(\"r\", MFD_ALLOW_SEALING) = ?\n"
            "A: fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) = ? | fw-v3: -1 EINVAL\n");
  const Outcome run = Run({file, "--semantics", "linux-4.20", "--semantics", "fw-v3", "--semantics",
                           "linux-5.1", "--semantics", "linux-6.1"});
  EXPECT_EQ(run.code, kHolds);
  EXPECT_THAT(run.out, HasSubstr("a.scn:2: asks on linux-4.20, fw-v3, linux-5.1, linux-6.1\n"
                                 "  A: fd = memfd_create(\"r\", MFD_ALLOW_SEALING) = 3\n"));
  EXPECT_THAT(run.out, HasSubstr("a.scn:3: asks on linux-4.20\n"
                                 "  A: fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) = -1 EINVAL   "
                                 "# rule add-unknown (model/semantics/"));
  EXPECT_THAT(run.out, HasSubstr("a.scn:3: asks on linux-5.1, linux-6.1\n"
                                 "  A: fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) = 0\n"));
  EXPECT_THAT(run.out, HasSubstr("4 passed, 0 failed"));
  const Outcome json = Run({file, "--semantics", "linux-5.1", "--json"});
  EXPECT_THAT(json.out, HasSubstr("\"outcome\": \"answered\""));
}

TEST_F(RunTest, AFileThatCannotBeReadDoesNotHideTheOthers) {
  Write("a.scn", "scenario broken\nA: fork( = 1\n");
  Write("b.scn", kGood);
  Write("c.scn", kWrong);
  const Outcome run = Run({folder_, "--semantics", "linux-5.1"});
  EXPECT_EQ(run.code, kBadInput);
  EXPECT_THAT(run.err, HasSubstr("a.scn:2:4: 'fork' is unexpected"));
  EXPECT_THAT(run.out, HasSubstr("wrong on linux-5.1: differs"));
  EXPECT_THAT(run.out, HasSubstr("1 passed, 1 failed"));
}

TEST_F(RunTest, ExplainNamesWhatDecidedEachLine) {
  const Outcome run = Run({Write("a.scn", kGood), "--semantics", "linux-5.1", "--explain"});
  EXPECT_THAT(run.out, HasSubstr("A: fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)"));
  EXPECT_THAT(run.out,
              HasSubstr("= -1 EPERM   # rule add-sealed (model/semantics/linux-4.20.sem:"));
}

TEST_F(RunTest, JsonHoldsEveryLine) {
  const Outcome run =
      Run({Write("a.scn", kWrong), "--semantics", "linux-5.1", "--semantics", "fw-v3", "--json"});
  const nlohmann::json json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["failed"], 2);
  EXPECT_EQ(json["runs"][1]["semantics"], "fw-v3");
  EXPECT_EQ(json["runs"][0]["lines"][1]["outcome"], "failed");
  EXPECT_EQ(json["runs"][0]["lines"][1]["got"], "-1 EPERM");
  EXPECT_EQ(json["runs"][0]["lines"][1]["rule"]["name"], "add-sealed");
}

TEST_F(RunTest, BadInputIsTwo) {
  EXPECT_EQ(Run({folder_ + "/none.scn"}).code, kBadInput);
  EXPECT_EQ(Run({folder_}).code, kBadInput) << "a folder without scenarios";
  const std::string good = Write("a.scn", kGood);
  EXPECT_EQ(Run({good, "--semantics", "no-such"}).code, kBadInput);
  EXPECT_EQ(Run({good, "--scenario", "no-such"}).code, kBadInput);
  const std::string slip = Write("b.scn", "scenario s\nA: fork() = 1 | fw-v33: 2\n");
  const Outcome run = Run({slip, "--semantics", "linux-5.1"});
  EXPECT_EQ(run.code, kBadInput);
  EXPECT_THAT(run.err, HasSubstr("b.scn:2:17: 'fw-v33' is no semantics that is known here"));
}

TEST_F(RunTest, WhatIsWrongUnderSeveralSemanticsIsToldOnce) {
  const std::string file = Write("a.scn", "scenario s\nonly linux-6.12..\nA: openat2(9) = 1\n");
  const Outcome run = Run({file});
  EXPECT_EQ(run.code, kBadInput);
  EXPECT_THAT(run.err, HasSubstr("a.scn:3:4: under linux-6.12.90: 'openat2' is not followed by"));
  EXPECT_THAT(run.err, HasSubstr("(and under "));
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
}

TEST_F(RunTest, ADeviceIsThereButNoFile) {
  const Outcome run = Run({"/dev/null"});
  EXPECT_EQ(run.code, kBadInput);
  EXPECT_THAT(run.err, HasSubstr("/dev/null: is neither a regular file nor a folder"));
}

}  // namespace
}  // namespace selkie
