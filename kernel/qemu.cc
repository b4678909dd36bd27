#include "kernel/qemu.h"

#include <filesystem>
#include <utility>

#include "fmt/format.h"
#include "kernel/guest.h"
#include "kernel/huge_pages.h"
#include "kernel/initramfs.h"
#include "kernel/qemu_process.h"
#include "kernel/qemu_run.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

// Panics and oopses end the guest.  Under TCG the guest's clock is the host's,
// so that on a busy host a guest sees interrupts that come late and processors
// that seem stuck: it is not to test its timer in boot (without no_timer_check
// one boot in three panicked at 25 runnable threads on 2 cores), nor to watch
// itself; the host watches anyway.  Mitigations, randomization and
// accounting only cost time here.
constexpr std::string_view kKernelCommandLine =
    "console=ttyS0 quiet panic=-1 oops=panic no_timer_check nowatchdog "
    "rcupdate.rcu_cpu_stall_suppress=1 mitigations=off nokaslr random.trust_cpu=on "
    "init_on_alloc=0 hardened_usercopy=off randomize_kstack_offset=off audit=0 "
    "cgroup_disable=memory";
constexpr int kMostWorkers = 2;  // that huge pages are set apart for

constexpr const char* kTreeFolders[] = {"model/semantics", "checker/properties", "checker/graphs",
                                        "scenarios"};

absl::Status CheckRequest(const GuestRequest& request) {
  if (request.argv.empty()) return absl::InvalidArgumentError("no command to run in the guest");
  if (request.memory_mib < 64 || request.cpus < 1 || request.cpus > 8 || request.tries < 1)
    return absl::InvalidArgumentError(fmt::format(
        "a guest with {} MiB, {} CPUs, {} tries: expected at least 64, 1 to 8, at least 1",
        request.memory_mib, request.cpus, request.tries));
  for (const auto& [path, contents] : request.files)
    if (!path.starts_with('/') || path.ends_with('/'))
      return absl::InvalidArgumentError(
          fmt::format("'{}': a file in the guest needs an absolute path", path));
  std::error_code error;
  if (!std::filesystem::is_regular_file(request.kernel, error))
    return absl::NotFoundError(fmt::format("{}: no such kernel image", request.kernel));
  return absl::OkStatus();
}

// Some folders may be missing, but not all.
absl::Status AddTree(const std::string& root, Initramfs& initramfs) {
  int found = 0;
  for (const char* folder : kTreeFolders) {
    absl::StatusOr<std::vector<std::string>> paths =
        FilesUnder(fmt::format("{}/{}", root, folder), "");
    if (!paths.ok()) continue;
    for (const std::string& path : *paths) {
      absl::StatusOr<std::string> contents = ReadTextFile(path);
      if (!contents.ok()) return contents.status();
      initramfs.AddFile(fmt::format("{}/{}", kGuestTreeRoot, path.substr(root.size() + 1)),
                        *contents, 0644);
      ++found;
    }
  }
  if (found > 0) return absl::OkStatus();
  return absl::NotFoundError(
      fmt::format("{}: no semantics, properties or scenarios to take into the guest", root));
}

std::string EndedByNul(const std::vector<std::string>& entries) {
  std::string text;
  for (const std::string& entry : entries) text.append(entry).push_back('\0');
  return text;
}

std::string Environment(const GuestRequest& request) {
  std::map<std::string, std::string> variables = {
      {"PATH", "/bin"}, {"HOME", "/tmp"}, {"TERM", "dumb"}};
  if (!request.tree_root.empty()) variables["SELKIE_ROOT"] = kGuestTreeRoot;
  for (const auto& [name, value] : request.environment) variables[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);
  return EndedByNul(entries);
}

absl::StatusOr<std::string> MakeInitramfs(const GuestRequest& request) {
  std::string path = request.binary;
  if (path.empty()) {
    absl::StatusOr<std::string> found = FindGuestBinary(request.tree_root);
    if (!found.ok()) return found.status();
    path = *found;
  }
  absl::StatusOr<std::string> binary = ReadTextFile(path);
  if (!binary.ok()) return binary.status();
  Initramfs initramfs;
  for (const char* folder : {"/dev", "/proc", "/sys", "/tmp"}) initramfs.AddFolder(folder, 0755);
  initramfs.AddCharDevice("/dev/console", 0600, 5, 1);
  initramfs.AddFile("/init", *binary, 0755);
  initramfs.AddFile(kGuestCommandFile, EndedByNul(request.argv), 0644);
  initramfs.AddFile(kGuestEnvironmentFile, Environment(request), 0644);
  if (!request.tree_root.empty()) {
    absl::Status added = AddTree(request.tree_root, initramfs);
    if (!added.ok()) return added;
  }
  for (const auto& [name, contents] : request.files) initramfs.AddFile(name, contents, 0644);
  for (size_t i = 0; i < request.modules.size(); ++i)  // in the order of their names
    initramfs.AddFile(
        fmt::format("{}/{:03}-{}.ko", kGuestModulesFolder, i, request.modules[i].name),
        request.modules[i].contents, 0644);
  return initramfs.Finish();
}

absl::Status ErrorFor(GuestEnd end, const GuestRequest& request, int boots, std::string_view why) {
  std::string message =
      fmt::format("{} (boot {} of at most {}): {}", request.kernel, boots, request.tries, why);
  if (end == GuestEnd::kSilent) return absl::UnavailableError(message);
  if (end == GuestEnd::kTimeout) return absl::DeadlineExceededError(message);
  if (end == GuestEnd::kDamaged) return absl::DataLossError(message);
  return absl::InternalError(message);
}

// A boot that was lost before the command started is worth another one: nothing
// has been run or shown yet.  A panic is never passed over.
bool WorthRetrying(GuestEnd end, const GuestRun& run) {
  return !run.begun() && (end == GuestEnd::kSilent || end == GuestEnd::kNoReport);
}

std::string AppendText() {
  return fmt::format("{} hugepages={} {}=1", kKernelCommandLine, kMostWorkers * kHugePagesOfWorker,
                     kGuestInitVariable);
}

QemuSettings SettingsFor(const GuestRequest& request, const TemporaryFolder& folder, int boot) {
  return {.kernel = request.kernel,
          .initramfs = folder.File("initramfs"),
          .append = AppendText(),
          .console = folder.File(fmt::format("console-{}", boot)),
          .report = folder.File(fmt::format("report-{}", boot)),
          .log = folder.File(fmt::format("qemu-{}", boot)),
          .memory_mib = request.memory_mib,
          .cpus = request.cpus,
          .kvm = boot == 1 && KvmWorks()};  // a second try trusts nothing
}

absl::Status Copy(const std::string& from, const std::string& to) {
  absl::StatusOr<std::string> bytes = ReadTextFile(from);
  return bytes.ok() ? WriteTextFile(to, *bytes) : bytes.status();
}

}  // namespace

absl::StatusOr<GuestFiles> WriteGuest(const GuestRequest& request, const std::string& folder) {
  absl::Status status = CheckRequest(request);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> initramfs = MakeInitramfs(request);
  if (!initramfs.ok()) return initramfs.status();
  GuestFiles files{.kernel = folder + "/bzImage",
                   .initramfs = folder + "/initramfs",
                   .append = fmt::format("{} {}=1", AppendText(), kGuestPlainVariable),
                   .qemu = {}};
  files.qemu = QemuWords(std::string(kQemu), {.kernel = files.kernel,
                                              .initramfs = files.initramfs,
                                              .append = files.append,
                                              .console = "",
                                              .report = "",
                                              .log = "",
                                              .memory_mib = request.memory_mib,
                                              .cpus = request.cpus,
                                              .kvm = KvmWorks()});
  status = Copy(request.kernel, files.kernel);
  if (status.ok()) status = WriteTextFile(files.initramfs, *initramfs);
  if (status.ok()) status = WriteTextFile(folder + "/append", files.append + "\n");
  if (!status.ok()) return status;
  return files;
}

absl::StatusOr<GuestOutcome> RunInGuest(const GuestRequest& request) {
  absl::Status checked = CheckRequest(request);
  if (!checked.ok()) return checked;
  absl::StatusOr<std::string> initramfs = MakeInitramfs(request);
  if (!initramfs.ok()) return initramfs.status();
  absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Make();
  if (!folder.ok()) return folder.status();
  absl::Status written = WriteTextFile(folder->File("initramfs"), *initramfs);
  if (!written.ok()) return written;
  for (int boot = 1;; ++boot) {
    QemuSettings settings = SettingsFor(request, *folder, boot);
    absl::StatusOr<QemuProcess> qemu = QemuProcess::Start(settings);
    if (!qemu.ok()) return qemu.status();
    GuestRun run(request, settings, *std::move(qemu));
    GuestEnd end = run.Watch();
    if (end == GuestEnd::kCommandEnded || end == GuestEnd::kInterrupted) {
      GuestOutcome outcome = run.outcome();
      outcome.boots = boot;
      return outcome;
    }
    if (boot < request.tries && WorthRetrying(end, run)) continue;
    return ErrorFor(end, request, boot, run.Explain(end));
  }
}

}  // namespace selkie
