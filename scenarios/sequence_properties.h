// Properties of every step of every sequence.  For tests only.
#ifndef SELKIE_SCENARIOS_SEQUENCE_PROPERTIES_H_
#define SELKIE_SCENARIOS_SEQUENCE_PROPERTIES_H_

#include <array>
#include <cstdint>
#include <string>

#include "scenarios/sequence_testing.h"

namespace selkie {

// Of every kernel that has them.
inline constexpr uint8_t kSealWrite = 8, kSealFutureWrite = 0x10;

// Validate() has nothing to say.
class StatesStayValid : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;
};

// A call that gives no value leaves the state as it was, except where the
// kernel changes it on failure too (MayChangeOnFailure in the .cc names them).
class FailuresChangeNothing : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;
};

// Result::changed is false only if nothing changed.
class ChangedIsExact : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;
};

// An inode whose contents or size changed is the one that Result::effect names.
class EffectIsComplete : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;
};

// No seal goes while its inode lives.
class SealsStay : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;
};

// Contents of an inode with F_SEAL_WRITE change by a change of its size alone, and by whom a
// FUSE server passes it through to, whom no kernel asks for the seal (finding 16 of
// docs/findings.md).
class WriteSealedIsConstant : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;

 private:
  std::array<bool, kMaxInodes> pinned_{};  // by a ring, through a mapping of FUSE's file
};

// Contents of an inode with F_SEAL_FUTURE_WRITE change by a change of its size,
// or by a store, by the task itself or from outside, through a mapping that existed
// when the seal was set, or through a copy or a part of such a mapping, or through one of
// FUSE's file (finding 16).  (Marks those that existed.)
class OnlyOldMappingsWrite : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;
};

// A second, byte for byte implementation of contents: what writes, copies, stores,
// holes and sizes leave in a file is what the model has, and what reads and
// loads give.  It asks the model which inode a descriptor or an address means.
class ContentsMatchReference : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;

 private:
  struct Contents {
    // Of huge pages the first 4096 bytes of each: the rest stays 0.
    std::array<uint8_t, kMaxPages * kPageSize> bytes{};
    int64_t page = kPageSize;
    int64_t size = 0;

    void Resize(int64_t to);
    void Fill(int64_t begin, int64_t end, uint8_t byte);
    uint8_t At(int64_t offset) const;
  };

  void Execute(const State& before, const Call& call, const Result& result, const State& after);
  void ExecuteMmap(const State& before, const Call& call);
  void ExecuteRemap(const State& before, const Call& call);
  void ExecuteFallocate(const Call& call, const Inode& after, Contents& contents);
  void ExecuteStore(const State& before, const Call& call);
  void ExecuteCopy(const State& before, const Call& call, int64_t count);
  void ExecuteSplice(const State& before, const Call& call, int64_t count);
  void ExecuteReadFixed(const State& before, const Call& call);
  void ExecuteDmabufStore(const State& before, const Call& call);
  void ExecuteRemoves(const State& before, const Call& call, const Result& result,
                      const State& after);
  void ExecuteRemove(const State& before, const Call& call, bool to_the_end, const State& after);
  void ExecuteFault(const State& before, const Call& call, const State& after);
  int64_t WriteBegin(const State& before, const Call& call) const;
  std::string CompareRead(const State& before, const Call& call, const Result& result) const;
  std::string CompareLoad(const State& before, const Call& call, const Result& result) const;
  std::string CompareInodes(const State& after) const;

  std::array<Contents, kMaxInodes> inodes_;
};

// A second implementation of f_pos.
class PositionsMatchReference : public StepProperty {
 public:
  std::string Check(const State&, const Call&, const Result&, State& after) override;

 private:
  void Execute(const State& before, const Call& call, const Result& result);

  std::array<int64_t, kMaxFiles> pos_{};
};

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_SEQUENCE_PROPERTIES_H_
