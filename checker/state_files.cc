#include "checker/state_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "fmt/format.h"

#define XXH_INLINE_ALL
#include "xxhash.h"

namespace selkie {
namespace {

constexpr size_t kBufferWords = size_t{1} << 17;  // 1 MiB
constexpr const char* kNewest = "record";
constexpr const char* kBefore = "record.before";
constexpr const char* kWriting = "record.new";
constexpr const char* kLock = "lock";
constexpr std::string_view kFirstLine = "selkie-search 1";

absl::Status FromErrno(const std::string& path, const char* what) {
  const int error = errno;
  const std::string text = fmt::format("{}: {}: {}", path, what, std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(text);
  return absl::UnavailableError(text);
}

uint64_t ChecksumOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

// Sees a finished file, or the names in a folder, onto the disk.
absl::Status Sync(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FromErrno(path, "open");
  const int failed = fsync(fd);
  const absl::Status status = failed == 0 ? absl::OkStatus() : FromErrno(path, "fsync");
  close(fd);
  return status;
}

std::string FileLine(std::string_view key, const StateFile& file) {
  return fmt::format("{} {} {} {:016x}\n", key, file.name, file.count, file.checksum);
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

uint64_t SearchRecord::states() const {
  uint64_t count = 0;
  for (const StateFile& level : levels) count += level.count;
  return count;
}

// XXH3 of bytes that come in pieces.
class Checksum {
 public:
  Checksum() { XXH3_64bits_reset(state_.get()); }
  void Add(const uint64_t* words, size_t count) {
    XXH3_64bits_update(state_.get(), words, count * sizeof(uint64_t));
  }
  uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_{XXH3_createState(),
                                                                  XXH3_freeState};
};

// ---- Records as text ----

std::string RecordToText(const SearchRecord& r) {
  std::string text =
      fmt::format("{}\nquestion {}\nwords {}\nposition {}\nnext {}\nfinished {}\n", kFirstLine,
                  r.question, r.words, r.position, r.next_number, r.finished ? 1 : 0);
  text += fmt::format("tried {}\ntransitions {}\nbeyond {}\nseals {}\nseconds {:.3f}\nops {}\n",
                      r.stats.tried, r.stats.transitions, r.stats.beyond, r.stats.seals,
                      r.stats.seconds, r.stats.ops_after_seal.to_string());
  for (const auto& [name, value] : r.numbers) text += fmt::format("number {} {}\n", name, value);
  for (const StateFile& level : r.levels) text += FileLine("level", level);
  for (const StateFile& run : r.runs) text += FileLine("run", run);
  return text + fmt::format("end {:016x}\n", ChecksumOf(text));
}

absl::StatusOr<SearchRecord> RecordFromText(std::string_view text) {
  const size_t end = text.rfind("end ");
  if (text.substr(0, kFirstLine.size()) != kFirstLine || end == text.npos ||
      text.substr(end) != fmt::format("end {:016x}\n", ChecksumOf(text.substr(0, end))))
    return absl::DataLossError(
        "the record is torn or is none: its checksum is not that of its text");
  SearchRecord r;
  std::istringstream lines{std::string(text.substr(0, end))};
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream in(line);
    std::string key, ops;
    in >> key;
    StateFile file;
    if (key == "question") r.question = line.substr(std::min(line.size(), key.size() + 1));
    if (key == "words") in >> r.words;
    if (key == "position") in >> r.position;
    if (key == "next") in >> r.next_number;
    if (key == "finished") in >> r.finished;
    if (key == "tried") in >> r.stats.tried;
    if (key == "transitions") in >> r.stats.transitions;
    if (key == "beyond") in >> r.stats.beyond;
    if (key == "seals") in >> r.stats.seals;
    if (key == "seconds") in >> r.stats.seconds;
    if (key == "ops" && in >> ops) r.stats.ops_after_seal = OpSet(ops);
    if (key == "number" && in >> ops) in >> r.numbers[ops];
    if (key != "level" && key != "run") continue;
    in >> file.name >> file.count >> std::hex >> file.checksum;
    (key == "level" ? r.levels : r.runs).push_back(file);
  }
  return r;
}

// ---- The folder ----

struct StateFolder::Lock {
  int fd = -1;
  ~Lock() {
    if (fd >= 0) close(fd);
  }
};

absl::StatusOr<StateFolder> StateFolder::Open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::UnavailableError(fmt::format("{}: {}", path, error.message()));
  StateFolder folder(path);
  folder.lock_ = std::make_shared<Lock>();
  const std::string lock = path + "/" + kLock;
  folder.lock_->fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (folder.lock_->fd < 0) return FromErrno(lock, "open");
  if (flock(folder.lock_->fd, LOCK_EX | LOCK_NB) != 0)
    return absl::FailedPreconditionError(
        fmt::format("{}: another search is at work in this folder", path));
  return folder;
}

absl::Status StateFolder::Verify(const SearchRecord& record) const {
  std::vector<uint64_t> buffer(kBufferWords);
  std::vector<StateFile> files = record.levels;
  files.insert(files.end(), record.runs.begin(), record.runs.end());
  for (const StateFile& file : files) {
    StateReader reader(*this, file, record.words);
    Checksum checksum;
    const size_t most = kBufferWords / static_cast<size_t>(record.words);
    while (const size_t count = reader.Read(buffer.data(), most))
      checksum.Add(buffer.data(), count * static_cast<size_t>(record.words));
    if (!reader.status().ok()) return reader.status();
    if (checksum.value() != file.checksum)
      return absl::DataLossError(
          fmt::format("{}: its bytes are not those that were written", PathOf(file)));
  }
  return absl::OkStatus();
}

absl::StatusOr<SearchRecord> StateFolder::Load(const std::string& question, int words,
                                               std::string* why) const {
  absl::Status newest = absl::NotFoundError("");
  for (const char* name : {kNewest, kBefore}) {
    const std::string path = path_ + "/" + name;
    const absl::StatusOr<std::string> text = ReadWhole(path);
    if (!text.ok()) continue;
    absl::StatusOr<SearchRecord> record = RecordFromText(*text);
    absl::Status status = record.status();
    if (record.ok() && (record->question != question || record->words != words))
      return absl::InvalidArgumentError(
          fmt::format("{}: the search there is another one:\n  there {}\n  here  {}\nname another "
                      "folder, or remove this one",
                      path_, record->question, question));
    if (status.ok()) status = Verify(*record);
    if (status.ok()) {
      if (!absl::IsNotFound(newest)) *why = std::string(newest.message());
      return record;
    }
    if (absl::IsNotFound(newest))
      newest = absl::DataLossError(fmt::format("{}: {}", path, std::string(status.message())));
  }
  if (!absl::IsNotFound(newest)) return newest;
  SearchRecord none;
  none.question = question;
  none.words = words;
  return none;
}

absl::Status StateFolder::Save(const SearchRecord& record) {
  const std::string writing = path_ + "/" + kWriting;
  {
    std::ofstream out(writing, std::ios::binary | std::ios::trunc);
    out << RecordToText(record);
    out.flush();
    if (!out) return FromErrno(writing, "write");
  }
  if (absl::Status status = Sync(writing); !status.ok()) return status;
  const std::string newest = path_ + "/" + kNewest, before = path_ + "/" + kBefore;
  if (rename(newest.c_str(), before.c_str()) != 0 && errno != ENOENT)
    return FromErrno(newest, "rename");
  if (rename(writing.c_str(), newest.c_str()) != 0) return FromErrno(writing, "rename");
  if (absl::Status status = Sync(path_); !status.ok()) return status;
  RemoveUnnamed(record);
  return absl::OkStatus();
}

void StateFolder::RemoveUnnamed(const SearchRecord& newest) const {
  std::set<std::string> named = {kNewest, kBefore, kLock};
  const auto name = [&named](const SearchRecord& record) {
    for (const StateFile& file : record.levels) named.insert(file.name);
    for (const StateFile& file : record.runs) named.insert(file.name);
  };
  name(newest);
  if (const absl::StatusOr<std::string> text = ReadWhole(path_ + "/" + kBefore); text.ok())
    if (const absl::StatusOr<SearchRecord> before = RecordFromText(*text); before.ok())
      name(*before);
  std::error_code error;
  std::vector<std::filesystem::path> unnamed;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error))
    if (entry.path().extension() == ".states" && !named.contains(entry.path().filename().string()))
      unnamed.push_back(entry.path());
  for (const std::filesystem::path& path : unnamed) std::filesystem::remove(path, error);
}

void StateFolder::Remove() {
  std::error_code error;
  for (const char* name : {kNewest, kBefore, kWriting})
    std::filesystem::remove(path_ + "/" + name, error);
  RemoveUnnamed(SearchRecord{});
  std::filesystem::remove(path_ + "/" + kLock, error);
  std::filesystem::remove(path_, error);
}

// ---- Files of states ----

StateWriter::StateWriter(const StateFolder& folder, std::string name)
    : path_(folder.path() + "/" + name),
      name_(std::move(name)),
      checksum_(std::make_unique<Checksum>()) {
  buffer_.reserve(kBufferWords);
}

StateWriter::~StateWriter() {
  if (file_ != nullptr) std::fclose(file_);
}

void StateWriter::Add(const uint64_t* words, size_t count) {
  buffer_.insert(buffer_.end(), words, words + count);
  if (buffer_.size() >= kBufferWords) Flush();
}

void StateWriter::Flush() {
  if (file_ == nullptr && status_.ok()) {
    file_ = std::fopen(path_.c_str(), "we");
    if (file_ == nullptr) status_ = FromErrno(path_, "open");
    if (file_ != nullptr) std::setvbuf(file_, nullptr, _IONBF, 0);
  }
  if (status_.ok()) {
    if (std::fwrite(buffer_.data(), sizeof(uint64_t), buffer_.size(), file_) != buffer_.size())
      status_ = FromErrno(path_, "write");
    checksum_->Add(buffer_.data(), buffer_.size());
    words_ += buffer_.size();
  }
  buffer_.clear();
}

absl::StatusOr<StateFile> StateWriter::Finish(int words_of_a_state) {
  Flush();
  if (status_.ok() && fsync(fileno(file_)) != 0) status_ = FromErrno(path_, "fsync");
  if (!status_.ok()) {
    unlink(path_.c_str());  // room for others
    return status_;
  }
  return StateFile{name_, words_ / static_cast<uint64_t>(words_of_a_state), checksum_->value()};
}

StateReader::StateReader(const StateFolder& folder, const StateFile& file, int words, uint64_t from)
    : path_(folder.PathOf(file)), words_(words), left_(file.count - std::min(file.count, from)) {
  file_ = std::fopen(path_.c_str(), "re");
  const auto bytes = static_cast<off_t>(from * static_cast<uint64_t>(words) * sizeof(uint64_t));
  if (file_ == nullptr || fseeko(file_, bytes, SEEK_SET) != 0)
    status_ = absl::DataLossError(fmt::format("{}: {}", path_, std::strerror(errno)));
}

StateReader::~StateReader() {
  if (file_ != nullptr) std::fclose(file_);
}

size_t StateReader::Read(uint64_t* to, size_t most) {
  if (!status_.ok() || left_ == 0) return 0;
  const size_t wanted = std::min<uint64_t>(most, left_);
  const size_t size = static_cast<size_t>(words_) * sizeof(uint64_t);
  const size_t got = std::fread(to, size, wanted, file_);
  if (got < wanted)
    status_ = absl::DataLossError(fmt::format("{}: {} states are missing", path_, left_ - got));
  left_ -= got;
  return status_.ok() ? got : 0;
}

}  // namespace selkie
