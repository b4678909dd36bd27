// What the tests of commands share: a command line and what it gave.
#ifndef SELKIE_CLI_COMMAND_TESTING_H_
#define SELKIE_CLI_COMMAND_TESTING_H_

#include <string>
#include <vector>

#include "cli/command.h"
#include "gtest/gtest.h"

namespace selkie {

struct Outcome {
  int code = 0;
  std::string out, err;
};

// The words after "selkie", on a command line that is made already.
inline Outcome RunApp(CLI::App& app, Context& context, const std::vector<std::string>& words) {
  std::vector<const char*> argv = {"selkie"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = RunCommandLine(app, context, static_cast<int>(argv.size()), argv.data());
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

// The words after "selkie".
inline Outcome RunSelkie(const std::vector<std::string>& words) {
  Context context;
  CLI::App app;
  BuildCommandLine(app, context);
  return RunApp(app, context, words);
}

}  // namespace selkie

#endif  // SELKIE_CLI_COMMAND_TESTING_H_
