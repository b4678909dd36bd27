// Several processes, here threads, find what one does; and any number goes on with what
// another number has recorded.
#include <unistd.h>

#include <barrier>
#include <filesystem>
#include <thread>

#include "checker/checker_testing.h"
#include "checker/exchange.h"
#include "fmt/format.h"

namespace selkie {
namespace {

// What the threads share.
struct Meeting {
  explicit Meeting(int ranks)
      : barrier(ranks), boxes(static_cast<size_t>(ranks)), numbers(static_cast<size_t>(ranks)) {}
  std::barrier<> barrier;
  std::vector<std::vector<std::vector<uint64_t>>> boxes;  // by sender, by receiver
  std::vector<std::vector<uint64_t>> numbers;
};

class ThreadExchange : public Exchange {
 public:
  ThreadExchange(Meeting& meeting, int rank)
      : meeting_(meeting), rank_(static_cast<size_t>(rank)) {}
  int rank() const override { return static_cast<int>(rank_); }
  int size() const override { return static_cast<int>(meeting_.boxes.size()); }
  void AllToAll(const std::vector<std::vector<uint64_t>>& to, std::vector<uint64_t>* got) override {
    meeting_.boxes[rank_] = to;
    meeting_.barrier.arrive_and_wait();
    for (const auto& from : meeting_.boxes)
      got->insert(got->end(), from[rank_].begin(), from[rank_].end());
    meeting_.barrier.arrive_and_wait();
  }
  std::vector<uint64_t> Sum(std::vector<uint64_t> numbers) override {
    const auto all = Gather(std::move(numbers));
    std::vector<uint64_t> sum(all[0].size());
    for (const auto& each : all)
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += each[i];
    return sum;
  }
  std::vector<uint64_t> FromFirst(std::vector<uint64_t> numbers) override {
    return Gather(std::move(numbers))[0];
  }

 private:
  std::vector<std::vector<uint64_t>> Gather(std::vector<uint64_t> numbers) {
    meeting_.numbers[rank_] = std::move(numbers);
    meeting_.barrier.arrive_and_wait();
    const auto all = meeting_.numbers;
    meeting_.barrier.arrive_and_wait();
    return all;
  }
  Meeting& meeting_;
  size_t rank_;
};

// What each rank finds.
std::vector<Verdict> Together(int ranks, const Property& property, const Semantics& semantics,
                              const Bounds& bounds, const SearchOptions& options) {
  Meeting meeting(ranks);
  std::vector<Verdict> verdicts(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      ThreadExchange exchange(meeting, rank);
      SearchOptions own = options;
      own.exchange = &exchange;
      absl::StatusOr<Verdict> verdict = Check(property, semantics, nullptr, bounds, own);
      EXPECT_TRUE(verdict.ok()) << verdict.status();
      if (verdict.ok()) verdicts[static_cast<size_t>(rank)] = *std::move(verdict);
    });
  for (std::thread& thread : threads) thread.join();
  return verdicts;
}

TEST(DistributedSearch, AnyNumberOfProcessesFindsWhatOneFinds) {
  for (const char* name : {"linux-5.1", "fw-v3"}) {
    const Semantics semantics = SemanticsNamed(name);
    for (const char* promise : {"no-writable-reopen", "seals-while-mapped"}) {
      const Property property = PropertyNamed(promise);
      const Verdict expected = Ask(property, semantics, property.bounds);
      std::vector<Call> calls;
      for (int ranks = 1; ranks <= 4; ++ranks)
        for (const Verdict& verdict :
             Together(ranks, property, semantics, property.bounds, SearchOptions{})) {
          ExpectSame(verdict, expected);
          // Each rank has the same way, and so has any number of them.
          if (calls.empty()) calls = verdict.witness.sequence.calls;
          EXPECT_EQ(verdict.witness.sequence.calls, calls);
        }
    }
  }
}

TEST(DistributedSearch, AnotherNumberOfProcessesGoesOnFromARecord) {
  const Property property = PropertyAt("bench/memfd-seals.prop");
  const Semantics semantics = *Library::Default().LoadSemantics(InTree("bench/memfd-seals.sem"));
  const Bounds bounds = BoundsOf(property, "processes=2,fds=2,files=1,maps=1");
  const Verdict expected = Ask(property, semantics, bounds);
  SearchOptions options;
  options.folder.path = fmt::format("{}/selkie-ranks-{}", testing::TempDir(), getpid());
  options.folder.question = "of a test";
  options.folder.seconds = 0;  // after each level
  std::atomic<bool> interrupted = false;
  options.interrupted = &interrupted;
  options.progress = [&](const SearchStats& stats) { interrupted = stats.depth % 3 == 2; };
  std::vector<Verdict> verdicts;
  int starts = 0;
  do {
    interrupted = false;
    options.progress = [&, first = true](const SearchStats& stats) mutable {
      interrupted = !first && stats.depth % 3 == 2;
      first = false;
    };
    verdicts = Together(1 + starts % 3, property, semantics, bounds, options);
  } while (verdicts[0].kind == Verdict::Kind::kStopped && ++starts < 50);
  EXPECT_GT(starts, 2);
  ExpectSame(verdicts[0], expected);
  EXPECT_EQ(verdicts[0].resumed, "yes");
  std::filesystem::remove_all(options.folder.path);
}

}  // namespace
}  // namespace selkie
