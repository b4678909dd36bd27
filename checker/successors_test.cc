#include "checker/successors.h"

#include <filesystem>

#include "checker/checker_testing.h"

namespace selkie {
namespace {

std::vector<PackedWords> PackedReachable(const Machine& machine, size_t most) {
  std::vector<PackedWords> all;
  for (const State& state : ReachableStates(machine)) {
    PackedWords packed{};
    EXPECT_GE(Pack(machine.layout(), state, packed), 0);
    all.push_back(packed);
    if (all.size() == most) break;
  }
  return all;
}

// In how many of the states what was learnt differs from what the machine does.
template <int W>
int Disagreements(const Machine& machine, Encoding& encoding, const PackedWords& blind) {
  Successors<W> successors(machine, encoding, SampleOf(machine, 200, 1), blind);
  int wrong = 0;
  for (const PackedWords& packed : PackedReachable(machine, 4000)) {
    const auto words = successors.WordsOf(packed);
    if (words.has_value()) wrong += !successors.AgreesWithMachine(*words);
  }
  EXPECT_EQ(successors.failure(), Successors<W>::Failure::kNone);
  return wrong;
}

int DisagreementsOf(const Machine& machine, Encoding::Kind kind, const PackedWords& blind = {}) {
  Encoding encoding(machine.layout(), kind);
  for (const PackedWords& packed : PackedReachable(machine, ~size_t{0})) {
    PackedWords words;
    encoding.Encode(packed, &words);
  }
  encoding.Widen();
  switch (encoding.words()) {
    case 1: return Disagreements<1>(machine, encoding, blind);
    case 2: return Disagreements<2>(machine, encoding, blind);
    case 3: return Disagreements<3>(machine, encoding, blind);
    default: return Disagreements<4>(machine, encoding, blind);
  }
}

// Random ways through the machine, at the bounds that the property itself asks for.
int DisagreementsOnTheWay(const Machine& machine, Encoding::Kind kind) {
  Encoding encoding(machine.layout(), kind);
  const std::vector<PackedWords> sample = SampleOf(machine, 120, 2);
  for (const PackedWords& packed : sample) {
    PackedWords words;
    encoding.Encode(packed, &words);
  }
  encoding.Widen();
  const auto count = [&]<int W>() {
    Successors<W> successors(machine, encoding, sample);
    int wrong = 0;
    for (const PackedWords& packed : sample)
      if (const auto words = successors.WordsOf(packed); words.has_value())
        wrong += !successors.AgreesWithMachine(*words);
    return wrong;
  };
  switch (encoding.words()) {
    case 1: return count.template operator()<1>();
    case 2: return count.template operator()<2>();
    case 3: return count.template operator()<3>();
    case 4: return count.template operator()<4>();
    default: return 0;
  }
}

TEST(Successors, AreThoseOfTheMachineForEveryProperty) {
  const std::string folder = InTree("checker/properties");
  int machines = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".prop") continue;
    const Property property = PropertyNamed(entry.path().stem());
    for (const char* name : {"linux-4.20", "linux-7.2", "fw-v3", "ashmem", "dup2-over"}) {
      const Semantics semantics = SemanticsNamed(name);
      const absl::StatusOr<Machine> machine = Machine::Make(property, semantics, property.bounds);
      if (!machine.ok()) continue;  // the property speaks of what the semantics does not have
      ++machines;
      for (const auto kind : {Encoding::Kind::kDense, Encoding::Kind::kPlain})
        EXPECT_EQ(DisagreementsOnTheWay(*machine, kind), 0) << name << " " << property.name;
    }
  }
  EXPECT_GT(machines, 40);
}

TEST(Successors, AreThoseOfTheMachineInEveryReachableState) {
  const Property property = PropertyNamed("no-new-writable-mapping");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  const Machine machine = MachineOf(property, semantics, "processes=2,fds=1,files=2,maps=1");
  for (const auto kind : {Encoding::Kind::kDense, Encoding::Kind::kPlain})
    EXPECT_EQ(DisagreementsOf(machine, kind), 0);
}

TEST(Successors, ThatMissAReadAreNoticed) {
  const Property property = PropertyAt("bench/memfd-seals.prop");
  const Semantics semantics = SemanticsNamed(InTree("bench/memfd-seals.sem"));
  const Machine machine = MachineOf(property, semantics, "processes=2,fds=1,files=2,maps=1");
  EXPECT_EQ(DisagreementsOf(machine, Encoding::Kind::kDense), 0);
  int noticed = 0, fields = 0;
  for (const StoredField& field : FieldsOf(machine.layout())) {
    PackedWords blind{};
    PutBits(blind, field.bit, field.width, ~uint64_t{0});
    ++fields;
    noticed += DisagreementsOf(machine, Encoding::Kind::kDense, blind) > 0;
  }
  EXPECT_GE(noticed, fields / 3) << fields;  // some bits follow from others
}

}  // namespace
}  // namespace selkie
