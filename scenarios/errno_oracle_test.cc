#include "scenarios/errno_oracle.h"

#include <cerrno>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/step.h"
#include "scenarios/sequence_testing.h"

namespace selkie {
namespace {

using ::testing::IsSupersetOf;

// What the calls of a kind give, in all combinations of up to `most` errors.
std::map<Op, std::set<int64_t>> ErrnosSeen(const Semantics& semantics, int most, int64_t* trials) {
  const ErrnoOracle oracle(semantics, most);
  ErrnoTally tally;
  std::map<Op, std::set<int64_t>> seen;
  for (int64_t unit = 0; unit < oracle.units(); ++unit)
    oracle.Run(
        unit,
        [&](const ErrnoTrials& t) {
          const Trace trace = Replay(t.sequence, semantics);
          for (size_t i = t.first; i < trace.results.size(); ++i, ++*trials) {
            const Result& r = trace.results[i];
            EXPECT_NE(r.kind, Result::Kind::kBound);
            EXPECT_TRUE(i + 1 == trace.results.size() || !r.changed) << "only the last may change";
            seen[t.sequence.calls[i].op].insert(r.kind == Result::Kind::kErrno ? r.value : 0);
          }
          for (size_t i = 0; i < t.first; ++i) EXPECT_TRUE(trace.results[i].ok());
          return true;
        },
        &tally);
  return seen;
}

TEST(ErrnoOracleTest, EveryCallOfTheTableIsTried) {
  int64_t trials = 0;
  const auto seen = ErrnosSeen(LoadForTest("linux-6.18"), 1, &trials);
  for (const CallSpec& spec : CallTable()) {
    // There is no ended child and no message.
    if (spec.op == Op::kExtension || spec.op == Op::kWait || spec.op == Op::kRecvFd) continue;
    EXPECT_TRUE(seen.contains(spec.op)) << ShortName(spec.op);
  }
}

TEST(ErrnoOracleTest, ReachesTheErrorsThatSealsCallsHave) {
  int64_t trials = 0;
  auto seen = ErrnosSeen(LoadForTest("linux-6.18"), 1, &trials);
  EXPECT_THAT(seen[Op::kAddSeals], IsSupersetOf({0, EBADF, EPERM, EINVAL, EBUSY}));
  EXPECT_THAT(seen[Op::kMmap], IsSupersetOf({0, EBADF, EPERM, EINVAL, EACCES, ENODEV}));
  EXPECT_THAT(seen[Op::kFtruncate], IsSupersetOf({0, EBADF, EPERM, EINVAL}));
  EXPECT_THAT(seen[Op::kDup], IsSupersetOf({0, EBADF, EMFILE}));
}

TEST(ErrnoOracleTest, MoreErrorsAtOnceAreMoreCombinations) {
  int64_t none = 0, one = 0;
  ErrnosSeen(LoadForTest("linux-6.1"), 0, &none);
  ErrnosSeen(LoadForTest("linux-6.1"), 1, &one);
  EXPECT_GT(one, 10 * none);
}

}  // namespace
}  // namespace selkie
