#include "kernel/apt.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "kernel/image_command.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

namespace fs = std::filesystem;

constexpr int kDownloadTries = 3;

// Releases that have kernels of their own: Debian 11 to the next, and what comes
// before a release.
constexpr const char* kSuites[] = {
    "bullseye", "bookworm-backports", "trixie", "trixie-backports", "forky", "sid", "experimental"};
constexpr std::string_view kKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

std::string LastLine(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  const size_t newline = text.rfind('\n');
  return newline == std::string::npos ? text : text.substr(newline + 1);
}

absl::Status Failed(std::string_view what, const CommandOutput& output) {
  return absl::UnavailableError(fmt::format("{} failed with exit status {}: {}", what,
                                            output.exit_code, LastLine(output.err)));
}

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// Where the machine gets Debian from.
absl::StatusOr<std::string> DebianArchive() {
  absl::StatusOr<CommandOutput> output =
      RunCommand({"apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)",
                  "Created-By: Packages"},
                 "");
  if (!output.ok()) return absl::UnavailableError(std::string(output.status().message()));
  constexpr std::string_view kMark = "Debian|Debian|";
  for (const std::string& line : Lines(output->out))
    if (line.starts_with(kMark)) return line.substr(kMark.size());
  return absl::UnavailableError(
      "apt's configuration here names no archive of Debian, so kernels of other releases cannot be "
      "had");
}

}  // namespace

absl::StatusOr<Apt> Apt::OfOtherSuites(const std::string& folder) {
  absl::StatusOr<std::string> archive = DebianArchive();
  if (!archive.ok()) return archive.status();
  std::string sources;
  for (const char* suite : kSuites)
    sources += fmt::format("deb [signed-by={}] {} {} main\n", kKeyring, *archive, suite);
  const std::string config = fmt::format(
      "Dir::Etc::sourcelist \"{0}/sources.list\";\n"
      "Dir::Etc::sourceparts \"-\";\n"
      "Dir::State::lists \"{0}/lists\";\n"
      "Dir::Cache \"{0}/cache\";\n"
      "Acquire::Languages \"none\";\n",
      folder);
  std::error_code error;
  for (const char* part : {"/lists/partial", "/cache/archives/partial"})
    fs::create_directories(folder + part, error);
  const std::string file = folder + "/apt.conf";
  absl::Status written = WriteTextFile(folder + "/sources.list", sources);
  if (written.ok()) written = WriteTextFile(file, config);
  if (error || !written.ok())
    return absl::UnavailableError(fmt::format("{}: cannot be written", folder));
  return Apt({"-c", file}, file);
}

std::vector<std::string> Apt::Words(std::string_view tool, std::vector<std::string> words) const {
  std::vector<std::string> all = {std::string(tool)};
  all.insert(all.end(), options_.begin(), options_.end());
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

absl::StatusOr<std::vector<std::string>> Apt::Names(std::string_view prefix) const {
  absl::StatusOr<CommandOutput> output =
      RunCommand(Words("apt-cache", {"pkgnames", std::string(prefix)}), "");
  if (!output.ok()) return absl::UnavailableError(std::string(output.status().message()));
  if (output->exit_code != 0) return Failed("apt-cache pkgnames", *output);
  return Lines(output->out);
}

absl::Status Apt::Update() const {
  absl::StatusOr<CommandOutput> output = RunCommand(Words("apt-get", {"-q", "update"}), "");
  if (!output.ok()) return output.status();
  return output->exit_code == 0 ? absl::OkStatus() : Failed("apt-get update", *output);
}

std::string Apt::Candidate(const std::string& package) const {
  absl::StatusOr<CommandOutput> output = RunCommand(Words("apt-cache", {"policy", package}), "");
  constexpr std::string_view kMark = "Candidate: ";
  const size_t at = output.ok() ? output->out.find(kMark) : std::string::npos;
  if (at == std::string::npos) return "";
  std::string version = output->out.substr(at + kMark.size());
  version.resize(std::min(version.size(), version.find('\n')));
  return version == "(none)" ? "" : version;
}

absl::Status Apt::Download(const std::string& package, const std::string& version,
                           const std::string& folder, const Announce& announce) const {
  absl::Status status;
  for (int attempt = 1; attempt <= kDownloadTries; ++attempt) {
    absl::StatusOr<CommandOutput> output = RunCommand(
        Words("apt-get", {"-q", "download", fmt::format("{}={}", package, version)}), folder);
    if (!output.ok()) return output.status();
    if (output->exit_code == 0) return absl::OkStatus();
    status = Failed("apt-get download", *output);
    announce(fmt::format("attempt {} of {}: {}", attempt, kDownloadTries,
                         std::string(status.message())));
    if (attempt < kDownloadTries) std::this_thread::sleep_for(std::chrono::seconds(2 * attempt));
  }
  return status;
}

}  // namespace selkie
