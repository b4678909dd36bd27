// The selkie command.  As process 1 it is the guest's /init instead.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

#include "cli/command.h"
#include "kernel/guest.h"

namespace selkie {
namespace {

bool WantsColour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

Context MakeContext() {
  Context context;
  context.out_is_terminal = isatty(STDOUT_FILENO) == 1 && WantsColour();
  context.err_is_terminal = isatty(STDERR_FILENO) == 1;
  return context;
}

// Whoever starts this may ignore or block signals by which tasks of a run end, or faults are told.
void ResetSignals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGCHLD, SIGSEGV, SIGBUS, SIGXFSZ}) std::signal(number, SIG_DFL);
}

int Main(int argc, char** argv) {
  ResetSignals();
  if (IsGuestInit()) RunGuestInit();
  CatchInterrupts();
  Context context = MakeContext();
  CLI::App app;
  BuildCommandLine(app, context);
  return RunCommandLine(app, context, argc, argv);
}

}  // namespace
}  // namespace selkie

int main(int argc, char** argv) { return selkie::Main(argc, argv); }
