// States in files, for searches that are larger than memory or that must survive: sorted
// words with a checksum, and the record of how far a search has got.
//
// Nothing that a record names is ever written to again.  A record is written beside the
// old one and then takes its place, and the one before is kept: a search that is killed,
// at whatever moment, goes on from one of the two.
#ifndef SELKIE_CHECKER_STATE_FILES_H_
#define SELKIE_CHECKER_STATE_FILES_H_

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "checker/explore.h"

namespace selkie {

// A file of `count` states of W words each.
struct StateFile {
  std::string name;       // within the folder
  uint64_t count = 0;     // states
  uint64_t checksum = 0;  // XXH3 of its bytes

  friend bool operator==(const StateFile&, const StateFile&) = default;
};

// How far a search has got.
struct SearchRecord {
  std::string question;      // one line: a search goes on only with the same
  int words = 1;             // 64-bit words of a state
  uint64_t position = 0;     // states of the last level that were expanded
  uint64_t next_number = 0;  // of the next file to be made
  SearchStats stats;         // tried, transitions, beyond, seals, ops_after_seal, seconds
  bool finished = false;     // nothing is left to expand
  std::map<std::string, uint64_t> numbers;  // what else a kind of search has to know
  std::vector<StateFile> levels;            // sorted; the states first met at each depth
  std::vector<StateFile> runs;  // sorted; found from the last level, maybe known already

  uint64_t states() const;  // of the levels
};

// Text, its last line a checksum of the others; and back.  DataLossError if it is torn
// or not a record.
std::string RecordToText(const SearchRecord& record);
absl::StatusOr<SearchRecord> RecordFromText(std::string_view text);

// A folder with the files of one search.
class StateFolder {
 public:
  // Makes the folder if it is not there, and takes it for this process alone.
  // FailedPreconditionError if another process has it, and the errors of mkdir(2).
  static absl::StatusOr<StateFolder> Open(const std::string& path);

  // The folder as it is, for reading alone: nobody is kept from it.
  static StateFolder OpenToRead(const std::string& path) { return StateFolder(path); }

  const std::string& path() const { return path_; }
  std::string PathOf(const StateFile& file) const { return path_ + "/" + file.name; }

  // The last record whose files are all whole, or one without levels if the folder has
  // none yet.  `*why` says, if it is not the newest, what is wrong with that one.
  // DataLossError if there are records and none is whole; InvalidArgumentError if the
  // record is of another question.
  absl::StatusOr<SearchRecord> Load(const std::string& question, int words, std::string* why) const;

  // Makes `record` the newest and removes files that neither it nor the one before names.
  // ResourceExhaustedError if the disk is full; the record before then stays.
  absl::Status Save(const SearchRecord& record);

  // Removes all files of the search, and the folder if nothing else is in it.
  void Remove();

 private:
  struct Lock;
  explicit StateFolder(std::string path) : path_(std::move(path)) {}
  absl::Status Verify(const SearchRecord& record) const;
  void RemoveUnnamed(const SearchRecord& newest) const;

  std::string path_;
  std::shared_ptr<Lock> lock_;
};

class Checksum;

// Writes one file of states, from its beginning to its end.
class StateWriter {
 public:
  // Nothing is written before the first Add.
  StateWriter(const StateFolder& folder, std::string name);
  ~StateWriter();
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;

  // `words` words, one state or several.
  void Add(const uint64_t* words, size_t count);
  // Ends the file and sees it onto the disk.  The first error there was, if any:
  // ResourceExhaustedError for a full disk.
  absl::StatusOr<StateFile> Finish(int words_of_a_state);

 private:
  void Flush();

  std::string path_, name_;
  std::FILE* file_ = nullptr;
  std::vector<uint64_t> buffer_;
  std::unique_ptr<Checksum> checksum_;
  uint64_t words_ = 0;
  absl::Status status_;
};

// Reads one file of states, from any of them on.
class StateReader {
 public:
  StateReader(const StateFolder& folder, const StateFile& file, int words, uint64_t from = 0);
  ~StateReader();
  StateReader(const StateReader&) = delete;
  StateReader& operator=(const StateReader&) = delete;

  // Up to `most` states; none at the end, and after an error.
  size_t Read(uint64_t* to, size_t most);
  // DataLossError if the file is shorter than it says.
  const absl::Status& status() const { return status_; }

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
  int words_;
  uint64_t left_ = 0;
  absl::Status status_;
};

// Calls visit(state) for each state of the file, until one returns true.  W: words of a state.
template <int W, typename Visit>
absl::Status ForEachState(const StateFolder& folder, const StateFile& file, const Visit& visit) {
  StateReader reader(folder, file, W);
  std::vector<std::array<uint64_t, W>> block(4096);
  while (const size_t count = reader.Read(block.data()->data(), block.size()))
    for (size_t i = 0; i < count; ++i)
      if (visit(block[i])) return absl::OkStatus();
  return reader.status();
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_STATE_FILES_H_
