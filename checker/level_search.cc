#include "checker/level_search.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "checker/canonical_words.h"
#include "checker/level_path.h"
#include "checker/recent_states.h"
#include "checker/state_table.h"
#include "checker/successors.h"
#include "checker/thread_team.h"
#include "checker/waiting_states.h"

namespace selkie {
namespace {

constexpr int kSample = 1500;
constexpr uint64_t kSeed = 1;

// States of one level, in parts that threads take.
template <int W>
class Frontier {
 public:
  using Words = std::array<uint64_t, W>;
  using Part = std::vector<Words>;
  static constexpr size_t kPart = 2048;

  void Add(std::unique_ptr<Part> part) {
    const std::lock_guard lock(mutex_);
    size_ += part->size();
    parts_.push_back(std::move(part));
  }
  std::unique_ptr<Part> Take() {
    const std::lock_guard lock(mutex_);
    if (parts_.empty()) return nullptr;
    std::unique_ptr<Part> part = std::move(parts_.back());
    parts_.pop_back();
    size_ -= part->size();
    return part;
  }
  bool empty() const { return parts_.empty(); }
  std::vector<Words> States() const {
    std::vector<Words> all;
    for (const auto& part : parts_) all.insert(all.end(), part->begin(), part->end());
    return all;
  }
  size_t parts() const { return parts_.size(); }
  uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return size_ * sizeof(Words);
  }
  void Swap(Frontier& other) {
    parts_.swap(other.parts_);
    std::swap(size_, other.size_);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Part>> parts_;
  uint64_t size_ = 0;
};

// What one thread has of its own.  A round is: BeginRound; Expand until many states wait; Insert
// those of each part of the table, of all workers; Collect.
template <int W>
class Worker {
 public:
  using Words = std::array<uint64_t, W>;
  using Part = typename Frontier<W>::Part;

  Worker(const Machine& machine, Encoding& encoding, const std::vector<PackedWords>& sample,
         const SearchOptions& options, StateTable<W>& seen, Frontier<W>& next)
      : successors_(machine, encoding, sample),
        canonical_(machine, encoding),
        renames_(options.symmetry && machine.symmetry().any()),
        recheck_(options.recheck),
        seen_(seen),
        next_(next) {
    constexpr size_t kFewEntries = size_t{1} << 16, kFewAnswers = size_t{1} << 13;
    if (options.compact) successors_.Limit(kFewEntries, kFewAnswers);
  }

  // The form in which a state is kept; false if it has none: see failed().
  bool Canonicalize(Words& words) {
    if (renames_ && !canonical_.Canonicalize(words)) fails_ = true;
    return !fails_;
  }
  bool failed() const { return fails_ || successors_.failure() != Successors<W>::Failure::kNone; }

  Successors<W>& successors() { return successors_; }
  CanonicalWords<W>& canonical() { return canonical_; }
  bool renames() const { return renames_; }
  const Tally& tally() const { return tally_; }

  // For other threads: as of the last Publish.
  struct Published {
    std::atomic<uint64_t> tried = 0, transitions = 0, beyond = 0, seals = 0, bytes = 0, traced = 0;
  };
  const Published& published() const { return published_; }
  void Publish() {
    published_.tried = tally_.tried;
    published_.transitions = tally_.transitions;
    published_.beyond = tally_.beyond;
    published_.seals = tally_.seals;
    published_.bytes = successors_.bytes() + canonical_.bytes() + waiting_.bytes();
    published_.traced = successors_.traced();
  }

  bool disagrees() const { return disagrees_; }

  // How many states may wait in it.
  void BeginRound(size_t states) { waiting_.BeginRound(states); }

  // Expands states from the end of `part` until it is empty or too many states wait or it hits.
  void Expand(Part& part) {
    for (size_t i = 0; i < part.size() && recheck_ > 0; ++i)
      if (++rechecked_ % recheck_ == 0) disagrees_ |= !successors_.AgreesWithMachine(part[i]);
    successors_.Expand(
        part, tally_, [this](const Words& next) { Enter(next); },
        [this] { return waiting_.full() || tally_.hit || fails_; });
    EnterFresh();
  }
  bool full() const { return waiting_.full(); }
  size_t waiting() const { return waiting_.size(); }

  // Looks up what waits for this part of the table.  False: the table is full.
  bool Insert(unsigned part) {
    return seen_.InsertAll(part, waiting_.Of(part), &WaitingStates<W>::MarkNew);
  }

  // Hands on what was new.
  void Collect() {
    // No branch on what is new: it would be mispredicted.
    waiting_.EndRound([this](bool is_new, const Words& mixed) {
      if (out_ == nullptr) out_ = std::make_unique<Part>(Frontier<W>::kPart);
      (*out_)[out_size_] = mixed;
      out_size_ += is_new;
      if (out_size_ == Frontier<W>::kPart) HandOn();
    });
    if (out_size_ > 0) HandOn();
  }

 private:
  // Whether a state is a recent one cannot be predicted either, so that the others are gathered
  // before anything is done with them.
  void Enter(const Words& words) {
    fresh_[fresh_size_] = words;
    fresh_size_ += !recent_.Has(words);
    if (fresh_size_ == kFresh) EnterFresh();
  }

  void EnterFresh() {
    for (size_t i = 0; i < fresh_size_; ++i) {
      if (renames_ && !Canonicalize(fresh_[i])) break;
      const Words mixed = seen_.Mix(fresh_[i]);
      waiting_.Add(seen_.PartOf(mixed), mixed);
    }
    fresh_size_ = 0;
  }

  // What is new, as a part of the next level.
  void HandOn() {
    out_->resize(out_size_);
    for (Words& words : *out_) words = seen_.Unmix(words);
    next_.Add(std::move(out_));
    out_size_ = 0;
  }

  RecentStates<W> recent_;
  Successors<W> successors_;
  CanonicalWords<W> canonical_;
  const bool renames_;
  bool fails_ = false;  // a state has no canonical form: a dictionary is full
  const uint64_t recheck_;
  uint64_t rechecked_ = 0;
  bool disagrees_ = false;
  StateTable<W>& seen_;
  Frontier<W>& next_;
  Tally tally_;
  Published published_;
  WaitingStates<W> waiting_;
  static constexpr size_t kFresh = 64;
  std::array<Words, kFresh> fresh_;  // successors that are no recent states
  size_t fresh_size_ = 0;
  std::unique_ptr<Part> out_;  // new states of the next level, mixed
  size_t out_size_ = 0;
};

enum class Outcome : uint8_t { kDone, kWiden, kMisfit, kDisagrees };

template <int W>
class Searcher {
 public:
  using Words = std::array<uint64_t, W>;
  Searcher(const Machine& machine, const SearchOptions& options, Encoding& encoding,
           const std::vector<PackedWords>& sample, bool keeps_levels, LevelSearch* found)
      : machine_(machine),
        options_(options),
        keeps_levels_(keeps_levels),
        found_(*found),
        team_(static_cast<size_t>(std::max(1, options.threads))),
        seen_(encoding.bits(), options.most_bytes,
              options.compact ? StateTable<W>::Growth::kSmall : StateTable<W>::Growth::kFast) {
    while (workers_.size() < team_.size())
      workers_.push_back(
          std::make_unique<Worker<W>>(machine, encoding, sample, options, seen_, next_));
  }

  Outcome Run() {
    std::optional<Words> initial = workers_[0]->successors().Initial();
    if (!initial.has_value() || !workers_[0]->Canonicalize(*initial)) return Failed();
    seen_.Insert(seen_.Mix(*initial));
    level_.Add(std::make_unique<typename Frontier<W>::Part>(1, *initial));
    SearchStats& stats = found_.stats;
    while (!level_.empty()) {
      if (keeps_levels_) levels_.push_back(level_.States());
      UpdateStats();
      const SearchStats before = stats;
      if (!FinishLevel()) {
        if (found_.ending == LevelSearch::Ending::kHit) stats = before;
        return AnyFailed() ? Failed() : Outcome::kDone;
      }
      if (!next_.empty()) ++stats.depth;
      level_.Swap(next_);
      GiveBack(level_.bytes());
    }
    End(LevelSearch::Ending::kExhausted);
    for (const auto& worker : workers_)
      stats.ops_after_seal |= worker->successors().ops_after_seal();
    return Outcome::kDone;
  }

  // After a hit of a search that keeps its levels.
  absl::Status FindPath() {
    LevelPath<W> finder(machine_, workers_[0]->renames(), workers_[0]->successors(),
                        workers_[0]->canonical(), levels_);
    absl::StatusOr<std::vector<Move>> path = finder.Find();
    if (path.ok()) found_.path = *std::move(path);
    return path.status();
  }

 private:
  // Once levels get smaller, the table needs the memory that they had.
  void GiveBack(uint64_t level_bytes) {
    constexpr uint64_t kWorthIt = uint64_t{1} << 20;
    if (level_bytes + kWorthIt < level_bytes_) malloc_trim(0);
    level_bytes_ = level_bytes;
  }

  // Expands all states of the level; false if the search ends, with found_.ending.
  bool FinishLevel() {
    do {
      BeginRound();
      team_.Run(std::clamp<size_t>(level_.parts(), 1, team_.size()),
                [this](size_t i) { Work(*workers_[i], i == 0); });
      if (AnyFailed()) return false;
      if (std::any_of(workers_.begin(), workers_.end(),
                      [](const auto& worker) { return worker->tally().hit; }))
        return End(LevelSearch::Ending::kHit);
      if (stopped_) return false;
      if (!InsertWaiting() || BytesKept() > options_.most_bytes)
        return End(LevelSearch::Ending::kMemory);
    } while (!level_.empty() || AnyWaits());
    return true;
  }

  void BeginRound() {
    const size_t most =
        std::clamp<size_t>(seen_.count() / (options_.compact ? 16 : 4), kFewWaiting, kMostWaiting);
    // A worker that is faster than others may find more than its share.
    const size_t share = workers_.size() == 1 ? most : most * 5 / 4 / workers_.size();
    for (const auto& worker : workers_) worker->BeginRound(share);
    may_wait_ = static_cast<int64_t>(most);
    pause_ = false;
  }

  bool AnyWaits() const {
    return std::any_of(workers_.begin(), workers_.end(),
                       [](const auto& worker) { return worker->waiting() > 0; });
  }

  bool MuchWaits() const {
    constexpr size_t kMuch = 8192;
    size_t waiting = 0;
    for (const auto& worker : workers_) waiting += worker->waiting();
    return waiting > kMuch;
  }

  // Takes parts of the level until there are none, or all must pause, or too many states wait.
  void Work(Worker<W>& worker, bool is_first) {
    while (!pause_ && !worker.full() && may_wait_ > 0) {
      std::unique_ptr<typename Frontier<W>::Part> part = level_.Take();
      if (part == nullptr) break;
      const size_t waited = worker.waiting();
      worker.Expand(*part);
      may_wait_ -= static_cast<int64_t>(worker.waiting() - waited);
      worker.Publish();
      if (!part->empty()) level_.Add(std::move(part));
      if (worker.tally().hit || worker.failed()) pause_ = true;
      if (is_first && MustStop()) pause_ = true;
    }
  }

  // False if the table is full.
  bool InsertWaiting() {
    const size_t useful = MuchWaits() ? workers_.size() : 1;
    std::atomic<unsigned> next = 0;
    std::atomic<bool> fits = true;
    team_.Run(useful, [&](size_t) {
      for (unsigned part = next++; part < StateTable<W>::kParts; part = next++)
        for (const auto& worker : workers_)
          if (!worker->Insert(part)) fits = false;
    });
    if (!fits) return false;
    if (useful > 1)
      team_.Run(useful, [this](size_t i) { workers_[i]->Collect(); });
    else
      for (const auto& worker : workers_) worker->Collect();
    return true;
  }

  bool MustStop() {
    UpdateStats();
    if (options_.progress) options_.progress(found_.stats);
    if (options_.interrupted != nullptr && options_.interrupted->load())
      stopped_ = !End(LevelSearch::Ending::kInterrupted);
    uint64_t traced = 0;
    for (const auto& worker : workers_) traced += worker->published().traced;
    if (traced > kMostTraced && traced > kMostTracedPerState * seen_.count())
      stopped_ = !End(LevelSearch::Ending::kIneffective);
    return stopped_;
  }

  bool End(LevelSearch::Ending ending) {
    UpdateStats();
    found_.ending = ending;
    return false;
  }

  bool AnyFailed() const {
    return std::any_of(workers_.begin(), workers_.end(),
                       [](const auto& worker) { return worker->disagrees() || worker->failed(); });
  }
  Outcome Failed() const {
    for (const auto& worker : workers_)
      if (worker->disagrees()) return Outcome::kDisagrees;
    for (const auto& worker : workers_)
      if (worker->successors().failure() == Successors<W>::Failure::kMisfit)
        return Outcome::kMisfit;
    return Outcome::kWiden;
  }

  uint64_t BytesKept() const {
    uint64_t bytes = seen_.bytes() + level_.bytes() + next_.bytes();
    for (const auto& worker : workers_) bytes += worker->published().bytes;
    for (const auto& level : levels_) bytes += level.size() * sizeof(Words);
    return bytes;
  }

  void UpdateStats() {
    SearchStats& stats = found_.stats;
    stats.tried = stats.transitions = stats.beyond = stats.seals = 0;
    for (const auto& worker : workers_) {
      const auto& published = worker->published();
      stats.tried += published.tried;
      stats.transitions += published.transitions;
      stats.beyond += published.beyond;
      stats.seals += published.seals;
    }
    stats.states = seen_.count();
    stats.bytes = BytesKept();
  }

  // States that wait to be looked up: enough of them that most of a part of the table is asked
  // for while it is in the cache, and few beside those that are stored.
  static constexpr size_t kFewWaiting = size_t{1} << 17, kMostWaiting = size_t{1} << 23;
  // Beyond both, a cache is of no use.
  static constexpr uint64_t kMostTraced = 200'000, kMostTracedPerState = 4;

  const Machine& machine_;
  const SearchOptions& options_;
  const bool keeps_levels_;
  std::vector<std::vector<Words>> levels_;
  LevelSearch& found_;
  ThreadTeam team_;
  StateTable<W> seen_;
  Frontier<W> level_, next_;
  uint64_t level_bytes_ = 0;
  std::vector<std::unique_ptr<Worker<W>>> workers_;
  std::atomic<bool> pause_ = false;
  std::atomic<int64_t> may_wait_ = 0;  // how many more states, of all workers
  bool stopped_ = false;
};

// Searches, and once more with all levels kept if there is a hit.
template <int W>
absl::StatusOr<Outcome> RunSearcher(const Machine& machine, const SearchOptions& options,
                                    Encoding& encoding, const std::vector<PackedWords>& sample,
                                    LevelSearch* found) {
  for (const bool keeps_levels : {false, true}) {
    Searcher<W> searcher(machine, options, encoding, sample, keeps_levels, found);
    const Outcome outcome = searcher.Run();
    if (outcome != Outcome::kDone || found->ending != LevelSearch::Ending::kHit) return outcome;
    if (!keeps_levels) {
      *found = LevelSearch{};
      found->stats.bits = encoding.bits();
    } else if (absl::Status status = searcher.FindPath(); !status.ok()) {
      return status;
    }
  }
  return Outcome::kDone;
}

// With the dictionaries as they are.
absl::StatusOr<Outcome> RunAnyWidth(const Machine& machine, const SearchOptions& options,
                                    Encoding& encoding, const std::vector<PackedWords>& sample,
                                    LevelSearch* found) {
  switch (encoding.words()) {
    case 1: return RunSearcher<1>(machine, options, encoding, sample, found);
    case 2: return RunSearcher<2>(machine, options, encoding, sample, found);
    case 3: return RunSearcher<3>(machine, options, encoding, sample, found);
    case 4: return RunSearcher<4>(machine, options, encoding, sample, found);
    default: found->ending = LevelSearch::Ending::kIneffective;
  }
  return Outcome::kDone;
}

}  // namespace

bool CanSearchLevels(const Machine& machine, const SearchOptions& options) {
  return !options.all_kinds && Encoding(machine.layout(), Encoding::Kind::kDense).words() <= 4;
}

absl::StatusOr<LevelSearch> SearchLevels(const Machine& machine, const SearchOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  SearchOptions timed = options;
  if (options.progress)
    timed.progress = [&](const SearchStats& stats) {
      SearchStats with_time = stats;
      with_time.seconds = seconds();
      options.progress(with_time);
    };
  Encoding encoding(machine.layout(),
                    options.compact ? Encoding::Kind::kTight : Encoding::Kind::kDense);
  const std::vector<PackedWords> sample = SampleOf(machine, kSample, kSeed);
  for (const PackedWords& packed : sample) {
    PackedWords words;
    encoding.Encode(packed, &words);
  }
  while (true) {
    encoding.Widen();
    LevelSearch found;
    found.stats.bits = encoding.bits();
    const absl::StatusOr<Outcome> outcome = RunAnyWidth(machine, timed, encoding, sample, &found);
    if (!outcome.ok()) return outcome.status();
    found.stats.seconds = seconds();
    switch (*outcome) {
      case Outcome::kDone: return found;
      case Outcome::kWiden: break;
      case Outcome::kMisfit: return absl::InternalError("checker: a state does not fit its layout");
      case Outcome::kDisagrees:
        return absl::InternalError(
            "checker: successors that were learnt differ from those that the machine makes");
    }
  }
}

}  // namespace selkie
