#include "cli/mpirun.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace selkie {
namespace {

// The number in a variable of the environment; `otherwise` if there is none.
int NumberIn(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  int number = otherwise;
  std::from_chars(text, text + std::strlen(text), number);
  return number;
}

}  // namespace

Launch LaunchOfThisProcess() {
  return {NumberIn("OMPI_COMM_WORLD_SIZE", NumberIn("PMI_SIZE", 1)),
          NumberIn("OMPI_COMM_WORLD_RANK", NumberIn("PMI_RANK", 0))};
}

}  // namespace selkie
