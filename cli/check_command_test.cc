// selkie check as it is typed: what it refuses before it searches.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "checker/exchange.h"
#include "cli/command_testing.h"
#include "gmock/gmock.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

// A question that is answered at once, and more words.
Outcome Check(const std::vector<std::string>& more, const std::string& semantics = "linux-5.1") {
  std::vector<std::string> words = {"check", "-s", semantics, "-p", "no-writable-reopen"};
  words.insert(words.end(), more.begin(), more.end());
  return RunSelkie(words);
}

// A variable of the environment, while this lives.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(CheckUnderMpirun, TheProgramWithoutMpiIsRefusedOnce) {
  for (const auto& [size, rank] :
       {std::pair("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"), {"PMI_SIZE", "PMI_RANK"}}) {
    const Environment processes(size, "3");
    {
      const Environment first(rank, "0");
      const Outcome outcome = Check({});
      EXPECT_EQ(outcome.code, kBadInput) << size;
      EXPECT_THAT(outcome.out, IsEmpty());
      EXPECT_THAT(outcome.err, HasSubstr("started 3 processes"));
      EXPECT_THAT(outcome.err, HasSubstr("selkie-mpi"));
    }
    const Environment last(rank, "2");
    const Outcome outcome = Check({});
    EXPECT_EQ(outcome.code, kBadInput);
    EXPECT_THAT(outcome.out + outcome.err, IsEmpty());
  }
}

TEST(CheckUnderMpirun, OneProcessSearches) {
  const Environment processes("OMPI_COMM_WORLD_SIZE", "1");
  EXPECT_EQ(Check({}).code, kHolds);
}

// A folder of its own for each test.
class CheckInFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "selkie-check-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string At(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

TEST_F(CheckInFolder, AFileThatCannotBeWrittenIsRefusedBeforeTheSearch) {
  for (const std::string& path : {At("none/hole.json"), folder_, At("none/")})
    for (const char* semantics : {"linux-5.1", "fw-v3"}) {  // holds, BROKEN
      const Outcome outcome = Check({"--save", path}, semantics);
      EXPECT_EQ(outcome.code, kBadInput) << path << " " << semantics;
      EXPECT_THAT(outcome.out, IsEmpty());
      EXPECT_THAT(outcome.err, HasSubstr("--save " + path));
    }
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_EQ(Check({"--save", At("hole.json")}).code, kHolds);
  EXPECT_TRUE(fs::is_empty(folder_));  // nothing to save
  EXPECT_EQ(Check({"--save", At("hole.json")}, "fw-v3").code, kBroken);
  EXPECT_TRUE(fs::exists(At("hole.json")));
}

TEST_F(CheckInFolder, OtherCommandsRefuseSuchAFileToo) {
  const std::string file = At("none/x");
  const std::vector<std::vector<std::string>> commands = {
      {"prove", "-s", "linux-5.1", "-p", "no-writable-reopen", "--certificate", file},
      {"prove", "-s", "linux-5.1", "-p", "no-writable-reopen", "--smt", file},
      {"export", "x.json", "--as", "c", "-o", file},
      {"diff", "linux-6.1", "linux-6.12", "--scenarios", file},
      {"kernels", "matrix", "--file", file}};
  for (const auto& words : commands) {
    const Outcome outcome = RunSelkie(words);
    EXPECT_EQ(outcome.code, kBadInput) << words[0];
    EXPECT_THAT(outcome.err, HasSubstr(file + ": there is no folder " + At("none"))) << words[0];
  }
  std::ofstream(At("file")) << "x";
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"review", "--no-kernels", "-o", At("file")}, {"corpus", "-o", At("file/below")}}) {
    const Outcome outcome = RunSelkie(words);
    EXPECT_EQ(outcome.code, kBadInput) << words[0];
    EXPECT_THAT(outcome.err, HasSubstr(At("file") + " is a file, expected a folder")) << words[0];
  }
  EXPECT_FALSE(fs::exists(At("none")));
}

TEST_F(CheckInFolder, AFolderForStatesMustBeThere) {
  const Outcome disk = Check({"--disk", At("none")});
  EXPECT_EQ(disk.code, kBadInput);
  EXPECT_THAT(disk.err, HasSubstr("--disk " + At("none") + ": there is no such folder"));
  const Outcome checkpoint = Check({"--checkpoint", At("none/search")});
  EXPECT_EQ(checkpoint.code, kBadInput);
  EXPECT_THAT(checkpoint.err, HasSubstr("there is no folder " + At("none")));
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_EQ(Check({"--disk", folder_}).code, kHolds);
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_EQ(Check({"--checkpoint", At("search")}).code, kHolds);
}

TEST_F(CheckInFolder, ATmpdirThatIsNotThereIsNotMade) {
  const Environment tmpdir("TMPDIR", At("none").c_str());
  EXPECT_EQ(Check({"-b", "fds=3", "--memory", "4M"}).code, kHolds);
  EXPECT_FALSE(fs::exists(At("none")));
}

TEST_F(CheckInFolder, ADamagedCheckpointSaysHowToBeginAnew) {
  ASSERT_EQ(Check({"--checkpoint", folder_}).code, kHolds);
  const std::string states = At("linux-5.1.no-writable-reopen");
  std::fstream level(states + "/level-0.states", std::ios::in | std::ios::out | std::ios::binary);
  const int byte = level.get();
  level.seekp(0);
  level.put(static_cast<char>(byte ^ 1));
  level.close();
  const Outcome outcome = Check({"--checkpoint", folder_});
  EXPECT_EQ(outcome.code, kCouldNotRun);
  EXPECT_THAT(outcome.err, HasSubstr("level-0.states: its bytes are not those"));
  EXPECT_THAT(outcome.err, HasSubstr(states + " is damaged: remove that folder"));
  fs::remove_all(states);
  EXPECT_EQ(Check({"--checkpoint", folder_}).code, kHolds);
}

TEST(CheckMemory, LessThanASearchTakesIsRefused) {
  for (const char* memory : {"1K", "3M", "4194303"}) {
    const Outcome outcome = Check({"--memory", memory});
    EXPECT_EQ(outcome.code, kBadInput) << memory;
    EXPECT_THAT(outcome.err, HasSubstr("a search takes 4M at least"));
  }
  EXPECT_EQ(Check({"--memory", "4M"}).code, kHolds);
}

TEST(CheckMemory, NoSizeIsNoDefault) {
  const Outcome outcome = Check({"--memory", ""});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("--memory '': expected a size such as 512M or 4G"));
}

TEST(CheckMemory, ASearchThatStopsSaysHowFarItGotAndWhatToDo) {
  const Outcome outcome = RunSelkie({"check", "-s", "linux-6.12", "-p", "no-write-call", "--memory",
                                     "4M", "--disk", "none", "-b", "fds=3"});
  EXPECT_EQ(outcome.code, kCouldNotRun);
  EXPECT_THAT(outcome.out, HasSubstr("STOPPED (the memory limit was reached; it was at depth "));
  EXPECT_THAT(outcome.err, HasSubstr("--disk FOLDER with more room"));
  EXPECT_THAT(outcome.err, HasSubstr("--checkpoint FOLDER"));
}

// One process that was started by mpirun.
class Alone : public Exchange {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void AllToAll(const std::vector<std::vector<uint64_t>>& to, std::vector<uint64_t>* got) override {
    *got = to[0];
  }
  std::vector<uint64_t> Sum(std::vector<uint64_t> numbers) override { return numbers; }
  std::vector<uint64_t> FromFirst(std::vector<uint64_t> numbers) override { return numbers; }
};

TEST_F(CheckInFolder, ProcessesOfMpirunLeaveNoFolderThatNobodyAskedFor) {
  const Environment tmpdir("TMPDIR", folder_.c_str());
  Alone exchange;
  Context context;
  context.exchange = &exchange;
  CLI::App app;
  BuildCommandLine(app, context);
  const Outcome outcome =
      RunApp(app, context,
             {"check", "-s", "linux-5.1", "-p", "no-writable-reopen", "--checkpoint-minutes", "0"});
  EXPECT_EQ(outcome.code, kHolds);
  EXPECT_TRUE(fs::is_empty(folder_));
}

// A tree whose properties are two good ones and others that do not parse.
class CheckInTree : public CheckInFolder {
 protected:
  void SetUp() override {
    CheckInFolder::SetUp();
    const std::string root = Library::Default().root();
    fs::create_directories(At("checker/properties"));
    fs::create_directory_symlink(root + "/model", At("model"));
    fs::create_directory_symlink(root + "/scenarios", At("scenarios"));
    for (const char* good : {"no-late-upgrade", "seals-while-mapped"}) Take(root, good, ".prop");
    for (const char* calls : {"make", "map", "seal", "pass", "size", "write", "describe"})
      Take(root, calls, ".calls");
    Write("bad", "property bad\nbounds trolls=1\n");
    tree_.emplace("SELKIE_ROOT", folder_.c_str());
  }
  void TearDown() override {
    tree_.reset();
    CheckInFolder::TearDown();
  }

  void Take(const std::string& root, const std::string& name, const std::string& extension) {
    const std::string file = "checker/properties/" + name + extension;
    fs::copy_file(root + "/" + file, At(file));
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(At("checker/properties/" + name + ".prop")) << text;
  }

 private:
  std::optional<Environment> tree_;
};

TEST_F(CheckInTree, AFileThatDoesNotParseIsNamedAndLosesNoOther) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"check"}, {"prove"}, {"review", "--no-kernels"}}) {
    std::vector<std::string> words = command;
    words.insert(words.end(), {"-s", "linux-5.1"});
    const Outcome outcome = RunSelkie(words);
    EXPECT_NE(outcome.code, kHolds) << words[0];
    EXPECT_THAT(outcome.err, HasSubstr("checker/properties/bad.prop:2:8: ")) << words[0];
    EXPECT_THAT(outcome.out, HasSubstr("no-late-upgrade")) << words[0];
    EXPECT_THAT(outcome.out, HasSubstr("seals-while-mapped")) << words[0];
  }
  EXPECT_EQ(RunSelkie({"review", "--no-kernels", "-s", "linux-5.1"}).code, kBadInput);
}

TEST_F(CheckInTree, ABrokenPromiseIsWorseThanABadFile) {
  fs::remove(At("checker/properties/no-late-upgrade.prop"));
  EXPECT_EQ(RunSelkie({"check", "-s", "linux-5.1"}).code, kBadInput);  // seals-while-mapped holds
  EXPECT_EQ(RunSelkie({"check", "-s", "linux-4.20"}).code, kBroken);
}

TEST_F(CheckInTree, AGoodPropertyIsAskedByNameWithoutAWord) {
  const Outcome outcome = RunSelkie({"check", "-s", "linux-5.1", "-p", "seals-while-mapped"});
  EXPECT_EQ(outcome.code, kHolds);
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(CheckInTree, ANameThatIsNotThereGetsTheNamesThatAre) {
  const Outcome outcome = RunSelkie({"check", "-s", "linux-5.1", "-p", "nope"});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("there are: bad, no-late-upgrade, seals-while-mapped"));
  EXPECT_EQ(RunSelkie({"check", "-s", "linux-5.1", "-p", "bad"}).code, kBadInput);
}

}  // namespace
}  // namespace selkie
