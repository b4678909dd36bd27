#include "kernel/observe.h"

#include <cerrno>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/lockstep_testing.h"

namespace selkie {
namespace {

using testing::HasSubstr;

TEST(ObserveTest, GivesTheKernelsAnswersAndGoesOnWhateverTheyAre) {
  Sequence sequence = Calls({R"(memfd_create("x", 0))", "close(7)",
                             "fcntl(3, F_ADD_SEALS, F_SEAL_GROW)", "fcntl(3, F_GET_SEALS)"});
  Call extension;
  extension.op = Op::kExtension;
  sequence.calls.push_back(extension);
  absl::StatusOr<Observation> seen = Observe(Library::Default(), "native", {sequence}, nullptr);
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->release, RunningRelease());
  const std::vector<ObservedCall>& calls = seen->traces.at(0).calls;
  ASSERT_EQ(calls.size(), 5u);
  EXPECT_EQ(calls[0].result->value, 3);
  EXPECT_EQ(calls[1].result->value, EBADF);
  EXPECT_EQ(calls[2].result->value, EPERM);
  EXPECT_EQ(calls[3].result->value, 1);
  EXPECT_FALSE(calls[4].result.has_value());
  EXPECT_EQ(calls[4].not_run, "no kernel has this call");
}

TEST(ObserveTest, SaysWhyACallWasNotRun) {
  absl::StatusOr<Observation> seen =
      Observe(Library::Default(), "native", {Calls({"B: dup(3)"})}, nullptr);
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->traces.at(0).calls.at(0).not_run, "the task that makes the call does not run");
}

TEST(ObserveTest, EachSequenceStartsClean) {
  const Sequence create = Calls({R"(memfd_create("x", 0))", "fork()"});
  absl::StatusOr<Observation> seen =
      Observe(Library::Default(), "native", {create, create}, nullptr);
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->traces.at(1).calls.at(0).result->value, 3);
  EXPECT_EQ(seen->traces.at(1).calls.at(1).result->value, 1);
}

TEST(ObserveTest, AnUnknownKernelIsNotFound) {
  EXPECT_FALSE(Observe(Library::Default(), "/no/such/kernel", {}, nullptr).ok());
}

TEST(ObserveTest, SequencesSurviveJson) {
  Sequence sequence = Calls({R"(memfd_create("x", 0))", R"(pwrite(3, "y", 10, -1))"}, {0, 1000});
  sequence.limits.fds = 2;
  absl::StatusOr<std::vector<Sequence>> back = SequencesFromJson(SequencesToJson({sequence}));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, std::vector<Sequence>{sequence});
}

TEST(ObserveTest, BadJsonIsAnError) {
  for (const char* text : {"", "{", "[1]", R"([{"limits":[9,9,9,9,9,9,9,9],"uids":[],"calls":[]}])",
                           R"([{"limits":[1,1,1,1,1,1,1,1],"uids":[0],"calls":[{"op":999}]}])"})
    EXPECT_THAT(std::string(SequencesFromJson(text).status().message()),
                HasSubstr("not sequences of calls"))
        << text;
  EXPECT_FALSE(
      ObservationFromJson(R"({"release":"6","semantics":"s","traces":[[{"kind":9}]]})").ok());
}

}  // namespace
}  // namespace selkie
