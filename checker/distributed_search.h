// Breadth-first search by several processes, each of which owns the states of its hash.
//
// Each level is expanded by all in rounds: a process expands some of its states, sends each
// successor to its owner, and takes what is sent to it.  A level ends when nobody has states
// left.  Levels are kept, so that the way to a step that hits is found by going back through
// them, all processes looking for a predecessor among their own.
//
// With SearchOptions::folder each process writes its part of each level to a folder of its own,
// and rank 0 records up to which level all have; any number of processes goes on from there, if
// all can read that folder.
// Internal to checker/.
#ifndef SELKIE_CHECKER_DISTRIBUTED_SEARCH_H_
#define SELKIE_CHECKER_DISTRIBUTED_SEARCH_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checker/concrete_path.h"
#include "checker/exchange.h"
#include "checker/explore.h"
#include "checker/recent_states.h"
#include "checker/state_files.h"
#include "checker/state_table.h"
#include "checker/successors.h"
#include "fmt/format.h"

namespace selkie {

template <typename System, typename Expander, int W>
class DistributedSearch {
 public:
  using Words = std::array<uint64_t, W>;
  using Node = typename System::Node;

  DistributedSearch(const System& system, Expander& expander, const SearchOptions& options)
      : system_(system),
        expander_(expander),
        options_(options),
        exchange_(*options.exchange),
        table_(64 * W - 1, options.most_bytes / 2),
        to_(static_cast<size_t>(exchange_.size())) {}

  absl::StatusOr<Search> Run() {
    started_ = std::chrono::steady_clock::now();
    if (absl::Status status = Begin(); !status.ok()) return status;
    while (true) {
      if (!ExpandLevel()) break;
      if (Total(next_.size()) == 0) {
        search_.ending = Search::Ending::kExhausted;
        break;
      }
      levels_.push_back(std::move(next_));
      next_.clear();
      if (absl::Status status = Record(); !status.ok()) return status;
    }
    Collect();
    if (Total(problem_.ok() ? 0 : 1) > 0)
      return problem_.ok() ? absl::InternalError("another process of the search failed") : problem_;
    if (search_.ending == Search::Ending::kHit)
      if (absl::Status status = FindPath(); !status.ok()) return status;
    return search_;
  }

 private:
  static constexpr size_t kRound = 16384;  // states that a process expands in one round

  int Owner(uint64_t hash) const {
    // Not the bits that place a state in its owner's table.
    return static_cast<int>((hash & 0xffffff) % static_cast<uint64_t>(exchange_.size()));
  }
  uint64_t Total(uint64_t number) { return exchange_.Sum({number})[0]; }

  absl::Status Begin() {
    const absl::StatusOr<Words> initial = expander_.Initial();
    if (!initial.ok()) return initial.status();
    if (!options_.folder.path.empty())
      if (absl::Status status = Resume(); !status.ok()) return status;
    if (levels_.empty()) {
      levels_.emplace_back();
      if (Owner(HashOfWords(*initial)) == exchange_.rank()) Accept(*initial);
      levels_.back().swap(next_);
    }
    return absl::OkStatus();
  }

  void Accept(const Words& state) {
    const Inserted inserted = table_.Insert(table_.Mix(state));
    if (inserted == Inserted::kFull) full_ = true;
    if (inserted != Inserted::kNew) return;
    next_.push_back(state);
  }

  // False if the search ends, with search_.ending.
  bool ExpandLevel() {
    const std::vector<Words>& level = levels_.back();
    for (size_t at = 0;;) {
      const size_t count = std::min(kRound, level.size() - at);
      std::vector<Words> block(level.begin() + static_cast<ptrdiff_t>(at),
                               level.begin() + static_cast<ptrdiff_t>(at + count));
      at += count;
      expander_.Expand(
          block, tally_, [&](const Words& next) { Send(next); }, [] { return false; });
      std::vector<uint64_t> got;
      CountMessages();
      exchange_.AllToAll(to_, &got);
      for (std::vector<uint64_t>& words : to_) words.clear();
      for (size_t i = 0; i + W <= got.size(); i += W) {
        Words words;
        std::copy_n(got.begin() + static_cast<ptrdiff_t>(i), W, words.begin());
        Accept(words);
      }
      const bool stop = options_.interrupted != nullptr && options_.interrupted->load();
      const std::vector<uint64_t> all = exchange_.Sum(
          {tally_.hit, stop, full_, expander_.failed(), level.size() - at, table_.count()});
      if (expander_.failed())
        problem_ = absl::InternalError("checker: a state does not fit its layout");
      if (all[0] > 0) return End(Search::Ending::kHit);
      if (all[1] > 0 || all[3] > 0) return End(Search::Ending::kInterrupted);
      if (all[2] > 0) return End(Search::Ending::kMemory);
      Show(all[5]);
      if (all[4] == 0) return true;
    }
  }

  void Send(const Words& next) {
    if (recent_.Has(next)) return;
    const int owner = Owner(HashOfWords(next));
    if (owner == exchange_.rank()) return Accept(next);
    std::vector<uint64_t>& words = to_[static_cast<size_t>(owner)];
    words.insert(words.end(), next.begin(), next.end());
  }

  void CountMessages() {
    for (const std::vector<uint64_t>& words : to_) {
      messages_ += words.empty() ? 0 : 1;
      sent_bytes_ += words.size() * sizeof(uint64_t);
    }
  }

  bool End(Search::Ending ending) {
    search_.ending = ending;
    return false;
  }

  double Seconds() const {
    return seconds_before_ +
           std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  }

  void Show(uint64_t states) {
    if (!options_.progress || exchange_.rank() != 0) return;
    SearchStats stats;
    stats.states = states;
    stats.depth = static_cast<int>(levels_.size()) - 1;
    stats.seconds = Seconds();
    stats.bytes = Bytes() * static_cast<uint64_t>(exchange_.size());
    options_.progress(stats);
  }

  uint64_t Bytes() const {
    uint64_t kept = next_.size();
    for (const std::vector<Words>& level : levels_) kept += level.size();
    return table_.bytes() + kept * sizeof(Words);
  }

  // The counts of all.
  void Collect() {
    OpSet ops = ops_before_ | expander_.ops_after_seal();
    std::vector<uint64_t> numbers = {tally_.tried, tally_.transitions, tally_.beyond,
                                     tally_.seals, table_.count(),     Bytes(),
                                     messages_,    sent_bytes_};
    for (size_t i = 0; i < ops.size(); ++i) numbers.push_back(ops.test(i) ? 1 : 0);
    const std::vector<uint64_t> all = exchange_.Sum(std::move(numbers));
    SearchStats& stats = search_.stats;
    stats.tried = all[0];
    stats.transitions = all[1];
    stats.beyond = all[2];
    stats.seals = all[3];
    stats.states = all[4];
    stats.bytes = all[5];
    stats.messages = all[6];
    stats.sent_bytes = all[7];
    for (size_t i = 0; i < ops.size(); ++i)
      if (all[8 + i] > 0) stats.ops_after_seal.set(i);
    stats.depth = static_cast<int>(levels_.size()) - 1;
    stats.seconds = Seconds();
    stats.bits = expander_.bits();
  }

  // ---- The way to a step that hits ----

  // The least of the states that the ranks found, for all; nothing if none did.
  std::optional<Words> Least(const std::optional<Words>& own) {
    std::vector<uint64_t> numbers(static_cast<size_t>(exchange_.size()) * (W + 1));
    if (own.has_value()) {
      uint64_t* const here = &numbers[static_cast<size_t>(exchange_.rank()) * (W + 1)];
      here[0] = 1;
      std::copy(own->begin(), own->end(), here + 1);
    }
    const std::vector<uint64_t> all = exchange_.Sum(std::move(numbers));
    std::optional<Words> least;
    for (size_t i = 0; i < all.size(); i += W + 1) {
      Words words;
      std::copy_n(all.begin() + static_cast<ptrdiff_t>(i + 1), W, words.begin());
      if (all[i] != 0 && (!least.has_value() || words < *least)) least = words;
    }
    return least;
  }

  std::optional<Words> LeastIn(size_t level, const Words* target) {
    std::optional<Words> own;
    Node node = system_.Initial();
    for (const Words& words : levels_[level]) {
      if (own.has_value() && !(words < *own)) continue;
      expander_.Load(words, node);
      if (TakeMoveTo(system_, expander_, node, target, nullptr)) own = words;
    }
    return Least(own);
  }

  absl::Status FindPath() {
    const size_t last = levels_.size() - 1;
    size_t level = last - (last > 0 ? 1 : 0);  // a hit may be noticed a level late
    std::optional<Words> from;
    for (; level <= last && !from.has_value(); ++level) from = LeastIn(level, nullptr);
    --level;
    if (!from.has_value())
      return absl::InternalError("checker: a step that hits cannot be found again");
    std::vector<Words> chain = {*from};
    while (level-- > 0) {
      const std::optional<Words> before = LeastIn(level, &chain.back());
      if (!before.has_value())
        return absl::InternalError("checker: no state of a level leads to one of the next");
      chain.push_back(*before);
    }
    absl::StatusOr<std::vector<Move>> path = PathAlong(system_, expander_, chain);
    if (path.ok()) search_.path = *std::move(path);
    return path.status();
  }

  // ---- Records ----
  //
  // Each start of the search has a part of its own in the folder, with a folder for each rank.
  // The record of the whole says which part counts, and up to which level.

  std::string PartOf(uint64_t part, int rank) const {
    return fmt::format("{}/part-{}/rank-{}", options_.folder.path, part, rank);
  }

  // After a level, if it is time: each rank its states, and then rank 0 that all have them.
  absl::Status Record() {
    if (options_.folder.path.empty()) return absl::OkStatus();
    const bool due = exchange_.rank() == 0 && Seconds() >= recorded_ + options_.folder.seconds;
    if (Total(due ? 1 : 0) == 0) return absl::OkStatus();
    recorded_ = Seconds();
    if (absl::Status status = Agree(RecordOwn()); !status.ok()) return status;
    Collect();
    return Agree(exchange_.rank() == 0 ? RecordWhole() : absl::OkStatus());
  }

  // A status that is an error if any rank's is.
  absl::Status Agree(absl::Status status) {
    if (Total(status.ok() ? 0 : 1) == 0 || !status.ok()) return status;
    return absl::UnavailableError("another process of the search failed");
  }

  absl::Status RecordOwn() {
    if (!folder_.has_value()) {
      absl::StatusOr<StateFolder> folder = StateFolder::Open(PartOf(part_, exchange_.rank()));
      if (!folder.ok()) return folder.status();
      folder_ = *std::move(folder);
    }
    for (size_t i = record_.levels.size(); i < levels_.size(); ++i) {
      StateWriter out(*folder_, fmt::format("level-{}-{}.states", i, record_.next_number++));
      for (const Words& words : levels_[i]) out.Add(words.data(), W);
      absl::StatusOr<StateFile> file = out.Finish(W);
      if (!file.ok()) return file.status();
      record_.levels.push_back(*file);
    }
    record_.question = options_.folder.question;
    record_.words = W;
    return folder_->Save(record_);
  }

  absl::Status RecordWhole() {
    SearchRecord whole;
    whole.question = options_.folder.question;
    whole.words = W;
    whole.stats = search_.stats;
    whole.numbers = {{"part", part_},
                     {"ranks", static_cast<uint64_t>(exchange_.size())},
                     {"levels", levels_.size()}};
    if (absl::Status status = whole_->Save(whole); !status.ok()) return status;
    std::error_code error;
    if (part_ > 0)
      std::filesystem::remove_all(fmt::format("{}/part-{}", options_.folder.path, part_ - 1),
                                  error);
    return absl::OkStatus();
  }

  absl::StatusOr<SearchRecord> LoadWhole() {
    absl::StatusOr<StateFolder> folder = StateFolder::Open(options_.folder.path);
    if (!folder.ok()) return folder.status();
    whole_ = *std::move(folder);
    return whole_->Load(options_.folder.question, W, &search_.resumed);
  }

  // Takes the states that this rank owns now from what all ranks had recorded.
  absl::Status Resume() {
    absl::StatusOr<SearchRecord> whole = SearchRecord{};
    if (exchange_.rank() == 0) whole = LoadWhole();
    if (absl::Status status = Agree(whole.status()); !status.ok()) return status;
    const std::vector<uint64_t> said = exchange_.FromFirst(
        {whole->numbers["part"], whole->numbers["ranks"], whole->numbers["levels"]});
    if (said[1] == 0) return absl::OkStatus();
    part_ = said[0] + 1;
    if (exchange_.rank() == 0) {
      tally_.tried = whole->stats.tried;
      tally_.transitions = whole->stats.transitions;
      tally_.beyond = whole->stats.beyond;
      tally_.seals = whole->stats.seals;
      ops_before_ = whole->stats.ops_after_seal;
      seconds_before_ = whole->stats.seconds;
    }
    search_.resumed = "yes";
    absl::Status status;
    for (uint64_t rank = 0; rank < said[1] && status.ok(); ++rank)
      status = TakeFrom(PartOf(said[0], static_cast<int>(rank)), said[2]);
    next_.clear();
    return Agree(status);
  }

  absl::Status TakeFrom(const std::string& path, uint64_t levels) {
    const StateFolder folder = StateFolder::OpenToRead(path);
    std::string why;
    absl::StatusOr<SearchRecord> record = folder.Load(options_.folder.question, W, &why);
    if (!record.ok()) return record.status();
    if (record->levels.size() < levels)
      return absl::DataLossError(
          fmt::format("{}: {} of {} levels are there", path, record->levels.size(), levels));
    levels_.resize(levels);
    for (uint64_t i = 0; i < levels; ++i) {
      const absl::Status status =
          ForEachState<W>(folder, record->levels[i], [&](const Words& state) {
            if (Owner(HashOfWords(state)) == exchange_.rank()) {
              Accept(state);
              levels_[i].push_back(state);
            }
            return false;
          });
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  const System& system_;
  Expander& expander_;
  const SearchOptions& options_;
  Exchange& exchange_;
  StateTable<W> table_;
  std::vector<std::vector<Words>> levels_;  // own states, by depth
  std::vector<Words> next_;
  std::vector<std::vector<uint64_t>> to_;
  RecentStates<W> recent_;
  Tally tally_;
  OpSet ops_before_;
  bool full_ = false;
  absl::Status problem_;
  uint64_t messages_ = 0, sent_bytes_ = 0;
  Search search_;
  SearchRecord record_;
  std::optional<StateFolder> folder_, whole_;  // this rank's; of the whole, for rank 0
  uint64_t part_ = 0;
  double recorded_ = 0, seconds_before_ = 0;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_DISTRIBUTED_SEARCH_H_
