// selkie under mpirun: `check` is searched by all processes; what else is asked, by the first.
#include <fcntl.h>
#include <mpi.h>
#include <unistd.h>

#include <string_view>

#include "cli/command.h"
#include "mpi/mpi_exchange.h"

namespace selkie {
namespace {

// The first process speaks for all.
void FallSilent() {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
}

int Main(int argc, char** argv) {
  CatchInterrupts();
  MpiExchange exchange;
  const bool together = argc > 1 && std::string_view(argv[1]) == "check";
  if (exchange.rank() != 0) {
    if (!together) return kHolds;
    FallSilent();
  }
  Context context;
  context.exchange = &exchange;
  CLI::App app;
  BuildCommandLine(app, context);
  return RunCommandLine(app, context, argc, argv);
}

}  // namespace
}  // namespace selkie

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const int code = selkie::Main(argc, argv);
  MPI_Finalize();
  return code;
}
