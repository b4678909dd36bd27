#include "checker/packing.h"

#include "checker/checker_testing.h"

namespace selkie {
namespace {

// The states of a small search with every kind of field, and their layout.
struct Sample {
  Layout layout;
  std::vector<State> states;
};

Sample SmallSearch() {
  const Property property = PropertyNamed("every-copy-sealed");
  const Semantics semantics = SemanticsNamed("dup2-over");
  Property fewer = property;
  fewer.calls.resize(6);
  absl::StatusOr<Machine> machine = Machine::Make(fewer, semantics, property.bounds);
  EXPECT_TRUE(machine.ok()) << machine.status();
  return {machine->layout(), ReachableStates(*machine)};
}

TEST(Packing, UnpackingGivesBackWhatIsStored) {
  const Sample sample = SmallSearch();
  ASSERT_GT(sample.states.size(), 100u);
  State over = sample.states.back();
  for (const State& state : sample.states) {
    PackedWords words{};
    State back;
    ASSERT_EQ(Pack(sample.layout, state, words), sample.layout.bits());
    ASSERT_EQ(Unpack(sample.layout, words, back), sample.layout.bits());
    ASSERT_EQ(back, state) << ToString(state) << ToString(back);
    ASSERT_EQ(UnpackOver(sample.layout, words, over), sample.layout.bits());
    ASSERT_EQ(over, state);
  }
}

// In a pair, the second state begins in the middle of a word.
TEST(Packing, WithoutTheProcessorsInstructionsItIsTheSame) {
  const Sample sample = SmallSearch();
  for (const State& state : sample.states) {
    PackedWords words{}, portable{};
    const int middle = Pack(sample.layout, state, words);
    Pack(sample.layout, state, words, middle);
    PackPortably(sample.layout, state, portable, PackPortably(sample.layout, state, portable));
    ASSERT_EQ(portable, words);
    State back;
    ASSERT_EQ(UnpackPortably(sample.layout, words, back, middle), 2 * middle);
    ASSERT_EQ(back, state);
  }
}

TEST(Packing, AValueThatDoesNotFitIsSaid) {
  const Sample sample = SmallSearch();
  State state = sample.states.back();
  state.files[0].inode = 0xff;
  PackedWords words{};
  EXPECT_EQ(Pack(sample.layout, state, words), -1);
}

TEST(Packing, CopyingWithinTheLimitsMakesStatesEqual) {
  const Sample sample = SmallSearch();
  State copy = sample.states.front();
  for (const State& state : sample.states) {
    CopyWithinLimits(sample.layout, state, copy);
    ASSERT_EQ(copy, state);
  }
}

}  // namespace
}  // namespace selkie
