#include "kernel/qemu_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "fmt/format.h"

namespace selkie {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::string> FindOnPath(std::string_view program) {
  const char* variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/bin:/bin";
  while (!path.empty()) {
    size_t colon = path.find(':');
    std::string candidate = fmt::format("{}/{}", path.substr(0, colon), program);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    path = colon == std::string_view::npos ? "" : path.substr(colon + 1);
  }
  return absl::NotFoundError(
      fmt::format("{} is not on the PATH; it is in the Debian package qemu-system-x86: "
                  "apt-get install qemu-system-x86",
                  program));
}

// QEMU's options are lists separated by commas, in which ",," is a comma.
std::string Escaped(std::string_view path) {
  std::string escaped;
  for (char c : path) escaped.append(c == ',' ? 2 : 1, c);
  return escaped;
}

// Without what costs time under TCG alone: "rep movsb" goes byte by byte there (erms,
// fsrm), each access to a user's memory ends a block of translated code (smap), and
// the rest makes page walks and switches of context longer.
constexpr char kTcgCpu[] = "max,-erms,-fsrm,-smap,-smep,-umip,-pku,-la57";

void AddSerialPort(std::vector<std::string>& words, std::string_view id, int index,
                   const std::string& backend) {
  words.insert(words.end(), {"-chardev", backend, "-device",
                             fmt::format("isa-serial,chardev={},index={}", id, index)});
}

// Between fork and exec: only calls that are safe there.
[[noreturn]] void BecomeQemu(char* const* arguments, int log, pid_t parent) {
  // A group of its own: an interrupt from the terminal reaches this program
  // only, which then stops the guest in good order.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before prctl
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(log, 1);
  dup2(log, 2);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

absl::StatusOr<TemporaryFolder> TemporaryFolder::Make() {
  std::error_code error;
  fs::path parent = fs::temp_directory_path(error);
  return MakeIn(error ? "/tmp" : parent.string());
}

absl::StatusOr<TemporaryFolder> TemporaryFolder::MakeIn(const std::string& parent) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error)
    return absl::UnavailableError(
        fmt::format("{}: cannot make this folder: {}", parent, error.message()));
  std::string path = parent + "/selkie-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    return absl::UnavailableError(
        fmt::format("{}: cannot make a folder there: {}", parent, std::strerror(errno)));
  return TemporaryFolder(path);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  if (!path_.empty()) fs::remove_all(path_, error);
}

GrowingFile::~GrowingFile() {
  if (fd_ >= 0) close(fd_);
}

std::string GrowingFile::ReadNew() {
  if (fd_ < 0) fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  std::string bytes;
  if (fd_ < 0) return bytes;
  std::array<char, 16384> buffer;
  for (ssize_t got; (got = read(fd_, buffer.data(), buffer.size())) > 0;)
    bytes.append(buffer.data(), static_cast<size_t>(got));
  return bytes;
}

// q35 because it never hung (microvm did, in the calibration of the TSC).  Two
// 16550 ports because both are built into every kernel, where virtio's console
// is a module in some.
std::vector<std::string> QemuWords(const std::string& qemu, const QemuSettings& settings) {
  std::vector<std::string> words = {qemu,
                                    "-M",
                                    "q35",
                                    "-accel",
                                    settings.kvm ? "kvm" : "tcg",
                                    "-cpu",
                                    settings.kvm ? "host" : kTcgCpu,
                                    "-m",
                                    fmt::format("{}", settings.memory_mib),
                                    "-smp",
                                    fmt::format("{}", settings.cpus),
                                    "-nodefaults",
                                    "-no-user-config",
                                    "-no-reboot",
                                    "-display",
                                    "none"};
  const auto file = [](std::string_view id, const std::string& path) {
    return fmt::format("file,id={},path={}", id, Escaped(path));
  };
  AddSerialPort(
      words, "console", 0,
      settings.console.empty() ? "stdio,id=console,signal=off" : file("console", settings.console));
  if (!settings.report.empty()) AddSerialPort(words, "report", 1, file("report", settings.report));
  words.insert(words.end(), {"-kernel", settings.kernel, "-initrd", settings.initramfs, "-append",
                             settings.append});
  return words;
}

absl::StatusOr<QemuProcess> QemuProcess::Start(const QemuSettings& settings) {
  absl::StatusOr<std::string> qemu = FindOnPath(kQemu);
  if (!qemu.ok()) return qemu.status();
  std::vector<std::string> words = QemuWords(*qemu, settings);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int log = open(settings.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log < 0)
    return absl::UnavailableError(fmt::format("{}: {}", settings.log, std::strerror(errno)));
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) BecomeQemu(arguments.data(), log, parent);
  int error = errno;
  close(log);
  if (pid < 0)
    return absl::UnavailableError(fmt::format("cannot start {}: {}", kQemu, std::strerror(error)));
  return QemuProcess(pid);
}

bool QemuProcess::Ended() {
  int status = 0;
  if (pid_ > 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = -1;
    status_ = status;
  }
  return pid_ < 0;
}

std::string QemuProcess::HowEnded() const {
  if (!status_) return "";
  if (WIFSIGNALED(*status_)) return fmt::format("signal {}", WTERMSIG(*status_));
  return fmt::format("exit status {}", WEXITSTATUS(*status_));
}

void QemuProcess::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace selkie
