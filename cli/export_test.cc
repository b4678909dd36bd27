// selkie export as it is typed, with files in and out.
#include <stdlib.h>

#include <filesystem>

#include "cli/command.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kScenario = R"(scenario reopen
  "v3 clears the mode of one struct file; /proc/self/fd opens another."
A: fd = memfd_create("region", MFD_ALLOW_SEALING)
A: ftruncate(fd, 4096) = 0
A: fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_FUTURE_WRITE) = 0
A: fd2 = open("/proc/self/fd/{fd}", O_RDWR) = fd2
A: write(fd2, "x", 1) = -1 EPERM | fw-v3: 1
)";

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() {
    char name[] = "/tmp/selkie-export-XXXXXX";
    folder_ = mkdtemp(name);
    EXPECT_TRUE(WriteTextFile(Path("one.scn"), kScenario).ok());
  }
  ~ExportTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // The exit code; `out_` is what was written to -o.
  int Export(std::vector<std::string> args) {
    CLI::App app;
    Context context;
    AddExportCommand(app, context);
    args.insert(args.begin(), {"selkie", "export"});
    args.insert(args.end(), {"-o", Path("out")});
    std::vector<const char*> argv;
    for (const std::string& arg : args) argv.push_back(arg.c_str());
    std::filesystem::remove(Path("out"));
    ::testing::internal::CaptureStderr();
    try {
      app.parse(static_cast<int>(argv.size()), argv.data());
    } catch (const CLI::ParseError&) {
      context.exit_code = kBadInput;
    }
    err_ = ::testing::internal::GetCapturedStderr();
    const absl::StatusOr<std::string> out = ReadTextFile(Path("out"));
    out_ = out.ok() ? *out : "";
    return context.exit_code;
  }

  std::string folder_, out_, err_;
};

TEST_F(ExportTest, AScenarioComesInEveryForm) {
  const std::pair<const char*, const char*> forms[] = {{"c", "int main(void)"},
                                                       {"strace", "A: write(4, \"x\", 1)"},
                                                       {"json", "\"format\": \"selkie-trace\""},
                                                       {"dot", "digraph state {"},
                                                       {"svg", "<svg"}};
  for (const auto& [form, text] : forms) {
    EXPECT_EQ(Export({Path("one.scn"), "--semantics", "fw-v3", "--as", form}), kHolds) << err_;
    EXPECT_THAT(out_, HasSubstr(text));
  }
}

TEST_F(ExportTest, ItsJsonIsExportedUnderItsOwnSemanticsOrAnother) {
  ASSERT_EQ(Export({Path("one.scn"), "--semantics", "fw-v3", "--as", "json"}), kHolds) << err_;
  ASSERT_TRUE(WriteTextFile(Path("one.json"), out_).ok());
  EXPECT_EQ(Export({Path("one.json"), "--as", "strace"}), kHolds) << err_;
  EXPECT_THAT(out_, HasSubstr("= 1\n"));
  EXPECT_EQ(Export({Path("one.json"), "--as", "strace", "--semantics", "linux-5.1"}), kHolds);
  EXPECT_THAT(out_, HasSubstr("= -1 EPERM"));
}

TEST_F(ExportTest, AFileThatTheModelNoLongerGivesIsRefused) {
  ASSERT_EQ(Export({Path("one.scn"), "--semantics", "fw-v3", "--as", "json"}), kHolds) << err_;
  const std::string from = "\"kind\":\"value\",\"value\":1,";
  const size_t at = out_.find(from);
  ASSERT_NE(at, out_.npos) << out_;
  out_.replace(at, from.size(), "\"kind\":\"errno\",\"errno\":\"EBADF\",");
  ASSERT_TRUE(WriteTextFile(Path("old.json"), out_).ok());
  EXPECT_EQ(Export({Path("old.json"), "--as", "c"}), kBadInput);
  EXPECT_THAT(err_,
              HasSubstr("/calls/4: write(4, \"x\", 1) gave -1 EBADF in the file but gives 1"));
}

TEST_F(ExportTest, OneStepIsOnePicture) {
  EXPECT_EQ(Export({Path("one.scn"), "--semantics", "fw-v3", "--as", "svg", "--step", "5"}),
            kHolds);
  EXPECT_THAT(out_, StartsWith("<svg"));
  EXPECT_EQ(Export({Path("one.scn"), "--semantics", "fw-v3", "--as", "svg", "--step", "6"}),
            kBadInput);
  EXPECT_THAT(err_, HasSubstr("--step 6: expected 1 .. 5"));
}

TEST_F(ExportTest, WhatIsMissingIsNamed) {
  EXPECT_EQ(Export({Path("one.scn"), "--as", "c"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("give --semantics"));
  EXPECT_EQ(Export({Path("none.scn"), "--as", "c", "--semantics", "fw-v3"}), kBadInput);
  EXPECT_EQ(Export({Path("one.scn"), "--as", "gif", "--semantics", "fw-v3"}), kBadInput);
  ASSERT_TRUE(WriteTextFile(Path("two.scn"), std::string(kScenario) + "scenario again\n" +
                                                 "A: fd = memfd_create(\"r\", 0)\n")
                  .ok());
  EXPECT_EQ(Export({Path("two.scn"), "--as", "c", "--semantics", "fw-v3"}), kBadInput);
  EXPECT_THAT(err_,
              HasSubstr("holds several scenarios: give --scenario with one of reopen, again"));
  EXPECT_EQ(Export({Path("two.scn"), "--as", "c", "--semantics", "fw-v3", "--scenario", "again"}),
            kHolds);
}

}  // namespace
}  // namespace selkie
