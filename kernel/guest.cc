#include "kernel/guest.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "fmt/format.h"
#include "kernel/guest_frame.h"

namespace selkie {
namespace {

constexpr char kReportPort[] = "/dev/ttyS1";
constexpr char kConsole[] = "/dev/console";
constexpr int kAliveMilliseconds = 2000;
constexpr size_t kReadSize = 16384;
constexpr int kPipeReads = 2 * 65536 / kReadSize + 8;  // empties two full pipes

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1000000;
}

absl::Status Failed(std::string_view what) {
  return absl::InternalError(fmt::format("{}: {}", what, std::strerror(errno)));
}

struct Mount {
  const char* type;
  const char* target;
  const char* options;
};

// devtmpfs before what is mounted inside it.  The kernel never has /dev mounted
// for an initramfs (CONFIG_DEVTMPFS_MOUNT speaks of a real root only).
constexpr Mount kMounts[] = {
    {"devtmpfs", "/dev", "mode=0755"},
    {"proc", "/proc", ""},
    {"sysfs", "/sys", ""},
    {"tmpfs", "/dev/shm", "mode=1777"},
};

absl::Status MountAll() {
  umask(0);
  for (const Mount& each : kMounts) {
    if (mkdir(each.target, 0755) != 0 && errno != EEXIST) return Failed(each.target);
    if (mount(each.type, each.target, each.type, MS_NOSUID, each.options) != 0)
      return Failed(fmt::format("cannot mount {}", each.target));
  }
  // execveat of a descriptor names the program /dev/fd/N, and on Debian's 5.10 a
  // security module looks that name up (ENOENT without it).
  if (symlink("/proc/self/fd", "/dev/fd") != 0 && errno != EEXIST) return Failed("/dev/fd");
  // No mount over /tmp: the root is in memory as it is, and a tree that stands
  // below /tmp on the host has its files there.
  if (mkdir("/tmp", 01777) != 0 && (errno != EEXIST || chmod("/tmp", 01777) != 0))
    return Failed("/tmp");
  umask(022);
  return absl::OkStatus();
}

void WriteNumber(const char* path, const char* number) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)!write(fd, number, std::strlen(number));
  close(fd);
}

// A line in the kernel's log for each of many thousand faults costs time and
// says nothing.  Old kernels without the file log as they like.
void SilenceFaultLog() { WriteNumber("/proc/sys/debug/exception-trace", "0"); }

// What the kernel warns of (WARN_ON) is a finding, as an oops is: the guest ends with it.  Not
// from the command line on, since at boot a busy host makes some warn of the time.
void PanicOnWarning() { WriteNumber("/proc/sys/kernel/panic_on_warn", "1"); }

// Raw, so that the line discipline neither translates nor echoes.
absl::StatusOr<int> OpenReportPort() {
  int fd = open(kReportPort, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return Failed(kReportPort);
  termios settings;
  if (tcgetattr(fd, &settings) != 0) return Failed(kReportPort);
  cfmakeraw(&settings);
  cfsetspeed(&settings, B115200);
  settings.c_cflag |= CLOCAL;
  if (tcsetattr(fd, TCSANOW, &settings) != 0) return Failed(kReportPort);
  return fd;
}

// Whoever booted this guest reads its console, and nobody the second port.
bool IsPlain() { return getenv(std::string(kGuestPlainVariable).c_str()) != nullptr; }

absl::StatusOr<int> OpenConsole() {
  const int fd = open(kConsole, O_WRONLY | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return Failed(kConsole);
  return fd;
}

// One that the kernel has already (EEXIST) will do.
absl::Status LoadModule(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed(path);
  const bool loaded = syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST;
  const absl::Status status =
      loaded ? absl::OkStatus()
             : Failed(fmt::format("the kernel does not take the module {} (is it of this release?)",
                                  path));
  close(fd);
  return status;
}

absl::Status LoadModules() {
  std::vector<std::string> paths;
  std::error_code none;  // there may be no such folder
  for (const auto& entry : std::filesystem::directory_iterator(kGuestModulesFolder, none))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths)
    if (absl::Status status = LoadModule(path); !status.ok()) return status;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ReadEntries(std::string_view path) {
  int fd = open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed(path);
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t got; (got = read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<size_t>(got));
  close(fd);
  std::vector<std::string> entries;
  for (size_t start = 0, end; (end = text.find('\0', start)) != std::string::npos; start = end + 1)
    entries.push_back(text.substr(start, end - start));
  return entries;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A frame's payload for people.
std::string PlainText(FrameType type, std::string_view payload) {
  switch (type) {
    case FrameType::kBegin: return fmt::format("selkie: kernel {}\n", payload);
    case FrameType::kExit: return fmt::format("selkie: exit code {}\n", payload);
    case FrameType::kFailure: return fmt::format("selkie: init: {}\n", payload);
    case FrameType::kStdout:
    case FrameType::kStderr: return std::string(payload);
    case FrameType::kAlive: break;
  }
  return "";
}

class Init {
 public:
  // `plain`: text, and no frames.
  Init(int port, bool plain) : port_(port), plain_(plain) {}

  // Runs the command to its end and reports it.
  absl::Status Run();
  void Send(FrameType type, std::string_view payload);

 private:
  absl::Status Start();
  [[noreturn]] void BecomeCommand(const std::array<int, 2>& ends);
  bool Forward(int fd, FrameType type);
  bool Pump(int timeout_ms);
  void Reap();

  int port_;
  bool plain_;
  int64_t last_sent_ms_ = 0;
  int signals_ = -1;
  std::array<int, 2> outputs_ = {-1, -1};  // read ends of stdout and stderr
  std::vector<std::string> command_ = {"selkie"};
  std::vector<std::string> environment_;
  pid_t child_ = -1;
  bool ended_ = false;
  int exit_code_ = 0;
};

void Init::Send(FrameType type, std::string_view payload) {
  last_sent_ms_ = Now();
  const std::string frame = plain_ ? PlainText(type, payload) : EncodeFrame(type, payload);
  for (size_t sent = 0; sent < frame.size();) {
    ssize_t now = write(port_, frame.data() + sent, frame.size() - sent);
    if (now < 0 && errno != EINTR) return;  // then the host misses the exit report
    if (now > 0) sent += static_cast<size_t>(now);
  }
}

void Init::BecomeCommand(const std::array<int, 2>& ends) {
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(ends[0], 1);
  dup2(ends[1], 2);
  if (null > 2) close(null);
  (void)!chdir("/tmp");
  execve("/init", Pointers(command_).data(), Pointers(environment_).data());
  _exit(127);
}

absl::Status Init::Start() {
  absl::StatusOr<std::vector<std::string>> command = ReadEntries(kGuestCommandFile);
  if (!command.ok()) return command.status();
  command_.insert(command_.end(), command->begin(), command->end());
  absl::StatusOr<std::vector<std::string>> environment = ReadEntries(kGuestEnvironmentFile);
  if (!environment.ok()) return environment.status();
  environment_ = *std::move(environment);
  std::array<int, 2> ends;
  for (int i = 0; i < 2; ++i) {
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0) return Failed("pipe");
    outputs_[i] = both[0];
    ends[i] = both[1];
  }
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  signals_ = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals_ < 0) return Failed("signalfd");
  child_ = fork();
  if (child_ < 0) return Failed("fork");
  if (child_ == 0) BecomeCommand(ends);
  close(ends[0]);
  close(ends[1]);
  return absl::OkStatus();
}

// False at the end of the stream.
bool Init::Forward(int fd, FrameType type) {
  std::array<char, kReadSize> buffer;
  ssize_t got = read(fd, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  Send(type, std::string_view(buffer.data(), static_cast<size_t>(got)));
  return true;
}

// All children that died: the command's own, and those whose parents went first
// and left them to process 1.
void Init::Reap() {
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) > 0) {
  }
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != child_) continue;
    ended_ = true;
    exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

// Waits until something happens and sends what the command printed; true if it
// printed something.
bool Init::Pump(int timeout_ms) {
  constexpr FrameType kTypes[] = {FrameType::kStdout, FrameType::kStderr};
  std::array<pollfd, 3> ready = {pollfd{outputs_[0], POLLIN, 0}, pollfd{outputs_[1], POLLIN, 0},
                                 pollfd{signals_, POLLIN, 0}};
  if (poll(ready.data(), ready.size(), timeout_ms) <= 0) return false;
  bool printed = false;
  for (int i = 0; i < 2; ++i) {
    if ((ready[i].revents & (POLLIN | POLLHUP)) == 0) continue;
    if (Forward(outputs_[i], kTypes[i]))
      printed = true;
    else
      outputs_[i] = -1;  // poll skips it
  }
  return printed;
}

absl::Status Init::Run() {
  absl::Status started = Start();
  if (!started.ok()) return started;
  while (!ended_) {
    Pump(kAliveMilliseconds);
    Reap();
    if (Now() - last_sent_ms_ >= kAliveMilliseconds) Send(FrameType::kAlive, "");
  }
  // What is in the pipes already, and no more: an orphan may print for ever.
  for (int i = 0; i < kPipeReads && Pump(0); ++i) {
  }
  Send(FrameType::kExit, fmt::format("{}", exit_code_));
  return absl::OkStatus();
}

absl::Status Serve() {
  absl::Status mounted = MountAll();
  if (!mounted.ok()) return mounted;
  const bool plain = IsPlain();
  absl::StatusOr<int> port = plain ? OpenConsole() : OpenReportPort();
  if (!port.ok()) return port.status();
  SilenceFaultLog();
  PanicOnWarning();
  Init init(*port, plain);
  utsname name;
  uname(&name);
  init.Send(FrameType::kBegin, name.release);
  absl::Status done = LoadModules();
  if (done.ok()) done = init.Run();
  if (!done.ok()) init.Send(FrameType::kFailure, std::string(done.message()));
  tcdrain(*port);
  return absl::OkStatus();
}

}  // namespace

bool IsInGuest() { return access(std::string(kGuestCommandFile).c_str(), F_OK) == 0; }

bool IsGuestInit() {
  return getpid() == 1 && getenv(std::string(kGuestInitVariable).c_str()) != nullptr;
}

void RunGuestInit() {
  absl::Status served = Serve();
  // Without a port the console is all there is; the host shows its last lines.
  if (!served.ok()) {
    std::string text = fmt::format("selkie: init: {}\n", std::string(served.message()));
    (void)!write(2, text.data(), text.size());
  }
  while (true) {
    reboot(RB_POWER_OFF);
    reboot(RB_AUTOBOOT);  // where there is no power-off, QEMU's -no-reboot ends it
    pause();
  }
}

}  // namespace selkie
