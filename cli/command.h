// What every subcommand shares.
#ifndef SELKIE_CLI_COMMAND_H_
#define SELKIE_CLI_COMMAND_H_

#include <atomic>
#include <string>
#include <string_view>

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

class Exchange;  // checker/exchange.h

// The exit code of several questions: the first failure decides, but nothing hides a promise that
// is broken.
inline int WorseOf(int code, int next) { return code == kHolds || next == kBroken ? next : code; }

struct Context {
  Library library = Library::Default();
  bool out_is_terminal = false;  // stdout: colour
  bool err_is_terminal = false;  // stderr: progress line
  Exchange* exchange = nullptr;  // of several processes, of which this is one
  int exit_code = kHolds;
};

// The program's version: "0.2.0".
std::string_view Version();

// Set by SIGINT and SIGTERM; long work polls it and reports what is known.  A
// second signal ends the program at once.
std::atomic<bool>& Interrupted();

// Lets SIGINT and SIGTERM set Interrupted().  Blocking system calls then fail
// with EINTR instead of being restarted.
void CatchInterrupts();

// Prints "selkie: message" to stderr.  A message may quote a file that is no text
// at all: control characters are printed as \xNN, and a long message loses its
// middle.
void Complain(std::string_view message);

// Complains of the status, if it is not OK, and returns its exit code:
// kBadInput for InvalidArgument and NotFound, else kCouldNotRun.
int Report(const absl::Status& status);

// The paragraph on exit codes that ends every --help.
std::string_view ExitCodesHelp();

// Makes the whole command line: every subcommand, --version, and the exit
// codes at the end of each help text.
void BuildCommandLine(CLI::App& app, Context& context);

// Parses `argv` and runs the subcommand.  Returns the exit code; never throws.
// Bad usage is kBadInput with a line that says where help is.
int RunCommandLine(CLI::App& app, Context& context, int argc, const char* const* argv);

// One function a subcommand: adds it to `app`; its callback sets
// context.exit_code.  A footer with an example belongs to each.
void AddRunCommand(CLI::App& app, Context& context);
void AddCheckCommand(CLI::App& app, Context& context);
void AddProveCommand(CLI::App& app, Context& context);
void AddDiffCommand(CLI::App& app, Context& context);
void AddMergeCommand(CLI::App& app, Context& context);
void AddBisectCommand(CLI::App& app, Context& context);
void AddMutateCommand(CLI::App& app, Context& context);
void AddConformCommand(CLI::App& app, Context& context);
void AddCallsCommand(CLI::App& app, Context& context);
void AddExportCommand(CLI::App& app, Context& context);
void AddReplayCommand(CLI::App& app, Context& context);
void AddReviewCommand(CLI::App& app, Context& context);
void AddSemanticsCommand(CLI::App& app, Context& context);
void AddKernelsCommand(CLI::App& app, Context& context);
void AddCorpusCommand(CLI::App& app, Context& context);

}  // namespace selkie

#endif  // SELKIE_CLI_COMMAND_H_
