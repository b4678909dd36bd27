#include "checker/encoding.h"

#include "checker/checker_testing.h"
#include "checker/successors.h"

namespace selkie {
namespace {

void ComesBack(const char* property_name, const char* semantics_name, Encoding::Kind kind) {
  const Property property = PropertyNamed(property_name);
  const Semantics semantics = SemanticsNamed(semantics_name);
  const Machine machine = MachineOf(property, semantics);
  Encoding encoding(machine.layout(), kind);
  const std::vector<PackedWords> sample = SampleOf(machine, 500, 3);
  PackedWords words;
  for (const PackedWords& packed : sample) encoding.Encode(packed, &words);
  encoding.Widen();
  for (const PackedWords& packed : sample) {
    ASSERT_TRUE(encoding.Encode(packed, &words));
    EXPECT_EQ(words[0] >> 63, 0u);
    PackedWords back;
    encoding.Decode(words, &back);
    EXPECT_EQ(back, packed);
  }
}

TEST(Encoding, GivesBackEveryStateThatItWasGiven) {
  for (const auto kind : {Encoding::Kind::kDense, Encoding::Kind::kPlain}) {
    ComesBack("no-write-call", "linux-5.1", kind);
    ComesBack("receiver-cannot-write", "dup2-over", kind);
    ComesBack("no-copied-mapping", "linux-7.2", kind);
  }
}

TEST(Encoding, SaysWhenADictionaryIsFull) {
  const Property property = PropertyNamed("no-write-call");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  const Machine machine = MachineOf(property, semantics);
  Encoding encoding(machine.layout(), Encoding::Kind::kDense);
  PackedWords words;
  bool fits = true;
  for (const PackedWords& packed : SampleOf(machine, 500, 3))
    fits &= encoding.Encode(packed, &words);
  EXPECT_FALSE(fits);
}

TEST(Encoding, TakesFewerBitsThanTheLayout) {
  const Property property = PropertyAt("bench/memfd-seals.prop");
  const Semantics semantics = SemanticsNamed(InTree("bench/memfd-seals.sem"));
  absl::StatusOr<Machine> machine =
      Machine::Make(property, semantics, BoundsOf(property, "processes=2,fds=2,files=2,maps=2"));
  ASSERT_TRUE(machine.ok());
  Encoding encoding(machine->layout(), Encoding::Kind::kDense);
  PackedWords words;
  for (const PackedWords& packed : SampleOf(*machine, 2000, 1)) encoding.Encode(packed, &words);
  encoding.Widen();
  EXPECT_GT(machine->layout().bits(), 64);
  EXPECT_EQ(encoding.words(), 1);
}

}  // namespace
}  // namespace selkie
