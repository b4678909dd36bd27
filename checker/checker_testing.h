// Texts of the tree for the checker's tests.
#ifndef SELKIE_CHECKER_CHECKER_TESTING_H_
#define SELKIE_CHECKER_CHECKER_TESTING_H_

#include <deque>
#include <set>
#include <string>
#include <vector>

#include "checker/check.h"
#include "checker/machine.h"
#include "gtest/gtest.h"
#include "scenarios/library.h"

namespace selkie {

inline std::string InTree(const std::string& path) {
  return Library::Default().root() + "/" + path;
}

// A property by its path in the tree; its lists of calls are in checker/properties.
inline Property PropertyAt(const std::string& path) {
  absl::StatusOr<std::string> text = ReadTextFile(InTree(path));
  EXPECT_TRUE(text.ok()) << text.status();
  absl::StatusOr<Property> property =
      ParseProperty({path, *text}, [](std::string_view name) -> absl::StatusOr<PropertySource> {
        const std::string file = "checker/properties/" + std::string(name) + ".calls";
        absl::StatusOr<std::string> calls = ReadTextFile(InTree(file));
        if (!calls.ok()) return calls.status();
        return PropertySource{file, *calls};
      });
  EXPECT_TRUE(property.ok()) << property.status();
  return *property;
}

inline Property PropertyNamed(const std::string& name) {
  return PropertyAt("checker/properties/" + name + ".prop");
}

inline Semantics SemanticsNamed(const std::string& name) {
  absl::StatusOr<Semantics> semantics = Library::Default().LoadSemantics(name);
  EXPECT_TRUE(semantics.ok()) << semantics.status();
  return *semantics;
}

// Of a text that may extend those of the tree.  InvalidArgumentError if it is none.
inline absl::StatusOr<Semantics> ParsedSemantics(const std::string& text) {
  return ParseSemantics({"test.sem", text},
                        [](std::string_view name) -> absl::StatusOr<SemanticsSource> {
                          const std::string file = "model/semantics/" + std::string(name) + ".sem";
                          absl::StatusOr<std::string> source = ReadTextFile(InTree(file));
                          if (!source.ok()) return source.status();
                          return SemanticsSource{file, *source};
                        });
}

inline Bounds BoundsOf(const Property& property, std::string_view changes) {
  Bounds bounds = property.bounds;
  EXPECT_TRUE(ApplyBounds(changes, bounds).ok());
  return bounds;
}

// The property is to be about this.
inline void SetClause(Property& property, Sort sort, const std::string& text) {
  property.clause.sort = sort;
  property.clause.text = text;
  property.clause.terms = ParseCondition(text, PropertyVocabulary(sort, property.roles)).terms;
}

inline Verdict Ask(const Property& property, const Semantics& semantics, const Bounds& bounds,
                   bool symmetry = true) {
  const Semantics baseline =
      SemanticsNamed(property.same_as.empty() ? "linux-4.20" : property.same_as);
  SearchOptions options;
  options.symmetry = symmetry;
  absl::StatusOr<Verdict> verdict = Check(property, semantics, &baseline, bounds, options);
  EXPECT_TRUE(verdict.ok()) << verdict.status();
  return *verdict;
}

// `property` and `semantics` must outlive it.
inline Machine MachineOf(const Property& property, const Semantics& semantics,
                         std::string_view bounds = "") {
  absl::StatusOr<Machine> machine = Machine::Make(property, semantics, BoundsOf(property, bounds));
  EXPECT_TRUE(machine.ok()) << machine.status();
  return *std::move(machine);
}

// Two searches of one question found the same.  How much a search has seen before it hits
// depends on its order, so that counts are compared only if nothing hit.
inline void ExpectSame(const Verdict& a, const Verdict& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.witness.sequence.calls.size(), b.witness.sequence.calls.size());
  if (b.has_witness) return;
  EXPECT_EQ(a.stats.states, b.stats.states);
  EXPECT_EQ(a.stats.transitions, b.stats.transitions);
  EXPECT_EQ(a.stats.tried, b.stats.tried);
  EXPECT_EQ(a.stats.beyond, b.stats.beyond);
  EXPECT_EQ(a.stats.seals, b.stats.seals);
  EXPECT_EQ(a.stats.depth, b.stats.depth);
  EXPECT_EQ(a.stats.ops_after_seal, b.stats.ops_after_seal);
}

// Every state that the machine reaches, as its layout stores it.
inline std::vector<State> ReachableStates(const Machine& machine) {
  std::set<std::string> seen;
  std::vector<State> states;
  std::deque<State> waiting = {machine.Initial()};
  while (!waiting.empty()) {
    State state = waiting.front();
    waiting.pop_front();
    if (!seen.insert(state.ToBytes()).second) continue;
    states.push_back(state);
    machine.ForEachMove(state, [&](const Move& move, int) {
      State after = state;
      const StepOutcome outcome = machine.Apply(after, move);
      EraseUnstored(machine.layout(), after);
      if (outcome.changed) waiting.push_back(after);
      return false;
    });
  }
  return states;
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_CHECKER_TESTING_H_
