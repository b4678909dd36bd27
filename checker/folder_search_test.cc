// A search with its states in a folder finds what one in memory finds, wherever it was
// stopped, and however little memory it has.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "checker/checker_testing.h"
#include "checker/state_files.h"
#include "fmt/format.h"
#include "gmock/gmock.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;

class FolderSearchTest : public testing::Test {
 protected:
  FolderSearchTest() {
    static int number = 0;
    path_ = fmt::format("{}/selkie-folder-{}-{}", testing::TempDir(), getpid(), number++);
  }
  ~FolderSearchTest() override { std::filesystem::remove_all(path_); }

  SearchOptions Options() const {
    SearchOptions options;
    options.folder.path = path_;
    options.folder.question = "of a test";
    return options;
  }

  static Verdict CheckWith(const Property& property, const Semantics& semantics,
                           const std::string& bounds, const SearchOptions& options) {
    const Semantics baseline =
        SemanticsNamed(property.same_as.empty() ? "linux-4.20" : property.same_as);
    absl::StatusOr<Verdict> verdict =
        Check(property, semantics, &baseline, BoundsOf(property, bounds), options);
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return verdict.ok() ? *std::move(verdict) : Verdict{};
  }

  // Flips a byte in the middle of the newest file with this name's beginning.
  void Damage(const std::string& beginning) const {
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      if (entry.path().filename().string().rfind(beginning, 0) == 0 &&
          (newest.empty() || entry.last_write_time() >= std::filesystem::last_write_time(newest)))
        newest = entry.path();
    ASSERT_FALSE(newest.empty());
    std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(std::filesystem::file_size(newest) / 2));
    const auto byte = static_cast<char>(file.peek() ^ 0x10);
    file.seekp(file.tellg());
    file.put(byte);
  }

  std::string path_;
  const Property bench_ = PropertyAt("bench/memfd-seals.prop");
  const Semantics seals_ = [] {
    absl::StatusOr<Semantics> loaded =
        Library::Default().LoadSemantics(InTree("bench/memfd-seals.sem"));
    return *loaded;
  }();
};

TEST_F(FolderSearchTest, FindsWhatASearchInMemoryFinds) {
  for (const char* name : {"linux-5.1", "fw-v3", "linux-6.12"}) {
    const Semantics semantics = SemanticsNamed(name);
    for (const char* promise : {"no-writable-reopen", "seals-while-mapped", "abi-kept"}) {
      const Property property = PropertyNamed(promise);
      const Verdict expected = CheckWith(property, semantics, "", SearchOptions{});
      SearchOptions options = Options();
      options.folder.when_full = false;
      ExpectSame(CheckWith(property, semantics, "", options), expected);
      std::filesystem::remove_all(path_);
    }
  }
}

TEST_F(FolderSearchTest, WithLittleMemoryRunsAreMergedToTheSameCounts) {
  const Verdict expected = CheckWith(bench_, seals_, "processes=1,fds=3,files=2,maps=2", {});
  SearchOptions options = Options();
  options.most_bytes = 40000;  // the table is full after some thousand states
  const Verdict found = CheckWith(bench_, seals_, "processes=1,fds=3,files=2,maps=2", options);
  EXPECT_GT(expected.stats.states, 10000u);
  ExpectSame(found, expected);
}

TEST_F(FolderSearchTest, GoesOnWhereItWasInterrupted) {
  const std::string bounds = "processes=2,fds=2,files=1,maps=1";
  const Verdict expected = CheckWith(bench_, seals_, bounds, {});
  std::atomic<bool> interrupted = false;
  SearchOptions options = Options();
  options.interrupted = &interrupted;
  options.progress = [&](const SearchStats&) { interrupted = true; };
  Verdict verdict;
  int starts = 0;
  for (verdict.kind = Verdict::Kind::kStopped; verdict.kind == Verdict::Kind::kStopped; ++starts) {
    interrupted = false;
    options.most_bytes = starts % 2 == 0 ? uint64_t{1} << 30 : 40000;
    verdict = CheckWith(bench_, seals_, bounds, options);
    ASSERT_LT(starts, 10000);
  }
  EXPECT_GT(starts, 10);
  ExpectSame(verdict, expected);
  EXPECT_EQ(verdict.resumed, "yes");
}

TEST_F(FolderSearchTest, ASearchThatIsDoneAnswersAgainAtOnce) {
  const std::string bounds = "processes=1,fds=2,files=1,maps=1";
  const Verdict first = CheckWith(bench_, seals_, bounds, Options());
  const Verdict again = CheckWith(bench_, seals_, bounds, Options());
  ExpectSame(again, first);
  EXPECT_EQ(again.resumed, "yes");
}

TEST_F(FolderSearchTest, ATornRecordIsNoticedAndTheOneBeforeIsTaken) {
  const std::string bounds = "processes=1,fds=2,files=1,maps=1";
  const Verdict expected = CheckWith(bench_, seals_, bounds, Options());
  std::ofstream(path_ + "/record", std::ios::app) << "level x 3 0\n";
  const Verdict again = CheckWith(bench_, seals_, bounds, Options());
  ExpectSame(again, expected);
  EXPECT_THAT(again.resumed, HasSubstr("/record: the record is torn"));
}

TEST_F(FolderSearchTest, ABitThatFlippedInAFileIsNoticed) {
  const std::string bounds = "processes=1,fds=2,files=1,maps=1";
  CheckWith(bench_, seals_, bounds, Options());
  Damage("run");  // a level: the last that was found
  absl::StatusOr<Verdict> verdict =
      Check(bench_, seals_, nullptr, BoundsOf(bench_, bounds), Options());
  if (verdict.ok()) {
    EXPECT_THAT(verdict->resumed, HasSubstr("not those that were written"));
  } else {
    EXPECT_THAT(std::string(verdict.status().message()), HasSubstr("not those that were written"));
  }
}

TEST_F(FolderSearchTest, AnotherQuestionIsRefused) {
  CheckWith(bench_, seals_, "processes=1,fds=2,files=1,maps=1", Options());
  SearchOptions options = Options();
  options.folder.question = "another";
  const absl::StatusOr<Verdict> verdict =
      Check(bench_, seals_, nullptr, BoundsOf(bench_, "processes=1,fds=2,files=1,maps=1"), options);
  EXPECT_EQ(verdict.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FolderSearchTest, AFolderIsForOneSearchAtATime) {
  absl::StatusOr<StateFolder> first = StateFolder::Open(path_);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(StateFolder::Open(path_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(FolderSearchTest, WhereMemoryIsFullItGoesOnInTheFolderAndRemovesIt) {
  const std::string bounds = "processes=1,fds=3,files=2,maps=2";
  const Verdict expected = CheckWith(bench_, seals_, bounds, {});
  SearchOptions options = Options();
  options.folder.when_full = true;
  options.most_bytes = 100000;
  const Verdict verdict = CheckWith(bench_, seals_, bounds, options);
  ExpectSame(verdict, expected);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

// /dev/full has no room for anything.
TEST_F(FolderSearchTest, ADiskWithoutRoomIsSaidAndWhatIsKnownStays) {
  const std::string bounds = "processes=2,fds=2,files=1,maps=1";
  std::atomic<bool> interrupted = true;
  SearchOptions options = Options();
  options.interrupted = &interrupted;
  CheckWith(bench_, seals_, bounds, options);  // a record of little
  std::ifstream record(path_ + "/record");
  std::string line;
  uint64_t next = 0;
  while (std::getline(record, line))
    if (line.rfind("next ", 0) == 0) next = std::stoull(line.substr(5));
  for (uint64_t i = next; i < next + 3; ++i)
    for (const char* what : {"run", "level"})
      std::filesystem::create_symlink("/dev/full", fmt::format("{}/{}-{}.states", path_, what, i));
  options.interrupted = nullptr;
  const Verdict full = CheckWith(bench_, seals_, bounds, options);
  EXPECT_EQ(full.kind, Verdict::Kind::kStopped);
  EXPECT_THAT(full.why, HasSubstr("No space left on device"));
  for (uint64_t i = next; i < next + 3; ++i)
    for (const char* what : {"run", "level"})
      std::filesystem::remove(fmt::format("{}/{}-{}.states", path_, what, i));
  ExpectSame(CheckWith(bench_, seals_, bounds, options), CheckWith(bench_, seals_, bounds, {}));
}

TEST(SearchRecord, ReadsBackAndIsRefusedIfAnyByteOfItDiffers) {
  SearchRecord record;
  record.question = "selkie check x y";
  record.words = 2;
  record.position = 77;
  record.stats.tried = 12;
  record.stats.ops_after_seal.set(3);
  record.levels = {{"level-0.states", 1, 0x1234}, {"run-3.states", 9, 0xfedcba9876543210}};
  record.runs = {{"run-7.states", 5, 1}};
  const std::string text = RecordToText(record);
  const absl::StatusOr<SearchRecord> back = RecordFromText(text);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(RecordToText(*back), text);
  EXPECT_EQ(back->levels, record.levels);
  EXPECT_EQ(back->stats.ops_after_seal, record.stats.ops_after_seal);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_EQ(RecordFromText(other).status().code(), absl::StatusCode::kDataLoss) << i;
    EXPECT_FALSE(RecordFromText(text.substr(0, i)).ok()) << i;
  }
}

}  // namespace
}  // namespace selkie
