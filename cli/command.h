// What every subcommand shares.
#ifndef SELKIE_CLI_COMMAND_H_
#define SELKIE_CLI_COMMAND_H_

#include <atomic>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "scenarios/library.h"

namespace selkie {

// Exit codes, documented in README.md and in every --help.
enum ExitCode {
  kHolds = 0,     // all expectations met
  kBroken = 1,    // a property is broken, a scenario fails, a divergence found
  kBadInput = 2,  // bad usage or input
  kCouldNotRun = 3,
};

struct Context {
  Library library = Library::Default();
  bool out_is_terminal = false;  // stdout: colour
  bool err_is_terminal = false;  // stderr: progress line
  int exit_code = kHolds;
};

// Set by SIGINT and SIGTERM; long work polls it and reports what is known.
std::atomic<bool>& Interrupted();

// Prints "selkie: message" to stderr and returns the exit code for the status:
// kBadInput for InvalidArgument and NotFound, else kCouldNotRun.
int Report(const absl::Status& status);

// One function a subcommand: adds it to `app`; its callback sets
// context.exit_code.
void AddRunCommand(CLI::App& app, Context& context);
void AddCheckCommand(CLI::App& app, Context& context);
void AddConformCommand(CLI::App& app, Context& context);
void AddExportCommand(CLI::App& app, Context& context);
void AddReviewCommand(CLI::App& app, Context& context);
void AddSemanticsCommand(CLI::App& app, Context& context);

}  // namespace selkie

#endif  // SELKIE_CLI_COMMAND_H_
