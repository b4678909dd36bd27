// One running QEMU and the temporary folder that it works in.
#ifndef SELKIE_KERNEL_QEMU_PROCESS_H_
#define SELKIE_KERNEL_QEMU_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace selkie {

// A folder under $TMPDIR (else /tmp), removed with all that is in it.
class TemporaryFolder {
 public:
  static absl::StatusOr<TemporaryFolder> Make();
  // The same under `parent`, which is made if it is not there.
  static absl::StatusOr<TemporaryFolder> MakeIn(const std::string& parent);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// A file that grows, read from where the last reading ended.
class GrowingFile {
 public:
  explicit GrowingFile(std::string path) : path_(std::move(path)) {}
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;
  ~GrowingFile();
  // What is new; empty if nothing, or if there is no file yet.
  std::string ReadNew();

 private:
  std::string path_;
  int fd_ = -1;
};

struct QemuSettings {
  std::string kernel;     // path of a bzImage
  std::string initramfs;  // path
  std::string append;     // kernel command line
  std::string console;    // files for the two serial ports (without the first, QEMU's own
  std::string report;     // streams; without the second, no port), and for what QEMU
  std::string log;        // itself says
  int memory_mib = 512;
  int cpus = 1;
  bool kvm = false;
};

// The words by which QEMU is started, the program's name or path first.
std::vector<std::string> QemuWords(const std::string& qemu, const QemuSettings& settings);

// The name of the program.
inline constexpr std::string_view kQemu = "qemu-system-x86_64";

// A child process that never outlives this object, nor the thread that made it.
class QemuProcess {
 public:
  // NotFoundError if qemu-system-x86_64 is not on the PATH.
  static absl::StatusOr<QemuProcess> Start(const QemuSettings& settings);
  QemuProcess(QemuProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
  QemuProcess& operator=(QemuProcess&&) = delete;
  ~QemuProcess() { Kill(); }

  // True once it has ended by itself or was killed.
  bool Ended();
  // How it ended by itself: "exit status 1", "signal 9"; "" if it did not.
  std::string HowEnded() const;
  void Kill();

 private:
  explicit QemuProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;                  // -1 once it has ended
  std::optional<int> status_;  // of waitpid, once it has ended by itself
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_QEMU_PROCESS_H_
