#include "kernel/image_command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "fmt/format.h"

namespace selkie {
namespace {

constexpr int kNotFound = 127;

[[noreturn]] void Become(char* const* arguments, const char* folder,
                         const std::array<int, 2>& out) {
  int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(out[0], 1);
  dup2(out[1], 2);
  if (*folder != '\0' && chdir(folder) != 0) _exit(126);
  setenv("LC_ALL", "C", 1);
  execvp(arguments[0], arguments);
  _exit(kNotFound);
}

// Both streams at once, so that neither pipe can fill up and block the program.
void Collect(std::array<int, 2> streams, CommandOutput& output) {
  std::array<char, 16384> buffer;
  while (streams[0] >= 0 || streams[1] >= 0) {
    std::array<pollfd, 2> ready = {pollfd{streams[0], POLLIN, 0}, pollfd{streams[1], POLLIN, 0}};
    if (poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return;
    for (int i = 0; i < 2; ++i) {
      if (ready[i].revents == 0) continue;
      ssize_t got = read(streams[i], buffer.data(), buffer.size());
      if (got > 0) (i == 0 ? output.out : output.err).append(buffer.data(), size_t(got));
      if (got == 0) streams[i] = -1;
    }
  }
}

}  // namespace

absl::StatusOr<CommandOutput> RunCommand(const std::vector<std::string>& words,
                                         const std::string& folder) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
    return absl::UnavailableError(fmt::format("pipe: {}", std::strerror(errno)));
  pid_t pid = fork();
  if (pid == 0) Become(arguments.data(), folder.c_str(), {out[1], err[1]});
  close(out[1]);
  close(err[1]);
  CommandOutput output;
  if (pid > 0) Collect({out[0], err[0]}, output);
  close(out[0]);
  close(err[0]);
  if (pid < 0) return absl::UnavailableError(fmt::format("{}: {}", words[0], std::strerror(errno)));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  output.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (output.exit_code == kNotFound)
    return absl::NotFoundError(fmt::format("{}: no such program on the PATH", words[0]));
  return output;
}

}  // namespace selkie
