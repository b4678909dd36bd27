// What `selkie merge` makes of the slices of `selkie conform`.
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command_testing.h"
#include "cli/conform_report.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

class MergeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "selkie-merge-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    EXPECT_TRUE(WriteTextFile(path, text).ok());
    return path;
  }

  // What conform on this kernel reports as JSON.  A slice may have nothing to run.
  std::string Conform(std::vector<std::string> asked) {
    asked.insert(asked.begin(), {"conform", "--kernel", "native", "--json", "--save", folder_});
    const Outcome answer = RunSelkie(std::move(asked));
    EXPECT_NE(answer.code, kBadInput) << answer.err;
    EXPECT_EQ(Json::parse(answer.out)["complete"], true) << answer.err;
    return answer.out;
  }

  // Files of the four slices of one run.
  std::vector<std::string> Slices(const std::vector<std::string>& asked) {
    std::vector<std::string> files;
    for (int i = 0; i < 4; ++i) {
      std::vector<std::string> slice = asked;
      slice.insert(slice.end(), {"--slice", std::to_string(i) + "/4"});
      files.push_back(Write("part-" + std::to_string(i) + ".json", Conform(slice)));
    }
    return files;
  }

  Outcome Merge(std::vector<std::string> files, bool json = true) {
    files.insert(files.begin(), {"merge", "--save", folder_});
    if (json) files.push_back("--json");
    return RunSelkie(std::move(files));
  }

  // All that does not depend on how quick the machine is.
  static Json WithoutTimes(const std::string& text) {
    Json json = Json::parse(text);
    json.erase("seconds");
    json.erase("calls_per_second");
    return json;
  }

  void ExpectMergedIsWhole(const std::vector<std::string>& asked) {
    const std::string whole = Conform(asked);
    std::vector<std::string> files = Slices(asked);
    std::swap(files[0], files[2]);  // their order does not count
    const Outcome merged = Merge(files);
    EXPECT_EQ(merged.code, kHolds) << merged.err;
    const Json json = WithoutTimes(whole);
    EXPECT_EQ(WithoutTimes(merged.out), json);
    EXPECT_GT(json["calls"], 500);
    for (const std::string& file : files) {
      const int64_t calls = Json::parse(*ReadTextFile(file))["calls"];
      EXPECT_LT(calls, json["calls"].get<int64_t>() / 2) << file << " is no quarter";
      EXPECT_GT(calls, 0) << file;
    }
  }

  // The slices of a small run, of which one is changed.
  std::vector<std::string> WithChange(const std::function<void(Json*)>& change) {
    std::vector<std::string> files = Slices({"--random", "40", "--length", "10"});
    Json json = Json::parse(*ReadTextFile(files[2]));
    change(&json);
    Write("part-2.json", json.dump());
    return files;
  }

  std::string folder_;
};

TEST_F(MergeTest, SlicesOfRandomSequencesAreTheWholeRun) {
  ExpectMergedIsWhole({"--random", "203", "--first", "7", "--length", "20", "--seed", "5"});
}

TEST_F(MergeTest, SlicesOfScenariosAreTheWholeRun) {
  ExpectMergedIsWhole({Library::Default().root() + "/scenarios/seal",
                       Library::Default().root() + "/scenarios/size"});
}

TEST_F(MergeTest, SlicesOfTransitionsAreTheWholeRun) {
  ExpectMergedIsWhole(
      {"--transitions", "--graph", "sealing", "--bounds", "processes=1,fds=2,files=2,maps=1"});
}

TEST_F(MergeTest, SlicesOfErrnosAreTheWholeRun) { ExpectMergedIsWhole({"--errno", "1"}); }

TEST_F(MergeTest, IsReadAsConformIs) {
  const Outcome merged = Merge(Slices({"--random", "40", "--length", "10"}), false);
  EXPECT_EQ(merged.code, kHolds) << merged.err;
  EXPECT_THAT(merged.out, HasSubstr("40 random sequences of up to 10 calls (seed 1)"));
  EXPECT_THAT(merged.out, ::testing::EndsWith("0 divergences\n"));
}

// Two slices of the four have nothing to run.
TEST_F(MergeTest, ATextThatIsWrongInOneSliceIsKept) {
  const std::string wrong = Write("wrong.scn",
                                  "scenario a\nA: fd = memfd_create(\"x\", 0)\n"
                                  "A: fcntl(fd, F_GET_SEALS) = F_SEAL_GROW\n"
                                  "scenario b\nA: fd = memfd_create(\"x\", 0)\n");
  const Outcome merged = Merge(Slices({wrong}));
  EXPECT_EQ(merged.code, kBroken) << merged.err;
  const Json whole = Json::parse(merged.out);
  EXPECT_EQ(whole["wrong_texts"].size(), 1u);
  EXPECT_EQ(whole["differing"], 0);
}

TEST_F(MergeTest, ADivergenceInTwoSlicesIsToldOnce) {
  std::vector<std::string> files = Slices({"--random", "40", "--length", "10"});
  const Json found = {{{"origin", "o"},
                       {"summary", "s"},
                       {"scenario", ""},
                       {"kind", "k"},
                       {"calls", 1},
                       {"calls_before", 2}}};
  for (int part : {0, 1}) {
    Json json = Json::parse(*ReadTextFile(files[part]));
    json["divergences"] = found;
    json["differing"] = 1;
    Write(fmt::format("part-{}.json", part), json.dump());
  }
  const Outcome merged = Merge(files);
  EXPECT_EQ(merged.code, kBroken) << merged.err;
  const Json whole = Json::parse(merged.out);
  EXPECT_EQ(whole["divergences"], found);
  EXPECT_EQ(whole["differing"], 2);
}

TEST_F(MergeTest, AMissingSliceIsNamed) {
  std::vector<std::string> files = Slices({"--random", "40", "--length", "10"});
  files.erase(files.begin() + 1);
  files.pop_back();
  const Outcome merged = Merge(files);
  EXPECT_EQ(merged.code, kBadInput);
  EXPECT_THAT(merged.err, HasSubstr("missing: slice 1/4, 3/4;"));
  EXPECT_EQ(merged.out, "");
}

TEST_F(MergeTest, ASliceThatIsThereTwiceIsRefused) {
  std::vector<std::string> files = Slices({"--random", "40", "--length", "10"});
  files.push_back(Write("again.json", *ReadTextFile(files[3])));
  const Outcome merged = Merge(files);
  EXPECT_EQ(merged.code, kBadInput);
  EXPECT_THAT(merged.err, HasSubstr("again.json: slice: 3/4 is in " + files[3] + " already"));
}

TEST_F(MergeTest, WhatDiffersIsNamedWithItsFile) {
  const std::pair<const char*, Json> kChanges[] = {{"/version", "0.0.1"},
                                                   {"/semantics_digest", "0123"},
                                                   {"/semantics", "linux-9.9"},
                                                   {"/release", "9.9"},
                                                   {"/slices", 5},
                                                   {"/asked/kernel", "6.1"},
                                                   {"/asked/seed", 2},
                                                   {"/asked/first", 1},
                                                   {"/asked/random", 41},
                                                   {"/asked/length", 11},
                                                   {"/asked/minutes", 1.5},
                                                   {"/asked/graph", "size"},
                                                   {"/asked/bounds", "maps=2"},
                                                   {"/asked/errors", 2},
                                                   {"/asked/paths", Json{"a.scn"}}};
  const std::vector<std::string> files = WithChange([](Json*) {});
  const std::string intact = *ReadTextFile(files[2]);
  for (const auto& [pointer, value] : kChanges) {
    Json json = Json::parse(intact);
    ASSERT_TRUE(json.contains(Json::json_pointer(pointer))) << pointer;
    json[Json::json_pointer(pointer)] = value;
    Write("part-2.json", json.dump());
    const Outcome merged = Merge(files);
    EXPECT_EQ(merged.code, kBadInput) << pointer;
    std::string field = std::string(pointer).substr(1);
    std::replace(field.begin(), field.end(), '/', '.');
    EXPECT_THAT(merged.err, HasSubstr("part-2.json: " + field + ": " + value.dump() + " is not "));
    EXPECT_EQ(merged.out, "") << pointer;
  }
}

TEST_F(MergeTest, AnInterruptedSliceIsNamed) {
  const Outcome merged = Merge(WithChange([](Json* json) { (*json)["complete"] = false; }), false);
  EXPECT_EQ(merged.code, kCouldNotRun);
  EXPECT_THAT(merged.err, HasSubstr("interrupted before its end: slice 2/4 (" + folder_));
  EXPECT_THAT(merged.out, HasSubstr("interrupted: this is what is known so far"));
}

TEST(ConformCode, ARunThatWasInterruptedHoldsNothing) {
  ConformReport report;
  report.calls = 1;
  EXPECT_EQ(ConformCode(report), kCouldNotRun);
  report.complete = true;
  EXPECT_EQ(ConformCode(report), kHolds);
}

TEST_F(MergeTest, ASliceThatFoundNoKernelIsInterruptedAndNoOther) {
  std::vector<std::string> files = Slices({"--random", "40", "--length", "10"});
  Json json = Json::parse(*ReadTextFile(files[0]));
  json["complete"] = false;
  json["release"] = json["semantics"] = json["semantics_digest"] = "";
  json["calls"] = 0;
  Write("part-0.json", json.dump());
  const Outcome merged = Merge(files);
  EXPECT_EQ(merged.code, kCouldNotRun);
  EXPECT_THAT(merged.err, HasSubstr("slice 0/4"));
}

TEST_F(MergeTest, WhatIsNoReportIsRefusedByName) {
  const std::string part = Slices({"--random", "40", "--length", "10"})[0];
  for (const char* text : {"", "{}", "[]", "nonsense", R"({"version":"0.1.0","asked":{}})"}) {
    const std::string bad = Write("bad.json", text);
    const Outcome merged = Merge({part, bad});
    EXPECT_EQ(merged.code, kBadInput) << text;
    EXPECT_THAT(merged.err, HasSubstr("bad.json: ")) << text;
  }
  EXPECT_EQ(Merge({folder_ + "/none.json"}).code, kBadInput);
}

TEST_F(MergeTest, ANumberThatIsNoSliceIsRefused) {
  const Outcome merged = Merge(WithChange([](Json* json) { (*json)["slice"] = 4; }));
  EXPECT_EQ(merged.code, kBadInput);
  EXPECT_THAT(merged.err, HasSubstr("part-2.json: slice: 4/4"));
}

}  // namespace
}  // namespace selkie
