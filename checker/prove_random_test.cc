// Rules made at random: what the prover says never contradicts what calls do.
//
// SELKIE_RANDOM_SEMANTICS=500 makes a campaign of it, SELKIE_RANDOM_SEED another one.
#include <algorithm>
#include <cstdlib>
#include <random>

#include "checker/checker_testing.h"
#include "checker/prove.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "gmock/gmock.h"
#include "model/call_text.h"
#include "model/semantics_text.h"

namespace selkie {
namespace {

int FromEnvironment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// The same on every machine: no distribution of the standard library is.
class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  int Below(size_t n) { return static_cast<int>(engine_() % n); }
  bool One(int in) { return Below(in) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& all) {
    return all[Below(all.size())];
  }

 private:
  std::mt19937 engine_;
};

std::string Bits(Dice& dice, const std::vector<BitName>& names) {
  std::string bits = dice.Of(names).name;
  while (dice.One(3)) bits += "|" + dice.Of(names).name;
  return bits;
}

std::string Literal(Dice& dice, const Vocabulary& words) {
  std::string text = dice.One(3) ? "not " : "";
  if (words.sets.empty() || (!words.facts.empty() && dice.One(2)))
    return text + dice.Of(words.facts).name;
  const BitSet& set = dice.Of(words.sets);
  return text + set.name + (dice.One(3) ? " has any " : " has ") + Bits(dice, set.bits);
}

std::string Condition(Dice& dice, const Vocabulary& words) {
  std::string text = Literal(dice, words);
  for (int i = dice.Below(3); i > 0; --i)
    text += (dice.One(4) ? " or " : " and ") + Literal(dice, words);
  return text;
}

std::string RandomRule(Dice& dice, const Semantics& base, int number) {
  const auto last = static_cast<int>(Point::kExtension) + static_cast<int>(base.extensions.size());
  int point = dice.Below(last);
  while (point == static_cast<int>(Point::kSupport) || point == static_cast<int>(Point::kCreate))
    point = dice.Below(last);
  std::vector<EffectSpec> effects;
  for (const EffectSpec& effect : EffectSpecs())
    if (ActsAt(effect, point)) effects.push_back(effect);
  const EffectSpec effect = dice.One(2) ? effects[0] : dice.Of(effects);
  std::string what(effect.words);
  if (effect.operand == Operand::kErrno) what += " EPERM";
  if (effect.operand == Operand::kBits) what += " " + Bits(dice, BitsOfSet(effect.bits, base));
  if (effect.operand == Operand::kMode) what += " 0222";
  std::string place;
  for (const Rule& rule : base.rules)
    if (static_cast<int>(rule.point) == point && dice.One(2)) place = " before " + rule.name;
  return fmt::format("rule random-{} {}{}: {} if {}\n", number, PointNames(base)[point], place,
                     what, Condition(dice, VocabularyAt(point, base)));
}

std::string RandomText(Dice& dice, const Semantics& base) {
  std::string text = fmt::format("semantics random extends {}\n", base.name);
  std::vector<std::string> dropped;
  for (int i = 1 + dice.Below(4); i > 0; --i) text += RandomRule(dice, base, i);
  for (int i = dice.Below(4); i > 0; --i) {
    const std::string name = dice.Of(base.rules).name;
    if (std::find(dropped.begin(), dropped.end(), name) != dropped.end()) continue;
    dropped.push_back(name);
    text += fmt::format("drop {}\n", name);
  }
  return text;
}

// Calls that no property of the tree has.
const std::vector<std::string>& MoreCalls() {
  static const std::vector<std::string> calls = {
      "fchmod(fd, 0444)",
      "fchmod(fd, 0777)",
      "exec()",
      "exit()",
      "fork()",
      "open(\"/proc/self/fd/{fd}\", O_RDWR|O_APPEND)",
      "openat(AT_FDCWD, \"/proc/{task}/fd/{theirs}\", O_RDONLY)",
      "pread(fd, buf, 4096, 0)",
      "fcntl(fd, F_SETFL, O_APPEND)",
      "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE, fd, 0)",
      "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 4096)",
      "mremap(map, 0, 4096, MREMAP_MAYMOVE, NULL)",
      "madvise(map, 4096, MADV_REMOVE)",
      "madvise(map, 4096, MADV_DONTFORK)",
      "remap_file_pages(map, 4096, 0, 0, 0)",
      "process_vm_writev(task, map, \"x\")",
      "mem_write(task, map, \"x\")",
      "pidfd_getfd(task, theirs)",
      "send_fd(task, fd)",
      "recv_fd()",
      "truncate(\"/proc/self/fd/{fd}\", 0)",
      "ftruncate(fd, 8192)",
      "mprotect(map, 4096, PROT_NONE)",
      "io_uring_register_buffers(map, 4096)",
      "io_uring_unregister_buffers()",
      "io_uring_read_fixed(pinned, \"x\")",
      "fuse_mmap(fd, 4096, PROT_READ, 0)",
      "fuse_mmap(fd, 4096, PROT_READ|PROT_WRITE, 0)",
      "udmabuf_create(fd, 0, 4096)",
      "dmabuf_store(fd, 0, \"x\")",
      "write_program(fd)",
      "run_program(fd)",
      "end_program()",
      "open_exe(task, O_RDWR)",
      "open_exe(task, O_RDONLY|O_TRUNC)"};
  return calls;
}

Property RandomProperty(Dice& dice, const Semantics& semantics) {
  static const std::vector<std::string> names = {
      "no-fuse-mapping",    "no-pinned-write", "program-kept",          "no-dmabuf-write",
      "every-copy-sealed",  "fixed-size",      "no-copied-mapping",     "no-late-upgrade",
      "no-merged-mapping",  "no-write-call",   "no-writable-reopen",    "no-new-writable-mapping",
      "old-mapping-writes", "reader-can-map",  "receiver-cannot-write", "seals-while-mapped"};
  Property property = PropertyNamed(dice.Of(names));
  for (int i = dice.Below(4); i > 0; --i) {
    const AlphabetLine line{dice.Of(MoreCalls()), "more.calls", 1, 1, 0xff};
    if (!CompileLine(line, semantics, semantics.seals).ok()) continue;
    property.calls.push_back(line);
    if (line.text.starts_with("io_uring_register")) property.bounds.buffers = 2;
  }
  if (dice.One(2)) {
    const Sort sort = dice.One(2) ? Sort::kChange : Sort::kMapping;
    SetClause(property, sort, Condition(dice, PropertyVocabulary(sort, property.roles)));
  }
  return property;
}

// Every configuration of a state is among those of the proof.
testing::AssertionResult Covers(const Proof& proof, const State& state) {
  const Configurations& proved = proof.configurations;
  for (int i = 0; i < state.limits.inodes; ++i) {
    const Seen seen = LookAt(state, i, 0, proof.programs);
    if (!seen.alive) continue;
    const auto found = proved.find(seen.situation);
    if (found == proved.end())
      return testing::AssertionFailure() << "no such situation:\n" << ToString(state);
    for (const Kind& kind : seen.kinds)
      if (!found->second.contains(kind))
        return testing::AssertionFailure() << "no such kind in\n" << ToString(state);
  }
  return testing::AssertionSuccess();
}

// One walk of calls that change something; false if the proof does not cover it.
bool Walk(Dice& dice, const Machine& machine, const Property& property, const Semantics& semantics,
          const Proof& proof, int length) {
  State state = machine.Initial();
  std::string calls;
  while (length-- > 0) {
    std::vector<Move> moves;
    machine.ForEachMove(state, [&](const Move& move, int) {
      moves.push_back(move);
      return false;
    });
    bool moved = false;
    for (int tries = 0; tries < 40 && !moved && !moves.empty(); ++tries) {
      const Move move = dice.Of(moves);
      State after = state;
      const StepOutcome outcome = machine.Apply(after, move);
      if (!outcome.made || outcome.bound) continue;
      if (outcome.hit || outcome.changed) {
        calls += fmt::format("{}: {}\n", move.call.task, PrintCall(move.call, &semantics, nullptr));
      }
      if (outcome.hit && !proof.reached) {
        ADD_FAILURE() << "calls satisfy what was proved impossible: " << property.name << ": "
                      << property.clause.text << "\n"
                      << semantics.text << calls;
        return false;
      }
      if (!outcome.changed) continue;
      moved = true;
      state = after;
      if (const auto covered = Covers(proof, state); !covered) {
        ADD_FAILURE() << covered.message() << property.name << ": " << property.clause.text << "\n"
                      << semantics.text << calls;
        return false;
      }
    }
    if (!moved) return true;
  }
  return true;
}

// Bounds within which a random walk goes far.
absl::StatusOr<Machine> RoomToWalk(const Property& property, const Semantics& semantics) {
  const Bounds room =
      BoundsOf(property, "processes=3,fds=3,files=5,maps=3,pages=3,inodes=2,messages=2");
  return Machine::Make(property, semantics, room, Alike::kOne, Stored::kNo);
}

struct Agreement {
  int closed = 0, unknown = 0, reached = 0;
};

bool HoldsAgainstWalks(Dice& dice, const Property& property, const Semantics& semantics, int walks,
                       Agreement& agreement) {
  ProveOptions options;
  options.find_witness = false;
  options.go_on = true;
  options.most_kinds = 20'000;
  absl::StatusOr<Proof> proof = Prove(property, semantics, nullptr, options);
  EXPECT_TRUE(proof.ok()) << proof.status();
  if (!proof.ok()) return false;
  if (!proof->closed) {
    ++agreement.unknown;
    if (FromEnvironment("SELKIE_RANDOM_VERBOSE", 0) != 0)
      fmt::print("{}: {}\n", property.name, proof->why);
    return true;
  }
  ++agreement.closed;
  agreement.reached += proof->reached;
  absl::StatusOr<Machine> machine = RoomToWalk(property, semantics);
  EXPECT_TRUE(machine.ok()) << machine.status();
  if (!machine.ok()) return false;
  for (int i = 0; i < walks; ++i)
    if (!Walk(dice, *machine, property, semantics, *proof, 40)) return false;
  return true;
}

TEST(ProveRandom, NoCallsLeadOutOfWhatIsProvedWhateverTheRules) {
  const std::vector<std::string> bases = {"linux-4.20", "linux-5.1", "fw-v3",       "linux-6.1",
                                          "linux-6.12", "ashmem",    "readonly-fd", "dup2-over"};
  const int count = FromEnvironment("SELKIE_RANDOM_SEMANTICS", 60);
  const int seed = FromEnvironment("SELKIE_RANDOM_SEED", 1);
  Agreement agreement;
  for (int i = 0; i < count; ++i) {
    Dice dice(static_cast<uint32_t>(seed * 100'000 + i));
    const Semantics base = SemanticsNamed(dice.Of(bases));
    absl::StatusOr<Semantics> semantics = absl::InternalError("");
    while (!semantics.ok()) semantics = ParsedSemantics(RandomText(dice, base));
    const Property property = RandomProperty(dice, *semantics);
    ASSERT_TRUE(HoldsAgainstWalks(dice, property, *semantics, 30, agreement)) << "number " << i;
  }
  fmt::print("{} of {} closed, {} of them with what the property is about; {} refused\n",
             agreement.closed, count, agreement.reached, agreement.unknown);
  EXPECT_GT(agreement.closed, count / 2);
}

TEST(ProveRandom, NoCallsLeadOutOfWhatIsProvedOfTheTree) {
  absl::StatusOr<std::vector<std::string>> names = Library::Default().SemanticsNames();
  ASSERT_TRUE(names.ok());
  Agreement agreement;
  Dice dice(7);
  for (const std::string& name : *names)
    for (const char* property : {"every-copy-sealed", "fixed-size", "no-copied-mapping",
                                 "no-merged-mapping", "receiver-cannot-write"})
      ASSERT_TRUE(
          HoldsAgainstWalks(dice, PropertyNamed(property), SemanticsNamed(name), 1, agreement))
          << name << " " << property;
  EXPECT_EQ(agreement.unknown, 0);
}

}  // namespace
}  // namespace selkie
