#include "kernel/image.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/apt.h"
#include "kernel/image_command.h"
#include "kernel/qemu_process.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "linux-image-";
// Since 6.19 the package of the image itself is another one, on which this depends.
constexpr std::string_view kSplitPrefix = "linux-binary-";
constexpr std::string_view kSuffix = "-cloud-amd64";
constexpr std::string_view kImageFile = "bzImage";

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

bool IsNamed(const KernelImage& image, std::string_view name) {
  return image.name == name || image.package == fmt::format("{}{}{}", kPrefix, name, kSuffix);
}

// Cloud images that apt knows, each with its series.
absl::StatusOr<std::vector<KernelImage>> ImagesOf(const Apt& apt) {
  absl::StatusOr<std::vector<std::string>> names = apt.Names(kPrefix);
  if (!names.ok()) return names.status();
  std::vector<KernelImage> images;
  for (const std::string& package : *names)
    if (std::string series = SeriesOfPackage(package); !series.empty())
      images.push_back({.name = series, .path = "", .package = package, .version = ""});
  return images;
}

// The same; the lists are refreshed if they are empty.
absl::StatusOr<std::vector<KernelImage>> ImagesNow(const Apt& apt, const Announce& announce) {
  absl::StatusOr<std::vector<KernelImage>> images = ImagesOf(apt);
  if (!images.ok() || !images->empty()) return images;
  announce(fmt::format("the package lists name no kernel: running {} update", apt.ToString()));
  const absl::Status updated = apt.Update();
  images = ImagesOf(apt);
  // A suite that is not there any more is no reason to do without the others.
  return updated.ok() || (images.ok() && !images->empty()) ? images : updated;
}

// The newest of those with this name that can be downloaded.
absl::StatusOr<KernelImage> NewestOffered(const Apt& apt, std::string_view name,
                                          std::vector<KernelImage> images) {
  std::sort(images.begin(), images.end(),
            [](const KernelImage& a, const KernelImage& b) { return Older(b, a); });
  for (KernelImage& image : images) {
    if (!IsNamed(image, name)) continue;
    image.version = apt.Candidate(image.package);
    if (!image.version.empty()) return image;
  }
  std::vector<std::string> names;
  for (const KernelImage& image : Newest(images)) names.push_back(image.name);
  return absl::NotFoundError(fmt::format(
      "apt offers no kernel '{}': there is no package {}{}.*{}; it offers: {}", name, kPrefix, name,
      kSuffix, names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

// A kernel that can be downloaded, and with what.
struct Offer {
  Apt apt;
  KernelImage image;
};

absl::StatusOr<Offer> OfferOf(const Apt& apt, std::string_view name, const Announce& announce) {
  absl::StatusOr<std::vector<KernelImage>> images = ImagesNow(apt, announce);
  if (!images.ok()) return images.status();
  absl::StatusOr<KernelImage> image = NewestOffered(apt, name, *std::move(images));
  if (!image.ok()) return image.status();
  return Offer{apt, *std::move(image)};
}

// From the machine's own configuration, or else from other releases of Debian.
absl::StatusOr<Offer> FindOffer(std::string_view name, const Announce& announce) {
  absl::StatusOr<Offer> own = OfferOf(Apt::OfMachine(), name, announce);
  if (own.ok() || own.status().code() != absl::StatusCode::kNotFound) return own;
  absl::StatusOr<Apt> others = Apt::OfOtherSuites(CacheFolder() + "/apt");
  if (!others.ok()) return own;
  absl::StatusOr<Offer> other = OfferOf(*others, name, announce);
  if (other.status().code() != absl::StatusCode::kNotFound) return other;
  return absl::NotFoundError(fmt::format("{}. In other releases of Debian: {}",
                                         std::string(own.status().message()),
                                         std::string(other.status().message())));
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

// Unpacks the package in `folder`; the path of its kernel.
absl::StatusOr<std::string> Unpack(const std::string& folder) {
  absl::StatusOr<std::string> package = OnlyFile(folder, "linux-", ".deb");
  if (!package.ok()) return package.status();
  absl::StatusOr<CommandOutput> output = RunCommand({"dpkg-deb", "-x", *package, "x"}, folder);
  if (!output.ok()) return output.status();
  if (output->exit_code != 0)
    return absl::UnavailableError(fmt::format("dpkg-deb -x {}: {}", *package, output->err));
  std::error_code error;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder + "/x", error))
    if (entry.path().filename().string().starts_with("vmlinuz") && entry.is_regular_file(error))
      return entry.path().string();
  return absl::NotFoundError(fmt::format("{}: holds no vmlinuz", *package));
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

// The package that holds the image.
std::string PackageOfImage(const Offer& offer) {
  const std::string split = fmt::format(
      "{}{}", kSplitPrefix, std::string_view(offer.image.package).substr(kPrefix.size()));
  return offer.apt.Candidate(split) == offer.image.version ? split : offer.image.package;
}

absl::Status FillCache(const Offer& offer, const Announce& announce) {
  const KernelImage& image = offer.image;
  absl::StatusOr<TemporaryFolder> work = TemporaryFolder::MakeIn(KernelsFolder());
  if (!work.ok()) return work.status();
  const std::string package = PackageOfImage(offer);
  announce(
      fmt::format("fetching the Debian package {} {} with {} download (it is unpacked into {}, not "
                  "installed)",
                  package, image.version, offer.apt.ToString(), FolderOf(image)));
  absl::Status downloaded = offer.apt.Download(package, image.version, work->path(), announce);
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

absl::Status NoKernelName(std::string_view name) {
  return absl::InvalidArgumentError(fmt::format(
      "'{}' is no kernel: expected a series such as 6.1 or 6.12, a build such as 5.10.0-30, or the "
      "path of a bzImage (with a '/')",
      name));
}

// All images in the cache.
std::vector<KernelImage> Cached() {
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
  std::sort(images.begin(), images.end(),
            [](const KernelImage& a, const KernelImage& b) { return Older(b, a); });
  return images;
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
  const size_t dot = name.find('.');
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return dot != std::string_view::npos && is_number(name.substr(0, dot)) &&
         is_number(name.substr(dot + 1));
}

bool IsKernelName(std::string_view name) {
  return IsKernelSeries(name) ||
         !SeriesOfPackage(fmt::format("{}{}{}", kPrefix, name, kSuffix)).empty();
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

std::vector<KernelImage> CachedKernels() { return Newest(Cached()); }

absl::StatusOr<std::vector<KernelImage>> OfferedKernels(Suites suites, const Announce& announce) {
  absl::StatusOr<Apt> apt = Apt::OfMachine();
  if (suites == Suites::kOthers) apt = Apt::OfOtherSuites(CacheFolder() + "/apt");
  if (!apt.ok()) return apt.status();
  absl::StatusOr<std::vector<KernelImage>> images =
      suites == Suites::kOthers ? ImagesNow(*apt, announce) : ImagesOf(*apt);
  if (!images.ok()) return images;
  std::vector<KernelImage> offered;
  for (const KernelImage& each : Newest(*images)) {
    absl::StatusOr<KernelImage> image = NewestOffered(*apt, each.name, *images);
    if (image.ok()) offered.push_back(*std::move(image));
  }
  return offered;
}

absl::StatusOr<KernelImage> FetchKernel(std::string_view name, const Announce& announce) {
  if (!IsKernelName(name)) return NoKernelName(name);
  absl::StatusOr<Offer> offer = FindOffer(name, announce);
  if (!offer.ok()) return offer.status();
  KernelImage& image = offer->image;
  image.path = fmt::format("{}/{}", FolderOf(image), kImageFile);
  std::error_code error;
  if (fs::exists(image.path, error)) return image;
  absl::Status filled = FillCache(*offer, announce);
  if (!filled.ok()) return filled;
  return image;
}

absl::StatusOr<KernelImage> FindKernel(std::string_view name_or_path, const Announce& announce) {
  if (name_or_path.find('/') != std::string_view::npos) return ImageAtPath(name_or_path);
  if (!IsKernelName(name_or_path)) return NoKernelName(name_or_path);
  for (const KernelImage& image : Cached())
    if (IsNamed(image, name_or_path)) return image;
  return FetchKernel(name_or_path, announce);
}

}  // namespace selkie
