// A program for the tests of the guest: small, static, and with every way to
// end that a command in a guest can have.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/guest.h"

namespace {

bool WriteFile(const char* path, std::string_view text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  bool written = fd >= 0 && write(fd, text.data(), text.size()) == ssize_t(text.size());
  if (fd >= 0) close(fd);
  return written;
}

void PrintFile(const char* path) {
  FILE* file = std::fopen(path, "r");
  if (file == nullptr) {
    std::printf("%s: %s\n", path, std::strerror(errno));
    return;
  }
  for (int c; (c = std::fgetc(file)) != EOF;) std::putchar(c);
  std::fclose(file);
}

// Everything that the guest promises to its command: places, the file that the
// first argument names, and all other arguments as they are.
int Look(const std::vector<std::string>& words) {
  for (const char* path : {"/proc/self/fd/1", "/sys/kernel", "/dev/null", "/tmp", "/dev/shm"}) {
    struct stat status;
    std::printf("%s %s\n", path, stat(path, &status) == 0 ? "there" : "missing");
  }
  std::printf("pid 1: %s\n", getpid() == 1 ? "yes" : "no");
  const char* root = std::getenv("SELKIE_ROOT");
  std::printf("root %s\n", root != nullptr ? root : "none");
  if (words.size() > 1) PrintFile(words[1].c_str());
  for (size_t i = 2; i < words.size(); ++i) std::printf("[%s]\n", words[i].c_str());
  std::fprintf(stderr, "an error line\n");
  return 0;
}

// Stops process 1, so that nothing in the guest reports any more.
int Hang() {
  std::printf("going\n");
  std::fflush(stdout);
  sleep(1);
  if (ptrace(PTRACE_SEIZE, 1, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, 1, 0, 0) != 0) return 9;
  while (true) pause();
}

int Flood(long bytes) {
  std::string line(99, 'x');
  for (; bytes > 0; bytes -= 100) std::puts(line.c_str());
  return 0;
}

// The child keeps the pipes open after the command has ended.
int Orphan() {
  if (fork() == 0) {
    sleep(1000);
    _exit(0);
  }
  std::printf("parent ends\n");
  return 5;
}

int Run(const std::vector<std::string>& words) {
  const std::string& verb = words[0];
  std::string argument = words.size() > 1 ? words[1] : "";
  if (verb == "look") return Look(words);
  if (verb == "hang") return Hang();
  if (verb == "orphan") return Orphan();
  if (verb == "flood") return Flood(std::atol(argument.c_str()));
  if (verb == "exit") return std::atoi(argument.c_str());
  if (verb == "abort") std::abort();
  if (verb == "panic") return WriteFile("/proc/sysrq-trigger", "c") ? 0 : 8;
  if (verb == "reboot") return WriteFile("/proc/sysrq-trigger", "b") ? 0 : 8;
  if (verb == "sleep") {
    std::printf("sleeping\n");
    std::fflush(stdout);
    sleep(static_cast<unsigned>(std::atoi(argument.c_str())));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (selkie::IsGuestInit()) selkie::RunGuestInit();
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) return 2;
  return Run(words);
}
