// Each property notices a wrong step.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/step.h"
#include "scenarios/sequence_properties.h"
#include "scenarios/sequence_testing.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;

// A writable memfd of one page at descriptor 3, mapped shared at 0.
class WrongStep : public ::testing::Test {
 protected:
  void SetUp() override {
    semantics_ = LoadForTest("linux-5.1");
    for (const Call& call : {Call{Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}},
                             Call{Op::kFtruncate, 0, {3, kPageSize}},
                             Call{Op::kMmap, 0, {kNull, kPageSize, 3, abi::kMapShared, 3, 0}}})
      ASSERT_TRUE(Step(before_, call, semantics_).ok());
    after_ = before_;
  }

  // What the property says of a right step, then of `call` with after_ as it is.
  template <typename Property>
  std::string Says(const Call& call, const Result& result) {
    Property property;
    State state = InitialState(Limits{}, {0});
    const Call create{Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing}};
    const State empty = state;
    const Result created = Step(state, create, semantics_);
    EXPECT_EQ(property.Check(empty, create, created, state), "");
    return property.Check(before_, call, result, after_);
  }

  const Call write_{Op::kPwrite, 0, {3, 'x', 1, 0}};
  const Call getfd_{Op::kGetFd, 0, {3}};
  Semantics semantics_;
  State before_ = InitialState(Limits{}, {0});
  State after_;
};

TEST_F(WrongStep, StatesStayValid) {
  after_.files[0].inode = 3;
  EXPECT_NE(Says<StatesStayValid>(getfd_, Result{}), "");
}

TEST_F(WrongStep, FailuresChangeNothing) {
  Result failed;
  failed.kind = Result::Kind::kErrno;
  EXPECT_EQ(Says<FailuresChangeNothing>(getfd_, failed), "");
  after_.inodes[0].mode = 0700;
  EXPECT_THAT(Says<FailuresChangeNothing>(getfd_, failed), HasSubstr("fails and changes"));
  EXPECT_THAT(Says<FailuresChangeNothing>(write_, failed), HasSubstr("more than the mode"));
}

TEST_F(WrongStep, ChangedIsExact) {
  EXPECT_EQ(Says<ChangedIsExact>(getfd_, Result{}), "");
  after_.files[0].pos = 1;
  EXPECT_THAT(Says<ChangedIsExact>(getfd_, Result{}), HasSubstr("the state differs"));
}

TEST_F(WrongStep, EffectIsComplete) {
  after_.inodes[0].bytes[0][0] = 'x';
  EXPECT_THAT(Says<EffectIsComplete>(write_, Result{}), HasSubstr("effect.wrote"));
  after_.inodes[0].size = 1;
  EXPECT_THAT(Says<EffectIsComplete>(write_, Result{}), HasSubstr("effect.resized"));
}

TEST_F(WrongStep, SealsStay) {
  before_.inodes[0].seals = kSealWrite | kSealFutureWrite;
  after_.inodes[0].seals = kSealWrite;
  EXPECT_THAT(Says<SealsStay>(getfd_, Result{}), HasSubstr("lost seals 0x10"));
}

TEST_F(WrongStep, WriteSealedIsConstant) {
  before_.inodes[0].seals = after_.inodes[0].seals = kSealWrite;
  EXPECT_EQ(Says<WriteSealedIsConstant>(write_, Result{}), "");
  after_.inodes[0].bytes[0][1] = 'x';
  EXPECT_THAT(Says<WriteSealedIsConstant>(write_, Result{}), HasSubstr("in spite of"));
}

TEST_F(WrongStep, OnlyOldMappingsWrite) {
  before_.inodes[0].seals = after_.inodes[0].seals = kSealFutureWrite;
  after_.inodes[0].bytes[0][0] = 'x';
  EXPECT_THAT(Says<OnlyOldMappingsWrite>(write_, Result{}), HasSubstr("in spite of"));
  const Call store{Op::kStore, 0, {0, 'x'}};
  EXPECT_THAT(Says<OnlyOldMappingsWrite>(store, Result{}), HasSubstr("mapping made after"));
  before_.mms[0][0].mark = 1;
  EXPECT_EQ(Says<OnlyOldMappingsWrite>(store, Result{}), "");
}

TEST_F(WrongStep, ContentsMatchReference) {
  Result one;
  one.value = 1;
  after_ = before_;
  after_.inodes[0].size = 1;
  EXPECT_THAT(Says<ContentsMatchReference>(write_, one), HasSubstr("is 0, not 120"));
  after_.inodes[0].bytes[0][0] = 'x';
  EXPECT_EQ(Says<ContentsMatchReference>(write_, one), "");
  after_.inodes[0].bytes[0][0] = 0;
  Result load;
  load.value = 'y';
  EXPECT_THAT(Says<ContentsMatchReference>(Call{Op::kLoad, 0, {0}}, load), HasSubstr("loads 121"));
  EXPECT_THAT(Says<ContentsMatchReference>(Call{Op::kRead, 0, {3, 1}}, one),
              HasSubstr("1 bytes read, not 0"));
}

TEST_F(WrongStep, PositionsMatchReference) {
  Result one;
  one.value = 1;
  const Call write{Op::kWrite, 0, {3, 'x', 1}};
  EXPECT_THAT(Says<PositionsMatchReference>(write, one), HasSubstr("is 0, not 1"));
  after_.files[0].pos = 1;
  EXPECT_EQ(Says<PositionsMatchReference>(write, one), "");
  EXPECT_THAT(Says<PositionsMatchReference>(write_, one), HasSubstr("is 1, not 0"));
}

}  // namespace
}  // namespace selkie
