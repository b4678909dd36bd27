#include "cli/command.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>

#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

#ifndef SELKIE_VERSION
#error "SELKIE_VERSION is set by cli/CMakeLists.txt"
#endif

namespace selkie {
namespace {

// A lock-free atomic is the one shared thing that a signal handler may touch.
static_assert(std::atomic<bool>::is_always_lock_free);

void OnInterrupt(int) { Interrupted() = true; }

constexpr size_t kLongestMessage = 1200;

// Without control characters, and without the middle if it is long: its end says
// what was expected.
std::string Presentable(std::string_view message) {
  std::string text;
  for (char c : message) {
    const bool control = (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == '\x7f';
    if (control)
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      text += c;
  }
  if (text.size() <= kLongestMessage) return text;
  const size_t half = kLongestMessage / 2;
  return fmt::format("{} [... {} bytes ...] {}", text.substr(0, half),
                     text.size() - kLongestMessage, text.substr(text.size() - half));
}

int CodeOf(const absl::Status& status) {
  if (status.ok()) return kHolds;
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ? kBadInput : kCouldNotRun;
}

// Those that are shown: an empty group hides one.
std::vector<const CLI::App*> Subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
}

// Ends the help of `app` and of everything below it with the exit codes.
void AppendExitCodes(CLI::App& app) {
  std::string own = app.get_footer();
  if (own.find(ExitCodesHelp()) == std::string::npos)
    app.footer(own.empty() ? std::string(ExitCodesHelp())
                           : fmt::format("{}\n\n{}", own, ExitCodesHelp()));
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) AppendExitCodes(*sub);
}

std::string Path(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name()
                                     : Path(*app.get_parent()) + " " + app.get_name();
}

// The innermost subcommand that was typed.
const CLI::App& Innermost(const CLI::App& app) {
  auto subs = app.get_subcommands();
  return subs.empty() ? app : Innermost(*subs.front());
}

// CLI11 says that a subcommand is required, even if one was typed that it does
// not know.
std::string Explain(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining();
  if (dynamic_cast<const CLI::RequiredError*>(&error) == nullptr || unknown.empty())
    return error.what();
  std::vector<std::string> names;
  for (const CLI::App* sub : Subcommands(app)) names.push_back(sub->get_name());
  if (names.empty() || unknown.front().starts_with('-'))
    return fmt::format("{} has no option '{}'", Path(app), unknown.front());
  return fmt::format("'{}' is no subcommand of {}; there are: {}", unknown.front(), Path(app),
                     fmt::join(names, ", "));
}

// Output that could not be written is not a result.
int Flushed(int code) {
  std::cout.flush();
  if (std::fflush(stdout) == 0 && !std::ferror(stdout) && std::cout.good()) return code;
  fmt::print(stderr, "selkie: cannot write to standard output\n");
  return kCouldNotRun;
}

int UsageError(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return Flushed(app.exit(error, std::cout, std::cerr));  // --help
  const CLI::App& command = Innermost(app);
  Complain(Explain(command, error));
  fmt::print(stderr, "Try '{} --help'.\n", Path(command));
  return kBadInput;
}

}  // namespace

std::string_view Version() { return SELKIE_VERSION; }

std::atomic<bool>& Interrupted() {
  static std::atomic<bool> interrupted{false};
  return interrupted;
}

void CatchInterrupts() {
  Interrupted() = false;  // makes the variable before a handler can need it
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  action.sa_flags = SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void Complain(std::string_view message) {
  const std::vector<std::string> lines = absl::StrSplit(std::string(message), '\n');
  for (const std::string& line : lines) fmt::print(stderr, "selkie: {}\n", Presentable(line));
}

int Report(const absl::Status& status) {
  if (!status.ok()) Complain({status.message().data(), status.message().size()});
  return CodeOf(status);
}

std::string_view ExitCodesHelp() {
  return "Exit codes:\n"
         "  0  every expectation was met, the property holds, no divergence\n"
         "  1  a property is broken, a scenario fails, or a divergence was found\n"
         "  2  bad usage or bad input; the message says where\n"
         "  3  it could not be run (missing kernel or tool, hung or panicked guest)";
}

void BuildCommandLine(CLI::App& app, Context& context) {
  app.name("selkie");
  app.description(
      "A model checker for Linux memfd seals: is there any order of system calls that still\n"
      "gives somebody a writable path to memory that was sealed?");
  app.set_version_flag("--version", "selkie " SELKIE_VERSION);
  app.require_subcommand(1);
  AddRunCommand(app, context);
  AddCheckCommand(app, context);
  AddProveCommand(app, context);
  AddDiffCommand(app, context);
  AddBisectCommand(app, context);
  AddMutateCommand(app, context);
  AddConformCommand(app, context);
  AddMergeCommand(app, context);
  AddExportCommand(app, context);
  AddReplayCommand(app, context);
  AddReviewCommand(app, context);
  AddSemanticsCommand(app, context);
  AddKernelsCommand(app, context);
  AddCallsCommand(app, context);
  AddCorpusCommand(app, context);
  // Subcommands inherit the footer: this one comes after them.
  app.footer("Example:\n  selkie review");
  AppendExitCodes(app);
}

int RunCommandLine(CLI::App& app, Context& context, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return Flushed(context.exit_code);
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "selkie: internal error: {}\n", error.what());
    return kCouldNotRun;
  }
}

}  // namespace selkie
