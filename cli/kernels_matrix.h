// selkie kernels matrix, a part of selkie kernels.
#ifndef SELKIE_CLI_KERNELS_MATRIX_H_
#define SELKIE_CLI_KERNELS_MATRIX_H_

#include "cli/command.h"

namespace selkie {

// Adds `matrix` to the command `kernels`.
void AddKernelsMatrixCommand(CLI::App& kernels, Context& context);

}  // namespace selkie

#endif  // SELKIE_CLI_KERNELS_MATRIX_H_
