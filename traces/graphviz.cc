// Runs Graphviz's `dot`.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fmt/format.h"
#include "traces/dot.h"

extern char** environ;

namespace selkie {
namespace {

// A file in memory, closed at the end.  Text goes through such files and not
// through pipes, so that neither side can wait for the other for ever.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : fd_(memfd_create(name, MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }

  bool Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<size_t>(written));
    }
    return lseek(fd_, 0, SEEK_SET) == 0;
  }

  std::string Read() const {
    std::string text;
    char buffer[1 << 14];
    off_t at = 0;
    for (ssize_t n; (n = pread(fd_, buffer, sizeof(buffer), at)) > 0; at += n)
      text.append(buffer, static_cast<size_t>(n));
    return text;
  }

 private:
  int fd_;
};

absl::Status CouldNot(std::string_view what, int error) {
  return absl::InternalError(fmt::format("could not {}: {}", what, std::strerror(error)));
}

// Runs `dot -Tsvg` over the three files; its wait status, or an error.
absl::StatusOr<int> RunDot(const MemoryFile& in, const MemoryFile& out, const MemoryFile& err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.fd(), STDERR_FILENO);
  char program[] = "dot", format[] = "-Tsvg";
  char* argv[] = {program, format, nullptr};
  pid_t pid;
  const int error = posix_spawnp(&pid, program, &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT || error == EACCES)
    return absl::FailedPreconditionError(
        "Graphviz's program 'dot' is not installed, and pictures need it: apt-get install "
        "graphviz");
  if (error != 0) return CouldNot("start Graphviz's 'dot'", error);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return CouldNot("wait for Graphviz's 'dot'", errno);
  return status;
}

// Removes every piece of `text` from `begin` to the next `end`, both included.
void RemoveAll(std::string_view begin, std::string_view end, std::string* text) {
  std::string kept;
  size_t at = 0;
  for (size_t found; (found = text->find(begin, at)) != text->npos;) {
    const size_t last = text->find(end, found + begin.size());
    if (last == text->npos) break;
    kept.append(*text, at, found - at);
    at = last + end.size();
  }
  *text = kept.append(*text, at);
}

// Names of nodes are of no use to a reader, and many pictures in one page would
// have the same ids.
std::string WithoutNames(std::string svg) {
  RemoveAll("<!--", "-->\n", &svg);
  RemoveAll("<title>", "</title>\n", &svg);
  RemoveAll(" id=\"", "\"", &svg);
  return svg;
}

// The <svg> elements of the documents that `dot` wrote one after another.
std::vector<std::string> SvgElements(const std::string& text) {
  constexpr std::string_view kBegin = "<svg", kEnd = "</svg>";
  std::vector<std::string> elements;
  for (size_t at = text.find(kBegin); at != text.npos; at = text.find(kBegin, at)) {
    const size_t end = text.find(kEnd, at);
    if (end == text.npos) break;
    elements.push_back(WithoutNames(text.substr(at, end + kEnd.size() - at) + "\n"));
    at = end;
  }
  return elements;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> DotToSvg(const std::string& dot) {
  MemoryFile in("dot"), out("svg"), err("messages");
  if (in.fd() < 0 || out.fd() < 0 || err.fd() < 0 || !in.Write(dot))
    return CouldNot("write the text for Graphviz", errno);
  const absl::StatusOr<int> status = RunDot(in, out, err);
  if (!status.ok()) return status.status();
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0)
    return absl::InternalError(fmt::format("Graphviz's 'dot' failed: {}", err.Read()));
  return SvgElements(out.Read());
}

}  // namespace selkie
