// The model's own code, broken in one place at a time: which places does the net miss?
//
// Not part of the build: kernel/mutations/run compiles it in a copy of the tree in which
// every place that it can break asks `selkie::mutant` whether it is the broken one, so
// that one build has all mutants.  Each runs in a process of its own, as it may crash or
// never end; both are noticed.
//
//   model_mutants SEMANTICS RANDOM MUTANT...
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "scenarios/mutant_net.h"

namespace selkie {

int mutant = 0;  // 0: the model as it is

namespace {

constexpr unsigned kSecondsToRun = 120;

// What the child says of the mutant, on its standard output.
[[noreturn]] void Try(const MutantNet& net, const Semantics& semantics, int number) {
  alarm(kSecondsToRun);
  mutant = number;
  const std::optional<Catch> caught = net.Notice(semantics, nullptr);
  mutant = 0;
  if (caught.has_value())
    fmt::print("{} noticed {}: {}\n", number, TextOf(caught->by), caught->origin);
  else
    fmt::print("{} missed\n", number);
  std::fflush(stdout);
  _exit(0);
}

int Fail(const std::string& why) {
  fmt::print("{}\n", why);
  return 3;
}

int Run(const std::string& name, int64_t random, const std::vector<int>& mutants) {
  const Library library = Library::Default();
  const absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
  if (!semantics.ok()) return Fail(semantics.status().ToString());
  NetOptions options;
  options.random = random;
  options.errors = 1;
  const absl::StatusOr<MutantNet> net = MutantNet::Make(library, *semantics, options);
  if (!net.ok()) return Fail(net.status().ToString());
  if (const std::optional<Catch> caught = net->Notice(*semantics, nullptr))
    return Fail("the unbroken model differs from itself: " + caught->origin);
  for (const int number : mutants) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) Try(*net, *semantics, number);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return 3;
    if (WIFSIGNALED(status))
      fmt::print("{} noticed {}\n", number,
                 WTERMSIG(status) == SIGALRM ? "does not end" : "crashes");
  }
  return 0;
}

}  // namespace
}  // namespace selkie

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::vector<int> mutants;
  for (int i = 3; i < argc; ++i) mutants.push_back(std::atoi(argv[i]));
  return selkie::Run(argv[1], std::atoll(argv[2]), mutants);
}
