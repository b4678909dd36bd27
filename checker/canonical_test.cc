#include "checker/canonical.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checker/checker_testing.h"
#include "checker/machine.h"
#include "model/contrast.h"
#include "model/step.h"

namespace selkie {
namespace {

// The least of all states that renaming tasks and files and ordering tables can
// make of one: the representative of its orbit by trying everything.
std::string LeastOfOrbit(const State& s) {
  std::string least;
  Renaming r = CanonicalRenaming(s, Symmetry::None());
  r.compact = true;
  std::vector<int> tasks(s.limits.tasks), files(s.limits.files);
  std::iota(tasks.begin(), tasks.end(), 0);
  do {
    std::copy(tasks.begin(), tasks.end(), r.task.begin());
    std::iota(files.begin(), files.end(), 0);
    do {
      std::copy(files.begin(), files.end(), r.file.begin());
      State renamed = Rename(s, r);
      for (int i = 0; i < s.limits.tasks; ++i) {
        std::sort(renamed.fds[i].begin(), renamed.fds[i].end(),
                  [](const Fd& a, const Fd& b) { return a.file < b.file; });
        auto& mm = renamed.mms[i];
        auto end = std::find_if(mm.begin(), mm.end(), [](const Mapping& m) { return m.file == 0; });
        std::sort(mm.begin(), end, [](const Mapping& a, const Mapping& b) {
          return std::tie(a.file, a.prot, a.may, a.shared, a.mark) <
                 std::tie(b.file, b.prot, b.may, b.shared, b.mark);
        });
        for (auto it = mm.begin(); it != end; ++it)
          it->start = static_cast<uint8_t>(it - mm.begin());
      }
      const std::string bytes = renamed.ToBytes();
      if (least.empty() || bytes < least) least = bytes;
    } while (std::next_permutation(files.begin(), files.end()));
  } while (std::next_permutation(tasks.begin(), tasks.end()));
  return least;
}

TEST(Canonical, ThereIsOneFormForEachOrbit) {
  const Property property = PropertyAt("bench/memfd-seals.prop");
  const Semantics semantics = SemanticsNamed(InTree("bench/memfd-seals.sem"));
  const Bounds bounds = BoundsOf(property, "processes=2,fds=2,files=2,maps=1");
  Property small = property;  // three seals less: fewer states of the same shapes
  small.calls.resize(small.calls.size() - 3);
  absl::StatusOr<Machine> machine = Machine::Make(small, semantics, bounds);
  ASSERT_TRUE(machine.ok()) << machine.status();
  std::set<std::string> forms, orbits;
  for (const State& state : ReachableStates(*machine)) {
    forms.insert(Rename(state, CanonicalRenaming(state, machine->symmetry())).ToBytes());
    orbits.insert(LeastOfOrbit(state));
  }
  EXPECT_GT(orbits.size(), 1000u);
  EXPECT_EQ(forms.size(), orbits.size());
}

using PairOfStates = std::pair<State, State>;

// Its renamings by all orders of tasks, files, inodes and slots of descriptors and mappings.
template <typename Visit>
void ForEachName(const PairOfStates& pair, const Visit& visit) {
  const Limits& limits = pair.first.limits;
  Renaming r = CanonicalRenaming(pair.first, Symmetry::None());
  r.compact = true;
  const auto permute = [](auto& list, int count, const std::function<void()>& inner) {
    std::sort(list.begin(), list.begin() + count);
    do {
      inner();
    } while (std::next_permutation(list.begin(), list.begin() + count));
  };
  const std::function<void(int)> tables = [&](int task) {
    if (task == limits.tasks) return visit(Rename(pair.first, r), Rename(pair.second, r));
    const AddressSpace& mm = pair.first.mms[task];
    const auto maps = std::count_if(mm.begin(), mm.end(), [](auto& map) { return map.file != 0; });
    permute(r.fd_order[task], limits.fds,
            [&] { permute(r.map_order[task], static_cast<int>(maps), [&] { tables(task + 1); }); });
  };
  permute(r.task, limits.tasks, [&] {
    permute(r.file, limits.files, [&] { permute(r.inode, limits.inodes, [&] { tables(0); }); });
  });
}

// The pairs of states that the same calls lead to under two semantics, as long as results agree.
std::vector<PairOfStates> ReachablePairs(const Machine& a, const Machine& b) {
  std::set<std::pair<std::string, std::string>> seen;
  std::vector<PairOfStates> pairs;
  std::deque<PairOfStates> waiting = {{a.Initial(), b.Initial()}};
  while (!waiting.empty()) {
    const PairOfStates pair = waiting.front();
    waiting.pop_front();
    if (!seen.emplace(pair.first.ToBytes(), pair.second.ToBytes()).second) continue;
    pairs.push_back(pair);
    a.ForEachMove(pair.first, [&](const Move& move, int) {
      PairOfStates next = pair;
      const Result first = Step(next.first, move.call, a.semantics());
      const Result second = Step(next.second, move.call, b.semantics());
      if (first.kind == Result::Kind::kBound || !SameOutcome(first, second)) return false;
      EraseUnstored(a.layout(), next.first);
      EraseUnstored(b.layout(), next.second);
      waiting.push_back(next);
      return false;
    });
  }
  return pairs;
}

void ExpectOneFormForEachOrbitOfPairs(std::string_view size) {
  const Property property = PropertyAt("bench/memfd-seals.prop");
  const Bounds bounds = BoundsOf(property, size);
  const std::string text = *ReadTextFile(InTree("bench/memfd-seals.sem"));
  // Mappings and files that the first has no difference between.
  absl::StatusOr<Semantics> one = ParsedSemantics(text);
  absl::StatusOr<Semantics> other =
      ParsedSemantics(text + "rule also-seal mmap: clear may WRITE if shared and seals has SEAL\n");
  ASSERT_TRUE(one.ok() && other.ok()) << one.status() << other.status();
  absl::StatusOr<Machine> a = Machine::Make(property, *one, bounds);
  absl::StatusOr<Machine> b = Machine::Make(property, *other, bounds);
  ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  std::set<std::pair<std::string, std::string>> forms, orbits;
  for (const PairOfStates& pair : ReachablePairs(*a, *b)) {
    const Renaming r = CanonicalRenaming(pair.first, pair.second, a->symmetry());
    forms.emplace(Rename(pair.first, r).ToBytes(), Rename(pair.second, r).ToBytes());
    std::pair<std::string, std::string> least;
    ForEachName(pair, [&](const State& first, const State& second) {
      std::pair<std::string, std::string> bytes{first.ToBytes(), second.ToBytes()};
      if (least.first.empty() || bytes < least) least = std::move(bytes);
    });
    orbits.insert(least);
  }
  EXPECT_GT(orbits.size(), 1000u) << size;
  EXPECT_EQ(forms.size(), orbits.size()) << size;
}

// Where only the second state tells objects apart, too.
TEST(Canonical, ThereIsOneFormForEachOrbitOfPairs) {
  ExpectOneFormForEachOrbitOfPairs("processes=1,fds=2,files=2,maps=2");
  ExpectOneFormForEachOrbitOfPairs("processes=2,fds=1,files=2,maps=1");
}

TEST(Canonical, TheFormOfAFormIsItself) {
  const Property property = PropertyNamed("no-write-call");
  const Semantics semantics = SemanticsNamed("linux-5.1");
  absl::StatusOr<Machine> machine =
      Machine::Make(property, semantics, BoundsOf(property, "processes=2,fds=1,files=2,maps=1"));
  ASSERT_TRUE(machine.ok()) << machine.status();
  for (const State& state : ReachableStates(*machine)) {
    const State form = Rename(state, CanonicalRenaming(state, machine->symmetry()));
    ASSERT_EQ(form, Rename(form, CanonicalRenaming(form, machine->symmetry())));
    ASSERT_TRUE(Validate(form).ok()) << Validate(form);
  }
}

}  // namespace
}  // namespace selkie
