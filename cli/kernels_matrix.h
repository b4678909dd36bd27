// selkie kernels matrix, a part of selkie kernels.
#ifndef SELKIE_CLI_KERNELS_MATRIX_H_
#define SELKIE_CLI_KERNELS_MATRIX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/kernel_fit.h"
#include "kernel/conform.h"

namespace selkie {

// What one kernel showed.
struct MatrixColumn {
  std::string release;  // 6.12.117
  KernelFit fit;
  std::vector<RuleEvidence> evidence;
  size_t sequences = 0;
  ConformReport conform;
};

// The tables, as Markdown, without a heading.  A kernel is said to have a rule, or not to have it,
// only where a call that it made decides that: by the evidence, or, of a rule that no other of the
// kernels has otherwise, as it decided a call of the comparison.
std::string MatrixText(const std::vector<MatrixColumn>& columns);

// Adds `matrix` to the command `kernels`.
void AddKernelsMatrixCommand(CLI::App& kernels, Context& context);

}  // namespace selkie

#endif  // SELKIE_CLI_KERNELS_MATRIX_H_
