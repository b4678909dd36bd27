#include "kernel/image.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/image_command.h"
#include "kernel/qemu_process.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "linux-image-";
constexpr std::string_view kSuffix = "-cloud-amd64";
constexpr std::string_view kImageFile = "bzImage";
constexpr int kDownloadTries = 3;

std::string KernelsFolder() { return CacheFolder() + "/kernels"; }

// "6.1.0-9" before "6.1.0-56".
bool OlderText(std::string_view a, std::string_view b) {
  return strverscmp(std::string(a).c_str(), std::string(b).c_str()) < 0;
}

bool Older(const KernelImage& a, const KernelImage& b) {
  if (a.package != b.package) return OlderText(a.package, b.package);
  return OlderText(a.version, b.version);
}

// The newest of each series.
std::vector<KernelImage> Newest(const std::vector<KernelImage>& images) {
  std::map<std::string, KernelImage, decltype(&OlderText)> newest(&OlderText);
  for (const KernelImage& image : images) {
    auto [place, is_new] = newest.try_emplace(image.name, image);
    if (!is_new && Older(place->second, image)) place->second = image;
  }
  std::vector<KernelImage> sorted;
  for (const auto& [name, image] : newest) sorted.push_back(image);
  return sorted;
}

// The boot protocol's mark (Documentation/arch/x86/boot.rst: "HdrS" at 0x202).
absl::Status CheckIsImage(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(fmt::format("{}: no such kernel image", path));
  char mark[4] = {};
  in.seekg(0x202);
  in.read(mark, sizeof mark);
  if (std::string_view(mark, 4) == "HdrS") return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}: is not an x86 kernel image (bzImage): no \"HdrS\" at byte 0x202", path));
}

std::string LastLine(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  size_t newline = text.rfind('\n');
  return newline == std::string::npos ? text : text.substr(newline + 1);
}

absl::Status AptFailed(std::string_view what, const CommandOutput& output) {
  return absl::UnavailableError(fmt::format("{} failed with exit status {}: {}", what,
                                            output.exit_code, LastLine(output.err)));
}

// Lines of "apt-cache pkgnames", cloud images only, each with its series.
std::vector<KernelImage> ImagesIn(std::string_view names) {
  std::vector<KernelImage> images;
  while (!names.empty()) {
    size_t newline = names.find('\n');
    std::string package(names.substr(0, newline));
    std::string series = SeriesOfPackage(package);
    if (!series.empty())
      images.push_back({.name = series, .path = "", .package = package, .version = ""});
    names = newline == std::string_view::npos ? "" : names.substr(newline + 1);
  }
  return images;
}

absl::StatusOr<std::vector<KernelImage>> NamedByApt() {
  absl::StatusOr<CommandOutput> output =
      RunCommand({"apt-cache", "pkgnames", std::string(kPrefix)}, "");
  if (!output.ok()) return absl::UnavailableError(std::string(output.status().message()));
  if (output->exit_code != 0) return AptFailed("apt-cache pkgnames", *output);
  return ImagesIn(output->out);
}

// The names that apt knows; its lists are refreshed if they are empty.
absl::StatusOr<std::vector<KernelImage>> NamedByAptNow(const Announce& announce) {
  absl::StatusOr<std::vector<KernelImage>> images = NamedByApt();
  if (!images.ok() || !images->empty()) return images;
  announce("apt's package lists name no kernel: running apt-get update");
  absl::StatusOr<CommandOutput> output = RunCommand({"apt-get", "-q", "update"}, "");
  if (!output.ok()) return output.status();
  if (output->exit_code != 0) return AptFailed("apt-get update", *output);
  return NamedByApt();
}

// The version that apt would download; "" if it only knows the name.
std::string Candidate(const std::string& package) {
  absl::StatusOr<CommandOutput> output = RunCommand({"apt-cache", "policy", package}, "");
  constexpr std::string_view kMark = "Candidate: ";
  size_t at = output.ok() ? output->out.find(kMark) : std::string::npos;
  if (at == std::string::npos) return "";
  std::string version = output->out.substr(at + kMark.size());
  version.resize(std::min(version.size(), version.find('\n')));
  return version == "(none)" ? "" : version;
}

// Those of one series that can be downloaded, the newest one only.
absl::StatusOr<KernelImage> NewestOffered(std::string_view series,
                                          std::vector<KernelImage> images) {
  std::sort(images.begin(), images.end(),
            [](const KernelImage& a, const KernelImage& b) { return Older(b, a); });
  for (KernelImage& image : images) {
    if (image.name != series) continue;
    image.version = Candidate(image.package);
    if (!image.version.empty()) return image;
  }
  std::vector<std::string> names;
  for (const KernelImage& image : Newest(images)) names.push_back(image.name);
  return absl::NotFoundError(fmt::format(
      "apt offers no kernel '{}': there is no package {}{}.*{}; it offers: {}", series, kPrefix,
      series, kSuffix, names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

// A package's own folder in the cache.  '%' and ':' may stand in versions.
std::string FolderOf(const KernelImage& image) {
  return fmt::format("{}/{}_{}", KernelsFolder(), image.package, image.version);
}

absl::StatusOr<std::string> OnlyFile(const fs::path& folder, std::string_view prefix,
                                     std::string_view suffix) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(suffix)) return entry.path().string();
  }
  return absl::NotFoundError(fmt::format("{}: no file {}*{}", folder.string(), prefix, suffix));
}

absl::Status DownloadOnce(const KernelImage& image, const std::string& folder) {
  absl::StatusOr<CommandOutput> output = RunCommand(
      {"apt-get", "-q", "download", fmt::format("{}={}", image.package, image.version)}, folder);
  if (!output.ok()) return output.status();
  return output->exit_code == 0 ? absl::OkStatus() : AptFailed("apt-get download", *output);
}

absl::Status Download(const KernelImage& image, const std::string& folder,
                      const Announce& announce) {
  absl::Status status;
  for (int attempt = 1; attempt <= kDownloadTries; ++attempt) {
    status = DownloadOnce(image, folder);
    if (status.ok()) return status;
    announce(fmt::format("attempt {} of {}: {}", attempt, kDownloadTries,
                         std::string(status.message())));
    if (attempt < kDownloadTries) std::this_thread::sleep_for(std::chrono::seconds(2 * attempt));
  }
  return status;
}

// Unpacks the package in `folder`; the path of its vmlinuz.
absl::StatusOr<std::string> Unpack(const std::string& folder) {
  absl::StatusOr<std::string> package = OnlyFile(folder, kPrefix, ".deb");
  if (!package.ok()) return package.status();
  absl::StatusOr<CommandOutput> output = RunCommand({"dpkg-deb", "-x", *package, "x"}, folder);
  if (!output.ok()) return output.status();
  if (output->exit_code != 0) return AptFailed("dpkg-deb -x", *output);
  return OnlyFile(folder + "/x/boot", "vmlinuz-", "");
}

// Into place by renaming, so that another selkie sees all of it or nothing.
absl::Status MoveIntoCache(const std::string& vmlinuz, const KernelImage& image,
                           const TemporaryFolder& work) {
  std::error_code error;
  fs::create_directory(work.File("ready"), error);
  if (!error) fs::rename(vmlinuz, work.File("ready/") + std::string(kImageFile), error);
  if (!error) fs::rename(work.File("ready"), FolderOf(image), error);
  std::error_code ignored;
  if (!error || fs::exists(image.path, ignored)) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("{}: cannot fill the cache: {}", FolderOf(image), error.message()));
}

absl::Status FillCache(const KernelImage& image, const Announce& announce) {
  absl::StatusOr<TemporaryFolder> work = TemporaryFolder::MakeIn(KernelsFolder());
  if (!work.ok()) return work.status();
  announce(
      fmt::format("fetching the Debian package {} {} with apt-get download (it is unpacked "
                  "into {}, not installed)",
                  image.package, image.version, FolderOf(image)));
  absl::Status downloaded = Download(image, work->path(), announce);
  if (!downloaded.ok()) return downloaded;
  absl::StatusOr<std::string> vmlinuz = Unpack(work->path());
  if (!vmlinuz.ok()) return vmlinuz.status();
  absl::Status good = CheckIsImage(*vmlinuz);
  return good.ok() ? MoveIntoCache(*vmlinuz, image, *work) : good;
}

absl::StatusOr<KernelImage> ImageAtPath(std::string_view path) {
  absl::Status good = CheckIsImage(std::string(path));
  if (!good.ok()) return good;
  return KernelImage{std::string(path), std::string(path), "", ""};
}

absl::Status NoSeries(std::string_view name) {
  return absl::InvalidArgumentError(fmt::format(
      "'{}' is no kernel: expected a series such as 6.1 or 6.12, or the path of a bzImage "
      "(with a '/')",
      name));
}

}  // namespace

std::string CacheFolder() {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  if (std::string folder = variable("SELKIE_CACHE"); !folder.empty()) return folder;
  if (std::string folder = variable("XDG_CACHE_HOME"); !folder.empty()) return folder + "/selkie";
  return variable("HOME") + "/.cache/selkie";
}

bool IsKernelSeries(std::string_view name) {
  size_t dot = name.find('.');
  if (dot == std::string_view::npos) return false;
  auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return is_number(name.substr(0, dot)) && is_number(name.substr(dot + 1));
}

std::string SeriesOfPackage(std::string_view package) {
  if (!package.starts_with(kPrefix) || !package.ends_with(kSuffix)) return "";
  if (package.size() < kPrefix.size() + kSuffix.size()) return "";
  package.remove_prefix(kPrefix.size());
  package.remove_suffix(kSuffix.size());
  // Without a third number it is a meta-package, which holds no image.
  size_t second_dot = package.find('.', package.find('.') + 1);
  if (second_dot == std::string_view::npos) return "";
  std::string_view series = package.substr(0, second_dot);
  return IsKernelSeries(series) ? std::string(series) : "";
}

std::vector<KernelImage> CachedKernels() {
  std::vector<KernelImage> images;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(KernelsFolder(), error)) {
    std::string folder = entry.path().filename().string();
    std::string path = (entry.path() / kImageFile).string();
    size_t underscore = folder.find('_');
    std::string package = folder.substr(0, underscore);
    std::string series = SeriesOfPackage(package);
    std::error_code ignored;
    if (underscore == std::string::npos || series.empty() || !fs::exists(path, ignored)) continue;
    images.push_back({series, path, package, folder.substr(underscore + 1)});
  }
  return Newest(images);
}

absl::StatusOr<std::vector<KernelImage>> OfferedKernels() {
  absl::StatusOr<std::vector<KernelImage>> named = NamedByApt();
  if (!named.ok()) return named;
  std::vector<KernelImage> offered;
  for (const KernelImage& each : Newest(*named)) {
    absl::StatusOr<KernelImage> image = NewestOffered(each.name, *named);
    if (image.ok()) offered.push_back(*std::move(image));
  }
  return offered;
}

absl::StatusOr<KernelImage> FetchKernel(std::string_view series, const Announce& announce) {
  if (!IsKernelSeries(series)) return NoSeries(series);
  absl::StatusOr<std::vector<KernelImage>> named = NamedByAptNow(announce);
  if (!named.ok()) return named.status();
  absl::StatusOr<KernelImage> image = NewestOffered(series, *std::move(named));
  if (!image.ok()) return image;
  image->path = fmt::format("{}/{}", FolderOf(*image), kImageFile);
  std::error_code error;
  if (fs::exists(image->path, error)) return image;
  absl::Status filled = FillCache(*image, announce);
  if (!filled.ok()) return filled;
  return image;
}

absl::StatusOr<KernelImage> FindKernel(std::string_view name_or_path, const Announce& announce) {
  if (name_or_path.find('/') != std::string_view::npos) return ImageAtPath(name_or_path);
  if (!IsKernelSeries(name_or_path)) return NoSeries(name_or_path);
  for (const KernelImage& image : CachedKernels())
    if (image.name == name_or_path) return image;
  return FetchKernel(name_or_path, announce);
}

}  // namespace selkie
