#include "checker/canonical.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <set>

#include "checker/checker_testing.h"
#include "checker/machine.h"

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
