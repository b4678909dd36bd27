#include "checker/level_search.h"

#include "checker/checker_testing.h"
#include "checker/explore_engine.h"
#include "checker/single_system.h"

namespace selkie {
namespace {

struct LevelQuestion {
  const char* semantics;
  const char* property;
  const char* bounds;
};

// Both engines, with and without symmetry, with one thread and with several.
void SameAnswers(const LevelQuestion& question) {
  const Property property = PropertyNamed(question.property);
  const Semantics semantics = SemanticsNamed(question.semantics);
  const Machine machine = MachineOf(property, semantics, question.bounds);
  for (const bool symmetry : {false, true}) {
    SearchOptions options;
    options.symmetry = symmetry;
    options.recheck = 7;
    const absl::StatusOr<Search> search = RunEngine(SingleSystem{machine}, options);
    ASSERT_TRUE(search.ok()) << search.status();
    const bool hit = search->ending == Search::Ending::kHit;
    for (options.threads = 0; options.threads <= 3; ++options.threads) {
      options.compact = options.threads % 3 == 0;
      SCOPED_TRACE(testing::Message()
                   << question.semantics << " " << question.property << " symmetry " << symmetry
                   << " threads " << options.threads);
      const absl::StatusOr<LevelSearch> levels = SearchLevels(machine, options);
      ASSERT_TRUE(levels.ok()) << levels.status();
      ASSERT_EQ(levels->ending, hit ? LevelSearch::Ending::kHit : LevelSearch::Ending::kExhausted);
      if (hit) {
        ASSERT_EQ(levels->path.size(), search->path.size());
        for (size_t i = 0; i < search->path.size(); ++i)
          EXPECT_EQ(levels->path[i].call, search->path[i].call) << "call " << i;
        continue;
      }
      const SearchStats &a = search->stats, &b = levels->stats;
      EXPECT_EQ(a.states, b.states);
      EXPECT_EQ(a.transitions, b.transitions);
      EXPECT_EQ(a.tried, b.tried);
      EXPECT_EQ(a.beyond, b.beyond);
      EXPECT_EQ(a.depth, b.depth);
      EXPECT_EQ(a.seals, b.seals);
      EXPECT_EQ(a.ops_after_seal, b.ops_after_seal);
    }
  }
}

TEST(SearchLevels, FindsWhatTheEngineWithParentsFinds) {
  constexpr LevelQuestion kQuestions[] = {
      {"linux-5.1", "no-write-call", "processes=1,fds=2,files=2,maps=1"},
      {"linux-5.1", "no-new-writable-mapping", "processes=1,fds=2,files=2,maps=2"},
      {"fw-v3", "no-writable-reopen", "processes=2,fds=2,files=2,maps=1"},
      {"dup2-over", "every-copy-sealed", "processes=2,fds=2,files=2,maps=1"},
      {"readonly-fd-proc", "receiver-cannot-write", "processes=2,fds=2,files=2,maps=1"},
      {"linux-7.2", "no-copied-mapping", "processes=2,fds=1,files=2,maps=2"},
      {"linux-4.20", "fixed-size", "processes=2,fds=1,files=1,maps=1"},
      {"ashmem", "old-mapping-writes", "processes=2,fds=2,files=2,maps=1"},
  };
  for (const LevelQuestion& question : kQuestions) SameAnswers(question);
}

TEST(SearchLevels, OfTheBenchmarkProblemHasTheCountsOfTheTable) {
  const Property property = PropertyAt("bench/memfd-seals.prop");
  const Semantics semantics = SemanticsNamed(InTree("bench/memfd-seals.sem"));
  const Machine machine = MachineOf(property, semantics, "processes=2,fds=2,files=2,maps=1");
  SearchOptions options;
  options.symmetry = false;
  options.threads = 2;
  const absl::StatusOr<LevelSearch> levels = SearchLevels(machine, options);
  ASSERT_TRUE(levels.ok()) << levels.status();
  EXPECT_EQ(levels->ending, LevelSearch::Ending::kExhausted);
  EXPECT_EQ(levels->stats.states, 421'313u);
  EXPECT_EQ(levels->stats.transitions, 4'143'586u);
  EXPECT_EQ(levels->stats.depth, 19);
}

TEST(SearchLevels, StopsWhereItMayTakeNoMoreMemory) {
  const Property property = PropertyAt("bench/memfd-seals.prop");
  const Semantics semantics = SemanticsNamed(InTree("bench/memfd-seals.sem"));
  const Machine machine = MachineOf(property, semantics, "processes=2,fds=2,files=2,maps=1");
  SearchOptions options;
  options.symmetry = false;
  options.most_bytes = 1 << 20;
  const absl::StatusOr<LevelSearch> levels = SearchLevels(machine, options);
  ASSERT_TRUE(levels.ok()) << levels.status();
  EXPECT_EQ(levels->ending, LevelSearch::Ending::kMemory);
}

}  // namespace
}  // namespace selkie
