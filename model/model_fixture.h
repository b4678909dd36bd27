// What the tests of the calls share: a kernel's rules written by hand, so that
// they do not depend on the parser, and a state to call upon.
#ifndef SELKIE_MODEL_MODEL_FIXTURE_H_
#define SELKIE_MODEL_MODEL_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "model/families.h"
#include "model/step.h"

namespace selkie {

inline constexpr int64_t kPage = kPageSize;
inline constexpr int64_t kRw = kProtRead | kProtWrite;
inline constexpr int64_t kSealSeal = 1, kSealShrink = 2, kSealGrow = 4, kSealWrite = 8;
inline constexpr int64_t kSealFutureWrite = 0x10, kSealExec = 0x20;

// A condition that holds if all `has` are set and all `lacks` are clear.
class When {
 public:
  When& Has(FactSet set, uint64_t bits) { return Add(Bits(set, bits), true); }
  When& Lacks(FactSet set, uint64_t bits) { return Add(Bits(set, bits), false); }
  When& Has(Fact fact) { return Add(Bit(fact), true); }
  When& Lacks(Fact fact) { return Add(Bit(fact), false); }
  When& Asks(Feature feature) {
    term_.mask |= Bits(FactSet::kFeature, ~uint64_t{0});
    term_.want |= Bits(FactSet::kFeature, static_cast<uint64_t>(feature));
    return *this;
  }
  Term term() const { return term_; }

 private:
  static uint64_t Bits(FactSet set, uint64_t bits) {
    Facts facts;
    facts.Set(set, bits);
    return facts.word;
  }
  static uint64_t Bit(Fact fact) { return uint64_t{1} << static_cast<int>(fact); }
  When& Add(uint64_t bits, bool value) {
    term_.mask |= bits;
    if (value) term_.want |= bits;
    return *this;
  }
  Term term_;
};

inline void AddRule(Semantics& s, int point, std::string name, EffectKind effect, int64_t bits,
                    std::vector<When> terms) {
  Rule rule;
  rule.name = std::move(name);
  rule.point = static_cast<Point>(point);
  rule.effect = effect;
  rule.bits = bits;
  for (const When& when : terms) rule.terms.push_back(when.term());
  s.rules.push_back(std::move(rule));
  IndexRules(s);
}
inline void AddRule(Semantics& s, Point point, std::string name, EffectKind effect, int64_t bits,
                    std::vector<When> terms) {
  AddRule(s, static_cast<int>(point), std::move(name), effect, bits, std::move(terms));
}

// Linux 6.3 and later, as far as the tests need it.
inline Semantics TestSemantics() {
  constexpr auto kRefuse = EffectKind::kRefuse;
  const uint64_t kWrite = 2;
  Semantics s;
  s.name = "test";
  s.known_seals = 0x3f;
  AddRule(s, Point::kCreate, "flags", kRefuse, EINVAL, {When().Has(FactSet::kFlags, 0x20)});
  AddRule(s, Point::kCreate, "noexec-implied", EffectKind::kSetFlags, 0x8,
          {When().Has(FactSet::kScope, 0x1).Lacks(FactSet::kFlags, 0x8 | 0x10)});
  AddRule(s, Point::kCreate, "noexec-enforced", kRefuse, EACCES,
          {When().Has(FactSet::kScope, 0x2).Lacks(FactSet::kFlags, 0x8)});
  AddRule(s, Point::kCreate, "sealed", EffectKind::kSetSeals, kSealSeal,
          {When().Lacks(FactSet::kFlags, 0x2 | 0x8)});
  AddRule(s, Point::kCreate, "noexec-mode", EffectKind::kClearMode, 0111,
          {When().Has(FactSet::kFlags, 0x8)});
  AddRule(s, Point::kCreate, "noexec-seal", EffectKind::kSetSeals, kSealExec,
          {When().Has(FactSet::kFlags, 0x8)});
  AddRule(s, Point::kAddSeals, "writable", kRefuse, EPERM, {When().Lacks(FactSet::kFile, kWrite)});
  AddRule(s, Point::kAddSeals, "known", kRefuse, EINVAL, {When().Has(Fact::kUnknownSeal)});
  AddRule(s, Point::kAddSeals, "memfd", kRefuse, EINVAL, {When().Lacks(Fact::kMemfd)});
  AddRule(s, Point::kAddSeals, "sealed", kRefuse, EPERM, {When().Has(FactSet::kSeals, kSealSeal)});
  AddRule(s, Point::kAddSeals, "mapped", kRefuse, EBUSY,
          {When()
               .Has(FactSet::kAdding, kSealWrite)
               .Lacks(FactSet::kSeals, kSealWrite)
               .Has(Fact::kMappedWritable)});
  for (int64_t seal : {kSealWrite, kSealFutureWrite}) {
    AddRule(s, Point::kWrite, "write", kRefuse, EPERM, {When().Has(FactSet::kSeals, seal)});
    AddRule(s, Point::kFallocate, "punch", kRefuse, EPERM,
            {When().Has(FactSet::kSeals, seal).Has(Fact::kPunch)});
    AddRule(s, Point::kMmap, "mmap", kRefuse, EPERM,
            {When().Has(FactSet::kSeals, seal).Has(Fact::kShared).Has(FactSet::kProt, kWrite)});
    AddRule(s, Point::kMmap, "mmap-may", EffectKind::kClearMay, kProtWrite,
            {When().Has(FactSet::kSeals, seal).Has(Fact::kShared)});
  }
  for (Point point : {Point::kWrite, Point::kTruncate, Point::kFallocate})
    AddRule(s, point, "grow", kRefuse, EPERM,
            {When().Has(FactSet::kSeals, kSealGrow).Has(Fact::kGrows)});
  AddRule(s, Point::kTruncate, "shrink", kRefuse, EPERM,
          {When().Has(FactSet::kSeals, kSealShrink).Has(Fact::kShrinks)});
  AddRule(s, Point::kSupport, "looks-first", kRefuse, EFAULT, {When().Asks(Feature::kUnmapped)});
  AddRule(s, Point::kSupport, "pages", kRefuse, EPIPE, {When().Asks(Feature::kSendfile)});
  AddRule(s, Point::kFallocate, "privileges", EffectKind::kClearPrivileges, 0, {When()});
  AddRule(s, Point::kChmod, "exec", kRefuse, EPERM,
          {When().Has(FactSet::kSeals, kSealExec).Has(Fact::kChangesExec)});
  return s;
}

// What Do gives for a call that is not to be executed, and for a signal; an
// errno is given as its negative.
inline constexpr int64_t kBoundary = -100000;
inline constexpr int64_t Died(int signal) { return -200000 - signal; }

class ModelTest : public testing::Test {
 protected:
  ModelTest() : semantics(TestSemantics()), s(InitialState(Limits{}, {0, 1000})) {}

  // From now on the kernel lacks the feature.
  void Lack(Feature feature, int64_t error) {
    AddRule(semantics, Point::kSupport, "lacks", EffectKind::kRefuse, error,
            {When().Asks(feature)});
  }

  // Makes the call as task `task` and checks what must hold of every call.
  template <typename... Args>
  int64_t DoAs(int task, Op op, Args... args) {
    Call call;
    call.op = op;
    call.task = static_cast<uint8_t>(task);
    call.arg = {static_cast<int64_t>(args)...};
    const State before = s;
    last = Step(s, call, semantics);
    EXPECT_TRUE(Validate(s).ok()) << Validate(s).message() << "\n" << ToString(s);
    EXPECT_EQ(last.changed, !(before == s)) << ShortName(op) << " of\n" << ToString(before);
    switch (last.kind) {
      case Result::Kind::kErrno: return -last.value;
      case Result::Kind::kSignal: return Died(static_cast<int>(last.value));
      case Result::Kind::kBound: return kBoundary;
      default: return last.value;
    }
  }
  template <typename... Args>
  int64_t Do(Op op, Args... args) {
    return DoAs(0, op, args...);
  }

  // A memfd of `size` bytes that can be sealed; its descriptor.
  int64_t Memfd(int64_t size = 0) {
    const int64_t fd = Do(Op::kMemfdCreate, kOrdinaryName, abi::kMfdAllowSealing);
    if (size > 0) Do(Op::kFtruncate, fd, size);
    return fd;
  }
  int64_t Map(int64_t fd, int64_t pages, int64_t prot, int64_t flags = abi::kMapShared,
              int64_t offset = 0) {
    return Do(Op::kMmap, kNull, pages * kPageSize, prot, flags, fd, offset);
  }
  // The bytes that pread gives at the sampled offsets.
  std::string Contents(int64_t fd) {
    Do(Op::kPread, fd, kMaxBytes, 0);
    return std::string(last.data.begin(), last.data.begin() + last.num_data);
  }

  Semantics semantics;
  State s;
  Result last;
};

}  // namespace selkie

#endif  // SELKIE_MODEL_MODEL_FIXTURE_H_
