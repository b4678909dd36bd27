// Breadth-first search with its states in a folder (checker/state_files.h): it goes on where
// memory ends, and where it was stopped or killed.
//
// Each level is a sorted file.  The states of the last level are expanded in order.  While all
// states fit into memory, a table says which successors are new; once they do not, successors
// are sorted in memory, written as runs, and at the end of the level merged, without those that
// an earlier level has (delayed duplicate detection: Stern and Dill 1998, Korf 2003).  The
// levels are what a path is found from: there are no parents.
//
// An Expander has
//   using Words = std::array<uint64_t, W>;   bit 63 of word 0 is not used
//   absl::StatusOr<Words> Initial();
//   void Expand(std::vector<Words>& states, Tally&, enter, stop)   from the end of `states`
//   OpSet ops_after_seal() const;
//   bool failed() const;
// Internal to checker/.
#ifndef SELKIE_CHECKER_FOLDER_SEARCH_H_
#define SELKIE_CHECKER_FOLDER_SEARCH_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "checker/expander.h"
#include "checker/explore.h"
#include "checker/recent_states.h"
#include "checker/state_files.h"
#include "checker/state_table.h"
#include "fmt/format.h"

namespace selkie {

// Sorted files of states, merged into one order, each state once.
template <int W>
class MergedStates {
 public:
  using Words = std::array<uint64_t, W>;

  // Reads all files together in blocks of about `bytes`, within limits.
  MergedStates(const StateFolder& folder, const std::vector<StateFile>& files, uint64_t bytes) {
    const uint64_t words = std::min<uint64_t>(kMostWords, bytes / sizeof(uint64_t));
    const size_t block = std::clamp<size_t>(words / W / (files.size() + 1), 64, 1 << 16);
    for (const StateFile& file : files) {
      auto source = std::make_unique<Source>(folder, file);
      source->block = block;
      if (source->Next()) heap_.push(source.get());
      sources_.push_back(std::move(source));
    }
  }

  // The next state; false at the end.
  bool Next(Words* state) {
    if (heap_.empty()) return false;
    *state = heap_.top()->now;
    while (!heap_.empty() && heap_.top()->now == *state) {
      Source* source = heap_.top();
      heap_.pop();
      if (source->Next()) heap_.push(source);
    }
    return true;
  }

  absl::Status status() const {
    for (const auto& source : sources_)
      if (!source->reader.status().ok()) return source->reader.status();
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kMostWords = size_t{1} << 22;  // of all blocks together
  struct Source {
    Source(const StateFolder& folder, const StateFile& file) : reader(folder, file, W) {}
    bool Next() {
      if (at == filled) {
        states.resize(block);
        filled = reader.Read(states.data()->data(), block);
        at = 0;
        if (filled == 0) return false;
      }
      now = states[at++];
      return true;
    }
    StateReader reader;
    Words now{};
    size_t block = 0, at = 0, filled = 0;
    std::vector<Words> states;
  };
  struct Later {
    bool operator()(const Source* a, const Source* b) const { return b->now < a->now; }
  };
  std::vector<std::unique_ptr<Source>> sources_;
  std::priority_queue<Source*, std::vector<Source*>, Later> heap_;
};

template <typename Expander, int W>
class FolderSearch {
 public:
  using Words = std::array<uint64_t, W>;

  FolderSearch(Expander& expander, StateFolder folder, const SearchOptions& options)
      : expander_(expander),
        folder_(std::move(folder)),
        options_(options),
        most_found_(std::max<uint64_t>(options.most_bytes / 4 / sizeof(Words), 1024)) {}

  // kHit: a step from the last level, or from the one before it, hits.
  absl::StatusOr<Search> Run() {
    absl::StatusOr<SearchRecord> record =
        folder_.Load(options_.folder.question, W, &search_.resumed);
    if (!record.ok()) return record.status();
    record_ = *std::move(record);
    saved_ = started_ = std::chrono::steady_clock::now();
    seconds_before_ = record_.stats.seconds;
    if (record_.levels.empty()) {
      if (absl::Status status = Begin(); !status.ok()) return status;
    } else if (search_.resumed.empty()) {
      search_.resumed = "yes";
    }
    if (absl::Status status = FillTable(); !status.ok()) return status;
    exact_ = record_.runs.empty() && table_ != nullptr;
    while (!record_.finished) {
      absl::StatusOr<bool> whole = ExpandLevel();
      if (!whole.ok()) return Full(whole.status());
      if (!*whole) return Ended();
      if (absl::Status status = CloseLevel(); !status.ok()) return Full(status);
    }
    search_.ending = Search::Ending::kExhausted;
    return Ended();
  }

  const StateFolder& folder() const { return folder_; }
  const SearchRecord& record() const { return record_; }

 private:
  static constexpr size_t kBlock = 4096;    // states expanded between looks at the clock
  static constexpr size_t kMostRuns = 200;  // files open at a time

  std::string NewName(std::string_view what) {
    return fmt::format("{}-{}.states", what, record_.next_number++);
  }

  absl::Status Begin() {
    const absl::StatusOr<Words> initial = expander_.Initial();
    if (!initial.ok()) return initial.status();
    StateWriter out(folder_, NewName("level"));
    out.Add(initial->data(), W);
    absl::StatusOr<StateFile> file = out.Finish(W);
    if (!file.ok()) return file.status();
    record_.levels.push_back(*file);
    return Save();
  }

  // All states that are known, as far as memory goes.
  absl::Status FillTable() {
    table_ = std::make_unique<StateTable<W>>(64 * W - 1, options_.most_bytes / 2);
    std::vector<StateFile> files = record_.levels;
    files.insert(files.end(), record_.runs.begin(), record_.runs.end());
    for (const StateFile& file : files) {
      const absl::Status status = ForEachState<W>(folder_, file, [&](const Words& state) {
        Insert(state);
        return table_ == nullptr;
      });
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // True if the state is new, or may be.
  bool Insert(const Words& state) {
    if (table_ == nullptr) return true;
    const Inserted inserted = table_->Insert(table_->Mix(state));
    if (inserted == Inserted::kFull) table_.reset();  // runs and merges tell from here on
    return inserted != Inserted::kKnown;
  }

  // False if the search ends, with search_.ending.
  absl::StatusOr<bool> ExpandLevel() {
    const StateFile level = record_.levels.back();
    StateReader reader(folder_, level, W, record_.position);
    Tally tally;
    absl::Status failed;
    const auto enter = [&](const Words& next) {
      if (recent_.Has(next) || !Insert(next)) return;
      found_.push_back(next);
    };
    while (record_.position < level.count) {
      std::vector<Words> block(kBlock);
      block.resize(reader.Read(block.data()->data(), kBlock));
      if (!reader.status().ok()) return reader.status();
      const size_t count = block.size();
      expander_.Expand(block, tally, enter, [] { return false; });
      if (expander_.failed())
        return absl::InternalError("checker: a state does not fit its layout");
      if (tally.hit) return End(Search::Ending::kHit);
      record_.position += count;
      Take(tally);
      tally = Tally{};
      if (found_.size() >= most_found_)
        if (absl::Status status = WriteRun(); !status.ok()) return status;
      if (options_.progress) options_.progress(search_.stats);
      const bool interrupted = options_.interrupted != nullptr && options_.interrupted->load();
      if (interrupted || SecondsSince(saved_) > options_.folder.seconds)
        if (absl::Status status = Save(); !status.ok()) return status;
      if (interrupted) return End(Search::Ending::kInterrupted);
    }
    return true;
  }

  bool End(Search::Ending ending) {
    search_.ending = ending;
    return false;
  }

  void Take(const Tally& tally) {
    SearchStats& stats = record_.stats;
    stats.tried += tally.tried;
    stats.transitions += tally.transitions;
    stats.beyond += tally.beyond;
    stats.seals += tally.seals;
    stats.ops_after_seal |= expander_.ops_after_seal();
    UpdateStats();
  }

  void UpdateStats() {
    SearchStats& stats = record_.stats;
    stats.seconds = seconds_before_ + SecondsSince(started_);
    stats.depth = std::max<int>(0, static_cast<int>(record_.levels.size()) - 1);
    stats.states = record_.states() + (table_ != nullptr ? found_.size() : 0);
    stats.bytes = (table_ != nullptr ? table_->bytes() : 0) + found_.capacity() * sizeof(Words);
    uint64_t on_disk = record_.states();
    for (const StateFile& run : record_.runs) on_disk += run.count;
    stats.disk_bytes = on_disk * sizeof(Words);
    stats.bits = expander_.bits();
    search_.stats = stats;
  }

  static double SecondsSince(std::chrono::steady_clock::time_point when) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - when).count();
  }

  // What was found, as a sorted run.
  absl::Status WriteRun() {
    if (found_.empty()) return absl::OkStatus();
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    StateWriter out(folder_, NewName("run"));
    out.Add(found_.data()->data(), found_.size() * W);
    absl::StatusOr<StateFile> run = out.Finish(W);
    if (!run.ok()) return run.status();
    record_.runs.push_back(*run);
    found_.clear();
    return record_.runs.size() < kMostRuns ? absl::OkStatus() : JoinRuns();
  }

  absl::Status JoinRuns() {
    absl::StatusOr<StateFile> joined = MergeRuns("run", {});
    if (!joined.ok()) return joined.status();
    record_.runs = {*joined};
    return absl::OkStatus();
  }

  // The runs as one file, without the states of `known`.
  absl::StatusOr<StateFile> MergeRuns(std::string_view what, const std::vector<StateFile>& known) {
    const uint64_t bytes = options_.most_bytes / 8;  // the table has half, what was found a quarter
    MergedStates<W> runs(folder_, record_.runs, bytes), before(folder_, known, bytes);
    StateWriter out(folder_, NewName(what));
    Words state, old{};
    bool more = before.Next(&old);
    while (runs.Next(&state)) {
      while (more && old < state) more = before.Next(&old);
      if (!more || old != state) out.Add(state.data(), W);
    }
    for (const absl::Status& status : {runs.status(), before.status()})
      if (!status.ok()) return status;
    return out.Finish(W);
  }

  // The next level, from the runs.
  absl::Status CloseLevel() {
    if (absl::Status status = WriteRun(); !status.ok()) return status;
    if (record_.runs.empty()) {
      record_.finished = true;
      return Save();
    }
    if (SecondsSince(saved_) > kSaveBeforeMerge)
      if (absl::Status status = Save(); !status.ok()) return status;
    const bool disjoint = table_ != nullptr && record_.runs.size() == 1 && exact_;
    absl::StatusOr<StateFile> level = record_.runs[0];
    if (!disjoint) level = MergeRuns("level", record_.levels);
    if (!level.ok()) return level.status();
    record_.runs.clear();
    record_.finished = level->count == 0;
    if (!record_.finished) {
      record_.levels.push_back(*level);
      record_.position = 0;
    }
    exact_ = table_ != nullptr;
    UpdateStats();
    if (record_.finished || SecondsSince(saved_) > kSaveBeforeMerge) return Save();
    return absl::OkStatus();
  }

  absl::Status Save() {
    if (absl::Status status = WriteRun(); !status.ok()) return status;
    UpdateStats();
    saved_ = std::chrono::steady_clock::now();
    return folder_.Save(record_);
  }

  // A disk without room ends the search, but not what is known.
  absl::StatusOr<Search> Full(const absl::Status& status) {
    if (!absl::IsResourceExhausted(status)) return status;
    search_.ending = Search::Ending::kDiskFull;
    search_.why = std::string(status.message());
    return Ended();
  }

  absl::StatusOr<Search> Ended() {
    UpdateStats();
    return search_;
  }

  static constexpr double kSaveBeforeMerge = 5;  // seconds since the last record

  Expander& expander_;
  StateFolder folder_;
  const SearchOptions& options_;
  const uint64_t most_found_;
  SearchRecord record_;
  Search search_;
  std::unique_ptr<StateTable<W>> table_;  // of all states that are known, while they fit
  bool exact_ = false;  // the runs of this level have new states alone, while there is a table
  std::vector<Words> found_;  // not yet written
  RecentStates<W> recent_;
  std::chrono::steady_clock::time_point started_, saved_;
  double seconds_before_ = 0;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_FOLDER_SEARCH_H_
