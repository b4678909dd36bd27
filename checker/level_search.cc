#include "checker/level_search.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>

#include "checker/canonical_words.h"
#include "checker/compact_set.h"
#include "checker/level_path.h"
#include "checker/recent_states.h"
#include "checker/state_set.h"
#include "checker/successors.h"

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

// What one thread has of its own.  Set: StateSet<W>, or CompactSet.
template <int W, typename Set>
class Worker {
 public:
  using Words = std::array<uint64_t, W>;
  using Part = typename Frontier<W>::Part;

  Worker(const Machine& machine, Encoding& encoding, const std::vector<PackedWords>& sample,
         const SearchOptions& options, Set& seen, Frontier<W>& next)
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
    published_.bytes = successors_.bytes() + canonical_.bytes();
    published_.traced = successors_.traced();
  }
  bool must_grow() const { return !pending_.empty(); }

  bool disagrees() const { return disagrees_; }

  // Expands states from the end of `part` until it is empty or the table is full or it hits.
  void Expand(Part& part) {
    for (size_t i = 0; i < part.size() && recheck_ > 0; ++i)
      if (++rechecked_ % recheck_ == 0) disagrees_ |= !successors_.AgreesWithMachine(part[i]);
    successors_.Expand(
        part, tally_, [this](const Words& next) { Enter(next); },
        [this] { return !pending_.empty() || tally_.hit || fails_; });
  }

  // Looks up everything that waits, and hands on what is new.
  void Flush() {
    while (left_ < entered_) Leave();
    seen_.Count(inserted_);
    inserted_ = 0;
    if (out_ != nullptr && !out_->empty()) next_.Add(std::move(out_));
    out_.reset();
  }

  // After the table has grown.
  void EnterPending() {
    std::vector<Words> pending;
    pending.swap(pending_);
    for (const Words& words : pending) LookUp(words);
    Flush();
  }

 private:
  static constexpr uint64_t kRing = 64;
  struct Waiting {
    Words words;
    uint64_t hash;
  };

  void Enter(const Words& words) {
    if (recent_.Has(words)) return;
    if (!renames_) return LookUp(words);
    Words canonical = words;
    if (Canonicalize(canonical)) LookUp(canonical);
  }

  void LookUp(const Words& words) {
    const uint64_t hash = seen_.HashOf(words);
    if (entered_ - left_ == kRing) Leave();
    Waiting& waiting = ring_[entered_ % kRing];
    waiting = {words, hash};
    seen_.Prefetch(waiting.hash);
    ++entered_;
    if (entered_ - left_ > kRing / 2)
      seen_.PrefetchMore(ring_[(entered_ - kRing / 2 - 1) % kRing].hash);
  }

  void Leave() {
    const Waiting& waiting = ring_[left_++ % kRing];
    switch (seen_.Insert(waiting.words, waiting.hash)) {
      case StateSet<W>::Inserted::kKnown: return;
      case StateSet<W>::Inserted::kFull: pending_.push_back(waiting.words); return;
      case StateSet<W>::Inserted::kNew: break;
    }
    if (++inserted_ == kCountEvery) {
      seen_.Count(inserted_);
      inserted_ = 0;
    }
    if (out_ == nullptr) {
      out_ = std::make_unique<Part>();
      out_->reserve(Frontier<W>::kPart);
    }
    out_->push_back(waiting.words);
    if (out_->size() == Frontier<W>::kPart) next_.Add(std::move(out_));
  }

  static constexpr uint64_t kCountEvery = 64;

  RecentStates<W> recent_;
  Successors<W> successors_;
  CanonicalWords<W> canonical_;
  const bool renames_;
  bool fails_ = false;  // a state has no canonical form: a dictionary is full
  const uint64_t recheck_;
  uint64_t rechecked_ = 0;
  bool disagrees_ = false;
  Set& seen_;
  Frontier<W>& next_;
  Tally tally_;
  Published published_;
  std::unique_ptr<Part> out_;   // new states of the next level
  std::vector<Words> pending_;  // that the table had no room for
  uint64_t inserted_ = 0;       // not yet counted in the table
  std::array<Waiting, kRing> ring_{};
  uint64_t entered_ = 0, left_ = 0;
};

enum class Outcome : uint8_t { kDone, kWiden, kMisfit, kDisagrees };

template <int W, typename Set>
class Searcher {
 public:
  using Words = std::array<uint64_t, W>;
  Searcher(const Machine& machine, const SearchOptions& options, Encoding& encoding,
           const std::vector<PackedWords>& sample, bool keeps_levels, std::unique_ptr<Set> seen,
           LevelSearch* found)
      : machine_(machine),
        options_(options),
        keeps_levels_(keeps_levels),
        found_(*found),
        seen_(std::move(seen)) {
    const int threads = std::max(1, options.threads);
    for (int i = 0; i < threads; ++i)
      workers_.push_back(
          std::make_unique<Worker<W, Set>>(machine, encoding, sample, options, *seen_, next_));
  }

  Outcome Run() {
    std::optional<Words> initial = workers_[0]->successors().Initial();
    if (!initial.has_value() || !workers_[0]->Canonicalize(*initial)) return Failed();
    seen_->Insert(*initial, seen_->HashOf(*initial));
    seen_->Count(1);
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
  // Expands all states of the level; false if the search ends, with found_.ending.
  bool FinishLevel() {
    while (true) {
      RunWorkers();
      if (AnyFailed()) return false;
      bool hit = false, must_grow = false;
      for (const auto& worker : workers_) {
        hit |= worker->tally().hit;
        must_grow |= worker->must_grow();
      }
      if (hit) return End(LevelSearch::Ending::kHit);
      if (stopped_) return false;
      if (must_grow && !Grow()) return End(LevelSearch::Ending::kMemory);
      if (level_.empty() && !must_grow) return true;
    }
  }

  bool Grow() {
    bool again = true;
    while (again) {
      if (!seen_->Grow() || BytesKept() > options_.most_bytes) return false;
      again = false;
      for (const auto& worker : workers_) {
        worker->EnterPending();
        again |= worker->must_grow();
      }
    }
    return true;
  }

  void RunWorkers() {
    pause_ = false;
    std::vector<std::thread> threads;
    const size_t useful = std::min(workers_.size(), level_.parts());
    for (size_t i = 1; i < useful; ++i)
      threads.emplace_back([this, i] { Work(*workers_[i], false); });
    Work(*workers_[0], true);
    for (std::thread& thread : threads) thread.join();
  }

  // Takes parts of the level until there are none, or all must pause.
  void Work(Worker<W, Set>& worker, bool is_first) {
    while (!pause_) {
      std::unique_ptr<typename Frontier<W>::Part> part = level_.Take();
      if (part == nullptr) break;
      worker.Expand(*part);
      worker.Publish();
      if (!part->empty()) {
        level_.Add(std::move(part));
        pause_ = true;
      }
      if (worker.tally().hit || worker.failed()) pause_ = true;
      if (is_first && MustStop()) pause_ = true;
    }
    worker.Flush();
    if (worker.must_grow()) pause_ = true;
  }

  bool MustStop() {
    UpdateStats();
    if (options_.progress) options_.progress(found_.stats);
    if (options_.interrupted != nullptr && options_.interrupted->load())
      stopped_ = !End(LevelSearch::Ending::kInterrupted);
    uint64_t traced = 0;
    for (const auto& worker : workers_) traced += worker->published().traced;
    if (traced > kMostTraced && traced > kMostTracedPerState * seen_->count())
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
    uint64_t bytes = seen_->bytes() + level_.bytes() + next_.bytes();
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
    stats.states = seen_->count();
    stats.bytes = BytesKept();
  }

  // Beyond both, a cache is of no use.
  static constexpr uint64_t kMostTraced = 200'000, kMostTracedPerState = 4;

  const Machine& machine_;
  const SearchOptions& options_;
  const bool keeps_levels_;
  std::vector<std::vector<Words>> levels_;
  LevelSearch& found_;
  std::unique_ptr<Set> seen_;
  Frontier<W> level_, next_;
  std::vector<std::unique_ptr<Worker<W, Set>>> workers_;
  std::atomic<bool> pause_ = false;
  bool stopped_ = false;
};

template <typename Set>
std::unique_ptr<Set> MakeSet(const SearchOptions& options, const Encoding& encoding) {
  if constexpr (std::is_same_v<Set, CompactSet>)
    return std::make_unique<Set>(encoding.bits(), options.most_bytes);
  else
    return std::make_unique<Set>(options.most_bytes);
}

// Searches, and once more with all levels kept if there is a hit.
template <int W, typename Set = StateSet<W>>
absl::StatusOr<Outcome> RunSearcher(const Machine& machine, const SearchOptions& options,
                                    Encoding& encoding, const std::vector<PackedWords>& sample,
                                    LevelSearch* found) {
  for (const bool keeps_levels : {false, true}) {
    Searcher<W, Set> searcher(machine, options, encoding, sample, keeps_levels,
                              MakeSet<Set>(options, encoding), found);
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
    case 1:
      if (options.compact)
        return RunSearcher<1, CompactSet>(machine, options, encoding, sample, found);
      return RunSearcher<1>(machine, options, encoding, sample, found);
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
  if (options.compact) timed.threads = 1;
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
