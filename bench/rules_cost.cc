// What rules as text cost beside the same rules in C++, in the ordinary model and engine:
//
//   build/release/bench/rules_cost [P F M V] [--repeat N]
//
// Alternating, the best of N runs of each.  Exits with 1 if they do not find the same.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/rules_search.h"
#include "fmt/format.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

absl::StatusOr<std::string> Text(const std::string& name) {
  return ReadTextFile(Library::Default().root() + "/bench/" + name);
}

int Run(const Bounds& bounds, int repeat) {
  const absl::StatusOr<std::string> text = Text("memfd-seals.prop");
  if (!text.ok()) {
    fmt::print(stderr, "rules_cost: {}\n", std::string(text.status().message()));
    return 3;
  }
  const absl::StatusOr<Property> property =
      ParseProperty({"bench/memfd-seals.prop", *text}, [](std::string_view) {
        return absl::StatusOr<PropertySource>(absl::NotFoundError("no lists of calls here"));
      });
  const absl::StatusOr<Semantics> semantics =
      Library::Default().LoadSemantics(Library::Default().root() + "/bench/memfd-seals.sem");
  if (!property.ok() || !semantics.ok()) {
    fmt::print(stderr, "rules_cost: {} {}\n", property.status().ToString(),
               semantics.status().ToString());
    return 3;
  }
  RulesSearch in_text, in_cpp;
  for (int i = 0; i < repeat; ++i) {
    const RulesSearch a = SearchWithText(*property, *semantics, bounds);
    const RulesSearch b = SearchWithCpp(*property, *semantics, bounds);
    if (a.states == 0 || a.states != b.states || a.transitions != b.transitions) {
      fmt::print(stderr, "rules_cost: text {} states, {} transitions; C++ {} states, {}\n",
                 a.states, a.transitions, b.states, b.transitions);
      return 1;
    }
    if (i == 0 || a.cpu_seconds < in_text.cpu_seconds) in_text = a;
    if (i == 0 || b.cpu_seconds < in_cpp.cpu_seconds) in_cpp = b;
  }
  fmt::print("{} states, {} transitions\n", in_text.states, in_text.transitions);
  fmt::print("rules as text  {:8.3f} CPU s\n", in_text.cpu_seconds);
  fmt::print("rules in C++   {:8.3f} CPU s\n", in_cpp.cpu_seconds);
  fmt::print("text / C++     {:8.3f}\n", in_text.cpu_seconds / in_cpp.cpu_seconds);
  return 0;
}

}  // namespace
}  // namespace selkie

int main(int argc, char** argv) {
  int repeat = 5;
  std::vector<int> size;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--repeat" && i + 1 < argc)
      repeat = std::max(1, std::atoi(argv[++i]));
    else
      size.push_back(std::atoi(argv[i]));
  }
  selkie::Bounds bounds;
  if (size.size() == 4) {
    bounds.processes = size[0];
    bounds.fds = size[1];
    bounds.files = size[2];
    bounds.maps = size[3];
  }
  return selkie::Run(bounds, repeat);
}
