// Implementation of sequence_testing.h, and that what it prints runs.  The name
// ends in _test so that it is linked to the tests and not to the library.
#include "scenarios/sequence_testing.h"

#include <algorithm>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "model/call_text.h"
#include "model/step.h"
#include "scenarios/generate.h"
#include "scenarios/library.h"
#include "scenarios/print.h"
#include "scenarios/scenario.h"
#include "scenarios/shrink.h"

namespace selkie {

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

Scenario ParseForTest(std::string_view text) {
  absl::StatusOr<std::vector<Scenario>> parsed = ParseScenarios("test.scn", text);
  EXPECT_TRUE(parsed.ok()) << MessageOf(parsed.status()) << "\n" << text;
  return parsed.ok() ? parsed->front() : Scenario{};
}

Semantics LoadForTest(std::string_view name) {
  absl::StatusOr<Semantics> semantics = Library::Default().LoadSemantics(name);
  EXPECT_TRUE(semantics.ok()) << semantics.status();
  return semantics.ok() ? *std::move(semantics) : Semantics{};
}

std::string ShowSequence(const Sequence& sequence, const Semantics& semantics) {
  return PrintScenario(Replay(sequence, semantics), &semantics, {.name = "found", .doc = ""});
}

void showValue(const Sequence& sequence, std::ostream& out) {
  for (const Call& call : sequence.calls)
    out << static_cast<char>('A' + call.task) << ": " << PrintCall(call, nullptr, nullptr) << "\n";
}

std::vector<int> TwoUsers() { return {1000, 1001}; }

Sequence SequenceOf(const std::vector<Numbers>& numbers, const Limits& limits,
                    const std::vector<int>& uids, const Semantics& semantics) {
  Sequence sequence{limits, uids, {}};
  State state = InitialState(limits, uids);
  for (const Numbers& of_call : numbers) {
    Recorded choices(of_call);
    const Made made = MakeCall(state, semantics, choices);
    if (made.result.kind != Result::Kind::kBound) sequence.calls.push_back(made.call);
  }
  return sequence;
}

rc::Gen<Sequence> SequenceGen(const Limits& limits, const std::vector<int>& uids,
                              const Semantics& semantics) {
  constexpr int kNumbersOfACall = 48;
  auto number = rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<uint16_t>());
  auto call = rc::gen::container<Numbers>(kNumbersOfACall, std::move(number));
  return rc::gen::map(rc::gen::container<std::vector<Numbers>>(std::move(call)),
                      [=](const std::vector<Numbers>& numbers) {
                        return SequenceOf(numbers, limits, uids, semantics);
                      });
}

std::string FirstViolation(const Sequence& sequence, const Semantics& semantics,
                           const MakeProperty& make) {
  const std::unique_ptr<StepProperty> property = make();
  State state = InitialState(sequence.limits, sequence.uids);
  for (size_t i = 0; i < sequence.calls.size(); ++i) {
    const Call& call = sequence.calls[i];
    const State before = state;
    const Result result = Step(state, call, semantics);
    const std::string wrong = property->Check(before, call, result, state);
    if (!wrong.empty())
      return fmt::format("call {} {}: {}", i, PrintCall(call, &semantics, nullptr), wrong);
  }
  return "";
}

std::string ViolationInCampaign(uint64_t seed, int count, int length, const Semantics& semantics,
                                const MakeProperty& make) {
  for (int i = 0; i < count; ++i) {
    const std::vector<int> uids = i % 2 == 0 ? std::vector<int>{0} : TwoUsers();
    const Sequence found = RandomSequence(SequenceSeed(seed, i), length, Limits{}, uids, semantics);
    if (FirstViolation(found, semantics, make).empty()) continue;
    const Sequence small = Shrink(
        found, [&](const Sequence& s) { return !FirstViolation(s, semantics, make).empty(); });
    return fmt::format("sequence {} of seed {}: {}\n{}", i, seed,
                       FirstViolation(small, semantics, make), ShowSequence(small, semantics));
  }
  return "";
}

bool Reads(Op op) {
  constexpr Op kOps[] = {Op::kRead, Op::kPread, Op::kReadv, Op::kPreadv, Op::kPreadv2};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

bool ReadsHere(const Call& call) {
  return call.op == Op::kRead || call.op == Op::kReadv ||
         (call.op == Op::kPreadv2 && call.arg[2] == -1);
}

bool MayMoveToEnd(const State& before, const Call& call, const Result& result) {
  if (result.kind != Result::Kind::kErrno || call.op != Op::kUringPwrite) return false;
  const int file = FileOf(before, call.task, call.arg[0]);
  return file >= 0 && call.arg[3] == -1 && (before.files[file].flags & kFlagAppend) != 0;
}

bool Copies(Op op) { return op == Op::kSendfile || op == Op::kCopyFileRange || op == Op::kSplice; }

const File* RegionOfFd(const State& s, int task, int64_t fd) {
  const int file = FileOf(s, task, fd);
  const bool region =
      file >= 0 && s.files[file].dmabuf == 0 && IsMemfd(s.inodes[s.files[file].inode - 1]);
  return region ? &s.files[file] : nullptr;
}

namespace {

// Whatever is found is printed as a scenario that passes and makes the same calls.
TEST(ShowSequenceTest, PrintsScenariosThatRun) {
  const Semantics semantics = LoadForTest("linux-5.1");
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Sequence sequence = RandomSequence(seed, 30, Limits{}, TwoUsers(), semantics);
    const std::string text = ShowSequence(sequence, semantics);
    const absl::StatusOr<std::vector<Scenario>> scenarios = ParseScenarios("found.scn", text);
    ASSERT_TRUE(scenarios.ok()) << scenarios.status() << "\n" << text;
    ASSERT_EQ(scenarios->size(), 1u);
    const absl::StatusOr<ScenarioRun> run = RunScenario(scenarios->front(), semantics);
    ASSERT_TRUE(run.ok()) << run.status() << "\n" << text;
    EXPECT_TRUE(run->passed) << text;
    EXPECT_EQ(run->trace.sequence.calls, sequence.calls) << text;
  }
}

}  // namespace
}  // namespace selkie
